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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// reminded is when the health check of a Machine was last reminded, "" for never.
func (w *world) reminded(machine string) string {
	w.Helper()
	return w.get(machine).Annotations[infrav1.RepaveHealthCheckAnnotation]
}

// shortCircuited makes a health check of the rollout's Machines that allows no remediation, and so does not come back by itself; none when change takes its
// name away.
func (w *world) shortCircuited(change func(*clusterv1.MachineHealthCheck)) {
	w.Helper()
	c := &clusterv1.MachineHealthCheck{ObjectMeta: objectMeta("check"), Spec: clusterv1.MachineHealthCheckSpec{ClusterName: "c",
		Selector: metav1.LabelSelector{MatchLabels: map[string]string{clusterv1.MachineDeploymentNameLabel: "md"}}}}
	c.Spec.Checks.UnhealthyNodeConditions = []clusterv1.UnhealthyNodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, TimeoutSeconds: ptr.To(int32(300))},
	}
	c.Spec.Checks.NodeStartupTimeoutSeconds = ptr.To(int32(0))
	c.Status.ExpectedMachines = ptr.To(int32(3))
	conditions.Set(c, metav1.Condition{Type: clusterv1.MachineHealthCheckRemediationAllowedCondition, Status: metav1.ConditionFalse,
		Reason: clusterv1.MachineHealthCheckTooManyUnhealthyReason})
	if change != nil {
		change(c)
	}
	if c.Name != "" {
		w.create(c)
	}
}

// TestHealthCheckThatDoesNotComeBack has a health check reminded that would find the dead Machine unhealthy if it looked: once it has been so for as long as the
// check bears, and then once a minute until there is a verdict.
func TestHealthCheckThatDoesNotComeBack(t *testing.T) {
	t.Parallel()
	w := stuckRollout(t)
	w.changeNode("w2", func(n *corev1.Node) { n.Status.Conditions[0].LastTransitionTime = metav1.NewTime(w.clock.Now()) })
	w.shortCircuited(nil)
	w.pass(300*time.Second - busyInterval)
	w.look(1)
	if at := w.reminded("m2"); at != "" {
		t.Fatalf("the health check was reminded at %s, want it to bear five minutes", at)
	}
	w.look(1)
	first := w.reminded("m2")
	if first == "" {
		t.Fatal("want the health check reminded once the Node has been silent for five minutes")
	}
	w.look(5)
	if at := w.reminded("m2"); at != first {
		t.Errorf("the health check was reminded again at %s, want a minute to pass after %s", at, first)
	}
	w.look(1)
	second := w.reminded("m2")
	if second == first {
		t.Error("want the health check reminded again after a minute without a verdict")
	}
	w.unhealthy("m2")
	w.look(7)
	if at := w.reminded("m2"); at != second {
		t.Errorf("the health check was reminded at %s, want it left alone once it has found the Machine unhealthy", at)
	}
	for _, m := range []string{"m0", "m1"} {
		if at := w.reminded(m); at != "" {
			t.Errorf("the health check was reminded of %s at %s, which is being deleted or healthy", m, at)
		}
	}
}

// TestHealthChecksReminded names what a health check is reminded of, each long after.
func TestHealthChecksReminded(t *testing.T) {
	t.Parallel()
	type check = clusterv1.MachineHealthCheck
	tests := map[string]struct {
		check  func(*check)
		change func(*world)
		want   bool
	}{
		"its Node is silent":                   {want: true},
		"it comes back by itself":              {check: func(c *check) { c.Status.Conditions = nil }},
		"it is of another cluster":             {check: func(c *check) { c.Spec.ClusterName = "other" }},
		"it looks after other Machines":        {check: func(c *check) { c.Spec.Selector.MatchLabels = map[string]string{"other": "x"} }},
		"another condition of the Node counts": {check: func(c *check) { c.Spec.Checks.UnhealthyNodeConditions[0].Type = corev1.NodeDiskPressure }},
		"another status counts":                {check: func(c *check) { c.Spec.Checks.UnhealthyNodeConditions[0].Status = corev1.ConditionFalse }},
		"the Machine is paused": {change: func(w *world) {
			w.changeMachine("m2", func(m *clusterv1.Machine) { m.Annotations[clusterv1.PausedAnnotation] = "" })
		}},
		"the Machine is not to be remediated": {change: func(w *world) {
			w.changeMachine("m2", func(m *clusterv1.Machine) { m.Annotations[clusterv1.MachineSkipRemediationAnnotation] = "" })
		}},
		"the Cluster is being deleted": {change: func(w *world) {
			c := &clusterv1.Cluster{ObjectMeta: objectMeta("c")}
			w.Get1(c)
			c.Finalizers = []string{clusterv1.ClusterFinalizer}
			if err := w.Update(w.Context(), c); err != nil {
				w.Fatal(err)
			}
			if err := w.Delete(w.Context(), c); err != nil {
				w.Fatal(err)
			}
		}},
		"a condition of the Machine counts":    {check: byInfrastructure, change: func(w *world) { w.infrastructure("m2", metav1.ConditionFalse) }, want: true},
		"the Machine has not that status":      {check: byInfrastructure, change: func(w *world) { w.infrastructure("m2", metav1.ConditionTrue) }},
		"it has no Node":                       {check: byStartup(600), change: func(w *world) { w.nodeless("m2") }, want: true},
		"it has no Node and may take long":     {check: byStartup(7200), change: func(w *world) { w.nodeless("m2") }},
		"it has no Node and may take for ever": {check: byStartup(0), change: func(w *world) { w.nodeless("m2") }},
		"it has no Node for Cluster API's ten minutes": {
			check: func(c *check) { c.Spec.Checks.NodeStartupTimeoutSeconds = nil }, change: func(w *world) { w.nodeless("m2") }, want: true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stuckRollout(t)
			w.shortCircuited(tt.check)
			if tt.change != nil {
				tt.change(w)
			}
			w.pass(time.Hour)
			w.look(1)
			if got := w.reminded("m2") != ""; got != tt.want {
				t.Errorf("the health check was reminded: %t, want %t", got, tt.want)
			}
		})
	}
}

// TestNobodyIsRemindedWhereNothingWaits: without Machines that are held the health check comes back by itself, or has reasons of its own.
func TestNobodyIsRemindedWhereNothingWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.die("w2")
	w.shortCircuited(nil)
	w.pass(time.Hour)
	w.look(2)
	if at := w.reminded("m2"); at != "" {
		t.Errorf("the health check was reminded at %s, want it left alone", at)
	}
}

func byInfrastructure(c *clusterv1.MachineHealthCheck) {
	c.Spec.Checks.UnhealthyNodeConditions = nil
	c.Spec.Checks.UnhealthyMachineConditions = []clusterv1.UnhealthyMachineCondition{
		{Type: clusterv1.MachineInfrastructureReadyCondition, Status: metav1.ConditionFalse, TimeoutSeconds: ptr.To(int32(300))},
	}
}

func byStartup(seconds int32) func(*clusterv1.MachineHealthCheck) {
	return func(c *clusterv1.MachineHealthCheck) { c.Spec.Checks.NodeStartupTimeoutSeconds = ptr.To(seconds) }
}

// nodeless makes a Machine whose server is there, and whose Node never came.
func (w *world) nodeless(machine string) {
	w.Helper()
	w.changeMachine(machine, func(m *clusterv1.Machine) { m.Status.NodeRef.Name = "" })
	w.infrastructure(machine, metav1.ConditionTrue)
}

func (w *world) infrastructure(machine string, ready metav1.ConditionStatus) {
	w.Helper()
	w.changeMachine(machine, func(m *clusterv1.Machine) {
		m.Status.Conditions = append(m.Status.Conditions, metav1.Condition{
			Type: clusterv1.MachineInfrastructureReadyCondition, Status: ready, Reason: "Test", LastTransitionTime: metav1.NewTime(w.clock.Now()),
		})
	})
}
