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

package maasremediation

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/remediation"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// sick is a Machine whose Node has fallen silent, on a server of a pool that keeps it.
func sick() *scope {
	s := &scope{
		now: now, started: now,
		remediation: &infrav1.MaasRemediation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m"}},
		machine:     &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m", Annotations: map[string]string{}}},
		maasMachine: &infrav1.MaasMachine{},
		host:        &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "abc", Annotations: map[string]string{}}},
		pool:        &infrav1.MaasHostPool{},
	}
	s.machine.Spec.ClusterName = "c"
	s.machine.Status.NodeRef.Name = "node"
	conditions.Set(s.machine, metav1.Condition{Type: clusterv1.MachineNodeReadyCondition, Status: metav1.ConditionUnknown,
		Reason: clusterv1.MachineNodeReadyUnknownReason})
	conditions.Set(s.host, metav1.Condition{Type: infrav1.HostDeployedCondition, Status: metav1.ConditionTrue, Reason: infrav1.HostDeployedReason})
	return s
}

// TestHeld: whoever says that nothing is to be done is named.
func TestHeld(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*scope)
		want   string
	}{
		{"nobody", func(*scope) {}, ""},
		{"without a server", func(s *scope) { s.host = nil }, ""},
		{"skip-remediation", func(s *scope) { s.machine.Annotations[clusterv1.MachineSkipRemediationAnnotation] = "" }, "Machine m has the annotation"},
		{"the Machine is paused", func(s *scope) { s.machine.Annotations[clusterv1.PausedAnnotation] = "" }, "Machine m has the annotation"},
		{"the lease is paused", func(s *scope) { s.host.Annotations[clusterv1.PausedAnnotation] = "" }, "MaasHost abc has the annotation"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := sick()
			tt.change(s)
			got := gather(s).Held
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}

// TestGather: what is not plain is never taken for a server that may be switched off.
func TestGather(t *testing.T) {
	t.Parallel()
	nodeReady := func(status metav1.ConditionStatus, reason string) func(*scope) {
		return func(s *scope) {
			conditions.Set(s.machine, metav1.Condition{Type: clusterv1.MachineNodeReadyCondition, Status: status, Reason: reason})
		}
	}
	deployed := func(reason string) func(*scope) {
		return func(s *scope) {
			conditions.Set(s.host, metav1.Condition{Type: infrav1.HostDeployedCondition, Status: metav1.ConditionFalse, Reason: reason})
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*scope)
		node   remediation.Node
		server remediation.Server
		back   bool
	}{
		{"silent, on an installed server", func(*scope) {}, remediation.NodeSilent, remediation.ServerInstalled, true},
		{"no Node ever", func(s *scope) { s.machine.Status.NodeRef.Name = "" }, remediation.NodeNever, remediation.ServerInstalled, true},
		{"no word of the Node", func(s *scope) { s.machine.Status.Conditions = nil }, remediation.NodeUnseen, remediation.ServerInstalled, true},
		{"not ready, and says so", nodeReady(metav1.ConditionFalse, clusterv1.MachineNodeNotReadyReason), remediation.NodeSpeaks, remediation.ServerInstalled, true},
		{"the Node was deleted", nodeReady(metav1.ConditionUnknown, clusterv1.MachineNodeDeletedReason), remediation.NodeSpeaks, remediation.ServerInstalled, true},
		{"the workload cluster is not reached", nodeReady(metav1.ConditionUnknown, clusterv1.MachineNodeInspectionFailedReason), remediation.NodeUnseen,
			remediation.ServerInstalled, true},
		{"no lease yet", func(s *scope) { s.host = nil }, remediation.NodeSilent, remediation.ServerNone, false},
		{"the lease is gone", func(s *scope) { s.host, s.maasMachine.Spec.ProviderID = nil, "maas:///abc" }, remediation.NodeSilent, remediation.ServerLost, false},
		{"MAAS is away", func(s *scope) { s.maasProblem = "refused" }, remediation.NodeSilent, remediation.ServerUnknown, true},
		{"the lease says nothing", func(s *scope) { s.host.Status.Conditions = nil }, remediation.NodeSilent, remediation.ServerUnknown, true},
		{"installed anew by somebody", func(s *scope) { s.host.Spec.Vacate.Purpose = infrav1.VacateRedeploy }, remediation.NodeSilent, remediation.ServerInstalling, true},
		{"installation failed", deployed(infrav1.DeployFailedReason), remediation.NodeSilent, remediation.ServerFailed, true},
		{"taken by another", deployed(infrav1.HostTakenReason), remediation.NodeSilent, remediation.ServerLost, true},
		{"tested by somebody", deployed(infrav1.HostNotInServiceReason), remediation.NodeSilent, remediation.ServerBusy, true},
		{"a reason of some later version", deployed("Unheard"), remediation.NodeSilent, remediation.ServerBusy, true},
		{"no pool", func(s *scope) { s.pool = nil }, remediation.NodeSilent, remediation.ServerInstalled, false},
		{"a pool that gives servers to whoever comes", func(s *scope) { s.pool.Spec.Reuse = infrav1.ReuseAny }, remediation.NodeSilent, remediation.ServerInstalled, false},
		{"a pool that goes", func(s *scope) { s.pool.DeletionTimestamp = ptr.To(metav1.NewTime(now)) }, remediation.NodeSilent, remediation.ServerInstalled, false},
		{"cordoned", func(s *scope) { s.host.Spec.Unschedulable = ptr.To(true) }, remediation.NodeSilent, remediation.ServerInstalled, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := sick()
			tt.change(s)
			in := gather(s)
			if in.Node != tt.node || in.Server != tt.server || in.ComesBack != tt.back {
				t.Errorf("want node %s, server %s, comes back %t, got %s, %s, %t", tt.node, tt.server, tt.back, in.Node, in.Server, in.ComesBack)
			}
		})
	}
}

// TestOldPowerCycle: a power cycle of another remediation, or of one of the same name before, is history and not under way.
func TestOldPowerCycle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]infrav1.HostPowerCycle{
		"of another":        {RemediationRef: infrav1.LocalObjectReference{Name: "other"}, RequestedTime: metav1.NewTime(now)},
		"of the one before": {RemediationRef: infrav1.LocalObjectReference{Name: "m"}, RequestedTime: metav1.NewTime(now.Add(-time.Hour))},
	} {
		s := sick()
		s.host.Spec.PowerCycle = c
		if in := gather(s); in.PowerCycle != nil {
			t.Errorf("%s: want none under way, got %+v", name, in.PowerCycle)
		}
	}
}

// TestFindAway: what else of the Cluster is away, and nothing that is this node's own, over, or another Cluster's.
func TestFindAway(t *testing.T) {
	t.Parallel()
	repave := func(name, cluster, machine, node string, outcome infrav1.RepaveOutcome) *infrav1.Repave {
		return &infrav1.Repave{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: infrav1.RepaveSpec{
			ClusterName: cluster, MachineName: machine, NodeName: node, Outcome: outcome,
		}}
	}
	cycled := func(name, cluster, by string, until time.Time) *infrav1.MaasHost {
		return &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: infrav1.MaasHostSpec{
			ClusterName: cluster, PowerCycle: infrav1.HostPowerCycle{
				RemediationRef: infrav1.LocalObjectReference{Name: by}, ExpirationTime: metav1.NewTime(until),
			},
		}}
	}
	later, before := now.Add(time.Minute), now.Add(-time.Minute)
	objects := []client.Object{
		&infrav1.MaasRemediation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "other"}},
		&infrav1.MaasRemediation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m"}},
		repave("away", "c", "x", "x", ""), repave("over", "c", "y", "y", infrav1.RepaveWhole), repave("own", "c", "m", "node", ""),
		repave("predecessors", "c", "m-before", "node", ""), repave("elsewhere", "d", "z", "z", ""),
		cycled("being-switched", "c", "other", later), cycled("switched", "c", "other", before), cycled("mine", "c", "m", later),
		cycled("asked-by-nobody", "c", "gone", later), cycled("anothers", "d", "other", later), cycled("never", "c", "", later),
	}
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	s := sick()
	if err := (&Reconciler{}).findAway(t.Context(), fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), s); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(s.away, ", "), "node x (Repave away), server being-switched (MaasRemediation other)"; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

// TestEverySituationIsTold: each has a step and a reason, and a message where somebody has something to wait for.
func TestEverySituationIsTold(t *testing.T) {
	t.Parallel()
	for situation, v := range verdicts {
		s := sick()
		s.input = gather(s)
		s.took = remediation.Plan{Situation: situation, Why: "because", Until: now}
		setStatus(s)
		c := conditions.Get(s.remediation, infrav1.RemediatingCondition)
		if c == nil || c.Reason != v.reason || s.remediation.Status.Step != v.step {
			t.Errorf("%s: want step %s for %s, got %s and %+v", situation, v.step, v.reason, s.remediation.Status.Step, c)
			continue
		}
		if c.Message == "" && situation != remediation.Recovered {
			t.Errorf("%s: want a message", situation)
		}
	}
}
