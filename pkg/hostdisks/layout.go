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

// Layout is how the boot disk is divided. Its zero value leaves MAAS's layout as it is, as long as the system goes onto the boot disk.
type Layout struct {
	// Type is maas.LayoutFlat or maas.LayoutLVM; "" for whatever MAAS has.
	Type string
	// BootBytes is the size of a /boot partition, RootBytes that of the root partition or of the volume group's; MAAS's defaults when 0.
	BootBytes, RootBytes int64
	// VGName, LVName and LVBytes are for LVM; MAAS's defaults when empty.
	VGName, LVName string
	LVBytes        int64
}

func (l Layout) request(boot int) maas.StorageLayout {
	kind := l.Type
	if kind == "" {
		kind = maas.LayoutFlat
	}
	return maas.StorageLayout{
		Layout: kind, RootDeviceID: boot, BootSizeBytes: l.BootBytes, RootSizeBytes: l.RootBytes, VGName: l.VGName, LVName: l.LVName, LVSizeBytes: l.LVBytes,
	}
}

// MAAS's names for what an LVM layout makes when it is told none (storage_layouts.py).
const (
	defaultVG = "vgroot"
	defaultLV = "lvroot"
)

// laidOut tells whether MAAS's plan for the disks is the layout that was asked for.
func laidOut(in *Input, boot *maas.BlockDevice) bool {
	want := in.Wanted.Layout
	root, onBoot := mounted(boot, "/")
	volume := rootVolume(in.Devices)
	switch want.Type {
	case "":
		return onBoot || volume != nil && !rootElsewhere(in.Devices)
	case maas.LayoutLVM:
		return volume != nil && volume.Name == orElse(want.VGName, defaultVG)+"-"+orElse(want.LVName, defaultLV) &&
			sizeFits(volume.SizeBytes, want.LVBytes) && bootPartitionFits(boot, want.BootBytes)
	case maas.LayoutFlat:
		return onBoot && volume == nil && sizeFits(root, want.RootBytes) && bootPartitionFits(boot, want.BootBytes)
	default:
		return false
	}
}

// mounted returns the size of the disk's partition that is mounted there.
func mounted(d *maas.BlockDevice, mountPoint string) (int64, bool) {
	for _, p := range d.Partitions {
		if p.MountPoint == mountPoint {
			return p.SizeBytes, true
		}
	}
	return 0, false
}

// rootVolume finds the logical volume or array that the root file system is on.
func rootVolume(devices []maas.BlockDevice) *maas.BlockDevice {
	for i := range devices {
		if !devices[i].Physical && devices[i].MountPoint == "/" {
			return &devices[i]
		}
	}
	return nil
}

func rootElsewhere(devices []maas.BlockDevice) bool {
	for i := range devices {
		if _, ok := mounted(&devices[i], "/"); ok {
			return true
		}
	}
	return false
}

func bootPartitionFits(boot *maas.BlockDevice, want int64) bool {
	got, ok := mounted(boot, "/boot")
	if want == 0 {
		return true
	}
	return ok && sizeFits(got, want)
}

// sizeFits allows for the rounding to blocks and extents.
func sizeFits(got, want int64) bool {
	const rounding = 16 << 20
	return want == 0 || got >= want-rounding && got <= want+rounding
}

func orElse(v, fallback string) string {
	if v == "" {
		return fallback
	}
	return v
}
