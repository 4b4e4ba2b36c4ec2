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

// blockDeviceJSON is the part of MAAS's block device that we read. Partitions and file systems are left out: they are MAAS's plan.
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
		}
	}
	slices.SortFunc(devices, func(a, b maas.BlockDevice) int { return cmp.Compare(a.ID, b.ID) })
	return devices
}
