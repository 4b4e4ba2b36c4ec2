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

package repave

import (
	"flag"
	"os"
	"runtime"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

var timing = flag.Bool("timing", false, "hold times against their bounds as well: they depend on how fast and how busy the computer is")

// bound is an entry of testdata/cost.yaml.
type bound struct {
	Name     string  `json:"name"`
	Unit     string  `json:"unit"`
	Max      float64 `json:"max"`
	Measured float64 `json:"measured"`
	Timing   bool    `json:"timing,omitempty"`
}

// holdTo holds a figure against its bound.
func holdTo(t *testing.T, name string, got float64) {
	t.Helper()
	raw, err := os.ReadFile("testdata/cost.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []bound
	if err := yaml.UnmarshalStrict(raw, &all); err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.Name != name {
			continue
		}
		t.Logf("%s: %.2f %s (at most %g, usually %g)", name, got, b.Unit, b.Max, b.Measured)
		if got > b.Max && (*timing || !b.Timing) {
			t.Errorf("%s: %.2f %s, want at most %g", name, got, b.Unit, b.Max)
		}
		return
	}
	t.Fatalf("testdata/cost.yaml has no bound %q", name)
}

// TestDecisionCost judges a large fleet. It runs alone, so that what is allocated is its own.
func TestDecisionCost(t *testing.T) { //nolint:paralleltest // what others allocate would count
	in := largeFleet()
	Decide(in)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	verdicts := Decide(in)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if len(verdicts) != len(in.Candidates) {
		t.Fatalf("%d verdicts for %d candidates", len(verdicts), len(in.Candidates))
	}
	holdTo(t, "decision-bytes", float64(after.TotalAlloc-before.TotalAlloc)/(1<<20))
	holdTo(t, "decision-time", float64(took)/float64(time.Millisecond))
}
