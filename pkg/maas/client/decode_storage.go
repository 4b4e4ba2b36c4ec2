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

package client

import (
	"cmp"
	"slices"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// deviceID is the id of a block device that is given whole.
type deviceID struct {
	ID int `json:"id"`
}

// blockDeviceJSON is the part of MAAS's block device that we read.
type blockDeviceJSON struct {
	ID      int      `json:"id"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	IDPath  string   `json:"id_path"`
	Model   string   `json:"model"`
	Serial  string   `json:"serial"`
	Size    int64    `json:"size"`
	Tags    []string `json:"tags"`
	UsedFor string   `json:"used_for"`

	FileSystem *fileSystemJSON `json:"filesystem"`
	Partitions []partitionJSON `json:"partitions"`
}

// partitionJSON is a partition of MAAS's plan.
type partitionJSON struct {
	Size       int64           `json:"size"`
	FileSystem *fileSystemJSON `json:"filesystem"`
}

// fileSystemJSON is null where the plan makes none, and its mount point is null where it is not mounted.
type fileSystemJSON struct {
	MountPoint string `json:"mount_point"`
}

func (f *fileSystemJSON) mountPoint() string {
	if f == nil {
		return ""
	}
	return f.MountPoint
}

func partitions(list []partitionJSON) []maas.Partition {
	var out []maas.Partition
	for _, p := range list {
		out = append(out, maas.Partition{SizeBytes: p.Size, MountPoint: p.FileSystem.mountPoint()})
	}
	return out
}

// blockDevices gives our values of them, by id.
func blockDevices(list []blockDeviceJSON) []maas.BlockDevice {
	if len(list) == 0 {
		return nil
	}
	devices := make([]maas.BlockDevice, len(list))
	for i := range list {
		j := &list[i]
		slices.Sort(j.Tags)
		devices[i] = maas.BlockDevice{
			ID: j.ID, Name: j.Name, Physical: j.Type == "physical", IDPath: j.IDPath, Model: j.Model, Serial: j.Serial,
			SizeBytes: j.Size, Tags: j.Tags, UsedFor: j.UsedFor,
			Partitions: partitions(j.Partitions), MountPoint: j.FileSystem.mountPoint(),
		}
	}
	slices.SortFunc(devices, func(a, b maas.BlockDevice) int { return cmp.Compare(a.ID, b.ID) })
	return devices
}
