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
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// TestDeadNodeUnderARollout lets a server die while a rollout may take no more nodes away and the gate holds those that it took. Cluster API's health
// check leaves the dead one to the rollout; the gate has it replaced next, and each server is installed anew once.
func TestDeadNodeUnderARollout(t *testing.T) {
	t.Parallel()
	w := newGatedWorld(t)
	w.changePool(held)
	for i := range 3 {
		w.server(fmt.Sprintf("%s-n%02d", w.ns, i+1))
	}
	w.awaitStates("three servers held", map[infrav1.HostState]int{infrav1.HostStateInUse: 1, infrav1.HostStateHeld: 3})
	ward := newWard(w.world)
	w.deployment("a", 3)
	w.changeDeployment("a", `{"spec":{"rollout":{"strategy":{"rollingUpdate":{"maxUnavailable":2}}}}}`)
	before := w.awaitServers("a", 3, nil)
	for machine := range before {
		w.awaitHealthy(machine)
	}
	w.healthCheck("a", infrav1.RemediationPowerCycle{MaxAttempts: ptr.To[int32](0)})
	w.storage(false, true)
	w.changeDeployment("a", fmt.Sprintf(`{"spec":{"rollout":{"after":%q}}}`, time.Now().UTC().Format(time.RFC3339)))
	dead := w.awaitStuck(before)
	server := strings.TrimPrefix(before[dead], "maas:///")
	hostname := w.maasMachine(dead).Status.Hostname
	ward.fallSilent(hostname)

	// Both of the others are held all along; the dead one is not, for its disks come back with it.
	w.await("a confirmed Repave of the dead Machine", func() (bool, string) {
		r := w.repave(dead)
		m := w.capiMachine(dead)
		return !r.Spec.ConfirmedTime.IsZero() && r.Spec.AdmittedReason == "NodeDead", fmt.Sprintf("%+v; the Machine says %+v", r.Spec, m.Status.Conditions)
	})
	w.await("its server to be installed anew", func() (bool, string) {
		n := w.view(server).Deploys
		return n == 2, fmt.Sprintf("%d installations", n)
	})
	ward.speak(hostname)
	w.storage(true, true)
	after := w.awaitServers("a", 3, before)
	for machine := range after {
		w.awaitHealthy(machine)
	}
	w.await("the rollout to be over", func() (bool, string) {
		md := &clusterv1.MachineDeployment{}
		if err := w.Get(w.ctx, w.key("a"), md); err != nil {
			return false, err.Error()
		}
		return ptr.Deref(md.Status.UpToDateReplicas, 0) == 3 && ptr.Deref(md.Status.Replicas, 0) == 3, fmt.Sprintf("%+v", md.Status)
	})
	for _, id := range before {
		if n := w.view(strings.TrimPrefix(id, "maas:///")).Deploys; n != 2 {
			t.Errorf("server %s was installed %d times, want 2", id, n)
		}
	}
}

// awaitStuck waits until two Machines of a rollout are held, and returns the one that is left.
func (w *gatedWorld) awaitStuck(machines map[string]string) (left string) {
	w.Helper()
	w.await("two of three Machines to be held", func() (bool, string) {
		left = ""
		for machine := range machines {
			if w.capiMachine(machine).DeletionTimestamp.IsZero() {
				left = machine
			}
		}
		return len(w.gate().Status.Waiting) == 2 && left != "", fmt.Sprintf("%+v", w.gate().Status.Waiting)
	})
	return left
}

func (w *world) changeDeployment(name, patch string) {
	w.Helper()
	if err := w.Patch(w.ctx, &clusterv1.MachineDeployment{ObjectMeta: w.meta(name)}, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		w.Fatalf("changing MachineDeployment %s: %v", name, err)
	}
}

// TestReplacementUnderAMovingControlPlane has a dead worker replaced while the control plane goes from one version to the next: Cluster API's preflight checks
// refuse its replacement, and the gate lifts them until the node is back.
func TestReplacementUnderAMovingControlPlane(t *testing.T) {
	t.Parallel()
	w := newGatedWorld(t)
	w.changePool(held)
	w.server(w.ns + "-n01")
	w.awaitStates("a server held", map[infrav1.HostState]int{infrav1.HostStateInUse: 1, infrav1.HostStateHeld: 1})
	ward := newWard(w.world)
	w.deployment("a", 1)
	first, id := theOnly(t, w.awaitServers("a", 1, nil))
	w.awaitHealthy(first)
	hostname := w.maasMachine(first).Status.Hostname
	w.movingControlPlane("v1.36.1", "v1.36.3")

	// The gate is stopped before the Machine is gone, so that Cluster API is alone with its checks.
	w.patchObject(w.maasMachine(first), `{"metadata":{"finalizers":["`+infrav1.MachineFinalizer+`","test.capmaas/stay"]}}`)
	ward.fallSilent(hostname)
	w.deleteMachine(first)
	w.await("a confirmed Repave of the dead Machine", func() (bool, string) {
		r := w.repave(first)
		return !r.Spec.ConfirmedTime.IsZero() && r.Spec.AdmittedReason == "NodeDead", fmt.Sprintf("%+v", r.Spec)
	})
	w.await("the storage to have left the server", func() (bool, string) {
		return w.condition(w.repave(first), infrav1.StorageDetachedCondition, infrav1.StorageDetachedReason)
	})
	w.patchObject(w.gate(), `{"metadata":{"annotations":{"`+clusterv1.PausedAnnotation+`":""}}}`)
	w.await("the gate to be paused", func() (bool, string) { return w.condition(w.gate(), clusterv1.PausedCondition, clusterv1.PausedReason) })
	w.patchObject(w.maasMachine(first), `{"metadata":{"finalizers":["`+infrav1.MachineFinalizer+`"]}}`)
	w.await("Cluster API to refuse the replacement", func() (bool, string) {
		set := w.machineSet("a")
		_, seen := w.condition(set, clusterv1.MachineSetScalingUpCondition, "")
		return strings.Contains(seen, string(clusterv1.MachineSetPreflightCheckControlPlaneIsStable)), seen
	})
	if servers := w.serversOf("a"); len(servers) > 0 {
		t.Fatalf("want no replacement while the gate is paused, got %v", servers)
	}

	w.patchObject(w.gate(), `{"metadata":{"annotations":{"`+clusterv1.PausedAnnotation+`":null}}}`)
	second, server := theOnly(t, w.awaitServers("a", 1, map[string]string{first: id}))
	if server != id {
		t.Errorf("want the successor on the same server %s, got %s", id, server)
	}
	ward.speak(hostname)
	w.awaitHealthy(second)
	w.await("the checks to be put back", func() (bool, string) {
		marks := w.machineSet("a").Annotations
		_, lifted := marks[clusterv1.MachineSetSkipPreflightChecksAnnotation]
		return !lifted, fmt.Sprint(marks)
	})
}

// movingControlPlane gives the cluster a control plane object that is between two versions. Nobody else looks after it.
func (w *gatedWorld) movingControlPlane(from, to string) {
	w.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api").Output()
	if err != nil {
		w.Fatal(err)
	}
	group := "controlplane.cluster.x-k8s.io"
	w.installDefinition(filepath.Join(strings.TrimSpace(string(dir)), "controlplane/kubeadm/config/crd/bases", group+"_kubeadmcontrolplanes.yaml"))
	cp := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"replicas": int64(1), "version": to, "kubeadmConfigSpec": map[string]any{"format": "cloud-config"},
		"machineTemplate": map[string]any{"spec": map[string]any{
			"infrastructureRef": map[string]any{"apiGroup": infrav1.GroupVersion.Group, "kind": "MaasMachineTemplate", "name": "a"},
		}},
	}}}
	cp.SetAPIVersion(group + "/v1beta2")
	cp.SetKind("KubeadmControlPlane")
	cp.SetNamespace(w.ns)
	cp.SetName(clusterName)
	w.await("a control plane object to be made", func() (bool, string) {
		err := w.WithWatch.Create(w.ctx, cp)
		return err == nil, fmt.Sprint(err)
	})
	w.await("the control plane object to have a status", func() (bool, string) {
		if err := w.Get(w.ctx, client.ObjectKeyFromObject(cp), cp); err != nil {
			return false, err.Error()
		}
		cp.Object["status"] = map[string]any{
			"replicas": int64(1), "version": from, "versions": []any{map[string]any{"version": from, "replicas": int64(1)}},
			"initialization": map[string]any{"controlPlaneInitialized": true},
		}
		err := w.Status().Update(w.ctx, cp)
		return err == nil, fmt.Sprint(err)
	})
	w.patchObject(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)},
		fmt.Sprintf(`{"spec":{"controlPlaneRef":{"apiGroup":%q,"kind":"KubeadmControlPlane","name":%q}}}`, group, clusterName))
}

func (w *world) patchObject(o client.Object, patch string) {
	w.Helper()
	if err := w.Patch(w.ctx, o, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		w.Fatalf("changing %T %s: %v", o, o.GetName(), err)
	}
}

// machineSet is the one of a MachineDeployment.
func (w *world) machineSet(deployment string) *clusterv1.MachineSet {
	w.Helper()
	sets := &clusterv1.MachineSetList{}
	if err := w.List(w.ctx, sets, client.InNamespace(w.ns), client.MatchingLabels{clusterv1.MachineDeploymentNameLabel: deployment}); err != nil {
		w.Fatal(err)
	}
	if len(sets.Items) != 1 {
		w.Fatalf("want one MachineSet of %s, got %d", deployment, len(sets.Items))
	}
	return &sets.Items[0]
}
