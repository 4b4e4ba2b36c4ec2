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
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/capmaas/cluster-api-provider-maas/pkg/images"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// slowMAAS takes its time for each answer, and fails to give some.
type slowMAAS struct {
	maas.Client
	imagesFail, routesFail bool
}

const answerTime = 20 * time.Second

var errNoAnswer = &maas.Error{Kind: maas.Unavailable, Op: "ask", Message: "no answer"}

func (s *slowMAAS) after(ctx context.Context, fail bool) error {
	defer maas.StartCall(ctx)()
	select {
	case <-time.After(answerTime):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if fail {
		return errNoAnswer
	}
	return nil
}

func (s *slowMAAS) ListBootResources(ctx context.Context) ([]maas.BootResource, error) {
	return []maas.BootResource{{Name: "custom/a", Architecture: "amd64/generic"}}, s.after(ctx, s.imagesFail)
}

func (s *slowMAAS) ListSubnets(ctx context.Context) ([]maas.Subnet, error) {
	return nil, s.after(ctx, false)
}
func (s *slowMAAS) ListVLANs(context.Context) ([]maas.VLAN, error) { return nil, nil }
func (s *slowMAAS) ListStaticRoutes(ctx context.Context) ([]maas.StaticRoute, error) {
	return nil, s.after(ctx, s.routesFail)
}

// calls counts the calls of a reconcile that are under way.
type calls struct{ now int }

func (c *calls) CallStarts() { c.now++ }
func (c *calls) CallEnds()   { c.now-- }

// TestSlowMAAS: a MAAS that takes long to answer keeps those waiting who cannot do without, as if they had asked themselves, and nobody else.
func TestSlowMAAS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slowMAAS{}
		session, r := inventory.NewSession(store, clock.RealClock{}), NewResolver(nil, nil, clock.RealClock{}, "")
		find := func(ctx context.Context, name string) (time.Duration, error) {
			start := time.Now()
			_, err := r.FindImage(ctx, session, images.Wanted{Name: name})
			return time.Since(start), err
		}
		wantAtOnce := func(what string, want error, took time.Duration, err error) {
			t.Helper()
			if took > 0 || !errors.Is(err, want) {
				t.Errorf("%s: want %v at once, got %v after %s", what, want, err, took)
			}
		}
		go func() { _, _ = find(t.Context(), "custom/a") }()
		synctest.Wait()
		c := &calls{}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if took, err := find(maas.ObserveCalls(t.Context(), c), "custom/a"); err != nil || took != answerTime {
				t.Errorf("waiting for the first list: want it when MAAS answers, got %v after %s", err, took)
			}
		}()
		synctest.Wait()
		if c.now != 1 {
			t.Error("want waiting for another's call to count as a call")
		}
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, err := find(hurried, "custom/a"); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("with a second's time: want the deadline exceeded after it, got %v after %s", err, took)
		}
		<-ended

		store.imagesFail = true
		time.Sleep(imagesRecheck)
		go func() { _, _ = find(t.Context(), "custom/b") }()
		synctest.Wait()
		took, err := find(t.Context(), "custom/a")
		wantAtOnce("an image that is known while another is looked for", nil, took, err)
		time.Sleep(answerTime)
		took, err = find(t.Context(), "custom/b")
		wantAtOnce("after a failure", errNoAnswer, took, err)
		time.Sleep(imagesRetry)
		go func() { _, _ = find(t.Context(), "custom/b") }()
		synctest.Wait()
		took, err = find(t.Context(), "custom/b")
		wantAtOnce("while it is tried again", errNoAnswer, took, err)
		synctest.Wait()
	})
}

// TestRoutesThatCannotBeRead keep nobody from the networks who does not ask for routes.
func TestRoutesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slowMAAS{routesFail: true}
		session, r := inventory.NewSession(store, clock.RealClock{}), NewResolver(nil, nil, clock.RealClock{}, "")
		if _, err := r.Networks(t.Context(), session, true); !errors.Is(err, errNoAnswer) {
			t.Errorf("want the error of the routes, got %v", err)
		}
		if _, err := r.Networks(t.Context(), session, false); err != nil {
			t.Errorf("want the networks without routes, got %v", err)
		}
		store.routesFail = false
		if _, err := r.Networks(t.Context(), session, true); !errors.Is(err, errNoAnswer) {
			t.Errorf("want MAAS left alone after it failed, got %v", err)
		}
		time.Sleep(catalogRetry)
		if _, err := r.Networks(t.Context(), session, true); err != nil {
			t.Errorf("want the routes read a while later, got %v", err)
		}
	})
}

// TestReconcileEndsWhileItAsks: that the one who asks gives up says nothing of MAAS; the next one asks.
func TestReconcileEndsWhileItAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		session, r := inventory.NewSession(&slowMAAS{}, clock.RealClock{}), NewResolver(nil, nil, clock.RealClock{}, "")
		first, stop := context.WithCancel(t.Context())
		go func() { _, _ = r.FindImage(first, session, images.Wanted{Name: "custom/a"}) }()
		synctest.Wait()
		done := make(chan error)
		go func() {
			_, err := r.FindImage(t.Context(), session, images.Wanted{Name: "custom/a"})
			done <- err
		}()
		synctest.Wait()
		stop()
		if err := <-done; err != nil {
			t.Errorf("want the image found by the second who asks, got %v", err)
		}
	})
}
