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
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// actors are all that decide and act later, by name.
func (w *rack) actors() []string {
	out := []string{"pool"}
	for name := range w.machines {
		out = append(out, "m/"+name)
	}
	for id := range w.leases {
		out = append(out, "h/"+id)
	}
	slices.Sort(out)
	return out
}

func (w *rack) decide(actor string) func() {
	kind, name, _ := strings.Cut(actor, "/")
	switch kind {
	case "m":
		return w.machineController(name)
	case "h":
		return w.hostController(name)
	}
	return w.poolController()
}

// disturb does what people, MAAS and time do.
func (w *rack) disturb() {
	id := w.pick(slices.Sorted(maps.Keys(w.servers)))
	s := w.servers[id]
	switch w.rng.IntN(12) {
	case 0, 1, 2:
		w.proceed(s)
	case 3:
		if s.Status == maas.StatusReady && s.Owner == "" {
			s.Status, s.Owner = maas.StatusAllocated, "eve"
			w.note("eve takes %s", id)
		}
	case 4:
		if s.Owner == "eve" {
			s.Status, s.Owner = maas.StatusReady, ""
		}
	case 5:
		if s.Owner == user && w.rng.IntN(10) == 0 {
			w.note("%s is released by hand", id)
			w.free(s)
		}
	case 6:
		if len(w.machines) > 0 {
			w.machines[w.pick(slices.Sorted(maps.Keys(w.machines)))].deleting = true
		}
	case 7:
		o := w.owners[w.rng.IntN(len(w.owners))]
		o.wanted = w.rng.IntN(4)
		o.deleting = o.deleting || w.rng.IntN(40) == 0
	case 8:
		w.now = w.now.Add(time.Duration(w.rng.IntN(60)) * time.Second)
	case 9:
		w.holds = w.holds != (w.rng.IntN(20) == 0)
	default:
		w.follow()
	}
}

func (w *rack) pick(of []string) string { return of[w.rng.IntN(len(of))] }

// proceed ends what MAAS is about.
func (w *rack) proceed(s *server) {
	switch s.Status {
	case maas.StatusDeploying:
		s.Status, s.Power = maas.StatusDeployed, maas.PowerOn
		if !w.calm && w.rng.IntN(4) == 0 {
			s.Status = maas.StatusFailedDeployment
		}
	case maas.StatusReleasing:
		s.Status, s.Owner, s.Power = maas.StatusReady, "", maas.PowerOff
	}
}

// step lets one of them take one step.
func (w *rack) step() {
	switch w.rng.IntN(10) {
	case 0:
		w.disturb()
	case 1:
		w.ownerController(w.owners[w.rng.IntN(len(w.owners))])
	case 2:
		// The process dies: what was decided is not carried out.
		if w.rng.IntN(4) == 0 {
			clear(w.pending)
		}
	default:
		actor := w.pick(w.actors())
		if commit, ok := w.pending[actor]; ok {
			delete(w.pending, actor)
			commit()
		} else if commit := w.decide(actor); commit != nil {
			w.pending[actor] = commit
		}
	}
	for name := range w.machines {
		w.leaseOf(name)
	}
}

// settle lets everybody work in turn, with nobody in between, until nothing changes: for a while where time stands still, and for as long as
// a reservation lasts otherwise.
func (w *rack) settle(pace time.Duration) {
	clear(w.pending)
	w.calm = true
	quiet, before := 0, ""
	for range 200 {
		if now := w.fingerprint(); now == before {
			quiet++
		} else {
			quiet, before = 0, now
		}
		if quiet > 5 && pace == 0 || quiet > int(expiry/(5*time.Second))+2 {
			return
		}
		w.now = w.now.Add(pace)
		for _, o := range w.owners {
			w.ownerController(o)
		}
		for _, id := range slices.Sorted(maps.Keys(w.servers)) {
			w.proceed(w.servers[id])
		}
		w.follow()
		for _, actor := range w.actors() {
			if kind, name, _ := strings.Cut(actor, "/"); (kind == "m" && w.machines[name] == nil) || (kind == "h" && w.leases[name] == nil) {
				continue
			}
			if commit := w.decide(actor); commit != nil {
				commit()
			}
			w.follow()
		}
	}
}
