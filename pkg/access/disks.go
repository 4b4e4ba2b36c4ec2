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

package access

import (
	"slices"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// WithKeptDisks gives machines back the disks that were taken out of MAAS's inventory to preserve them, as the leases have them: a server
// must not stop fitting its pool because it was prepared for it. Machines are copied where something is added; the disks added have no id.
func WithKeptDisks(machines []*maas.Machine, leases []infrav1.MaasHost) []*maas.Machine {
	kept := map[string][]infrav1.DiskIdentity{}
	for i := range leases {
		if disks := leases[i].Spec.Disks.Protected; len(disks) > 0 {
			kept[leases[i].Spec.SystemID] = disks
		}
	}
	if len(kept) == 0 {
		return machines
	}
	out := slices.Clone(machines)
	for i, m := range out {
		if disks := kept[m.SystemID]; len(disks) > 0 {
			out[i] = withDisks(m, disks)
		}
	}
	return out
}

func withDisks(m *maas.Machine, disks []infrav1.DiskIdentity) *maas.Machine {
	whole := *m
	whole.BlockDevices = slices.Clone(m.BlockDevices)
	for _, d := range disks {
		id := hostdisks.Identity{Model: d.Model, Serial: d.Serial, SizeBytes: d.SizeBytes, IDPath: d.IDPath}
		if !slices.ContainsFunc(m.BlockDevices, func(b maas.BlockDevice) bool { return hostdisks.IdentityOf(&b).MayBe(id) }) {
			whole.BlockDevices = append(whole.BlockDevices, maas.BlockDevice{
				Physical: true, Model: d.Model, Serial: d.Serial, SizeBytes: d.SizeBytes, IDPath: d.IDPath,
			})
		}
	}
	return &whole
}
