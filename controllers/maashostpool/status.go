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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// scope carries the facts of one reconcile.
type scope struct {
	pool    *infrav1.MaasHostPool
	problem *access.Problem
	// counted is true when there was a snapshot to count in.
	counted                               bool
	total, available, leased, unavailable int32
	// miss explains an empty pool.
	miss allocation.Miss
}

func (s *scope) count(m *maas.Machine, leased bool) {
	s.total++
	switch {
	case leased:
		s.leased++
	case m.Status == maas.StatusReady && m.Owner == "" && !m.Locked:
		s.available++
	default:
		s.unavailable++
	}
}

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	if s.counted {
		s.pool.Status.Hosts = infrav1.MaasHostCounts{
			Total: ptr.To(s.total), Available: ptr.To(s.available), Leased: ptr.To(s.leased), Unavailable: ptr.To(s.unavailable),
		}
	}
	available := access.Condition(s.problem)
	hosts := hostsCondition(s)
	ready := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.ReadyReason}
	switch {
	case available.Status != metav1.ConditionTrue:
		ready.Status, ready.Reason, ready.Message = available.Status, available.Reason, available.Message
	case s.total == 0:
		ready.Status, ready.Reason, ready.Message = hosts.Status, hosts.Reason, hosts.Message
	}
	for _, c := range []metav1.Condition{available, hosts, ready} {
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
