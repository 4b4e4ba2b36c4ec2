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
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

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

// killedBetweenDeployAndCheck kills the manager when MAAS has begun an installation that would wipe everything. The next one checks first.
func killedBetweenDeployAndCheck(t *testing.T) {
	w := newWorld(t, 1)
	id := w.ids[0]
	w.writeData(id)
	w.slowBoot(id)
	var killed atomic.Bool
	back := make(chan error, 1)
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if c.Name != "machine.deploy" || c.SystemID != id || killed.Load() {
			return maassim.Pass()
		}
		if p == maassim.Before {
			if err := w.sim().Operator().RecordDisks(id); err != nil {
				w.Error(err)
			}
			return maassim.Pass()
		}
		killed.Store(true)
		w.killManagerNow(back)
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
			w.slowBoot(id)
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
