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
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// changeLease writes at once what change does to the spec and metadata of the lease, if nobody else wrote it since it was read: machines
// claim an empty lease in the same way.
func (r *Reconciler) changeLease(ctx context.Context, s *scope, change func(*infrav1.MaasHost)) error {
	change(s.host)
	if err := s.patcher.Write(ctx); err != nil {
		return fmt.Errorf("changing the lease on %s: %w", s.host.Name, err)
	}
	return nil
}

// askVacate writes down that what is on the server is to end.
func (r *Reconciler) askVacate(ctx context.Context, s *scope, vacate infrav1.HostVacate) error {
	vacate.RequestedTime = metav1.NewTime(r.Clock.Now())
	return r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.Spec.Vacate = vacate })
}

// shutDown lets the installed system shut down, once in a while, and waits for MAAS to say that the server is off.
func (r *Reconciler) shutDown(ctx context.Context, s *scope) (bool, error) {
	if s.blocked() {
		return false, nil
	}
	patience := s.host.Spec.Vacate.RequestedTime.Add(switchOffPatience).Sub(s.now)
	s.retryAfter = max(time.Second, patience)
	if wait, _ := r.refusals.pending(s.host.UID, r.Clock.Now()); wait > 0 {
		return false, nil
	}
	ctrl.LoggerFrom(ctx).Info("Switching server off", "systemID", s.host.Spec.SystemID)
	m, err := s.session.PowerOff(ctx, s.host.Spec.SystemID, false, s.comment())
	if maas.IsAnswer(err) {
		s.noSwitchOff, s.retryAfter = true, 0
		return true, nil
	}
	if err != nil {
		return false, err
	}
	r.refusals.note(s.host.UID, nil, r.Clock.Now().Add(switchOffPatience))
	s.observation.Machine = m
	return m.Power == maas.PowerOff, nil
}

// vacated notes that the server is released. What the status remembers of the installation goes first: a consumer that comes next must not
// be taken for installed, whenever this process ends.
func (r *Reconciler) vacated(ctx context.Context, s *scope) (bool, error) {
	r.refusals.forget(s.host.UID)
	if err := r.forgetProgress(ctx, s); err != nil {
		return false, err
	}
	if s.host.Spec.Vacate.Purpose == infrav1.VacateRedeploy {
		ctrl.LoggerFrom(ctx).Info("Server is released and is going to be installed anew", "systemID", s.host.Spec.SystemID)
		return true, r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.Spec.Vacate.ReleasedTime = metav1.NewTime(r.Clock.Now()) })
	}
	ctrl.LoggerFrom(ctx).Info("Server is free", "systemID", s.host.Spec.SystemID)
	if err := r.changeLease(ctx, s, func(h *infrav1.MaasHost) { empty(h, s.pool, r.Clock.Now()) }); err != nil {
		return false, err
	}
	s.consumer = consumerNone
	if s.outlived() || (s.pool == nil && s.host.Spec.HostPoolRef.Name != "") {
		// Nobody else would ever let it go.
		return false, r.deleteLease(ctx, s)
	}
	return true, nil
}

// outlived tells whether an empty lease has nothing left to keep: it never had a pool, and its server may be given to others again.
func (s *scope) outlived() bool {
	return s.consumer == consumerNone && s.host.Spec.HostPoolRef.Name == "" && !s.deleting() && !s.setAside()
}

// setAside tells whether the server is to be given to nobody.
func (s *scope) setAside() bool {
	return ptr.Deref(s.host.Spec.Unschedulable, false) || s.quarantined()
}

// forgetProgress takes out of the status how far the installation had come.
func (r *Reconciler) forgetProgress(ctx context.Context, s *scope) error {
	status := &s.host.Status
	status.AllocatedTime, status.DeployStartTime, status.DeployedTime, status.InstallCheckedTime = metav1.Time{}, metav1.Time{}, metav1.Time{}, metav1.Time{}
	if err := s.patcher.WriteStatus(ctx); err != nil {
		return fmt.Errorf("forgetting the installation of %s: %w", s.host.Name, err)
	}
	return nil
}

// empty takes the consumer out of the lease. The reservation, if there is one, begins to run.
func empty(h *infrav1.MaasHost, pool *infrav1.MaasHostPool, now time.Time) {
	spec := &h.Spec
	spec.ClusterName, spec.ConsumerRef, spec.Image, spec.UserDataSecretRef = "", infrav1.LocalObjectReference{}, infrav1.Image{}, infrav1.LocalObjectReference{}
	// What was learned of the disks stays, and the network, which the next consumer most likely wants as well.
	spec.Storage, spec.Vacate, spec.PowerCycle = infrav1.HostStorage{}, infrav1.HostVacate{}, infrav1.HostPowerCycle{}
	if spec.Reservation.ClusterName != "" && pool != nil {
		spec.Reservation.ExpirationTime = metav1.NewTime(now.Add(pool.ReservationTime()))
	}
	delete(h.Labels, clusterv1.ClusterNameLabel)
	delete(h.Labels, infrav1.ConsumerLabel)
	if pool != nil {
		// Without a pool it goes on with the Cluster, in a move and when that is deleted.
		h.OwnerReferences = slices.DeleteFunc(h.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "MaasCluster" })
	}
}

// keeps tells whether the lease is to go on without a consumer, although nobody ever had the server under it.
func (s *scope) keeps() bool {
	if s.pool == nil {
		return s.host.Spec.HostPoolRef.Name == "" && s.setAside()
	}
	return s.pool.DeletionTimestamp.IsZero() && (s.pool.Holds() || s.setAside())
}
