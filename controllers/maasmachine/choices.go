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
	"sync"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// choices keeps reconciles that run at the same time from choosing the same server only to lose it: the cache shows a new lease a moment
// after it was made. That two machines never get one server does not rest on it, but on the API server, which lets one MaasHost of a name
// be made.
type choices struct {
	mu     sync.Mutex
	recent map[string]choice
}

// choice is a server that was chosen. It stands until the cache shows its lease, or the lack of one, otherwise than it was then.
type choice struct {
	version string
	at      time.Time
}

// choiceAge is well beyond the cache's delay.
const choiceAge = 30 * time.Second

// choose chooses a server that nobody here chose a moment ago, and notes it.
func (c *choices) choose(request allocation.Request, machines []*maas.Machine, leases map[string]allocation.Lease, now time.Time) allocation.Decision {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, chosen := range c.recent {
		switch {
		case now.Sub(chosen.at) > choiceAge, leases[id].Version != chosen.version:
			delete(c.recent, id)
		default:
			leases[id] = allocation.Lease{Version: chosen.version, Holder: "a machine that chose it a moment ago"}
		}
	}
	decision := allocation.Choose(allocation.Input{Request: request, Machines: machines, Leases: leases})
	if decision.Machine != nil {
		if c.recent == nil {
			c.recent = map[string]choice{}
		}
		c.recent[decision.Machine.SystemID] = choice{version: leases[decision.Machine.SystemID].Version, at: now}
	}
	return decision
}

// shown notes what the cache shows of a lease. A lease may come and go between two choices, after which the server looks as it did before: those
// who wait for it are not to wait for choiceAge.
func (c *choices) shown(systemID, version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if chosen, ok := c.recent[systemID]; ok && chosen.version != version {
		delete(c.recent, systemID)
	}
}

// drop forgets a choice that led to no lease.
func (c *choices) drop(systemID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.recent, systemID)
}
