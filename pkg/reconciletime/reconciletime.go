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

// Package reconciletime measures reconciles without the calls to MAAS that they wait for. The time of controller-runtime's own metric has
// both in it: an installation that MAAS is slow to start, and a provider that is slow itself.
package reconciletime

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// The histograms' names. Both have the label controller.
const (
	// MetricName is of the time that the reconciles took outside MAAS.
	MetricName = "capmaas_reconcile_outside_maas_duration_seconds"
	// RequestsMetricName is of the part of it that they waited for the API server.
	RequestsMetricName = "capmaas_reconcile_api_server_duration_seconds"
)

// buckets are finest around the 100 ms that a reconcile may take.
var buckets = []float64{.001, .0025, .005, .01, .025, .04, .05, .06, .07, .08, .09, .1, .11, .12, .135, .15, .175, .2, .25, .35, .5, .75, 1, 2.5, 5, 10}

var (
	outsideMaas = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: MetricName, Help: "Time of a reconcile without its calls to MAAS, mostly spent waiting for the API server.", Buckets: buckets,
	}, []string{"controller"})
	atAPIServer = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: RequestsMetricName, Help: "Time of a reconcile that it waited for the API server.", Buckets: buckets,
	}, []string{"controller"})
)

func init() {
	metrics.Registry.MustRegister(outsideMaas, atAPIServer)
}

// Measure observes the reconciles of a controller.
func Measure(controller string, inner reconcile.Reconciler) reconcile.Reconciler {
	return measure(inner, clock.RealClock{}, outsideMaas.WithLabelValues(controller), atAPIServer.WithLabelValues(controller))
}

// atOnce is how many reconciles of a controller whose workers wait for MAAS may do something else at the same time. Two keep an API server
// of two cores busy; one that is slow does not stop the other.
const atOnce = 2

// MeasureInTurns is Measure for a controller whose workers wait for MAAS. Few of them do anything else at the same time; a reconcile that
// would be one too many begins later, as if it were in the queue still. One that comes back from MAAS waits for nobody.
func MeasureInTurns(controller string, inner reconcile.Reconciler) reconcile.Reconciler {
	return inTurns(newTurns(atOnce), Measure(controller, inner))
}

type turnsKey struct{}

func inTurns(t *turns, inner reconcile.Reconciler) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
		if err := t.wait(ctx); err != nil {
			return ctrl.Result{}, err
		}
		defer t.give()
		return inner.Reconcile(context.WithValue(ctx, turnsKey{}, t), request)
	})
}

func measure(inner reconcile.Reconciler, clk clock.PassiveClock, outside, requests prometheus.Observer) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
		inMaas := &callTime{clock: clk}
		inMaas.turns, _ = ctx.Value(turnsKey{}).(*turns)
		ctx, inRequests := countRequestTime(maas.ObserveCalls(ctx, inMaas))
		start := clk.Now()
		// Deferred, for a reconcile may panic and be recovered further up.
		defer func() {
			outside.Observe((clk.Since(start) - inMaas.sum()).Seconds())
			requests.Observe(inRequests().Seconds())
		}()
		return inner.Reconcile(ctx, request)
	})
}

// callTime is the time that one reconcile spends in calls to MAAS.
type callTime struct {
	clock clock.PassiveClock
	// turns is nil where reconciles do not take turns.
	turns *turns

	mu      sync.Mutex
	running int
	since   time.Time
	ended   time.Duration
}

// CallStarts implements maas.CallObserver. A reconcile that waits for MAAS lets another work.
func (c *callTime) CallStarts() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running++; c.running > 1 {
		return
	}
	c.since = c.clock.Now()
	if c.turns != nil {
		c.turns.give()
	}
}

// CallEnds implements maas.CallObserver.
func (c *callTime) CallEnds() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running--; c.running > 0 {
		return
	}
	c.ended += c.clock.Since(c.since)
	if c.turns != nil {
		c.turns.take()
	}
}

// sum is how long at least one call was under way.
func (c *callTime) sum() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}
