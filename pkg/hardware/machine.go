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
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// FibreChannelTag is the MAAS tag of servers with Fibre Channel adapters. A list of machines does not show the adapters, and asking for the
// devices of each machine would be a call a machine; a tag that MAAS sets by a definition costs none.
const FibreChannelTag = "fibre-channel"

// HostOf is a machine of MAAS as far as it is judged.
func HostOf(m *maas.Machine, role Role) Host {
	h := Host{
		Name:         m.Hostname,
		Role:         role,
		Cores:        m.CPUCount,
		MemoryMiB:    m.MemoryMiB,
		FibreChannel: m.HasTag(FibreChannelTag),
		DataDisks:    -1,
	}
	for i := range m.Interfaces {
		if m.Interfaces[i].Type == maas.InterfacePhysical {
			h.NICsMbps = append(h.NICsMbps, m.Interfaces[i].SpeedMbps())
		}
	}
	for i := range m.BlockDevices {
		if m.BlockDevices[i].Physical {
			h.DataDisks++
		}
	}
	return h
}
