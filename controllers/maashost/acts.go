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

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func (r *Reconciler) allocate(ctx context.Context, s *scope) error {
	log := ctrl.LoggerFrom(ctx)
	log.Info("Allocating server in MAAS", "systemID", s.host.Spec.SystemID)
	m, err := s.session.Allocate(ctx, maas.AllocateRequest{
		SystemID:  s.host.Spec.SystemID,
		AgentName: s.host.Spec.LeaseID,
		Comment:   s.comment(),
	})
	if maas.IsConflict(err) {
		// Someone was faster, or an earlier call of ours got through and its answer did not.
		return r.verify(ctx, s)
	}
	if err != nil {
		return err
	}
	s.observation = lifecycle.Observation{Known: true, Fresh: true, Machine: m, Ownership: lifecycle.OwnershipOurs}
	return nil
}

func (r *Reconciler) annotate(ctx context.Context, s *scope) error {
	m, err := s.session.Annotate(ctx, s.host.Spec.SystemID, s.annotations())
	if err != nil {
		return err
	}
	s.observation.Machine, s.observation.Annotated = m, true
	return nil
}

// deploy is irreversible: it wipes disks. It comes only after a fresh read in this reconcile that showed the allocation to be ours.
func (r *Reconciler) deploy(ctx context.Context, s *scope) (bool, error) {
	if wait, refusal := r.refusals.pending(s.host.UID, r.Clock.Now()); wait > 0 {
		s.noteRefusal(refusal, wait)
		return false, nil
	}
	userData, err := r.userData(ctx, s)
	if err != nil || s.userDataMissing {
		return false, err
	}
	if refusal, err := r.guardDeploy(ctx, s); err != nil || refusal != nil {
		s.refuseDisks(refusal)
		return false, err
	}
	ctrl.LoggerFrom(ctx).Info("Deploying server", "systemID", s.host.Spec.SystemID, "image", s.host.Spec.Image.Name)
	m, err := s.session.Deploy(ctx, s.host.Spec.SystemID, maas.DeployRequest{
		AgentName:    s.host.Spec.LeaseID,
		DistroSeries: s.host.Spec.Image.Name,
		Kernel:       s.host.Spec.Image.Kernel,
		UserData:     userData,
		Ephemeral:    s.disks.input.Wanted.Memory,
		Comment:      s.comment(),
	})
	if err != nil {
		return false, err
	}
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "Deploying", "Deploy",
		"Installing %s on %s", s.host.Spec.Image.Name, m.Hostname)
	s.observation = lifecycle.Observation{Known: true, Fresh: true, Machine: m, Ownership: lifecycle.OwnershipOurs, Annotated: true}
	return true, nil
}

// comment is what MAAS's event log says of a call.
func (s *scope) comment() string {
	switch {
	case s.host.Spec.ConsumerRef.Name == "" && s.host.Spec.HostPoolRef.Name == "":
		return s.host.Namespace
	case s.host.Spec.ConsumerRef.Name == "":
		return fmt.Sprintf("%s, pool %s", s.host.Namespace, s.host.Spec.HostPoolRef.Name)
	}
	return s.host.Namespace + "/" + s.host.Spec.ConsumerRef.Name
}

func (r *Reconciler) userData(ctx context.Context, s *scope) ([]byte, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: s.host.Namespace, Name: s.host.Spec.UserDataSecretRef.Name}
	err := r.Client.Get(ctx, key, secret)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("getting bootstrap data Secret %s: %w", key, err)
	}
	s.userDataMissing = len(secret.Data["value"]) == 0
	return secret.Data["value"], nil
}

// release gives the server back, after a fresh read in this reconcile that showed the allocation to be ours, or a release of ours to
// have failed. A failed one is repeated at a pace that lets people see it.
func (r *Reconciler) release(ctx context.Context, s *scope) (bool, error) {
	if s.blocked() {
		// The fresh read found an allocation that the status did not know of, and a consumer lives on it.
		return false, nil
	}
	if s.step.Situation == lifecycle.ReleaseFailed {
		if wait, _ := r.refusals.pending(s.host.UID, r.Clock.Now()); wait > 0 {
			s.retryAfter = wait
			return false, nil
		}
	}
	erase := s.eraseMode()
	if refused, err := r.guardRelease(ctx, s, erase); err != nil || refused != nil {
		s.refused = refused
		return false, err
	}
	ctrl.LoggerFrom(ctx).Info("Releasing server", "systemID", s.host.Spec.SystemID, "erase", erase)
	m, err := s.session.Release(ctx, s.host.Spec.SystemID, maas.ReleaseRequest{Comment: s.comment(), Erase: erase})
	if err != nil {
		return false, err
	}
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "Releasing", "Release", "Giving %s back to MAAS", m.Hostname)
	// MAAS has dropped the agent name. A server that was off is Ready and nobody's at once.
	s.observation = lifecycle.Observation{Known: true, Machine: m, Fresh: true, Ownership: lifecycle.OwnershipNotOurs, OurUser: m.Owner != ""}
	r.refusals.note(s.host.UID, nil, r.Clock.Now().Add(releaseRetry))
	return true, nil
}

// eraseMode is what the pool wants done to the disks of a server that leaves it. Nothing is erased while the lease goes on, and nothing
// where the pool does not say that data disks are not kept: admission refuses the one without the other, and this is the last look.
func (s *scope) eraseMode() maas.EraseMode {
	if !s.lease().End || s.pool == nil || s.pool.Spec.DataDisks != infrav1.DataDisksWipe {
		return maas.EraseNone
	}
	switch s.pool.Spec.Erase {
	case infrav1.EraseQuick:
		return maas.EraseQuick
	case infrav1.EraseSecure:
		return maas.EraseSecure
	case infrav1.EraseFull:
		return maas.EraseFull
	case infrav1.EraseNone:
	}
	return maas.EraseNone
}

// giveUp ends a lease that never got its server; the MaasMachine then chooses another. A lease that has more to
// say of the server is emptied, so that it is not lost.
func (r *Reconciler) giveUp(ctx context.Context, s *scope) error {
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "GaveUp", "Allocate",
		"Server %s cannot be allocated any more; another will be chosen for %s", s.host.Spec.SystemID, s.host.Spec.ConsumerRef.Name)
	if s.keeps() {
		return r.askVacate(ctx, s, infrav1.HostVacate{Purpose: infrav1.VacateFree})
	}
	return r.deleteLease(ctx, s)
}

// deleteLease deletes the lease as it was read: the precondition holds against a consumer or a clusterctl move that changed it meanwhile.
func (r *Reconciler) deleteLease(ctx context.Context, s *scope) error {
	uid, version := s.host.UID, s.host.ResourceVersion
	err := r.Client.Delete(ctx, s.host.DeepCopy(), client.Preconditions{UID: &uid, ResourceVersion: &version})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the lease on %s: %w", s.host.Spec.SystemID, err)
	}
	return nil
}

// finish lets the lease go: MAAS holds nothing under it.
func (r *Reconciler) finish(ctx context.Context, s *scope) {
	if s.observation.Hidden {
		r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "LeftBehind", "Release",
			"Server %s belongs to another MAAS user now and was not released", s.host.Spec.SystemID)
	}
	r.refusals.forget(s.host.UID)
	ctrl.LoggerFrom(ctx).Info("Lease ended", "systemID", s.host.Spec.SystemID)
	controllerutil.RemoveFinalizer(s.host, infrav1.HostFinalizer)
}
