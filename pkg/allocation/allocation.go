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
	// Pool is the pool that the machine is asked of, as namespace/name; "" for none. Leases of another pool are not taken.
	Pool string
	// Requester is who asks, which decides about reservations.
	Requester Requester
}

// Input is all that the decision rests on.
type Input struct {
	Request Request
	// Machines are all machines of the MAAS, in any order.
	Machines []*maas.Machine
	// Leases are the leases on machines, by system_id.
	Leases map[string]Lease
}

// Decision is the machine to take, or why there is none.
type Decision struct {
	// Machine is nil when none can be taken now.
	Machine *maas.Machine
	// Leased is true when there is a lease on the machine, to be claimed; otherwise one is to be made.
	Leased bool
	// Awaited is a machine that is reserved for the requester and cannot be taken yet; nothing else is taken meanwhile.
	Awaited *maas.Machine
	// Miss explains a nil Machine.
	Miss Miss
}

// Choose takes the first machine that fits. The order is total: first by Rank, among machines reserved for the requester by when they were
// freed, and then by zone, hostname and system_id.
func Choose(in Input) Decision {
	var miss Miss
	var best, awaited *maas.Machine
	for _, m := range in.Machines {
		reasons := unfit(in, m)
		switch {
		case len(reasons) > 0:
			if in.awaits(m, reasons) && (awaited == nil || in.less(m, awaited)) {
				awaited = m
			}
			miss.add(m, reasons)
		case best == nil || in.less(m, best):
			best = m
		}
	}
	switch {
	case best != nil && (awaited == nil || in.rank(best) <= RankReserved):
		_, leased := in.Leases[best.SystemID]
		return Decision{Machine: best, Leased: leased}
	case awaited != nil:
		return Decision{Awaited: awaited, Miss: miss}
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
