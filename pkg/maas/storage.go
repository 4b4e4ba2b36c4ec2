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

// BlockDevice is a disk of a machine that MAAS has in its inventory. MAAS's installer wipes every one of them at each deploy.
type BlockDevice struct {
	ID   int
	Name string
	// Physical is false for what MAAS made of others: RAID, LVM, bcache.
	Physical bool
	// IDPath is the stable path such as /dev/disk/by-id/wwn-0x…, "" where the machine gave none.
	IDPath string
	// Model and Serial are as the machine reported them, often cut off or with the vendor in front.
	Model, Serial string
	SizeBytes     int64
	// Tags are sorted; commissioning sets ssd, rotary, sata and the like.
	Tags []string
	// UsedFor is MAAS's sentence on it, such as "Unused".
	UsedFor string
}

// StorageLayout asks for the layout of the boot disk. Everything on the machine's other disks is dropped from MAAS's plan, not from the disks.
type StorageLayout struct {
	// Layout is flat, lvm, bcache, vmfs6, vmfs7, custom or blank.
	Layout string
	// RootDeviceID is the block device to boot from; MAAS's choice when 0.
	RootDeviceID int
	// BootSizeBytes and RootSizeBytes are MAAS's defaults when 0.
	BootSizeBytes, RootSizeBytes int64
	// VGName, LVName and LVSizeBytes are for lvm.
	VGName, LVName string
	LVSizeBytes    int64
}

// Storage configures the disks of a machine. Writes need an administrator's key (Forbidden otherwise) and a machine that is Ready
// (Conflict otherwise), so they come before allocation, under our claim.
type Storage interface {
	// DeleteBlockDevice takes a disk out of MAAS's inventory, so that a deploy leaves it alone. Commissioning records it
	// again. NotFound when it is gone.
	DeleteBlockDevice(ctx context.Context, systemID string, deviceID int) error
	// SetStorageLayout lays out the boot disk.
	SetStorageLayout(ctx context.Context, systemID string, layout StorageLayout) (*Machine, error)
	// SetBootDisk makes a disk the one to boot from.
	SetBootDisk(ctx context.Context, systemID string, deviceID int) error
	// InstallConfig reads the installer's configuration of a machine that is deploying: the YAML that curtin is given, which names
	// every disk that will be wiped. Conflict when the machine is not deploying.
	InstallConfig(ctx context.Context, systemID string) ([]byte, error)
}

// Powers switch machines.
type Powers interface {
	// PowerOn and PowerOff return when MAAS has accepted the order; PowerOff with hard does not ask the operating system first.
	PowerOn(ctx context.Context, systemID string, comment string) (*Machine, error)
	PowerOff(ctx context.Context, systemID string, hard bool, comment string) (*Machine, error)
	// QueryPower asks the BMC itself. A dead BMC blocks it for 35 s.
	QueryPower(ctx context.Context, systemID string) (Power, error)
	// Abort stops an installation under way; the machine is Allocated again. Conflict when there is none.
	Abort(ctx context.Context, systemID string, comment string) (*Machine, error)
}

// BootResource is an image that MAAS has.
type BootResource struct {
	// Name as deploys take it, such as "ubuntu/jammy" or "custom/NAME".
	Name string
	// Architecture as MAAS writes it, such as "amd64/ga-22.04" for a kernel of Ubuntu.
	Architecture string
	// Type is Synced, Uploaded or Generated.
	Type string
}

// Images read what MAAS can install.
type Images interface {
	// ListBootResources reads all images.
	ListBootResources(ctx context.Context) ([]BootResource, error)
}

// Configuration reads settings of the region.
type Configuration interface {
	// ErasesOnRelease tells whether the region wipes disks at every release, whatever the release asks for.
	ErasesOnRelease(ctx context.Context) (bool, error)
}

// EraseMode is what a release does to the disks. MAAS erases every disk that the machine shows, in its inventory or not.
type EraseMode string

// The modes of erasing disks. Quick overwrites the beginning and the end, Secure uses the disk's own command where it has one and
// overwrites otherwise, Full overwrites everything.
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
	Erase   EraseMode
}
