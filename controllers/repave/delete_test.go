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
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func (w *world) deleteGate() {
	w.Helper()
	if err := w.Delete(w.Context(), w.gate()); err != nil {
		w.Fatal(err)
	}
}

// back has a node that was let go come back under a new Machine, with its data, and looks until its repave is over.
func (w *world) back(machine, node string) {
	w.Helper()
	w.sim.Down(node)
	w.gone(machine)
	w.look(2)
	w.sim.Up(node)
	w.machine(machine+"-new", "")
	w.changeMachine(machine+"-new", func(m *clusterv1.Machine) { m.Status.NodeRef.Name = node })
	w.changeNode(node, func(n *corev1.Node) { n.Annotations[clusterv1.MachineAnnotation] = machine + "-new" })
	for range 20 {
		if w.look(1); w.repave(machine).Spec.Outcome != "" {
			return
		}
	}
	w.Fatalf("the repave of %s does not end: %+v", node, w.repave(machine).Status)
}

// wantNoGate wants the gate gone, and its hooks with it.
func (w *world) wantNoGate(machines ...string) {
	w.Helper()
	if err := w.Get(w.Context(), client.ObjectKey{Namespace: ns, Name: "gate"}, &infrav1.RepaveGate{}); !apierrors.IsNotFound(err) {
		w.Fatalf("want the gate gone, got %v, %+v", err, w.gate().Status)
	}
	for _, machine := range machines {
		if hooked(w.get(machine)) {
			w.Errorf("the gate is gone, and Machine %s has its hook", machine)
		}
	}
}

// TestGateDeletedInTheMiddle has a gate that is deleted in the middle of a rollout see that through, and go then.
func TestGateDeletedInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, shared("v", "w0", "w1"))
	w.look(1)
	w.delete("m0")
	w.look(1)
	w.wantGone("m0")
	w.delete("m1")
	w.deleteGate()
	w.look(1)
	w.wantHeld("m1", "SharesDataWithOpenRepave")
	if c := conditions.Get(w.gate(), infrav1.ReadyCondition); c.Reason != infrav1.OpenRepavesReason || c.Message != "Waiting for 1 open repaves and 1 Machines that are held" {
		t.Errorf("Ready is %+v, want it to say what the deletion waits for", c)
	}
	w.back("m0", "w0")
	w.look(1)
	w.wantGone("m1")
	w.back("m1", "w1")
	w.look(1)
	w.wantNoGate("m2", "m0-new", "m1-new")
}

// TestGateDeletedByOverride goes at once, and lets go what it held.
func TestGateDeletedByOverride(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, shared("v", "w0", "w1"))
	w.look(1)
	w.delete("m0")
	w.look(1)
	w.delete("m1")
	w.look(1)
	w.wantHeld("m1", "SharesDataWithOpenRepave")
	w.deleteGate()
	w.changeGate(func(s *infrav1.RepaveGateSpec) {
		s.Override = infrav1.RepaveOverride{Reason: "test", By: "ann", UntilTime: metav1.NewTime(w.clock.Now().Add(time.Hour))}
	})
	w.look(1)
	w.wantNoGate("m1")
}

// TestSecondGateDeleted takes away a gate that stands beside an older one, and leaves the hooks to that.
func TestSecondGateDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.look(1)
	second := &infrav1.RepaveGate{ObjectMeta: objectMeta("second"), Spec: w.gate().Spec}
	second.UID = "second"
	w.create(second)
	reconcile := func() error {
		t.Helper()
		if _, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(second)}); err != nil {
			t.Fatal(err)
		}
		return w.Get(t.Context(), client.ObjectKeyFromObject(second), second)
	}
	if err := reconcile(); err != nil || conditions.GetReason(second, infrav1.ReadyCondition) != infrav1.AnotherGateReason {
		t.Fatalf("the second gate says %+v, want it to name the other gate: %v", second.Status.Conditions, err)
	}
	if err := w.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if err := reconcile(); !apierrors.IsNotFound(err) {
		t.Errorf("want the second gate gone, got %+v, %v", second, err)
	}
	if !hooked(w.get("m0")) {
		t.Error("the hook of the first gate went with the second")
	}
}
