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

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
)

// reconcileDelete gives back what the cluster still holds in MAAS. Cluster API deletes the MaasCluster after all Machines, so
// leases are left only where a MaasMachine was removed by force.
func (r *Reconciler) reconcileDelete(ctx context.Context, s *scope) (ctrl.Result, error) {
	left, err := r.endLeases(ctx, s)
	if err != nil {
		return ctrl.Result{}, err
	}
	if left > 0 {
		// The end of each lease wakes us.
		s.remaining = fmt.Sprintf("%d servers on their way back to MAAS", left)
		return ctrl.Result{RequeueAfter: recheck}, nil
	}
	if err := r.giveBack(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if s.remaining != "" {
		return ctrl.Result{RequeueAfter: access.ProblemRecheck}, nil
	}
	controllerutil.RemoveFinalizer(s.maasCluster, infrav1.ClusterFinalizer)
	return ctrl.Result{}, nil
}

// endLeases deletes the leases of the cluster and counts those that are left. A lease whose MaasMachine lives is not ended by that: its
// own controller holds it.
func (r *Reconciler) endLeases(ctx context.Context, s *scope) (int, error) {
	name := s.maasCluster.Labels[clusterv1.ClusterNameLabel]
	if s.cluster != nil {
		name = s.cluster.Name
	}
	hosts := &infrav1.MaasHostList{}
	if err := r.APIReader.List(ctx, hosts, client.InNamespace(s.maasCluster.Namespace)); err != nil {
		return 0, fmt.Errorf("listing MaasHosts: %w", err)
	}
	left := 0
	for i := range hosts.Items {
		host := &hosts.Items[i]
		if !belongsTo(host, s.maasCluster, name) {
			continue
		}
		left++
		if host.DeletionTimestamp.IsZero() {
			if err := r.Client.Delete(ctx, host); err != nil && !apierrors.IsNotFound(err) {
				return 0, fmt.Errorf("deleting MaasHost %s: %w", host.Name, err)
			}
		}
	}
	return left, nil
}

func belongsTo(host *infrav1.MaasHost, maasCluster *infrav1.MaasCluster, clusterName string) bool {
	if clusterName != "" && host.Spec.ClusterName == clusterName {
		return true
	}
	// An empty lease names no Cluster; one that no pool keeps is still the MaasCluster's.
	for _, owner := range host.OwnerReferences {
		if owner.UID == maasCluster.UID {
			return true
		}
	}
	return false
}
