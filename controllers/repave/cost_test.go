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
	"fmt"
	"os"
	"testing"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

// TestCallsToTheStorage wakes the gate every second for a minute, with a third of the nodes waiting and many let go at once: how often the storage is
// asked is bounded, and does not depend on how many Machines there are.
func TestCallsToTheStorage(t *testing.T) {
	t.Parallel()
	few, many := callsPerMinute(t, 9), callsPerMinute(t, 45)
	if few != many {
		t.Errorf("%d calls a minute for 9 Machines and %d for 45, want as many", few, many)
	}
	raw, err := os.ReadFile("../../pkg/repave/testdata/cost.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var bounds []struct {
		Name string  `json:"name"`
		Max  float64 `json:"max"`
	}
	if err := yaml.Unmarshal(raw, &bounds); err != nil {
		t.Fatal(err)
	}
	for _, b := range bounds {
		if b.Name == "storage-calls-per-minute" {
			t.Logf("%d calls a minute, at most %g", many, b.Max)
			if float64(many) > b.Max {
				t.Errorf("%d calls a minute, want at most %g", many, b.Max)
			}
			return
		}
	}
	t.Error("pkg/repave/testdata/cost.yaml has no bound storage-calls-per-minute")
}

func callsPerMinute(t *testing.T, nodes int) int {
	t.Helper()
	var volumes []pxsim.Volume
	for i := 0; i+2 < nodes; i += 3 {
		volumes = append(volumes, shared(fmt.Sprintf("v%d", i), fmt.Sprintf("w%d", i), fmt.Sprintf("w%d", i+1)))
	}
	w := newWorld(t, nodes, volumes...)
	w.changeGate(func(s *infrav1.RepaveGateSpec) { s.Parallelism, s.MaxConcurrent = infrav1.RepaveNonOverlapping, 1000 })
	w.look(1)
	before := total(w.sim.Calls())
	for i := range nodes / 3 {
		w.delete(fmt.Sprintf("m%d", 3*i))
	}
	for range 60 {
		w.pass(time.Second)
		if _, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: "gate"}}); err != nil {
			t.Fatal(err)
		}
	}
	if open := int(*w.gate().Status.Open); open != nodes/3 {
		t.Errorf("%d repaves are open, want %d that share nothing", open, nodes/3)
	}
	return total(w.sim.Calls()) - before
}

func total(calls map[string]int) int {
	n := 0
	for _, c := range calls {
		n += c
	}
	return n
}
