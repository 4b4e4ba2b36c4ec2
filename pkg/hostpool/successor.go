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

package hostpool

import (
	"cmp"
	"slices"
	"time"
)

// Reservation is a server that is kept for a successor.
type Reservation struct {
	// Host is the server.
	Host string
	// Predecessor freed it, or is about to.
	Predecessor string
	// Expires is when it ends by itself; zero while the server is not free yet.
	Expires time.Time
}

// Demand is what the owner of Machines wants.
type Demand struct {
	// Wanted is the number of Machines that the owner is to have; 0 when it, or its Cluster, is gone or being deleted.
	Wanted int
	// Served are the MaasMachines of the owner that have a server and keep it.
	Served []string
}

// Expects tells whether the owner is going to make a successor for a machine that leaves its server. A machine counts as served until it is
// reserved for, so several that leave at once do not expect more successors than there will be.
func Expects(d Demand, leaving string, reserved []Reservation) bool {
	taken := 0
	for _, r := range reserved {
		if r.Predecessor != leaving {
			taken++
		}
	}
	return stillServed(d, leaving, reserved)+taken < d.Wanted
}

// Excess returns the reservations that no successor is going to come for: the latest beyond what the owner lacks.
func Excess(d Demand, reserved []Reservation) []Reservation {
	lacking := max(0, d.Wanted-stillServed(d, "", reserved))
	if len(reserved) <= lacking {
		return nil
	}
	sorted := slices.Clone(reserved)
	slices.SortFunc(sorted, func(a, b Reservation) int {
		return cmp.Or(latestLast(a.Expires, b.Expires), cmp.Compare(a.Host, b.Host))
	})
	return sorted[lacking:]
}

// latestLast orders by time; a server that is not free yet comes last.
func latestLast(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		if a.IsZero() {
			return 1
		}
		return -1
	}
	return a.Compare(b)
}

func stillServed(d Demand, leaving string, reserved []Reservation) int {
	n := 0
	for _, name := range d.Served {
		if name != leaving && !slices.ContainsFunc(reserved, func(r Reservation) bool { return r.Predecessor == name }) {
			n++
		}
	}
	return n
}
