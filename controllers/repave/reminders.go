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

package repave

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

const (
	// reminderInterval is how often a health check is reminded of the same Machine.
	reminderInterval = time.Minute
	// reminderMargin is for clocks that differ, and for times that are kept in whole seconds.
	reminderMargin = time.Second
)

// remindHealthChecks has a health check look again at a Machine that has been unhealthy for longer than it bears. A health check that allows no remediation
// does not come back when that time is over (Reconcile of Cluster API's core/reconcilers/machinehealthcheck), and Machines that are held keep it from allowing
// any: it looks again when something else happens, and where everybody waits for that node nothing does. A change of a Machine's annotations brings it back. The
// verdict is its own.
func (r *Reconciler) remindHealthChecks(ctx context.Context, s *scope) error {
	if s.clusterDeleting() || s.nodes == nil || len(s.candidates)+len(s.open()) == 0 {
		return nil
	}
	if err := r.listHealthChecks(ctx, s); err != nil {
		return err
	}
	for _, m := range s.machines {
		if !m.DeletionTimestamp.IsZero() || isUnhealthy(m) || annotations.HasPaused(m) || annotations.HasSkipRemediation(m) || !s.overlooked(m) {
			continue
		}
		last, err := time.Parse(time.RFC3339, m.Annotations[infrav1.RepaveHealthCheckAnnotation])
		if since := s.now.Sub(last); err == nil && since >= 0 && since < reminderInterval {
			continue
		}
		before := m.DeepCopy()
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, infrav1.RepaveHealthCheckAnnotation, s.now.UTC().Format(time.RFC3339))
		if err := r.Client.Patch(ctx, m, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("reminding the health check of Machine %s: %w", m.Name, err)
		}
		ctrl.LoggerFrom(ctx).Info("Reminded the health check of an unhealthy Machine", "Machine", m.Name, "node", nodeName(m))
	}
	return nil
}

// overlooked tells whether a health check that allows no remediation would find the Machine unhealthy if it looked.
func (s *scope) overlooked(m *clusterv1.Machine) bool {
	return slices.ContainsFunc(s.healthChecks, func(check *clusterv1.MachineHealthCheck) bool {
		return allowsNothing(check, m) && s.overdue(check, m)
	})
}

// overdue tells whether a Machine has been in a state that its health check calls unhealthy for longer than it bears.
func (s *scope) overdue(check *clusterv1.MachineHealthCheck, m *clusterv1.Machine) bool {
	past := func(since metav1.Time, timeout time.Duration) bool {
		return since.Add(timeout + reminderMargin).Before(s.now)
	}
	for _, c := range check.Spec.Checks.UnhealthyMachineConditions {
		if is := conditions.Get(m, c.Type); is != nil && is.Status == c.Status && past(is.LastTransitionTime, seconds(c.TimeoutSeconds)) {
			return true
		}
	}
	if nodeName(m) == "" {
		timeout := seconds(cmp.Or(check.Spec.Checks.NodeStartupTimeoutSeconds, &clusterv1.DefaultNodeStartupTimeoutSeconds))
		since := m.CreationTimestamp
		if ready := conditions.Get(m, clusterv1.MachineInfrastructureReadyCondition); ready != nil && ready.Status == metav1.ConditionTrue && ready.LastTransitionTime.After(since.Time) {
			since = ready.LastTransitionTime
		}
		return timeout > 0 && past(since, timeout)
	}
	node := s.nodes[nodeName(m)]
	return node != nil && slices.ContainsFunc(check.Spec.Checks.UnhealthyNodeConditions, func(c clusterv1.UnhealthyNodeCondition) bool {
		return slices.ContainsFunc(node.Status.Conditions, func(is corev1.NodeCondition) bool {
			return is.Type == c.Type && is.Status == c.Status && past(is.LastTransitionTime, seconds(c.TimeoutSeconds))
		})
	})
}

func seconds(s *int32) time.Duration { return time.Duration(ptr.Deref(s, 0)) * time.Second }
