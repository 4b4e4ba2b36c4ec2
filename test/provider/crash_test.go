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
	"testing"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// TestKilledAtEveryCall kills the manager at every MAAS call of create and then of delete: once before MAAS acts, once after it acted and
// before its answer arrives. Whatever the moment, the machine comes up on one server, deployed once, and everything goes back.
func TestKilledAtEveryCall(t *testing.T) {
	killedAtEachCall(t, "", func(l *life) {
		w := ownWorld(l.T, 2)
		decoys := w.decoys()
		l.crash(w, func() {
			w.machine("m")
			w.awaitProvisioned("m")
		})
		l.crash(w, func() {
			w.deleteMachine("m")
			w.awaitGone("m")
		})
		w.awaitAllFree()
		decoys()
		if got := w.deploys(); got != 1 {
			w.Errorf("want exactly one deployment, got %d", got)
		}
	})
}

// TestRepaveKilledAtEveryCall is the same for a machine that is replaced on a server which its pool holds: it is vacated, then claimed and
// installed anew.
func TestRepaveKilledAtEveryCall(t *testing.T) {
	killedAtEachCall(t, "", func(l *life) {
		w := ownWorld(l.T, 1)
		id := w.ids[0]
		w.changePool(held)
		w.writeData(id)
		w.machine("m")
		w.awaitProvisioned("m")
		decoys, lease := w.decoys(), w.lease().UID
		l.crash(w, func() {
			w.deleteMachine("m")
			w.awaitGone("m")
			w.awaitStates("the server held", map[infrav1.HostState]int{infrav1.HostStateHeld: 1})
		})
		l.crash(w, func() {
			w.machine("n")
			w.awaitProvisioned("n")
		})
		w.expectData("repaved", id)
		decoys()
		if hosts := w.hosts(); len(hosts) != 1 || hosts[0].UID != lease || w.deploys() != 2 {
			w.Errorf("want the one lease to go on and one deployment for each machine, got %d leases and %d deployments", len(hosts), w.deploys())
		}
	})
}

// decoys are servers of the same MAAS pool that belong to others: another MAAS user, and our own user without a lease. The returned
// function asserts that nobody touched them.
func (w *world) decoys() (untouched func()) {
	w.Helper()
	others, mine := w.decoy("eve"), w.decoy(w.user)
	return func() {
		w.Helper()
		for id, owner := range map[string]string{others: "eve", mine: w.user} {
			if v := w.view(id); v.Owner != owner || v.StatusName != "Allocated" || v.Deploys+v.Releases > 0 {
				w.Errorf("want %s's server %s left alone, got %s of %q, %d deployments, %d releases", owner, v.Hostname, v.StatusName, v.Owner, v.Deploys, v.Releases)
			}
		}
	}
}

// decoy adds a server that a MAAS user has. It belongs to the user before it comes into the world's resource pool, for a pool that holds its servers takes
// whatever is free there.
func (w *world) decoy(user string) string {
	w.Helper()
	id, err := theLab.AddHost(maassim.MachineSpec{
		Hostname: w.ns + "-of-" + user, Pool: w.ns + "-elsewhere", CPUs: 32, MemoryMiB: 131072, Tags: []string{"vm"},
	})
	if err == nil {
		err = w.sim().Operator().TakeAs(user, id)
	}
	if err == nil {
		err = w.sim().Operator().SetPool(id, w.ns)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { w.scrap(id) })
	return id
}
