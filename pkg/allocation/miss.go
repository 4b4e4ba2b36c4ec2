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

package allocation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Miss explains why no machine could be taken.
type Miss struct {
	// Counts is the number of machines by the first reason against each.
	Counts map[Reason]int
	// Nearest is the machine with the fewest reasons against it, nil when MAAS has no machines; NearestReasons are those.
	Nearest        *maas.Machine
	NearestReasons []Reason
}

func (s *Miss) add(m *maas.Machine, reasons []Reason) {
	if s.Counts == nil {
		s.Counts = map[Reason]int{}
	}
	s.Counts[reasons[0]]++
	switch {
	case s.Nearest == nil,
		len(reasons) < len(s.NearestReasons),
		len(reasons) == len(s.NearestReasons) && Less(m, s.Nearest):
		s.Nearest, s.NearestReasons = m, reasons
	}
}

// String is the message of a condition: the counts, most frequent first, and the nearest miss.
func (s Miss) String() string {
	total := 0
	type count struct {
		reason Reason
		n      int
	}
	counts := make([]count, 0, len(s.Counts))
	for r, n := range s.Counts {
		total += n
		counts = append(counts, count{r, n})
	}
	if total == 0 {
		return "MAAS has no machines that this API key can see"
	}
	slices.SortFunc(counts, func(a, b count) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.reason, b.reason))
	})
	parts := make([]string, 0, len(counts))
	for _, c := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", c.n, c.reason))
	}
	near := make([]string, 0, len(s.NearestReasons))
	for _, r := range s.NearestReasons {
		near = append(near, string(r))
	}
	return fmt.Sprintf("none of %d machines can be taken: %s; nearest miss: %s (%s)",
		total, strings.Join(parts, ", "), s.Nearest.Hostname, strings.Join(near, ", "))
}
