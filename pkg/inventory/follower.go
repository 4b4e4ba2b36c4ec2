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
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// What a zero value in FollowerOptions stands for.
const (
	DefaultPollInterval   = time.Second
	DefaultRelistInterval = 10 * time.Minute
	DefaultMaxBackoff     = 30 * time.Second
)

const (
	// quiet is how long nothing must have changed for a relist to be due.
	quiet = 10 * time.Second
	// gapWindow is how long a transaction of MAAS may at most take to commit an event after it took its id. An
	// outage longer than that is followed by a relist.
	gapWindow = time.Minute
	// ignoreFor is how long the events of something that is no machine, such as a rack controller, are put off: it
	// might become one.
	ignoreFor = time.Minute
	// tailSize is how many of the last events are read at the start, to see the gaps among them.
	tailSize = 100
	pageSize = 1000
	// maxPages is how many pages of events are worth reading; beyond them a relist costs less.
	maxPages = 10
)

// FollowerOptions say how MAAS is followed. The zero value is good.
type FollowerOptions struct {
	// PollInterval is the time between two looks at the event log, and so, roughly, how late a change is seen.
	PollInterval time.Duration
	// RelistInterval is the time between two full lists, which find what no event tells of, such as a changed zone,
	// pool, tag or name. While machines are changing it may take twice as long.
	RelistInterval time.Duration
	// MaxBackoff bounds the time between two attempts while MAAS fails.
	MaxBackoff time.Duration
	// Random gives numbers in [0,1) for jitter; nil stands for math/rand/v2.
	Random func() float64
}

func (o FollowerOptions) withDefaults() FollowerOptions {
	if o.PollInterval <= 0 {
		o.PollInterval = DefaultPollInterval
	}
	if o.RelistInterval <= 0 {
		o.RelistInterval = DefaultRelistInterval
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = DefaultMaxBackoff
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return o
}

// Follower keeps the snapshot of a session up to date. It is used by one goroutine.
type Follower struct {
	opts     FollowerOptions
	session  *Session
	snapshot *Snapshot
	clock    clock.Clock
	log      logr.Logger

	// primed is set once the log's end was read and everything listed after it.
	primed     bool
	cursor     cursor
	failures   int
	failedFrom time.Time
	refused    bool
	lastChange time.Time

	// nextList is when to list everything again; listNow asks for it at once.
	nextList time.Time
	listNow  bool
	listing  bool
	listed   chan error

	// retries are machines that could not be fetched; ignored are ids that are no machines of ours.
	retries map[string]retry
	ignored map[string]time.Time
}

type retry struct {
	due   time.Time
	tries int
}

// NewFollower makes the follower of a session. A session must have no more than one.
func NewFollower(session *Session, clk clock.Clock, log logr.Logger, opts FollowerOptions) *Follower {
	return &Follower{
		opts:     opts.withDefaults(),
		session:  session,
		snapshot: session.snapshot,
		clock:    clk,
		log:      log,
		cursor:   cursor{window: gapWindow},
		listed:   make(chan error, 1),
		retries:  map[string]retry{},
		ignored:  map[string]time.Time{},
	}
}

// Run follows MAAS until the context ends. Failures show in the snapshot's health.
func (f *Follower) Run(ctx context.Context) {
	defer f.awaitList()
	timer := f.clock.NewTimer(f.step(ctx))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-f.listed:
			f.endList(ctx, err)
		case <-f.snapshot.wake:
			// While MAAS fails, machines wait for the next attempt like everything else.
			if f.primed && f.failures == 0 {
				f.fetch(ctx)
			}
		case <-timer.C():
			timer.Reset(f.step(ctx))
		}
	}
}

// step looks at MAAS once and gives the time to wait until the next look.
func (f *Follower) step(ctx context.Context) time.Duration {
	var err error
	if f.primed {
		err = f.poll(ctx)
	} else {
		err = f.prime(ctx)
	}
	if ctx.Err() != nil {
		return 0
	}
	if err != nil {
		return f.fail(err)
	}
	f.recover()
	f.fetch(ctx)
	f.relist(ctx)
	return f.jitter(f.opts.PollInterval, 0.1)
}

// prime reads where the event log ends and then lists everything, so that nothing that happens in between is missed.
func (f *Follower) prime(ctx context.Context) error {
	tail, err := f.session.ListEvents(ctx, maas.EventQuery{Limit: tailSize})
	if err != nil {
		return err
	}
	if err := f.list(ctx); err != nil {
		return err
	}
	f.cursor = cursor{window: gapWindow}
	f.cursor.absorb(tail, f.clock.Now())
	f.primed = true
	f.failures, f.refused = 0, false // everything was listed just now
	f.scheduleList()
	return nil
}

// poll reads the events since the last look and marks their machines.
func (f *Follower) poll(ctx context.Context) error {
	events, complete, err := f.newEvents(ctx)
	if err != nil {
		return err
	}
	now := f.clock.Now()
	if !f.cursor.holds(events) {
		if err := f.lostPlace(ctx, events); err != nil {
			return err
		}
	}
	ids := f.cursor.absorb(events, now)
	if !complete || f.cursor.overflow {
		f.cursor.overflow = false
		f.askList("more events than are worth reading")
	}
	if len(ids) > 0 {
		f.lastChange = now
		f.mark(ids, now)
	}
	return nil
}

// newEvents reads all events beyond the cursor, newest first, and tells whether these are all. MAAS gives the oldest of
// them first, so that reading goes on from the newest of a full page.
func (f *Follower) newEvents(ctx context.Context) (events []maas.Event, complete bool, err error) {
	after := f.cursor.after(f.clock.Now())
	for range maxPages {
		page, err := f.session.ListEvents(ctx, maas.EventQuery{After: after, Limit: pageSize})
		if err != nil {
			return nil, false, err
		}
		if len(events) == 0 {
			events = page
		} else {
			events = append(page[:len(page):len(page)], events...)
		}
		if len(page) < pageSize {
			return events, true, nil
		}
		after = max(after, page[0].ID)
	}
	return events, false, nil
}

// lostPlace is called when the newest event that was read is no longer there. Either somebody took its machine and hid
// the machine's events with that, or the log is another one: MAAS's database was restored.
func (f *Follower) lostPlace(ctx context.Context, events []maas.Event) error {
	place := f.cursor.newest
	f.snapshot.refetch(place.SystemID)
	replaced := slices.ContainsFunc(events, func(e maas.Event) bool { return e.ID == place.ID })
	if !replaced && len(events) > 0 && events[0].ID > place.ID {
		return nil
	}
	tail, err := f.session.ListEvents(ctx, maas.EventQuery{Limit: tailSize})
	if err != nil {
		return err
	}
	var newest maas.Event
	if len(tail) > 0 {
		newest = tail[0]
	}
	switch {
	case replaced:
	case newest.ID >= place.ID: // events came in just now; the next poll reads them
		return nil
	case f.cursor.hid(newest.ID):
		f.cursor.rewind(newest)
		return nil
	}
	f.cursor = cursor{window: gapWindow}
	f.cursor.absorb(tail, f.clock.Now())
	f.askList("the event log is not the one that was read before: was MAAS's database restored?")
	return nil
}

// mark notes machines to be fetched.
func (f *Follower) mark(ids []string, now time.Time) {
	for _, id := range ids {
		if until, ok := f.ignored[id]; ok && now.Before(until) && !f.snapshot.knows(id) {
			f.retries[id] = retry{due: until}
			continue
		}
		delete(f.ignored, id)
		delete(f.retries, id)
		f.snapshot.refetch(id)
	}
}

// fail notes a failure and gives the time to wait.
func (f *Follower) fail(err error) time.Duration {
	now := f.clock.Now()
	if f.failures == 0 {
		f.failedFrom = now
	}
	f.failures++
	kind := maas.KindOf(err)
	f.refused = f.refused || kind == maas.Unauthorized || kind == maas.Forbidden
	if f.failures == 1 || kind != maas.KindOf(f.snapshot.Health().Err) {
		f.log.Error(err, "Failing to follow MAAS, retrying")
	}
	f.snapshot.setHealth(err)
	delay := f.opts.MaxBackoff
	if f.failures < 16 {
		delay = min(delay, f.opts.PollInterval<<(f.failures-1))
	}
	return f.jitter(delay, 0.5)
}

// recover notes a success. The events of a short outage are in the log; after a longer one, or with another view of
// MAAS, everything is listed.
func (f *Follower) recover() {
	if f.failures > 0 {
		outage := f.clock.Since(f.failedFrom)
		f.log.Info("Following MAAS again", "outage", outage.Round(time.Second).String())
		if f.refused || outage > gapWindow {
			f.askList("MAAS was out of reach")
		}
	}
	f.failures, f.refused = 0, false
	f.snapshot.setHealth(nil)
}

// jitter shortens a duration by up to the given part of it.
func (f *Follower) jitter(d time.Duration, part float64) time.Duration {
	return d - time.Duration(float64(d)*part*f.opts.Random())
}

func (f *Follower) String() string { return fmt.Sprintf("follower of %s", f.session) }
