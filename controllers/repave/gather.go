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
	"encoding/json"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// input gathers what a decision rests on.
func (r *Reconciler) input(ctx context.Context, s *scope) (repave.Input, error) {
	in := repave.Input{
		Now: r.Clock.Now(), Rules: s.rules(), ClusterDeleting: s.clusterDeleting(), Report: s.report, ReportError: s.reportError,
		WholeSince: s.wholeSince, Override: override(s.gate.Spec.Override),
	}
	for _, open := range s.open() {
		f := repave.Flight{Machine: open.Spec.MachineName, Node: open.Spec.NodeName, Set: setOf(open)}
		switch s.progress[open.Name].Step {
		case repave.Rebuilding, repave.Settling:
			f.Landed = true
		case repave.Draining, repave.Reinstalling, repave.Joining, repave.Closed:
		}
		in.Flights = append(in.Flights, f)
	}
	leaving := r.leaving(s)
	if len(leaving)+len(in.Flights) > 0 {
		dead, err := r.deadMachines(ctx, s)
		if err != nil {
			return in, err
		}
		in.Dead = dead
	}
	if len(leaving) == 0 {
		return in, nil
	}
	if err := r.readSets(ctx, s); err != nil {
		return in, err
	}
	purposes := r.purposes(s)
	for _, m := range leaving {
		in.Candidates = append(in.Candidates, r.candidate(ctx, s, m, purposes[m.Name]))
	}
	return in, nil
}

// leaving are the Machines that wait for the gate: deleted with the hook on, or bypassing the hook, because their MaasMachine was deleted or somebody
// took the hook off; those are held by the MaasMachine's own finalizer.
func (r *Reconciler) leaving(s *scope) []*clusterv1.Machine {
	var leaving []*clusterv1.Machine
	for _, m := range s.machines {
		if (!m.DeletionTimestamp.IsZero() && hooked(m)) || s.bypassed(m) {
			leaving = append(leaving, m)
		}
	}
	return leaving
}

// bypassed tells whether the infrastructure of a Machine is being deleted although nobody has let it go.
func (s *scope) bypassed(m *clusterv1.Machine) bool {
	infra := s.infra(m)
	if infra == nil || infra.DeletionTimestamp.IsZero() {
		return false
	}
	open := s.openOf(m.Name)
	return open == nil || open.Spec.ConfirmedTime.IsZero()
}

func (s *scope) infra(m *clusterv1.Machine) *infrav1.MaasMachine {
	if m.Spec.InfrastructureRef.Kind != "MaasMachine" || m.Spec.InfrastructureRef.APIGroup != infrav1.GroupVersion.Group {
		return nil
	}
	return s.maasMachines[m.Spec.InfrastructureRef.Name]
}

func (r *Reconciler) candidate(ctx context.Context, s *scope, m *clusterv1.Machine, purpose repave.Purpose) repave.Candidate {
	role := s.role(m)
	c := repave.Candidate{
		Machine: m.Name, Node: nodeName(m), Role: repave.Worker, Set: setOf(m), Purpose: purpose, WaitingSince: s.now, Dead: s.dead(m),
		StorageExpected: role.Storage == infrav1.StorageExpected, DataKept: r.dataKept(ctx, s, m), UnhookedPeers: s.unhooked(m),
		VMs: repave.VMPolicy(role.VirtualMachines), Override: machineOverride(m),
	}
	if isControlPlane(m) {
		c.Role = repave.ControlPlane
	}
	if !m.DeletionTimestamp.IsZero() {
		c.WaitingSince = m.DeletionTimestamp.Time
	}
	c.StuckVMs = s.stuckOn(c.Node)
	if c.VMs == repave.BlockOnVMs && !c.Dead {
		c.NoRoomForVMs = s.noRoom(c.Node)
	}
	if c.Role == repave.Worker {
		c.NotReplaced = s.notReplaced(m)
	}
	return c
}

// role finds the rules for a Machine, the most particular entry first, and completes them.
func (s *scope) role(m *clusterv1.Machine) infrav1.RepaveRole {
	role := infrav1.RepaveRole{Storage: infrav1.StorageExpected, VirtualMachines: infrav1.VirtualMachinesBlock}
	if isControlPlane(m) {
		role.Storage = infrav1.StorageAbsent
	}
	best := 0
	for _, entry := range s.gate.Spec.Roles {
		rank := 0
		switch entry.Type {
		case infrav1.RepaveRoleControlPlane:
			if isControlPlane(m) {
				rank = 1
			}
		case infrav1.RepaveRoleWorkers:
			if !isControlPlane(m) {
				rank = 1
			}
		case infrav1.RepaveRoleMachineDeployment:
			if entry.MachineDeployment == m.Labels[clusterv1.MachineDeploymentNameLabel] ||
				entry.MachineDeployment == m.Labels[clusterv1.ClusterTopologyMachineDeploymentNameLabel] {
				rank = 2
			}
		}
		if rank <= best {
			continue
		}
		best = rank
		if entry.Storage != "" {
			role.Storage = entry.Storage
		}
		if entry.VirtualMachines != "" {
			role.VirtualMachines = entry.VirtualMachines
		}
		role.RequiredBridge = entry.RequiredBridge
	}
	return role
}

// dead tells whether the Machine's Node is known not to run: its kubelet is silent, or it is gone although the Machine had it, and the storage
// does not see it online.
func (s *scope) dead(m *clusterv1.Machine) bool {
	if s.nodes == nil || nodeName(m) == "" {
		return false
	}
	node, ok := s.nodes[nodeName(m)]
	if ok && isNodeReady(node) != corev1.ConditionUnknown {
		return false
	}
	if s.report == nil {
		return true
	}
	for i := range s.report.Nodes {
		if n := &s.report.Nodes[i]; n.Name == nodeName(m) {
			return n.State == storagehealth.Offline
		}
	}
	return true
}

// unhooked counts the Machines of the same kind that would not wait.
func (s *scope) unhooked(m *clusterv1.Machine) int {
	n := 0
	for _, other := range s.machines {
		if other != m && other.DeletionTimestamp.IsZero() && !hooked(other) && nodeName(other) != "" {
			n++
		}
	}
	return n
}

// How long the words of an override may be. The API server sees to it at the gate and at Repaves, which note them; nobody does at an annotation.
const (
	maxOverrideReason = 256
	maxOverrideBy     = 128
)

// machineOverride reads the annotation of a Machine, nil when there is none or it cannot be taken for an override.
func machineOverride(m *clusterv1.Machine) *repave.Override {
	text, ok := m.Annotations[infrav1.RepaveOverrideAnnotation]
	if !ok {
		return nil
	}
	o := infrav1.RepaveOverride{}
	if json.Unmarshal([]byte(text), &o) != nil || o.Reason == "" || o.By == "" || o.UntilTime.IsZero() ||
		utf8.RuneCountInString(o.Reason) > maxOverrideReason || utf8.RuneCountInString(o.By) > maxOverrideBy {
		return nil
	}
	return override(o)
}
