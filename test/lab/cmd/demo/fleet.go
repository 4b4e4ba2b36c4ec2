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

package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// snapshot is what the management cluster says at one time.
type snapshot struct {
	cluster      *clusterv1.Cluster // nil when there is none
	machines     []clusterv1.Machine
	maasMachines map[string]*infrav1.MaasMachine
	hosts        map[string]*infrav1.MaasHost
	gate         *infrav1.RepaveGate // nil when there is none
	repaves      []infrav1.Repave
}

// member is a Machine that was seen, and when it got where.
type member struct {
	row
	systemID string
	first    time.Time
	leased   time.Time
	deployed time.Time
	node     time.Time // ready
	ready    time.Time
	deleted  time.Time // its deletion began
	gone     time.Time
}

// fleet follows the Machines of one cluster.
type fleet struct {
	members []*member
}

const (
	roleControlPlane = "control plane"
	roleWorker       = "worker"
)

// update takes in a snapshot.
func (f *fleet) update(s snapshot, now time.Time) {
	seen := map[string]bool{}
	for i := range s.machines {
		m := &s.machines[i]
		seen[m.Name] = true
		f.member(m, now).update(m, s, now)
	}
	for _, one := range f.members {
		if !seen[one.machine] && one.gone.IsZero() {
			one.gone = now
			one.state = state{phase: gone}
			setOnce(&one.deleted, now)
		}
	}
	slices.SortStableFunc(f.members, func(a, b *member) int {
		return cmp.Or(cmp.Compare(a.role, b.role), a.first.Compare(b.first), cmp.Compare(a.machine, b.machine))
	})
}

func (f *fleet) member(m *clusterv1.Machine, now time.Time) *member {
	for _, one := range f.members {
		if one.machine == m.Name {
			return one
		}
	}
	one := &member{row: row{machine: m.Name, role: roleWorker}, first: now}
	if _, ok := m.Labels[clusterv1.MachineControlPlaneLabel]; ok {
		one.role = roleControlPlane
	}
	f.members = append(f.members, one)
	return one
}

func (one *member) update(m *clusterv1.Machine, s snapshot, now time.Time) {
	mm := s.maasMachines[m.Spec.InfrastructureRef.Name]
	var host *infrav1.MaasHost
	if mm != nil && mm.Status.HostRef.Name != "" {
		one.systemID = mm.Status.HostRef.Name
		host = s.hosts[one.systemID]
	}
	if mm != nil && mm.Status.Hostname != "" {
		one.host = mm.Status.Hostname
	}
	one.state = s.withGate(m, derive(m, mm, host))
	if one.reason == infrav1.WaitingForBootstrapDataReason && one.role == roleWorker && !s.initialised() {
		// The bootstrap provider in its turn waits for this.
		one.why = "Waiting for the control plane to be initialised"
	}
	if mm != nil && conditions.IsTrue(mm, infrav1.HostLeasedCondition) {
		setOnce(&one.leased, now)
	}
	if host != nil && !host.Status.DeployedTime.IsZero() {
		setOnce(&one.deployed, now)
	}
	if conditions.IsTrue(m, clusterv1.MachineNodeReadyCondition) {
		setOnce(&one.node, now)
	}
	if one.phase == ready {
		setOnce(&one.ready, now)
	}
	if !m.DeletionTimestamp.IsZero() {
		setOnce(&one.deleted, now)
	}
}

func setOnce(t *time.Time, now time.Time) {
	if t.IsZero() {
		*t = now
	}
}

// elapsed is the time since the Machine was made, until it was ready; then
// since its deletion, until it was gone.
func (one *member) elapsed(now time.Time) time.Duration {
	from, to := one.first, one.ready
	if !one.deleted.IsZero() {
		from, to = one.deleted, one.gone
	}
	if to.IsZero() {
		to = now
	}
	return to.Sub(from)
}

// rows are the members as of now, without those that had gone before a time: others have taken their places.
func (f *fleet) rows(now, since time.Time) []row {
	out := make([]row, 0, len(f.members))
	for _, one := range f.members {
		if one.phase == gone && one.gone.Before(since) {
			continue
		}
		one.row.elapsed = one.elapsed(now)
		out = append(out, one.row)
	}
	return out
}

// reports are the members for the report.
func (f *fleet) reports(calls *ledger) []machineReport {
	out := make([]machineReport, 0, len(f.members))
	for _, one := range f.members {
		after := func(t time.Time) float64 {
			if t.IsZero() {
				return 0
			}
			return seconds(t.Sub(one.first))
		}
		out = append(out, machineReport{
			Name: one.machine, Role: one.role, Host: one.host, SystemID: one.systemID,
			LeasedAfter: after(one.leased), DeployedAfter: after(one.deployed), NodeReadyAfter: after(one.node),
			MAASCalls: calls.of(one.systemID),
		})
	}
	return out
}

func (s snapshot) initialised() bool {
	return s.cluster != nil && conditions.IsTrue(s.cluster, clusterv1.ClusterControlPlaneInitializedCondition)
}

// nodesReady counts the Machines whose Node is ready.
func (s snapshot) nodesReady() int {
	n := 0
	for i := range s.machines {
		if conditions.IsTrue(&s.machines[i], clusterv1.MachineNodeReadyCondition) {
			n++
		}
	}
	return n
}

// upgraded counts the Machines, of the control plane only or all, that are done with the upgrade.
func (s snapshot) upgraded(controlPlane bool) int {
	n := 0
	for i := range s.machines {
		m := &s.machines[i]
		_, is := m.Labels[clusterv1.MachineControlPlaneLabel]
		if m.Spec.Version == lab.KubernetesVersion && (is || !controlPlane) && upToDate(m) {
			n++
		}
	}
	return n
}

// workersReady counts the workers whose Node is ready.
func (s snapshot) workersReady() int {
	n := 0
	for i := range s.machines {
		m := &s.machines[i]
		if _, is := m.Labels[clusterv1.MachineControlPlaneLabel]; !is && conditions.IsTrue(m, clusterv1.MachineNodeReadyCondition) {
			n++
		}
	}
	return n
}

// content tells whether all is as it was asked for, to Cluster API's
// satisfaction.
func (s snapshot) content(want int) bool {
	if s.cluster == nil || len(s.machines) != want || !conditions.IsTrue(s.cluster, clusterv1.ClusterAvailableCondition) {
		return false
	}
	for _, t := range []string{clusterv1.ClusterScalingUpCondition, clusterv1.ClusterRollingOutCondition, clusterv1.ClusterRemediatingCondition} {
		if conditions.IsTrue(s.cluster, t) {
			return false
		}
	}
	for i := range s.machines {
		m := &s.machines[i]
		if !conditions.IsTrue(m, clusterv1.MachineReadyCondition) || !conditions.IsTrue(m, clusterv1.MachineAvailableCondition) {
			return false
		}
	}
	return s.available() == want
}

// available is how many Machines the Cluster itself counts as such, which it
// does a moment later.
func (s snapshot) available() int {
	n := int32(0)
	if c := s.cluster.Status.ControlPlane; c != nil {
		n += min(ptr.Deref(c.AvailableReplicas, 0), ptr.Deref(c.ReadyReplicas, 0))
	}
	if w := s.cluster.Status.Workers; w != nil {
		n += min(ptr.Deref(w.AvailableReplicas, 0), ptr.Deref(w.ReadyReplicas, 0))
	}
	return int(n)
}

// complaints are the conditions of an object that are not as they should be.
func complaints(all []metav1.Condition) []string {
	bad := []string{
		clusterv1.DeletingCondition, clusterv1.PausedCondition, clusterv1.RollingOutCondition,
		clusterv1.ScalingUpCondition, clusterv1.ScalingDownCondition, clusterv1.RemediatingCondition,
		clusterv1.MachineUpdatingCondition, "CertificatesExpiring",
	}
	var out []string
	for _, c := range all {
		fine := metav1.ConditionTrue
		if slices.Contains(bad, c.Type) {
			fine = metav1.ConditionFalse
		}
		if c.Status != fine {
			out = append(out, strings.TrimSuffix(c.Type+"="+string(c.Status)+" "+c.Reason+": "+oneLine(c.Message), ": "))
		}
	}
	return out
}
