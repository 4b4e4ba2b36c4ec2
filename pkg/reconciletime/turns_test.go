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
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// TestReconcilesTakeTurns has eight workers with two turns. Each works for a second, waits for MAAS for a minute, and works for a second.
func TestReconcilesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var began, ended, took []time.Duration
		start := time.Now()
		note := func(list *[]time.Duration, d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			*list = append(*list, d)
		}
		inner := reconcile.Func(func(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
			note(&began, time.Since(start))
			time.Sleep(time.Second)
			end := maas.StartCall(ctx)
			time.Sleep(time.Minute)
			end()
			time.Sleep(time.Second)
			note(&ended, time.Since(start))
			return ctrl.Result{}, nil
		})
		outside := prometheus.ObserverFunc(func(v float64) { note(&took, time.Duration(v*float64(time.Second))) })
		ignored := prometheus.ObserverFunc(func(float64) {})
		workers := inTurns(newTurns(2), measure(inner, clock.RealClock{}, outside, ignored))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := workers.Reconcile(t.Context(), ctrl.Request{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		seconds := func(of ...int) []time.Duration {
			out := make([]time.Duration, len(of))
			for i, s := range of {
				out[i] = time.Duration(s) * time.Second
			}
			return out
		}
		if want := seconds(0, 0, 1, 1, 2, 2, 3, 3); !slices.Equal(began, want) {
			t.Errorf("want two to work at a time, not counting those that wait for MAAS, and so to begin at %v, got %v", want, began)
		}
		if want := seconds(62, 62, 63, 63, 64, 64, 65, 65); !slices.Equal(ended, want) {
			t.Errorf("want those that come back from MAAS to go on at once and end at %v, got %v", want, ended)
		}
		if want := seconds(2, 2, 2, 2, 2, 2, 2, 2); !slices.Equal(took, want) {
			t.Errorf("want what each worked measured, %v, got %v", want, took)
		}
	})
}

// TestTurnsAreNotLost ends waits by their context, before and in the moment in which a turn comes free.
func TestTurnsAreNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1)
		turns.take()
		shutdown := errors.New("shutting down")
		for range 100 {
			ctx, cancel := context.WithCancelCause(t.Context())
			waits := make(chan error)
			go func() { waits <- turns.wait(ctx) }()
			synctest.Wait()
			cancel(shutdown)
			go turns.give()
			if err := <-waits; err == nil {
				turns.give()
			} else if !errors.Is(err, shutdown) {
				t.Errorf("want to know why the wait ended, got %v", err)
			}
			synctest.Wait()
			turns.take()
		}
		turns.give()
		if turns.free != 1 || len(turns.queue) != 0 {
			t.Errorf("want the one turn back and nobody waiting, got %d free and %d waiting", turns.free, len(turns.queue))
		}
	})
}
