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

package maascluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// clusterOfControlPlaneMachine wakes the cluster whose DNS record may have to follow a control plane machine.
func (r *Reconciler) clusterOfControlPlaneMachine(ctx context.Context, o client.Object) []ctrl.Request {
	if _, ok := o.GetLabels()[clusterv1.MachineControlPlaneLabel]; !ok {
		return nil
	}
	cluster, err := util.GetClusterFromMetadata(ctx, r.Client, metav1.ObjectMeta{Namespace: o.GetNamespace(), Labels: o.GetLabels()})
	if err != nil || !cluster.Spec.InfrastructureRef.IsDefined() {
		return nil
	}
	maasCluster := &infrav1.MaasCluster{}
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: cluster.Spec.InfrastructureRef.Name}
	if err := r.Client.Get(ctx, key, maasCluster); err != nil || maasCluster.Spec.Endpoint.Type != infrav1.EndpointDNS {
		return nil
	}
	return []ctrl.Request{{NamespacedName: key}}
}

// clusterOfEndingHost wakes the cluster that waits for its leases to end.
func (r *Reconciler) clusterOfEndingHost(_ context.Context, o client.Object) []ctrl.Request {
	if o.GetDeletionTimestamp().IsZero() {
		return nil
	}
	for _, owner := range o.GetOwnerReferences() {
		if owner.Kind == "MaasCluster" {
			return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: owner.Name}}}
		}
	}
	return nil
}

// clustersOfIdentity wakes the clusters that use an identity: it may allow other namespaces now, or name another Secret.
func (r *Reconciler) clustersOfIdentity(ctx context.Context, o client.Object) []ctrl.Request {
	clusters := &infrav1.MaasClusterList{}
	if err := r.Client.List(ctx, clusters, client.UnsafeDisableDeepCopy); err != nil {
		// They come round again by their own recheck.
		ctrl.LoggerFrom(ctx).Error(err, "Waking the clusters of a MaasClusterIdentity")
		return nil
	}
	var requests []ctrl.Request
	for i := range clusters.Items {
		if ref := clusters.Items[i].Spec.CredentialsRef; ref.Kind == infrav1.CredentialsIdentity && ref.Name == o.GetName() {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&clusters.Items[i])})
		}
	}
	return requests
}

// clustersOfMaas wakes every cluster when the health of a connection changed. Machines that changed concern only the clusters that wait
// for their zones; zones that come later are found by the regular recheck.
func (r *Reconciler) clustersOfMaas(ctx context.Context, systemIDs []string) ([]ctrl.Request, error) {
	clusters := &infrav1.MaasClusterList{}
	if err := r.Client.List(ctx, clusters, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing MaasClusters: %w", err)
	}
	requests := make([]ctrl.Request, 0, len(clusters.Items))
	for i := range clusters.Items {
		if systemIDs == nil || !conditions.IsTrue(&clusters.Items[i], infrav1.FailureDomainsReadyCondition) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&clusters.Items[i])})
		}
	}
	return requests, nil
}
