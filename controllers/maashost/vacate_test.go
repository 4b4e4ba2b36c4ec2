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
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// TestKeeps: a lease that nobody uses goes on for its pool, or because its server is to be given to nobody.
func TestKeeps(t *testing.T) {
	t.Parallel()
	holds := func(s *scope) { s.pool.Spec.Hold = ptr.To(true) }
	goes := func(s *scope) { s.pool.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }
	poolLess := func(s *scope) { s.pool, s.host.Spec.HostPoolRef = nil, infrav1.LocalObjectReference{} }
	poolGone := func(s *scope) { s.pool = nil }
	cordoned := func(s *scope) { s.host.Spec.Unschedulable = ptr.To(true) }
	quarantined := func(s *scope) { s.host.Spec.Quarantine.Cause = infrav1.QuarantineRequested }
	rested := func(s *scope) {
		s.host.Spec.Quarantine = infrav1.HostQuarantine{Cause: infrav1.QuarantineFailedDeploys, FailedDeploys: 2, UntilTime: metav1.NewTime(noon)}
	}
	for _, tt := range []struct {
		name            string
		change          []func(*scope)
		keeps, outlived bool
	}{
		{"a pool that does not hold", nil, false, false},
		{"a pool that holds", []func(*scope){holds}, true, false},
		{"a pool that holds and goes", []func(*scope){holds, goes}, false, false},
		{"cordoned", []func(*scope){cordoned}, true, false},
		{"in quarantine", []func(*scope){quarantined}, true, false},
		{"in quarantine, and the pool goes", []func(*scope){quarantined, goes}, false, false},
		{"in quarantine, and the pool is gone", []func(*scope){quarantined, poolGone}, false, false},
		{"the quarantine is over", []func(*scope){rested}, false, false},
		{"without a pool", []func(*scope){poolLess}, false, true},
		{"without a pool, cordoned", []func(*scope){poolLess, cordoned}, true, false},
		{"without a pool, in quarantine", []func(*scope){poolLess, quarantined}, true, false},
		{"without a pool, the quarantine is over", []func(*scope){poolLess, rested}, false, true},
		{"without a pool, with a consumer", []func(*scope){poolLess, func(s *scope) { s.consumer = consumerLives }}, false, false},
		{"without a pool, on its way out", []func(*scope){poolLess, func(s *scope) { s.host.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := emptyLease()
			for _, f := range tt.change {
				f(s)
			}
			if s.keeps() != tt.keeps || s.outlived() != tt.outlived {
				t.Errorf("want keeps %t and outlived %t, got %t and %t", tt.keeps, tt.outlived, s.keeps(), s.outlived())
			}
		})
	}
}

func emptyLease() *scope {
	s := &scope{now: noon, consumer: consumerNone, host: &infrav1.MaasHost{}, pool: &infrav1.MaasHostPool{}}
	s.host.Spec.HostPoolRef.Name = "pool"
	return s
}

// TestEraseMode: nothing is erased while the lease goes on, nor where the pool does not say that data disks may go.
func TestEraseMode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*scope)
		want   maas.EraseMode
	}{
		{"the server leaves", func(*scope) {}, maas.EraseSecure},
		{"quickly", func(s *scope) { s.pool.Spec.Erase = infrav1.EraseQuick }, maas.EraseQuick},
		{"fully", func(s *scope) { s.pool.Spec.Erase = infrav1.EraseFull }, maas.EraseFull},
		{"not at all", func(s *scope) { s.pool.Spec.Erase = infrav1.EraseNone }, maas.EraseNone},
		{"nobody said", func(s *scope) { s.pool.Spec.Erase = "" }, maas.EraseNone},
		{"it stays", func(s *scope) { s.host.DeletionTimestamp = nil }, maas.EraseNone},
		{"disks are kept", func(s *scope) { s.pool.Spec.DataDisks = infrav1.DataDisksPreserve }, maas.EraseNone},
		{"nobody said that disks may go", func(s *scope) { s.pool.Spec.DataDisks = "" }, maas.EraseNone},
		{"no pool", func(s *scope) { s.pool = nil }, maas.EraseNone},
	} {
		s := emptyLease()
		s.host.DeletionTimestamp = ptr.To(metav1.NewTime(noon))
		s.pool.Spec.Erase, s.pool.Spec.DataDisks = infrav1.EraseSecure, infrav1.DataDisksWipe
		tt.change(s)
		if got := s.eraseMode(); got != tt.want {
			t.Errorf("%s: want %q, got %q", tt.name, tt.want, got)
		}
	}
}

// TestEmpty: a lease that is emptied forgets its consumer and keeps what is true of the server; it goes on with its pool, or with its Cluster where
// it has none.
func TestEmpty(t *testing.T) {
	t.Parallel()
	full := func() *infrav1.MaasHost {
		h := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "MaasCluster"}, {Kind: "MaasHostPool"}}}}
		h.Spec.ClusterName, h.Spec.ConsumerRef.Name, h.Spec.Image.Name, h.Spec.UserDataSecretRef.Name = "c", "m", "i", "u"
		h.Spec.Vacate.Purpose, h.Spec.PowerCycle.RemediationRef.Name = infrav1.VacateFree, "m"
		h.Spec.Quarantine.Cause, h.Spec.Remediation.PowerCycles = infrav1.QuarantineRequested, 2
		h.Spec.Addresses = []infrav1.HostAddress{{Interface: "br0"}}
		h.Spec.Reservation.ClusterName = "c"
		return h
	}
	pool := &infrav1.MaasHostPool{}
	pool.Spec.ReservationSeconds = 60
	kept, alone := full(), full()
	empty(kept, pool, noon)
	empty(alone, nil, noon)
	for name, h := range map[string]*infrav1.MaasHost{"with a pool": kept, "without": alone} {
		spec := &h.Spec
		if spec.ClusterName+spec.ConsumerRef.Name+spec.Image.Name+spec.UserDataSecretRef.Name+spec.PowerCycle.RemediationRef.Name != "" || spec.Vacate.Purpose != "" {
			t.Errorf("%s: want nothing of the consumer left, got %+v", name, spec)
		}
		if spec.Quarantine.Cause == "" || spec.Remediation.PowerCycles != 2 || len(spec.Addresses) != 1 {
			t.Errorf("%s: want what is true of the server kept, got %+v", name, spec)
		}
	}
	if got := kept.Spec.Reservation.ExpirationTime; !got.Equal(ptr.To(metav1.NewTime(noon.Add(time.Minute)))) {
		t.Errorf("want the reservation to end in a minute, got %s", got)
	}
	owned := func(h *infrav1.MaasHost, kind string) bool {
		return slices.ContainsFunc(h.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == kind })
	}
	if owned(kept, "MaasCluster") || !owned(kept, "MaasHostPool") || !owned(alone, "MaasCluster") {
		t.Errorf("want the lease owned by its pool alone, and without one by its Cluster, got %v and %v", kept.OwnerReferences, alone.OwnerReferences)
	}
}
