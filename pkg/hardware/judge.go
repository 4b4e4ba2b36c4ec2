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

package hardware

import (
	"fmt"
	"slices"
	"strings"
)

// Host is a server as far as it is judged.
type Host struct {
	Name string
	Role Role
	// Cores is the number of hardware threads; 0 when unknown.
	Cores int
	// MemoryMiB is 0 when unknown.
	MemoryMiB int64
	// NICsMbps are the speeds of the physical network adapters, 0 where one is unknown; empty when nothing is known of them.
	NICsMbps []int
	// FibreChannel is true where the server is known to have Fibre Channel adapters.
	FibreChannel bool
	// DataDisks is the number of disks beside the one that the server boots from, negative when it is unknown.
	DataDisks int
}

// Cluster is what is judged.
type Cluster struct {
	// VirtualMachines is true when the cluster is to run virtual machines. Only then are workers judged, for what the reference wants of
	// them it wants for those.
	VirtualMachines bool
	// Workers and ControlPlanes are how many are wanted, negative when that is not known.
	Workers, ControlPlanes int
	// Namespaces is how many are expected, 0 when nobody said.
	Namespaces int
	// Hosts are the servers that the cluster has.
	Hosts []Host
}

// Severity tells a warning from a remark.
type Severity string

const (
	// Warning is a lack of what the reference wants at the least.
	Warning Severity = "Warning"
	// Notice is a lack of what it recommends, or something that could not be judged.
	Notice Severity = "Notice"
)

// Kind names what is wrong, the same for the same fault.
type Kind string

// The kinds of findings.
const (
	TooFewCores         Kind = "TooFewCores"
	TooLittleMemory     Kind = "TooLittleMemory"
	TooFewNICs          Kind = "TooFewNICs"
	NoNICPairs          Kind = "NoNICPairs"
	NoStorage           Kind = "NoStorage"
	MemoryBelowAdvice   Kind = "MemoryBelowAdvice"
	TooFewWorkers       Kind = "TooFewWorkers"
	TooFewFailoverHosts Kind = "TooFewFailoverHosts"
	TooFewControlPlanes Kind = "TooFewControlPlanes"
	BeyondTable         Kind = "BeyondTable"
)

// Finding is one fault, of the cluster or of some of its hosts.
type Finding struct {
	Kind     Kind
	Severity Severity
	// Message is a sentence without a full stop.
	Message string
}

// Judge compares a cluster with the reference. Findings come warnings first, in a fixed order; facts that are unknown are held against
// nobody.
func Judge(c Cluster) []Finding {
	findings := judgeSize(c)
	findings = append(findings, judgeControlPlane(c)...)
	if c.VirtualMachines {
		findings = append(findings, judgeWorkers(c)...)
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return severityOrder(a.Severity) - severityOrder(b.Severity)
	})
	return findings
}

func severityOrder(s Severity) int {
	if s == Warning {
		return 0
	}
	return 1
}

func judgeSize(c Cluster) []Finding {
	var findings []Finding
	if c.VirtualMachines && c.Workers >= 0 {
		if c.Workers < MinFailoverHosts {
			findings = append(findings, Finding{TooFewFailoverHosts, Warning, fmt.Sprintf(
				"%d workers: shared volumes need at least %d to fail over without a break", c.Workers, MinFailoverHosts)})
		}
		if c.Workers < MinWorkers {
			findings = append(findings, Finding{TooFewWorkers, Warning, fmt.Sprintf(
				"%d workers: a cluster for virtual machines should have at least %d", c.Workers, MinWorkers)})
		}
	}
	if c.ControlPlanes >= 0 && c.ControlPlanes < MinControlPlanes {
		findings = append(findings, Finding{TooFewControlPlanes, Notice, fmt.Sprintf(
			"%d control plane servers: their sizing supposes at least %d", c.ControlPlanes, MinControlPlanes)})
	}
	return findings
}

func judgeControlPlane(c Cluster) []Finding {
	sizing, inTable := ControlPlaneSizing(c.Workers, c.Namespaces)
	size := fmt.Sprintf("up to %d workers and %d namespaces", sizing.Workers, sizing.Namespaces)
	var findings []Finding
	if !inTable {
		size = fmt.Sprintf("%d workers and %d namespaces, the most that their sizing covers", sizing.Workers, sizing.Namespaces)
		findings = append(findings, Finding{BeyondTable, Notice, fmt.Sprintf(
			"%d workers and %d namespaces are more than the sizing of control planes covers (%d and %d)",
			max(c.Workers, 0), c.Namespaces, sizing.Workers, sizing.Namespaces)})
	}
	t := tally{role: ControlPlane, hosts: c.Hosts}
	return append(findings, t.findings(
		check{TooFewCores, Warning, fmt.Sprintf("fewer than the %d cores for %s", sizing.Cores, size),
			func(h Host) bool { return h.Cores > 0 && h.Cores < sizing.Cores }},
		check{TooLittleMemory, Warning, fmt.Sprintf("less than the %d GB memory for %s", sizing.MemoryGB, size),
			func(h Host) bool { return lessThanGB(h.MemoryMiB, sizing.MemoryGB) }},
	)...)
}

func judgeWorkers(c Cluster) []Finding {
	least, advice := Minimum(Worker), Recommended(Worker)
	t := tally{role: Worker, hosts: c.Hosts}
	return t.findings(
		check{TooFewCores, Warning, fmt.Sprintf("fewer than the least %d cores", least.Cores),
			func(h Host) bool { return h.Cores > 0 && h.Cores < least.Cores }},
		check{TooLittleMemory, Warning, fmt.Sprintf("less than the least %d GB memory", least.MemoryGB),
			func(h Host) bool { return lessThanGB(h.MemoryMiB, least.MemoryGB) }},
		check{TooFewNICs, Warning, fmt.Sprintf("fewer than the least %d network adapters of %d Gbps", least.NICs, least.NICGbps),
			func(h Host) bool { return len(h.NICsMbps) > 0 && fastNICs(h.NICsMbps, least.NICGbps) < least.NICs }},
		check{NoNICPairs, Warning, fmt.Sprintf("fewer than two pairs of network adapters of %d Gbps, one for data and one for management",
			advice.NICGbps), func(h Host) bool {
			n := fastNICs(h.NICsMbps, advice.NICGbps)
			return n >= least.NICs && n < advice.NICs
		}},
		check{NoStorage, Warning, "neither Fibre Channel adapters nor a disk beside the boot disk",
			func(h Host) bool { return !h.FibreChannel && h.DataDisks == 0 }},
		check{MemoryBelowAdvice, Notice, fmt.Sprintf("less than the recommended %d GB memory", advice.MemoryGB), func(h Host) bool {
			return !lessThanGB(h.MemoryMiB, least.MemoryGB) && lessThanGB(h.MemoryMiB, advice.MemoryGB)
		}},
	)
}

// lessThanGB compares what MAAS counts in 2^20 bytes with what the reference counts in 10^9; nothing known is not less.
func lessThanGB(mib int64, gb int) bool {
	return mib > 0 && mib<<20 < int64(gb)*1e9
}

// fastNICs counts the adapters of at least this speed; one of unknown speed passes.
func fastNICs(speeds []int, gbps int) int {
	n := 0
	for _, mbps := range speeds {
		if mbps == 0 || mbps >= gbps*1000 {
			n++
		}
	}
	return n
}

// check is a fault to look for in each host of a role.
type check struct {
	kind     Kind
	severity Severity
	// lack completes "2 worker servers have ...".
	lack  string
	fault func(Host) bool
}

// tally looks at the hosts of one role.
type tally struct {
	role  Role
	hosts []Host
}

// findings makes one finding of all hosts with the same fault.
func (t tally) findings(checks ...check) []Finding {
	var findings []Finding
	for _, c := range checks {
		var names []string
		for _, h := range t.hosts {
			if h.Role == t.role && c.fault(h) {
				names = append(names, h.Name)
			}
		}
		switch len(names) {
		case 0:
			continue
		case 1:
			findings = append(findings, Finding{c.kind, c.severity, fmt.Sprintf("%s server %s has %s", t.role, names[0], c.lack)})
		default:
			findings = append(findings, Finding{c.kind, c.severity,
				fmt.Sprintf("%d %s servers have %s (%s)", len(names), t.role, c.lack, list(names))})
		}
	}
	return findings
}

// listed is how many hosts a message names.
const listed = 3

func list(names []string) string {
	names = slices.Sorted(slices.Values(names))
	if len(names) <= listed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:listed], ", "), len(names)-listed)
}
