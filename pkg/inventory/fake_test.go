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
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// fakeMAAS is a MAAS of machines with version numbers: each change of a machine counts its StatusMessage up.
type fakeMAAS struct {
	maas.Client // for what the inventory never calls

	mu       sync.Mutex
	machines map[string]maas.Machine
	version  int
	events   []maas.Event // ascending
	sequence int64
	now      func() time.Time

	// fail, when set, decides on each call before it is carried out, lose after it.
	fail, lose func(call string) error
	calls      map[string]int
	lastEvents maas.EventQuery
}

func newFake(now func() time.Time, ids ...string) *fakeMAAS {
	f := &fakeMAAS{machines: map[string]maas.Machine{}, calls: map[string]int{}, now: now}
	for _, id := range ids {
		f.version++
		f.machines[id] = maas.Machine{SystemID: id, Hostname: "host-" + id, Zone: "default", StatusMessage: strconv.Itoa(f.version)}
	}
	return f
}

// take gives the next id of the sequence.
func (f *fakeMAAS) take() int64 {
	f.sequence++
	return f.sequence
}

// commit writes an event.
func (f *fakeMAAS) commit(eventID int64, systemID string) {
	f.events = append(f.events, maas.Event{ID: eventID, SystemID: systemID, Type: "Node changed status", Created: f.now()})
	if n := len(f.events); n > 1 && f.events[n-2].ID > eventID {
		slices.SortFunc(f.events, func(a, b maas.Event) int { return cmp.Compare(a.ID, b.ID) })
	}
}

// bump changes a machine without an event.
func (f *fakeMAAS) bump(systemID string) maas.Machine {
	f.version++
	m, ok := f.machines[systemID]
	if !ok {
		m = maas.Machine{SystemID: systemID, Hostname: "host-" + systemID, Zone: "default"}
	}
	m.StatusMessage = strconv.Itoa(f.version)
	f.machines[systemID] = m
	return m
}

// change changes machines, each with an event.
func (f *fakeMAAS) change(systemIDs ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range systemIDs {
		f.bump(id)
		f.commit(f.take(), id)
	}
}

func (f *fakeMAAS) remove(systemID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.machines, systemID)
	f.commit(f.take(), systemID)
}

// count gives the calls since the last count.
func (f *fakeMAAS) count() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.calls
	f.calls = map[string]int{}
	return c
}

func (f *fakeMAAS) call(name string, act func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[name]++
	if f.fail != nil {
		if err := f.fail(name); err != nil {
			return err
		}
	}
	if err := act(); err != nil {
		return err
	}
	if f.lose != nil {
		return f.lose(name)
	}
	return nil
}

func refusal(kind maas.ErrorKind) error {
	return &maas.Error{Kind: kind, Op: "fake", Message: string(kind)}
}

func (f *fakeMAAS) GetMachine(_ context.Context, id string) (m *maas.Machine, err error) {
	err = f.call("get", func() error {
		found, ok := f.machines[id]
		if !ok {
			return refusal(maas.NotFound)
		}
		m = &found
		return nil
	})
	return m, err
}

func (f *fakeMAAS) ListMachines(_ context.Context, filter maas.Filter) (list []maas.Machine, err error) {
	name := "list"
	if len(filter.SystemIDs) > 0 {
		name = "list some"
	}
	err = f.call(name, func() error {
		list = f.list(filter.SystemIDs)
		return nil
	})
	return list, err
}

func (f *fakeMAAS) list(ids []string) []maas.Machine {
	list := []maas.Machine{}
	for _, id := range slices.Sorted(maps.Keys(f.machines)) {
		if len(ids) == 0 || slices.Contains(ids, id) {
			list = append(list, f.machines[id])
		}
	}
	return list
}

func (f *fakeMAAS) Annotate(_ context.Context, id string, _ map[string]string) (m *maas.Machine, err error) {
	err = f.call("annotate", func() error {
		if _, ok := f.machines[id]; !ok {
			return refusal(maas.NotFound)
		}
		changed := f.bump(id)
		f.commit(f.take(), id)
		m = &changed
		return nil
	})
	return m, err
}

// ListEvents gives what MAAS gives: with After the oldest of the later events, newest first.
func (f *fakeMAAS) ListEvents(_ context.Context, q maas.EventQuery) (out []maas.Event, err error) {
	err = f.call("events", func() error {
		f.lastEvents = q
		lo, _ := slices.BinarySearchFunc(f.events, q.After+1, func(e maas.Event, id int64) int { return cmp.Compare(e.ID, id) })
		if q.After > 0 {
			out = slices.Clone(f.events[lo:min(lo+q.Limit, len(f.events))])
		} else {
			out = slices.Clone(f.events[max(0, len(f.events)-q.Limit):])
		}
		slices.Reverse(out)
		return nil
	})
	return out, err
}

// bench drives a follower step by step, without a goroutine and with the time in hand.
type bench struct {
	maas     *fakeMAAS
	clock    *clocktesting.FakeClock
	session  *Session
	snapshot *Snapshot
	follower *Follower
	told     [][]string
}

func newBench(ids ...string) *bench {
	b := &bench{clock: clocktesting.NewFakeClock(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))}
	b.maas = newFake(b.clock.Now, ids...)
	var mu sync.Mutex // the follower fetches with several goroutines
	b.session = newSession("test", b.maas, b.clock, func(ids []string) {
		mu.Lock()
		defer mu.Unlock()
		b.told = append(b.told, ids)
	})
	b.snapshot = b.session.snapshot
	b.follower = NewFollower(b.session, b.clock, logr.Discard(), FollowerOptions{Random: func() float64 { return 0 }})
	return b
}

// step looks once, waits for a list that was begun with it, and moves the time to the next look.
func (b *bench) step(ctx context.Context) time.Duration {
	wait := b.follower.step(ctx)
	if b.follower.listing {
		b.follower.endList(ctx, <-b.follower.listed)
	}
	b.clock.Step(wait)
	return wait
}

// primed is a bench whose snapshot is synced.
func primed(t testing.TB, ids ...string) *bench {
	t.Helper()
	b := newBench(ids...)
	b.maas.change(ids...)
	b.step(t.Context())
	if !b.snapshot.Synced() {
		t.Fatal("not synced:", b.snapshot.Health().Err)
	}
	b.told = nil
	b.maas.count()
	return b
}

// seen is the version of a machine in the snapshot, 0 when there is none.
func (b *bench) seen(id string) int {
	r, ok := b.snapshot.Get(id)
	if !ok {
		return 0
	}
	v, _ := strconv.Atoi(r.Machine.StatusMessage)
	return v
}

// difference tells how the snapshot differs from MAAS, "" when it does not.
func (b *bench) difference() string {
	b.maas.mu.Lock()
	want := b.maas.list(nil)
	b.maas.mu.Unlock()
	got := b.snapshot.List()
	if len(got) != len(want) {
		return fmt.Sprintf("%d machines instead of %d", len(got), len(want))
	}
	for i := range want {
		if !equal(got[i], &want[i]) {
			return fmt.Sprintf("%+v instead of %+v", *got[i], want[i])
		}
	}
	return ""
}

func names(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("m%05d", i)
	}
	return ids
}
