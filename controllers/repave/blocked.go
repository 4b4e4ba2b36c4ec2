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
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
)

// deadMachines gathers the Machines that nobody has deleted although their Node is dead, or never came to be.
func (r *Reconciler) deadMachines(ctx context.Context, s *scope) ([]repave.Candidate, error) {
	var dead []repave.Candidate
	for _, m := range s.machines {
		if !m.DeletionTimestamp.IsZero() || s.bypassed(m) || !s.dead(m) && (nodeName(m) != "" || !isUnhealthy(m)) {
			continue
		}
		if err := r.listHealthChecks(ctx, s); err != nil {
			return nil, err
		}
		c := r.candidate(ctx, s, m, repave.Replacement)
		c.Stuck = s.refused(m) || s.unasked(m)
		if c.Node != "" || c.Stuck {
			dead = append(dead, c)
		}
	}
	return dead, nil
}

func isUnhealthy(m *clusterv1.Machine) bool {
	return m.DeletionTimestamp.IsZero() && conditions.IsFalse(m, clusterv1.MachineHealthCheckSucceededCondition)
}

// refused tells whether Cluster API's owner of a Machine was asked to replace it, and leaves that to the rollout of its MachineDeployment: those are Machines
// of an old MachineSet (reconcileUnhealthyMachines of Cluster API's core/reconcilers/machineset).
func (s *scope) refused(m *clusterv1.Machine) bool {
	return s.rolls(m) && isUnhealthy(m) && conditions.IsFalse(m, clusterv1.MachineOwnerRemediatedCondition) &&
		conditions.GetReason(m, clusterv1.MachineOwnerRemediatedCondition) == clusterv1.MachineSetMachineCannotBeRemediatedReason
}

// rolls tells whether a Machine is of a MachineDeployment that replaces its Machines by itself. A rollout that somebody stopped, or that goes as somebody
// deletes Machines, does not.
func (s *scope) rolls(m *clusterv1.Machine) bool {
	owner, md := metav1.GetControllerOf(m), s.deployments[m.Labels[clusterv1.MachineDeploymentNameLabel]]
	if owner == nil || owner.Kind != "MachineSet" || md == nil || !md.DeletionTimestamp.IsZero() || ptr.Deref(md.Spec.Paused, false) ||
		md.Spec.Rollout.Strategy.Type == clusterv1.OnDeleteMachineDeploymentStrategyType {
		return false
	}
	return !annotations.HasSkipRemediation(m) && !annotations.HasPaused(m) && !annotations.HasPaused(md)
}

// unblockRollouts ends that a rollout waits for the gate, and the gate for a dead node that nobody replaces while the rollout waits. The deletion is always
// Cluster API's, and waits for the gate's hook like any other.
func (r *Reconciler) unblockRollouts(ctx context.Context, s *scope) error {
	if s.clusterDeleting() || len(s.deadCandidates) == 0 {
		return nil
	}
	in, err := r.input(ctx, s)
	if err != nil {
		return err
	}
	name := repave.Unblock(in)
	if name == "" {
		return nil
	}
	// What Cluster API says of it may be old in the cache: the owner may have changed its mind, and the Node come to be.
	m := &clusterv1.Machine{}
	if err := r.APIReader.Get(ctx, client.ObjectKey{Namespace: s.gate.Namespace, Name: name}, m); err != nil {
		return client.IgnoreNotFound(err)
	}
	before := s.machine(name)
	switch {
	case !m.DeletionTimestamp.IsZero() || nodeName(m) != nodeName(before) || m.UID != before.UID:
		return nil
	case s.refused(m):
		err = r.replaceNext(ctx, s, m)
	case s.unasked(m):
		err = r.askOwner(ctx, s, m)
	}
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return err
	}
	return nil
}

// askOwner asks the owner of a Machine to replace it, as the health check would.
func (r *Reconciler) askOwner(ctx context.Context, s *scope, m *clusterv1.Machine) error {
	before := m.DeepCopy()
	conditions.Set(m, metav1.Condition{
		Type: clusterv1.MachineOwnerRemediatedCondition, Status: metav1.ConditionFalse,
		Reason: clusterv1.MachineOwnerRemediatedWaitingForRemediationReason, Message: "Waiting for remediation",
	})
	// Against a list of conditions that Cluster API changed meanwhile.
	if err := r.Client.Status().Patch(ctx, m, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("asking the owner of Machine %s to replace it: %w", m.Name, err)
	}
	ctrl.LoggerFrom(ctx).Info("Asked the owner to replace a dead node", "Machine", m.Name, "node", nodeName(m))
	r.Recorder.Eventf(s.gate, m, corev1.EventTypeNormal, "OwnerAsked", "Unblock",
		"The owner of dead Machine %s (node %q) is asked to replace it: its health check asks nobody, for it counts the Machines that wait for this node", m.Name, nodeName(m))
	return nil
}

// replaceNext has the old MachineSet of a Machine take that one. It does what Cluster API does for a rollout that is stuck at an unavailable Machine: one
// less is wanted of the MachineSet, with the dead one marked to go first. Each half can be done again.
func (r *Reconciler) replaceNext(ctx context.Context, s *scope, m *clusterv1.Machine) error {
	if _, marked := m.Annotations[clusterv1.DeleteMachineAnnotation]; !marked {
		before := m.DeepCopy()
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, clusterv1.DeleteMachineAnnotation, "")
		// Against an owner that changes its mind meanwhile.
		if err := r.Client.Patch(ctx, m, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return fmt.Errorf("marking Machine %s to be replaced next: %w", m.Name, err)
		}
		// The MachineSet is to see the mark before it chooses: the change of the Machine brings the gate back here.
		return nil
	}
	set := &clusterv1.MachineSet{}
	if err := r.APIReader.Get(ctx, client.ObjectKey{Namespace: m.Namespace, Name: metav1.GetControllerOf(m).Name}, set); err != nil {
		return fmt.Errorf("getting the MachineSet of Machine %s: %w", m.Name, err)
	}
	staying := int32(0)
	for _, other := range s.machines {
		if metav1.IsControlledBy(other, set) && other.DeletionTimestamp.IsZero() {
			staying++
		}
	}
	if !set.DeletionTimestamp.IsZero() || annotations.HasPaused(set) || ptr.Deref(set.Spec.Replicas, 0) < staying {
		// It takes one already.
		return nil
	}
	before := set.DeepCopy()
	set.Spec.Replicas = ptr.To(staying - 1)
	// Against Cluster API's own scaling.
	if err := r.Client.Patch(ctx, set, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("scaling MachineSet %s down by the dead Machine %s: %w", set.Name, m.Name, err)
	}
	ctrl.LoggerFrom(ctx).Info("Had the rollout replace a dead node next", "Machine", m.Name, "node", nodeName(m), "MachineSet", set.Name, "replicas", staying-1)
	r.Recorder.Eventf(s.gate, m, corev1.EventTypeNormal, "ReplacedNext", "Unblock",
		"The rollout of MachineDeployment %s is to replace dead Machine %s (node %q) next: it would not get there, as it waits for this gate, which waits for that node",
		m.Labels[clusterv1.MachineDeploymentNameLabel], m.Name, nodeName(m))
	return nil
}
