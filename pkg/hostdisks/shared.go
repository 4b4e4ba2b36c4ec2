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

package hostdisks

import (
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Shared knows the disks that more than one server of a MAAS has: LUNs of a storage array that were mapped while the servers were
// commissioned. None of these servers may wipe one. They are told by their world-wide names; serials will not do, for all virtual machines of
// a hypervisor have the same few.
type Shared map[string]struct{}

// FindShared looks for shared disks among all machines of a MAAS. What an ordinary user's key does not show is not found.
func FindShared(machines []*maas.Machine) Shared {
	shared, holders := Shared{}, map[string]string{}
	for _, m := range machines {
		for i := range m.BlockDevices {
			name := IdentityOf(&m.BlockDevices[i]).wwn()
			if name == "" || !m.BlockDevices[i].Physical {
				continue
			}
			if first, seen := holders[name]; seen && first != m.SystemID {
				shared[name] = struct{}{}
			}
			holders[name] = m.SystemID
		}
	}
	return shared
}

// has tells that another server has the disk too.
func (s Shared) has(d *maas.BlockDevice) bool {
	_, ok := s[IdentityOf(d).wwn()]
	return ok
}
