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
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
)

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	if s.deleting() {
		if s.session != nil || s.problem != nil {
			// Since when MAAS does not answer bounds the wait for it.
			set(s, access.Condition(s.problem))
		}
		set(s, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: infrav1.DeletingReason,
			Message: "Waiting for " + orNothing(s.remaining)})
		return
	}
	all := []metav1.Condition{access.Condition(s.problem), endpointCondition(s), zonesCondition(s)}
	ready := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.ReadyReason}
	for _, c := range all {
		set(s, c)
		if c.Status != metav1.ConditionTrue && ready.Status == metav1.ConditionTrue {
			ready.Status, ready.Reason, ready.Message = c.Status, c.Reason, c.Message
		}
	}
	if fit := hardwareCondition(s); fit != nil {
		set(s, *fit)
	}
	switch {
	case s.addons != nil:
		set(s, addonsCondition(s.addons))
	case s.cluster != nil && !hasAddonSet(s.cluster):
		conditions.Delete(s.maasCluster, infrav1.AddonsReadyCondition)
	}
	set(s, ready)
	if ready.Status == metav1.ConditionTrue {
		s.maasCluster.Status.Initialization.Provisioned = ptr.To(true)
	}
}

func set(s *scope, c metav1.Condition) {
	c.ObservedGeneration = s.maasCluster.Generation
	conditions.Set(s.maasCluster, c)
}

func orNothing(remaining string) string {
	if remaining == "" {
		return "nothing any more"
	}
	return remaining
}

func endpointCondition(s *scope) metav1.Condition {
	c := metav1.Condition{Type: infrav1.EndpointReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.EndpointReadyReason}
	if s.endpointProblem != nil {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, s.endpointProblem.Reason, s.endpointProblem.Message
	}
	return c
}

// zonesCondition compares the zones that control plane machines are wanted in with those that exist.
func zonesCondition(s *scope) metav1.Condition {
	c := metav1.Condition{Type: infrav1.FailureDomainsReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.FailureDomainsReadyReason}
	var missing []string
	for _, zone := range s.maasCluster.Spec.ControlPlaneZones {
		if !slices.Contains(s.zones, zone) {
			missing = append(missing, zone)
		}
	}
	switch {
	case s.zones == nil && (s.session == nil || !s.session.Snapshot().Synced()):
		if len(s.maasCluster.Status.FailureDomains) > 0 {
			return c
		}
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, infrav1.ConnectingReason, "Waiting for the first look at MAAS"
	case len(s.zones) == 0:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, infrav1.NoMachinesReason, "The API key sees no machine in MAAS"
	case len(missing) > 0:
		c.Status, c.Reason = metav1.ConditionFalse, infrav1.ZoneNotFoundReason
		c.Message = fmt.Sprintf("spec.controlPlaneZones: no machine in zone %s; zones with machines: %s",
			strings.Join(missing, ", "), strings.Join(s.zones, ", "))
	}
	return c
}
