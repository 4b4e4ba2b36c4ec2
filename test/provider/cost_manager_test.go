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

package provider

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// managerPeakKiB is the manager's peak resident memory since it started.
func (w *world) managerPeakKiB() int {
	w.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", theLab.Manager(lab.MAAS).PID()))
	if err != nil {
		w.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib
		}
	}
	w.Fatal("want VmHWM in the process's status")
	return 0
}

// figures are counters of the manager.
type figures struct {
	// reconciles by controller, and the sum of their durations outside MAAS in seconds.
	reconciles map[string]uint64
	seconds    map[string]float64
	// waiting is the part of seconds that the reconciles waited for the API server.
	waiting map[string]float64
	// within is how many reconciles ended within so many seconds outside MAAS, cumulative.
	within map[float64]uint64
	// writes are requests to the API server that are no reads.
	writes float64
}

// minus is what happened since.
func (f figures) minus(earlier figures) figures {
	for controller := range f.reconciles {
		f.reconciles[controller] -= earlier.reconciles[controller]
		f.seconds[controller] -= earlier.seconds[controller]
		f.waiting[controller] -= earlier.waiting[controller]
	}
	for le := range f.within {
		f.within[le] -= earlier.within[le]
	}
	f.writes -= earlier.writes
	return f
}

// quantile is the upper bound of the bucket in which a quantile of all reconciles lies.
func (f figures) quantile(q float64) time.Duration {
	total := f.within[math.Inf(1)]
	for _, le := range slices.Sorted(maps.Keys(f.within)) {
		if !math.IsInf(le, 1) && float64(f.within[le]) >= q*float64(total) {
			return time.Duration(le * float64(time.Second))
		}
	}
	return time.Hour
}

// managerFigures reads the manager's own metrics.
func (w *world) managerFigures() figures {
	w.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.metrics())
	if err != nil {
		w.Fatal(err)
	}
	f := figures{reconciles: map[string]uint64{}, seconds: map[string]float64{}, waiting: map[string]float64{}, within: map[float64]uint64{}}
	const histogram, waiting, requests = reconciletime.MetricName, reconciletime.RequestsMetricName, "rest_client_requests_total"
	for _, name := range []string{histogram, waiting, requests} {
		if families[name] == nil {
			w.Fatalf("want the manager to have the metric %s", name)
		}
	}
	for _, m := range families[waiting].GetMetric() {
		f.waiting[m.GetLabel()[0].GetValue()] = m.GetHistogram().GetSampleSum()
	}
	for _, m := range families[histogram].GetMetric() {
		controller := m.GetLabel()[0].GetValue()
		f.reconciles[controller] = m.GetHistogram().GetSampleCount()
		f.seconds[controller] = m.GetHistogram().GetSampleSum()
		for _, b := range m.GetHistogram().GetBucket() {
			f.within[b.GetUpperBound()] += b.GetCumulativeCount()
		}
	}
	for _, m := range families[requests].GetMetric() {
		for _, label := range m.GetLabel() {
			if label.GetName() == "method" && label.GetValue() != http.MethodGet {
				f.writes += m.GetCounter().GetValue()
			}
		}
	}
	return f
}

// checkFigures judges what the manager did to bring up n machines.
func (r *ranges) checkFigures(f figures, n int) {
	r.t.Helper()
	reconciles := 0.0
	for _, controller := range slices.Sorted(maps.Keys(f.reconciles)) {
		count := f.reconciles[controller]
		if count == 0 {
			continue
		}
		r.t.Logf("%s: %d reconciles, %.1f s outside MAAS, %.1f s of them waiting for the API server", controller, count,
			f.seconds[controller], f.waiting[controller])
		reconciles += float64(count)
	}
	r.t.Logf("half of the reconciles took at most %s outside MAAS, 95 %% at most %s", f.quantile(0.5), f.quantile(0.95))
	r.check("reconcile-p99", f.quantile(0.99).Seconds()*1000)
	r.check("reconciles-per-machine", reconciles/float64(n))
	r.check("api-writes-per-machine", f.writes/float64(n))
}
