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
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
)

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	s.pool.Status.ObservedGeneration = s.pool.Generation
	if s.counted {
		s.pool.Status.Hosts = infrav1.MaasHostCounts{
			Total: ptr.To(s.total), Available: ptr.To(s.available), Leased: ptr.To(s.leased), Unavailable: ptr.To(s.unavailable),
			Wanted: ptr.To(s.wanted), Surge: ptr.To(s.surge),
		}
	}
	s.pool.Status.States = states(s)
	available := access.Condition(s.problem)
	hosts := hostsCondition(s)
	ready := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.ReadyReason}
	switch {
	case available.Status != metav1.ConditionTrue:
		ready.Status, ready.Reason, ready.Message = available.Status, available.Reason, available.Message
	case s.total == 0:
		ready.Status, ready.Reason, ready.Message = hosts.Status, hosts.Reason, hosts.Message
	case s.usable() < s.wanted:
		c := sufficientCondition(s)
		ready.Status, ready.Reason, ready.Message = c.Status, c.Reason, c.Message
	}
	if s.deleting() {
		ready.Status, ready.Reason = metav1.ConditionFalse, infrav1.DeletingReason
		ready.Message = fmt.Sprintf("%d servers have not left the pool yet. Empty ones are on their way back to MAAS; those in use leave when their "+
			"machine is deleted", len(s.members))
	}
	for _, c := range []metav1.Condition{available, hosts, sufficientCondition(s), fitCondition(s), ready} {
		c.ObservedGeneration = s.pool.Generation
		conditions.Set(s.pool, c)
	}
}

func hostsCondition(s *scope) metav1.Condition {
	c := metav1.Condition{Type: infrav1.HostsAvailableCondition, Status: metav1.ConditionTrue, Reason: infrav1.HostsAvailableReason}
	switch {
	case !s.counted:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, infrav1.ConnectingReason, "Waiting for the first look at MAAS"
	case s.total == 0:
		c.Status, c.Reason = metav1.ConditionFalse, infrav1.NoHostsReason
		c.Message = "No server matches the pool: " + s.miss.String()
	case s.available == 0:
		c.Status, c.Reason = metav1.ConditionFalse, infrav1.AllHostsLeasedReason
		c.Message = fmt.Sprintf("%d of %d servers are leased, %d are unavailable", s.leased, s.total, s.unavailable)
	}
	return c
}

// states lists how many servers of the pool do what, in the order of the words.
func states(s *scope) []infrav1.HostStateCount {
	var out []infrav1.HostStateCount
	counts := s.states()
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, infrav1.HostStateCount{State: state, Count: ptr.To(counts[state])})
	}
	return out
}

// usable servers are in use or can be given away.
func (s *scope) usable() int32 { return s.total - s.unavailable }

// sufficientCondition compares what is asked of the pool to what it has.
func sufficientCondition(s *scope) metav1.Condition {
	c := metav1.Condition{Type: infrav1.HostsSufficientCondition, Status: metav1.ConditionTrue, Reason: infrav1.HostsSufficientReason}
	switch {
	case !s.counted:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, infrav1.ConnectingReason, "Waiting for the first look at MAAS"
	case s.usable() < s.wanted:
		c.Status, c.Reason = metav1.ConditionFalse, infrav1.TooFewHostsReason
		c.Message = fmt.Sprintf("%d servers are asked for and %d of %d can be used: add servers or lower the replicas", s.wanted, s.usable(), s.total)
	case s.usable() < s.wanted+s.surge:
		c.Status, c.Reason = metav1.ConditionFalse, infrav1.TooFewForSurgeReason
		c.Message = fmt.Sprintf("%d servers are asked for, rollouts add up to %d, and %d of %d can be used: set maxSurge to 0 where every server is "+
			"in use, or add servers", s.wanted, s.surge, s.usable(), s.total)
	}
	return c
}

// fitCondition counts the servers of the resource pool that the selector leaves out.
func fitCondition(s *scope) metav1.Condition {
	c := metav1.Condition{Type: infrav1.HostsFitCondition, Status: metav1.ConditionTrue, Reason: infrav1.HostsFitReason}
	switch {
	case !s.counted:
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, infrav1.ConnectingReason, "Waiting for the first look at MAAS"
	case s.misfits.Nearest != nil:
		c.Status, c.Reason = metav1.ConditionFalse, infrav1.SomeHostsDoNotFitReason
		c.Message = fmt.Sprintf("Of the servers in resource pool %s %s", s.pool.Spec.ResourcePool, s.misfits.String())
	}
	return c
}
