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

package provider

import (
	"fmt"
	"testing"
)

// TestUnreliableMaas lets ten machines come and go while every fourth call fails: refused, dropped, answered too late or carried
// out with the answer lost. All converge, and none is leaked.
func TestUnreliableMaas(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := ownWorld(t, 10)
			untouched := w.decoys()
			mend := w.sim().FailRandomly(w.user, seed, 0.25)
			defer mend()
			var names []string
			for i := range 10 {
				names = append(names, fmt.Sprintf("m%d", i))
				w.machine(names[i])
			}
			w.awaitProvisioned(names...)
			if got := w.deploys(); got != 10 {
				t.Errorf("want 10 deployments for 10 machines, got %d", got)
			}
			w.deleteMachine(names...)
			w.awaitGone(names...)
			mend()
			w.awaitAllFree()
			untouched()
			if got := w.deploys(); got != 10 {
				t.Errorf("want still 10 deployments at the end, got %d", got)
			}
		})
	}
}
