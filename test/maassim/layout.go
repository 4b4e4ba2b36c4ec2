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
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Sizes of MAAS's storage plan.
const (
	efiBytes     = 512 << 20
	minBootBytes = 512 << 20
	minRootBytes = 3 << 30
	tableBytes   = 5 << 20 // what a GPT takes off a disk, before alignment
	alignBytes   = 4 << 20
)

func align(n int64) int64 { return n / alignBytes * alignBytes }

// partitioned is the sum of the partitions.
func (b *blockDevice) partitioned() int64 {
	sum := int64(0)
	for _, p := range b.parts {
		sum += p.size
	}
	return sum
}

// available is what partitions have left.
func (b *blockDevice) available() int64 {
	if b.virtual() {
		return 0
	}
	return max(align(b.disk.SizeBytes-tableBytes)-b.partitioned(), 0)
}

// layout is a storage layout with its sizes in bytes, 0 where MAAS chooses.
type layout struct {
	name           string
	root           *blockDevice // the boot disk when nil
	bootSize, size int64
	group, volume  string
	volumeSize     int64
	bootDisk       *blockDevice
}

const customLayoutMissing = "Failed to configure storage layout 'custom': No custom storage layout configuration found"

// otherLayoutsReason is why these are answered 501.
const otherLayoutsReason = "the layouts bcache, vmfs6 and vmfs7 are not modelled"

var (
	layoutNames      = []string{"flat", "blank", "custom", "vmfs7", "vmfs6", "bcache", "lvm"}
	unservedLayouts  = []string{"vmfs7", "vmfs6", "bcache"}
	layoutRootDevice = regexp.MustCompile(`^\d*$`)
	layoutSize       = regexp.MustCompile(`^(\d+(?:\.\d+)?)([KMGTPE]?)(%?)$`)
)

func setStorageLayout(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		if m.status != StatusReady {
			return conflict("Cannot change the storage layout on a machine that is not Ready.")
		}
		l, refused := rq.layout(m)
		if refused != nil {
			return refused
		}
		rq.s.applyLayout(m, l)
		return rq.s.machineResponse(m)
	})
}

// restoreStorage puts the default layout back.
func restoreStorage(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		if m.status != StatusReady && m.status != StatusFailedTesting {
			return conflict("Machine must be in a ready or failed testing state to restore storage configuration.")
		}
		rq.s.defaultLayout(m)
		m.touch()
		return rq.s.machineResponse(m)
	})
}

// restoreDefault puts the default layout and the network of commissioning back.
func restoreDefault(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		if m.status != StatusReady && m.status != StatusFailedTesting {
			return conflict("Machine must be in a ready or failed testing state to restore default networking and storage configuration.")
		}
		rq.s.defaultLayout(m)
		rq.s.restoreNetwork(m)
		return rq.s.machineResponse(m)
	})
}

// layout reads and checks the parameters of set_storage_layout.
func (rq *request) layout(m *machine) (*layout, *response) {
	l := &layout{name: rq.get("storage_layout"), bootDisk: m.bootDevice()}
	switch {
	case l.name == "":
		return nil, invalid("storage_layout", "This field is required.")
	case !slices.Contains(layoutNames, l.name):
		return nil, invalid("storage_layout", fmt.Sprintf("'%s' is not a valid storage_layout.  It should be one of: '%s'.",
			l.name, strings.Join(layoutNames, "', '")))
	case slices.Contains(unservedLayouts, l.name):
		return nil, rq.s.notServed(rq.method, "machines/"+m.systemID+"/", rq.op, otherLayoutsReason)
	case l.bootDisk == nil:
		return nil, badRequest("Machine is missing a boot disk; no storage layout can be applied.")
	case l.name == "custom":
		return nil, badRequest(customLayoutMissing)
	}
	if refused := rq.layoutRoot(m, l); refused != nil {
		return nil, refused
	}
	return l, rq.layoutSizes(l)
}

func (rq *request) layoutRoot(m *machine, l *layout) *response {
	want := rq.get("root_device")
	if want == "" {
		return nil
	}
	var choices []string
	for _, b := range m.bds {
		if b.virtual() {
			continue
		}
		choices = append(choices, "'"+strconv.Itoa(b.id)+"'")
		if layoutRootDevice.MatchString(want) && strconv.Itoa(b.id) == want {
			l.root = b
		}
	}
	if l.root == nil {
		return invalid("root_device", fmt.Sprintf("'%s' is not a valid root_device.  It should be one of: %s.", want, strings.Join(choices, ", ")))
	}
	return nil
}

func (rq *request) layoutSizes(l *layout) *response {
	disk := l.bootDisk.disk.SizeBytes
	for _, f := range []struct {
		key       string
		to        *int64
		low, high int64
	}{
		{"boot_size", &l.bootSize, minBootBytes, disk - efiBytes - minRootBytes},
		{"root_size", &l.size, minRootBytes, disk - efiBytes - minBootBytes},
	} {
		if refused := rq.layoutSize(f.key, f.to, disk-efiBytes, f.low, f.high); refused != nil {
			return refused
		}
	}
	if l.size > 0 && efiBytes+l.bootSize+l.size > disk {
		return invalid("__all__", "Size of the boot partition and root partition are larger than the available space on the boot disk.")
	}
	if l.name != "lvm" {
		return nil
	}
	l.group, l.volume = orString(rq.get("vg_name"), "vgroot"), orString(rq.get("lv_name"), "lvroot")
	root := l.size
	if root == 0 {
		root = disk - efiBytes - l.bootSize
	}
	return rq.layoutSize("lv_size", &l.volumeSize, root, minRootBytes, root)
}

// layoutSize reads a size in bytes, in humanized bytes or in percent of whole.
func (rq *request) layoutSize(key string, to *int64, whole, low, high int64) *response {
	text := rq.get(key)
	if text == "" {
		return nil
	}
	g := layoutSize.FindStringSubmatch(text)
	if g == nil {
		return invalid(key, "Enter a valid value.")
	}
	n, err := strconv.ParseFloat(g[1], 64)
	if err != nil {
		return invalid(key, "Enter a valid value.")
	}
	for range 1 + strings.Index("KMGTPE", orString(g[2], "-")) {
		n *= 1000
	}
	if g[3] != "" {
		n = n / 100 * float64(whole)
	}
	switch *to = int64(n); {
	case *to < low:
		return invalid(key, fmt.Sprintf("Size is too small. Minimum size is %d.", low))
	case *to > high:
		return invalid(key, fmt.Sprintf("Size is too large. Maximum size is %d.", high))
	}
	return nil
}

// defaultLayout applies the flat layout; a machine without disks has none.
func (s *Server) defaultLayout(m *machine) {
	s.applyLayout(m, &layout{name: "flat", bootDisk: m.bootDevice()})
}

// applyLayout replaces the plan for all of the machine's disks.
func (s *Server) applyLayout(m *machine, l *layout) {
	m.touch()
	m.bds = slices.DeleteFunc(m.bds, (*blockDevice).virtual)
	for _, b := range m.bds {
		b.parts, b.fs = nil, nil
	}
	if l.name == "blank" || l.bootDisk == nil {
		return
	}
	s.addPartition(l.bootDisk, efiBytes, true, &filesystem{"fat32", "efi", "/boot/efi"})
	if l.bootSize > 0 {
		s.addPartition(l.bootDisk, l.bootSize, true, &filesystem{"ext4", "boot", "/boot"})
	}
	root := l.root
	if root == nil {
		root = l.bootDisk
	}
	size := l.size
	if size == 0 {
		size = root.available()
	}
	fs := &filesystem{"ext4", "root", "/"}
	if l.name != "lvm" {
		s.addPartition(root, size, false, fs)
		return
	}
	p := s.addPartition(root, size, false, &filesystem{lvmVolume, l.group, ""})
	m.groupID = s.ids.next("volumegroup")
	volume := p.size - alignBytes // what the group keeps for itself
	if l.volumeSize > 0 {
		volume = min(volume, align(l.volumeSize))
	}
	m.bds = append(m.bds, &blockDevice{
		id: s.ids.next("blockdevice"), disk: Disk{Name: l.volume, SizeBytes: volume}, group: l.group, fs: fs,
	})
}

func (s *Server) addPartition(b *blockDevice, size int64, bootable bool, fs *filesystem) *partition {
	p := &partition{id: s.ids.next("partition"), size: min(align(size), b.available()), bootable: bootable, fs: fs}
	b.parts = append(b.parts, p)
	return p
}

// mountsRoot tells whether the plan has a root file system.
func (m *machine) mountsRoot() bool {
	isRoot := func(f *filesystem) bool { return f != nil && f.mount == "/" }
	return slices.ContainsFunc(m.bds, func(b *blockDevice) bool {
		return isRoot(b.fs) || slices.ContainsFunc(b.parts, func(p *partition) bool { return isRoot(p.fs) })
	})
}

// storageIssues are why MAAS would not deploy to these disks. Of other systems
// than Ubuntu it does not ask for a root file system.
func (m *machine) storageIssues(osystem string) *response {
	switch {
	case len(m.bds) == 0:
		return jsonResponse(http.StatusBadRequest, obj{"storage": []string{
			"There are currently no storage devices.  Please add a storage device to be able to deploy this node.",
		}})
	case m.bootDevice() == nil:
		return jsonResponse(http.StatusBadRequest, obj{"storage": []string{"Specify a storage device to be able to deploy this node."}})
	case osystem == "ubuntu" && !m.mountsRoot():
		return jsonResponse(http.StatusBadRequest, obj{"storage": []string{"Mount the root '/' filesystem to be able to deploy this node."}})
	}
	return nil
}
