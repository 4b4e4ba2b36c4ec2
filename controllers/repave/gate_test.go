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

package repave

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

// TestOneRepave follows one node from its deletion to the closed record, and a neighbour that has to wait for it.
func TestOneRepave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, shared("v", "w0", "w1"), shared("u", "w1", "w2"))
	w.look(1)
	w.delete("m0")
	w.look(1)
	w.wantGone("m0")
	r := w.repave("m0")
	if r == nil || r.Spec.ConfirmedTime.IsZero() || r.Spec.AdmittedReason != "StorageWhole" || r.Spec.Before.NodeID == "" || *r.Spec.Before.Volumes != 1 {
		t.Fatalf("the Repave is %+v, want a confirmed claim with what the storage said of the node", r)
	}
	w.delete("m1")
	w.look(1)
	w.wantHeld("m1", "SharesDataWithOpenRepave")

	w.sim.Down("w0")
	w.gone("m0")
	if err := w.cluster.Delete(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w0"}}); err != nil {
		t.Fatal(err)
	}
	w.look(6)
	if got := w.repave("m0").Status.Step; got != infrav1.RepaveReinstalling {
		t.Errorf("step %s, want Reinstalling", got)
	}
	w.wantHeld("m1", "SharesDataWithOpenRepave")
	w.sim.Up("w0")
	w.machine("m0-new", "w0")
	w.look(1)
	if c := conditions.Get(w.get("m0-new"), infrav1.StorageReadyCondition); c == nil || c.Status != metav1.ConditionFalse {
		t.Errorf("StorageReady of the new Machine is %+v, want False while its repave is open", c)
	}
	w.sim.SetFaults(pxsim.Faults{Status: 503})
	w.look(1)
	w.sim.SetFaults(pxsim.Faults{})
	if after := w.repave("m0").Status.After; after.NodeID != r.Spec.Before.NodeID {
		t.Errorf("the storage is silent, and the node that it knew again is %+v, want %s", after, r.Spec.Before.NodeID)
	}
	w.look(8)
	r = w.repave("m0")
	if r.Spec.Outcome != infrav1.RepaveWhole || r.Status.Step != infrav1.RepaveClosed {
		t.Fatalf("the Repave is %s %s, want it closed as Whole: %+v", r.Spec.Outcome, r.Status.Step, r.Status)
	}
	if c := conditions.Get(w.get("m0-new"), infrav1.StorageReadyCondition); c == nil || c.Status != metav1.ConditionTrue {
		t.Errorf("StorageReady of the new Machine is %+v, want True", c)
	}
	w.look(1)
	w.wantGone("m1")
}

// TestMovedInTheMiddle takes the objects to another management cluster, as clusterctl does, without any status: the budget holds, and the record goes on.
func TestMovedInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, shared("v", "w0", "w1"), shared("u", "w2", "w3"))
	w.look(1)
	w.delete("m0")
	w.look(1)
	w.wantGone("m0")
	w.sim.Down("w0")
	w.gone("m0")
	w.look(3)
	before := w.repave("m0")
	w.moveAll()
	w.delete("m2")
	w.look(2)
	w.wantHeld("m2", "AnotherRepaveOpen")
	after := w.repave("m0")
	if after.Spec.Before.NodeID != before.Spec.Before.NodeID || after.Spec.Outcome != "" || after.Spec.ConfirmedTime.IsZero() {
		t.Errorf("the record is %+v after the move, want it open as it was: %+v", after.Spec, before.Spec)
	}
	if !slices.EqualFunc(after.Status.Steps, before.Status.Steps, sameStep) || after.Status.Step != infrav1.RepaveReinstalling {
		t.Errorf("the steps are %+v after the move, want %+v", after.Status.Steps, before.Status.Steps)
	}
	w.sim.Up("w0")
	w.machine("m9", "w9")
	w.changeNode("w0", func(n *corev1.Node) { n.Annotations[clusterv1.MachineAnnotation] = "m9" })
	w.look(8)
	if before = w.repave("m0"); before.Spec.Outcome != infrav1.RepaveWhole || len(before.Status.Steps) < 3 {
		t.Fatalf("the record is %+v, want it closed with all its steps", before)
	}
	w.moveAll()
	w.look(1)
	after = w.repave("m0")
	if !slices.EqualFunc(after.Status.Steps, before.Status.Steps, sameStep) || after.Status.After.NodeID != before.Status.After.NodeID ||
		after.Status.Step != infrav1.RepaveClosed || conditions.GetReason(after, infrav1.ReadyCondition) != infrav1.RepaveClosedReason {
		t.Errorf("the closed record is %+v after the move, want %+v", after.Status, before.Status)
	}
}

func sameStep(a, b infrav1.RepaveStepRecord) bool {
	return a.Name == b.Name && a.StartTime.Equal(&b.StartTime) && ptr.Equal(a.Seconds, b.Seconds)
}

// moveAll goes on in another management cluster, to which the objects went without any status.
func (w *world) moveAll() {
	w.Helper()
	target := w.management()
	for _, list := range []client.ObjectList{&clusterv1.ClusterList{}, &clusterv1.MachineDeploymentList{}, &clusterv1.MachineList{}, &infrav1.RepaveGateList{}, &infrav1.RepaveList{}} {
		move(w, list, target)
	}
	w.Client = target
	w.reconciler()
}

func move(w *world, list client.ObjectList, target client.Client) {
	w.Helper()
	if err := w.List(w.Context(), list); err != nil {
		w.Fatal(err)
	}
	var all []client.Object
	switch l := list.(type) {
	case *clusterv1.ClusterList:
		all = append(all, &l.Items[0])
	case *clusterv1.MachineDeploymentList:
		all = append(all, &l.Items[0])
	case *infrav1.RepaveGateList:
		l.Items[0].Status = infrav1.RepaveGateStatus{}
		all = append(all, &l.Items[0])
	case *infrav1.RepaveList:
		for i := range l.Items {
			l.Items[i].Status = infrav1.RepaveStatus{}
			all = append(all, &l.Items[i])
		}
	case *clusterv1.MachineList:
		for i := range l.Items {
			// Cluster API fills in the nodeRef from the providerID at once.
			l.Items[i].Status = clusterv1.MachineStatus{NodeRef: l.Items[i].Status.NodeRef}
			all = append(all, &l.Items[i])
		}
	}
	for _, o := range all {
		o.SetResourceVersion("")
		o.SetUID("")
		if err := target.Create(w.Context(), o); err != nil {
			w.Fatal(err)
		}
		if m, ok := o.(*clusterv1.Machine); ok {
			if err := target.Status().Update(w.Context(), m); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// TestTwoLeaders has a process that does not know yet that it lost the lead, and the next one, each claim another node at the same time: their second
// judgement, past the cache, sees both claims, and neither goes beside the other.
func TestTwoLeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, shared("v", "w0", "w1"), shared("u", "w2", "w3"))
	w.look(1)
	w.delete("m0")
	w.create(&infrav1.Repave{ObjectMeta: objectMeta("m2"), Spec: infrav1.RepaveSpec{GateName: "gate", ClusterName: "c", MachineName: "m2", NodeName: "w2",
		Purpose: infrav1.RepaveReplacement, AdmittedTime: metav1.NewTime(w.clock.Now()), AdmittedReason: "StorageWhole"}})
	w.look(1)
	w.wantHeld("m0", "AnotherRepaveOpen")
	if r := w.repave("m0"); r != nil {
		t.Errorf("the claim of m0 is kept: %+v", r.Spec)
	}
}

// TestBusyStorage holds while the storage's operator is at work.
func TestBusyStorage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, shared("v", "w0", "w1"))
	w.sim.SetStatus("w1", "STATUS_MAINTENANCE")
	w.look(1)
	w.delete("m0")
	w.look(1)
	w.wantHeld("m0", "LastReplica")
	w.sim.SetStatus("w1", "")
	w.sim.SetStatus("w2", "STATUS_STORAGE_REBALANCE")
	w.look(1)
	w.wantGone("m0")
}

// serves is a gate over a node that serves a volume to others.
func serves(t *testing.T, faults pxsim.Faults) *world {
	t.Helper()
	volume := shared("nfs", "w0", "w1")
	volume.ServedBy = "w0"
	w := newWorld(t, 3, volume)
	w.sim.SetFaults(faults)
	w.look(1)
	w.delete("m0")
	w.look(1)
	return w
}

// TestAttachmentsMoveFirst has a node serve nothing to others any more before it goes, and serve again when it is back.
func TestAttachmentsMoveFirst(t *testing.T) {
	t.Parallel()
	w := serves(t, pxsim.Faults{})
	w.wantHeld("m0", "AttachmentsMoving")
	if r := w.repave("m0"); r == nil || !r.Spec.ConfirmedTime.IsZero() {
		t.Errorf("the claim is %+v, want it kept and not confirmed, so that no other node goes meanwhile", r)
	}
	w.look(2)
	w.wantGone("m0")
	if got := w.sim.Server("nfs"); got != "w1" || !w.sim.Cordoned("w0") {
		t.Errorf("the volume is served by %q, and w0 is cordoned: %t; want it served by w1 before w0 goes", got, w.sim.Cordoned("w0"))
	}
	w.sim.Down("w0")
	if got := w.sim.Interruptions(); len(got) > 0 {
		t.Errorf("those who use the volume noticed: %v", got)
	}
	w.gone("m0")
	w.sim.Up("w0")
	w.machine("m9", "w9")
	w.changeNode("w0", func(n *corev1.Node) { n.Annotations[clusterv1.MachineAnnotation] = "m9" })
	w.look(8)
	if r := w.repave("m0"); r.Spec.Outcome != infrav1.RepaveWhole {
		t.Fatalf("the repave is at %s: %+v", r.Status.Step, r.Status.Conditions)
	}
	if w.sim.Cordoned("w0") {
		t.Error("w0 is back and whole, and may not serve volumes")
	}
}

// TestAttachmentsThatStay hold a node, are told to move again, and let it go by an override only.
func TestAttachmentsThatStay(t *testing.T) {
	t.Parallel()
	w := serves(t, pxsim.Faults{StuckDrains: true})
	w.look(1)
	w.wantHeld("m0", "AttachmentsMoving")
	if disabled, drained := w.told("disable", "w0"), w.told("drain", "w0"); disabled != 1 || drained != 1 {
		t.Errorf("the storage was told %d times to disable and %d times to drain, want once", disabled, drained)
	}
	w.look(12)
	if disabled, drained := w.told("disable", "w0"), w.told("drain", "w0"); disabled != 2 || drained != 2 {
		t.Errorf("after two minutes the storage was told %d times to disable and %d times to drain, want once more", disabled, drained)
	}
	note := infrav1.RepaveOverride{Reason: "tested", By: "ann", UntilTime: metav1.NewTime(w.clock.Now().Add(time.Hour))}
	w.changeGate(func(s *infrav1.RepaveGateSpec) { s.Override = note })
	w.look(1)
	w.wantGone("m0")
}

// TestAttachmentsOfOldVersions lets a node go whose storage cannot move what it serves: it fails over by itself.
func TestAttachmentsOfOldVersions(t *testing.T) {
	t.Parallel()
	w := serves(t, pxsim.Faults{LacksAttachments: true})
	w.wantGone("m0")
	w.sim.Down("w0")
	if got := w.sim.Interruptions(); len(got) != 1 || w.sim.Server("nfs") != "w1" {
		t.Errorf("interruptions %v, and the volume is served by %s; want one, and w1", got, w.sim.Server("nfs"))
	}
}

// TestStorageLeavesFirst keeps a server until the storage's Pod has ended, which is what its drain does last.
func TestStorageLeavesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, shared("v", "w0", "w1"))
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "portworx", Name: "px", Labels: map[string]string{"name": "portworx"}}, Spec: corev1.PodSpec{NodeName: "w0"}}
	if err := w.cluster.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	w.look(1)
	w.delete("m0")
	w.look(2)
	w.wantGone("m0")
	c := conditions.Get(w.repave("m0"), infrav1.StorageDetachedCondition)
	if c == nil || c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "Pod px") {
		t.Errorf("StorageDetached is %+v, want False because of Pod px", c)
	}
	if err := w.cluster.Delete(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	w.look(1)
	if c = conditions.Get(w.repave("m0"), infrav1.StorageDetachedCondition); c.Status != metav1.ConditionTrue {
		t.Errorf("StorageDetached is %+v, want True", c)
	}
}

// TestGivenUp completes what a person closed.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, shared("v", "w0", "w1"))
	w.look(1)
	w.delete("m0")
	w.look(1)
	w.sim.Down("w0")
	w.gone("m0")
	w.look(1)
	r := w.repave("m0")
	r.Spec.Outcome = infrav1.RepaveGivenUp
	if err := w.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	w.look(1)
	r = w.repave("m0")
	if r.Spec.ClosedTime.IsZero() || r.Status.Step != infrav1.RepaveClosed {
		t.Errorf("the Repave is closed at %s in step %s, want it completed", r.Spec.ClosedTime, r.Status.Step)
	}
	if open := *w.gate().Status.Open; open != 0 {
		t.Errorf("%d repaves are open, want 0", open)
	}
}

// TestSameNameAgain has a Machine of a name that has a closed record.
func TestSameNameAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, shared("v", "w0", "w1"))
	old := &infrav1.Repave{ObjectMeta: objectMeta("m0"), Spec: infrav1.RepaveSpec{GateName: "gate", ClusterName: "c", MachineName: "m0", NodeName: "w0",
		Purpose: infrav1.RepaveReplacement, AdmittedTime: metav1.NewTime(w.clock.Now()), AdmittedReason: "StorageWhole", Outcome: infrav1.RepaveWhole,
		ClosedTime: metav1.NewTime(w.clock.Now()), ConfirmedTime: metav1.NewTime(w.clock.Now())}}
	w.create(old)
	w.look(1)
	w.delete("m0")
	w.look(1)
	w.wantGone("m0")
	if r := w.repave("m0"); r.Spec.Outcome != "" {
		t.Errorf("the Repave is %+v, want a new one that is open", r.Spec)
	}
}

// TestClockJumps sets the clock back and on: an old answer does not become a fresh one, and nothing goes on it.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, shared("v", "w0", "w1"))
	w.look(1)
	w.pass(-6 * time.Hour)
	w.sim.SetFaults(pxsim.Faults{Status: 503})
	w.delete("m0")
	w.look(1)
	w.wantHeld("m0", "StorageUnknown")
	w.pass(12 * time.Hour)
	w.look(1)
	w.wantHeld("m0", "StorageUnknown")
	w.sim.SetFaults(pxsim.Faults{})
	w.look(1)
	w.wantGone("m0")
}

// TestMachineOverride tells which annotations override. The Repave that notes one takes no longer words.
func TestMachineOverride(t *testing.T) {
	t.Parallel()
	const until = "2026-11-22T18:00:00Z"
	for name, tt := range map[string]struct {
		reason, by, until string
		want              bool
	}{
		"complete":                 {reason: "test data", by: "ann", until: until, want: true},
		"with long words":          {reason: strings.Repeat("ä", 256), by: strings.Repeat("ä", 128), until: until, want: true},
		"with too long a reason":   {reason: strings.Repeat("x", 257), by: "ann", until: until},
		"with too long a name":     {reason: "test data", by: strings.Repeat("x", 129), until: until},
		"without a reason":         {by: "ann", until: until},
		"of nobody":                {reason: "test data", until: until},
		"until nobody knows when":  {reason: "test data", by: "ann"},
		"until something unparsed": {reason: "test data", by: "ann", until: "tomorrow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := `{"reason":"` + tt.reason + `","by":"` + tt.by + `"`
			if tt.until != "" {
				text += `,"untilTime":"` + tt.until + `"`
			}
			m := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{infrav1.RepaveOverrideAnnotation: text + "}"}}}
			if got := machineOverride(m); (got != nil) != tt.want {
				t.Errorf("%s is taken for %+v, want an override: %t", text, got, tt.want)
			}
		})
	}
}

// TestUnguarded reports what takes from the gate what it is for.
func TestUnguarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	seconds := int32(600)
	w.machine("hasty", "", func(m *clusterv1.Machine) { m.Spec.Deletion.NodeDrainTimeoutSeconds = &seconds })
	w.machine("ungated", "", func(m *clusterv1.Machine) { m.Spec.ReadinessGates = nil })
	w.machine("mistyped", "", func(m *clusterv1.Machine) {
		m.Annotations = map[string]string{infrav1.RepaveOverrideAnnotation: "please"}
	})
	w.look(1)
	c := conditions.Get(w.gate(), infrav1.MachinesGuardedCondition)
	for _, want := range []string{"hasty have nodeDrainTimeoutSeconds", "ungated lack the readiness gate", "mistyped have an annotation", "md have maxSurge"} {
		if c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, want) {
			t.Errorf("MachinesGuarded is %s %q, want it to say %q", c.Status, c.Message, want)
		}
	}
}
