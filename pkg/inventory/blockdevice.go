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
	"slices"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// keepDevices copies block devices. A fleet's disks are much alike, so what they have in common is kept once.
func keepDevices(list []maas.BlockDevice) []maas.BlockDevice {
	kept := slices.Clone(list)
	for i := range kept {
		d := &kept[i]
		d.Name, d.Model, d.UsedFor, d.MountPoint = intern(d.Name), intern(d.Model), intern(d.UsedFor), intern(d.MountPoint)
		d.Partitions = slices.Clip(slices.Clone(d.Partitions))
		for k := range d.Partitions {
			d.Partitions[k].MountPoint = intern(d.Partitions[k].MountPoint)
		}
		// Most often the disk before has the very same tags.
		if i > 0 && len(d.Tags) > 0 && slices.Equal(kept[i-1].Tags, d.Tags) {
			d.Tags = kept[i-1].Tags
			continue
		}
		d.Tags = internAll(d.Tags)
	}
	return kept
}

// internAll copies a list of words.
func internAll(words []string) []string {
	kept := slices.Clip(slices.Clone(words))
	for i, w := range kept {
		kept[i] = intern(w)
	}
	return kept
}

func equalDevices(a, b maas.BlockDevice) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Physical == b.Physical && a.IDPath == b.IDPath && a.Model == b.Model &&
		a.Serial == b.Serial && a.SizeBytes == b.SizeBytes && a.UsedFor == b.UsedFor && a.MountPoint == b.MountPoint && slices.Equal(a.Tags, b.Tags) &&
		slices.Equal(a.Partitions, b.Partitions)
}
