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

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

func TestWithGate(t *testing.T) {
	m := &clusterv1.Machine{}
	m.Name, m.Status.NodeRef.Name = "m", "n"
	hooked := m.DeepCopy()
	hooked.Annotations = map[string]string{infrav1.RepaveHookAnnotation: "gate"}
	gate := &infrav1.RepaveGate{}
	gate.Status.Waiting = []infrav1.HeldMachine{{Machine: "m", Reason: "StorageBusy", Message: "The storage is busy"}}
	repave := infrav1.Repave{}
	repave.Spec.NodeName, repave.Spec.Before.NodeID = "n", "id"
	repave.Status = infrav1.RepaveStatus{Step: infrav1.RepaveRebuilding, RebuiltPercent: ptr.To(int32(40)), PendingBytes: ptr.To(int64(3) << 29)}
	settled := *repave.DeepCopy()
	settled.Status.Step = infrav1.RepaveSettling
	elsewhere := *settled.DeepCopy()
	elsewhere.Spec.Before.NodeID = ""
	for _, tc := range []struct {
		name     string
		machine  *clusterv1.Machine
		snapshot snapshot
		phase    phase
		want     state
	}{
		{"no gate", hooked, snapshot{}, draining, state{phase: draining}},
		{"let go", m, snapshot{gate: gate}, draining, state{phase: draining}},
		{"held", hooked, snapshot{gate: gate}, draining, state{held, "StorageBusy", "The storage is busy"}},
		{"not judged yet", hooked, snapshot{gate: &infrav1.RepaveGate{}}, draining, state{phase: held, why: "The gate has not looked yet"}},
		{
			"data is rebuilt", m, snapshot{gate: gate, repaves: []infrav1.Repave{repave}}, joining,
			state{rebuilding, "Rebuilding", "40 % of its copies are up to date, 1.5 GiB to go"},
		},
		{
			"data is whole", m, snapshot{gate: gate, repaves: []infrav1.Repave{settled}}, joining,
			state{settling, "Settling", "Its data is whole, and not long enough yet"},
		},
		{"no storage on it", m, snapshot{gate: gate, repaves: []infrav1.Repave{elsewhere}}, joining, state{phase: joining}},
		{"no repave", m, snapshot{gate: gate}, joining, state{phase: joining}},
		{"deploying", m, snapshot{gate: gate, repaves: []infrav1.Repave{repave}}, deploying, state{phase: deploying}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.snapshot.withGate(tc.machine, state{phase: tc.phase}); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestUpgradeView(t *testing.T) {
	sim := pxsim.New(pxsim.Options{})
	for _, host := range []string{"a", "b"} {
		sim.AddNode(pxsim.Node{Host: host})
	}
	if err := sim.AddVolume(pxsim.Volume{Name: "v", Nodes: []string{"a", "b"}, Bytes: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	u := snapshot{}.upgradeView(6, sim)
	if u.degraded != 0 || u.style() != styleGreen {
		t.Errorf("whole: %+v", u)
	}
	sim.Down("a")
	u = snapshot{repaves: make([]infrav1.Repave, 1)}.upgradeView(6, sim)
	u.online, u.nodes = 1, 2
	if want := "Portworx: nodes online 1/2, volumes whole 0/1, lost 0"; u.storage() != want || u.style() != styleYellow {
		t.Errorf("got %q, want %q", u.storage(), want)
	}
	if want := "Upgrade to v1.36.3: 0/6 machines, repaves open 1, held by the gate 0, 1:05"; u.headline(65*time.Second) != want {
		t.Errorf("got %q, want %q", u.headline(65*time.Second), want)
	}
	sim.Down("b")
	if u = (snapshot{}).upgradeView(6, sim); u.style() != styleRed || !strings.Contains(u.storage(), "out of reach 1") {
		t.Errorf("out of reach: %q", u.storage())
	}
	v := someView()
	v.upgrade = &u
	for _, width := range []int{30, 80, 120} {
		lines := v.lines(width, false)
		if i := slices.IndexFunc(lines, func(l string) bool { return visible(l) > width }); i >= 0 || len(lines) != len(v.rows)+3 {
			t.Errorf("at width %d:\n%s", width, strings.Join(lines, "\n"))
		}
	}
	if got := v.changes(v); len(got) != 0 {
		t.Errorf("nothing has changed: %q", got)
	}
}
