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
	"testing"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestWithKeptDisks(t *testing.T) {
	t.Parallel()
	disk := func(serial string) maas.BlockDevice {
		return maas.BlockDevice{ID: 1, Physical: true, Model: "SSD1920", Serial: serial, SizeBytes: 1920e9}
	}
	kept := func(systemID string, serials ...string) infrav1.MaasHost {
		host := infrav1.MaasHost{Spec: infrav1.MaasHostSpec{SystemID: systemID}}
		for _, serial := range serials {
			host.Spec.Disks.Protected = append(host.Spec.Disks.Protected, infrav1.DiskIdentity{Model: "SSD1920", Serial: serial, SizeBytes: 1920e9})
		}
		return host
	}
	shared := []*maas.Machine{
		{SystemID: "a", BlockDevices: []maas.BlockDevice{disk("BOOT")}},
		{SystemID: "b", BlockDevices: []maas.BlockDevice{disk("BOOT"), disk("D1")}},
		{SystemID: "c", BlockDevices: []maas.BlockDevice{disk("BOOT")}},
	}
	got := WithKeptDisks(shared, []infrav1.MaasHost{kept("a", "D1", "D2"), kept("b", "D1"), kept("c"), kept("gone", "D1")})
	for i, want := range []int{3, 2, 1} {
		if n := len(got[i].BlockDevices); n != want {
			t.Errorf("server %s has %d disks, want %d: those that were taken out, and those that were recorded again only once", got[i].SystemID, n, want)
		}
		for _, d := range got[i].BlockDevices {
			if !d.Physical || d.SizeBytes != 1920e9 {
				t.Errorf("server %s has disk %+v, want it to count as any other", got[i].SystemID, d)
			}
		}
	}
	if n := len(shared[0].BlockDevices); n != 1 {
		t.Errorf("the shared record has %d disks now, want it left alone", n)
	}
}
