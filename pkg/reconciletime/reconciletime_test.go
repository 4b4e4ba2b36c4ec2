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
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// transportFunc is an API server.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestMeasureTellsWhereTheTimeWent(t *testing.T) {
	t.Parallel()
	clk := testingclock.NewFakeClock(time.Unix(1000, 0))
	down := errors.New("connection refused")
	server := transport{clock: clk, inner: transportFunc(func(*http.Request) (*http.Response, error) {
		clk.Step(500 * time.Millisecond)
		return nil, down
	})}
	failure := errors.New("no")
	for _, tc := range []struct {
		name              string
		inMaas            time.Duration
		together          int
		requests          int
		outside, atServer float64
	}{
		{name: "all by itself", outside: 3},
		{name: "waiting for MAAS", inMaas: 2 * time.Second, outside: 1},
		{name: "waiting for calls to MAAS at the same time", inMaas: 2 * time.Second, together: 1, outside: 1},
		{name: "waiting for the API server twice", requests: 2, outside: 4, atServer: 1},
		{name: "waiting for both", inMaas: time.Second, requests: 1, outside: 2.5, atServer: .5},
	} {
		var outside, atServer []float64
		into := func(list *[]float64) prometheus.Observer {
			return prometheus.ObserverFunc(func(v float64) { *list = append(*list, v) })
		}
		inner := reconcile.Func(func(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
			clk.Step(3*time.Second - tc.inMaas)
			end := maas.StartCall(ctx)
			for range tc.together {
				maas.StartCall(ctx)()
			}
			clk.Step(tc.inMaas)
			end()
			for range tc.requests {
				if _, err := server.RoundTrip(httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)); !errors.Is(err, down) { //nolint:bodyclose // there is none
					t.Errorf("%s: want the server's error passed on, got %v", tc.name, err)
				}
			}
			return ctrl.Result{RequeueAfter: time.Minute}, failure
		})
		result, err := measure(inner, clk, into(&outside), into(&atServer)).Reconcile(t.Context(), ctrl.Request{})
		if result.RequeueAfter != time.Minute || !errors.Is(err, failure) {
			t.Errorf("%s: want what the reconcile returned passed on, got %v, %v", tc.name, result, err)
		}
		if !slices.Equal(outside, []float64{tc.outside}) || !slices.Equal(atServer, []float64{tc.atServer}) {
			t.Errorf("%s: want %g s outside MAAS observed and %g s at the API server, got %v and %v", tc.name, tc.outside, tc.atServer, outside, atServer)
		}
	}
}

func TestTransportOutsideOfReconciles(t *testing.T) {
	t.Parallel()
	called := false
	answer := &http.Response{StatusCode: http.StatusOK}
	outer := Transport(transportFunc(func(*http.Request) (*http.Response, error) { called = true; return answer, nil }))
	got, err := outer.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)) //nolint:bodyclose // there is none
	if err != nil || got != answer || !called {
		t.Errorf("want the request passed on as it is, got %v, %v", got, err)
	}
}
