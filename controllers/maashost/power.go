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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// powerCycle is what is left to do of the power cycle that was asked for. A server that was not switched off in time is not switched off any
// more; one that was is switched on again, however late.
func (s *scope) powerCycle() lifecycle.PowerCycle {
	c := &s.host.Spec.PowerCycle
	switch {
	case c.RemediationRef.Name == "" || !c.OnTime.IsZero():
		return lifecycle.NoPowerCycle
	case !c.OffTime.IsZero():
		return lifecycle.SwitchOn
	case s.now.Before(c.ExpirationTime.Time):
		return lifecycle.SwitchOff
	}
	return lifecycle.NoPowerCycle
}

// notePower writes down how far a power cycle has come, as a fresh read shows it: a restart must not switch the server off twice.
func (r *Reconciler) notePower(ctx context.Context, s *scope) error {
	o := &s.observation
	if !o.Fresh || o.Ownership != lifecycle.OwnershipOurs || o.Machine.Status != maas.StatusDeployed || s.lease().Vacate || s.deleting() {
		return nil
	}
	now := metav1.NewTime(r.Clock.Now())
	switch todo := s.powerCycle(); {
	case todo == lifecycle.SwitchOff && o.Machine.Power == maas.PowerOff:
		r.refusals.forget(s.host.UID)
		return r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.Spec.PowerCycle.OffTime = now })
	case todo == lifecycle.SwitchOn && o.Machine.Power == maas.PowerOn:
		r.refusals.forget(s.host.UID)
		return r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.Spec.PowerCycle.OnTime = now })
	}
	return nil
}

// switchPower orders MAAS to switch the server, after a fresh read in this reconcile that showed it to be deployed for us. MAAS takes its time to
// do it, and the order is repeated at a pace until the server is seen as it should be.
func (r *Reconciler) switchPower(ctx context.Context, s *scope) (bool, error) {
	off := s.step.Verb == lifecycle.PowerOff
	if off {
		if wanted, err := r.stillRemediated(ctx, s); err != nil || !wanted {
			return false, err
		}
	}
	if wait, refusal := r.refusals.pending(s.host.UID, r.Clock.Now()); wait > 0 {
		s.refusal, s.retryAfter = refusal, wait
		return false, nil
	}
	id, log := s.host.Spec.SystemID, ctrl.LoggerFrom(ctx)
	var m *maas.Machine
	var err error
	if off {
		log.Info("Switching server off", "systemID", id, "MaasRemediation", s.host.Spec.PowerCycle.RemediationRef.Name)
		m, err = s.session.PowerOff(ctx, id, true, s.comment())
	} else {
		log.Info("Switching server on", "systemID", id)
		m, err = s.session.PowerOn(ctx, id, s.comment())
	}
	r.refusals.note(s.host.UID, err, r.Clock.Now().Add(powerRetry))
	if err != nil {
		return false, err
	}
	if off {
		r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "PowerCycling", "PowerOff", "Switching %s off and on for MaasRemediation %s",
			m.Hostname, s.host.Spec.PowerCycle.RemediationRef.Name)
	}
	s.retryAfter = powerRetry
	return false, nil
}

// stillRemediated tells whether the MaasRemediation that asked for the power cycle still stands, past the cache: a Node that is healthy again must not be
// switched off because MAAS could not be reached when it was not. A request that is not wanted any more is removed.
func (r *Reconciler) stillRemediated(ctx context.Context, s *scope) (bool, error) {
	remediation := &infrav1.MaasRemediation{}
	key := client.ObjectKey{Namespace: s.host.Namespace, Name: s.host.Spec.PowerCycle.RemediationRef.Name}
	err := r.APIReader.Get(ctx, key, remediation)
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		return false, fmt.Errorf("getting MaasRemediation %s: %w", key, err)
	case err == nil && remediation.DeletionTimestamp.IsZero():
		return true, nil
	}
	return false, r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.Spec.PowerCycle = infrav1.HostPowerCycle{} })
}
