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

package repave

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestNonOverlappingIsNearlyAsFastAsPlacementAllows upgrades 100 nodes in racks and compares with a bound that no schedule can beat: nodes that all share
// volumes with one another can only go one after the other.
func TestNonOverlappingIsNearlyAsFastAsPlacementAllows(t *testing.T) {
	t.Parallel()
	for _, copies := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d copies", copies), func(t *testing.T) {
			t.Parallel()
			x := stage(5, 20, 8_000, copies).parallel(100)
			for _, v := range x.volumes {
				v.bytes = gib
			}
			clique := x.clique()
			x.at(0, func() { x.upgrade("w") })
			x.run(24 * time.Hour)
			if len(x.broken) > 0 {
				t.Fatalf("breaches: %v", x.broken)
			}
			// A tick to be deployed in, and one that the end of the period falls into.
			own := drainTime + deployTime + x.rules.StablePeriod + 2*tick
			bound := time.Duration(clique) * own
			took := x.now.Sub(x.start)
			t.Logf("took %s, the bound is %s for %d nodes of which each shares volumes with each; at most %d repaves were open", took, bound, clique, x.most)
			holdTo(t, fmt.Sprintf("schedule-ratio-%d-copies", copies), float64(took)/float64(bound))
		})
	}
}

// clique finds nodes of which each shares a volume with each: a lower bound of the number of rounds.
func (x *theater) clique() int {
	p := newPlacement(x.report())
	best := 0
	for first := range x.servers {
		members := []int32{int32(first)}
		for i := range x.servers {
			n := int32(i)
			if !slices.ContainsFunc(members, func(m int32) bool { return m == n || !p.neighbours[m].has(n) }) {
				members = append(members, n)
			}
		}
		best = max(best, len(members))
	}
	return best
}
