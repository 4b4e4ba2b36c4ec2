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

package maasmachine

import (
	"context"
	"fmt"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=repavegates;repaves,verbs=get;list;watch

// gate returns the RepaveGate of the machine's Cluster, nil when there is none that protects anything.
func (r *Reconciler) gate(ctx context.Context, s *scope) (*infrav1.RepaveGate, error) {
	if s.cluster == nil || s.machine == nil {
		return nil, nil //nolint:nilnil // no gate is an answer
	}
	gates := &infrav1.RepaveGateList{}
	if err := r.Client.List(ctx, gates, client.InNamespace(s.maasMachine.Namespace)); err != nil {
		return nil, fmt.Errorf("listing RepaveGates: %w", err)
	}
	for i := range gates.Items {
		if g := &gates.Items[i]; g.Spec.ClusterName == s.cluster.Name && g.Spec.Storage.Type != infrav1.StorageNone {
			return g, nil
		}
	}
	return nil, nil //nolint:nilnil // as above
}

// heldByGate is the second line behind the gate's hook: it keeps the server of a Machine that had a Node until the gate has let it go, however the
// MaasMachine came to be deleted. The whole Cluster may always go.
func (r *Reconciler) heldByGate(ctx context.Context, s *scope) (bool, error) {
	if s.machine == nil || s.machine.Status.NodeRef.Name == "" || s.cluster == nil || !s.cluster.DeletionTimestamp.IsZero() ||
		(s.maasCluster != nil && !s.maasCluster.DeletionTimestamp.IsZero()) {
		return false, nil
	}
	gate, err := r.gate(ctx, s)
	if err != nil || gate == nil {
		return false, err
	}
	// Past the cache: what is not there may be gone with its history, and what is there lets the server go.
	repave := &infrav1.Repave{}
	err = r.APIReader.Get(ctx, client.ObjectKey{Namespace: s.machine.Namespace, Name: s.machine.Name}, repave)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("getting Repave %s: %w", s.machine.Name, err)
	}
	if err == nil && repave.Spec.MachineName == s.machine.Name && !repave.Spec.ConfirmedTime.IsZero() {
		return false, nil
	}
	s.waitFor(infrav1.WaitingForRepaveGateReason, fmt.Sprintf("RepaveGate %s has not let node %s go; its status says why", gate.Name,
		s.machine.Status.NodeRef.Name))
	return true, nil
}

// waitForHook holds back the providerID, and with it the Node, until the gate has put its hook on the Machine: a Machine with a Node and without the
// hook could be deleted past the gate.
func (r *Reconciler) waitForHook(ctx context.Context, s *scope) (bool, error) {
	gate, err := r.gate(ctx, s)
	if err != nil || gate == nil {
		return false, err
	}
	if _, ok := s.machine.Annotations[infrav1.RepaveHookAnnotation]; ok || !s.machine.DeletionTimestamp.IsZero() {
		return false, nil
	}
	s.waitFor(infrav1.WaitingForRepaveGateReason, fmt.Sprintf("Waiting for RepaveGate %s to put its hook on Machine %s", gate.Name, s.machine.Name))
	return true, nil
}

// machineOfRepave wakes the MaasMachine of a Machine that the gate let go.
func (r *Reconciler) machineOfRepave(ctx context.Context, o client.Object) []ctrl.Request {
	repave, ok := o.(*infrav1.Repave)
	if !ok || repave.Spec.Outcome != "" {
		return nil
	}
	machine := &clusterv1.Machine{}
	if r.Client.Get(ctx, client.ObjectKey{Namespace: repave.Namespace, Name: repave.Spec.MachineName}, machine) != nil ||
		machine.Spec.InfrastructureRef.Kind != "MaasMachine" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: repave.Namespace, Name: machine.Spec.InfrastructureRef.Name}}}
}
