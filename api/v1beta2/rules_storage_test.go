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

package v1beta2_test

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

const (
	storageFixedMessage     = "storage is immutable: make a new MaasMachineTemplate and roll it out"
	protectedDisksMessage   = "protectedDisks needs dataDisks: Preserve"
	installToMemoryMessage  = "installTo Memory uses no disk: remove bootDisk and layout"
	diskSizesMessage        = "minSizeGB must not be greater than maxSizeGB"
	wwnMessage              = "wwn must be hexadecimal digits, such as 3624a937"
	diskPathMessage         = "path must begin with /dev/"
	layoutTypeMessage       = "volumeGroup, logicalVolume and logicalVolumeSizeGB are for type LVM"
	logicalVolumeFitMessage = "logicalVolumeSizeGB must not be greater than rootSizeGB, the partition that the volume group is on"
	volumeGroupMessage      = "volumeGroup must be letters, digits, dots and underscores"
	logicalVolumeMessage    = "logicalVolume must be letters, digits, dots and underscores"
)

func storageCases() []ruleCase {
	with := func(s infrav1.HostStorage) client.Object {
		return maasMachine(func(m *infrav1.MaasMachine) { m.Spec.Storage = s })
	}
	boot := func(s infrav1.DiskSelector) client.Object {
		return with(infrav1.HostStorage{BootDisk: infrav1.BootDisk{Match: s}})
	}
	layout := func(l infrav1.DiskLayout) client.Object { return with(infrav1.HostStorage{Layout: l}) }
	preserve := infrav1.HostStorage{DataDisks: infrav1.DataDisksPreserve}
	return []ruleCase{
		{name: "boot disk by model and size", after: boot(infrav1.DiskSelector{Model: "SSD*", MinSizeGB: 200, MaxSizeGB: 500})},
		{name: "smallest disk", after: with(infrav1.HostStorage{BootDisk: infrav1.BootDisk{Choose: infrav1.BootDiskSmallest}})},
		{name: "disk of no possible size", after: boot(infrav1.DiskSelector{MinSizeGB: 500, MaxSizeGB: 200}), refused: diskSizesMessage},
		{name: "wwn with 0x", after: boot(infrav1.DiskSelector{WWN: "0x5000c500"})},
		{name: "wwn in words", after: boot(infrav1.DiskSelector{WWN: "pure storage"}), refused: wwnMessage},
		{name: "path by id", after: boot(infrav1.DiskSelector{Path: "/dev/disk/by-id/nvme-*"})},
		{name: "path by name", after: boot(infrav1.DiskSelector{Path: "sda"}), refused: diskPathMessage},
		{name: "flat layout with sizes", after: layout(infrav1.DiskLayout{Type: infrav1.DiskLayoutFlat, RootSizeGB: 100, BootSizeMiB: 1024})},
		{name: "LVM layout with names", after: layout(infrav1.DiskLayout{
			Type: infrav1.DiskLayoutLVM, RootSizeGB: 200, VolumeGroup: "vg0", LogicalVolume: "root", LogicalVolumeSizeGB: 50,
		})},
		{name: "flat layout with a volume group", after: layout(infrav1.DiskLayout{Type: infrav1.DiskLayoutFlat, VolumeGroup: "vg0"}), refused: layoutTypeMessage},
		{name: "logical volume larger than its group", after: layout(infrav1.DiskLayout{
			Type: infrav1.DiskLayoutLVM, RootSizeGB: 50, LogicalVolumeSizeGB: 100,
		}), refused: logicalVolumeFitMessage},
		{name: "volume group with a dash", after: layout(infrav1.DiskLayout{Type: infrav1.DiskLayoutLVM, VolumeGroup: "vg-0"}), refused: volumeGroupMessage},
		{name: "logical volume with a dash", after: layout(infrav1.DiskLayout{Type: infrav1.DiskLayoutLVM, LogicalVolume: "lv-0"}), refused: logicalVolumeMessage},
		{name: "data disks preserved by WWN", after: with(infrav1.HostStorage{
			DataDisks: infrav1.DataDisksPreserve, ProtectedDisks: []infrav1.DiskSelector{{WWN: "3624a937"}},
		})},
		{name: "protected disks under Wipe", after: with(infrav1.HostStorage{
			DataDisks: infrav1.DataDisksWipe, ProtectedDisks: []infrav1.DiskSelector{{Model: "PM9A3"}},
		}), refused: protectedDisksMessage},
		{name: "protected disks without a policy", after: with(infrav1.HostStorage{
			ProtectedDisks: []infrav1.DiskSelector{{Model: "PM9A3"}},
		}), refused: protectedDisksMessage},
		{name: "memory, data disks preserved", after: with(infrav1.HostStorage{
			InstallTo: infrav1.InstallToMemory, DataDisks: infrav1.DataDisksPreserve,
		})},
		{name: "memory with a layout", after: with(infrav1.HostStorage{
			InstallTo: infrav1.InstallToMemory, Layout: infrav1.DiskLayout{Type: infrav1.DiskLayoutFlat},
		}), refused: installToMemoryMessage},
		{name: "storage is added", before: maasMachine(func(*infrav1.MaasMachine) {}), after: with(preserve), refused: storageFixedMessage},
		{name: "Preserve becomes Wipe", before: with(preserve), after: with(infrav1.HostStorage{DataDisks: infrav1.DataDisksWipe}), refused: storageFixedMessage},
		{name: "storage stays", before: with(preserve), after: with(preserve)},
		{name: "lease that remembers disks", after: maasHost(func(h *infrav1.MaasHost) {
			h.Spec.Storage = preserve
			h.Spec.Disks = infrav1.HostDisks{
				Boot:      infrav1.DiskIdentity{Model: "SSD480", Serial: "BOOT1", SizeBytes: 480103981056},
				Protected: []infrav1.DiskIdentity{{IDPath: "/dev/disk/by-id/wwn-0x624a9370", SizeBytes: 1}},
			}
		})},
		{name: "pool that preserves", after: maasHostPool(func(p *infrav1.MaasHostPool) { p.Spec.DataDisks = infrav1.DataDisksPreserve })},
	}
}
