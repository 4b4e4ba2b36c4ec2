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

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// MetricName is the histogram's, with the label controller.
const MetricName = "capmaas_reconcile_outside_maas_duration_seconds"

// duration has its finest buckets around the 100 ms that a reconcile may take.
var duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:    MetricName,
	Help:    "Time of a reconcile without its calls to MAAS, mostly spent waiting for the API server.",
	Buckets: []float64{.001, .0025, .005, .01, .025, .05, .075, .1, .125, .15, .2, .25, .35, .5, .75, 1, 2.5, 5, 10},
}, []string{"controller"})

func init() {
	metrics.Registry.MustRegister(duration)
}

// Measure observes the reconciles of a controller.
func Measure(controller string, inner reconcile.Reconciler) reconcile.Reconciler {
	return measure(inner, clock.RealClock{}, duration.WithLabelValues(controller))
}

func measure(inner reconcile.Reconciler, clk clock.PassiveClock, observer prometheus.Observer) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
		ctx, inMaas := maas.CountCallTime(ctx)
		start := clk.Now()
		// Deferred, for a reconcile may panic and be recovered further up.
		defer func() { observer.Observe(max(0, clk.Since(start)-inMaas()).Seconds()) }()
		return inner.Reconcile(ctx, request)
	})
}
