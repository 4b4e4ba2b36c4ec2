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

package allocation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Reason says in a few words why a machine is not taken. Reasons of one class read the same, so that they can be counted.
type Reason string

// filter returns why the machine does not match the request, "" when it does.
type filter func(in Input, m *maas.Machine) Reason

// filters are what a machine is: they change only when somebody changes the machine or the request.
var filters = []filter{inResourcePool, inZone, inSelectedZones, hasArchitecture, fitsImage, hasCPUs, hasMemory, hasDisks, hasNICs, hasTags, lacksTags,
	fits}

// states are what a machine does now.
var states = []filter{leaseAllows, isFree}

// unfit returns every reason against the machine, what it is before what it does.
func unfit(in Input, m *maas.Machine) []Reason {
	var reasons []Reason
	for _, f := range filters {
		if r := f(in, m); r != "" {
			reasons = append(reasons, r)
		}
	}
	for _, f := range states {
		if r := f(in, m); r != "" {
			reasons = append(reasons, r)
			break
		}
	}
	return reasons
}

func inResourcePool(in Input, m *maas.Machine) Reason {
	if in.Request.ResourcePool == "" || m.Pool == in.Request.ResourcePool {
		return ""
	}
	return "in another resource pool"
}

func inZone(in Input, m *maas.Machine) Reason {
	if in.Request.Zone == "" || m.Zone == in.Request.Zone {
		return ""
	}
	return Reason(fmt.Sprintf("outside failure domain %q", in.Request.Zone))
}

func inSelectedZones(in Input, m *maas.Machine) Reason {
	for _, s := range in.Request.Selectors {
		if len(s.Zones) > 0 && !slices.Contains(s.Zones, m.Zone) {
			return "outside the selected zones"
		}
	}
	return ""
}

func hasArchitecture(in Input, m *maas.Machine) Reason {
	for _, s := range in.Request.Selectors {
		if s.Architecture != "" && s.Architecture != ArchitectureOf(m) {
			return Reason(fmt.Sprintf("not %s", s.Architecture))
		}
	}
	return ""
}

func fitsImage(in Input, m *maas.Machine) Reason {
	arch := ArchitectureOf(m)
	if len(in.Request.Architectures) == 0 || slices.Contains(in.Request.Architectures, arch) {
		return ""
	}
	return Reason(fmt.Sprintf("%s, for which MAAS does not have the image", arch))
}

func hasCPUs(in Input, m *maas.Machine) Reason {
	for _, s := range in.Request.Selectors {
		if m.CPUCount < s.MinCPUCount {
			return Reason(fmt.Sprintf("with less than %d CPUs", s.MinCPUCount))
		}
	}
	return ""
}

func hasMemory(in Input, m *maas.Machine) Reason {
	for _, s := range in.Request.Selectors {
		if m.MemoryMiB < s.MinMemoryMiB {
			return Reason(fmt.Sprintf("with less than %d MiB memory", s.MinMemoryMiB))
		}
	}
	return ""
}

func hasDisks(in Input, m *maas.Machine) Reason {
	for _, s := range in.Request.Selectors {
		n := 0
		for i := range m.BlockDevices {
			if m.BlockDevices[i].Physical && m.BlockDevices[i].SizeBytes >= s.MinDiskGB*1e9 {
				n++
			}
		}
		switch {
		case n >= s.MinDisks:
		case s.MinDiskGB > 0:
			return Reason(fmt.Sprintf("with less than %d disks of %d GB", s.MinDisks, s.MinDiskGB))
		default:
			return Reason(fmt.Sprintf("with less than %d disks", s.MinDisks))
		}
	}
	return ""
}

func hasNICs(in Input, m *maas.Machine) Reason {
	for _, s := range in.Request.Selectors {
		n := 0
		for i := range m.Interfaces {
			if nic := &m.Interfaces[i]; nic.Type == maas.InterfacePhysical && nic.SpeedMbps() >= s.MinNICMbps {
				n++
			}
		}
		switch {
		case n >= s.MinNICs:
		case s.MinNICMbps > 0:
			return Reason(fmt.Sprintf("with less than %d network adapters of %d Mbps", s.MinNICs, s.MinNICMbps))
		default:
			return Reason(fmt.Sprintf("with less than %d network adapters", s.MinNICs))
		}
	}
	return ""
}

func hasTags(in Input, m *maas.Machine) Reason {
	var missing []string
	for _, s := range in.Request.Selectors {
		for _, tag := range s.Tags {
			if !m.HasTag(tag) && !slices.Contains(missing, tag) {
				missing = append(missing, tag)
			}
		}
	}
	if len(missing) == 0 {
		return ""
	}
	slices.Sort(missing)
	return Reason("without tag " + strings.Join(missing, ", "))
}

func lacksTags(in Input, m *maas.Machine) Reason {
	var present []string
	for _, s := range in.Request.Selectors {
		for _, tag := range s.NotTags {
			if m.HasTag(tag) && !slices.Contains(present, tag) {
				present = append(present, tag)
			}
		}
	}
	if len(present) == 0 {
		return ""
	}
	slices.Sort(present)
	return Reason("with excluded tag " + strings.Join(present, ", "))
}

func fits(in Input, m *maas.Machine) Reason {
	if in.Request.Fits == nil {
		return ""
	}
	return in.Request.Fits(m)
}

func isFree(in Input, m *maas.Machine) Reason {
	lease, leased := in.Leases[m.SystemID]
	switch {
	case leased && m.Status == maas.StatusAllocated && lease.Allocated:
		// MAAS holds it for the lease.
	case m.Status != maas.StatusReady:
		return Reason(fmt.Sprintf("%s in MAAS", m.Status))
	case m.Owner != "":
		return "owned by another MAAS user"
	case leased && lease.Allocated:
		// Somebody released it; the lease takes it back before anybody claims it.
		return "Ready in MAAS although it is kept"
	}
	if m.Locked {
		return "locked"
	}
	return ""
}
