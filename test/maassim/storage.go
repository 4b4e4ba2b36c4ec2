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

// blockDevice is a disk as MAAS's inventory has it, or the logical volume of a
// layout.
type blockDevice struct {
	id int
	// disk is what was recorded of it; an administrator may have changed that.
	disk  Disk
	parts []*partition
	// group is the volume group a logical volume is in, fs its file system.
	group string
	fs    *filesystem
}

func (b *blockDevice) virtual() bool { return b.group != "" }

type partition struct {
	id       int
	size     int64
	bootable bool
	fs       *filesystem
}

// filesystem is one of MAAS's plan. With kind lvm-pv the label is the volume
// group.
type filesystem struct{ kind, label, mount string }

const lvmVolume = "lvm-pv"

func (f *filesystem) usedFor() string {
	switch {
	case f == nil:
		return "Unused"
	case f.kind == lvmVolume:
		return "LVM volume for " + f.label
	}
	return f.kind + " formatted filesystem mounted at " + f.mount
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
		d.Name = orString(d.Name, diskName(i))
		d.Model = orString(d.Model, "SSD480")
		d.Serial = orString(d.Serial, fmt.Sprintf("DISK%06d%c", m.id, 'A'+rune(i)))
		if d.SizeBytes == 0 {
			d.SizeBytes = 480103981056
		}
		m.bds = append(m.bds, &blockDevice{id: s.ids.next("blockdevice"), disk: d.recorded()})
	}
	s.defaultLayout(m)
}

// diskName is the kernel's name of the disk it finds after n others.
func diskName(n int) string {
	name := ""
	for ; n >= 0; n = n/26 - 1 {
		name = string(rune('a'+n%26)) + name
	}
	return "sd" + name
}

// minBlockDevice is the size up to which commissioning passes a disk over.
const minBlockDevice = 4 << 20

// recordDisks is what commissioning does: all disks the machine shows are
// recorded, those that it does not show are dropped, and the default layout
// takes the place of any other. A disk that MAAS knows keeps its id.
func (s *Server) recordDisks(m *machine) {
	known := m.bds
	m.bds = nil
	shown := slices.Clone(m.disks)
	slices.SortFunc(shown, func(a, b Disk) int { return strings.Compare(a.Name, b.Name) })
	for i := range shown {
		d := &shown[i]
		j := slices.IndexFunc(known, func(b *blockDevice) bool { return !b.virtual() && b.disk.Serial == d.Serial })
		switch {
		case j >= 0:
			m.bds = append(m.bds, &blockDevice{id: known[j].id, disk: d.recorded()})
		case d.SizeBytes > minBlockDevice:
			m.bds = append(m.bds, &blockDevice{id: s.ids.next("blockdevice"), disk: d.recorded()})
		}
	}
	slices.SortFunc(m.bds, func(a, b *blockDevice) int { return a.id - b.id })
	if !slices.ContainsFunc(m.bds, func(b *blockDevice) bool { return b.id == m.bootDisk }) {
		m.bootDisk = 0
	}
	s.defaultLayout(m)
	m.touch()
}

// recorded is what MAAS writes down of a disk.
func (d *Disk) recorded() Disk {
	r := *d
	r.Dir, r.Tags = "", slices.Clone(d.Tags)
	r.IDPath = orString(r.IDPath, "/dev/disk/by-id/sata-"+d.Model+"_"+d.Serial)
	return r
}

// recordOf finds what MAAS has recorded of a disk.
func (m *machine) recordOf(serial string) *blockDevice {
	i := slices.IndexFunc(m.bds, func(b *blockDevice) bool { return !b.virtual() && b.disk.Serial == serial })
	if i < 0 {
		return nil
	}
	return m.bds[i]
}

// bootDevice is the disk an administrator chose, or the first of the physical
// ones that are large enough.
func (m *machine) bootDevice() *blockDevice {
	var first *blockDevice
	for _, b := range m.bds {
		switch {
		case b.virtual():
		case b.id == m.bootDisk:
			return b
		case first == nil && b.disk.SizeBytes >= minBootBytes:
			first = b
		}
	}
	return first
}

func (s *Server) storageJSON(m *machine, o obj) {
	total := int64(0)
	all, physical, virtual, groups := []obj{}, []obj{}, []obj{}, []obj{}
	boot := m.bootDevice()
	o["boot_disk"] = nil
	for _, b := range m.bds {
		j := m.blockDeviceJSON(b)
		all = append(all, j)
		if b == boot {
			o["boot_disk"] = j
		}
		if b.virtual() {
			virtual = append(virtual, j)
			groups = append(groups, obj{"system_id": m.systemID, "id": m.groupID, "__incomplete__": true})
			continue
		}
		physical = append(physical, j)
		total += b.disk.SizeBytes
	}
	o["physicalblockdevice_set"], o["blockdevice_set"] = physical, all
	o["virtualblockdevice_set"], o["volume_groups"] = virtual, groups
	o["raids"], o["bcaches"], o["cache_sets"], o["special_filesystems"] = []obj{}, []obj{}, []obj{}, []obj{}
	o["storage"] = float64(total) / 1e6
	if s.since(3, 5) {
		o["ephemeral_deploy"] = m.ephemeral
	}
}

func (m *machine) blockDeviceJSON(b *blockDevice) obj {
	d := b.disk
	name := d.Name
	o := obj{
		"id": b.id, "system_id": m.systemID, "size": d.SizeBytes, "tags": orEmpty(d.Tags), "storage_pool": nil,
		"resource_uri": fmt.Sprintf("%snodes/%s/blockdevices/%d/", apiRoot, m.systemID, b.id), "partition_table_type": nil,
	}
	if b.virtual() {
		name = b.group + "-" + d.Name
		o["type"], o["model"], o["serial"], o["id_path"], o["numa_node"] = "virtual", nil, nil, nil, nil
		o["block_size"], o["uuid"] = 4096, uuidOf(3, b.id, 0)
	} else {
		o["type"], o["model"], o["serial"], o["id_path"], o["numa_node"] = "physical", d.Model, d.Serial, d.IDPath, 0
		o["block_size"], o["uuid"], o["firmware_version"] = 512, nil, "1.0"
	}
	o["name"], o["path"] = name, "/dev/disk/by-dname/"+name
	fs := m.shownFilesystem(b.fs)
	o["filesystem"], o["used_for"] = fs.json(b.id, 0), fs.usedFor()
	used, available := int64(0), b.available()
	if fs != nil {
		used, available = d.SizeBytes, 0
	}
	parts := []obj{}
	for i := range b.parts {
		parts = append(parts, m.partitionJSON(b, i))
	}
	if len(parts) > 0 {
		o["used_for"] = fmt.Sprintf("GPT partitioned with %d partition%s", len(parts), map[bool]string{true: "s"}[len(parts) > 1])
		o["partition_table_type"] = "GPT"
		used = b.partitioned() + tableBytes
	}
	o["partitions"], o["used_size"], o["available_size"] = parts, used, available
	return o
}

// shownFilesystem is the plan's file system as MAAS shows it: while the
// machine is given back, the owner's are gone and the plan's not yet back.
func (m *machine) shownFilesystem(f *filesystem) *filesystem {
	if f != nil && f.kind != lvmVolume && (m.status == StatusReleasing || m.status == StatusReleasingFailed) {
		return nil
	}
	return f
}

// json is null for none.
func (f *filesystem) json(id, i int) any {
	if f == nil {
		return nil
	}
	o := obj{"fstype": f.kind, "label": f.label, "uuid": uuidOf(2, id, i), "mount_point": f.mount, "mount_options": nil}
	if f.kind == lvmVolume {
		o["label"], o["mount_point"] = nil, nil
	}
	return o
}

// ownBlockDeviceJSON is a block device as a list of them shows it.
func (m *machine) ownBlockDeviceJSON(b *blockDevice) obj {
	o := m.blockDeviceJSON(b)
	delete(o, "firmware_version")
	return o
}

func (m *machine) partitionJSON(b *blockDevice, i int) obj {
	p := b.parts[i]
	fs := m.shownFilesystem(p.fs)
	return obj{
		"id": p.id, "device_id": b.id, "system_id": m.systemID, "type": "partition", "size": p.size,
		"uuid": uuidOf(1, p.id, i), "bootable": p.bootable, "tags": []string{},
		"path": fmt.Sprintf("/dev/disk/by-dname/%s-part%d", b.disk.Name, i+1), "used_for": fs.usedFor(), "filesystem": fs.json(p.id, i),
		"resource_uri": fmt.Sprintf("%snodes/%s/blockdevices/%d/partition/%d", apiRoot, m.systemID, b.id, p.id),
	}
}

var storageRoutes = []route{
	{"nodes/*/blockdevices/", http.MethodGet, "", "blockdevices.list", users, listBlockDevices},
	{"nodes/*/blockdevices/*/", http.MethodGet, "", "blockdevice.read", users, readBlockDevice},
	{"nodes/*/blockdevices/*/", http.MethodPut, "", "blockdevice.update", users, updateBlockDevice},
	{"nodes/*/blockdevices/*/", http.MethodDelete, "", "blockdevice.delete", users, deleteBlockDevice},
	{"nodes/*/blockdevices/*/", http.MethodPost, "set_boot_disk", "blockdevice.set_boot_disk", users, setBootDisk},
	{"nodes/*/blockdevices/*/", http.MethodPost, "add_tag", "blockdevice.add_tag", users, tagBlockDevice},
	{"nodes/*/blockdevices/*/", http.MethodPost, "remove_tag", "blockdevice.remove_tag", users, tagBlockDevice},
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
		return ok(m.blockDeviceJSON(m.bds[i]))
	})
}

// withBlockDevice calls f with a block device of a machine in one of the given
// statuses, if the caller is an administrator; MAAS looks for the device first.
func (rq *request) withBlockDevice(refusal string, f func(m *machine, b *blockDevice) *response, in ...Status) *response {
	m := rq.s.machines[rq.args[0]]
	if m == nil {
		return notFound("BlockDevice")
	}
	i := m.blockDevice(rq.args[1])
	switch {
	case i < 0:
		return notFound("BlockDevice")
	case !rq.user.admin:
		return forbidden()
	case !slices.Contains(in, m.status):
		return conflict(refusal)
	}
	m.touch()
	return f(m, m.bds[i])
}

func deleteBlockDevice(rq *request) *response {
	return rq.withBlockDevice("Cannot delete block device because the machine is not Ready.", func(m *machine, b *blockDevice) *response {
		m.bds = slices.DeleteFunc(m.bds, func(o *blockDevice) bool { return o == b })
		if b.id == m.bootDisk {
			m.bootDisk = 0
		}
		return empty(http.StatusNoContent)
	}, StatusReady)
}

func setBootDisk(rq *request) *response {
	return rq.withBlockDevice("Cannot set as boot disk because the machine is not Ready.", func(m *machine, b *blockDevice) *response {
		if b.virtual() {
			return badRequest("Cannot set a virtual block device as the boot disk.")
		}
		m.bootDisk = b.id
		return textResponse(http.StatusOK, "OK")
	}, StatusReady)
}

const cannotUpdate = "Cannot update block device because the machine is not Ready."

func updateBlockDevice(rq *request) *response {
	return rq.withBlockDevice(cannotUpdate, func(m *machine, b *blockDevice) *response {
		for k, p := range map[string]*string{
			"name": &b.disk.Name, "model": &b.disk.Model, "serial": &b.disk.Serial, "id_path": &b.disk.IDPath,
		} {
			if rq.has(k) {
				*p = rq.get(k)
			}
		}
		return ok(m.blockDeviceJSON(b))
	}, StatusReady, StatusDeployed)
}

func tagBlockDevice(rq *request) *response {
	return rq.withBlockDevice(cannotUpdate, func(m *machine, b *blockDevice) *response {
		tag := rq.get("tag")
		if tag == "" {
			return badRequest("No provided tag!")
		}
		b.disk.Tags = slices.DeleteFunc(b.disk.Tags, func(t string) bool { return t == tag })
		if rq.op == "add_tag" {
			b.disk.Tags = append(b.disk.Tags, tag)
		}
		return ok(m.blockDeviceJSON(b))
	}, StatusReady)
}
