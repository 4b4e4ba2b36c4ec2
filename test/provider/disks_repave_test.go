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
	"testing"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

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
