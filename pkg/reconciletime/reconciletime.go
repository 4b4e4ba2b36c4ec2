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

func measure(inner reconcile.Reconciler, clk clock.PassiveClock, outside, requests prometheus.Observer) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
		ctx, inMaas := maas.CountCallTime(ctx)
		ctx, inRequests := countRequestTime(ctx)
		start := clk.Now()
		// Deferred, for a reconcile may panic and be recovered further up.
		defer func() {
			outside.Observe(max(0, clk.Since(start)-inMaas()).Seconds())
			requests.Observe(inRequests().Seconds())
		}()
		return inner.Reconcile(ctx, request)
	})
}
