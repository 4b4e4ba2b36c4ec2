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

package hostpool_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// fingerprint changes with everything that anybody does.
func (w *rack) fingerprint() string {
	out := fmt.Sprint(w.version, len(w.machines), len(w.log))
	for _, id := range slices.Sorted(maps.Keys(w.servers)) {
		out += string(w.servers[id].Status)
	}
	return out
}

// checkExpected holds the rack to reserving nothing for an owner that lacks no machine: a scale-in or a deletion does not wait for the expiry.
func (w *rack) checkExpected() {
	w.Helper()
	for _, h := range w.list() {
		r := h.Spec.Reservation
		if r.ClusterName == "" || h.Spec.ConsumerRef.Name != "" {
			continue
		}
		if d := w.demand(r.ClusterName, r.Owner); len(d.Served) >= d.Wanted {
			w.violated("%s is reserved for %s, which wants %d and has %d", h.Name, r.Owner.Name, d.Wanted, len(d.Served))
		}
	}
}

// checkSettled holds the rack to what has to be true when nobody disturbs it any more.
func (w *rack) checkSettled() {
	w.Helper()
	for _, h := range w.list() {
		if h.Spec.Reservation.ClusterName != "" {
			w.violated("%s is reserved for ever, until %s at %s", h.Name, h.Spec.Reservation.ExpirationTime, w.now)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.machines)) {
		m := w.machines[name]
		if m.deleting {
			w.violated("%s never ends", name)
		}
		if d := w.choose(m); w.leaseOf(name) == nil && !m.provisioned && d.Machine != nil {
			w.violated("%s has no server although %s can be taken", name, d.Machine.Hostname)
		}
	}
}

// checkEmpty holds the rack to giving everything back.
func (w *rack) checkEmpty() {
	w.Helper()
	for id, s := range w.servers {
		if s.Owner == user {
			w.violated("%s is left %s under lease %q", id, s.Status, s.agent)
		}
	}
	for _, h := range w.list() {
		if !h.Spec.Quarantine.InForce(w.now) {
			w.violated("the lease on %s is left: %+v", h.Name, h.Spec)
		}
	}
}

// TestClaims plays thousands of racks.
func TestClaims(t *testing.T) {
	t.Parallel()
	seeds := 2000
	if testing.Short() {
		seeds = 300
	}
	taken, again := 0, 0
	for seed := range uint64(seeds) {
		w := newRack(t, seed)
		for range 400 {
			w.step()
		}
		w.settle(0)
		w.checkExpected()
		w.settle(5 * time.Second)
		w.checkSettled()
		for _, line := range w.log {
			if strings.Contains(line, " takes ") {
				taken++
			}
			if strings.Contains(line, "reserved true") {
				again++
			}
		}
		w.holds = false
		for _, o := range w.owners {
			o.deleting = true
		}
		// Beyond every quarantine.
		w.now = w.now.Add(48 * time.Hour)
		w.settle(5 * time.Second)
		w.checkEmpty()
		if t.Failed() {
			return
		}
	}
	if taken < 4*seeds || again < seeds {
		t.Errorf("want the racks busy, got %d servers taken and %d reserved over %d racks", taken, again, seeds)
	}
	t.Logf("%d racks: %d servers taken, %d reserved", seeds, taken, again)
}
