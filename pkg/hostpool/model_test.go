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

package hostpool_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// The model is a rack, an API server and everybody who works on them. Every actor decides from what it has read, with the functions that
// the controllers decide with, and acts later: in between anybody else may act, and the actor may die. The API server takes a write only to the
// version that was read; MAAS serialises its calls and asks for no version.

const (
	ns     = "ns"
	user   = "capi"
	expiry = 100 * time.Second
)

var pool = ns + "/pool"

type server struct {
	maas.Machine
	agent string
	// installedFor is the machine whose installation is on the disks and may run.
	installedFor string
}

type machine struct {
	name, cluster string
	owner         infrav1.HostReservationOwner
	zone          string
	deleting      bool
	provisioned   bool
}

type owner struct {
	cluster  string
	ref      infrav1.HostReservationOwner
	wanted   int
	zone     string
	deleting bool
}

type rack struct {
	*testing.T
	rng      *rand.Rand
	now      time.Time
	servers  map[string]*server
	seen     map[string]maas.Machine
	leases   map[string]*infrav1.MaasHost
	machines map[string]*machine
	owners   []*owner
	holds    bool
	version  int
	names    int
	log      []string
	// pending are acts that were decided and not carried out yet, by actor: no actor works twice at a time.
	pending map[string]func()
	calm    bool
}

func newRack(t *testing.T, seed uint64) *rack {
	t.Helper()
	w := &rack{T: t, rng: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1_000_000, 0), servers: map[string]*server{}, seen: map[string]maas.Machine{},
		leases: map[string]*infrav1.MaasHost{}, machines: map[string]*machine{}, pending: map[string]func(){}}
	w.holds = w.rng.IntN(3) > 0
	for i := range 2 + w.rng.IntN(4) {
		id := fmt.Sprintf("h%d", i)
		w.servers[id] = &server{Machine: maas.Machine{SystemID: id, Hostname: id, Zone: fmt.Sprintf("z%d", i%2), Status: maas.StatusReady}}
	}
	for i, cluster := range []string{"c1", "c1", "c2"} {
		o := &owner{cluster: cluster, ref: infrav1.HostReservationOwner{Kind: "MachineDeployment", Name: fmt.Sprintf("md%d", i)}, wanted: w.rng.IntN(3)}
		if w.rng.IntN(3) == 0 {
			o.zone = "z0"
		}
		w.owners = append(w.owners, o)
	}
	w.follow()
	return w
}

func (w *rack) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *rack) violated(format string, args ...any) {
	w.Helper()
	w.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(w.log[max(0, len(w.log)-60):], "\n"))
}

// write stores an object if nobody wrote it since it was read; nil deletes it.
func (w *rack) write(id string, read, changed *infrav1.MaasHost) bool {
	current := w.leases[id]
	if (current == nil) != (read == nil) || (read != nil && current.ResourceVersion != read.ResourceVersion) {
		return false
	}
	w.version++
	if changed == nil {
		delete(w.leases, id)
		return true
	}
	changed.ResourceVersion = fmt.Sprint(w.version)
	w.leases[id] = changed
	return true
}

func (w *rack) list() []infrav1.MaasHost {
	var out []infrav1.MaasHost
	for _, id := range slices.Sorted(maps.Keys(w.leases)) {
		out = append(out, *w.leases[id].DeepCopy())
	}
	return out
}

// follow brings the shared look at MAAS up to date.
func (w *rack) follow() {
	for id, s := range w.servers {
		m := s.Machine
		m.Annotations = maps.Clone(s.Annotations)
		w.seen[id] = m
	}
}

func (w *rack) snapshot() []*maas.Machine {
	var out []*maas.Machine
	for _, id := range slices.Sorted(maps.Keys(w.seen)) {
		m := w.seen[id]
		if m.Owner == "eve" {
			continue
		}
		out = append(out, &m)
	}
	return out
}

func (w *rack) leaseOf(name string) *infrav1.MaasHost {
	var found *infrav1.MaasHost
	for _, id := range slices.Sorted(maps.Keys(w.leases)) {
		if w.leases[id].Spec.ConsumerRef.Name == name {
			if found != nil {
				w.violated("machine %s holds %s and %s", name, found.Name, id)
			}
			found = w.leases[id].DeepCopy()
		}
	}
	return found
}

func (w *rack) ownerOf(cluster string, ref infrav1.HostReservationOwner) *owner {
	for _, o := range w.owners {
		if o.cluster == cluster && o.ref == ref {
			return o
		}
	}
	return nil
}

func (w *rack) demand(cluster string, ref infrav1.HostReservationOwner) hostpool.Demand {
	o := w.ownerOf(cluster, ref)
	if o == nil || o.deleting {
		return hostpool.Demand{}
	}
	d := hostpool.Demand{Wanted: o.wanted}
	for _, name := range slices.Sorted(maps.Keys(w.machines)) {
		m := w.machines[name]
		lease := w.leaseOf(name)
		if m.owner == ref && m.cluster == cluster && !m.deleting && lease != nil && lease.DeletionTimestamp.IsZero() && lease.Spec.Vacate.Purpose != infrav1.VacateFree {
			d.Served = append(d.Served, name)
		}
	}
	return d
}

func (w *rack) name(prefix string) string { w.names++; return fmt.Sprintf("%s%d", prefix, w.names) }
