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
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// noteFailure counts an installation that failed, once.
func (r *Reconciler) noteFailure(ctx context.Context, s *scope) error {
	id := s.installation()
	if id == "" || s.host.Spec.Quarantine.LastFailure == id || s.host.Spec.Quarantine.Cause == infrav1.QuarantineRequested {
		return nil
	}
	failed := s.host.Spec.Quarantine.FailedDeploys + 1
	wait := hostpool.QuarantineWait(int(failed))
	ctrl.LoggerFrom(ctx).Info("Counting a failed installation", "systemID", s.host.Spec.SystemID, "failedDeploys", failed, "quarantine", wait)
	err := r.changeLease(ctx, s, func(h *infrav1.MaasHost) {
		h.Spec.Quarantine = infrav1.HostQuarantine{Cause: infrav1.QuarantineFailedDeploys, FailedDeploys: failed, LastFailure: id}
		if wait > 0 {
			h.Spec.Quarantine.UntilTime = metav1.NewTime(r.Clock.Now().Add(wait))
		}
	})
	if err == nil && wait > 0 {
		r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "Quarantined", "Deploy",
			"%d installations failed one after the other: %s is given to nobody for %s", failed, hostname(s), wait)
	}
	return err
}

// installation identifies the installation that is on the server, "" for none.
func (s *scope) installation() string {
	if s.host.Spec.ConsumerRef.Name == "" {
		return ""
	}
	if released := s.host.Spec.Vacate.ReleasedTime; !released.IsZero() {
		return fmt.Sprintf("%s/%s", s.host.Spec.ConsumerRef.Name, released.UTC().Format(time.RFC3339))
	}
	return s.host.Spec.ConsumerRef.Name
}

// noteSuccess ends a count of failures, and a reinstallation.
func (r *Reconciler) noteSuccess(ctx context.Context, s *scope) error {
	spec := &s.host.Spec
	if spec.Quarantine.Cause != infrav1.QuarantineFailedDeploys && spec.Vacate.ReleasedTime.IsZero() {
		return nil
	}
	return r.changeLease(ctx, s, func(h *infrav1.MaasHost) {
		if h.Spec.Quarantine.Cause == infrav1.QuarantineFailedDeploys {
			h.Spec.Quarantine = infrav1.HostQuarantine{}
		}
		if !h.Spec.Vacate.ReleasedTime.IsZero() {
			h.Spec.Vacate = infrav1.HostVacate{}
		}
	})
}

// noteRepair ends the quarantine of a server that was marked broken in MAAS and then fixed.
func (r *Reconciler) noteRepair(ctx context.Context, s *scope) error {
	status := &s.host.Status
	switch {
	case s.observation.Machine.Status == maas.StatusBroken:
		if status.BrokenTime.IsZero() {
			status.BrokenTime = metav1.NewTime(r.Clock.Now())
		}
	case status.BrokenTime.IsZero():
	case s.observation.Machine.Status == maas.StatusReady || s.observation.Machine.Status == maas.StatusAllocated:
		if s.host.Spec.Quarantine.Cause != "" {
			r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "QuarantineEnded", "MarkFixed", "%s was marked fixed in MAAS", hostname(s))
			if err := r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.Spec.Quarantine = infrav1.HostQuarantine{} }); err != nil {
				return err
			}
		}
		s.host.Status.BrokenTime = metav1.Time{}
	}
	return nil
}

// untilQuarantineEnds returns when to look again because of a quarantine, 0 for not at all.
func (r *Reconciler) untilQuarantineEnds(s *scope) time.Duration {
	until := s.host.Spec.Quarantine.UntilTime
	if s.step.Situation != lifecycle.Kept || until.IsZero() {
		return 0
	}
	return max(0, until.Sub(r.Clock.Now()))
}
