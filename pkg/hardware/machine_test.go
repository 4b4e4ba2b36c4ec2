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
	"slices"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestHostOf(t *testing.T) {
	t.Parallel()
	m := &maas.Machine{
		Hostname: "n1", CPUCount: 64, MemoryMiB: 262144, Tags: []string{"fibre-channel", "ssd"},
		Interfaces: []maas.Interface{
			{Type: maas.InterfacePhysical, InterfaceSpeedMbps: 25000, LinkSpeedMbps: 10000},
			{Type: maas.InterfacePhysical, LinkSpeedMbps: 10000},
			{Type: maas.InterfacePhysical},
			{Type: maas.InterfaceBond, InterfaceSpeedMbps: 50000},
			{Type: maas.InterfaceVLAN},
		},
		BlockDevices: []maas.BlockDevice{{Physical: true}, {Physical: true}, {Physical: false}},
	}
	h := HostOf(m, Worker)
	if h.Name != "n1" || h.Role != Worker || h.Cores != 64 || h.MemoryMiB != 262144 || !h.FibreChannel || h.DataDisks != 1 ||
		!slices.Equal(h.NICsMbps, []int{25000, 10000, 0}) {
		t.Errorf("got %+v, want the physical adapters at the speed of the card and one disk beside the boot disk", h)
	}
	if h := HostOf(&maas.Machine{}, Worker); h.DataDisks >= 0 || h.NICsMbps != nil || h.FibreChannel {
		t.Errorf("got %+v of a machine of which nothing is known, want nothing known", h)
	}
}
