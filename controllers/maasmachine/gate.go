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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
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
	words := whyHeld(gate, repave, s.machine)
	if words != "" {
		s.waitFor(infrav1.WaitingForRepaveGateReason, words)
	}
	return words != "", nil
}

// whyHeld says why a server is not given away, "" when it may be: the gate has not let the node go, or the storage has not left it.
func whyHeld(gate *infrav1.RepaveGate, repave *infrav1.Repave, machine *clusterv1.Machine) string {
	node := machine.Status.NodeRef.Name
	if !letsGo(repave, machine.Name) {
		return fmt.Sprintf("RepaveGate %s has not let node %s go; its status says why", gate.Name, node)
	}
	left := conditions.Get(repave, infrav1.StorageDetachedCondition)
	switch {
	case repave.Spec.Outcome != "" || (left != nil && left.Status == metav1.ConditionTrue):
		return ""
	case left == nil:
		return fmt.Sprintf("RepaveGate %s has not looked yet whether the storage has left node %s", gate.Name, node)
	}
	return left.Message
}

// letsGo tells whether a Repave is of the Machine, and not of an earlier one of the same name that is long closed. One that a person gave up lets go what it
// has let go before.
func letsGo(repave *infrav1.Repave, machine string) bool {
	return repave.Spec.MachineName == machine && !repave.Spec.ConfirmedTime.IsZero() &&
		(repave.Spec.Outcome == "" || repave.Spec.Outcome == infrav1.RepaveGivenUp)
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
	if !ok || !letsGo(repave, repave.Spec.MachineName) {
		return nil
	}
	machine := &clusterv1.Machine{}
	if r.Client.Get(ctx, client.ObjectKey{Namespace: repave.Namespace, Name: repave.Spec.MachineName}, machine) != nil ||
		machine.Spec.InfrastructureRef.Kind != "MaasMachine" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: repave.Namespace, Name: machine.Spec.InfrastructureRef.Name}}}
}
