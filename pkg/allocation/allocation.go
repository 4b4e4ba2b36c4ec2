/*
Copyright 2026 The cluster-api-provider-maas Authors.

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
*/

// Package allocation decides which MAAS machine a request gets. It is pure: no client, no clock, nothing random.
package allocation

import (
	"slices"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Selector narrows down machines. All fields have to hold; zero fields exclude nothing.
type Selector struct {
	Zones        []string
	Tags         []string
	NotTags      []string
	Architecture string
	MinCPUCount  int
	MinMemoryMiB int64
	// MinDisks is the number of physical disks of at least MinDiskGB, in units of 10^9 bytes.
	MinDisks  int
	MinDiskGB int64
	// MinNICs is the number of physical network adapters that can do at least MinNICMbps.
	MinNICs, MinNICMbps int
}

// Request is what a machine is wanted for.
type Request struct {
	// ResourcePool is the MAAS resource pool, "" for any.
	ResourcePool string
	// Zone is the failure domain, "" for any. A request for a zone is never met from another.
	Zone string
	// Architectures are those that the image is for, by Kubernetes's names; empty for any.
	Architectures []string
	// Selectors have to hold together: the pool's and the machine's own.
	Selectors []Selector
	// Fits tells why a machine cannot be what it is wanted for, such as by its cabling; "" when it can. nil for no such demands.
	Fits func(m *maas.Machine) Reason
}

// Input is all that the decision rests on.
type Input struct {
	Request Request
	// Machines are all machines of the MAAS, in any order.
	Machines []*maas.Machine
	// Leased tells for a system_id who holds the lease on it.
	Leased map[string]string
}

// Decision is the machine to take, or why there is none.
type Decision struct {
	// Machine is nil when none can be taken now.
	Machine *maas.Machine
	// Miss explains a nil Machine.
	Miss Miss
}

// Choose takes the first machine that fits, in the order of zone, hostname and system_id.
func Choose(in Input) Decision {
	var miss Miss
	var best *maas.Machine
	for _, m := range in.Machines {
		reasons := unfit(in, m)
		if len(reasons) > 0 {
			miss.add(m, reasons)
			continue
		}
		if best == nil || Less(m, best) {
			best = m
		}
	}
	if best != nil {
		return Decision{Machine: best}
	}
	return Decision{Miss: miss}
}

// Matches tells whether the machine belongs to what the request describes, whoever holds it now.
func Matches(req Request, m *maas.Machine) bool {
	for _, f := range filters {
		if f(Input{Request: req}, m) != "" {
			return false
		}
	}
	return true
}

// Nearest explains a request that no machine at all matches, by the machine with the fewest reasons against it.
func Nearest(req Request, machines []*maas.Machine) Miss {
	var miss Miss
	for _, m := range machines {
		var reasons []Reason
		for _, f := range filters {
			if r := f(Input{Request: req}, m); r != "" {
				reasons = append(reasons, r)
			}
		}
		if len(reasons) > 0 {
			miss.add(m, reasons)
		}
	}
	return miss
}

// Less is the total order in which machines are considered: zone, then hostname, then system_id.
func Less(a, b *maas.Machine) bool {
	if a.Zone != b.Zone {
		return a.Zone < b.Zone
	}
	if a.Hostname != b.Hostname {
		return a.Hostname < b.Hostname
	}
	return a.SystemID < b.SystemID
}

// ArchitectureOf is the CPU architecture without MAAS's subarchitecture, by Kubernetes's name.
func ArchitectureOf(m *maas.Machine) string {
	arch := m.Architecture
	if i := slices.Index([]byte(arch), '/'); i >= 0 {
		arch = arch[:i]
	}
	if arch == "ppc64el" {
		return "ppc64le"
	}
	return arch
}
