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

package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// TestWipeWipes proves that the simulator would have taken the data, and that Wipe is obeyed.
func TestWipeWipes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	w.machine("m", dataDisks(infrav1.DataDisksWipe))
	w.awaitProvisioned("m")
	for _, d := range dataDiskNames {
		if w.dataOn(id, d).Begin {
			t.Errorf("want %s wiped, its data is there", d)
		}
	}
	w.awaitDisks(id, infrav1.DataDisksWipedReason)
}

// TestPreserveOfThePoolWins keeps the disks although the machine says Wipe.
func TestPreserveOfThePoolWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.changePool(func(spec *infrav1.MaasHostPoolSpec) { spec.DataDisks = infrav1.DataDisksPreserve })
	w.writeData(w.ids[0])
	w.machine("m", dataDisks(infrav1.DataDisksWipe))
	w.awaitProvisioned("m")
	w.expectData("deployed", w.ids[0])
	h := &infrav1.MaasHost{}
	if err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: w.ids[0]}, h); err != nil {
		t.Fatal(err)
	}
	if h.Status.DataDisks != "2 protected" || len(h.Spec.Disks.Protected) != 2 || h.Spec.Disks.Boot.Serial == "" {
		t.Errorf("want two protected disks and the boot disk remembered in the spec, got %q and %+v", h.Status.DataDisks, h.Spec.Disks)
	}
}

// worldWithKey has a key of its own, an administrator's or not.
func worldWithKey(t *testing.T, servers int, administrator bool) *world {
	t.Helper()
	w := emptyWorld(t, servers)
	w.user = "own-" + w.ns
	secret := theLab.Credentials(w.ns, credentialsName)
	secret.StringData["apiKey"] = w.sim().AddUser(w.user, administrator)
	w.create(secret)
	w.cluster()
	return w
}

// TestOrdinaryKey has a key that may not take disks out of the inventory.
func TestOrdinaryKey(t *testing.T) {
	t.Parallel()
	w := worldWithKey(t, 1, false)
	id := w.ids[0]
	w.writeData(id)
	w.machine("preserve", dataDisks(infrav1.DataDisksPreserve))
	w.awaitReason("preserve", infrav1.DisksNeedAdministratorReason)
	w.machine("silent")
	w.awaitReason("silent", infrav1.NoHostFitsReason)
	if _, seen := w.condition(w.maasMachine("silent"), infrav1.ReadyCondition, ""); !strings.Contains(seen, "administrator") {
		t.Errorf("want the condition to say what the key lacks, got %q", seen)
	}
	if n := len(w.hosts()); n > 0 || w.view(id).Owner != "" {
		t.Errorf("want no server taken, got %d leases and owner %q", n, w.view(id).Owner)
	}
	w.expectData("refused", id)
	w.machine("wipe", dataDisks(infrav1.DataDisksWipe))
	w.awaitProvisioned("wipe")
	if got := w.inventory(id); len(got) != 3 {
		t.Errorf("want the inventory left as it is, got %v", got)
	}
}

// TestLUNsRecordedByMistake keeps volumes of an array that MAAS took for disks of the servers, also under Wipe, and boots from none.
func TestLUNsRecordedByMistake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	lun := maassim.PureLUN(time.Now().Nanosecond(), 100<<30)
	lun.Name = "sdz"
	for i := range 2 {
		name := fmt.Sprintf("%s-n%02d", w.ns, i)
		id, err := theLab.AddHost(maassim.MachineSpec{Hostname: name, Pool: w.ns, CPUs: 8, MemoryMiB: 65536, Disks: []maassim.Disk{
			{Name: bootDiskName, Model: "boot", Serial: name + "-boot", SizeBytes: 480 << 30},
			{Name: dataDiskNames[0], Model: "data", Serial: name + "-data-0", SizeBytes: 3840 << 30}, lun,
		}})
		if err != nil {
			t.Fatal(err)
		}
		w.ids = append(w.ids, id)
		w.writeData(id, dataDiskNames[0], lun.Name)
	}
	smallest := func(policy infrav1.DataDisksPolicy) func(*infrav1.MaasMachineSpec) {
		return func(s *infrav1.MaasMachineSpec) {
			s.Storage = infrav1.HostStorage{DataDisks: policy, BootDisk: infrav1.BootDisk{Choose: infrav1.BootDiskSmallest}}
		}
	}
	w.machine("m", smallest(infrav1.DataDisksPreserve))
	w.awaitProvisioned("m")
	w.machine("n", smallest(infrav1.DataDisksWipe))
	w.awaitProvisioned("n")
	for _, name := range []string{"m", "n"} {
		id := w.maasMachine(name).Status.HostRef.Name
		w.expectData("deployed as "+name, id, lun.Name)
		if slices.Contains(w.inventory(id), lun.Name) {
			t.Errorf("want the LUN out of the inventory of %s", name)
		}
		if kept := w.dataOn(id, dataDiskNames[0]).Intact(); kept != (name == "m") {
			t.Errorf("%s: data on its own disk kept: %v", name, kept)
		}
	}
}

// TestBootDiskAndLayout installs on the disk that was asked for, which is not MAAS's choice, with LVM.
func TestBootDiskAndLayout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id, bootDiskName, dataDiskNames[0], dataDiskNames[1])
	lvm := func(s *infrav1.MaasMachineSpec) {
		s.Storage = infrav1.HostStorage{
			BootDisk: infrav1.BootDisk{Match: infrav1.DiskSelector{Serial: "*-data-0"}},
			Layout:   infrav1.DiskLayout{Type: infrav1.DiskLayoutLVM, VolumeGroup: "system", LogicalVolumeSizeGB: 100},
		}
	}
	w.machine("m", lvm)
	w.awaitProvisioned("m")
	w.expectData("deployed", id, bootDiskName, dataDiskNames[1])
	if w.dataOn(id, dataDiskNames[0]).Begin {
		t.Error("want the system on the disk that was asked for")
	}
	calls := w.callsOn(id, "machine.set_storage_layout")
	w.repave("m", "n", lvm)
	if again := w.callsOn(id, "machine.set_storage_layout"); again != calls || calls != 1 {
		t.Errorf("want the layout set once, got %d calls and then %d", calls, again)
	}
	w.expectData("repaved", id, bootDiskName, dataDiskNames[1])
}

// TestMemoryNeedsALaterMAAS refuses on MAAS 3.4, whose answer would be an installation for some images.
func TestMemoryNeedsALaterMAAS(t *testing.T) {
	t.Parallel()
	w := worldWithKey(t, 1, true)
	w.writeData(w.ids[0])
	w.machine("m", func(s *infrav1.MaasMachineSpec) { s.Storage.InstallTo = infrav1.InstallToMemory })
	w.awaitReason("m", infrav1.MemoryUnsupportedReason)
	if n := len(w.hosts()); n > 0 {
		t.Errorf("want no server taken, got %d leases", n)
	}
	w.expectData("refused", w.ids[0])
}

// TestRunsFromMemory installs nothing. The simulated MAAS is older and says here that it is not; for the image that is asked for it makes no
// difference. What a MAAS says of itself is believed for long of a key, so that those who ask for its version have keys of their own.
func TestRunsFromMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the lab")
	}
	remove := theLab.MAAS().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "version.read" {
			return maassim.Reply(200, `{"version": "3.5.1", "subversion": "", "capabilities": []}`, nil)
		}
		return maassim.Pass()
	})
	defer remove()
	w := worldWithKey(t, 1, true)
	id := w.ids[0]
	w.writeData(id)
	w.writeData(id, bootDiskName)
	w.machine("m", func(s *infrav1.MaasMachineSpec) { s.Storage.InstallTo = infrav1.InstallToMemory })
	w.awaitProvisioned("m")
	if !w.view(id).Ephemeral {
		t.Error("want the system run from memory")
	}
	w.expectData("running from memory", id)
	w.expectData("running from memory", id, bootDiskName)
}
