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

package maashost

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// consumerChanges drops updates of a MaasMachine's status, which is made of the lease and tells it nothing new, except for the name of the
// lease: it is how the lease is found. Deletion passes, for it counts up the generation.
func consumerChanges() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{},
		predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*infrav1.MaasMachine)
			after, ok2 := e.ObjectNew.(*infrav1.MaasMachine)
			return !ok || !ok2 || before.Status.HostRef != after.Status.HostRef
		}})
}

// enqueueHostOfMachine wakes the lease whose MaasMachine changed.
func enqueueHostOfMachine() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []ctrl.Request {
		machine, ok := o.(*infrav1.MaasMachine)
		if !ok || machine.Status.HostRef.Name == "" {
			return nil
		}
		return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: machine.Namespace, Name: machine.Status.HostRef.Name}}}
	})
}

// hostsOfMachines returns the leases on the MAAS machines that changed, all of them when the health of MAAS did (nil ids).
func (r *Reconciler) hostsOfMachines(ctx context.Context, systemIDs []string) ([]ctrl.Request, error) {
	hosts := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, hosts, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing MaasHosts: %w", err)
	}
	changed := make(map[string]bool, len(systemIDs))
	for _, id := range systemIDs {
		changed[id] = true
	}
	var requests []ctrl.Request
	for i := range hosts.Items {
		if systemIDs == nil || changed[hosts.Items[i].Name] {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&hosts.Items[i])})
		}
	}
	return requests, nil
}
