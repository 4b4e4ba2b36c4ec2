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

	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// machineOfHost wakes the machine that holds the lease which changed.
func machineOfHost(_ context.Context, o client.Object) []ctrl.Request {
	host, ok := o.(*infrav1.MaasHost)
	if !ok {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: host.Namespace, Name: host.Spec.ConsumerRef.Name}}}
}

// machinesOfPool wakes the machines that wait for the pool or for a server in it.
func (r *Reconciler) machinesOfPool(ctx context.Context, o client.Object) []ctrl.Request {
	return r.waitingIn(ctx, o.GetNamespace(), infrav1.NoHostFitsReason, infrav1.PoolNotFoundReason, infrav1.PoolMismatchReason)
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
	return r.waiting(ctx, []string{infrav1.NoHostFitsReason, infrav1.WaitingForMaasReason})
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
