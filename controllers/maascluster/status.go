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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
)

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	s.maasCluster.Status.ObservedGeneration = s.maasCluster.Generation
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
