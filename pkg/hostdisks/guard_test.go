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

package hostdisks_test

import (
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func reasonOf(r *hostdisks.Refusal) hostdisks.Reason {
	if r == nil {
		return ""
	}
	return r.Reason
}

func TestMayRelease(t *testing.T) {
	t.Parallel()
	nothing, lun := hostdisks.Known{}, hostdisks.Known{Protected: identities(lun(9, "sdc"))}
	tests := []struct {
		policy hostdisks.Policy
		known  hostdisks.Known
		erase  maas.EraseMode
		forced bool
		want   hostdisks.Reason
	}{
		{hostdisks.Unsaid, nothing, maas.EraseNone, false, ""},
		{hostdisks.Preserve, lun, maas.EraseNone, false, ""},
		{hostdisks.Wipe, nothing, maas.EraseFull, true, ""},
		{hostdisks.Wipe, hostdisks.Known{Protected: identities(dataA())}, maas.EraseFull, true, ""},
		{hostdisks.Wipe, lun, maas.EraseNone, false, ""},
		{hostdisks.Wipe, lun, maas.EraseQuick, false, hostdisks.EraseAsked},
		{hostdisks.Wipe, lun, maas.EraseNone, true, hostdisks.EraseAsked},
		{hostdisks.Unsaid, nothing, maas.EraseNone, true, hostdisks.EraseForced},
		{hostdisks.Preserve, nothing, maas.EraseNone, true, hostdisks.EraseForced},
		{hostdisks.Preserve, nothing, maas.EraseQuick, false, hostdisks.EraseAsked},
		{hostdisks.Unsaid, nothing, maas.EraseQuick, false, hostdisks.EraseAsked},
		{hostdisks.Unsaid, nothing, maas.EraseQuick, true, hostdisks.EraseForced},
	}
	for _, tt := range tests {
		if got := reasonOf(hostdisks.MayRelease(tt.policy, &tt.known, tt.erase, tt.forced)); got != tt.want {
			t.Errorf("%q, erase %q, forced %v, knowing %v: want %q, got %q", tt.policy, tt.erase, tt.forced, tt.known.Protected, tt.want, got)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	in := server(bootDisk(), dataA())
	v := hostdisks.Classify(in)
	p := hostdisks.NewPlan(in, &v)
	if got := reasonOf(hostdisks.MayChange(&p, false)); got != hostdisks.NeedsAdministrator {
		t.Errorf("removal with an ordinary key: want a refusal, got %q", got)
	}
	if r := hostdisks.MayChange(&p, true); r != nil {
		t.Errorf("removal with an administrator's key: got %+v", r)
	}
	if r := hostdisks.MayChange(&hostdisks.Plan{}, false); r != nil {
		t.Errorf("nothing to do, with an ordinary key: got %+v", r)
	}
	if got := reasonOf(hostdisks.MayKeep(hostdisks.Preserve, false)); got != hostdisks.NeedsAdministrator {
		t.Errorf("Preserve with an ordinary key: want a refusal, got %q", got)
	}
	for _, p := range []hostdisks.Policy{hostdisks.Unsaid, hostdisks.Wipe} {
		if r := hostdisks.MayKeep(p, false); r != nil {
			t.Errorf("%q with an ordinary key: got %+v", p, r)
		}
	}
}

func TestMayRunFromMemory(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"3.4.1": false, "3.5.0": true, "3.5": true, "3.5~rc1": true, "3.10.2": true, "4.0~beta1": true, "2.9.2": false, "": false, "3": false,
		"three.five": false, "3.": false,
	} {
		if got := hostdisks.MayRunFromMemory(version) == nil; got != want {
			t.Errorf("%q: want %v, got %v", version, want, got)
		}
	}
}

// TestCheckInstall judges installations that are about to run.
func TestCheckInstall(t *testing.T) {
	t.Parallel()
	boot := identity(bootDisk())
	prepared := func() *hostdisks.Input {
		in := server(bootDisk())
		in.Known = hostdisks.Known{Boot: &boot, Protected: identities(dataA(), lun(9, "sdc"))}
		return in
	}
	scratch := func() *hostdisks.Input {
		in := server(bootDisk(), dataB())
		in.Known = hostdisks.Known{Boot: &boot, Protected: identities(dataA())}
		in.Wanted = hostdisks.Wanted{Policy: hostdisks.Preserve, Protected: []hostdisks.Selector{{Serial: "DATA000003A"}}}
		return in
	}
	wiping := func() *hostdisks.Input {
		in := server(bootDisk(), dataA())
		in.Wanted.Policy = hostdisks.Wipe
		return in
	}
	entry := func(lines string) string {
		return strings.Replace(curtin(bootDisk()), "storage:\n  config:\n", "storage:\n  config:\n"+lines, 1)
	}
	good := curtin(bootDisk())
	tests := []struct {
		name   string
		in     *hostdisks.Input
		config string
		want   hostdisks.Reason
	}{
		{"the boot disk alone", prepared(), good, ""},
		{"a protected disk as well", prepared(), curtin(bootDisk(), dataA()), hostdisks.InstallWouldWipe},
		{"a disk that nobody knows", prepared(), curtin(bootDisk(), dataB()), hostdisks.InstallWouldWipe},
		{"another boot disk of the same model", prepared(), curtin(disk(1, "sda", "SSD480", "BOOT2", 480*gb)), hostdisks.InstallWouldWipe},
		{"serial of the boot disk under another model", prepared(), curtin(disk(1, "sda", "SSD960", "BOOT000003", 480*gb)), hostdisks.InstallWouldWipe},
		{"a disk that may be wiped", scratch(), curtin(bootDisk(), dataB()), ""},
		{"one that may be wiped and one that may not", scratch(), curtin(bootDisk(), dataB(), dataA()), hostdisks.InstallWouldWipe},
		{"Wipe", wiping(), curtin(bootDisk(), dataA()), ""},
		{"no boot disk was written down", server(bootDisk()), good, hostdisks.InstallWouldWipe},
		{"protected disk by path", prepared(), entry("  - {id: sdc, type: disk, path: /dev/disk/by-id/sata-SSD1920_DATA000003A}\n"), hostdisks.InstallWouldWipe},
		{"protected disk by wwn", prepared(), entry("  - {id: sdc, type: disk, wwn: '0x624a9370aaaabbbbccccdddd00011e7f'}\n"), hostdisks.InstallWouldWipe},
		{"boot disk by path", prepared(), strings.ReplaceAll(strings.ReplaceAll(good, "    model: \"SSD480\"\n", ""), "serial: \"BOOT000003\"",
			"path: /dev/disk/by-id/sata-SSD480_BOOT000003"), ""},
		{"disk by its name only", prepared(), entry("  - {id: sdx, type: disk, name: sdx}\n"), hostdisks.InstallWouldWipe},
		{"empty", prepared(), "", hostdisks.InstallUnreadable},
		{"a page of a proxy", prepared(), "<html><body>Bad gateway</body></html>", hostdisks.InstallUnreadable},
		{"no storage", prepared(), "partitioning_commands:\n  builtin: [curtin, block-meta, custom]\n", hostdisks.InstallUnreadable},
		{"no partitioning commands", prepared(), strings.Replace(good, "partitioning_commands", "some_commands", 1), hostdisks.InstallUnreadable},
		{"the installer's own choice of disk", prepared(), strings.Replace(good, "- custom", "- simple", 1), hostdisks.InstallUnreadable},
		{"a second command", prepared(), strings.Replace(good, "  builtin:", "  late: wipefs -a /dev/sdb\n  builtin:", 1), hostdisks.InstallUnreadable},
		{"devices beside the storage section", prepared(), good + "block-meta:\n  devices: [/dev/sdb]\n", hostdisks.InstallUnreadable},
		{"two storage sections", prepared(), good + "storage:\n  config: []\n", hostdisks.InstallUnreadable},
		{"two documents", prepared(), good + "---\nstorage: {}\n", hostdisks.InstallUnreadable},
		{"an entry of a kind that is not known", prepared(), entry("  - {id: d0, type: dasd, device_id: 0.0.1520}\n"), hostdisks.InstallUnreadable},
		{"an entry without a kind", prepared(), entry("  - {id: d0}\n"), hostdisks.InstallUnreadable},
		{"a disk by a controller's number", prepared(), entry("  - {id: d0, type: disk, nvme_controller: n0}\n"), hostdisks.InstallUnreadable},
		{"cut off", prepared(), good[:len(good)-60] + "\n  - {", hostdisks.InstallUnreadable},
		{"a list for a serial", prepared(), entry("  - {id: d0, type: disk, serial: [a, b]}\n"), hostdisks.InstallUnreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := hostdisks.Classify(tt.in)
			if v.Refusal != nil {
				t.Fatalf("the server itself is refused: %+v", v.Refusal)
			}
			if got := hostdisks.CheckInstall([]byte(tt.config), tt.in, &v); reasonOf(got) != tt.want {
				t.Errorf("want %q, got %+v", tt.want, got)
			}
		})
	}
}

// TestSerialsThatLookLikeNumbers keeps a serial as it stands: the installer takes 12e5 and 0012 for text.
func TestSerialsThatLookLikeNumbers(t *testing.T) {
	t.Parallel()
	for _, serial := range []string{"12e5", "0012", "'0012'", "1_000", "0x1F", "yes"} {
		config := strings.ReplaceAll(curtin(disk(1, "sda", "M", "S", gb)), `serial: "S"`, "serial: "+serial)
		disks, err := hostdisks.ReadInstallConfig([]byte(config))
		if err != nil || len(disks) != 1 || disks[0].Serial != strings.Trim(serial, "'") {
			t.Errorf("%s: got %+v, %v", serial, disks, err)
		}
	}
}
