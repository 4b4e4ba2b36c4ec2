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

package maashostpool

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/succession"
)

// successorRecheck is how often it is asked again whether a successor is expected: of control planes and of what is deleted no watch tells.
const successorRecheck = 30 * time.Second

// holdsAtOnce bounds the leases made in one reconcile, so that the status does not wait for a whole rack.
const holdsAtOnce = 100

// judgeEmpty lets go of the empty servers that the pool has no use for, and ends reservations that nobody is going to use.
func (r *Reconciler) judgeEmpty(ctx context.Context, s *scope) error {
	if !s.counted && !s.deleting() {
		return nil
	}
	unwanted, err := r.unwanted(ctx, s)
	if err != nil {
		return err
	}
	for _, host := range s.members {
		if host.Spec.ConsumerRef.Name != "" || !host.DeletionTimestamp.IsZero() {
			continue
		}
		facts := s.factsOf(host, unwanted[host.Name])
		verdict, why := hostpool.Judge(facts, s.now)
		if err := r.carryOut(ctx, s, host, verdict, why); err != nil {
			return err
		}
		if verdict == hostpool.Keep && facts.Reserved && !facts.Expires.IsZero() {
			s.lookAgain(facts.Expires.Sub(s.now))
		}
		if facts.Quarantined && !host.Spec.Quarantine.UntilTime.IsZero() {
			s.lookAgain(host.Spec.Quarantine.UntilTime.Sub(s.now))
		}
	}
	return nil
}

func (s *scope) factsOf(host *infrav1.MaasHost, unwanted bool) hostpool.Host {
	facts := hostpool.Host{
		PoolHolds: s.pool.Holds(), PoolDeleting: s.deleting(), Matches: s.matching[host.Name] != nil,
		Cordoned: cordoned(host), Quarantined: host.Spec.Quarantine.InForce(s.now),
		Reserved: host.Spec.Reservation.ClusterName != "", Wanted: !unwanted,
	}
	// A server that another user has taken is hidden from our key and gone from the list. It is let go only when MAAS says that it is gone.
	facts.Absent = s.counted && s.listed[host.Name] == nil && s.says(host, infrav1.HostGoneReason)
	if s.counted && s.listed[host.Name] == nil {
		facts.Matches = true
	}
	if !host.Spec.Reservation.ExpirationTime.IsZero() {
		facts.Expires = host.Spec.Reservation.ExpirationTime.Time
	}
	return facts
}

// says tells whether the lease reports a reason.
func (s *scope) says(host *infrav1.MaasHost, reason string) bool {
	for _, c := range host.Status.Conditions {
		if c.Type == infrav1.AllocatedCondition {
			return c.Reason == reason
		}
	}
	return false
}

// unwanted finds the reservations that no successor is going to come for.
func (r *Reconciler) unwanted(ctx context.Context, s *scope) (map[string]bool, error) {
	type owner struct {
		cluster string
		owner   infrav1.HostReservationOwner
	}
	unwanted, seen := map[string]bool{}, map[owner]bool{}
	for _, host := range s.members {
		reservation := &host.Spec.Reservation
		key := owner{reservation.ClusterName, reservation.Owner}
		if reservation.ClusterName == "" || seen[key] {
			continue
		}
		seen[key] = true
		expectation, err := succession.Reader{Cache: r.Client, Live: r.APIReader}.Of(ctx, s.pool.Namespace, key.cluster, key.owner, s.leases)
		if err != nil {
			return nil, err
		}
		for _, excess := range expectation.Excess(succession.Reserved(s.pool.Namespace, key.cluster, key.owner, s.leases)) {
			unwanted[excess.Host] = true
		}
		s.lookAgain(successorRecheck)
	}
	return unwanted, nil
}

func (r *Reconciler) carryOut(ctx context.Context, s *scope, host *infrav1.MaasHost, verdict hostpool.Verdict, why string) error {
	log := ctrl.LoggerFrom(ctx).WithValues("MaasHost", host.Name, "why", why)
	switch verdict {
	case hostpool.Keep:
		return nil
	case hostpool.Unreserve:
		log.Info("Ending a reservation", "owner", host.Spec.Reservation.Owner.Name)
		changed := host.DeepCopy()
		changed.Spec.Reservation = infrav1.HostReservation{}
		err := r.Client.Patch(ctx, changed, client.MergeFromWithOptions(host, client.MergeFromWithOptimisticLock{}))
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			// Somebody claimed it, or it is gone; the watch tells.
			return nil
		}
		if err != nil {
			return fmt.Errorf("ending the reservation of MaasHost %s: %w", host.Name, err)
		}
		r.Recorder.Eventf(host, nil, corev1.EventTypeNormal, "ReservationEnded", "Unreserve", "%s", why)
		s.lookAgain(time.Second)
		return nil
	case hostpool.LetGo:
		log.Info("Letting go of a server")
		uid, version := host.UID, host.ResourceVersion
		// The precondition holds against a machine that claims it at this moment.
		err := r.Client.Delete(ctx, host.DeepCopy(), client.Preconditions{UID: &uid, ResourceVersion: &version})
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("deleting MaasHost %s: %w", host.Name, err)
		}
		r.Recorder.Eventf(host, nil, corev1.EventTypeNormal, "LetGo", "LetGo", "Giving the server back to MAAS: %s", why)
		return nil
	}
	return fmt.Errorf("no act for verdict %q", verdict)
}

// holdFree makes leases on the free servers of a pool that holds them. The name of the lease makes it the only one in its namespace, and
// the machines' own leases are made in the same way.
func (r *Reconciler) holdFree(ctx context.Context, s *scope) error {
	if !s.pool.Holds() || s.deleting() || s.problem != nil {
		return nil
	}
	for i, m := range s.free {
		if i == holdsAtOnce {
			s.lookAgain(time.Second)
			return nil
		}
		err := r.Client.Create(ctx, s.newHost(m))
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making the lease on %s: %w", m.SystemID, err)
		}
		if err == nil {
			ctrl.LoggerFrom(ctx).Info("Holding server", "MaasHost", m.SystemID, "hostname", m.Hostname)
		}
	}
	return nil
}

func (s *scope) newHost(m *maas.Machine) *infrav1.MaasHost {
	host := &infrav1.MaasHost{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.pool.Namespace, Name: m.SystemID, Finalizers: []string{infrav1.HostFinalizer},
			OwnerReferences: []metav1.OwnerReference{infrav1.PoolOwner(s.pool)},
		},
		Spec: infrav1.MaasHostSpec{
			SystemID: m.SystemID, LeaseID: infrav1.NewLeaseID(), CredentialsRef: s.pool.Spec.CredentialsRef,
			HostPoolRef: infrav1.LocalObjectReference{Name: s.pool.Name},
		},
	}
	if v, ok := s.pool.Labels[clusterv1.WatchLabel]; ok {
		host.Labels = map[string]string{clusterv1.WatchLabel: v}
	}
	return host
}

// finish lets a deleted pool go when its last server has left it.
func (r *Reconciler) finish(_ context.Context, s *scope) error {
	if s.deleting() && len(s.members) == 0 {
		controllerutil.RemoveFinalizer(s.pool, infrav1.HostPoolFinalizer)
	}
	return nil
}
