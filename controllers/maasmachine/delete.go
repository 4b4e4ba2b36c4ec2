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

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cluster-api/util"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/succession"
)

// reconcileDelete ends the use of the server and waits until it is released: the lease goes on when the server is kept for a successor or
// for its pool, and ends otherwise. It needs neither Cluster nor MaasCluster.
func (r *Reconciler) reconcileDelete(ctx context.Context, s *scope) error {
	if err := r.findHost(ctx, s); err != nil {
		return err
	}
	if s.host == nil {
		if err := r.findHostLive(ctx, s); err != nil {
			return err
		}
	}
	r.newcomers.remove(s.maasMachine.UID)
	if s.host == nil {
		controllerutil.RemoveFinalizer(s.maasMachine, infrav1.MachineFinalizer)
		return nil
	}
	if !s.host.DeletionTimestamp.IsZero() || s.host.Spec.Vacate.Purpose == infrav1.VacateFree {
		return nil
	}
	if held, err := r.heldByGate(ctx, s); err != nil || held {
		return err
	}
	kept, err := r.vacateHost(ctx, s)
	if kept || err != nil {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("Ending the lease", "MaasHost", s.host.Name)
	if err := r.Client.Delete(ctx, s.host.DeepCopy()); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting MaasHost %s: %w", s.host.Name, err)
	}
	return nil
}

// vacateHost asks for the server to be released while its lease goes on: for the pool, with a reservation where a successor is expected, or because
// the server is to be given to nobody, which only its lease says. It tells whether the lease does go on.
func (r *Reconciler) vacateHost(ctx context.Context, s *scope) (bool, error) {
	pool, err := access.PoolOf(ctx, r.Client, r.APIReader, s.host)
	if err != nil || (pool != nil && !pool.DeletionTimestamp.IsZero()) {
		return false, err
	}
	s.pool = pool
	reservation, err := r.reservation(ctx, s)
	if err != nil {
		return false, err
	}
	if reservation.ClusterName == "" && (pool == nil || !pool.Holds()) && !r.setAside(s) {
		return false, nil
	}
	ctrl.LoggerFrom(ctx).Info("Vacating server", "MaasHost", s.host.Name, "reservedFor", access.Owner(reservation.Owner))
	changed := s.host.DeepCopy()
	changed.Spec.Vacate = infrav1.HostVacate{Purpose: infrav1.VacateFree, RequestedTime: metav1.NewTime(r.Clock.Now())}
	changed.Spec.Reservation = reservation
	if pool != nil {
		changed.OwnerReferences = util.EnsureOwnerRef(changed.OwnerReferences, infrav1.PoolOwner(pool))
	}
	// Against a lease that was read from a cache which is behind.
	if err := r.Client.Patch(ctx, changed, client.MergeFromWithOptions(s.host, client.MergeFromWithOptimisticLock{})); err != nil {
		return false, fmt.Errorf("vacating MaasHost %s: %w", s.host.Name, err)
	}
	s.host = changed
	return true, nil
}

// setAside tells whether the server is given to nobody. Without a pool that outlives the Cluster, it is forgotten with the Cluster.
func (r *Reconciler) setAside(s *scope) bool {
	spec := &s.host.Spec
	if s.pool == nil && (spec.HostPoolRef.Name != "" || s.cluster == nil || !s.cluster.DeletionTimestamp.IsZero()) {
		return false
	}
	return ptr.Deref(spec.Unschedulable, false) || spec.Quarantine.InForce(r.Clock.Now())
}

// reservation says for whom the server is kept: for the successor that the owner of the Machine is going to make, if it is. It makes none
// when the owner is scaled in or is being deleted, or its Cluster is.
func (r *Reconciler) reservation(ctx context.Context, s *scope) (infrav1.HostReservation, error) {
	none := infrav1.HostReservation{}
	if s.pool == nil || !s.pool.ReusesSameHost() || s.machine == nil || s.cluster == nil {
		return none, nil
	}
	owner := succession.OwnerOf(s.machine)
	if owner.Kind == "" {
		return none, nil
	}
	hosts := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, hosts, client.InNamespace(s.maasMachine.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return none, fmt.Errorf("listing MaasHosts: %w", err)
	}
	expectation, err := succession.Reader{Cache: r.Client, Live: r.APIReader}.Of(ctx, s.maasMachine.Namespace, s.cluster.Name, owner, hosts.Items)
	if err != nil {
		return none, err
	}
	reserved := succession.Reserved(s.maasMachine.Namespace, s.cluster.Name, owner, hosts.Items)
	if !expectation.Expects(s.maasMachine.Name, reserved) {
		return none, nil
	}
	return infrav1.HostReservation{
		ClusterName: s.cluster.Name, Owner: owner, Predecessor: s.maasMachine.Name, FailureDomain: s.machine.Spec.FailureDomain,
	}, nil
}
