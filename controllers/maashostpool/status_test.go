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
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// TestConditions: each condition of a pool says what is wrong in numbers, and Ready repeats only what keeps machines from getting servers.
func TestConditions(t *testing.T) {
	t.Parallel()
	const available, sufficient, fit, ready = infrav1.HostsAvailableCondition, infrav1.HostsSufficientCondition, infrav1.HostsFitCondition, infrav1.ReadyCondition
	misfit := allocation.Miss{Nearest: &maas.Machine{Hostname: "small"}}
	now := metav1.Now()
	for _, tt := range []struct {
		name   string
		change func(*scope)
		// want has "reason: part of the message" by condition; those that are not named are to be true.
		want map[string]string
	}{
		{"all well", func(*scope) {}, nil},
		{"as many as are asked for", func(s *scope) { s.wanted = 5 }, nil},
		{"not counted yet", func(s *scope) { s.counted = false }, map[string]string{
			available: "Connecting: first look", sufficient: "Connecting: first look", fit: "Connecting: first look"}},
		{"no server", func(s *scope) { s.total, s.available, s.leased = 0, 0, 0 }, map[string]string{
			available: "NoHosts: No server matches the pool", sufficient: "TooFewHosts: 0 of 0", ready: "NoHosts: No server matches the pool"}},
		{"every server leased", func(s *scope) { s.available, s.leased = 0, 5 }, map[string]string{
			available: "AllHostsInUse: 5 of 5 servers are leased, 0 are unavailable"}},
		{"too few", func(s *scope) { s.wanted = 6 }, map[string]string{
			sufficient: "TooFewHosts: 6 servers are asked for and 5 of 5 can be used: add servers or lower the replicas",
			ready:      "TooFewHosts: 6 servers"}},
		{"too few, as one is in quarantine", func(s *scope) { s.wanted, s.available, s.unavailable = 5, 2, 1 }, map[string]string{
			sufficient: "TooFewHosts: 5 servers are asked for and 4 of 5 can be used", ready: "TooFewHosts: 5 servers"}},
		{"too few for maxSurge", func(s *scope) { s.wanted, s.surge = 4, 2 }, map[string]string{
			sufficient: "TooFewHostsForSurge: 4 servers are asked for, rollouts add up to 2, and 5 of 5 can be used: set maxSurge to 0"}},
		{"enough for maxSurge", func(s *scope) { s.wanted, s.surge = 4, 1 }, nil},
		{"some do not fit", func(s *scope) { s.misfits = misfit }, map[string]string{fit: "SomeHostsDoNotFit: resource pool rack"}},
		{"MAAS is away", func(s *scope) {
			s.problem = &access.Problem{Reason: infrav1.WaitingForMaasReason, Message: "connection refused"}
		}, map[string]string{infrav1.MaasAvailableCondition: "WaitingForMaas: connection refused", ready: "WaitingForMaas: connection refused"}},
		{"it is deleted", func(s *scope) {
			s.pool.DeletionTimestamp, s.members = &now, []*infrav1.MaasHost{{}, {}}
		}, map[string]string{ready: "Deleting: 2 servers have not left the pool yet"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scope{pool: &infrav1.MaasHostPool{}, counted: true, total: 5, available: 3, leased: 2, wanted: 3}
			s.pool.Spec.ResourcePool, s.pool.Generation = "rack", 7
			tt.change(s)
			setStatus(s)
			for _, c := range s.pool.Status.Conditions {
				reason, message, wrong := strings.Cut(tt.want[c.Type], ": ")
				switch {
				case !wrong && c.Status != metav1.ConditionTrue:
					t.Errorf("want %s true, got %s %s: %s", c.Type, c.Status, c.Reason, c.Message)
				case wrong && (c.Status == metav1.ConditionTrue || c.Reason != reason || !strings.Contains(c.Message, message)):
					t.Errorf("want %s %q, got %s %s: %s", c.Type, tt.want[c.Type], c.Status, c.Reason, c.Message)
				}
				if c.ObservedGeneration != 7 {
					t.Errorf("want %s of generation 7, got %d", c.Type, c.ObservedGeneration)
				}
			}
			if got := len(s.pool.Status.Conditions); got != 5 || conditions.Get(s.pool, ready) == nil {
				t.Errorf("want five conditions, Ready among them, got %v", s.pool.Status.Conditions)
			}
		})
	}
}
