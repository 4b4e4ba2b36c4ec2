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

package inventory

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// fleet gives machines as a real MAAS has them, each with strings of its own, as decoding makes them.
func fleet(n int) []maas.Machine {
	list := make([]maas.Machine, n)
	own := func(s string) string { return string([]byte(s)) }
	for i := range list {
		list[i] = maas.Machine{
			SystemID: fmt.Sprintf("m%05d", i), Hostname: fmt.Sprintf("node%05d", i), FQDN: fmt.Sprintf("node%05d.maas", i),
			Status: maas.Status(own("Deployed")), StatusMessage: own("Deployed"), Power: maas.Power(own("on")),
			PowerType: own("redfish"), Owner: own("capi"), Zone: own(fmt.Sprintf("zone-%d", i%3)), Pool: own("virtualization"),
			Tags: []string{own("gpu"), own("portworx"), own("rack-17"), own("ssd")}, Architecture: own("amd64/generic"),
			CPUCount: 64, MemoryMiB: 1 << 19, OSSystem: own("custom"), DistroSeries: own("u-2204-k-1284"),
			Addresses:   []string{fmt.Sprintf("172.16.%d.%d", i/250, i%250), fmt.Sprintf("10.20.%d.%d", i/250, i%250)},
			Annotations: map[string]string{own("capmaas-host"): fmt.Sprintf("default/host-%d", i)},
			Interfaces:  twoBonds(i),
			BootDiskID:  i*6 + 1,
		}
		for d := range 6 {
			list[i].BlockDevices = append(list[i].BlockDevices, maas.BlockDevice{
				ID: i*6 + d + 1, Name: own(fmt.Sprintf("sd%c", 'a'+d)), Physical: true, Model: own("MZ7LH1T9HMLT-00005"),
				IDPath: fmt.Sprintf("/dev/disk/by-id/wwn-0x5002538e%08x", i*6+d), Serial: fmt.Sprintf("S455NC0R%06d", i*6+d),
				SizeBytes: 1920383410176, Tags: []string{own("sata"), own("ssd")}, UsedFor: own("Unused"),
			})
		}
	}
	return list
}

// twoBonds are the interfaces of a server with four NICs in two bonds, two VLANs and a bridge.
func twoBonds(n int) []maas.Interface {
	own := func(s string) string { return string([]byte(s)) }
	var out []maas.Interface
	add := func(kind maas.InterfaceType, name string, vid int, parents ...string) {
		f := maas.Interface{
			ID: 9*n + len(out) + 1, Name: own(name), Type: maas.InterfaceType(own(string(kind))), Enabled: true, EffectiveMTU: 9000,
			MACAddress: fmt.Sprintf("52:54:%02x:%02x:00:%02x", n>>8, n&0xff, len(out)),
			VLAN:       &maas.VLAN{ID: vid + 1, VID: vid, Fabric: own("fabric-0"), MTU: 9000},
			Links:      []maas.Link{{ID: 9*n + len(out), Mode: maas.LinkMode(own("link_up"))}},
		}
		for _, p := range parents {
			f.Parents = append(f.Parents, own(p))
		}
		if kind == maas.InterfaceBond {
			f.Bond = maas.BondParameters{Mode: own("802.3ad"), LACPRate: own("fast"), XmitHashPolicy: own("layer3+4"), MIIMonMS: 100}
		}
		if vid != 0 {
			f.Links[0].CIDR = netip.MustParsePrefix("172.16.0.0/22")
			f.Links[0].Address = netip.AddrFrom4([4]byte{172, 16, byte(n / 250), byte(n % 250)})
		}
		out = append(out, f)
	}
	for _, name := range []string{"enp1s0", "enp1s1", "enp2s0", "enp2s1"} {
		add(maas.InterfacePhysical, name, 0)
	}
	add(maas.InterfaceBond, "bond_mgmt", 0, "enp1s0", "enp2s0")
	add(maas.InterfaceBond, "bond_data", 0, "enp1s1", "enp2s1")
	add(maas.InterfaceVLAN, "bond_mgmt.10", 10, "bond_mgmt")
	add(maas.InterfaceVLAN, "bond_data.20", 20, "bond_data")
	add(maas.InterfaceBridge, "br0", 0, "bond_data")
	return out
}

func BenchmarkList1000(b *testing.B) {
	x := newBench()
	x.snapshot.sawAll(x.snapshot.begin(), fleet(1000))
	b.Run("unchanged", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if len(x.snapshot.List()) != 1000 {
				b.Fatal("wrong")
			}
		}
	})
	b.Run("after a change", func(b *testing.B) {
		b.ReportAllocs()
		m := fleet(1)[0]
		for i := 0; b.Loop(); i++ {
			m.CPUCount = i
			x.snapshot.sawRead(x.snapshot.begin(), m)
			if len(x.snapshot.List()) != 1000 {
				b.Fatal("wrong")
			}
		}
	})
}

func BenchmarkPollNothingNew(b *testing.B) {
	x := primed(b, names(1000)...)
	b.ReportAllocs()
	for b.Loop() {
		x.follower.step(b.Context())
	}
}

// BenchmarkChange200 reports how many calls it takes to see 200 machines change at once.
func BenchmarkChange200(b *testing.B) {
	ids := names(1000)
	x := primed(b, ids...)
	b.ReportAllocs()
	for b.Loop() {
		x.maas.change(ids[:200]...)
		x.step(b.Context())
	}
	calls := 0
	for _, n := range x.maas.count() {
		calls += n
	}
	b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
}

func BenchmarkMemory1000(b *testing.B) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		x := newBench()
		before := heap()
		list := fleet(1000)
		x.snapshot.sawAll(x.snapshot.begin(), list)
		list = nil
		_ = list
		x.snapshot.List()
		b.ReportMetric(float64(heap()-before)/1000, "B/machine")
		runtime.KeepAlive(x)
	}
}
