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
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// stuckRollout is a rollout of three workers, of which m0 is held because w2, which has copies of the same volume, is dead, and m2's owner leaves it to
// the rollout.
func stuckRollout(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 3, shared("v", "w0", "w1", "w2"))
	set := &clusterv1.MachineSet{ObjectMeta: objectMeta("old"), Spec: clusterv1.MachineSetSpec{ClusterName: "c", Replicas: ptr.To(int32(2))}}
	set.Labels[clusterv1.MachineDeploymentNameLabel] = "md"
	set.UID = "old-uid"
	w.create(set)
	for _, name := range []string{"m0", "m1", "m2"} {
		w.changeMachine(name, func(m *clusterv1.Machine) {
			m.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, clusterv1.GroupVersion.WithKind("MachineSet"))}
		})
	}
	w.look(1)
	w.die("w2")
	w.delete("m0")
	w.look(1)
	w.wantHeld("m0", "StorageQuorumAtRisk")
	return w
}

func (w *world) changeMachine(name string, change func(*clusterv1.Machine)) {
	w.Helper()
	m := w.get(name)
	change(m)
	status := m.Status
	if err := w.Update(w.Context(), m); err != nil {
		w.Fatal(err)
	}
	m.Status = status
	if err := w.Status().Update(w.Context(), m); err != nil {
		w.Fatal(err)
	}
}

func (w *world) die(node string) {
	w.Helper()
	w.sim.Down(node)
	w.changeNode(node, func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown })
}

// refuse is what Cluster API says of an unhealthy Machine that a rollout is to replace.
func (w *world) refuse(machine string, change ...func(*clusterv1.Machine)) {
	w.Helper()
	w.changeMachine(machine, func(m *clusterv1.Machine) {
		conditions.Set(m, metav1.Condition{Type: clusterv1.MachineHealthCheckSucceededCondition, Status: metav1.ConditionFalse,
			Reason: clusterv1.MachineHealthCheckUnhealthyNodeReason})
		conditions.Set(m, metav1.Condition{Type: clusterv1.MachineOwnerRemediatedCondition, Status: metav1.ConditionFalse,
			Reason: clusterv1.MachineSetMachineCannotBeRemediatedReason, Message: "Machine won't be remediated because it is pending removal due to rollout"})
		for _, f := range change {
			f(m)
		}
	})
}

func (w *world) replicas() int32 {
	w.Helper()
	set := &clusterv1.MachineSet{}
	if err := w.Get(w.Context(), client.ObjectKey{Namespace: ns, Name: "old"}, set); err != nil {
		w.Fatal(err)
	}
	return ptr.Deref(set.Spec.Replicas, -1)
}

func (w *world) wantNotNext(machine string) {
	w.Helper()
	if _, marked := w.get(machine).Annotations[clusterv1.DeleteMachineAnnotation]; marked || w.replicas() != 2 {
		w.Errorf("Machine %s is marked (%t) and its set is to have %d replicas; want neither touched", machine, marked, w.replicas())
	}
}

// TestStuckRollout has the rollout take the dead Machine first: marked before its set is made smaller, each once, whatever is lost in between.
func TestStuckRollout(t *testing.T) {
	t.Parallel()
	w := stuckRollout(t)
	w.look(2)
	w.wantNotNext("m2")
	if got := w.gate().Status.Waiting[0].Message; !strings.Contains(got, "w2, which has copies, is dead. It ends when that is back, or its Machine m2 is replaced: whoever deletes it") {
		t.Errorf("the hold says %q", got)
	}
	w.refuse("m2")
	w.look(1)
	if _, marked := w.get("m2").Annotations[clusterv1.DeleteMachineAnnotation]; !marked || w.replicas() != 2 {
		t.Fatalf("Machine m2 is marked: %t, and its set is to have %d replicas; want the mark alone", marked, w.replicas())
	}
	w.reconciler() // the manager is killed
	w.look(1)
	if w.replicas() != 1 {
		t.Fatalf("the old set is to have %d replicas, want 1: m1", w.replicas())
	}
	w.look(3)
	if w.replicas() != 1 || !w.get("m2").DeletionTimestamp.IsZero() {
		t.Fatalf("the old set is to have %d replicas, want 1 still; the deletion is Cluster API's", w.replicas())
	}
	// Cluster API's cache may be behind, and its answer undo what was said.
	set := &clusterv1.MachineSet{ObjectMeta: objectMeta("old")}
	w.Get1(set)
	set.Spec.Replicas = ptr.To(int32(2))
	if err := w.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	w.look(1)
	if w.replicas() != 1 {
		t.Fatalf("the old set is to have %d replicas, want 1 again", w.replicas())
	}
	w.delete("m2")
	w.look(2)
	w.wantGone("m2")
	w.wantHeld("m0", "SharesDataWithOpenRepave")
	if got := w.repave("m2").Spec.AdmittedReason; got != "NodeDead" {
		t.Errorf("m2 was let go for %s, want NodeDead", got)
	}
	w.gone("m2")
	w.look(2)
	if w.replicas() != 1 {
		t.Errorf("the old set is to have %d replicas, want 1: m1", w.replicas())
	}
}

// TestUnaskedOwner has the owner of a dead Machine asked whose health check counts those that are held as unhealthy, and only then.
func TestUnaskedOwner(t *testing.T) {
	t.Parallel()
	one, half := intstr.FromInt32(1), intstr.FromString("34%")
	type check = clusterv1.MachineHealthCheck
	tests := map[string]struct {
		check  func(*check)
		change func(*world)
		want   bool
	}{
		"it allows one":                         {check: func(c *check) { c.Spec.Remediation.TriggerIf.UnhealthyLessThanOrEqualTo = &one }, want: true},
		"it allows a third":                     {check: func(c *check) { c.Spec.Remediation.TriggerIf.UnhealthyLessThanOrEqualTo = &half }, want: true},
		"it allows one or two":                  {check: func(c *check) { c.Spec.Remediation.TriggerIf.UnhealthyInRange = "[1-2]" }, want: true},
		"it allows none":                        {check: func(c *check) { c.Spec.Remediation.TriggerIf.UnhealthyInRange = "[2-3]" }},
		"its range is none":                     {check: func(c *check) { c.Spec.Remediation.TriggerIf.UnhealthyInRange = "[x]" }},
		"it has not said that it asks nobody":   {check: func(c *check) { c.Status.Conditions = nil }},
		"it is of another cluster":              {check: func(c *check) { c.Spec.ClusterName = "other" }},
		"it looks after other Machines":         {check: func(c *check) { c.Spec.Selector.MatchLabels = map[string]string{"other": "x"} }},
		"another one is unhealthy, one allowed": {check: func(c *check) { c.Spec.Remediation.TriggerIf.UnhealthyLessThanOrEqualTo = &one }, change: func(w *world) { w.unhealthy("m1") }},
		"something else was asked": {change: func(w *world) {
			w.changeMachine("m2", func(m *clusterv1.Machine) {
				conditions.Set(m, metav1.Condition{Type: clusterv1.MachineExternallyRemediatedCondition, Status: metav1.ConditionFalse,
					Reason: clusterv1.MachineExternallyRemediatedWaitingForRemediationReason})
			})
		}},
		"it is paused": {change: func(w *world) {
			w.changeMachine("m2", func(m *clusterv1.Machine) { m.Annotations[clusterv1.PausedAnnotation] = "" })
		}},
		"it has no health check": {check: func(c *check) { c.Name = "" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stuckRollout(t)
			w.unhealthy("m2")
			w.shortCircuited(tt.check)
			if tt.change != nil {
				tt.change(w)
			}
			w.look(2)
			asked := conditions.GetReason(w.get("m2"), clusterv1.MachineOwnerRemediatedCondition) == clusterv1.MachineOwnerRemediatedWaitingForRemediationReason
			if asked != tt.want {
				t.Errorf("the owner was asked: %t, want %t; Machine m2 says %+v", asked, tt.want, w.get("m2").Status.Conditions)
			}
			w.wantNotNext("m2")
		})
	}
}

func (w *world) unhealthy(machine string) {
	w.Helper()
	w.changeMachine(machine, func(m *clusterv1.Machine) {
		conditions.Set(m, metav1.Condition{Type: clusterv1.MachineHealthCheckSucceededCondition, Status: metav1.ConditionFalse,
			Reason: clusterv1.MachineHealthCheckUnhealthyNodeReason})
	})
}

// TestRolloutsThatAreLeftAlone names what keeps the gate from telling a rollout anything.
func TestRolloutsThatAreLeftAlone(t *testing.T) {
	t.Parallel()
	refuse := func(change ...func(*clusterv1.Machine)) func(*world) {
		return func(w *world) { w.refuse("m2", change...) }
	}
	rollout := func(change func(*clusterv1.MachineDeployment)) func(*world) {
		return func(w *world) {
			md := &clusterv1.MachineDeployment{ObjectMeta: objectMeta("md")}
			w.Get1(md)
			change(md)
			if err := w.Update(w.Context(), md); err != nil {
				w.Fatal(err)
			}
			w.refuse("m2")
		}
	}
	tests := map[string]func(*world){
		"its owner puts the remediation off": refuse(func(m *clusterv1.Machine) {
			conditions.Set(m, metav1.Condition{Type: clusterv1.MachineOwnerRemediatedCondition, Status: metav1.ConditionFalse,
				Reason: clusterv1.MachineSetMachineRemediationDeferredReason})
		}),
		"it is healthy again": refuse(func(m *clusterv1.Machine) {
			conditions.Set(m, metav1.Condition{Type: clusterv1.MachineHealthCheckSucceededCondition, Status: metav1.ConditionTrue,
				Reason: clusterv1.MachineHealthCheckSucceededReason})
		}),
		"it is paused":       refuse(func(m *clusterv1.Machine) { m.Annotations[clusterv1.PausedAnnotation] = "" }),
		"it is not to be":    refuse(func(m *clusterv1.Machine) { m.Annotations[clusterv1.MachineSkipRemediationAnnotation] = "" }),
		"of a control plane": refuse(func(m *clusterv1.Machine) { m.OwnerReferences[0].Kind = "KubeadmControlPlane" }),
		"nobody owns it":     refuse(func(m *clusterv1.Machine) { m.OwnerReferences = nil }),
		"the rollout pauses": rollout(func(md *clusterv1.MachineDeployment) { md.Spec.Paused = ptr.To(true) }),
		"the rollout is held": rollout(func(md *clusterv1.MachineDeployment) {
			md.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
		}),
		"somebody deletes by hand": rollout(func(md *clusterv1.MachineDeployment) {
			md.Spec.Rollout.Strategy.Type = clusterv1.OnDeleteMachineDeploymentStrategyType
		}),
		"its kubelet speaks": func(w *world) {
			w.changeNode("w2", func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionFalse })
			w.refuse("m2")
		},
		"its storage is at work": func(w *world) {
			w.sim.Up("w2")
			w.refuse("m2")
		},
		"the set pauses": func(w *world) {
			set := &clusterv1.MachineSet{ObjectMeta: objectMeta("old")}
			w.Get1(set)
			set.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
			if err := w.Update(w.Context(), set); err != nil {
				w.Fatal(err)
			}
			w.refuse("m2", func(m *clusterv1.Machine) { m.Annotations[clusterv1.DeleteMachineAnnotation] = "by hand" })
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stuckRollout(t)
			change(w)
			w.look(3)
			if name == "the set pauses" {
				w.changeMachine("m2", func(m *clusterv1.Machine) { delete(m.Annotations, clusterv1.DeleteMachineAnnotation) })
			}
			w.wantNotNext("m2")
		})
	}
}

// staleMachines answers for Machines as they were.
type staleMachines struct {
	client.Reader
	change func(*clusterv1.Machine)
}

func (r staleMachines) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	err := r.Reader.Get(ctx, key, o, opts...)
	if m, ok := o.(*clusterv1.Machine); ok {
		r.change(m)
	}
	return err
}

// TestStuckRolloutPastTheCache believes what is older in the cache only when the API server says the same.
func TestStuckRolloutPastTheCache(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*clusterv1.Machine){
		"its owner has changed its mind": func(m *clusterv1.Machine) { conditions.Delete(m, clusterv1.MachineOwnerRemediatedCondition) },
		"it is being deleted":            func(m *clusterv1.Machine) { m.DeletionTimestamp = ptr.To(metav1.NewTime(time.Now())) },
		"its Node came to be":            func(m *clusterv1.Machine) { m.Status.NodeRef.Name = "w9" },
		"it is another one":              func(m *clusterv1.Machine) { m.UID = types.UID("other") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stuckRollout(t)
			w.refuse("m2")
			w.r.APIReader = staleMachines{w.Client, change}
			w.look(2)
			w.wantNotNext("m2")
		})
	}
}

// TestDeadUnderAControlPlane has the remediation of a dead worker go on although the control plane moves, for a control plane Machine waits for the worker.
func TestDeadUnderAControlPlane(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, shared("v", "w0", "w2"))
	set := &clusterv1.MachineSet{ObjectMeta: objectMeta("current"), Spec: clusterv1.MachineSetSpec{ClusterName: "c", Replicas: ptr.To(int32(2))}}
	set.UID = "current-uid"
	set.Spec.Template.Spec.Version = "v1.34.0"
	w.create(set)
	w.changeMachine("m0", func(m *clusterv1.Machine) { m.Labels[clusterv1.MachineControlPlaneLabel] = "" })
	w.changeMachine("m2", func(m *clusterv1.Machine) {
		m.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, clusterv1.GroupVersion.WithKind("MachineSet"))}
	})
	w.changeGate(func(s *infrav1.RepaveGateSpec) {
		s.Roles = []infrav1.RepaveRole{{Type: infrav1.RepaveRoleControlPlane, Storage: infrav1.StorageExpected}}
	})
	cp := controlPlane("v1.34.0", "v1.33.0")
	skips := func() bool {
		t.Helper()
		s := &scope{gate: w.gate(), now: w.clock.Now(), cluster: &clusterv1.Cluster{ObjectMeta: objectMeta("c")}}
		for _, p := range []phase{w.r.listMachines, w.r.listRepaves, w.r.readOwners} {
			if err := p(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		s.controlPlane = cp
		for _, p := range []phase{w.r.look, w.r.track, w.r.admit, w.r.unblockReplacements} {
			if err := p(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		w.Get1(set)
		_, ours := set.Annotations[infrav1.RepaveSkipsPreflightAnnotation]
		return ours
	}
	w.look(1)
	w.die("w2")
	w.refuse("m2", func(m *clusterv1.Machine) {
		conditions.Set(m, metav1.Condition{Type: clusterv1.MachineOwnerRemediatedCondition, Status: metav1.ConditionFalse,
			Reason: clusterv1.MachineSetMachineRemediationDeferredReason})
	})
	w.pass(time.Minute)
	w.sync()
	if skips() {
		t.Error("the checks are lifted before a control plane Machine waits")
	}
	w.delete("m0")
	w.look(1)
	w.wantHeld("m0", "LastReplica")
	if !skips() {
		t.Error("the checks are not lifted while the control plane waits for a dead worker")
	}
	w.sim.Up("w2")
	w.pass(time.Minute)
	w.sync()
	if skips() {
		t.Error("the checks are not put back although the worker is alive")
	}
}
