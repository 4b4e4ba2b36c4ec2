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

package v1beta2

// HostStorage says which disk a server boots from, how that is laid out, and what becomes of the server's other disks.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.protectedDisks) || (has(self.dataDisks) && self.dataDisks == 'Preserve')",message="protectedDisks needs dataDisks: Preserve"
// +kubebuilder:validation:XValidation:rule="!has(self.installTo) || self.installTo != 'Memory' || (!has(self.bootDisk) && !has(self.layout))",message="installTo Memory uses no disk: remove bootDisk and layout"
type HostStorage struct {
	// bootDisk selects the disk that the system is installed on. MAAS's own choice is taken when it is not set.
	// +optional
	BootDisk BootDisk `json:"bootDisk,omitempty,omitzero"`

	// layout of the boot disk. MAAS's own is left as it is when it is not set.
	// +optional
	Layout DiskLayout `json:"layout,omitempty,omitzero"`

	// installTo is Disk, which is meant when it is not set, or Memory: the system runs from memory, is made anew at each power cycle and
	// needs MAAS 3.5 or later.
	// +optional
	InstallTo InstallTarget `json:"installTo,omitempty"`

	// dataDisks says what becomes of the disks that the server does not boot from. MAAS wipes every disk in its inventory at each
	// deploy; Preserve takes them out of it first and refuses to deploy otherwise, which needs an administrator's key. Wipe lets MAAS wipe
	// them. When neither the machine nor its pool says anything, disks are preserved as well, and only servers without data disks can be
	// used with an ordinary key. Preserve wins when machine and pool disagree.
	// +optional
	DataDisks DataDisksPolicy `json:"dataDisks,omitempty"`

	// protectedDisks narrows down what Preserve preserves: disks that match one of these. Any other disk in MAAS's inventory is
	// wiped at each deploy. All disks but the boot disk are preserved when it is not set.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ProtectedDisks []DiskSelector `json:"protectedDisks,omitempty"`
}

// DataDisksPolicy says what becomes of the disks that a server does not boot from.
// +kubebuilder:validation:Enum=Preserve;Wipe
type DataDisksPolicy string

const (
	// DataDisksPreserve keeps them through every deploy and release.
	DataDisksPreserve DataDisksPolicy = "Preserve"
	// DataDisksWipe lets MAAS wipe them at each deploy.
	DataDisksWipe DataDisksPolicy = "Wipe"
)

// InstallTarget is where the system lives.
// +kubebuilder:validation:Enum=Disk;Memory
type InstallTarget string

const (
	// InstallToDisk installs it on the boot disk.
	InstallToDisk InstallTarget = "Disk"
	// InstallToMemory runs it from memory and touches no disk.
	InstallToMemory InstallTarget = "Memory"
)

// BootDisk selects the disk to boot from. Of several disks that match, the smallest is taken, by name where sizes are equal; a server keeps
// the one it has as long as that matches. A disk that is protected is never taken.
// +kubebuilder:validation:MinProperties=1
type BootDisk struct {
	// match is what the disk must match.
	// +optional
	Match DiskSelector `json:"match,omitempty,omitzero"`

	// choose says how to choose when match is not set or several disks match. Smallest is meant when match is set.
	// +optional
	Choose BootDiskChoice `json:"choose,omitempty"`
}

// BootDiskChoice says which of several disks to boot from.
// +kubebuilder:validation:Enum=Smallest
type BootDiskChoice string

// BootDiskSmallest is the smallest disk that is not protected.
const BootDiskSmallest BootDiskChoice = "Smallest"

// DiskSelector selects disks by what MAAS knows of them. Everything that is set has to match.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.minSizeGB) || !has(self.maxSizeGB) || self.minSizeGB <= self.maxSizeGB",message="minSizeGB must not be greater than maxSizeGB"
type DiskSelector struct {
	// model as MAAS shows it, without regard to case; * stands for any text.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Model string `json:"model,omitempty"`

	// serial as MAAS shows it, without regard to case; * stands for any text.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Serial string `json:"serial,omitempty"`

	// wwn is the beginning of the disk's world-wide name in hexadecimal, such as 3624a937 for the volumes of a FlashArray.
	// +optional
	// +kubebuilder:validation:MinLength=4
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0x)?[0-9a-fA-F]+$')",message="wwn must be hexadecimal digits, such as 3624a937"
	WWN string `json:"wwn,omitempty"`

	// path is MAAS's id_path of the disk, such as /dev/disk/by-id/nvme-…; * stands for any text.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="self.startsWith('/dev/') || self.startsWith('*')",message="path must begin with /dev/"
	Path string `json:"path,omitempty"`

	// tags that the disk must have in MAAS, all of them, such as ssd.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Tags []string `json:"tags,omitempty"`

	// minSizeGB is the least size in GB (1000000000 bytes), as disks are sold.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	MinSizeGB int32 `json:"minSizeGB,omitempty"`

	// maxSizeGB is the greatest size in GB (1000000000 bytes).
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	MaxSizeGB int32 `json:"maxSizeGB,omitempty"`
}

// DiskLayout is how the boot disk is divided. Sizes that are not set are MAAS's defaults, which for the root is the rest of the disk.
// +kubebuilder:validation:XValidation:rule="self.type == 'LVM' || (!has(self.volumeGroup) && !has(self.logicalVolume) && !has(self.logicalVolumeSizeGB))",message="volumeGroup, logicalVolume and logicalVolumeSizeGB are for type LVM"
// +kubebuilder:validation:XValidation:rule="!has(self.rootSizeGB) || !has(self.logicalVolumeSizeGB) || self.logicalVolumeSizeGB <= self.rootSizeGB",message="logicalVolumeSizeGB must not be greater than rootSizeGB, the partition that the volume group is on"
type DiskLayout struct {
	// type is Flat, a root partition, or LVM, a logical volume for the root.
	// +required
	Type DiskLayoutType `json:"type,omitempty"`

	// rootSizeGB is the size of the root partition (of the volume group's for LVM) in GB (1000000000 bytes).
	// +optional
	// +kubebuilder:validation:Minimum=8
	// +kubebuilder:validation:Maximum=1000000
	RootSizeGB int32 `json:"rootSizeGB,omitempty"`

	// bootSizeMiB is the size of a partition for /boot in MiB; there is none when it is not set.
	// +optional
	// +kubebuilder:validation:Minimum=512
	// +kubebuilder:validation:Maximum=65536
	BootSizeMiB int32 `json:"bootSizeMiB,omitempty"`

	// volumeGroup is the name of the volume group, vgroot when it is not set.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_][A-Za-z0-9_.]*$')",message="volumeGroup must be letters, digits, dots and underscores"
	VolumeGroup string `json:"volumeGroup,omitempty"`

	// logicalVolume is the name of the logical volume, lvroot when it is not set.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_][A-Za-z0-9_.]*$')",message="logicalVolume must be letters, digits, dots and underscores"
	LogicalVolume string `json:"logicalVolume,omitempty"`

	// logicalVolumeSizeGB is the size of the logical volume in GB (1000000000 bytes); the whole volume group when it is not set.
	// +optional
	// +kubebuilder:validation:Minimum=8
	// +kubebuilder:validation:Maximum=1000000
	LogicalVolumeSizeGB int32 `json:"logicalVolumeSizeGB,omitempty"`
}

// DiskLayoutType names a layout.
// +kubebuilder:validation:Enum=Flat;LVM
type DiskLayoutType string

const (
	// DiskLayoutFlat has a root partition.
	DiskLayoutFlat DiskLayoutType = "Flat"
	// DiskLayoutLVM has a logical volume for the root.
	DiskLayoutLVM DiskLayoutType = "LVM"
)

// HostDisks is what was learned of a server's disks and must not be forgotten: MAAS has most of the protected ones no longer, and
// records them anew, under other numbers, when the server is commissioned. The provider writes it before it changes anything in MAAS.
// +kubebuilder:validation:MinProperties=1
type HostDisks struct {
	// boot is the disk that the server was prepared to boot from. When it is gone nothing takes its place by itself; remove this to let
	// MAAS's choice or storage.bootDisk decide anew.
	// +optional
	Boot DiskIdentity `json:"boot,omitempty,omitzero"`

	// protected disks are not to be in MAAS's inventory when it deploys. Remove an entry when the disk's data may be lost.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=512
	Protected []DiskIdentity `json:"protected,omitempty"`
}

// DiskIdentity is what a disk is recognised by.
// +kubebuilder:validation:MinProperties=1
type DiskIdentity struct {
	// model as MAAS had it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Model string `json:"model,omitempty"`

	// serial as MAAS had it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Serial string `json:"serial,omitempty"`

	// sizeBytes is the size in bytes.
	// +optional
	// +kubebuilder:validation:Minimum=1
	SizeBytes int64 `json:"sizeBytes,omitempty"`

	// idPath is the path such as /dev/disk/by-id/wwn-0x….
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	IDPath string `json:"idPath,omitempty"`
}
