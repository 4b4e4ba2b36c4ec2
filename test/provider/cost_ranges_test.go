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
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// bound is a line of testdata/cost.yaml.
type bound struct {
	Name     string  `json:"name"`
	Unit     string  `json:"unit"`
	Max      float64 `json:"max"`
	Measured float64 `json:"measured"`
	// Timing marks what depends on how fast and how busy the computer is.
	Timing bool `json:"timing,omitempty"`
	// Got is what this run measured.
	Got float64 `json:"got"`
}

// ranges are the bounds by name, and which of them were measured.
type ranges struct {
	t      *testing.T
	bounds map[string]*bound
	seen   map[string]bool
}

func loadRanges(t *testing.T) *ranges {
	t.Helper()
	raw, err := os.ReadFile("testdata/cost.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list []*bound
	if err := yaml.UnmarshalStrict(raw, &list); err != nil {
		t.Fatalf("testdata/cost.yaml: %v", err)
	}
	r := &ranges{t: t, bounds: map[string]*bound{}, seen: map[string]bool{}}
	for _, b := range list {
		r.bounds[b.Name] = b
	}
	return r
}

func (r *ranges) check(name string, got float64) {
	r.t.Helper()
	b, ok := r.bounds[name]
	if !ok {
		r.t.Fatalf("testdata/cost.yaml has no bound %q", name)
	}
	b.Got, r.seen[name] = got, true
	r.t.Logf("%-28s %8.2f %s (at most %g, usually %g)", name, got, b.Unit, b.Max, b.Measured)
	if got > b.Max && (*costTiming || !b.Timing) {
		r.t.Errorf("%s: want at most %g %s, got %g", name, b.Max, b.Unit, got)
	}
}

// write keeps the figures with the other artifacts and fails for a bound that nothing measured.
func (r *ranges) write() {
	r.t.Helper()
	var out []*bound
	for _, name := range slices.Sorted(maps.Keys(r.bounds)) {
		if !r.seen[name] {
			r.t.Errorf("testdata/cost.yaml: nothing measures %q", name)
		}
		out = append(out, r.bounds[name])
	}
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lab.Repository(), "_artifacts", "cost.json"), raw, 0o644); err != nil {
		r.t.Error(err)
	}
}
