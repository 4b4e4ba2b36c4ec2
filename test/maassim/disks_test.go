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
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

const pattern = "a volume that someone needs"

// diskRig is a rack of two hosts with a boot disk, two data disks and two LUNs
// of an array, all written on, and of one LUN that MAAS does not know of.
type diskRig struct {
	*rig
	ids  []string
	luns []Disk
}

func newDiskRig(t *testing.T, cfg Config) *diskRig {
	t.Helper()
	r := &diskRig{rig: newRig(t, cfg), luns: []Disk{PureLUN(1, 10<<40), PureLUN(2, 10<<40), PureLUN(3, 10<<40)}}
	r.ids = r.s.AddRack(RackSpec{Hosts: 2, DataDisks: 2, LUNs: r.luns[:2]})
	r.s.MapLUN(r.luns[2], r.ids...)
	r.write()
	return r
}

func (r *diskRig) write() {
	r.t.Helper()
	for _, id := range r.ids {
		m, _ := r.s.Machine(id)
		for _, d := range m.Disks {
			if err := r.s.WritePattern(id, d.Name, pattern); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// expectContents checks each disk of the first host: sda, sdb, sdc, the LUNs
// sdd, sde and sdf.
func (r *diskRig) expectContents(when string, want map[string]Contents) {
	r.t.Helper()
	for name, w := range want {
		got, err := r.s.FindPattern(r.ids[0], name, pattern)
		if err != nil {
			r.t.Fatal(err)
		}
		if got != w {
			r.t.Errorf("%s: %s holds %+v, want %+v", when, name, got, w)
		}
	}
}

// deviceID is the id that MAAS has for a disk of the first host.
func (r *diskRig) deviceID(name string) int {
	r.t.Helper()
	m, _ := r.s.Machine(r.ids[0])
	for _, d := range m.Disks {
		if d.Name == name {
			return d.DeviceID
		}
	}
	r.t.Fatalf("no disk %s", name)
	return 0
}

func (r *diskRig) deleteDisk(name string, want int) {
	r.t.Helper()
	if w := r.do(r.admin, http.MethodDelete, fmt.Sprintf("nodes/%s/blockdevices/%d/", r.ids[0], r.deviceID(name)), nil); w.Code != want {
		r.t.Fatalf("deleting %s: %d %s, want %d", name, w.Code, w.Body, want)
	}
}

var (
	intact     = Contents{true, true, true, true}
	superblock = Contents{Early: true, Middle: true} // what is left when that has gone
	quick      = Contents{Middle: true}
	gone       = Contents{}
)

// onAll is the same for all six disks.
func onAll(c Contents) map[string]Contents {
	return map[string]Contents{"sda": c, "sdb": c, "sdc": c, "sdd": c, "sde": c, "sdf": c}
}

func TestADeployWipesTheInventory(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	id := r.ids[0]
	r.deleteDisk("sdb", 204)
	r.deleteDisk("sdd", 204)
	r.post(r.key, id, "deploy", userData, 200)
	r.deleteDisk("sdc", 409)
	r.clock.Advance(2 * time.Minute)
	r.expectContents("before the installer runs", onAll(intact))
	if got, want := r.toWipe(), []string{"sda", "sdc", "sde"}; !slices.Equal(got, want) {
		r.t.Errorf("the installer is told to wipe %v, want %v", got, want)
	}
	r.clock.Advance(time.Minute)
	r.expect(id, StatusDeploying)
	want := map[string]Contents{"sda": superblock, "sdb": intact, "sdc": superblock, "sdd": intact, "sde": superblock, "sdf": intact}
	r.expectContents("once the installer runs", want)
	got, err := r.s.FindPattern(r.ids[1], r.luns[1].Serial, pattern)
	if err != nil || got != superblock {
		t.Errorf("the other host sees %+v (%v) of the LUN, want it wiped too", got, err)
	}
	if got, err = r.s.FindPattern(r.ids[1], "sdb", pattern); err != nil || !got.Intact() {
		t.Errorf("the other host has %+v (%v) of its own disk, want all", got, err)
	}

	r.clock.Advance(6 * time.Minute)
	r.expect(id, StatusDeployed)
	r.post(r.key, id, "release", nil, 200)
	r.clock.Advance(time.Minute)
	r.expect(id, StatusReady)
	r.expectContents("after a release", want)
	if id := r.deviceID("sdb"); id != 0 {
		t.Errorf("sdb is block device %d again after a release", id)
	}
}

// toWipe reads get_curtin_config as the provider has to.
func (r *diskRig) toWipe() []string {
	r.t.Helper()
	w := r.do(r.key, http.MethodGet, "machines/"+r.ids[0]+"/?op=get_curtin_config", nil)
	if w.Code != 200 {
		r.t.Fatalf("get_curtin_config: %d %s", w.Code, w.Body)
	}
	var c struct {
		Storage struct {
			Config []struct{ Type, Name, Wipe, Serial string }
		}
	}
	if err := yaml.Unmarshal(w.Body.Bytes(), &c); err != nil {
		r.t.Fatal(err)
	}
	var names []string
	for _, e := range c.Storage.Config {
		if e.Type == "disk" && e.Wipe == "superblock" && e.Serial != "" {
			names = append(names, e.Name)
		}
	}
	return names
}

func TestAnAbortInTimeSavesTheData(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	r.post(r.key, r.ids[0], "deploy", userData, 200)
	r.clock.Advance(time.Minute)
	r.post(r.key, r.ids[0], "abort", nil, 200)
	r.clock.Advance(10 * time.Minute)
	r.expect(r.ids[0], StatusAllocated)
	r.expectContents("aborted before the installer ran", onAll(intact))
}

func TestToSwitchOnAnAllocatedMachineIsToDeployIt(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	id := r.ids[0]
	r.post(r.key, id, "power_on", nil, 403)
	r.post(r.admin, id, "power_on", nil, 409)
	if err := r.s.Operator().TakeAs("capi", id); err != nil {
		t.Fatal(err)
	}
	r.post(r.key, id, "power_on", nil, 200)
	r.expect(id, StatusDeploying)
	r.clock.Advance(4 * time.Minute)
	r.expectContents("switched on", map[string]Contents{"sda": superblock, "sdb": superblock, "sdf": intact})
}

func TestEphemeral(t *testing.T) {
	t.Parallel()
	memory := map[string][]string{"ephemeral_deploy": {"true"}, "user_data": {"I2Nsb3VkLWNvbmZpZwo="}}
	for name, tc := range map[string]struct {
		version, image string
		toMemory       bool
	}{
		"as recorded":                 {"", "jammy", true},
		"a custom image needs 3.5":    {"3.4.9", "custom/u-2204-k-1284", false},
		"a custom image of 3.5":       {"3.5.0", "custom/u-2204-k-1284", true},
		"an old one passes it over":   {"2.8.4", "jammy", false},
		"a later one shows it in 3.6": {"3.6.1", "jammy", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDiskRig(t, Config{Version: tc.version})
			form := map[string][]string{"distro_series": {tc.image}}
			for k, v := range memory {
				form[k] = v
			}
			r.post(r.key, r.ids[0], "deploy", form, 200)
			r.clock.Advance(10 * time.Minute)
			r.expect(r.ids[0], StatusDeployed)
			want := map[string]Contents{"sda": superblock, "sdb": superblock, "sdf": intact}
			if tc.toMemory {
				want = onAll(intact)
			}
			r.expectContents(name, want)
			m, _ := r.s.Machine(r.ids[0])
			if m.Ephemeral != tc.toMemory {
				t.Errorf("ephemeral %t, want %t", m.Ephemeral, tc.toMemory)
			}
			shown := strings.Contains(r.do(r.key, http.MethodGet, "machines/"+r.ids[0]+"/", nil).Body.String(), `"ephemeral_deploy":true`)
			if later := tc.version >= "3.5"; shown != later {
				t.Errorf("shown in the machine's JSON: %t, want %t", shown, later)
			}
		})
	}
}

func TestEraseTakesEveryDiskTheHostShows(t *testing.T) {
	t.Parallel()
	erase := func(more ...string) map[string][]string {
		form := map[string][]string{"erase": {"true"}}
		for _, k := range more {
			form[strings.TrimPrefix(k, "!")] = []string{fmt.Sprint(!strings.HasPrefix(k, "!"))}
		}
		return form
	}
	for name, tc := range map[string]struct {
		form    map[string][]string
		setting string
		fault   HostFault
		want    map[string]Contents
		status  Status
	}{
		"full":                     {erase("!quick_erase", "!secure_erase"), "", HostFault{}, onAll(gone), StatusReady},
		"secure":                   {erase("secure_erase", "!quick_erase"), "", HostFault{}, onAll(gone), StatusReady},
		"quick":                    {erase("quick_erase", "!secure_erase"), "", HostFault{}, onAll(quick), StatusReady},
		"as the region says":       {erase(), "disk_erase_with_quick_erase", HostFault{}, onAll(quick), StatusReady},
		"forced by the region":     {nil, "enable_disk_erasing_on_release", HostFault{}, onAll(gone), StatusReady},
		"quick without erase":      {map[string][]string{"quick_erase": {"true"}}, "", HostFault{}, onAll(intact), StatusReady},
		"not at all":               {nil, "", HostFault{}, onAll(intact), StatusReady},
		"one that fails has begun": {erase("quick_erase"), "", HostFault{EraseFails: true}, map[string]Contents{"sda": quick, "sdb": intact}, StatusFailedDiskErasing},
		"with both ways asked for": {erase("quick_erase", "secure_erase"), "", HostFault{}, onAll(quick), StatusReady},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newDiskRig(t, Config{})
			id := r.ids[0]
			for _, d := range []string{"sdb", "sdc", "sdd", "sde"} {
				r.deleteDisk(d, 204)
			}
			if tc.setting != "" {
				r.s.SetConfig(tc.setting, true)
			}
			if err := r.s.SetHostFault(id, tc.fault); err != nil {
				t.Fatal(err)
			}
			if err := r.s.Operator().TakeAs("capi", id); err != nil {
				t.Fatal(err)
			}
			r.post(r.key, id, "release", tc.form, 200)
			r.clock.Advance(10 * time.Minute)
			r.expect(id, tc.status)
			r.expectContents(name, tc.want)
		})
	}
}

func TestCommissioningRecordsTheDisksAgain(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	id := r.ids[0]
	boot, data := r.deviceID("sda"), r.deviceID("sdb")
	r.deleteDisk("sdb", 204)
	r.s.UnmapLUN(r.luns[0].Serial, id)
	if err := r.s.Operator().Commission(id); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(10 * time.Minute)
	r.expect(id, StatusReady)
	if got := r.deviceID("sda"); got != boot {
		t.Errorf("the boot disk is block device %d, want %d as before", got, boot)
	}
	if got := r.deviceID("sdb"); got == 0 || got == data {
		t.Errorf("the deleted disk is block device %d, want a new one", got)
	}
	if r.deviceID("sdf") == 0 {
		t.Error("the LUN that was mapped meanwhile was not recorded")
	}
	r.expectContents("commissioned", map[string]Contents{"sda": intact, "sdb": intact, "sdf": intact})
	if got, want := r.blockDevices(), []string{"sda", "sdc", "sde", "sdb", "sdf"}; !slices.Equal(got, want) {
		t.Errorf("the inventory holds %v, want %v", got, want)
	}

	r.deleteDisk("sdb", 204)
	r.post(r.admin, id, "commission", map[string][]string{"skip_storage": {"1"}}, 200)
	r.clock.Advance(10 * time.Minute)
	r.expect(id, StatusReady)
	if r.deviceID("sdb") != 0 {
		t.Error("commissioning that skips storage recorded a disk")
	}
}

// blockDevices lists the names of the first host's block devices.
func (r *diskRig) blockDevices() []string {
	r.t.Helper()
	var list []struct{ Name string }
	if err := json.Unmarshal(r.do(r.key, http.MethodGet, "nodes/"+r.ids[0]+"/blockdevices/", nil).Body.Bytes(), &list); err != nil {
		r.t.Fatal(err)
	}
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}

func TestTheBootDisk(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	id := r.ids[0]
	bootDisk := func() string {
		var m struct {
			BootDisk struct {
				Name string `json:"name"`
			} `json:"boot_disk"`
		}
		if err := json.Unmarshal(r.do(r.key, http.MethodGet, "machines/"+id+"/", nil).Body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m.BootDisk.Name
	}
	setBoot := func(key, disk string, want int) {
		t.Helper()
		path := fmt.Sprintf("nodes/%s/blockdevices/%d/?op=set_boot_disk", id, r.deviceID(disk))
		if w := r.do(key, http.MethodPost, path, nil); w.Code != want {
			t.Errorf("set_boot_disk %s: %d %s, want %d", disk, w.Code, w.Body, want)
		}
	}
	setBoot(r.key, "sdc", 403)
	setBoot(r.admin, "sdc", 200)
	if got := bootDisk(); got != "sdc" {
		t.Errorf("boots from %s, want sdc", got)
	}
	r.post(r.admin, id, "set_storage_layout", map[string][]string{"storage_layout": {"lvm"}}, 200)
	r.deleteDisk("sda", 204)
	if got := bootDisk(); got != "sdc" {
		t.Errorf("boots from %s, want sdc as before", got)
	}
	r.deleteDisk("sdc", 204)
	if got := bootDisk(); got != "sdb" {
		t.Errorf("boots from %s, want the first of those that are left", got)
	}
	if err := r.s.Operator().TakeAs("capi", id); err != nil {
		t.Fatal(err)
	}
	setBoot(r.admin, "sdb", 409)
}

func TestADiskThatIsNotThereFailsTheInstallation(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	r.s.UnmapLUN(r.luns[0].Serial, r.ids[0])
	r.post(r.key, r.ids[0], "deploy", userData, 200)
	r.clock.Advance(10 * time.Minute)
	r.expect(r.ids[0], StatusFailedDeployment)
	r.expectContents("failed", map[string]Contents{"sda": intact, "sdb": intact, "sde": intact})
}

func TestWithoutStorage(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	id := r.ids[0]
	r.post(r.admin, id, "set_storage_layout", map[string][]string{"storage_layout": {"blank"}}, 200)
	r.post(r.key, id, "deploy", map[string][]string{"distro_series": {"jammy"}}, 400)
	r.expect(id, StatusReady)
	for _, d := range []string{"sda", "sdb", "sdc", "sdd", "sde"} {
		r.deleteDisk(d, 204)
	}
	r.post(r.admin, id, "set_storage_layout", map[string][]string{"storage_layout": {"flat"}}, 400)
	r.post(r.key, id, "deploy", map[string][]string{"distro_series": {"custom/u-2204-k-1284"}}, 400)
	r.post(r.key, id, "deploy", map[string][]string{"distro_series": {"jammy"}}, 200)
	if m, _ := r.s.Machine(id); !m.Ephemeral {
		t.Error("a machine without disks is not deployed to memory")
	}
}

func TestOnlyTheOwnerMarksBroken(t *testing.T) {
	t.Parallel()
	r := newDiskRig(t, Config{})
	id := r.ids[0]
	r.post(r.admin, id, "mark_broken", nil, 403)
	if err := r.s.Operator().TakeAs("capi", id); err != nil {
		t.Fatal(err)
	}
	r.post(r.admin, id, "mark_broken", nil, 403)
	r.post(r.key, id, "mark_broken", map[string][]string{"comment": {"smoke"}}, 200)
	r.expect(id, StatusBroken)
	r.post(r.key, id, "mark_fixed", nil, 403)
	r.post(r.admin, id, "mark_fixed", nil, 200)
	r.expect(id, StatusReady)
	r.post(r.admin, id, "mark_fixed", nil, 409)
	r.expectContents("broken and fixed", onAll(intact))
}

func TestNamesOfDisks(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "sda", 25: "sdz", 26: "sdaa", 51: "sdaz", 52: "sdba", 701: "sdzz", 702: "sdaaa"} {
		if got := diskName(n); got != want {
			t.Errorf("disk %d is %s, want %s", n, got, want)
		}
	}
	r := newDiskRig(t, Config{})
	r.s.UnmapLUN(r.luns[0].Serial, r.ids...) // sdd, and sde and sdf stay
	r.s.MapLUN(PureLUN(4, 1<<40), r.ids[0])
	if m, _ := r.s.Machine(r.ids[0]); m.Disks[len(m.Disks)-1].Name != "sdg" {
		t.Errorf("the new LUN is %s, want a name that is free", m.Disks[len(m.Disks)-1].Name)
	}
}

func TestNobodysDisksCostNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := New(Config{DiskDir: dir, Clock: NewManualClock(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))})
	defer s.Close()
	ids := s.AddRack(RackSpec{Hosts: 2000, DataDisks: 4})
	for _, id := range ids[:50] {
		if got, err := s.ReadDisk(id, "sdb", 1<<30, 16); err != nil || string(got) != strings.Repeat("\x00", 16) {
			t.Fatalf("read %q, %v", got, err)
		}
	}
	if err := s.WriteDisk(ids[7], "sdb", 1<<39, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files (%v), want the one of the disk that was written on", len(entries), err)
	}
	if err := s.WriteDisk(ids[7], "sdb", 1<<41, []byte("x")); err == nil {
		t.Error("wrote beyond the end of a disk")
	}
}
