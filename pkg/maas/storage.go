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

package maas

import (
	"context"
)

// BlockDevice is a disk of a machine that MAAS has in its inventory. MAAS's installer wipes every physical one of them at each
// deploy, whatever the storage layout.
type BlockDevice struct {
	// ID is MAAS's. A disk that was deleted and that commissioning records again gets a new one.
	ID   int
	Name string
	// Physical is false for what MAAS made of others: RAID, LVM, bcache.
	Physical bool
	// IDPath is the stable path such as /dev/disk/by-id/wwn-0x…; of a disk that has none, MAAS gives /dev/NAME, which is not stable.
	IDPath string
	// Model and Serial are as the machine reported them, often cut off or with the vendor in front, "" where it reported none.
	Model, Serial string
	SizeBytes     int64
	// Tags are sorted; commissioning sets ssd, rotary, sata and the like.
	Tags []string
	// UsedFor is MAAS's sentence on its own plan for the disk, such as "Unused". It says nothing of what is on the disk.
	UsedFor string
	// Partitions are those of MAAS's plan, in its order, and MountPoint is where that mounts the device itself, "" for nowhere.
	Partitions []Partition
	MountPoint string
}

// Partition is a part of a block device in MAAS's plan.
type Partition struct {
	SizeBytes int64
	// MountPoint is where MAAS's plan mounts it, "" for nowhere.
	MountPoint string
}

// The storage layouts that the provider asks for. MAAS knows more (bcache, vmfs6, vmfs7, custom).
const (
	LayoutFlat  = "flat"
	LayoutLVM   = "lvm"
	LayoutBlank = "blank"
)

// StorageLayout asks for a layout of the machine's disks. MAAS first drops its plan for all of them, so that every other disk is
// unused afterwards; the disks themselves stay as they are until a deploy.
type StorageLayout struct {
	// Layout is flat, lvm, bcache, vmfs6, vmfs7, custom or blank. A machine with a blank one cannot be deployed to disk.
	Layout string
	// RootDeviceID is the block device for the root file system, the boot disk when 0. The EFI partition stays on the boot disk
	// in either case: to boot from another disk, SetBootDisk comes first.
	RootDeviceID int
	// BootSizeBytes is the size of a /boot partition, without one when 0 and 512 MiB at least; RootSizeBytes that of the root
	// partition, the rest of the disk when 0.
	BootSizeBytes, RootSizeBytes int64
	// VGName, LVName and LVSizeBytes are for lvm; MAAS's defaults are vgroot, lvroot and the whole group.
	VGName, LVName string
	LVSizeBytes    int64
}

// Storage configures the disks of a machine. Writes need an administrator's key (Forbidden otherwise) and a machine that is Ready
// (Conflict otherwise), so they come before allocation, under our claim.
type Storage interface {
	// DeleteBlockDevice takes a disk out of MAAS's inventory, so that a deploy leaves it alone. Commissioning records it
	// again. With the boot disk goes its layout, and MAAS takes the disk of the lowest id for the boot disk. NotFound when it is gone.
	DeleteBlockDevice(ctx context.Context, systemID string, deviceID int) error
	// SetStorageLayout replaces MAAS's plan for the disks. Invalid when MAAS refuses an argument, or has no disk to lay out.
	SetStorageLayout(ctx context.Context, systemID string, layout StorageLayout) (*Machine, error)
	// SetBootDisk makes a physical disk the one to boot from. The layout stays where it is: SetStorageLayout comes after.
	SetBootDisk(ctx context.Context, systemID string, deviceID int) error
	// InstallConfig reads the installer's configuration of a machine that is Deploying, Deployed or Failed deployment: the YAML
	// that curtin is given, which names every disk that will be wiped. The owner may read it. MAAS makes it from its inventory as it is
	// now, also for a machine that is deployed to memory, where no installer runs. Invalid in any other status.
	InstallConfig(ctx context.Context, systemID string) ([]byte, error)
}

// Powers switch machines. All but QueryPower need the owner's key or an administrator's (Forbidden otherwise, and for a locked machine).
type Powers interface {
	// PowerOn switches a deployed machine on; it returns when MAAS has accepted the order, which takes seconds to minutes.
	// Unavailable while MAAS is at work on an earlier order. Nothing at all happens to a machine with manual power. To MAAS, switching on
	// an Allocated machine is the order to deploy its default system over every disk, so that is refused here: Conflict, as for a machine
	// that nobody holds.
	PowerOn(ctx context.Context, systemID string, comment string) (*Machine, error)
	// PowerOff is the like; with hard it does not ask the operating system first.
	PowerOff(ctx context.Context, systemID string, hard bool, comment string) (*Machine, error)
	// QueryPower asks the BMC itself and makes MAAS remember the answer. A dead BMC blocks it for 35 s (MAAS gives up after 60), which
	// is more than other calls are given: the caller bounds it by ctx. PowerError is an answer, not an error.
	QueryPower(ctx context.Context, systemID string) (Power, error)
	// Abort stops what MAAS does with the machine: an installation (it is Allocated again once it is off), commissioning (New),
	// disk erasing (Failed disk erasing), testing or entering rescue mode (what it was). Conflict when there is nothing to stop; Unavailable
	// while MAAS is still switching power, which is to be repeated.
	Abort(ctx context.Context, systemID string, comment string) (*Machine, error)
}

// BootResource is an image that MAAS has, for one architecture and kernel.
type BootResource struct {
	// Name is as deploys take it: "ubuntu/jammy" of a synced one, "custom/NAME" of an uploaded one.
	Name string
	// Architecture is as MAAS writes it: "amd64/ga-22.04" with the kernel of an Ubuntu image, "amd64/generic" of an uploaded one.
	Architecture string
	// Type is Synced, Uploaded or Generated.
	Type string
}

// Images read what MAAS can install.
type Images interface {
	// ListBootResources reads all images, one entry for each architecture and kernel of an image.
	ListBootResources(ctx context.Context) ([]BootResource, error)
}

// Configuration reads settings of the region.
type Configuration interface {
	// ErasesOnRelease tells whether the region wipes disks at every release, whatever the release asks for. Every key may ask.
	ErasesOnRelease(ctx context.Context) (bool, error)
}

// EraseMode is what a release does to the disks. MAAS erases every disk that the machine shows (lsblk), in its inventory or not, LUNs
// of a shared array included.
type EraseMode string

// The modes of erasing disks. Quick overwrites 2 MiB at the beginning and at the end, Secure uses the disk's own command where it has one
// and overwrites all of it otherwise, Full overwrites everything.
const (
	EraseNone   EraseMode = ""
	EraseQuick  EraseMode = "Quick"
	EraseSecure EraseMode = "Secure"
	EraseFull   EraseMode = "Full"
)

// ReleaseRequest says how to give a machine back.
type ReleaseRequest struct {
	// Comment is written to MAAS's event log.
	Comment string
	// Erase is what to do to the disks. With EraseNone the region's setting decides (Configuration.ErasesOnRelease).
	Erase EraseMode
}
