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
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// shelf is what random servers are built from: disks of all sorts, some of which two servers have.
func shelf() []maas.BlockDevice {
	shelf := []maas.BlockDevice{bootDisk(), dataA(), dataB(), lun(0, ""), disk(0, "", "SSD480", "BOOT000004", 480*gb), disk(0, "", "SSD240", "S1", 240*gb),
		disk(0, "", "NVME", "12e5", 960*gb), disk(0, "", "SSD1920", "XBOOT000003X", 1920*gb)}
	return append(shelf, maas.BlockDevice{Physical: true, IDPath: "/dev/vda", SizeBytes: 20 * gb}, maas.BlockDevice{Name: "md0", SizeBytes: gb})
}

// randomServer is a server as nobody would build it, with a memory of any sort.
func randomServer(rnd *rand.Rand) *hostdisks.Input {
	in := &hostdisks.Input{}
	all := shelf()
	for i, k := range rnd.Perm(len(all))[:rnd.IntN(6)] {
		d := all[k]
		d.ID, d.Name = i+1, fmt.Sprintf("sd%c", 'a'+i)
		in.Devices = append(in.Devices, d)
	}
	in.BootDiskID = rnd.IntN(len(in.Devices) + 1)
	in.Wanted.Policy = []hostdisks.Policy{hostdisks.Unsaid, hostdisks.Preserve, hostdisks.Wipe}[rnd.IntN(3)]
	in.Wanted.Smallest = rnd.IntN(3) == 0
	if rnd.IntN(3) == 0 {
		in.Wanted.Boot = []hostdisks.Selector{{Model: "SSD*"}, {MaxBytes: 500 * gb}, {WWN: "3624a937"}, {Serial: "BOOT000003"}}[rnd.IntN(4)]
	}
	if in.Wanted.Policy == hostdisks.Preserve && rnd.IntN(2) == 0 {
		in.Wanted.Protected = []hostdisks.Selector{{Model: "SSD1920"}, {WWN: "624a937"}}[:1+rnd.IntN(2)]
	}
	in.Wanted.Layout = []hostdisks.Layout{{}, {Type: maas.LayoutFlat, RootBytes: 50 * gb}, {Type: maas.LayoutLVM, BootBytes: gb, LVName: "r"}}[rnd.IntN(3)]
	if rnd.IntN(3) == 0 {
		id := identity(all[rnd.IntN(len(all))])
		in.Known.Boot = &id
	}
	for range rnd.IntN(3) {
		in.Known.Protected = append(in.Known.Protected, identity(all[rnd.IntN(len(all)-2)]))
	}
	in.Shared = sharedWith(lun(1, "x"), in)
	return in
}

// TestNothingProtectedIsEverExposed prepares thousands of unlikely servers, with a crash after a random call, and asserts what must hold for
// every one of them.
func TestNothingProtectedIsEverExposed(t *testing.T) {
	t.Parallel()
	deployed := 0
	for seed := range uint64(20_000) {
		rnd := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // a test that can be repeated
		in := randomServer(rnd)
		if problem := prepareAndDeploy(rnd, in, &deployed); problem != "" {
			t.Fatalf("seed %d: %s\n%+v", seed, problem, in)
		}
	}
	if deployed < 2000 {
		t.Errorf("want the walk to deploy many servers, or it proves nothing; got %d", deployed)
	}
}

func prepareAndDeploy(rnd *rand.Rand, in *hostdisks.Input, deployed *int) string {
	before := slices.Clone(in.Devices)
	v := hostdisks.Classify(in)
	p := hostdisks.NewPlan(in, &v)
	if v.Refusal != nil {
		if !p.Empty() || p.News {
			return "want nothing done to a server that is refused"
		}
		if hostdisks.MayDeploy(&v, &p) == nil {
			return "want no deploy on a refused server"
		}
		return ""
	}
	carryOut(in, &p, rnd.IntN(p.Size()+1))
	v = hostdisks.Classify(in)
	p = hostdisks.NewPlan(in, &v)
	if v.Refusal != nil {
		return "want the plan to go on after a crash, got " + v.Refusal.Message
	}
	carryOut(in, &p, p.Size())
	v = hostdisks.Classify(in)
	p = hostdisks.NewPlan(in, &v)
	if !p.Empty() || p.News {
		return fmt.Sprintf("want nothing left to do, got %+v", p)
	}
	if r := hostdisks.MayDeploy(&v, &p); r != nil {
		return "want a prepared server to be deployable, got " + r.Message
	}
	*deployed++
	return whatIsWiped(in, &v, before)
}

// whatIsWiped looks at the disks that MAAS would wipe now, and at those that it had at first.
func whatIsWiped(in *hostdisks.Input, v *hostdisks.Verdict, before []maas.BlockDevice) string {
	var wiped []maas.BlockDevice
	for _, d := range in.Devices {
		if !d.Physical {
			continue
		}
		wiped = append(wiped, d)
		boot := d.ID == v.Boot.ID
		switch {
		case in.Wanted.Policy.Keeps() && !boot && len(in.Wanted.Protected) == 0:
			return "would wipe " + d.Name + ", which is not the boot disk"
		case in.Wanted.Policy.Keeps() && !boot && slices.ContainsFunc(in.Known.Protected, identity(d).MayBe):
			return "would wipe " + d.Name + ", which was protected before"
		case in.Wanted.Policy.Keeps() && slices.ContainsFunc(in.Wanted.Protected, func(s hostdisks.Selector) bool { return s.Matches(&d) }):
			return "would wipe " + d.Name + ", which protectedDisks names"
		case strings.Contains(d.IDPath, "wwn-0x624a937"):
			return "would wipe a LUN that another server has"
		}
	}
	if r := hostdisks.CheckInstall([]byte(curtin(wiped...)), in, v); r != nil {
		return "want the installation to be let pass, got " + r.Message
	}
	for _, d := range before {
		gone := !slices.ContainsFunc(in.Devices, func(o maas.BlockDevice) bool { return o.ID == d.ID })
		if d.Physical && gone && !slices.Contains(in.Known.Protected, identity(d)) {
			return d.Name + " is out of the inventory and was not written down"
		}
		if d.Physical && gone && hostdisks.CheckInstall([]byte(curtin(append(wiped, d)...)), in, v) == nil {
			return "want an installation that names " + d.Name + " to be aborted"
		}
	}
	return ""
}

// FuzzReadInstallConfig feeds the parser anything: it must not panic, and what it lets pass has to be the disks that are there.
func FuzzReadInstallConfig(f *testing.F) {
	f.Add(curtin(bootDisk()))
	f.Add(curtin(bootDisk(), dataA(), dataB()))
	f.Add("storage: {config: [{type: disk, serial: *a}]}")
	f.Add("a: &a [*a]\nstorage:\n  config:\n  - <<: {type: disk}\n")
	f.Add("storage: !!binary aGk=\npartitioning_commands: {builtin: curtin block-meta custom}")
	f.Fuzz(func(t *testing.T, text string) {
		disks, err := hostdisks.ReadInstallConfig([]byte(text))
		if err == nil && len(disks) == 0 {
			t.Error("want an error for a configuration without disks")
		}
		in := server(bootDisk())
		boot := identity(bootDisk())
		in.Known = hostdisks.Known{Boot: &boot, Protected: identities(dataA())}
		v := hostdisks.Classify(in)
		refusal := hostdisks.CheckInstall([]byte(text), in, &v)
		for _, d := range disks {
			if refusal == nil && d.Serial != bootDisk().Serial && d.Path != bootDisk().IDPath {
				t.Errorf("let pass %+v", d)
			}
		}
		if err != nil && refusal == nil {
			t.Errorf("let pass what could not be read: %v", err)
		}
	})
}

// FuzzClassify plans for any record that MAAS could send: the boot disk is never a protected one, and nothing is planned beside a refusal.
func FuzzClassify(f *testing.F) {
	f.Add("SSD480", "BOOT1", "/dev/disk/by-id/sata-SSD480_BOOT1", int64(480*gb), "SSD1920", "D1", "", int64(gb), 1, byte(0))
	f.Add("", "", "", int64(0), "", "", "", int64(-1), 7, byte(3))
	f.Fuzz(func(t *testing.T, m1, s1, p1 string, b1 int64, m2, s2, p2 string, b2 int64, boot int, bits byte) {
		one := maas.BlockDevice{ID: 1, Name: "sda", Physical: bits&1 == 0, Model: m1, Serial: s1, IDPath: p1, SizeBytes: b1}
		two := maas.BlockDevice{ID: 2, Name: "sdb", Physical: true, Model: m2, Serial: s2, IDPath: p2, SizeBytes: b2}
		in := &hostdisks.Input{Devices: []maas.BlockDevice{one, two}, BootDiskID: boot}
		in.Wanted.Smallest = bits&2 != 0
		if bits&4 != 0 {
			in.Known.Protected = identities(two)
		}
		if bits&8 != 0 {
			in.Wanted.Boot = hostdisks.Selector{Serial: s1}
		}
		v := hostdisks.Classify(in)
		p := hostdisks.NewPlan(in, &v)
		if v.Refusal != nil && !p.Empty() {
			t.Errorf("refused (%s) and yet %+v", v.Refusal.Message, p)
		}
		if v.Boot != nil && bits&4 != 0 && identity(*v.Boot).MayBe(identity(two)) {
			t.Errorf("boots from the protected disk")
		}
		if refusal := hostdisks.MayDeploy(&v, &p); refusal == nil && len(v.Of(hostdisks.Protected)) > 0 {
			t.Error("deploys over a protected disk")
		}
	})
}
