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
	"sync"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// quietLooks is during how many looks at MAAS's event log nothing happens while calls are counted: each takes a second on a computer that has the time,
// and what is done at longer intervals is done in proportion.
const quietLooks = 10

func (w *world) callsWhileQuiet() int {
	w.Helper()
	// Let what is under way settle: no call about a machine for three seconds.
	last, since := -1, time.Now()
	w.await("MAAS to be left alone", func() (bool, string) {
		now := 0
		for _, n := range w.sim().CallStats().ByMachine {
			now += n
		}
		if now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 3*time.Second, fmt.Sprintf("%d calls", now)
	})
	before, started := w.sim().CallStats(), time.Now()
	now := before
	w.await("MAAS's event log to be looked at", func() (bool, string) {
		now = w.sim().CallStats()
		looks := now.ByName["events.query"] - before.ByName["events.query"]
		return looks >= quietLooks, fmt.Sprintf("%d looks", looks)
	})
	got := now.Total - before.Total
	w.Logf("%d calls in %s with %d servers", got, time.Since(started).Round(time.Second), len(w.ids))
	return got
}

// countProofs counts the lists by agent name, which name no server, from now on.
func (w *world) countProofs() func() int {
	w.Helper()
	var mu sync.Mutex
	byLease := map[string]int{}
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "machines.list" && len(c.Form["agent_name"]) > 0 {
			mu.Lock()
			defer mu.Unlock()
			byLease[c.Form["agent_name"][0]]++
		}
		return maassim.Pass()
	})
	return func() int {
		remove()
		count := 0
		for lease := range w.leases {
			count += byLease[lease]
		}
		return count
	}
}

// noteLeases remembers the leases that there are now.
func (w *world) noteLeases() {
	w.Helper()
	w.leases = map[string]bool{}
	for _, host := range w.hosts() {
		w.leases[host.Spec.LeaseID] = true
	}
}

// callsPerWorker is the mean of the calls that concern a server of the world. Reads of one server belong to the shared look at MAAS,
// except for one: when a lease ends, the provider reads the server itself a last time.
func (w *world) callsPerWorker(proofs int) float64 {
	w.Helper()
	stats := w.sim().CallStats().ByMachineName
	calls := proofs + len(w.ids)
	for _, id := range w.ids {
		for name, n := range stats[id] {
			if name != "machine.read" && name != takesDiskOut {
				calls += n
			}
		}
	}
	return float64(calls) / float64(len(w.ids))
}

// takesDiskOut is the call that takes a data disk out of MAAS's inventory, once in a server's life and not at every repave.
const takesDiskOut = "blockdevice.delete"

// diskCallsPerHost is the mean of the calls that prepare the disks of a server of the world.
func (w *world) diskCallsPerHost() float64 {
	w.Helper()
	stats, calls := w.sim().CallStats().ByMachineName, 0
	for _, id := range w.ids {
		calls += stats[id][takesDiskOut]
	}
	return float64(calls) / float64(len(w.ids))
}
