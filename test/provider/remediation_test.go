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
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// TestRemediationPowerCyclesThenHandsOver: a Machine whose kubelet is silent has its server switched off and on once, and is handed over to its owner
// when that does not help; the server is to be installed anew, which its lease remembers.
func TestRemediationPowerCyclesThenHandsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.bringUp(false)
	w.unhealthy("m")
	w.remediate("m", infrav1.RemediationStrategy{PowerCycle: infrav1.RemediationPowerCycle{MaxAttempts: ptr.To[int32](1)}})
	w.await("the server to be switched off and on", w.unhealthyUntil("m", func() (bool, string) {
		c := w.lease().Spec.PowerCycle
		return !c.OnTime.IsZero() && !c.OnTime.Before(&c.OffTime), fmt.Sprintf("%+v", c)
	}))
	w.awaitStep("m", infrav1.RemediationWaitingForNode)
	if handedOver(w.capiMachine("m")) {
		t.Error("want the Node awaited before the Machine is handed over")
	}
	w.runOut(id)
	w.awaitStep("m", infrav1.RemediationHandedOver)
	if !handedOver(w.capiMachine("m")) {
		t.Errorf("want the owner asked to replace the Machine, got %+v", w.capiMachine("m").Status.Conditions)
	}
	host := w.lease()
	if r := host.Spec.Remediation; r.PowerCycles != 1 || r.RedeployedMachine != "m" || r.RedeployTime.IsZero() {
		t.Errorf("want one power cycle and the new installation remembered, got %+v", r)
	}
	if host.Spec.Quarantine.Cause != "" {
		t.Errorf("want the server given another chance, got quarantine %+v", host.Spec.Quarantine)
	}
	calls := w.sim().CallStats().ByMachineName[id]
	if calls["machine.power_off"] != 1 || calls["machine.power_on"] != 1 {
		t.Errorf("want the server switched off once and on once, got %v", calls)
	}
	if v := w.view(id); v.Deploys != 1 || v.Releases != 0 {
		t.Errorf("want nothing but its power touched, got %d deploys and %d releases", v.Deploys, v.Releases)
	}
}

// TestRemediationQuarantines: a server that was installed anew for the same trouble goes into quarantine before its Machine is handed over.
func TestRemediationQuarantines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.bringUp(false)
	host := w.lease()
	before := host.DeepCopy()
	host.Spec.Remediation = infrav1.HostRemediation{RedeployTime: metav1.Now(), RedeployedMachine: "predecessor"}
	if err := w.Patch(w.ctx, host, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	w.unhealthy("m")
	w.remediate("m", infrav1.RemediationStrategy{PowerCycle: infrav1.RemediationPowerCycle{MaxAttempts: ptr.To[int32](0)}})
	w.awaitStep("m", infrav1.RemediationHandedOver)
	if q := w.lease().Spec.Quarantine; q.Cause != infrav1.QuarantineRequested || !q.UntilTime.IsZero() || q.Message == "" {
		t.Errorf("want the server in quarantine until somebody ends it, with a message, got %+v", q)
	}
	if !handedOver(w.capiMachine("m")) {
		t.Errorf("want the owner asked to replace the Machine, got %+v", w.capiMachine("m").Status.Conditions)
	}
	if calls := w.sim().CallStats().ByMachineName[id]; calls["machine.power_off"] != 0 {
		t.Errorf("want no power cycle, got %v", calls)
	}
}

// TestRemediationPaused: in a Cluster that is paused nothing is tried, and what there is to try is tried when the pause ends.
func TestRemediationPaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.bringUp(false)
	w.unhealthy("m")
	w.pause(true)
	w.awaitPaused("the MaasMachine", true, func() conditions.Getter { return w.maasMachine("m") })
	w.remediate("m", infrav1.RemediationStrategy{PowerCycle: infrav1.RemediationPowerCycle{MaxAttempts: ptr.To[int32](1)}})
	w.awaitPaused("the MaasRemediation", true, func() conditions.Getter {
		o := &infrav1.MaasRemediation{}
		if err := w.Get(w.ctx, w.key("m"), o); err != nil {
			t.Logf("getting the MaasRemediation: %v", err)
		}
		return o
	})
	w.meanwhile()
	if c := w.lease().Spec.PowerCycle; c != (infrav1.HostPowerCycle{}) || handedOver(w.capiMachine("m")) {
		t.Errorf("want nothing asked for while paused, got %+v", c)
	}
	w.pause(false)
	w.awaitStep("m", infrav1.RemediationWaitingForNode)
	w.runOut(id)
	w.awaitStep("m", infrav1.RemediationHandedOver)
	if calls := w.sim().CallStats().ByMachineName[id]; calls["machine.power_off"] != 1 || calls["machine.power_on"] != 1 {
		t.Errorf("want the server switched off once and on once after the pause, got %v", calls)
	}
}

// TestPowerCycleOfNobody: a power cycle whose MaasRemediation is gone, because the Node is healthy again, is dropped and the server not switched off.
func TestPowerCycleOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.bringUp(false)
	host := w.lease()
	before := host.DeepCopy()
	now := metav1.Now()
	host.Spec.PowerCycle = infrav1.HostPowerCycle{
		RemediationRef: infrav1.LocalObjectReference{Name: "gone"}, RequestedTime: now, ExpirationTime: metav1.NewTime(now.Add(patience)),
	}
	if err := w.Patch(w.ctx, host, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	w.await("the request to be dropped", func() (bool, string) {
		c := w.lease().Spec.PowerCycle
		return c.RemediationRef.Name == "", fmt.Sprintf("%+v", c)
	})
	if calls := w.sim().CallStats().ByMachineName[id]; calls["machine.power_off"] != 0 {
		t.Errorf("want the server left alone, got %v", calls)
	}
}

func (w *world) capiMachine(name string) *clusterv1.Machine {
	w.Helper()
	m := &clusterv1.Machine{}
	if err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: name}, m); err != nil {
		w.Fatal(err)
	}
	return m
}

func handedOver(m *clusterv1.Machine) bool {
	return conditions.IsFalse(m, clusterv1.MachineOwnerRemediatedCondition)
}

// runOut lets a power cycle that is done have two more seconds to help, in place of the quarter of an hour that it has by itself. Less from the start would
// be too little for a computer that has other things to do.
func (w *world) runOut(id string) {
	w.Helper()
	w.changeHost(id, fmt.Sprintf(`{"spec":{"powerCycle":{"expirationTime":%q}}}`, time.Now().Add(2*time.Second).UTC().Format(time.RFC3339)))
}

// unhealthy says of a Machine what Cluster API does when its kubelet has fallen silent and its health check has failed.
func (w *world) unhealthy(name string) {
	w.Helper()
	w.await("Machine "+name+" to be called unhealthy", func() (bool, string) {
		m := w.capiMachine(name)
		before := m.DeepCopy()
		m.Status.NodeRef = clusterv1.MachineNodeReference{Name: name}
		conditions.Set(m, metav1.Condition{Type: clusterv1.MachineNodeReadyCondition, Status: metav1.ConditionUnknown,
			Reason: clusterv1.MachineNodeReadyUnknownReason})
		conditions.Set(m, metav1.Condition{Type: clusterv1.MachineHealthCheckSucceededCondition, Status: metav1.ConditionFalse,
			Reason: clusterv1.MachineHealthCheckUnhealthyNodeReason})
		// Against a list of conditions that somebody else changed meanwhile.
		err := w.Status().Patch(w.ctx, m, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		return err == nil, fmt.Sprint(err)
	})
}

// unhealthyUntil makes a condition to await during which a Machine stays unhealthy: a reconcile of Cluster API that had begun before it was writes what it saw then.
func (w *world) unhealthyUntil(name string, done func() (bool, string)) func() (bool, string) {
	return func() (bool, string) {
		ok, seen := done()
		if !ok && conditions.GetReason(w.capiMachine(name), clusterv1.MachineNodeReadyCondition) != clusterv1.MachineNodeReadyUnknownReason {
			w.unhealthy(name)
		}
		return ok, seen
	}
}

// remediate makes a MaasRemediation as Cluster API does.
func (w *world) remediate(name string, strategy infrav1.RemediationStrategy) {
	w.Helper()
	m := w.capiMachine(name)
	o := &infrav1.MaasRemediation{ObjectMeta: w.meta(name), Spec: infrav1.MaasRemediationSpec{Strategy: strategy}}
	o.OwnerReferences = []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine", Name: m.Name, UID: m.UID}}
	w.create(o)
}

func (w *world) awaitStep(name string, step infrav1.RemediationStep) {
	w.Helper()
	w.await("the remediation to be at "+string(step), w.unhealthyUntil(name, func() (bool, string) {
		o := &infrav1.MaasRemediation{}
		if err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: name}, o); err != nil {
			return false, err.Error()
		}
		_, seen := w.condition(o, infrav1.RemediatingCondition, "")
		return o.Status.Step == step, string(o.Status.Step) + " " + seen
	}))
}
