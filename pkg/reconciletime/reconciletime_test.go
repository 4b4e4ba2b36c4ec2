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
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestMeasureLeavesMaasOut(t *testing.T) {
	t.Parallel()
	clk := testingclock.NewFakeClock(time.Unix(1000, 0))
	var got []float64
	observer := prometheus.ObserverFunc(func(v float64) { got = append(got, v) })
	failure := errors.New("no")
	calls := []time.Duration{0, 2 * time.Second, 5 * time.Second}
	inner := reconcile.Func(func(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
		clk.Step(3 * time.Second)
		maas.AddCallTime(ctx, calls[len(got)])
		return ctrl.Result{RequeueAfter: time.Minute}, failure
	})
	measured := measure(inner, clk, observer)
	for range calls {
		result, err := measured.Reconcile(t.Context(), ctrl.Request{})
		if result.RequeueAfter != time.Minute || !errors.Is(err, failure) {
			t.Errorf("want what the reconcile returned passed on, got %v, %v", result, err)
		}
	}
	// Calls at the same time may add up to more than the reconcile took.
	want := []float64{3, 1, 0}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("reconcile of 3 s with %s in MAAS: want %g s observed, got %g", calls[i], want[i], got[i])
		}
	}
}
