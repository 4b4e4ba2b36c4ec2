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
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// machineChanges drops updates of a Machine's status, which Cluster API writes often and nothing here reads. Its deletion passes, for it
// counts up the generation.
func machineChanges() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})
}

// hostChanges drops updates of a lease that differ only in what a MaasMachine does not report. It names what does not matter, so that a
// field that is added wakes the machine until somebody says that it does not matter.
func hostChanges() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*infrav1.MaasHost)
		after, ok2 := e.ObjectNew.(*infrav1.MaasHost)
		return !ok || !ok2 || !apiequality.Semantic.DeepEqual(reported(before), reported(after))
	}}
}

func onlyDeletions() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// reported leaves out of a lease what has no effect on its MaasMachine: which version it is, progress that the conditions tell as well,
// how old the conditions are, and the steps of an installation. MaasMachines have a Ready of their own.
func reported(host *infrav1.MaasHost) *infrav1.MaasHost {
	host = host.DeepCopy()
	host.ResourceVersion, host.Generation, host.ManagedFields = "", 0, nil
	host.Status.AllocatedTime, host.Status.DeployStartTime = metav1.Time{}, metav1.Time{}
	host.Status.MAAS.State, host.Status.MAAS.Power, host.Status.MAAS.ResourcePool = "", "", ""
	host.Status.Conditions = slices.DeleteFunc(host.Status.Conditions, func(c metav1.Condition) bool {
		return c.Type == infrav1.ReadyCondition || c.Type == clusterv1.PausedCondition
	})
	for i := range host.Status.Conditions {
		c := &host.Status.Conditions[i]
		c.LastTransitionTime, c.ObservedGeneration = metav1.Time{}, 0
		if c.Reason == infrav1.DeployingReason {
			c.Message = "" // the MaasMachine's own is another
		}
	}
	return host
}

// machinesOfHost wakes the machine that holds the lease which changed, and for an empty one the machines that wait for a server.
func (r *Reconciler) machinesOfHost(ctx context.Context, o client.Object) []ctrl.Request {
	host, ok := o.(*infrav1.MaasHost)
	if !ok {
		return nil
	}
	r.choices.shown(host.Spec.SystemID, host.ResourceVersion)
	if host.Spec.ConsumerRef.Name == "" {
		return r.waitingIn(ctx, host.Namespace, infrav1.NoHostFitsReason, infrav1.WaitingForReservedHostReason)
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: host.Namespace, Name: host.Spec.ConsumerRef.Name}}}
}

// machinesAfterHost wakes the machines that wait for a server when a lease ends: MAAS may have said before that the server is free.
func (r *Reconciler) machinesAfterHost(ctx context.Context, o client.Object) []ctrl.Request {
	return r.waitingIn(ctx, o.GetNamespace(), infrav1.NoHostFitsReason, infrav1.WaitingForReservedHostReason)
}

// machinesOfPool wakes the machines that wait for the pool or for a server in it.
func (r *Reconciler) machinesOfPool(ctx context.Context, o client.Object) []ctrl.Request {
	return r.waitingIn(ctx, o.GetNamespace(), infrav1.NoHostFitsReason, infrav1.WaitingForReservedHostReason, infrav1.PoolNotFoundReason, infrav1.PoolMismatchReason,
		infrav1.DisksNeedAdministratorReason)
}

// machinesOfCluster wakes the machines that wait for the MaasCluster, or for MAAS.
func (r *Reconciler) machinesOfCluster(ctx context.Context, o client.Object) []ctrl.Request {
	return r.waitingIn(ctx, o.GetNamespace(), infrav1.WaitingForClusterReason, infrav1.WaitingForMaasReason, infrav1.PoolMismatchReason)
}

func (r *Reconciler) waitingIn(ctx context.Context, namespace string, reasons ...string) []ctrl.Request {
	requests, err := r.waiting(ctx, reasons, client.InNamespace(namespace))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing the machines that wait")
	}
	return requests
}

// machinesOfMaas returns the machines that wait for a server: any change in MAAS may have made one fit.
func (r *Reconciler) machinesOfMaas(ctx context.Context, _ []string) ([]ctrl.Request, error) {
	return r.waiting(ctx, []string{infrav1.NoHostFitsReason, infrav1.WaitingForReservedHostReason, infrav1.WaitingForMaasReason})
}

// waiting lists the machines without a server that wait for one of the reasons.
func (r *Reconciler) waiting(ctx context.Context, reasons []string, options ...client.ListOption) ([]ctrl.Request, error) {
	machines := &infrav1.MaasMachineList{}
	if err := r.Client.List(ctx, machines, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil, fmt.Errorf("listing MaasMachines: %w", err)
	}
	var requests []ctrl.Request
	for i := range machines.Items {
		leased := conditions.Get(&machines.Items[i], infrav1.HostLeasedCondition)
		if leased != nil && slices.Contains(reasons, leased.Reason) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&machines.Items[i])})
		}
	}
	return requests, nil
}
