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
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// wipeKind is how much of a disk is lost.
type wipeKind int

const (
	// wipeSuperblock is the installer's: a MiB at either end.
	wipeSuperblock wipeKind = iota
	// wipeQuick is the quick erase: 2 MiB at either end.
	wipeQuick
	// wipeAll is everything.
	wipeAll
)

// ends is what is zeroed at either end.
func (k wipeKind) ends() int64 {
	if k == wipeQuick {
		return 2 << 20
	}
	return 1 << 20
}

// media holds the contents of the disks that someone has written on, each in a
// sparse file as large as the disk. A disk without a file is all zero, so that
// thousands of hosts cost nothing.
type media struct {
	mu    sync.Mutex
	dir   string
	own   bool // dir was made here
	files map[mediumKey]string
}

// mediumKey names the contents of a disk: those of a LUN are the same for all
// who see it.
type mediumKey struct{ systemID, serial string }

func keyOf(systemID string, d *Disk) mediumKey {
	if d.LUN {
		systemID = ""
	}
	return mediumKey{systemID, d.Serial}
}

// open opens the file of a disk; it returns nil when there is none and none is
// to be made. The lock is held.
func (m *media) open(k mediumKey, size int64, create bool) (*os.File, error) {
	path, there := m.files[k]
	if !there {
		if !create {
			return nil, nil //nolint:nilnil // a disk nobody has written on
		}
		if err := m.makeDir(); err != nil {
			return nil, err
		}
		path = filepath.Join(m.dir, fmt.Sprintf("disk%05d", len(m.files)+1))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if !there {
		if err := f.Truncate(size); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		m.files[k] = path
	}
	return f, nil
}

func (m *media) makeDir() error {
	if m.dir != "" {
		return os.MkdirAll(m.dir, 0o755)
	}
	dir, err := os.MkdirTemp("", "maassim-disks-")
	m.dir, m.own = dir, err == nil
	return err
}

func (m *media) write(k mediumKey, size, off int64, p []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.open(k, size, true)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(p, off)
	return errors.Join(err, f.Close())
}

func (m *media) read(k mediumKey, size, off int64, p []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(p)
	f, err := m.open(k, size, false)
	if err != nil || f == nil {
		return err
	}
	_, err = f.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

func (m *media) wipe(k mediumKey, size int64, kind wipeKind) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := m.open(k, size, false)
	if err != nil || f == nil {
		return err
	}
	if kind == wipeAll || size <= 2*kind.ends() {
		err = errors.Join(f.Truncate(0), f.Truncate(size))
		return errors.Join(err, f.Close())
	}
	zero := make([]byte, kind.ends())
	_, err = f.WriteAt(zero, 0)
	_, err2 := f.WriteAt(zero, size-kind.ends())
	return errors.Join(err, err2, f.Close())
}

// close removes what was made here.
func (m *media) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.own {
		_ = os.RemoveAll(m.dir)
	}
	m.files, m.dir, m.own = nil, "", false
}

// WriteDisk writes on a disk of a machine, by name or serial, as the system on
// it does. What a LUN holds is seen by all machines that show it.
func (s *Server) WriteDisk(systemID, disk string, off int64, p []byte) error {
	d, err := s.diskOf(systemID, disk, off, len(p))
	if err != nil {
		return err
	}
	return s.media.write(keyOf(systemID, &d), d.SizeBytes, off, p)
}

// ReadDisk reads n bytes of a disk. What nobody has written is zero.
func (s *Server) ReadDisk(systemID, disk string, off int64, n int) ([]byte, error) {
	d, err := s.diskOf(systemID, disk, off, n)
	if err != nil {
		return nil, err
	}
	p := make([]byte, n)
	return p, s.media.read(keyOf(systemID, &d), d.SizeBytes, off, p)
}

// diskOf finds a disk that the machine shows, in MAAS's inventory or not.
func (s *Server) diskOf(systemID, disk string, off int64, n int) (Disk, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machines[systemID]
	if m == nil {
		return Disk{}, refuse(http.StatusNotFound, "no machine "+systemID)
	}
	i := slices.IndexFunc(m.disks, func(d Disk) bool { return d.Name == disk || d.Serial == disk })
	switch {
	case i < 0:
		return Disk{}, refuse(http.StatusNotFound, systemID+" shows no disk "+disk)
	case off < 0 || off+int64(n) > m.disks[i].SizeBytes:
		return Disk{}, refuse(http.StatusBadRequest, fmt.Sprintf("%d bytes at %d are beyond disk %s", n, off, disk))
	}
	return m.disks[i], nil
}

// Contents tells which copies of a pattern a disk still has.
type Contents struct {
	// Begin and End are at the very ends, where superblocks are; Early is 1.5
	// MiB from the beginning, which a quick erase takes and an installer
	// leaves; Middle is in the middle.
	Begin, Early, Middle, End bool
}

// Intact tells that nothing was lost.
func (c Contents) Intact() bool { return c == Contents{true, true, true, true} }

// Gone tells that nothing is left.
func (c Contents) Gone() bool { return c == Contents{} }

// places are where WritePattern writes, for a pattern of n bytes.
func places(size int64, n int) [4]int64 {
	return [4]int64{0, 3 << 19, size / 2, size - int64(n)}
}

// WritePattern writes a pattern in four places of a disk.
func (s *Server) WritePattern(systemID, disk, pattern string) error {
	d, err := s.diskOf(systemID, disk, 0, 0)
	if err != nil {
		return err
	}
	for _, off := range places(d.SizeBytes, len(pattern)) {
		if err := s.WriteDisk(systemID, disk, off, []byte(pattern)); err != nil {
			return err
		}
	}
	return nil
}

// FindPattern tells what is left of a pattern that WritePattern wrote.
func (s *Server) FindPattern(systemID, disk, pattern string) (Contents, error) {
	d, err := s.diskOf(systemID, disk, 0, 0)
	if err != nil {
		return Contents{}, err
	}
	var c Contents
	found := [4]*bool{&c.Begin, &c.Early, &c.Middle, &c.End}
	for i, off := range places(d.SizeBytes, len(pattern)) {
		got, err := s.ReadDisk(systemID, disk, off, len(pattern))
		if err != nil {
			return Contents{}, err
		}
		*found[i] = bytes.Equal(got, []byte(pattern))
	}
	return c, nil
}

// MapLUN makes machines show a volume of a shared array, as its last disk
// where the volume has no name. MAAS learns of it at the next commissioning.
// It panics when a machine is unknown or shows the volume already.
func (s *Server) MapLUN(lun Disk, systemIDs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range systemIDs {
		m := s.machines[id]
		if m == nil || slices.ContainsFunc(m.disks, func(d Disk) bool { return d.Serial == lun.Serial }) {
			panic("maassim: " + id + " is unknown or shows LUN " + lun.Serial)
		}
		d := lun
		d.LUN = true
		for n := len(m.disks); d.Name == "" || slices.ContainsFunc(m.disks, func(o Disk) bool { return o.Name == d.Name }); n++ {
			d.Name = diskName(n)
		}
		m.disks = append(m.disks, d)
	}
}

// UnmapLUN makes machines lose sight of a volume, which keeps its contents.
func (s *Server) UnmapLUN(serial string, systemIDs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range systemIDs {
		if m := s.machines[id]; m != nil {
			m.disks = slices.DeleteFunc(m.disks, func(d Disk) bool { return d.LUN && d.Serial == serial })
		}
	}
}

// PureLUN is a volume of a Pure FlashArray as multipath shows it: its serial
// begins with Pure's 3624a937.
func PureLUN(n int, sizeBytes int64) Disk {
	volume := fmt.Sprintf("%024x", 0x1c4b0f1d6a8c0000+n)
	return Disk{
		Model: "FlashArray", Serial: "3624a9370" + volume, IDPath: "/dev/disk/by-id/wwn-0x624a9370" + volume, SizeBytes: sizeBytes,
		Tags: []string{"multipath", "ssd"}, LUN: true,
	}
}

// RackSpec describes a rack of like servers.
type RackSpec struct {
	// Prefix begins the hostnames: prefix01, prefix02 and so on; "node" when
	// empty.
	Prefix string
	Hosts  int
	// DataDisks are local disks beside the boot disk sda: sdb, sdc and so on.
	DataDisks int
	// LUNs are shown by every host after its local disks, and recorded by MAAS:
	// the servers were commissioned with them mapped.
	LUNs []Disk
	// Machine is what the machines have in common beside that.
	Machine MachineSpec
}

// AddRack adds a rack and returns the system ids.
func (s *Server) AddRack(spec RackSpec) []string {
	var ids []string
	for n := range spec.Hosts {
		m := spec.Machine
		m.Hostname = fmt.Sprintf("%s%02d", orString(spec.Prefix, "node"), n+1)
		m.Disks = []Disk{{Name: "sda", Model: "SSD480", Serial: m.Hostname + "-BOOT", SizeBytes: 480103981056, Tags: []string{"ssd", "sata"}}}
		for i := range spec.DataDisks {
			m.Disks = append(m.Disks, Disk{
				Name: diskName(i + 1), Model: "SSD1920", Serial: fmt.Sprintf("%s-DATA%d", m.Hostname, i+1),
				SizeBytes: 1920383410176, Tags: []string{"ssd", "sata"},
			})
		}
		for _, lun := range spec.LUNs {
			lun.LUN = true
			lun.Name = diskName(len(m.Disks))
			m.Disks = append(m.Disks, lun)
		}
		ids = append(ids, s.AddMachine(m))
	}
	return ids
}

// wipeInventoried loses the data of every disk MAAS knows of, and tells whether
// the installer found them all: it takes none when it misses one. The disks
// are wiped without the lock: the machine does nothing else meanwhile.
func (s *Server) wipeInventoried(m *machine) bool {
	var disks []Disk
	for _, b := range m.bds {
		if b.virtual() {
			continue
		}
		i := slices.IndexFunc(m.disks, func(d Disk) bool { return d.Serial == b.disk.Serial })
		if i < 0 {
			return false
		}
		disks = append(disks, m.disks[i])
	}
	m.wipes++
	s.wipeDisks(m, disks, wipeSuperblock)
	return true
}

// wipeDisks loses data of disks; the lock is let go meanwhile.
func (s *Server) wipeDisks(m *machine, disks []Disk, kind wipeKind) {
	for _, d := range disks {
		m.diskWipes[d.Serial]++
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	for i := range disks {
		d := &disks[i]
		if err := errors.Join(emptyDir(d.Dir), s.media.wipe(keyOf(m.systemID, d), d.SizeBytes, kind)); err != nil {
			s.log.Error("Wiping disk", "machine", m.systemID, "disk", d.Name, "error", err)
		}
	}
	if w, ok := s.cfg.Chassis.(DiskWiper); ok && len(disks) > 0 {
		w.WipeDisks(m.systemID, disks)
	}
}

// emptyDir removes all that is in a folder.
func emptyDir(dir string) error {
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}
