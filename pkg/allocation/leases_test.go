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

package allocation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func kept(change ...func(*allocation.Lease)) allocation.Lease {
	l := allocation.Lease{Pool: "ns/p", Allocated: true}
	for _, f := range change {
		f(&l)
	}
	return l
}

func reservedFor(owner, predecessor, zone string, freed int64) func(*allocation.Lease) {
	return func(l *allocation.Lease) {
		l.Reservation = &allocation.Reservation{Cluster: "c", Owner: owner, Predecessor: predecessor, FailureDomain: zone, Expires: time.Unix(freed, 0)}
	}
}

func cordoned(l *allocation.Lease)    { l.Cordoned = true }
func quarantined(l *allocation.Lease) { l.Quarantined = true }
func leaving(l *allocation.Lease)     { l.Leaving = true }
func elsewhere(l *allocation.Lease)   { l.Pool = "ns/other" }

// TestOrder takes one machine after the other away and expects the stated order.
func TestOrder(t *testing.T) {
	t.Parallel()
	allocated := status(maas.StatusAllocated)
	mine := owner("capi")
	in := allocation.Input{
		Request: allocation.Request{Pool: "ns/p", Requester: allocation.Requester{Name: "m", Cluster: "c", Owner: "MachineDeployment/a"}},
		Machines: []*maas.Machine{
			machine("a-free"), machine("b-held", allocated, mine), machine("c-held", zone("a"), allocated, mine),
			machine("d-late", allocated, mine), machine("e-early", allocated, mine), machine("f-other-zone", allocated, mine),
			machine("g-predecessor", allocated, mine), machine("h-other-owner", allocated, mine), machine("i-cordoned", allocated, mine),
			machine("j-quarantined", allocated, mine), machine("k-leaving", allocated, mine), machine("l-other-pool", allocated, mine),
			machine("m-used", status(maas.StatusDeployed), mine),
		},
		Leases: map[string]allocation.Lease{
			"id-b-held": kept(), "id-c-held": kept(),
			"id-d-late":        kept(reservedFor("MachineDeployment/a", "old", "", 20)),
			"id-e-early":       kept(reservedFor("MachineDeployment/a", "old", "", 10)),
			"id-f-other-zone":  kept(reservedFor("MachineDeployment/a", "old", "default", 5)),
			"id-g-predecessor": kept(reservedFor("MachineDeployment/a", "m", "default", 30)),
			"id-h-other-owner": kept(reservedFor("MachineSet/a", "old", "", 1)),
			"id-i-cordoned":    kept(cordoned), "id-j-quarantined": kept(quarantined), "id-k-leaving": kept(leaving), "id-l-other-pool": kept(elsewhere),
			"id-m-used": {Holder: "ns/x"},
		},
	}
	for _, want := range []string{"g-predecessor", "e-early", "d-late", "f-other-zone", "c-held", "b-held", "a-free"} {
		got := allocation.Choose(in)
		if got.Machine == nil || got.Machine.Hostname != want || got.Leased != (want != "a-free") {
			t.Fatalf("want %s, got %+v: %s", want, got, got.Miss)
		}
		in.Leases["id-"+want] = allocation.Lease{Holder: "ns/y"}
	}
	got := allocation.Choose(in)
	if got.Machine != nil {
		t.Fatalf("want none left, got %s", got.Machine.Hostname)
	}
	for _, why := range []string{"1 cordoned", "1 in quarantine", "1 kept by another pool", "1 leaving its pool", "1 reserved for another owner", "8 leased"} {
		if !strings.Contains(got.Miss.String(), why) {
			t.Errorf("want %q among the reasons, got %s", why, got.Miss)
		}
	}
}

// TestAwaited: a machine that is reserved for the requester and busy is waited for, unless it is cordoned or in quarantine.
func TestAwaited(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lease   allocation.Lease
		status  maas.Status
		awaited bool
	}{
		"under test":                     {kept(reservedFor("O/a", "old", "", 1)), maas.StatusTesting, true},
		"released by hand":               {kept(reservedFor("O/a", "old", "", 1)), maas.StatusReady, true},
		"cordoned and under test":        {kept(reservedFor("O/a", "old", "", 1), cordoned), maas.StatusTesting, false},
		"in quarantine":                  {kept(reservedFor("O/a", "old", "", 1), quarantined), maas.StatusAllocated, false},
		"another's and under test":       {kept(reservedFor("O/b", "old", "", 1)), maas.StatusTesting, false},
		"held for anybody, under test":   {kept(), maas.StatusTesting, false},
		"asked for by one without owner": {kept(reservedFor("", "old", "", 1)), maas.StatusTesting, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requester := allocation.Requester{Name: "m", Cluster: "c", Owner: "O/a"}
			if tt.lease.Reservation != nil && tt.lease.Reservation.Owner == "" {
				requester.Owner = ""
			}
			got := allocation.Choose(allocation.Input{
				Request:  allocation.Request{Pool: "ns/p", Requester: requester},
				Machines: []*maas.Machine{machine("r", status(tt.status)), machine("spare")},
				Leases:   map[string]allocation.Lease{"id-r": tt.lease},
			})
			if awaited := got.Awaited != nil && got.Machine == nil; awaited != tt.awaited {
				t.Errorf("want the reserved machine awaited %t, got %+v", tt.awaited, got)
			}
			if !tt.awaited && (got.Machine == nil || got.Machine.Hostname != "spare") {
				t.Errorf("want the spare machine, got %+v", got)
			}
		})
	}
}
