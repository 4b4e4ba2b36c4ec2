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

package inventory

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// world makes things happen in a random order: changes in MAAS with events that commit out of order, writes of our own
// whose answers may be lost, reads and lists that are answered at one time and arrive at another, outages, and the
// follower's looks.
type world struct {
	*bench
	t    *testing.T
	rand *rand.Rand
	ids  []string
	// newest is the highest version of each machine that the snapshot has shown.
	newest map[string]int
	// later are answers under way and transactions that have not committed.
	later []func()
}

func (w *world) id() string { return w.ids[w.rand.IntN(len(w.ids))] }

func (w *world) act() string {
	switch n := w.rand.IntN(20); {
	case n < 3:
		id := w.id()
		w.maas.change(id)
		return "change " + id
	case n < 5:
		return w.lateCommit()
	case n < 6:
		id := w.id()
		w.maas.remove(id)
		return "remove " + id
	case n < 9:
		return w.write()
	case n < 11:
		return w.lateRead()
	case n < 12:
		return w.lateList()
	case n < 15:
		if len(w.later) == 0 {
			return "nothing"
		}
		i := w.rand.IntN(len(w.later))
		w.later[i]()
		w.later = append(w.later[:i], w.later[i+1:]...)
		return "something late"
	case n < 16:
		if w.maas.fail = nil; w.rand.IntN(2) == 0 {
			w.maas.fail = func(string) error { return refusal(maas.Unavailable) }
		}
		return "outage or its end"
	}
	w.step(w.t.Context())
	return "look"
}

// lateCommit takes an event id now and commits change and event later.
func (w *world) lateCommit() string {
	id := w.id()
	w.maas.mu.Lock()
	event := w.maas.take()
	w.maas.mu.Unlock()
	begun := w.clock.Now()
	w.later = append(w.later, func() {
		if w.clock.Since(begun) > gapWindow { // no transaction takes as long: it was rolled back
			return
		}
		w.maas.mu.Lock()
		defer w.maas.mu.Unlock()
		w.maas.bump(id)
		w.maas.commit(event, id)
	})
	return fmt.Sprintf("begin event %d of %s", event, id)
}

func (w *world) write() string {
	id := w.id()
	if w.rand.IntN(3) == 0 {
		w.maas.lose = func(string) error { return refusal(maas.Unavailable) }
	}
	_, err := w.session.Annotate(w.t.Context(), id, nil)
	w.maas.lose = nil
	return fmt.Sprintf("write %s: %v", id, err)
}

// lateRead is answered somewhere between now and when it arrives.
func (w *world) lateRead() string {
	id := w.id()
	o := w.snapshot.begin()
	read := func() func() {
		w.maas.mu.Lock()
		defer w.maas.mu.Unlock()
		m, ok := w.maas.machines[id]
		if !ok {
			return func() { w.snapshot.sawGone(o, id) }
		}
		return func() { w.snapshot.sawRead(o, m) }
	}
	if w.rand.IntN(2) == 0 {
		w.later = append(w.later, read())
	} else {
		w.later = append(w.later, func() { read()() })
	}
	return "read " + id
}

// lateList sees each machine at another time.
func (w *world) lateList() string {
	o := w.snapshot.begin()
	var first, second []maas.Machine
	w.maas.mu.Lock()
	for i, m := range w.maas.list(nil) {
		if i%2 == 0 {
			first = append(first, m)
		}
	}
	w.maas.mu.Unlock()
	w.later = append(w.later, func() {
		taken := map[string]bool{}
		for _, m := range first {
			taken[m.SystemID] = true
		}
		w.maas.mu.Lock()
		for _, m := range w.maas.list(nil) {
			if !taken[m.SystemID] {
				second = append(second, m)
			}
		}
		w.maas.mu.Unlock()
		w.snapshot.sawAll(o, append(first, second...))
	})
	return "list"
}

func (w *world) check(seed uint64, n int, what string) {
	for _, id := range w.ids {
		v := w.seen(id)
		if v == 0 {
			continue
		}
		if v < w.newest[id] {
			w.t.Fatalf("seed %d, act %d (%s): %s went back from %d to %d", seed, n, what, id, w.newest[id], v)
		}
		w.newest[id] = v
	}
}

func runWorld(t *testing.T, seed uint64) {
	w := &world{
		bench: newBench("a", "b", "c"), t: t, rand: rand.New(rand.NewPCG(seed, 1)),
		ids: []string{"a", "b", "c", "d", "e", "f"}, newest: map[string]int{},
	}
	for n := range 200 {
		w.check(seed, n, w.act())
		if w.rand.IntN(10) == 0 {
			w.clock.Step(time.Duration(w.rand.IntN(15)) * time.Second)
		}
	}
	w.maas.fail = nil
	for _, f := range w.later {
		f()
		w.check(seed, -1, "something late")
	}
	for n := range 90 { // beyond every back-off, sweep and delay, and well before a list that is due by time
		w.step(t.Context())
		w.check(seed, n, "look at rest")
	}
	if d := w.difference(); d != "" {
		t.Fatalf("seed %d: %s", seed, d)
	}
}

// TestAnyOrder holds two things to be true whatever happens in whatever order: a record never goes back to an older
// version than it has shown, and when things have come to rest the snapshot is what MAAS is.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(200) {
		runWorld(t, seed)
	}
}

func FuzzAnyOrder(f *testing.F) {
	for _, seed := range []uint64{1, 519, 598} { // the latter once failed
		f.Add(seed)
	}
	f.Fuzz(runWorld)
}
