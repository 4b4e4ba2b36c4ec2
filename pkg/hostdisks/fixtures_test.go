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
	"fmt"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

const gb = 1_000_000_000

// A server as the recordings have it: a boot disk with MAAS's flat layout and two data disks.
func bootDisk() maas.BlockDevice {
	d := disk(7, "sda", "SSD480", "BOOT000003", 480*gb)
	d.UsedFor = "GPT partitioned with 2 partitions"
	d.Partitions = []maas.Partition{{SizeBytes: 536870912, MountPoint: "/boot/efi"}, {SizeBytes: 479 * gb, MountPoint: "/"}}
	return d
}

func dataA() maas.BlockDevice { return disk(8, "sdb", "SSD1920", "DATA000003A", 1920*gb) }

func dataB() maas.BlockDevice { return disk(9, "sdc", "SSD1920", "DATA000003B", 1920*gb) }

func lun(id int, name string) maas.BlockDevice {
	return maas.BlockDevice{ID: id, Name: name, Physical: true, Model: "FlashArray", Serial: "624a9370aaaabbbbccccdddd00011e7f", SizeBytes: 150 * gb,
		IDPath: "/dev/disk/by-id/wwn-0x624a9370aaaabbbbccccdddd00011e7f", UsedFor: "Unused"}
}

func disk(id int, name, model, serial string, bytes int64) maas.BlockDevice {
	return maas.BlockDevice{ID: id, Name: name, Physical: true, Model: model, Serial: serial, SizeBytes: bytes,
		IDPath: "/dev/disk/by-id/sata-" + model + "_" + serial, Tags: []string{"sata", "ssd"}, UsedFor: "Unused"}
}

func identity(d maas.BlockDevice) hostdisks.Identity { return hostdisks.IdentityOf(&d) }

func identities(devices ...maas.BlockDevice) []hostdisks.Identity {
	var out []hostdisks.Identity
	for _, d := range devices {
		out = append(out, identity(d))
	}
	return out
}

// server is the input for a server whose first disk is MAAS's boot disk.
func server(devices ...maas.BlockDevice) *hostdisks.Input {
	in := &hostdisks.Input{Devices: devices}
	if len(devices) > 0 {
		in.BootDiskID = devices[0].ID
	}
	return in
}

// story writes a verdict and its plan down in one line.
func story(in *hostdisks.Input) string {
	v := hostdisks.Classify(in)
	p := hostdisks.NewPlan(in, &v)
	var words []string
	for _, d := range v.Disks {
		words = append(words, fmt.Sprintf("%s=%s", d.Device.Name, d.Class))
	}
	if v.Refusal != nil {
		words = append(words, "refused:"+string(v.Refusal.Reason))
	}
	if p.SetBootDisk != 0 {
		words = append(words, fmt.Sprintf("boot:%d", p.SetBootDisk))
	}
	if p.Layout != nil {
		words = append(words, fmt.Sprintf("layout:%s@%d", p.Layout.Layout, p.Layout.RootDeviceID))
	}
	for _, d := range p.Remove {
		words = append(words, "remove:"+d.Device.Name)
	}
	return strings.Join(words, " ")
}

// carryOut does to the inventory what MAAS does for the first n calls of a plan.
func carryOut(in *hostdisks.Input, p *hostdisks.Plan, n int) {
	in.Known = p.Remember
	next := func() bool { n--; return n >= 0 }
	if p.SetBootDisk != 0 && next() {
		in.BootDiskID = p.SetBootDisk
	}
	if p.Layout != nil && next() {
		layOut(in, p.Layout)
	}
	for _, r := range p.Remove {
		if !next() {
			return
		}
		var left []maas.BlockDevice
		for _, d := range in.Devices {
			if d.ID != r.Device.ID {
				left = append(left, d)
			}
		}
		in.Devices = left
	}
}

func layOut(in *hostdisks.Input, l *maas.StorageLayout) {
	var devices []maas.BlockDevice
	for _, d := range in.Devices {
		if !d.Physical {
			continue
		}
		d.Partitions, d.MountPoint = nil, ""
		if d.ID == l.RootDeviceID {
			root := maas.Partition{SizeBytes: orSize(l.RootSizeBytes, d.SizeBytes), MountPoint: "/"}
			if l.Layout == maas.LayoutLVM {
				root.MountPoint = ""
			}
			d.Partitions = append(d.Partitions, root)
			if l.BootSizeBytes != 0 {
				d.Partitions = append(d.Partitions, maas.Partition{SizeBytes: l.BootSizeBytes, MountPoint: "/boot"})
			}
		}
		devices = append(devices, d)
	}
	if l.Layout == maas.LayoutLVM {
		name := func(v, fallback string) string {
			if v == "" {
				return fallback
			}
			return v
		}
		devices = append(devices, maas.BlockDevice{ID: 99, Name: name(l.VGName, "vgroot") + "-" + name(l.LVName, "lvroot"), MountPoint: "/",
			SizeBytes: orSize(l.LVSizeBytes, gb)})
	}
	in.Devices = devices
}

func orSize(v, fallback int64) int64 {
	if v == 0 {
		return fallback
	}
	return v
}

// curtin writes the configuration that MAAS gives the installer for these disks.
func curtin(devices ...maas.BlockDevice) string {
	var b strings.Builder
	b.WriteString("kernel:\n  mapping: {}\n  package: linux-generic\npartitioning_commands:\n  builtin:\n  - curtin\n  - block-meta\n  - custom\n")
	b.WriteString("storage:\n  config:\n")
	for _, d := range devices {
		switch {
		case !d.Physical:
		case d.Serial == "":
			fmt.Fprintf(&b, "  - {id: %s, name: %s, path: %q, type: disk, wipe: superblock}\n", d.Name, d.Name, d.IDPath)
		default:
			fmt.Fprintf(&b, "  - id: %s\n    model: %q\n    name: %s\n    serial: %q\n    type: disk\n    wipe: superblock\n", d.Name, d.Model, d.Name, d.Serial)
		}
	}
	b.WriteString("  - device: sda\n    id: sda-part1\n    number: 1\n    size: 536870912B\n    type: partition\n    wipe: superblock\n")
	b.WriteString("  - {fstype: fat32, id: sda-part1_format, label: efi, type: format, volume: sda-part1}\n  version: 1\n")
	return b.String()
}
