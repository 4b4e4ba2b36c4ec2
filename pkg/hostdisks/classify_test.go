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

package hostdisks_test

import (
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// TestDisks tells for servers with all sorts of disks which is which and what is to be done about it in MAAS.
func TestDisks(t *testing.T) {
	t.Parallel()
	wipe := hostdisks.Wanted{Policy: hostdisks.Wipe}
	preserve := hostdisks.Wanted{Policy: hostdisks.Preserve}
	known := func(boot maas.BlockDevice, protected ...maas.BlockDevice) hostdisks.Known {
		id := identity(boot)
		return hostdisks.Known{Boot: &id, Protected: identities(protected...)}
	}
	with := func(in *hostdisks.Input, change func(*hostdisks.Input)) *hostdisks.Input { change(in); return in }
	match := func(s hostdisks.Selector) hostdisks.Wanted {
		return hostdisks.Wanted{Policy: hostdisks.Preserve, Boot: s}
	}
	bare := func(d maas.BlockDevice) maas.BlockDevice { d.Partitions = nil; return d }
	tests := []struct {
		name string
		in   *hostdisks.Input
		want string
	}{
		{"one disk, nothing said", server(bootDisk()), "sda=Boot"},
		{"nothing said: data disks are kept", server(bootDisk(), dataA(), dataB()), "sda=Boot sdb=Protected sdc=Protected remove:sdb remove:sdc"},
		{"Preserve", with(server(bootDisk(), dataA()), func(in *hostdisks.Input) { in.Wanted = preserve }), "sda=Boot sdb=Protected remove:sdb"},
		{"Wipe", with(server(bootDisk(), dataA()), func(in *hostdisks.Input) { in.Wanted = wipe }), "sda=Boot sdb=Other"},
		{"nothing in the inventory", server(), "refused:BootDiskNotFound"},
		{"Preserve by WWN", with(server(bootDisk(), dataA(), lun(10, "sdd")), func(in *hostdisks.Input) {
			in.Wanted = hostdisks.Wanted{Policy: hostdisks.Preserve, Protected: []hostdisks.Selector{{WWN: "3624a937"}}}
		}), "sda=Boot sdb=Other sdd=Protected remove:sdd"},
		{"Preserve by size", with(server(bootDisk(), dataA(), lun(10, "sdd")), func(in *hostdisks.Input) {
			in.Wanted = hostdisks.Wanted{Policy: hostdisks.Preserve, Protected: []hostdisks.Selector{{MinBytes: 1000 * gb}}}
		}), "sda=Boot sdb=Protected sdd=Protected remove:sdb remove:sdd"},
		{"boot disk by model where MAAS has another", with(server(dataA(), bare(bootDisk())), func(in *hostdisks.Input) {
			in.Wanted = match(hostdisks.Selector{Model: "ssd480"})
		}), "sdb=Protected sda=Boot boot:7 layout:flat@7 remove:sdb"},
		{"killed after the boot disk was set", with(server(bare(bootDisk()), func() maas.BlockDevice {
			d := dataA()
			d.Partitions = []maas.Partition{{SizeBytes: gb, MountPoint: "/"}}
			return d
		}()), func(in *hostdisks.Input) { in.Wanted = match(hostdisks.Selector{Model: "ssd480"}) }), "sda=Boot sdb=Protected layout:flat@7 remove:sdb"},
		{"boot disk that nothing matches", with(server(bootDisk(), dataA()), func(in *hostdisks.Input) {
			in.Wanted = match(hostdisks.Selector{Model: "NVME"})
		}), "sda=Protected sdb=Protected refused:BootDiskNotFound"},
		{"smallest", with(server(dataA(), bare(bootDisk())), func(in *hostdisks.Input) {
			in.Wanted = hostdisks.Wanted{Smallest: true}
		}), "sdb=Protected sda=Boot boot:7 layout:flat@7 remove:sdb"},
		{"smallest of equals is the first by name", with(server(dataB(), dataA()), func(in *hostdisks.Input) {
			in.Wanted = hostdisks.Wanted{Smallest: true}
		}), "sdc=Protected sdb=Boot boot:8 layout:flat@8 remove:sdc"},
		{"smallest is a LUN that commissioning recorded", with(server(bootDisk(), lun(10, "sdd")), func(in *hostdisks.Input) {
			in.Wanted = hostdisks.Wanted{Smallest: true}
		}), "sda=Boot sdd=Protected remove:sdd"},
		{"MAAS chose a LUN for the boot disk", server(lun(3, "sdd"), bootDisk()), "sdd=Protected sda=Protected refused:BootDiskProtected"},
		{"boot from SAN by name", with(server(func() maas.BlockDevice { d := lun(3, "sdd"); d.Partitions = bootDisk().Partitions; return d }(), dataA()),
			func(in *hostdisks.Input) { in.Wanted = match(hostdisks.Selector{WWN: "3624a9370aaaa"}) }), "sdd=Boot sdb=Protected remove:sdb"},
		{"recommissioned: a known disk is back", with(server(bootDisk(), disk(12, "sdb", "SSD1920", "DATA000003A", 1920*gb)), func(in *hostdisks.Input) {
			in.Known = known(bootDisk(), dataA())
		}), "sda=Boot sdb=Protected remove:sdb"},
		{"recommissioned: a known disk is back and matches no longer", with(server(bootDisk(), dataA()), func(in *hostdisks.Input) {
			in.Wanted = hostdisks.Wanted{Policy: hostdisks.Preserve, Protected: []hostdisks.Selector{{WWN: "3624a937"}}}
			in.Known = known(bootDisk(), dataA())
		}), "sda=Boot sdb=Protected remove:sdb"},
		{"a smaller disk was put in: the boot disk stays", with(server(bootDisk(), disk(12, "sdx", "SSD240", "NEW1", 240*gb)), func(in *hostdisks.Input) {
			in.Wanted = hostdisks.Wanted{Smallest: true}
			in.Known = known(bootDisk())
		}), "sda=Boot sdx=Protected remove:sdx"},
		{"the boot disk died and a data disk is next", with(server(dataA()), func(in *hostdisks.Input) {
			in.Known = known(bootDisk(), dataA())
		}), "sdb=Protected refused:BootDiskProtected"},
		{"the boot disk died and an unknown disk is next", with(server(dataA()), func(in *hostdisks.Input) {
			in.Known = known(bootDisk())
		}), "sdb=Protected refused:BootDiskChanged"},
		{"the boot disk was replaced and is named", with(server(bare(disk(12, "sda", "SSD480", "BOOT2", 480*gb))), func(in *hostdisks.Input) {
			in.Wanted = match(hostdisks.Selector{Model: "SSD480"})
			in.Known = known(bootDisk(), dataA())
		}), "sda=Boot layout:flat@12"},
		{"the boot disk died under Wipe", with(server(bare(dataA())), func(in *hostdisks.Input) {
			in.Wanted, in.Known = wipe, known(bootDisk())
		}), "sdb=Boot layout:flat@8"},
		{"a named boot disk that was protected", with(server(bootDisk(), dataA()), func(in *hostdisks.Input) {
			in.Wanted = match(hostdisks.Selector{Serial: "DATA000003A"})
			in.Known = known(bootDisk(), dataA())
		}), "sda=Protected sdb=Protected refused:BootDiskProtected"},
		{"another server has the disk, under Wipe", with(server(bootDisk(), lun(10, "sdd")), func(in *hostdisks.Input) {
			in.Wanted = wipe
			in.Shared = sharedWith(lun(4, "sdb"), in)
		}), "sda=Boot sdd=Protected remove:sdd"},
		{"another server has the boot disk, under Wipe", with(server(lun(10, "sda"), dataA()), func(in *hostdisks.Input) {
			in.Wanted = wipe
			in.Shared = sharedWith(lun(4, "sdb"), in)
		}), "sda=Protected sdb=Other refused:BootDiskProtected"},
		{"serial of the boot disk is part of a data disk's", with(server(bootDisk(), disk(8, "sdb", "SSD1920", "XBOOT000003", 1920*gb)),
			func(*hostdisks.Input) {}), "sda=Boot sdb=Protected refused:BootDiskAmbiguous"},
		{"no serial and no stable path beside a data disk", server(maas.BlockDevice{ID: 7, Name: "vda", Physical: true, IDPath: "/dev/vda", SizeBytes: gb,
			Partitions: bootDisk().Partitions}, dataA()), "vda=Boot sdb=Protected refused:BootDiskAmbiguous"},
		{"no serial and no stable path, alone", server(maas.BlockDevice{ID: 7, Name: "vda", Physical: true, IDPath: "/dev/vda", SizeBytes: gb,
			Partitions: bootDisk().Partitions}), "vda=Boot"},
		{"LVM asked for where MAAS has flat", with(server(bootDisk()), func(in *hostdisks.Input) {
			in.Wanted.Layout = hostdisks.Layout{Type: maas.LayoutLVM}
		}), "sda=Boot layout:lvm@7"},
		{"flat with the size it has", with(server(bootDisk()), func(in *hostdisks.Input) {
			in.Wanted.Layout = hostdisks.Layout{Type: maas.LayoutFlat, RootBytes: 479 * gb}
		}), "sda=Boot"},
		{"flat with another size", with(server(bootDisk()), func(in *hostdisks.Input) {
			in.Wanted.Layout = hostdisks.Layout{Type: maas.LayoutFlat, RootBytes: 100 * gb, BootBytes: 1 << 30}
		}), "sda=Boot layout:flat@7"},
		{"no file system for the root", server(bare(bootDisk())), "sda=Boot layout:flat@7"},
		{"from memory no layout is needed", with(server(bare(bootDisk()), dataA()), func(in *hostdisks.Input) { in.Wanted.Memory = true }),
			"sda=Boot sdb=Protected remove:sdb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := story(tt.in); got != tt.want {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}

// sharedWith is what is known when a second server has the disk too.
func sharedWith(d maas.BlockDevice, in *hostdisks.Input) hostdisks.Shared {
	return hostdisks.FindShared([]*maas.Machine{
		{SystemID: "one", BlockDevices: in.Devices},
		{SystemID: "two", BlockDevices: []maas.BlockDevice{d}},
	})
}

// TestVirtualMachinesShareSerials lets fleets of virtual machines be, whose disks all have the same serials, and keeps their data disks.
func TestVirtualMachinesShareSerials(t *testing.T) {
	t.Parallel()
	root := maas.BlockDevice{ID: 1, Name: "sda", Physical: true, Model: "QEMU HARDDISK", Serial: "lxd_root", SizeBytes: 20 * gb,
		IDPath: "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_lxd_root", Partitions: bootDisk().Partitions}
	in := server(root)
	in.Shared = sharedWith(root, in)
	if got, want := story(in), "sda=Boot"; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

func TestStrictest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		said []hostdisks.Policy
		want hostdisks.Policy
	}{
		{nil, hostdisks.Unsaid},
		{[]hostdisks.Policy{hostdisks.Unsaid, hostdisks.Unsaid}, hostdisks.Unsaid},
		{[]hostdisks.Policy{hostdisks.Unsaid, hostdisks.Wipe}, hostdisks.Wipe},
		{[]hostdisks.Policy{hostdisks.Wipe, hostdisks.Preserve}, hostdisks.Preserve},
		{[]hostdisks.Policy{hostdisks.Preserve, hostdisks.Unsaid}, hostdisks.Preserve},
		{[]hostdisks.Policy{hostdisks.Wipe, "some later policy"}, hostdisks.Preserve},
	}
	for _, tt := range tests {
		if got := hostdisks.Strictest(tt.said...); got != tt.want {
			t.Errorf("Strictest(%q): want %q, got %q", tt.said, tt.want, got)
		}
	}
}

func TestSelectors(t *testing.T) {
	t.Parallel()
	d := lun(1, "sdd")
	d.Model, d.Tags = "PURE FlashArray", []string{"rotary", "ssd"}
	tests := []struct {
		s    hostdisks.Selector
		want bool
	}{
		{hostdisks.Selector{}, false},
		{hostdisks.Selector{Model: "pure flasharray"}, true},
		{hostdisks.Selector{Model: "FlashArray"}, false},
		{hostdisks.Selector{Model: "*FlashArray"}, true},
		{hostdisks.Selector{Model: "P*e*ray"}, true},
		{hostdisks.Selector{Model: "*ray*pure"}, false},
		{hostdisks.Selector{Serial: "624a9370*"}, true},
		{hostdisks.Selector{WWN: "3624a937"}, true},
		{hostdisks.Selector{WWN: "624A937"}, true},
		{hostdisks.Selector{WWN: "0x624a937"}, true},
		{hostdisks.Selector{WWN: "24a937"}, false},
		{hostdisks.Selector{Path: "/dev/disk/by-id/wwn-*"}, true},
		{hostdisks.Selector{Tags: []string{"ssd"}}, true},
		{hostdisks.Selector{Tags: []string{"ssd", "nvme"}}, false},
		{hostdisks.Selector{MinBytes: 150 * gb, MaxBytes: 150 * gb}, true},
		{hostdisks.Selector{MinBytes: 151 * gb}, false},
		{hostdisks.Selector{MaxBytes: 149 * gb}, false},
		{hostdisks.Selector{Model: "*", MaxBytes: 149 * gb}, false},
	}
	for _, tt := range tests {
		if got := tt.s.Matches(&d); got != tt.want {
			t.Errorf("%+v: want %v, got %v", tt.s, tt.want, got)
		}
	}
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	in := server(bootDisk())
	in.Known.Protected = identities(dataA(), dataB())
	tests := []struct {
		in   *hostdisks.Input
		want string
	}{
		{server(bootDisk()), "none"},
		{server(bootDisk(), dataA()), "1 protected, 1 exposed"},
		{in, "2 protected"},
		{&hostdisks.Input{Wanted: hostdisks.Wanted{Policy: hostdisks.Wipe}, Devices: []maas.BlockDevice{bootDisk(), dataA()}, BootDiskID: 7}, "1 wiped"},
	}
	for _, tt := range tests {
		v := hostdisks.Classify(tt.in)
		if got := hostdisks.Summary(tt.in, &v); got != tt.want {
			t.Errorf("want %q, got %q", tt.want, got)
		}
	}
}

func TestNamesForPeople(t *testing.T) {
	t.Parallel()
	v := hostdisks.Classify(server(bootDisk(), dataA(), dataB()))
	r := hostdisks.MayDeploy(&v, &hostdisks.Plan{})
	if r == nil || !strings.Contains(r.Message, "SSD1920 DATA000003A (1.92 TB) [not the boot disk]") {
		t.Errorf("want the disk named by model, serial, size and reason, got %+v", r)
	}
}
