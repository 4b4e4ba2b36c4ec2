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
	"sync/atomic"
	"testing"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

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

	// Somebody switches it on again between the look at the setting and the release. The answer that would tell is lost, and MAAS does not abort at
	// the first word: it is at work on the server's power.
	w.slowBoot(id)
	var refusals atomic.Int32
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		switch {
		case c.SystemID != id:
		case p == maassim.Before && c.Name == "machine.release":
			w.sim().SetConfig(setting, true)
		case p == maassim.After && c.Name == "machine.release":
			return maassim.Drop()
		case p == maassim.Before && c.Name == "machine.abort" && refusals.Add(1) <= 2:
			return maassim.Reply(503, "another action is already in progress for that node", nil)
		}
		return maassim.Pass()
	})
	w.sim().SetConfig(setting, false)
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

// TestEraseOfThePool erases the disks of a server that leaves a pool which says so, and refuses where its machine said that they are kept.
func TestEraseOfThePool(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.ids[0]
	erases := func(mode infrav1.ErasePolicy) {
		w.changePool(func(spec *infrav1.MaasHostPoolSpec) { spec.DataDisks, spec.Erase = infrav1.DataDisksWipe, mode })
	}
	erases(infrav1.EraseQuick)
	w.writeData(id)
	w.machine("keeps", dataDisks(infrav1.DataDisksPreserve))
	w.awaitProvisioned("keeps")
	w.deleteMachine("keeps")
	w.awaitDisks(id, infrav1.EraseAskedReason)
	if v := w.view(id); v.StatusName != "Deployed" || v.Releases > 0 {
		t.Errorf("want the server left Deployed, got %s after %d releases", v.StatusName, v.Releases)
	}
	w.expectData("refused", id)
	erases(infrav1.EraseNone)
	w.nudge(id)
	w.awaitGone("keeps")
	w.awaitAllFree()
	w.expectData("released", id)

	erases(infrav1.EraseQuick)
	w.machine("gives")
	w.awaitProvisioned("gives")
	w.writeData(id)
	w.deleteMachine("gives")
	w.awaitGone("gives")
	w.awaitAllFree()
	for _, d := range dataDiskNames {
		if c := w.dataOn(id, d); c.Intact() {
			t.Errorf("want %s erased, got %+v", d, c)
		}
	}
}
