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
	"slices"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Ids of events come from a sequence, and a transaction that took its id earlier may commit later. So an id that was
// skipped is looked for again: at every poll while it is young, then now and then, until it must have been rolled back
// or belongs to an event that we may not see.
const (
	youngGap = 5 * time.Second
	sweep    = 5 * time.Second
	// maxGaps bounds the memory of skipped ids; a sequence that jumps further has been reset by hand.
	maxGaps = 2000
	// remembered is how many events are kept to tell a restored database from events that became invisible.
	remembered = 64
)

// cursor is a place in the event log.
type cursor struct {
	window time.Duration
	// newest is the event with the highest id so far. It is asked for again with each poll: if it is no longer there,
	// the log is not the one that was read before.
	newest maas.Event
	recent []maas.Event
	// gaps are the skipped ids, ascending.
	gaps      []gap
	nextSweep time.Time
	// overflow is set when gaps had to be forgotten.
	overflow bool
}

type gap struct {
	id    int64
	since time.Time
}

// after is the id beyond which to read at this time.
func (c *cursor) after(now time.Time) int64 {
	from := c.newest.ID
	sweeping := !now.Before(c.nextSweep)
	if sweeping {
		c.nextSweep = now.Add(sweep)
	}
	for _, g := range c.gaps {
		if sweeping || now.Sub(g.since) < youngGap {
			from = min(from, g.id)
			break
		}
	}
	return max(from-1, 0)
}

// absorb takes in events, oldest last, and gives the ids of the machines they tell of. Events seen before are passed
// over.
func (c *cursor) absorb(events []maas.Event, now time.Time) []string {
	var ids []string
	for _, e := range slices.Backward(events) {
		if e.ID > c.newest.ID {
			c.skip(c.newest.ID, e.ID, now)
			c.newest = e
		} else if !c.fill(e.ID) {
			continue
		}
		c.recent = append(c.recent, e)
		if e.SystemID != "" && !slices.Contains(ids, e.SystemID) {
			ids = append(ids, e.SystemID)
		}
	}
	c.gaps = slices.DeleteFunc(c.gaps, func(g gap) bool { return now.Sub(g.since) > c.window })
	if n := len(c.recent) - remembered; n > 0 {
		c.recent = slices.Delete(c.recent, 0, n)
	}
	return ids
}

// skip notes the ids between two events.
func (c *cursor) skip(from, to int64, now time.Time) {
	if from == 0 { // the first event ever read
		return
	}
	if missing := to - from - 1; missing+int64(len(c.gaps)) > maxGaps {
		c.gaps, c.overflow = nil, true
		return
	}
	for id := from + 1; id < to; id++ {
		c.gaps = append(c.gaps, gap{id: id, since: now})
	}
}

// fill closes the gap at an id and tells whether there was one.
func (c *cursor) fill(id int64) bool {
	i, ok := slices.BinarySearchFunc(c.gaps, id, func(g gap, id int64) int { return int(g.id - id) })
	if ok {
		c.gaps = slices.Delete(c.gaps, i, i+1)
	}
	return ok
}

// holds tells whether events include the newest one as it was read.
func (c *cursor) holds(events []maas.Event) bool {
	return c.newest.ID == 0 || slices.ContainsFunc(events, func(e maas.Event) bool {
		return e.ID == c.newest.ID && e.SystemID == c.newest.SystemID && e.Type == c.newest.Type &&
			e.Description == c.newest.Description && e.Created.Equal(c.newest.Created)
	})
}

// hid tells whether the events beyond an id may have become invisible, rather than never have been: to an ordinary key
// the events of a machine vanish when somebody else takes it, so all of them must be of one machine.
func (c *cursor) hid(beyond int64) bool {
	for _, e := range slices.Backward(c.recent) {
		if e.ID <= beyond {
			return true
		}
		if e.SystemID != c.newest.SystemID {
			return false
		}
	}
	return false
}

// rewind goes back to an event, the newest that there is now.
func (c *cursor) rewind(to maas.Event) {
	c.newest, c.gaps = to, nil
	c.recent = slices.DeleteFunc(c.recent, func(e maas.Event) bool { return e.ID > to.ID })
}
