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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// The servers of these tests have a boot disk and data disks that are files, with somebody's data on them. The simulated MAAS wipes what the real
// one would.

const (
	bootDiskName = "sda"
	somebodys    = "a volume that someone needs"
)

var dataDiskNames = []string{"nvme0n1", "nvme1n1"}

// writeData puts data on disks of a server, all of its data disks when none is named.
func (w *world) writeData(id string, disks ...string) {
	w.Helper()
	if len(disks) == 0 {
		disks = dataDiskNames
	}
	for _, d := range disks {
		if err := w.sim().WritePattern(id, d, somebodys); err != nil {
			w.Fatal(err)
		}
	}
}

// dataOn reads back what is left on a disk.
func (w *world) dataOn(id, disk string) maassim.Contents {
	w.Helper()
	c, err := w.sim().FindPattern(id, disk, somebodys)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// expectData asserts that nothing is lost on disks of a server, all of its data disks when none is named.
func (w *world) expectData(when, id string, disks ...string) {
	w.Helper()
	if len(disks) == 0 {
		disks = dataDiskNames
	}
	for _, d := range disks {
		if c := w.dataOn(id, d); !c.Intact() {
			w.Errorf("%s: want the data on %s of %s intact, got %+v", when, d, id, c)
		}
	}
}

// inventory are the disks that MAAS knows of a server.
func (w *world) inventory(id string) []string {
	w.Helper()
	var names []string
	for _, d := range w.view(id).Disks {
		if d.DeviceID != 0 {
			names = append(names, d.Name)
		}
	}
	return names
}

// repave replaces the machine on the world's server.
func (w *world) repave(from, to string, change ...func(*infrav1.MaasMachineSpec)) {
	w.Helper()
	w.deleteMachine(from)
	w.awaitGone(from)
	w.machine(to, change...)
	w.awaitProvisioned(to)
}

func dataDisks(policy infrav1.DataDisksPolicy) func(*infrav1.MaasMachineSpec) {
	return func(s *infrav1.MaasMachineSpec) { s.Storage.DataDisks = policy }
}

// awaitDisks waits until the lease on a server gives a reason for what it does about the disks, and returns the message.
func (w *world) awaitDisks(id, reason string) string {
	w.Helper()
	var message string
	w.await("the lease on "+id+" to report "+reason+" of its disks", func() (bool, string) {
		h := &infrav1.MaasHost{}
		if err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: id}, h); err != nil {
			return false, err.Error()
		}
		ok, seen := w.condition(h, infrav1.DisksReadyCondition, reason)
		message = seen
		return ok, seen
	})
	return message
}

// nudge wakes the lease, as its slow recheck would.
func (w *world) nudge(id string) {
	w.Helper()
	h := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: id}}
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{"nudge":%q}}}`, time.Now()))
	if err := client.IgnoreNotFound(w.Patch(w.ctx, h, patch)); err != nil {
		w.Fatal(err)
	}
}

// callsOn counts the calls of a name for a server.
func (w *world) callsOn(id, name string) int {
	n := 0
	for _, c := range w.sim().Calls() {
		if c.Name == name && c.SystemID == id {
			n++
		}
	}
	return n
}

// TestDataSurvivesTwentyRepaves says nothing about data disks at all, and replaces the machine twenty times.
func TestDataSurvivesTwentyRepaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	w.writeData(id, bootDiskName)
	w.machine("m0")
	w.awaitProvisioned("m0")
	if w.dataOn(id, bootDiskName).Begin {
		t.Fatal("the boot disk was not installed, so that the test proves nothing")
	}
	for i := range 20 {
		w.repave(fmt.Sprintf("m%d", i), fmt.Sprintf("m%d", i+1))
		w.expectData(fmt.Sprintf("after repave %d", i+1), id)
	}
	if got := w.view(id).Deploys; got != 21 {
		t.Errorf("want 21 deployments, got %d", got)
	}
	if got := w.callsOn(id, "blockdevice.delete"); got != len(dataDiskNames) {
		t.Errorf("want each data disk taken out of the inventory once and not at every repave, got %d calls", got)
	}
	w.deleteMachine("m20")
	w.awaitGone("m20")
	w.awaitAllFree()
	w.expectData("in the end", id)
}

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
	w.poolDataDisks(infrav1.DataDisksPreserve)
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

func (w *world) poolDataDisks(policy infrav1.DataDisksPolicy) {
	w.Helper()
	p := &infrav1.MaasHostPool{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: poolName}}
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"dataDisks":%q}}`, policy))
	if err := w.Patch(w.ctx, p, patch); err != nil {
		w.Fatal(err)
	}
}

// TestDataSurvivesAFailedDeploy lets the installer fail after it has wiped what it was told to.
func TestDataSurvivesAFailedDeploy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	if err := w.sim().SetHostFault(id, maassim.HostFault{InstallFails: true}); err != nil {
		t.Fatal(err)
	}
	w.machine("m")
	w.awaitReason("m", infrav1.DeployFailedReason)
	w.expectData("after the failed deploy", id)
	if err := w.sim().SetHostFault(id, maassim.HostFault{}); err != nil {
		t.Fatal(err)
	}
	w.repave("m", "n")
	w.expectData("after the next deploy", id)
}

// TestDataSurvivesRecommissioning has MAAS record the disks again, by hand, between two machines.
func TestDataSurvivesRecommissioning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	w.machine("m")
	w.awaitProvisioned("m")
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
	if err := w.sim().Operator().Commission(id); err != nil {
		t.Fatal(err)
	}
	w.await("MAAS to have all disks again", func() (bool, string) {
		got := w.inventory(id)
		return w.view(id).StatusName == "Ready" && len(got) == 3, fmt.Sprint(w.view(id).StatusName, got)
	})
	w.machine("n")
	w.awaitProvisioned("n")
	w.expectData("after a deploy of the recommissioned server", id)
}

// machineWithoutData makes a machine whose bootstrap data nobody has written yet, and returns what writes it.
func (w *world) machineWithoutData(name string) (write func()) {
	w.Helper()
	later := name + "-later"
	w.machineOf(name, func(_ *infrav1.MaasMachine, m *clusterv1.Machine) { m.Spec.Bootstrap.DataSecretName = &later })
	return func() {
		w.Helper()
		w.create(&corev1.Secret{ObjectMeta: w.meta(later), Type: clusterv1.ClusterSecretType, Data: map[string][]byte{"value": []byte("#cloud-config")}})
	}
}

// TestDisksBackWhileAllocated has MAAS record the disks again while the server is allocated and waits for its bootstrap data. MAAS lets go of
// disks only while the server is Ready, so it goes round once more.
func TestDisksBackWhileAllocated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	writeUserData := w.machineWithoutData("m")
	w.awaitReason("m", infrav1.UserDataNotFoundReason)
	if err := w.sim().Operator().RecordDisks(id); err != nil {
		t.Fatal(err)
	}
	w.await("the server to be released, prepared and allocated again", func() (bool, string) {
		v, disks := w.view(id), w.inventory(id)
		return v.Releases == 1 && v.StatusName == "Allocated" && len(disks) == 1, fmt.Sprintf("%s, %d releases, inventory %q", v.StatusName, v.Releases, disks)
	})
	w.awaitReason("m", infrav1.UserDataNotFoundReason)
	writeUserData()
	w.nudge(id)
	w.awaitProvisioned("m")
	w.expectData("deployed", id)
	if v := w.view(id); v.Deploys != 1 || v.Releases != 1 {
		t.Errorf("want one deployment after one release, got %d and %d", v.Deploys, v.Releases)
	}
}

// TestDisksBackAgainAndAgain has MAAS record the disks again whenever the server is allocated. That is given up after a few rounds, and never by a
// deployment; when a person has found the cause the server is tried again.
func TestDisksBackAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.After && c.Name == "machines.allocate" && c.SystemID == id {
			if err := w.sim().Operator().RecordDisks(id); err != nil {
				w.Error(err)
			}
		}
		return maassim.Pass()
	})
	w.machine("m")
	w.awaitReason("m", infrav1.DisksRefusedReason)
	if message := w.awaitDisks(id, infrav1.DisksExposedReason); !strings.Contains(message, "spec.vacate.diskRounds") {
		t.Errorf("want the message to say what has it tried again, got %q", message)
	}
	if v := w.view(id); v.StatusName != "Allocated" || v.Deploys > 0 || v.Releases != lifecycle.MaxDiskRounds {
		t.Errorf("want the server left Allocated after %d releases, got %s, %d releases, %d deployments", lifecycle.MaxDiskRounds, v.StatusName, v.Releases, v.Deploys)
	}
	w.expectData("held", id)

	remove()
	h := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: id}}
	if err := w.Patch(w.ctx, h, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"vacate":{"diskRounds":null}}}`))); err != nil {
		t.Fatal(err)
	}
	w.awaitProvisioned("m")
	w.expectData("deployed", id)
}

// TestDisksBackAtTheLastMoment has MAAS record the disks again between the fresh look at the inventory and the deploy call: only the installer's
// configuration tells. The installation is aborted, and when the machine is made anew all is well.
func TestDisksBackAtTheLastMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	w.slowBoot(id)
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "machine.deploy" && c.SystemID == id {
			if err := w.sim().Operator().RecordDisks(id); err != nil {
				w.Error(err)
			}
		}
		return maassim.Pass()
	})
	w.machine("m")
	message := w.awaitDisks(id, infrav1.InstallWouldWipeReason)
	if !strings.Contains(message, "-data-") || !strings.Contains(message, "aborted") {
		t.Errorf("want the message to name the disk and the abort, got %q", message)
	}
	w.await("the server to be Allocated and off", func() (bool, string) {
		v := w.view(id)
		return v.StatusName == "Allocated" && v.PowerState == "off", v.StatusName + " " + v.PowerState
	})
	w.awaitReason("m", infrav1.DisksRefusedReason)
	w.nudge(id)
	w.awaitDisks(id, infrav1.InstallWouldWipeReason)
	w.expectData("aborted", id)
	remove()
	if err := w.sim().SetHostFault(id, maassim.HostFault{}); err != nil {
		t.Fatal(err)
	}
	w.repave("m", "n")
	w.expectData("deployed at last", id)
}

// slowBoot gives a server the time that firmware takes.
func (w *world) slowBoot(id string) {
	w.Helper()
	if err := w.sim().SetHostFault(id, maassim.HostFault{SlowBoot: 20 * time.Second}); err != nil {
		w.Fatal(err)
	}
}

// TestKilledBetweenDeployAndCheck kills the manager when MAAS has begun an installation that would wipe everything. The next one checks first.
func TestKilledBetweenDeployAndCheck(t *testing.T) {
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	if err := w.sim().SetHostFault(id, maassim.HostFault{SlowBoot: 40 * time.Second}); err != nil {
		t.Fatal(err)
	}
	back := make(chan error, 1)
	killed := false
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if c.Name != "machine.deploy" || c.SystemID != id || killed {
			return maassim.Pass()
		}
		if p == maassim.Before {
			if err := w.sim().Operator().RecordDisks(id); err != nil {
				w.Error(err)
			}
			return maassim.Pass()
		}
		killed = true
		m := theLab.Manager(lab.MAAS)
		m.Kill()
		go func() { back <- m.Restart(w.ctx) }()
		return maassim.Drop()
	})
	defer remove()
	w.machine("m")
	w.awaitDisks(id, infrav1.InstallWouldWipeReason)
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	if err := w.sim().SetHostFault(id, maassim.HostFault{}); err != nil {
		t.Fatal(err)
	}
	w.await("the server to be Allocated", func() (bool, string) { s := w.view(id).StatusName; return s == "Allocated", s })
	w.expectData("killed and aborted", id)
}

// TestLyingMAAS says that a disk is deleted and keeps it.
func TestLyingMAAS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "blockdevice.delete" && c.SystemID == id {
			return maassim.Reply(204, "", nil)
		}
		return maassim.Pass()
	})
	w.machine("m")
	w.awaitDisks(id, infrav1.DisksExposedReason)
	w.awaitReason("m", infrav1.DisksRefusedReason)
	if v := w.view(id); v.Deploys > 0 || v.Owner != "" {
		t.Errorf("want the server left Ready, got %s of %q, %d deployments", v.StatusName, v.Owner, v.Deploys)
	}
	remove()
	w.deleteMachine("m")
	w.awaitGone("m")
	w.machine("n")
	w.awaitProvisioned("n")
	w.expectData("once MAAS was honest", id)
}

// TestUnreadableInstallation aborts what it cannot read, after a bounded time, and what it can read and cannot account for at once.
func TestUnreadableInstallation(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]maassim.Action{
		"a proxy's page":     maassim.Reply(200, "<html>busy</html>", nil),
		"an error, for long": maassim.Reply(500, "oops", nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			id := w.ids[0]
			w.writeData(id)
			if err := w.sim().SetHostFault(id, maassim.HostFault{SlowBoot: 40 * time.Second}); err != nil {
				t.Fatal(err)
			}
			defer w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
				if p == maassim.Before && c.Name == "machine.get_curtin_config" && c.SystemID == id {
					return answer
				}
				return maassim.Pass()
			})()
			w.machine("m")
			w.awaitDisks(id, infrav1.InstallUnreadableReason)
			w.expectData("aborted", id)
		})
	}
}

// TestForcedErasing refuses to release while the region erases disks at every release, and stops one that begins all the same.
func TestForcedErasing(t *testing.T) {
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	w.machine("m")
	w.awaitProvisioned("m")
	const setting = "enable_disk_erasing_on_release"
	w.sim().SetConfig(setting, true)
	defer w.sim().SetConfig(setting, false)
	w.deleteMachine("m")
	w.awaitDisks(id, infrav1.EraseForcedReason)
	if v := w.view(id); v.StatusName != "Deployed" || v.Releases > 0 {
		t.Errorf("want the server left Deployed, got %s after %d releases", v.StatusName, v.Releases)
	}
	w.expectData("refused", id)

	// Somebody switches it on again between the look at the setting and the release.
	w.sim().SetConfig(setting, false)
	w.slowBoot(id)
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "machine.release" && c.SystemID == id {
			w.sim().SetConfig(setting, true)
		}
		return maassim.Pass()
	})
	w.nudge(id)
	w.await("the erasing to be stopped", func() (bool, string) { s := w.view(id).StatusName; return s == "Failed disk erasing", s })
	remove()
	w.expectData("erasing was stopped", id)
	w.sim().SetConfig(setting, false)
	if err := w.sim().SetHostFault(id, maassim.HostFault{}); err != nil {
		t.Fatal(err)
	}
	w.await("the server to be free", func() (bool, string) {
		w.nudge(id)
		v := w.view(id)
		return v.StatusName == "Ready" && v.Owner == "", v.StatusName
	})
	w.awaitGone("m")
	w.expectData("released", id)
}

// TestOrdinaryKey has a key that may not take disks out of the inventory.
func TestOrdinaryKey(t *testing.T) {
	w := emptyWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	secret := theLab.Credentials(w.ns, credentialsName)
	secret.StringData["apiKey"] = w.sim().AddUser("plain-"+w.ns, false)
	w.create(secret)
	w.cluster()
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
	w := newWorld(t, 1)
	w.writeData(w.ids[0])
	w.machine("m", func(s *infrav1.MaasMachineSpec) { s.Storage.InstallTo = infrav1.InstallToMemory })
	w.awaitReason("m", infrav1.MemoryUnsupportedReason)
	if n := len(w.hosts()); n > 0 {
		t.Errorf("want no server taken, got %d leases", n)
	}
	w.expectData("refused", w.ids[0])
}
