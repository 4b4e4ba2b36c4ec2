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

package access

import (
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
)

// What the allocator is told of a lease decides who may have the server.
func TestLeases(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(d)) }
	owner := infrav1.HostReservationOwner{Kind: "MachineDeployment", Name: "workers"}
	reserved := infrav1.HostReservation{ClusterName: "c", Owner: owner, Predecessor: "m0", FailureDomain: "z1"}
	for name, tc := range map[string]struct {
		change func(*infrav1.MaasHost)
		want   allocation.Lease
	}{
		"empty": {change: func(*infrav1.MaasHost) {}},
		"taken, of a pool": {
			change: func(h *infrav1.MaasHost) { h.Spec.ConsumerRef.Name, h.Spec.HostPoolRef.Name = "m1", "pool" },
			want:   allocation.Lease{Holder: "ns/m1", Pool: "ns/pool"},
		},
		"allocated in MAAS": {
			change: func(h *infrav1.MaasHost) { h.Status.AllocatedTime = at(-time.Hour) },
			want:   allocation.Lease{Allocated: true},
		},
		"being deleted": {
			change: func(h *infrav1.MaasHost) { h.DeletionTimestamp = ptr.To(at(0)) },
			want:   allocation.Lease{Leaving: true},
		},
		"being vacated": {
			change: func(h *infrav1.MaasHost) { h.Spec.Vacate.Purpose = infrav1.VacateFree },
			want:   allocation.Lease{Leaving: true},
		},
		"cordoned": {
			change: func(h *infrav1.MaasHost) { h.Spec.Unschedulable = ptr.To(true) },
			want:   allocation.Lease{Cordoned: true},
		},
		"cordoned no more": {change: func(h *infrav1.MaasHost) { h.Spec.Unschedulable = ptr.To(false) }},
		"reserved until it is taken back": {
			change: func(h *infrav1.MaasHost) { h.Spec.Reservation = reserved },
			want: allocation.Lease{Reservation: &allocation.Reservation{
				Cluster: "c", Owner: "MachineDeployment/workers", Predecessor: "m0", FailureDomain: "z1",
			}},
		},
		"reserved for a moment longer": {
			change: func(h *infrav1.MaasHost) {
				h.Spec.Reservation = reserved
				h.Spec.Reservation.ExpirationTime = at(time.Second)
			},
			want: allocation.Lease{Reservation: &allocation.Reservation{
				Cluster: "c", Owner: "MachineDeployment/workers", Predecessor: "m0", FailureDomain: "z1", Expires: now.Add(time.Second),
			}},
		},
		"reserved until now": {
			change: func(h *infrav1.MaasHost) { h.Spec.Reservation = reserved; h.Spec.Reservation.ExpirationTime = at(0) },
		},
	} {
		host := infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "abc", ResourceVersion: "7"}}
		host.Spec.SystemID = "abc"
		tc.change(&host)
		tc.want.Version = "7"
		if got := Leases([]infrav1.MaasHost{host}, now)["abc"]; !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: want the allocator to know %+v, got %+v", name, tc.want, got)
		}
	}
}

// Two namespaces may have a lease on one server each; that somebody has it must not be hidden by the empty one.
func TestLeasesOfTwoNamespaces(t *testing.T) {
	t.Parallel()
	empty := infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "abc"}, Spec: infrav1.MaasHostSpec{SystemID: "abc"}}
	taken := infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: "b", Name: "abc"}, Spec: infrav1.MaasHostSpec{
		SystemID: "abc", ConsumerRef: infrav1.LocalObjectReference{Name: "m1"},
	}}
	for _, hosts := range [][]infrav1.MaasHost{{empty, taken}, {taken, empty}} {
		if got := Leases(hosts, time.Now())["abc"].Holder; got != "b/m1" {
			t.Errorf("want the server held by b/m1 whatever the order, got %q", got)
		}
	}
}
