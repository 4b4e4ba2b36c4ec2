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
	"testing"
	"time"

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
