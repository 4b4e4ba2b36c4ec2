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
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/controllers/external"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
		f := repave.Flight{Machine: open.Spec.MachineName, Node: open.Spec.NodeName, Since: open.Spec.AdmittedTime.Time}
		switch s.progress[open.Name].Step {
		case repave.Rebuilding, repave.Settling:
			f.Landed = true
		case repave.Draining, repave.Reinstalling, repave.Joining, repave.Closed:
		}
		in.Flights = append(in.Flights, f)
	}
	leaving := r.leaving(s)
	if len(leaving) == 0 {
		return in, nil
	}
	state, err := r.controlPlane(ctx, s)
	if err != nil {
		return in, err
	}
	in.ControlPlane = state
	if err := r.readSets(ctx, s); err != nil {
		return in, err
	}
	purposes := r.purposes(s)
	for _, m := range leaving {
		in.Candidates = append(in.Candidates, r.candidate(ctx, s, m, purposes[m.Name]))
	}
	return in, nil
}

// leaving are the Machines that wait for the gate: deleted with the hook on, or not deleted while their MaasMachine is, which bypasses the hook
// and is held by the MaasMachine's own finalizer.
func (r *Reconciler) leaving(s *scope) []*clusterv1.Machine {
	var leaving []*clusterv1.Machine
	for _, m := range s.machines {
		if (!m.DeletionTimestamp.IsZero() && hooked(m)) || (m.DeletionTimestamp.IsZero() && s.bypassed(m)) {
			leaving = append(leaving, m)
		}
	}
	return leaving
}

// bypassed tells whether somebody deleted the infrastructure under a living Machine, and nobody has let it go.
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
		Machine: m.Name, Node: nodeName(m), Role: repave.Worker, Purpose: purpose, WaitingSince: s.now, Dead: s.dead(m),
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
		c.NoRoomForVMs = r.noRoom(ctx, s, c.Node)
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

func machineOverride(m *clusterv1.Machine) *repave.Override {
	text, ok := m.Annotations[infrav1.RepaveOverrideAnnotation]
	if !ok {
		return nil
	}
	o := infrav1.RepaveOverride{}
	if json.Unmarshal([]byte(text), &o) != nil || o.Reason == "" || o.By == "" || o.UntilTime.IsZero() {
		return nil
	}
	return override(o)
}

// machineSet is a set of Machines of which one replaces another: a MachineDeployment's, or the control plane's.
type machineSet struct {
	wanted  int
	staying int
	leaving []repave.Leaving
}

// setOf names the set of a Machine, "" for one that stands alone and is not replaced.
func setOf(m *clusterv1.Machine) string {
	switch {
	case isControlPlane(m):
		return "control plane"
	case m.Labels[clusterv1.MachineDeploymentNameLabel] != "":
		return "MachineDeployment/" + m.Labels[clusterv1.MachineDeploymentNameLabel]
	case m.Labels[clusterv1.MachineSetNameLabel] != "":
		return "MachineSet/" + m.Labels[clusterv1.MachineSetNameLabel]
	}
	return ""
}

// readSets reads how many Machines each set is to have.
func (r *Reconciler) readSets(ctx context.Context, s *scope) error {
	s.sets = map[string]*machineSet{}
	for _, m := range s.machines {
		name := setOf(m)
		if s.sets[name] == nil {
			wanted, err := r.wanted(ctx, s, m)
			if err != nil {
				return err
			}
			s.sets[name] = &machineSet{wanted: wanted}
		}
		set := s.sets[name]
		if m.DeletionTimestamp.IsZero() && !s.bypassed(m) {
			set.staying++
			continue
		}
		since := s.now
		if !m.DeletionTimestamp.IsZero() {
			since = m.DeletionTimestamp.Time
		}
		set.leaving = append(set.leaving, repave.Leaving{Machine: m.Name, Since: since, Open: s.openOf(m.Name) != nil})
	}
	return nil
}

func (r *Reconciler) wanted(ctx context.Context, s *scope, m *clusterv1.Machine) (int, error) {
	var err error
	var replicas *int32
	switch {
	case isControlPlane(m):
		cp, cpErr := r.controlPlaneObject(ctx, s)
		if cpErr != nil || cp == nil {
			return 0, cpErr
		}
		n, _, _ := unstructured.NestedInt64(cp.Object, "spec", "replicas")
		return int(n), nil
	case m.Labels[clusterv1.MachineDeploymentNameLabel] != "":
		md := &clusterv1.MachineDeployment{}
		err = r.Client.Get(ctx, client.ObjectKey{Namespace: m.Namespace, Name: m.Labels[clusterv1.MachineDeploymentNameLabel]}, md)
		replicas = md.Spec.Replicas
		if !md.DeletionTimestamp.IsZero() {
			replicas = nil
		}
	case m.Labels[clusterv1.MachineSetNameLabel] != "":
		ms := &clusterv1.MachineSet{}
		err = r.Client.Get(ctx, client.ObjectKey{Namespace: m.Namespace, Name: m.Labels[clusterv1.MachineSetNameLabel]}, ms)
		replicas = ms.Spec.Replicas
	}
	if client.IgnoreNotFound(err) != nil {
		return 0, fmt.Errorf("getting the set of Machine %s: %w", m.Name, err)
	}
	return int(ptr.Deref(replicas, 0)), nil
}

// purposes tells for every Machine that leaves whether another takes its place.
func (r *Reconciler) purposes(s *scope) map[string]repave.Purpose {
	all := map[string]repave.Purpose{}
	for name, set := range s.sets {
		wanted := set.wanted
		if name == "" {
			wanted = 0
		}
		for machine, purpose := range repave.Purposes(wanted, set.staying, set.leaving) {
			all[machine] = purpose
		}
	}
	return all
}

func (r *Reconciler) controlPlaneObject(ctx context.Context, s *scope) (*unstructured.Unstructured, error) {
	if s.cluster.Spec.ControlPlaneRef.Name == "" {
		return nil, nil //nolint:nilnil // a Cluster without a control plane object is an answer
	}
	cp, err := external.GetObjectFromContractVersionedRef(ctx, r.Client, s.cluster.Spec.ControlPlaneRef, s.cluster.Namespace)
	if err != nil {
		// A control plane of another provider than kubeadm's may be none of the manager's business; its Machines are judged without it.
		if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			return nil, nil //nolint:nilnil // as above
		}
		return nil, fmt.Errorf("getting the control plane: %w", err)
	}
	return cp, nil
}

// controlPlane tells whether Cluster API would refuse to replace a worker now: while the control plane is not yet at the version it is to have, or rolls
// out (the preflight checks of MachineSets).
func (r *Reconciler) controlPlane(ctx context.Context, s *scope) (repave.ControlPlaneState, error) {
	cp, err := r.controlPlaneObject(ctx, s)
	if err != nil || cp == nil {
		return repave.ControlPlaneState{}, err
	}
	wanted, _, _ := unstructured.NestedString(cp.Object, "spec", "version")
	has, _, _ := unstructured.NestedString(cp.Object, "status", "version")
	if wanted != "" && has != "" && wanted != has {
		return repave.ControlPlaneState{Moving: true, Detail: fmt.Sprintf("goes from %s to %s", has, wanted)}, nil
	}
	conditions, _, _ := unstructured.NestedSlice(cp.Object, "status", "conditions")
	moving := slices.ContainsFunc(conditions, func(c any) bool {
		fields, ok := c.(map[string]any)
		return ok && fields["type"] == clusterv1.RollingOutCondition && fields["status"] == "True"
	})
	if moving {
		return repave.ControlPlaneState{Moving: true, Detail: "rolls out"}, nil
	}
	return repave.ControlPlaneState{}, nil
}

// since keeps the time from which a Machine waits for the same reason.
func since(held []infrav1.HeldMachine, machine, reason string, now time.Time) time.Time {
	for _, h := range held {
		if h.Machine == machine && h.Reason == reason {
			return h.SinceTime.Time
		}
	}
	return now
}
