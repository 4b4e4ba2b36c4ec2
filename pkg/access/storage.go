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
	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

const (
	bytesPerGB  = 1_000_000_000
	bytesPerMiB = 1 << 20
)

// DataDisks is the policy that holds for a machine of a pool, which may be nil.
func DataDisks(storage *infrav1.HostStorage, pool *infrav1.MaasHostPool) hostdisks.Policy {
	said := []hostdisks.Policy{hostdisks.Policy(storage.DataDisks)}
	if pool != nil {
		said = append(said, hostdisks.Policy(pool.Spec.DataDisks))
	}
	return hostdisks.Strictest(said...)
}

// Disks is what is asked of a server's disks by a machine of a pool, which may be nil.
func Disks(storage *infrav1.HostStorage, pool *infrav1.MaasHostPool) hostdisks.Wanted {
	wanted := hostdisks.Wanted{
		Policy:   DataDisks(storage, pool),
		Boot:     diskSelector(&storage.BootDisk.Match),
		Smallest: storage.BootDisk.Choose == infrav1.BootDiskSmallest,
		Layout:   diskLayout(&storage.Layout),
		Memory:   storage.InstallTo == infrav1.InstallToMemory,
	}
	for i := range storage.ProtectedDisks {
		wanted.Protected = append(wanted.Protected, diskSelector(&storage.ProtectedDisks[i]))
	}
	return wanted
}

func diskSelector(in *infrav1.DiskSelector) hostdisks.Selector {
	return hostdisks.Selector{
		Model: in.Model, Serial: in.Serial, Path: in.Path, WWN: in.WWN, Tags: in.Tags,
		MinBytes: int64(in.MinSizeGB) * bytesPerGB,
		MaxBytes: atMost(in.MaxSizeGB),
	}
}

// atMost allows for disks that are a little larger than they are called.
func atMost(gb int32) int64 {
	if gb == 0 {
		return 0
	}
	return int64(gb)*bytesPerGB + bytesPerGB - 1
}

func diskLayout(in *infrav1.DiskLayout) hostdisks.Layout {
	types := map[infrav1.DiskLayoutType]string{infrav1.DiskLayoutFlat: maas.LayoutFlat, infrav1.DiskLayoutLVM: maas.LayoutLVM}
	return hostdisks.Layout{
		Type:      types[in.Type],
		BootBytes: int64(in.BootSizeMiB) * bytesPerMiB,
		RootBytes: int64(in.RootSizeGB) * bytesPerGB,
		VGName:    in.VolumeGroup,
		LVName:    in.LogicalVolume,
		LVBytes:   int64(in.LogicalVolumeSizeGB) * bytesPerGB,
	}
}

// KnownDisks is what a lease remembers of its server's disks.
func KnownDisks(in *infrav1.HostDisks) hostdisks.Known {
	var known hostdisks.Known
	if in.Boot != (infrav1.DiskIdentity{}) {
		boot := diskIdentity(in.Boot)
		known.Boot = &boot
	}
	for _, d := range in.Protected {
		known.Protected = append(known.Protected, diskIdentity(d))
	}
	return known
}

func diskIdentity(in infrav1.DiskIdentity) hostdisks.Identity {
	return hostdisks.Identity{Model: in.Model, Serial: in.Serial, SizeBytes: in.SizeBytes, IDPath: in.IDPath}
}

// HostDisks is what a lease is to remember.
func HostDisks(known hostdisks.Known) infrav1.HostDisks {
	var out infrav1.HostDisks
	if known.Boot != nil {
		out.Boot = infrav1.DiskIdentity(*known.Boot)
	}
	for _, d := range known.Protected {
		out.Protected = append(out.Protected, infrav1.DiskIdentity(d))
	}
	return out
}
