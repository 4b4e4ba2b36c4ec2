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

package access

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/images"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// imageStore is a MAAS of which only the images matter.
type imageStore struct {
	maas.Client

	mu        sync.Mutex
	resources []maas.BootResource
	err       error
	calls     atomic.Int32
}

func (s *imageStore) ListBootResources(context.Context) ([]maas.BootResource, error) {
	s.calls.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resources, s.err
}

func (s *imageStore) set(err error, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resources, s.err = nil, err
	for _, name := range names {
		s.resources = append(s.resources, maas.BootResource{Name: name, Architecture: "amd64/generic"})
	}
}

// A list is read once for all who ask, again soon while something is missing, and seldom when nothing is.
func TestImagesAreReadSeldom(t *testing.T) {
	t.Parallel()
	clk := clocktesting.NewFakeClock(time.Now())
	store := &imageStore{}
	store.set(nil, "custom/a")
	session := inventory.NewSession(store, clk)
	r := NewResolver(nil, nil, clk, "")
	find := func(name string) images.Answer {
		t.Helper()
		answer, err := r.FindImage(t.Context(), session, images.Wanted{Name: name})
		if err != nil {
			t.Fatalf("finding %s: %v", name, err)
		}
		return answer
	}
	steps := []struct {
		what  string
		wait  time.Duration
		does  func()
		name  string
		found bool
		calls int32
	}{
		{what: "the first question reads the list", name: "custom/a", found: true, calls: 1},
		{what: "the second does not", name: "custom/a", found: true, calls: 1},
		{what: "a missing image is looked for in the list just read", name: "custom/b", calls: 1},
		{what: "and again in a new one half a minute later", wait: 31 * time.Second, name: "custom/b", calls: 2},
		{what: "a new image is not seen before", wait: 10 * time.Second, does: func() { store.set(nil, "custom/a", "custom/b") }, name: "custom/b", calls: 2},
		{what: "and is seen then", wait: 21 * time.Second, name: "custom/b", found: true, calls: 3},
		{what: "one that is taken away is believed in for a while", wait: 4 * time.Minute, does: func() { store.set(nil, "custom/b") }, name: "custom/a", found: true, calls: 3},
		{what: "but not for ever", wait: 61 * time.Second, name: "custom/a", calls: 4},
	}
	for _, step := range steps {
		clk.Step(step.wait)
		if step.does != nil {
			step.does()
		}
		answer := find(step.name)
		if found := answer.Missing == ""; found != step.found || store.calls.Load() != step.calls {
			t.Fatalf("%s: want found %t after %d reads, got %t (%s) after %d", step.what, step.found, step.calls, found, answer.Missing, store.calls.Load())
		}
	}
}

// A thousand machines that want to know at once ask once, whether MAAS answers or not.
func TestManyAskForImagesOnce(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"MAAS answers":         nil,
		"MAAS does not answer": &maas.Error{Kind: maas.Unavailable, Op: "list images", Message: "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clk := clocktesting.NewFakeClock(time.Now())
			store := &imageStore{}
			store.set(err, "custom/a")
			session := inventory.NewSession(store, clk)
			r := NewResolver(nil, nil, clk, "")
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					answer, got := r.FindImage(t.Context(), session, images.Wanted{Name: "custom/b"})
					if maas.KindOf(got) != maas.KindOf(err) || (err == nil && !strings.Contains(answer.Missing, "custom/b")) {
						t.Errorf("want error %v, got %v and %+v", err, got, answer)
					}
				})
			}
			wg.Wait()
			if calls := store.calls.Load(); calls != 1 {
				t.Errorf("want 1 read, got %d", calls)
			}
			store.set(nil, "custom/b")
			clk.Step(31 * time.Second)
			if answer, err := r.FindImage(t.Context(), session, images.Wanted{Name: "custom/b"}); err != nil || answer.Missing != "" {
				t.Errorf("want the image found once MAAS has it, got %+v, %v", answer, err)
			}
		})
	}
}
