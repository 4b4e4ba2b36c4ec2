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

package reconciletime

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// turns let a number of reconciles work at the same time, not counting those that wait for MAAS. Others begin in the order in which they came.
//
// An API server answers no faster for being asked more at a time: beyond a few requests each waits longer, those of everybody else too. MAAS takes
// seconds for a call, and what waits for it should keep nobody from working. So there are more workers than turns.
type turns struct {
	mu sync.Mutex
	// free may be negative, for whoever comes back from MAAS goes on at once: it may hold what others wait for.
	free  int
	queue []chan struct{}
}

func newTurns(n int) *turns { return &turns{free: n} }

// wait waits for a turn, or for the end of the context.
func (t *turns) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	called := make(chan struct{})
	t.queue = append(t.queue, called)
	t.mu.Unlock()
	select {
	case <-called:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(t.queue, called)
	if i >= 0 {
		t.queue = slices.Delete(t.queue, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 {
		t.give() // it was called just now
	}
	return fmt.Errorf("waiting for a turn: %w", context.Cause(ctx))
}

// take takes a turn whether there is one or not.
func (t *turns) take() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free--
}

// give gives a turn back.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free++
	for t.free > 0 && len(t.queue) > 0 {
		t.free--
		close(t.queue[0])
		t.queue = slices.Delete(t.queue, 0, 1)
	}
}
