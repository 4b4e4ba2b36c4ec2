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
	"cmp"
	"slices"
	"time"
)

// Leaving is a Machine of a set that is being deleted.
type Leaving struct {
	Machine string
	// Since is when its deletion began.
	Since time.Time
	// Open is true when its repave was admitted.
	Open bool
}

// Purposes tells for the Machines of one set (of a MachineDeployment, or of the control plane) which of them will be replaced and which leave for good: of
// those that leave, as many are replaced as the set is short of. Those that were admitted first, or wait longest, are the ones; a set that is
// not short of any, because it shrinks or made the successor beforehand (maxSurge above 0), replaces none on its server.
func Purposes(wanted, staying int, leaving []Leaving) map[string]Purpose {
	leaving = slices.Clone(leaving)
	slices.SortFunc(leaving, func(a, b Leaving) int {
		return cmp.Or(boolFirst(a.Open, b.Open), a.Since.Compare(b.Since), cmp.Compare(a.Machine, b.Machine))
	})
	purposes := make(map[string]Purpose, len(leaving))
	for i, l := range leaving {
		purposes[l.Machine] = ScaleIn
		if i < wanted-staying {
			purposes[l.Machine] = Replacement
		}
	}
	return purposes
}
