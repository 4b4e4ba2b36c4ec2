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
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestFirstLook(t *testing.T) {
	g := NewWithT(t)
	b := newBench("c", "a", "b")
	g.Expect(b.snapshot.Synced()).To(BeFalse())
	g.Expect(b.snapshot.Absent("x")).To(BeFalse(), "unknown is not gone")
	b.step(t.Context())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 1, "list": 1}))
	g.Expect(b.snapshot.Synced()).To(BeTrue())
	g.Expect(b.snapshot.Absent("x")).To(BeTrue())
	g.Expect(b.told).To(Equal([][]string{nil}))
	g.Expect(b.difference()).To(BeEmpty())
}

func TestChangesBetweenLogAndList(t *testing.T) {
	g := NewWithT(t)
	b := newBench("a", "b")
	b.maas.change("a")
	changed := false
	b.maas.lose = func(call string) error { // after the log's end was read and before everything is listed
		if call == "events" && !changed {
			changed = true
			b.maas.bump("b")
			b.maas.commit(b.maas.take(), "b")
		}
		return nil
	}
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
	b.maas.lose = nil
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
}

func TestOnlyChangedMachinesAreFetched(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, names(1000)...)
	for range 60 {
		b.step(t.Context())
	}
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 60}))
	g.Expect(b.maas.lastEvents.After).To(Equal(b.maas.sequence-1), "the newest event shows that the log is the same")
	g.Expect(b.told).To(BeEmpty())

	b.maas.change("m00007")
	b.maas.change("m00007")
	b.step(t.Context())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 1, "get": 1}))
	g.Expect(b.told).To(Equal([][]string{{"m00007"}}))
	g.Expect(b.difference()).To(BeEmpty())
}

func TestManyChangesAreFetchedTogether(t *testing.T) {
	g := NewWithT(t)
	ids := names(1000)
	b := primed(t, ids...)
	b.maas.change(ids[:200]...)
	b.step(t.Context())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 1, "list some": 4}))
	g.Expect(b.difference()).To(BeEmpty())
}

func TestEventsOutOfOrder(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b", "c")
	for _, late := range []time.Duration{time.Second, 30 * time.Second} {
		id := b.maas.take()
		b.maas.change("b")
		b.step(t.Context())
		g.Expect(b.difference()).To(BeEmpty())
		for end := b.clock.Now().Add(late); b.clock.Now().Before(end); {
			b.step(t.Context())
		}
		b.maas.bump("a")
		b.maas.commit(id, "a")
		b.maas.count()
		for range int(sweep / time.Second) {
			b.step(t.Context())
		}
		g.Expect(b.difference()).To(BeEmpty(), "%s late", late)
		g.Expect(b.maas.count()).To(HaveKeyWithValue("get", 1))
	}
}

func TestGapsAreForgotten(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	b.maas.take()
	b.maas.change("b")
	b.step(t.Context())
	g.Expect(b.follower.cursor.gaps).To(HaveLen(1))
	b.clock.Step(gapWindow + time.Second)
	b.step(t.Context())
	g.Expect(b.follower.cursor.gaps).To(BeEmpty())
}

func TestFullPages(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	for range 2*pageSize + 500 {
		b.maas.change("a")
	}
	b.maas.change("b")
	b.step(t.Context())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 3, "get": 2}))
	g.Expect(b.difference()).To(BeEmpty())

	for range (maxPages + 1) * pageSize {
		b.maas.change("a")
	}
	b.step(t.Context())
	g.Expect(b.maas.count()).To(HaveKeyWithValue("list", 1), "more than are worth reading")
	b.step(t.Context())
	b.maas.count()
	b.step(t.Context())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 1}), "caught up")
}

func TestSequenceJump(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a")
	b.maas.sequence += 10 * maxGaps
	b.maas.change("a")
	b.step(t.Context())
	g.Expect(b.maas.count()).To(HaveKeyWithValue("list", 1))
	g.Expect(b.follower.cursor.gaps).To(BeEmpty())
}

func TestOutage(t *testing.T) {
	for _, tc := range []struct {
		name   string
		kind   maas.ErrorKind
		steps  int
		relist bool
	}{
		{"short", maas.Unavailable, 3, false},
		{"long", maas.Unavailable, 10, true},
		{"refused key", maas.Unauthorized, 2, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewWithT(t)
			b := primed(t, "a", "b")
			healthy := b.snapshot.Health()
			g.Expect(healthy.Err).NotTo(HaveOccurred())
			b.step(t.Context())
			g.Expect(b.snapshot.Health().Since).To(Equal(healthy.Since))

			b.maas.fail = func(string) error { return refusal(tc.kind) }
			down := b.clock.Now()
			wait := time.Duration(0)
			for range tc.steps {
				next := b.step(t.Context())
				g.Expect(next).To(BeNumerically(">=", wait))
				g.Expect(next).To(BeNumerically("<=", DefaultMaxBackoff))
				wait = next
			}
			h := b.snapshot.Health()
			g.Expect(maas.KindOf(h.Err)).To(Equal(tc.kind))
			g.Expect(h.Since).To(Equal(down))
			g.Expect(h.LastSuccess).To(BeTemporally("<", down))
			g.Expect(b.snapshot.Absent("x")).To(BeFalse(), "unknown is not gone")
			g.Expect(b.snapshot.Synced()).To(BeTrue())
			g.Expect(b.told).To(Equal([][]string{nil}), "told once")

			b.maas.fail = nil
			b.maas.change("a")
			b.maas.count()
			b.step(t.Context())
			g.Expect(b.snapshot.Health().Err).NotTo(HaveOccurred())
			g.Expect(b.difference()).To(BeEmpty())
			g.Expect(b.told).To(ConsistOf(nil, nil, []string{"a"}))
			want := map[string]int{"events": 1, "get": 1}
			if tc.relist {
				want["list"] = 1
			}
			g.Expect(b.maas.count()).To(Equal(want))
		})
	}
}

func TestFirstLookFails(t *testing.T) {
	g := NewWithT(t)
	b := newBench("a")
	b.maas.fail = func(call string) error {
		if call == "list" {
			return refusal(maas.Untrusted)
		}
		return nil
	}
	b.step(t.Context())
	g.Expect(b.snapshot.Synced()).To(BeFalse())
	g.Expect(maas.KindOf(b.snapshot.Health().Err)).To(Equal(maas.Untrusted))
	b.clock.Step(time.Hour)
	b.maas.fail = nil
	b.maas.count()
	b.step(t.Context())
	g.Expect(b.snapshot.Synced()).To(BeTrue())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 1, "list": 1}), "listed once")
}

func TestRestoredDatabase(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b", "c")
	state, events, seq := map[string]maas.Machine{}, len(b.maas.events), b.maas.sequence
	for id, m := range b.maas.machines {
		state[id] = m
	}
	b.maas.change("a", "b")
	delete(b.maas.machines, "c") // without an event
	b.maas.change("d")
	b.step(t.Context())
	b.maas.count()

	b.maas.machines, b.maas.events, b.maas.sequence = state, b.maas.events[:events], seq
	b.step(t.Context())
	g.Expect(b.maas.count()).To(HaveKeyWithValue("list", 1))
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())

	// The log has grown past the place before the next look: the same id is another event.
	b.maas.change("a", "b", "a", "b")
	b.step(t.Context())
	b.maas.events = b.maas.events[:events]
	b.maas.sequence = seq
	b.maas.bump("c")
	b.maas.change("b", "a", "b", "a", "b", "a")
	b.maas.count()
	b.step(t.Context())
	g.Expect(b.maas.count()).To(HaveKeyWithValue("list", 1))
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
}

func TestEmptiedLog(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	b.maas.events = nil
	b.step(t.Context())
	g.Expect(b.maas.count()).To(HaveKeyWithValue("list", 1))
	b.maas.change("a")
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 1, "get": 1}))
}

// TestHiddenEvents is what an ordinary key sees when another user takes a machine: its events vanish, and a read is
// refused.
func TestHiddenEvents(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	b.maas.change("a", "b", "b")
	b.step(t.Context())
	b.maas.count()

	b.maas.events = b.maas.events[:len(b.maas.events)-2]
	delete(b.maas.machines, "b")
	b.step(t.Context())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 2, "get": 1}), "no list")
	g.Expect(b.difference()).To(BeEmpty())
	b.step(t.Context())
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 1}))

	b.maas.change("a")
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
}

func TestRelist(t *testing.T) {
	t.Run("finds what no event tells of", func(t *testing.T) {
		g := NewWithT(t)
		b := primed(t, "a", "b", "c")
		m := b.maas.machines["b"]
		m.Zone = "zone-2"
		b.maas.machines["b"] = m
		delete(b.maas.machines, "c")
		b.step(t.Context())
		g.Expect(b.difference()).NotTo(BeEmpty())
		b.clock.Step(DefaultRelistInterval)
		b.step(t.Context())
		g.Expect(b.difference()).To(BeEmpty())
		g.Expect(b.told).To(Equal([][]string{{"b", "c"}}))
		g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 2, "list": 1}))
	})
	t.Run("waits for quiet, but not for ever", func(t *testing.T) {
		g := NewWithT(t)
		b := primed(t, "a", "b")
		start := b.clock.Now()
		for b.maas.calls["list"] == 0 {
			b.maas.change("a")
			b.step(t.Context())
		}
		g.Expect(b.clock.Since(start)).To(BeNumerically("~", 2*DefaultRelistInterval, 10*time.Second))
	})
	t.Run("is tried again", func(t *testing.T) {
		g := NewWithT(t)
		b := primed(t, "a", "b")
		b.maas.fail = func(call string) error {
			if call == "list" {
				return refusal(maas.Unavailable)
			}
			return nil
		}
		b.clock.Step(DefaultRelistInterval)
		b.step(t.Context())
		b.step(t.Context())
		g.Expect(b.maas.count()).To(HaveKeyWithValue("list", 1))
		b.clock.Step(DefaultMaxBackoff)
		b.step(t.Context())
		g.Expect(b.maas.count()).To(HaveKeyWithValue("list", 1))
	})
}

func TestMachinesComeAndGo(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	b.maas.change("new")
	b.maas.remove("a")
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
	g.Expect(b.snapshot.Absent("a")).To(BeTrue())
	g.Expect(b.told).To(ConsistOf([]string{"a"}, []string{"new"}))
}

func TestEventsOfWhatIsNoMachine(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a")
	for range 5 {
		b.maas.mu.Lock()
		b.maas.commit(b.maas.take(), "rack-1")
		b.maas.commit(b.maas.take(), "")
		b.maas.mu.Unlock()
		b.step(t.Context())
	}
	g.Expect(b.maas.count()).To(Equal(map[string]int{"events": 5, "get": 1}))
	g.Expect(b.told).To(BeEmpty())
	// It becomes one.
	b.clock.Step(ignoreFor)
	b.maas.change("rack-1")
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
}

func TestOneMachineThatCannotBeRead(t *testing.T) {
	g := NewWithT(t)
	ids := names(100)
	b := primed(t, ids...)
	b.maas.fail = func(call string) error {
		if call == "list some" || call == "get" && b.maas.calls["get"] == 1 {
			return refusal(maas.Unavailable)
		}
		return nil
	}
	b.maas.change(ids...)
	b.step(t.Context())
	g.Expect(b.difference()).NotTo(BeEmpty())
	g.Expect(b.snapshot.Health().Err).NotTo(HaveOccurred(), "MAAS answers")
	b.maas.count()
	for range 6 {
		b.step(t.Context())
	}
	g.Expect(b.difference()).To(BeEmpty())
	g.Expect(b.follower.retries).To(BeEmpty())
}
