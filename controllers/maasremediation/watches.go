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
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// remediationOfMachine wakes the remediation of a Machine, which has its name. Most Machines have none.
func (r *Reconciler) remediationOfMachine(ctx context.Context, o client.Object) []ctrl.Request {
	key := client.ObjectKeyFromObject(o)
	if err := r.Client.Get(ctx, key, &infrav1.MaasRemediation{}); err != nil {
		return nil
	}
	return []ctrl.Request{{NamespacedName: key}}
}

// remediationsOfHost wakes the remediations that look at the lease: its own, and those that wait for it to be back.
func (r *Reconciler) remediationsOfHost(ctx context.Context, o client.Object) []ctrl.Request {
	list := &infrav1.MaasRemediationList{}
	if err := r.Client.List(ctx, list, client.InNamespace(o.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing MaasRemediations")
		return nil
	}
	var requests []ctrl.Request
	for i := range list.Items {
		if ref := list.Items[i].Status.HostRef.Name; ref == o.GetName() || ref == "" || list.Items[i].Status.Step == infrav1.RemediationWaiting {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
