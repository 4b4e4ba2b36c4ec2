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

import "time"

// Host is an empty server and its pool, as far as its being kept depends on it.
type Host struct {
	// PoolHolds is true when the pool keeps empty servers, PoolDeleting when the pool itself is to go.
	PoolHolds, PoolDeleting bool
	// Matches is true when the server is one of the pool's, Absent when MAAS has no such server.
	Matches, Absent bool
	// Cordoned and Quarantined servers are given to nobody.
	Cordoned, Quarantined bool
	// Reserved is true when there is a reservation, Expires its end, Wanted whether a successor is expected still.
	Reserved bool
	Expires  time.Time
	Wanted   bool
}

// Verdict is what becomes of an empty server.
type Verdict string

const (
	// Keep leaves it as it is.
	Keep Verdict = "Keep"
	// Unreserve keeps it and ends its reservation.
	Unreserve Verdict = "Unreserve"
	// LetGo gives it back to MAAS.
	LetGo Verdict = "LetGo"
)

// Judge decides what becomes of an empty server and says why.
func Judge(h Host, now time.Time) (Verdict, string) {
	switch {
	case h.PoolDeleting:
		return LetGo, "the pool is being deleted"
	case h.Absent:
		return LetGo, "MAAS has no such server any more"
	case h.Reserved && !h.Wanted:
		return Unreserve, "no successor is expected any more"
	case h.Reserved && !h.Expires.IsZero() && !now.Before(h.Expires):
		return Unreserve, "no successor came in time"
	case h.Reserved:
		return Keep, "it is reserved"
	case h.Cordoned:
		// Without its lease it would be given to the next machine.
		return Keep, "it is cordoned"
	case h.Quarantined:
		return Keep, "it is in quarantine"
	case !h.Matches:
		return LetGo, "it does not belong to the pool any more"
	case h.PoolHolds:
		return Keep, "the pool holds its servers"
	}
	return LetGo, "the pool does not hold empty servers"
}
