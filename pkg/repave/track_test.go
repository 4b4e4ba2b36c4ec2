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
	"strings"
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// back is a sight of a node that is back, with the old Machine gone.
func back(report *storagehealth.Report) Sight {
	return Sight{Now: noon, StablePeriod: 2 * time.Minute, NodeExists: true, NodeReady: true, Report: report}
}

func (w *world) sight(changes ...func(*Sight)) Sight {
	s := back(w.Report)
	for _, change := range changes {
		change(&s)
	}
	return s
}

func (w *world) drives(node string, sets ...string) *world {
	return w.node(node, func(n *storagehealth.Node) { n.DriveSets = sets; w.Report.DriveSets += int32(len(sets)) })
}

// TestTrack follows the repave of node a, which the storage knew as id-a.
func TestTrack(t *testing.T) {
	t.Parallel()
	record := Record{Machine: "m-a", Node: "a", Purpose: Replacement, Identity: "id-a", Pools: []string{"pool-a"}}
	pools := func(n *storagehealth.Node) { n.Pools = []string{"pool-a"} }
	// renamed is a as another node of the storage, with its former self offline.
	renamed := func(w *world) *world {
		w.node("a", func(n *storagehealth.Node) { n.Identity, n.Pools = "id-new", []string{"pool-new"} })
		w.Report.Nodes = append(w.Report.Nodes, storagehealth.Node{Name: "id-a", Identity: "id-a", State: storagehealth.Offline})
		return w
	}
	drives := Record{Machine: "m-a", Node: "a", Purpose: Replacement, Identity: "id-a", DriveSets: []string{"set-a"}, AllDriveSets: 2}
	tests := []struct {
		name    string
		record  Record
		sight   Sight
		want    Step
		changed string
		message string
	}{
		{"the old Machine is there", record, newWorld("a").sight(func(s *Sight) { s.MachineExists, s.Deletion = true, "cannot evict Pod x" }), Draining, "", "cannot evict Pod x"},
		{"no Node", record, newWorld("a").sight(func(s *Sight) { s.NodeExists = false }), Reinstalling, "", "come back"},
		{"not Ready", record, newWorld("a").sight(func(s *Sight) { s.NodeReady = false }), Joining, "", "Ready"},
		{"the storage cannot be asked", record, back(nil), Rebuilding, "", "cannot be asked"},
		{"the storage does not know it", record, newWorld("b").sight(), Joining, "", "know node a"},
		{"the storage is offline there", record, newWorld("a", "b").node("a", offline).sight(), Joining, "", "online on a"},
		{"copies are behind", record, newWorld("a", "b").node("a", pools).volume("v", 2, "a!", "b").sight(), Rebuilding, "", "Volume v"},
		{"all is whole", record, newWorld("a", "b").node("a", pools).volume("v", 2, "a", "b").sight(), Settling, "", "2m0s"},
		{"what another open repave lacks is not its own", record,
			newWorld("a", "b", "c").node("a", pools).volume("v", 2, "c!", "b").sight(func(s *Sight) { s.Open = []string{"c"} }), Settling, "", ""},
		{"what a node that is offline lacks is not its own", record, newWorld("a", "b", "c").node("a", pools).node("c", offline).volume("v", 2, "c!", "b").sight(),
			Settling, "", ""},
		{"a copy that left no trace is everybody's", record, newWorld("a", "b").node("a", pools).volume("v", 2, "b").sight(), Rebuilding, "", "Volume v"},
		{"a pool is gone", record, newWorld("a", "b").volume("v", 2, "a", "b").sight(), Settling, "pool-a", ""},
		{"it came back as another, and its copies are orphaned", record, renamed(newWorld("a", "b")).volume("v", 2, "id-a!", "b").sight(), Rebuilding,
			"decommission id-a", "Volume v"},
		{"it came back as another, and its copies were made anew", record, renamed(newWorld("a", "b")).volume("v", 2, "a", "b").sight(), Settling,
			"decommission id-a", ""},
		{"it left for good", Record{Machine: "m-a", Node: "a", Purpose: ScaleIn, Identity: "id-a"},
			newWorld("b", "c").volume("v", 2, "b", "c").sight(func(s *Sight) { s.NodeExists = false }), Settling, "", ""},
		{"it left for good, and copies are missing", Record{Machine: "m-a", Node: "a", Purpose: ScaleIn, Identity: "id-a"},
			newWorld("a", "b").node("a", offline).volume("v", 2, "a!", "b").sight(func(s *Sight) { s.NodeExists = false }), Rebuilding, "", "Volume v"},

		{"its drives are attached to it again", drives, newWorld("a", "b").with(movable).drives("a", "set-a").drives("b", "set-b").sight(), Settling, "", ""},
		{"its drives went to a spare, with its identity", drives,
			newWorld("a", "b", "s").with(movable).node("a", func(n *storagehealth.Node) { n.Identity = "id-s" }).drives("s", "set-a").drives("b", "set-b").sight(),
			Settling, "", ""},
		{"its drives are attached nowhere", drives, newWorld("a", "b").with(movable).drives("b", "set-b").sight(), Joining, "", "drive set set-a"},
		{"its drives are attached to a node that is offline", drives,
			newWorld("a", "b").with(movable).node("b", offline).drives("b", "set-a", "set-b").sight(), Joining, "", "drive set set-a"},
		{"new drives were made for it", drives,
			newWorld("a", "b").with(movable).drives("a", "set-new").drives("b", "set-b").with(func(in *Input) { in.Report.DriveSets = 3 }).sight(), Joining,
			"made a new one", "drive set set-a"},
		{"data on an array, volume by volume, has no identity", Record{Machine: "m-a", Node: "a", Purpose: Replacement, Identity: "id-old"},
			newWorld("a").with(func(in *Input) { in.Report.Locality = storagehealth.Remote }).sight(), Settling, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := Track(tt.record, tt.sight)
			if p.Step != tt.want || !strings.Contains(p.Changed, tt.changed) || (tt.changed == "") != (p.Changed == "") || !strings.Contains(p.Message, tt.message) {
				t.Errorf("got %s, changed %q, message %q\nwant %s, changed %q, message %q", p.Step, p.Changed, p.Message, tt.want, tt.changed, tt.message)
			}
			if p.Done {
				t.Error("it is closed at the first look that finds it whole; the stable period has to pass")
			}
		})
	}
}

// TestTrackStablePeriod closes what has been whole long enough, and begins anew when the clock went back.
func TestTrackStablePeriod(t *testing.T) {
	t.Parallel()
	whole := newWorld("a", "b").volume("v", 2, "a", "b")
	for name, tt := range map[string]struct {
		since time.Time
		done  bool
		want  time.Time
	}{
		"never before":            {time.Time{}, false, noon},
		"a minute":                {noon.Add(-time.Minute), false, noon.Add(-time.Minute)},
		"long enough":             {noon.Add(-2 * time.Minute), true, noon.Add(-2 * time.Minute)},
		"since the clock went on": {noon.Add(time.Hour), false, noon},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Track(Record{Machine: "m-a", Node: "a", Identity: "id-a", WholeSince: tt.since}, whole.sight())
			if p.Done != tt.done || !p.WholeSince.Equal(tt.want) {
				t.Errorf("got done %t since %s, want %t since %s", p.Done, p.WholeSince, tt.done, tt.want)
			}
		})
	}
}

func TestDetached(t *testing.T) {
	t.Parallel()
	used := newWorld("a", "b").node("a", func(n *storagehealth.Node) { n.InUse = "drive set s is attached" }).Report
	for name, tt := range map[string]struct {
		node   string
		dead   bool
		report *storagehealth.Report
		want   bool
		words  string
	}{
		"in use":                      {"a", false, used, false, "drive set s"},
		"in use, and dead":            {"a", true, used, true, ""},
		"not in use":                  {"b", false, used, true, ""},
		"not known to the storage":    {"c", false, used, true, ""},
		"the storage cannot be asked": {"a", false, nil, false, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, words := Detached(tt.node, tt.dead, tt.report, "no answer")
			if got != tt.want || !strings.Contains(words, tt.words) {
				t.Errorf("got %t, %q; want %t, %q", got, words, tt.want, tt.words)
			}
		})
	}
}
