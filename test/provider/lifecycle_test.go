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
	"strings"
	"testing"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// TestMachineComesAndGoes is the plain story, with what Cluster API and a person see of it.
func TestMachineComesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.machine("m")
	w.awaitProvisioned("m")
	m := w.maasMachine("m")
	v := w.view(w.ids[0])
	if want := "maas:///" + w.ids[0]; m.Spec.ProviderID != want {
		t.Errorf("want providerID %s, got %s", want, m.Spec.ProviderID)
	}
	if m.Status.Hostname != v.Hostname || m.Status.FailureDomain != v.Zone || len(m.Status.Addresses) < 2 {
		t.Errorf("want hostname %s, zone %s and addresses %v reported, got %+v", v.Hostname, v.Zone, v.IPAddresses, m.Status)
	}
	if string(v.UserData) != "#cloud-config\n# m" {
		t.Errorf("want the bootstrap data delivered verbatim, got %q", v.UserData)
	}
	if v.Annotations[infrav1.MaasAnnotationMachine] != "m" || v.Annotations[infrav1.MaasAnnotationCluster] != w.ns+"/"+clusterName {
		t.Errorf("want people to see in MAAS whose server it is, got annotations %v", v.Annotations)
	}
	w.await("Cluster API to take over the providerID", func() (bool, string) {
		machine := &clusterv1.Machine{}
		err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: "m"}, machine)
		return err == nil && machine.Spec.ProviderID == m.Spec.ProviderID, machine.Spec.ProviderID
	})
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
	if v := w.view(w.ids[0]); v.Deploys != 1 || v.Releases != 1 {
		t.Errorf("want one deployment and one release, got %d and %d", v.Deploys, v.Releases)
	}
}

// TestNoHostFits: the condition explains, and a fitting server ends the wait within seconds.
func TestNoHostFits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	if err := w.sim().Operator().StartTesting(w.ids[0]); err != nil {
		t.Fatal(err)
	}
	w.machine("m", func(s *infrav1.MaasMachineSpec) { s.Selector.Tags = []string{"gpu"} })
	w.awaitReason("m", infrav1.NoHostFitsReason)
	w.await("the message to count the reasons and name the nearest miss", func() (bool, string) {
		_, seen := w.condition(w.maasMachine("m"), infrav1.ReadyCondition, "")
		return strings.Contains(seen, "2 without tag gpu") && strings.Contains(seen, "nearest miss: "+w.ns+"-n01 (without tag gpu)"), seen
	})
	if err := w.sim().Operator().SetTags(w.ids[1], "vm", "gpu"); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	w.awaitProvisioned("m")
	t.Logf("provisioned %s after a server became fit", time.Since(started).Round(10*time.Millisecond))
	w.deleteMachine("m")
	w.awaitGone("m")
}

// TestTwoMachinesOneServer: whoever comes second waits, and gets the server when the first has gone.
func TestTwoMachinesOneServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.machine("a")
	w.awaitProvisioned("a")
	w.machine("b")
	w.awaitReason("b", infrav1.NoHostFitsReason)
	w.deleteMachine("a")
	w.awaitProvisioned("b")
	w.deleteMachine("b")
	w.awaitGone("a", "b")
	w.awaitAllFree()
	if got := w.deploys(); got != 2 {
		t.Errorf("want 2 deployments, got %d", got)
	}
}

// TestImageRefused: an image that is taken out of MAAS just before it is needed is refused by MAAS; that is told in MAAS's words, and nothing is deployed.
func TestImageRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.sim().AddImage(w.ns)
	t.Cleanup(w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "machines.allocate" && c.SystemID == w.ids[0] {
			w.sim().RemoveImage(w.ns)
		}
		return maassim.Pass()
	}))
	w.machine("m", func(s *infrav1.MaasMachineSpec) { s.Image.Name = "custom/" + w.ns })
	w.awaitReason("m", infrav1.DeployRefusedReason)
	w.await("MAAS's words in the message", func() (bool, string) {
		_, seen := w.condition(w.maasMachine("m"), infrav1.ReadyCondition, "")
		return strings.Contains(seen, "is not a valid distro_series"), seen
	})
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
	if got := w.deploys(); got != 0 {
		t.Errorf("want no deployment, got %d", got)
	}
}

// TestInstallationFails: the server is kept for inspection until the Machine is deleted.
func TestInstallationFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	if err := w.sim().SetHostFault(w.ids[0], maassim.HostFault{InstallFails: true}); err != nil {
		t.Fatal(err)
	}
	w.machine("m")
	w.awaitReason("m", infrav1.DeployFailedReason)
	if v := w.view(w.ids[0]); v.Deploys != 1 || v.Releases != 0 {
		t.Errorf("want the failed server left alone, got %d deployments and %d releases", v.Deploys, v.Releases)
	}
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
}

// TestReleaseFails: a BMC that refuses to power off holds the deletion, with the reason, and no longer than it does.
func TestReleaseFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.machine("m")
	w.awaitProvisioned("m")
	if err := w.sim().SetHostFault(w.ids[0], maassim.HostFault{PowerOffFails: true}); err != nil {
		t.Fatal(err)
	}
	w.deleteMachine("m")
	w.await("the deletion to say that MAAS could not release", func() (bool, string) {
		_, seen := w.condition(w.maasMachine("m"), infrav1.ReadyCondition, "")
		return strings.Contains(seen, "could not release"), seen
	})
	if err := w.sim().SetHostFault(w.ids[0], maassim.HostFault{}); err != nil {
		t.Fatal(err)
	}
	w.awaitGone("m")
	w.awaitAllFree()
}

// TestClusterDeletionGivesEverythingBack deletes the Cluster with its machines.
func TestClusterDeletionGivesEverythingBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	for _, name := range []string{"a", "b", "c"} {
		w.machine(name)
	}
	w.awaitProvisioned("a", "b")
	if err := w.Delete(w.ctx, &clusterv1.Cluster{ObjectMeta: w.meta(clusterName)}); err != nil {
		t.Fatal(err)
	}
	w.await("the Cluster to be gone", func() (bool, string) {
		err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: clusterName}, &clusterv1.Cluster{})
		_, seen := w.condition(w.maasCluster(), infrav1.ReadyCondition, "")
		return client.IgnoreNotFound(err) == nil && err != nil, seen
	})
	w.awaitAllFree()
}
