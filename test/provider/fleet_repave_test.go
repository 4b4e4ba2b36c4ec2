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
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	maasclient "github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
)

// identity is what has to be the same when a server comes back.
type identity struct {
	hostname  string
	addresses string
	// recorded are the addresses that the lease says the server keeps, node those of the Machine.
	recorded, node string
}

// identities reads the machines of a MachineDeployment by their providerID.
func (w *world) identities(name string, admin *maasclient.Client) map[string]identity {
	w.Helper()
	machines := &infrav1.MaasMachineList{}
	if err := w.List(w.ctx, machines, client.InNamespace(w.ns), client.MatchingLabels{"md": name}); err != nil {
		w.Fatal(err)
	}
	found := map[string]identity{}
	for i := range machines.Items {
		m := &machines.Items[i]
		w.awaitProvisioned(m.Name)
		m = w.maasMachine(m.Name)
		id := strings.TrimPrefix(m.Spec.ProviderID, "maas:///")
		found[m.Spec.ProviderID] = identity{
			hostname: m.Status.Hostname, addresses: fmt.Sprint(w.wantNetwork(admin, id, fourNICs())),
			recorded: fmt.Sprint(w.host(id).Spec.Addresses), node: fmt.Sprint(m.Status.Addresses),
		}
	}
	return found
}

// TestFleetRepaves replaces all machines of a MachineDeployment at once, several times, on servers of a pool that is held, with a network that is
// described and data disks that nobody said may go. Each server comes back as what it was, and its network is paid for once.
func TestFleetRepaves(t *testing.T) {
	t.Parallel()
	const machines, repaves = 3, 3
	w, admin := networkWorld(t, machines+1, nil)
	w.changePool(held)
	w.awaitStates("all servers held", map[infrav1.HostState]int{infrav1.HostStateHeld: machines + 1})
	for _, id := range w.ids {
		w.writeData(id)
	}
	w.deployment("a", machines, withNetwork(fourNICs()))
	before := w.awaitServers("a", machines, nil)
	first := w.identities("a", admin)
	writes := w.networkWrites(w.ids...)
	for round := range repaves {
		when := fmt.Sprintf("after repave %d", round+1)
		w.deleteMachine(slices.Collect(maps.Keys(before))...)
		before = w.awaitServers("a", machines, before)
		if again := w.identities("a", admin); !maps.Equal(again, first) {
			t.Errorf("%s: want the same servers under the same names with the same addresses\n%v, got\n%v", when, first, again)
		}
		for _, id := range w.ids {
			w.expectData(when, id)
		}
	}
	if got := w.networkWrites(w.ids...) - writes; got != 0 {
		t.Errorf("want the network of a server paid for once, got %d calls in %d repaves", got, repaves)
	}
	for _, id := range w.ids {
		switch deploys := w.view(id).Deploys; {
		case deploys == 0:
			if n := w.networkWrites(id); n != 0 {
				t.Errorf("want the server that nobody used left as it was, its network took %d calls", n)
			}
		case deploys != repaves+1:
			t.Errorf("want %s installed %d times, got %d", id, repaves+1, deploys)
		default:
			if n := w.networkWrites(id); n != networkCalls {
				t.Errorf("want the network of %s made in %d calls, got %d", id, networkCalls, n)
			}
		}
	}
}
