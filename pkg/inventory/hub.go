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
	"maps"
	"slices"
	"sync"
)

// Change tells subscribers what to look at again.
type Change struct {
	// Identity is the Session's.
	Identity string
	// SystemIDs are the machines that changed, came or went, sorted; nil stands for all of them: the first list has
	// come in, or the health of the connection changed.
	SystemIDs []string
}

// hub hands changes to subscribers. Publishing never waits for them: what a subscriber has not yet been told is merged
// and kept until it is.
type hub struct {
	mu          sync.Mutex
	subscribers map[*subscriber]context.CancelFunc
	closed      bool
}

type subscriber struct {
	mu sync.Mutex
	// pending are the ids by identity; a nil set stands for all.
	pending map[string]map[string]struct{}
	wake    chan struct{}
}

// subscribe calls f with changes, one after another, until the returned function is called or the hub is closed. That
// ends f's context; it does not wait for a call under way.
func (h *hub) subscribe(f func(context.Context, Change)) (unsubscribe func()) {
	s := &subscriber{pending: map[string]map[string]struct{}{}, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // a subscription outlives the call that makes it
	if h.subscribers == nil {
		h.subscribers = map[*subscriber]context.CancelFunc{}
	}
	h.subscribers[s] = cancel
	go func() {
		defer h.leave(s)
		s.run(ctx, f)
	}()
	return cancel
}

// leave forgets a subscriber that has ended.
func (h *hub) leave(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if cancel, ok := h.subscribers[s]; ok {
		cancel()
		delete(h.subscribers, s)
	}
}

// close ends all subscriptions.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, cancel := range h.subscribers {
		cancel()
	}
	clear(h.subscribers)
}

// publish notes a change for every subscriber.
func (h *hub) publish(identity string, ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscribers {
		s.add(identity, ids)
	}
}

func (s *subscriber) add(identity string, ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, known := s.pending[identity]
	switch {
	case ids == nil:
		s.pending[identity] = nil
	case known && set == nil: // all of them already
	default:
		if set == nil {
			set = make(map[string]struct{}, len(ids))
			s.pending[identity] = set
		}
		for _, id := range ids {
			set[id] = struct{}{}
		}
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *subscriber) run(ctx context.Context, f func(context.Context, Change)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			for _, c := range s.take() {
				if ctx.Err() != nil {
					return
				}
				f(ctx, c)
			}
		}
	}
}

// take gives what is pending, by identity.
func (s *subscriber) take() []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes := make([]Change, 0, len(s.pending))
	for _, identity := range slices.Sorted(maps.Keys(s.pending)) {
		c := Change{Identity: identity}
		if set := s.pending[identity]; set != nil {
			c.SystemIDs = slices.Sorted(maps.Keys(set))
		}
		changes = append(changes, c)
	}
	clear(s.pending)
	return changes
}
