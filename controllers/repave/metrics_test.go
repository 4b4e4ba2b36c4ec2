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
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// TestMetrics takes a node through the gate and holds what is exported to Prometheus' conventions, to the page that documents it, and to few series.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, shared("v", "w0", "w1"))
	registry := prometheus.NewRegistry()
	metrics, err := NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	w.r.Metrics = metrics
	w.look(1)
	w.delete("m0")
	w.look(1)
	w.delete("m1")
	w.look(1)
	w.wantHeld("m1", "SharesDataWithOpenRepave")
	w.sim.Down("w0")
	w.gone("m0")
	w.look(2)
	w.sim.Up("w0")
	w.machine("m9", "w9")
	w.changeNode("w0", func(n *corev1.Node) { n.Annotations[clusterv1.MachineAnnotation] = "m9" })
	w.look(8)
	if r := w.repave("m0"); r.Spec.Outcome != infrav1.RepaveWhole {
		t.Fatalf("the repave of w0 is %+v, want it closed", r.Status)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	page, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range families {
		seen[f.GetName()] = true
		if !strings.Contains(string(page), f.GetName()) {
			t.Errorf("docs/gate.md does not know %s", f.GetName())
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if strings.HasPrefix(l.GetValue(), "m") && len(l.GetValue()) == 2 {
					t.Errorf("%s has a series for Machine %s", f.GetName(), l.GetValue())
				}
			}
		}
	}
	for _, name := range []string{"hold_seconds", "hold_seconds_by_reason_total", "repave_step_seconds", "rebuilt_ratio", "admissions_total", "active_overrides",
		"probe_seconds", "open_repaves", "degraded_volumes"} {
		if !seen["capmaas_gate_"+name] {
			t.Errorf("there is no capmaas_gate_%s", name)
		}
	}
}
