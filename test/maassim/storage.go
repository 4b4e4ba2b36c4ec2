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

package maassim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	efiBytes       = 536870912
	tableOverhead  = 1925120 // what a GPT and alignment take off a partitioned disk
	unusedOverhead = 8740864 // what MAAS sets aside on a disk that is not used
	rootOverhead   = 7168000
)

// blockDevice is a disk as MAAS's inventory has it.
type blockDevice struct {
	id   int
	disk Disk
	// parts are the database ids of the EFI and root partitions, when it is
	// the boot disk and the flat layout was applied.
	parts []int
}

// uuidOf makes a UUID that stays the same.
func uuidOf(kind, a, b int) string {
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", kind, a&0xffff, a<<8|b)
}

func (s *Server) buildDisks(m *machine, disks []Disk) {
	if len(disks) == 0 {
		disks = []Disk{{Name: "sda", Model: "SSD480", SizeBytes: 480103981056, Tags: []string{"ssd", "sata"}}}
	}
	m.disks = slices.Clone(disks)
	for i := range m.disks {
		d := &m.disks[i]
		d.Name = orString(d.Name, "sd"+string(rune('a'+i)))
		d.Model = orString(d.Model, "SSD480")
		d.Serial = orString(d.Serial, fmt.Sprintf("DISK%06d%c", m.id, 'A'+rune(i)))
		if d.SizeBytes == 0 {
			d.SizeBytes = 480103981056
		}
	}
	s.inventoryDisks(m)
}

// inventoryDisks is what commissioning does: all disks are recorded, with the
// flat layout on the first.
func (s *Server) inventoryDisks(m *machine) {
	for _, d := range m.disks {
		if !m.inventoried(d.Serial) {
			m.bds = append(m.bds, &blockDevice{id: s.ids.next("blockdevice"), disk: d})
		}
	}
	slices.SortFunc(m.bds, func(a, b *blockDevice) int { return strings.Compare(a.disk.Name, b.disk.Name) })
	if len(m.bds) > 0 && m.layout && len(m.bds[0].parts) == 0 {
		m.bds[0].parts = []int{s.ids.next("partition"), s.ids.next("partition")}
	}
	m.touch()
}

func (m *machine) inventoried(serial string) bool {
	return slices.ContainsFunc(m.bds, func(b *blockDevice) bool { return b.disk.Serial == serial })
}

// wipeInventoried loses the data of every disk MAAS knows of. The folders are
// emptied without the lock: the machine does nothing else meanwhile.
func (s *Server) wipeInventoried(m *machine) {
	var disks []Disk
	for _, b := range m.bds {
		disks = append(disks, b.disk)
		m.diskWipes[b.disk.Serial]++
	}
	m.wipes++
	s.mu.Unlock()
	defer s.mu.Lock()
	s.wipe(m.systemID, disks)
}

func (s *Server) storageJSON(m *machine, o obj) {
	total := int64(0)
	sets := []obj{}
	for _, b := range m.bds {
		total += b.disk.SizeBytes
		sets = append(sets, m.blockDeviceJSON(b))
	}
	o["physicalblockdevice_set"], o["blockdevice_set"] = sets, sets
	o["virtualblockdevice_set"], o["raids"], o["volume_groups"], o["bcaches"] = []obj{}, []obj{}, []obj{}, []obj{}
	o["cache_sets"], o["special_filesystems"] = []obj{}, []obj{}
	o["storage"] = float64(total) / 1e6
	o["boot_disk"] = nil
	if len(sets) > 0 {
		o["boot_disk"] = sets[0]
	}
}

func (m *machine) blockDeviceJSON(b *blockDevice) obj {
	d := b.disk
	uri := fmt.Sprintf("%snodes/%s/blockdevices/%d/", apiRoot, m.systemID, b.id)
	o := obj{
		"id": b.id, "system_id": m.systemID, "type": "physical", "name": d.Name, "path": "/dev/disk/by-dname/" + d.Name,
		"id_path": "/dev/disk/by-id/sata-" + d.Model + "_" + d.Serial, "model": d.Model, "serial": d.Serial,
		"size": d.SizeBytes, "block_size": 512, "tags": orEmpty(d.Tags), "firmware_version": "1.0", "numa_node": 0,
		"filesystem": nil, "storage_pool": nil, "uuid": nil, "resource_uri": uri,
	}
	if len(b.parts) == 0 {
		o["used_size"], o["available_size"], o["used_for"] = 0, max(d.SizeBytes-unusedOverhead, 0), "Unused"
		o["partitions"], o["partition_table_type"] = []obj{}, nil
		return o
	}
	o["used_size"], o["available_size"] = d.SizeBytes-tableOverhead, 0
	o["used_for"], o["partition_table_type"] = "GPT partitioned with 2 partitions", "GPT"
	parts := []obj{
		m.partitionJSON(b, 0, efiBytes, "fat32", "efi", "/boot/efi", uri),
		m.partitionJSON(b, 1, d.SizeBytes-efiBytes-rootOverhead, "ext4", "root", "/", uri),
	}
	if m.status == StatusReleasing || m.status == StatusReleasingFailed {
		// The owner's file systems are gone by now, the layout's not yet back.
		for _, p := range parts {
			p["filesystem"], p["used_for"] = nil, "Unused"
		}
	}
	o["partitions"] = parts
	return o
}

// ownBlockDeviceJSON is a block device read by itself.
func (m *machine) ownBlockDeviceJSON(b *blockDevice) obj {
	o := m.blockDeviceJSON(b)
	delete(o, "firmware_version")
	return o
}

func (m *machine) partitionJSON(b *blockDevice, i int, size int64, fs, label, mount, uri string) obj {
	return obj{
		"id": b.parts[i], "device_id": b.id, "system_id": m.systemID, "type": "partition", "size": size,
		"uuid": uuidOf(1, b.parts[i], i), "bootable": i == 0, "tags": []string{},
		"path":     fmt.Sprintf("/dev/disk/by-dname/%s-part%d", b.disk.Name, i+1),
		"used_for": fs + " formatted filesystem mounted at " + mount,
		"filesystem": obj{
			"fstype": fs, "label": label, "uuid": uuidOf(2, b.parts[i], i), "mount_point": mount, "mount_options": nil,
		},
		"resource_uri": fmt.Sprintf("%spartition/%d", uri, b.parts[i]),
	}
}

var storageRoutes = []route{
	{"nodes/*/blockdevices/", http.MethodGet, "", "blockdevices.list", users, listBlockDevices},
	{"nodes/*/blockdevices/*/", http.MethodGet, "", "blockdevice.read", users, readBlockDevice},
	{"nodes/*/blockdevices/*/", http.MethodDelete, "", "blockdevice.delete", users, deleteBlockDevice},
	{"nodes/*/raids/", http.MethodGet, "", "raids.list", users, emptyOfNode},
	{"nodes/*/bcaches/", http.MethodGet, "", "bcaches.list", users, emptyOfNode},
	{"nodes/*/bcache-cache-sets/", http.MethodGet, "", "bcache-cache-sets.list", users, emptyOfNode},
	{"nodes/*/volume-groups/", http.MethodGet, "", "volume-groups.list", users, emptyOfNode},
}

func emptyOfNode(rq *request) *response {
	return rq.withVisible(func(*machine) *response { return ok([]obj{}) })
}

func listBlockDevices(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		out := []obj{}
		for _, b := range m.bds {
			out = append(out, m.ownBlockDeviceJSON(b))
		}
		return ok(out)
	})
}

func (m *machine) blockDevice(id string) int {
	return slices.IndexFunc(m.bds, func(b *blockDevice) bool { return strconv.Itoa(b.id) == id || b.disk.Name == id })
}

func readBlockDevice(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		i := m.blockDevice(rq.args[1])
		if i < 0 {
			return notFound("BlockDevice")
		}
		return ok(m.ownBlockDeviceJSON(m.bds[i]))
	})
}

func deleteBlockDevice(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		i := m.blockDevice(rq.args[1])
		switch {
		case i < 0:
			return notFound("BlockDevice")
		case m.status != StatusReady:
			return conflict("Cannot delete block device because the machine is not Ready.")
		}
		m.bds = slices.Delete(m.bds, i, i+1)
		m.touch()
		return empty(http.StatusNoContent)
	})
}

// curtinConfig is the part of curtin's configuration that matters to who wants
// to know what a deploy wipes.
func curtinConfig(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		if m.status != StatusDeploying && m.status != StatusDeployed {
			return conflict("Machine " + m.systemID + " is not in a deployment state.")
		}
		var b strings.Builder
		b.WriteString("apt:\n  preserve_sources_list: false\n  proxy: http://127.0.0.1:8000/\n")
		b.WriteString("kernel:\n  mapping: {}\n  package: linux-generic\n")
		b.WriteString("network:\n  config: []\n  version: 1\n")
		b.WriteString("partitioning_commands:\n  builtin:\n  - curtin\n  - block-meta\n  - custom\n")
		b.WriteString("storage:\n  config:\n")
		for i, d := range m.bds {
			if i == 0 {
				b.WriteString("  - grub_device: true\n    id: " + d.disk.Name + "\n")
			} else {
				b.WriteString("  - id: " + d.disk.Name + "\n")
			}
			b.WriteString("    model: " + d.disk.Model + "\n    name: " + d.disk.Name + "\n")
			if len(d.parts) > 0 {
				b.WriteString("    ptable: gpt\n")
			}
			b.WriteString("    serial: " + d.disk.Serial + "\n    type: disk\n    wipe: superblock\n")
		}
		b.WriteString("  version: 1\n")
		r := textResponse(http.StatusOK, b.String())
		r.header["Content-Type"] = "text/plain; charset=utf-8"
		return r
	})
}
