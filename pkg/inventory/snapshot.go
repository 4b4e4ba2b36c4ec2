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
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Record is a machine as it was last seen.
type Record struct {
	// Machine is shared by all readers: treat it as read-only.
	Machine *maas.Machine
	// AsOf is how fresh the record is: whatever happened in MAAS before, our own writes included, is in it.
	AsOf time.Time
}

// Health tells how the connection to MAAS is.
type Health struct {
	// Err is why MAAS could not be followed at the last attempt, usually a *maas.Error; nil when all is well, or when
	// there was no attempt yet.
	Err error
	// Since is when the present state, well or failing in this way, began.
	Since time.Time
	// LastSuccess is when MAAS last answered; zero when it never did.
	LastSuccess time.Time
}

// Snapshot is what is known of the machines of one MAAS. It is safe for concurrent use.
//
// A read and a write may overlap, and answers may arrive in another order than they were made. So observations are
// numbered: each takes a ticket when its request starts and another when its answer arrives, and it replaces a record
// only when it started after the recorded one had ended. An observation that is turned away says nothing for certain
// about which is newer; its machine is marked to be fetched again.
type Snapshot struct {
	clock clock.PassiveClock
	// changed is told the ids of records that changed, without the lock held; wake has room for one signal that
	// there are machines to fetch.
	changed func(systemIDs []string)
	wake    chan struct{}

	mu      sync.RWMutex
	tickets uint64
	records map[string]*entry
	// removed holds when machines were seen to be gone, so that a late answer does not bring them back.
	removed map[string]tombstone
	sorted  []*maas.Machine
	stale   bool
	synced  bool
	health  Health
	dirty   map[string]struct{}
}

type entry struct {
	machine *maas.Machine
	asOf    time.Time
	ended   uint64
}

type tombstone struct {
	at    time.Time
	ended uint64
}

// observation is a request under way.
type observation struct {
	ticket  uint64
	started time.Time
}

// tombstoneAge is beyond the duration of any request. Answers that take longer are turned away.
const tombstoneAge = 10 * time.Minute

func newSnapshot(clk clock.PassiveClock, changed func([]string)) *Snapshot {
	return &Snapshot{
		clock:   clk,
		changed: changed,
		wake:    make(chan struct{}, 1),
		records: map[string]*entry{},
		removed: map[string]tombstone{},
		dirty:   map[string]struct{}{},
		health:  Health{Since: clk.Now()},
	}
}

// Get gives what is known of a machine. False means that MAAS has no such machine, or none that the key may see, only if
// Synced; see Absent.
func (s *Snapshot) Get(systemID string) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.records[systemID]
	if !ok {
		return Record{}, false
	}
	return Record{Machine: e.machine, AsOf: e.asOf}, true
}

// Absent tells whether MAAS has no such machine that the key may see, as far as is known: everything was listed, the
// machine was not there, and MAAS answers. While it does not answer nothing is absent.
func (s *Snapshot) Absent(systemID string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, known := s.records[systemID]
	return !known && s.synced && s.health.Err == nil
}

// List gives all machines by zone, hostname and system id. The slice and the machines are shared by all callers: treat
// them as read-only.
func (s *Snapshot) List() []*maas.Machine {
	s.mu.RLock()
	sorted, stale := s.sorted, s.stale
	s.mu.RUnlock()
	if !stale {
		return sorted
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stale {
		s.sort()
	}
	return s.sorted
}

// Synced tells whether all machines have been listed at least once.
func (s *Snapshot) Synced() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.synced
}

// Health tells how the connection to MAAS is.
func (s *Snapshot) Health() Health {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.health
}

// sort makes a new sorted slice, for readers may still hold the last one.
func (s *Snapshot) sort() {
	sorted := make([]*maas.Machine, 0, len(s.records))
	for _, e := range s.records {
		sorted = append(sorted, e.machine)
	}
	slices.SortFunc(sorted, func(a, b *maas.Machine) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Hostname, b.Hostname), cmp.Compare(a.SystemID, b.SystemID))
	})
	s.sorted, s.stale = sorted, false
}

// begin notes that a request starts.
func (s *Snapshot) begin() observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return observation{ticket: s.next(), started: s.clock.Now()}
}

func (s *Snapshot) next() uint64 {
	s.tickets++
	return s.tickets
}

// sawRead takes in machines that were read.
func (s *Snapshot) sawRead(o observation, machines ...maas.Machine) {
	s.update(func(u *update) {
		for i := range machines {
			u.put(o, &machines[i], o.started)
		}
	})
}

// sawWrite takes in a machine as a write of ours left it. The answer holds the write, so the record is as fresh as
// the answer is.
func (s *Snapshot) sawWrite(o observation, machine *maas.Machine) {
	s.update(func(u *update) { u.put(o, machine, u.now) })
}

// sawGone takes in that machines are no longer there.
func (s *Snapshot) sawGone(o observation, systemIDs ...string) {
	s.update(func(u *update) {
		for _, id := range systemIDs {
			u.remove(o, id)
		}
	})
}

// sawSome takes in the answer to a request for these ids: the ones that are missing from it are gone.
func (s *Snapshot) sawSome(o observation, asked []string, machines []maas.Machine) {
	s.update(func(u *update) {
		found := make(map[string]struct{}, len(machines))
		for i := range machines {
			found[machines[i].SystemID] = struct{}{}
			u.put(o, &machines[i], o.started)
		}
		for _, id := range asked {
			if _, ok := found[id]; !ok {
				u.remove(o, id)
			}
		}
	})
}

// sawAll takes in a list of everything.
func (s *Snapshot) sawAll(o observation, machines []maas.Machine) {
	s.update(func(u *update) {
		found := make(map[string]struct{}, len(machines))
		for i := range machines {
			found[machines[i].SystemID] = struct{}{}
			u.put(o, &machines[i], o.started)
		}
		for _, id := range slices.Sorted(maps.Keys(s.records)) {
			if _, ok := found[id]; !ok {
				u.remove(o, id)
			}
		}
		for id, t := range s.removed {
			if u.now.Sub(t.at) > tombstoneAge {
				delete(s.removed, id)
			}
		}
		u.everything = u.everything || !s.synced
		s.synced = true
	})
}

// update is a change of the snapshot, made with the lock held.
type update struct {
	*Snapshot
	ended   uint64
	now     time.Time
	changes []string
	// everything is set when readers have to look at all machines anew.
	everything bool
}

// update runs f with the lock held and then tells who listens what changed.
func (s *Snapshot) update(f func(*update)) {
	s.mu.Lock()
	u := &update{Snapshot: s, ended: s.next(), now: s.clock.Now()}
	f(u)
	if len(u.changes) > 0 {
		s.stale = true
	}
	s.mu.Unlock()
	if u.everything {
		s.notify(nil)
	} else if len(u.changes) > 0 {
		s.notify(u.changes)
	}
}

func (s *Snapshot) notify(ids []string) {
	if s.changed != nil {
		s.changed(ids)
	}
}

// put records a machine unless a later observation is recorded.
func (u *update) put(o observation, m *maas.Machine, asOf time.Time) {
	id := m.SystemID
	e := u.records[id]
	switch {
	case e != nil && o.ticket < e.ended, o.ticket < u.removed[id].ended,
		u.now.Sub(o.started) > tombstoneAge: // its tombstone may have been forgotten
		u.markDirty(id)
		return
	case e == nil:
		e = &entry{}
		u.records[id] = e
		delete(u.removed, id)
	}
	e.asOf, e.ended = asOf, u.ended
	if e.machine == nil || !equal(e.machine, m) {
		e.machine = keep(m)
		u.changes = append(u.changes, id)
	}
}

// remove drops a machine unless a later observation is recorded.
func (u *update) remove(o observation, id string) {
	e, ok := u.records[id]
	if ok && o.ticket < e.ended {
		u.markDirty(id)
		return
	}
	u.removed[id] = tombstone{at: u.now, ended: u.ended}
	if ok {
		delete(u.records, id)
		u.changes = append(u.changes, id)
	}
}

// markDirty notes that a machine has to be fetched. The lock is held.
func (s *Snapshot) markDirty(id string) {
	s.dirty[id] = struct{}{}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// refetch asks for machines to be fetched.
func (s *Snapshot) refetch(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.markDirty(id)
	}
}

// takeDirty gives, in order, the machines that have to be fetched, and forgets them.
func (s *Snapshot) takeDirty() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dirty) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(s.dirty))
	clear(s.dirty)
	return ids
}

// knows tells whether there is a record of the machine.
func (s *Snapshot) knows(id string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.records[id]
	return ok
}

// setHealth notes how the last attempt to follow MAAS went, and tells who listens when that is news.
func (s *Snapshot) setHealth(err error) {
	s.mu.Lock()
	now := s.clock.Now()
	was := s.health
	news := (err == nil) != (was.Err == nil) || maas.KindOf(err) != maas.KindOf(was.Err)
	s.health.Err = err
	if err == nil {
		s.health.LastSuccess = now
	}
	if news || (err == nil && was.LastSuccess.IsZero()) {
		s.health.Since = now
	}
	s.mu.Unlock()
	if news {
		s.notify(nil)
	}
}
