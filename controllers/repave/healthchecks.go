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
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// listHealthChecks reads the Cluster's health checks, once.
func (r *Reconciler) listHealthChecks(ctx context.Context, s *scope) error {
	if s.healthChecks != nil {
		return nil
	}
	list := &clusterv1.MachineHealthCheckList{}
	if err := r.Client.List(ctx, list, client.InNamespace(s.gate.Namespace)); err != nil {
		return fmt.Errorf("listing MachineHealthChecks: %w", err)
	}
	s.healthChecks = []*clusterv1.MachineHealthCheck{}
	for i := range list.Items {
		if list.Items[i].Spec.ClusterName == s.gate.Spec.ClusterName {
			s.healthChecks = append(s.healthChecks, &list.Items[i])
		}
	}
	return nil
}

// unasked tells whether a Machine is unhealthy, and nobody was asked to do anything about it because its health check counts Machines that are being
// deleted, those that are held among them, as unhealthy (isAllowedRemediation of Cluster API's core/reconcilers/machinehealthcheck). What its triggerIf
// is there for, that many fail at once, is respected: it has to allow as many as are unhealthy and stay.
func (s *scope) unasked(m *clusterv1.Machine) bool {
	if !s.rolls(m) || !isUnhealthy(m) || conditions.Has(m, clusterv1.MachineOwnerRemediatedCondition) || conditions.Has(m, clusterv1.MachineExternallyRemediatedCondition) {
		return false
	}
	for _, check := range s.healthChecks {
		if allowsNothing(check, m) {
			return allows(check, s.unhealthy(check))
		}
	}
	return false
}

// allowsNothing tells whether a health check is for a Machine, and allows no remediation now.
func allowsNothing(check *clusterv1.MachineHealthCheck, m *clusterv1.Machine) bool {
	return targets(check).Matches(labels.Set(m.Labels)) && conditions.IsFalse(check, clusterv1.MachineHealthCheckRemediationAllowedCondition)
}

// targets selects the Machines that a health check is for: none where its selector cannot be read.
func targets(check *clusterv1.MachineHealthCheck) labels.Selector {
	selector, err := metav1.LabelSelectorAsSelector(&check.Spec.Selector)
	if err != nil {
		return labels.Nothing()
	}
	return selector
}

// unhealthy counts the targets of a health check that are unhealthy and not being deleted.
func (s *scope) unhealthy(check *clusterv1.MachineHealthCheck) int {
	n, selector := 0, targets(check)
	for _, m := range s.machines {
		if selector.Matches(labels.Set(m.Labels)) && isUnhealthy(m) {
			n++
		}
	}
	return n
}

// allows tells whether a health check would have so many unhealthy Machines remediated.
func allows(check *clusterv1.MachineHealthCheck, unhealthy int) bool {
	trigger := &check.Spec.Remediation.TriggerIf
	if trigger.UnhealthyInRange != "" {
		var low, high int
		if n, err := fmt.Sscanf(trigger.UnhealthyInRange, "[%d-%d]", &low, &high); n != 2 || err != nil {
			return false
		}
		return low <= unhealthy && unhealthy <= high
	}
	limit := ptr.Deref(trigger.UnhealthyLessThanOrEqualTo, intstr.FromString("100%"))
	most, err := intstr.GetScaledValueFromIntOrPercent(&limit, int(ptr.Deref(check.Status.ExpectedMachines, 0)), false)
	return err == nil && unhealthy <= most
}
