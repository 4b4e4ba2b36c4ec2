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
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/remediation"
)

// maxMessage is as many characters as the API server takes for the message of a quarantine.
const maxMessage = 1024

// plan decides the next step. A server of a guarded Cluster is switched off only after a look past the cache at what else is away.
func (r *Reconciler) plan(ctx context.Context, s *scope) error {
	if s.machine == nil {
		return nil
	}
	s.input = gather(s)
	s.took = remediation.Next(s.input)
	if s.took.Verb != remediation.AskPowerCycle || !s.guarded {
		return nil
	}
	if err := r.findAway(ctx, r.APIReader, s); err != nil {
		return err
	}
	s.input = gather(s)
	s.took = remediation.Next(s.input)
	return nil
}

// act takes the step.
func (r *Reconciler) act(ctx context.Context, s *scope) error {
	now := metav1.NewTime(s.now)
	log := ctrl.LoggerFrom(ctx)
	switch s.took.Verb {
	case remediation.AskPowerCycle:
		n := int32(s.input.PowerCycles()) + 1 //nolint:gosec // ten at most, or a million by hand
		log.Info("Asking for a power cycle", "MaasHost", s.host.Name, "attempt", n)
		r.event(s, corev1.EventTypeNormal, "PowerCycle", "Power cycle %d of %d of %s", n, s.input.Strategy.MaxPowerCycles, s.host.Name)
		return r.changeHost(ctx, s, func(spec *infrav1.MaasHostSpec) {
			spec.PowerCycle = infrav1.HostPowerCycle{
				RemediationRef: infrav1.LocalObjectReference{Name: s.remediation.Name}, RequestedTime: now, ExpirationTime: metav1.NewTime(s.took.Until),
			}
			spec.Remediation.PowerCycles, spec.Remediation.LastPowerCycleTime = n, now
		})
	case remediation.NoteRedeploy:
		log.Info("Giving the server one more installation", "MaasHost", s.host.Name)
		return r.changeHost(ctx, s, func(spec *infrav1.MaasHostSpec) {
			spec.Remediation.RedeployTime, spec.Remediation.RedeployedMachine = now, s.machine.Name
		})
	case remediation.Quarantine:
		log.Info("Quarantining server", "MaasHost", s.host.Name, "why", s.took.Why)
		r.event(s, corev1.EventTypeWarning, "Quarantine", "%s is given to no machine until spec.quarantine of its MaasHost is removed: %s", s.host.Name, s.took.Why)
		return r.changeHost(ctx, s, func(spec *infrav1.MaasHostSpec) {
			spec.Quarantine = infrav1.HostQuarantine{Cause: infrav1.QuarantineRequested, Message: persist.Cut(fmt.Sprintf(
				"Machine %s could not be healed: %s", s.machine.Name, s.took.Why), maxMessage)}
		})
	case remediation.HandOver:
		return r.handOver(ctx, s)
	case remediation.Wait:
	}
	return nil
}

// changeHost changes the lease as it was read: what was decided rests on it.
func (r *Reconciler) changeHost(ctx context.Context, s *scope, change func(*infrav1.MaasHostSpec)) error {
	changed := s.host.DeepCopy()
	change(&changed.Spec)
	if err := r.Client.Patch(ctx, changed, client.MergeFromWithOptions(s.host, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("changing MaasHost %s: %w", s.host.Name, err)
	}
	s.host = changed
	return nil
}

// handOver asks the owner of the Machine to replace it, as a MachineHealthCheck without external remediation does. Its deletion goes through the
// storage gate like every other.
func (r *Reconciler) handOver(ctx context.Context, s *scope) error {
	ctrl.LoggerFrom(ctx).Info("Handing the Machine over to its owner")
	r.event(s, corev1.EventTypeWarning, "HandOver", "The owner of Machine %s is asked to replace it: %s", s.machine.Name, message(s))
	before := s.machine.DeepCopy()
	conditions.Set(s.machine, metav1.Condition{
		Type: clusterv1.MachineOwnerRemediatedCondition, Status: metav1.ConditionFalse,
		Reason: clusterv1.MachineOwnerRemediatedWaitingForRemediationReason, Message: "Waiting for remediation",
	})
	// Against a list of conditions that Cluster API changed meanwhile.
	if err := r.Client.Status().Patch(ctx, s.machine, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("handing Machine %s over: %w", s.machine.Name, err)
	}
	return nil
}

func (r *Reconciler) event(s *scope, kind, action, format string, args ...any) {
	r.Recorder.Eventf(s.remediation, s.machine, kind, "Remediation", action, format, args...)
}
