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

package maasmachine

import (
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// TestChoices has two machines want the one server there is.
func TestChoices(t *testing.T) {
	t.Parallel()
	const id = "abc123"
	now := time.Unix(1000, 0)
	held := allocation.Lease{Version: "7", Holder: "default/first"}
	for name, test := range map[string]struct {
		between func(*choices)
		lease   *allocation.Lease
		after   time.Duration
		chosen  bool
	}{
		"the cache does not show the lease yet":  {},
		"it shows the lease":                     {lease: &held},
		"the lease was not made":                 {between: func(c *choices) { c.drop(id) }, chosen: true},
		"the lease came and went":                {between: func(c *choices) { c.shown(id, "7") }, chosen: true},
		"another lease is shown":                 {between: func(c *choices) { c.shown("other", "7") }},
		"the cache shows what was known before":  {between: func(c *choices) { c.shown(id, "") }},
		"nothing is heard of the lease for long": {after: choiceAge + time.Second, chosen: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &choices{}
			machines := []*maas.Machine{{SystemID: id, Status: maas.StatusReady, Architecture: "amd64/generic"}}
			choose := func(leases map[string]allocation.Lease, at time.Time) bool {
				return c.choose(allocation.Request{}, machines, leases, at).Machine != nil
			}
			if !choose(map[string]allocation.Lease{}, now) {
				t.Fatal("want the server chosen first")
			}
			if test.between != nil {
				test.between(c)
			}
			leases := map[string]allocation.Lease{}
			if test.lease != nil {
				leases[id] = *test.lease
			}
			if got := choose(leases, now.Add(test.after)); got != test.chosen {
				t.Errorf("want the server chosen again: %t, got %t", test.chosen, got)
			}
		})
	}
}
