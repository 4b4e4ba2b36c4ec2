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
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func someView() view {
	return view{
		cluster: "demo", initialised: true, ready: 1, want: 6, calls: 123, elapsed: 83 * time.Second,
		rows: []row{
			{role: roleControlPlane, machine: "demo-control-plane-x7k2p", state: state{phase: ready}, host: "r1-cp-01", elapsed: 41 * time.Second},
			{
				role: roleWorker, machine: "demo-workers-4vtqz-8xk9p", host: "r2-wk-01", elapsed: 9 * time.Second,
				state: state{deploying, "Deploying", "MAAS installs r2-wk-01 with custom/ubuntu-24.04 (Performing PXE boot)"},
			},
			{
				role: roleWorker, machine: "demo-workers-4vtqz-qqqqq", elapsed: 0,
				state: state{waiting, "NoHostFits", "No server fits: 3 of 6 are leased, 2 are Broken, 1 is in zone rack-3"},
			},
		},
	}
}

func TestLines(t *testing.T) {
	for _, tc := range []struct {
		width int
		want  []string
	}{
		{120, []string{
			"Cluster demo: control plane initialised, nodes ready 1/6, MAAS calls 123, 1:23",
			"ROLE           MACHINE                   PHASE      HOST      TIME  WHY",
			"control plane  demo-control-plane-x7k2p  Ready      r1-cp-01  0:41",
			"worker         demo-workers-4vtqz-8xk9p  Deploying  r2-wk-01  0:09  Performing PXE boot",
			"worker         demo-workers-4vtqz-qqqqq  Waiting              0:00  3 of 6 are leased, 2 are Broken, 1 is in zone rack-3",
		}},
		{80, []string{
			"Cluster demo: control plane initialised, nodes ready 1/6, MAAS calls 123, 1:23",
			"MACHINE                   PHASE      HOST      TIME  WHY",
			"demo-control-plane-x7k2p  Ready      r1-cp-01  0:41",
			"demo-workers-4vtqz-8xk9p  Deploying  r2-wk-01  0:09  Performing PXE boot",
			"demo-workers-4vtqz-qqqqq  Waiting              0:00  3 of 6 are leased, 2 are B…",
		}},
		{60, []string{
			"Cluster demo: initialised, nodes ready 1/6, MAAS calls 123,…",
			"MACHINE                   PHASE      HOST      TIME",
			"demo-control-plane-x7k2p  Ready      r1-cp-01  0:41",
			"demo-workers-4vtqz-8xk9p  Deploying  r2-wk-01  0:09",
			"demo-workers-4vtqz-qqqqq  Waiting              0:00",
		}},
		{30, []string{
			"Cluster demo: initialised, no…",
			"MACHINE        PHASE      TIME",
			"demo-control…  Ready      0:41",
			"demo-workers…  Deploying  0:09",
			"demo-workers…  Waiting    0:00",
		}},
	} {
		got := someView().lines(tc.width, false)
		if !slices.Equal(got, tc.want) {
			t.Errorf("at width %d:\n%s\nwant:\n%s", tc.width, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
}

func TestLinesFit(t *testing.T) {
	for width := 21; width <= 200; width++ {
		for _, colours := range []bool{false, true} {
			for i, line := range someView().lines(width, colours) {
				if n := visible(line); n > width {
					t.Errorf("line %d has %d columns at width %d: %q", i, n, width, line)
				}
			}
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestColoursChangeNoText(t *testing.T) {
	plain, coloured := someView().lines(80, false), someView().lines(80, true)
	for i := range plain {
		if got := escapes.ReplaceAllString(coloured[i], ""); strings.TrimRight(got, " ") != plain[i] {
			t.Errorf("line %d: %q with colours is %q", i, plain[i], coloured[i])
		}
	}
}

func TestLinesWithoutMachines(t *testing.T) {
	v := view{cluster: "demo", want: 6}
	want := []string{"Cluster demo: control plane starting, nodes ready 0/6, MAAS calls 0, 0:00", "Waiting for Cluster API to create Machines"}
	if got := v.lines(80, false); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestChanges(t *testing.T) {
	before := someView()
	if got := before.changes(before); len(got) != 0 {
		t.Errorf("nothing changed, and it says %q", got)
	}
	now := someView()
	now.elapsed += time.Second
	now.ready = 2
	now.rows[0].elapsed += time.Second                    // not worth a line
	now.rows[1].why = "MAAS installs it (Something else)" // neither
	now.rows[2].state, now.rows[2].host = state{phase: leased}, "r3-wk-01"
	want := []string{
		"  1:24  demo-workers-4vtqz-qqqqq   Leased    r3-wk-01",
		"  1:24  Nodes ready: 2/6 (MAAS calls so far: 123)",
	}
	if got := now.changes(before); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0:00", 59900 * time.Millisecond: "0:59", 61 * time.Second: "1:01", time.Hour: "60:00"} {
		if got := clock(d); got != want {
			t.Errorf("clock(%s) = %s, want %s", d, got, want)
		}
	}
}
