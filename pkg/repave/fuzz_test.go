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
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// FuzzDecide throws clusters at the gate that nobody would think of, and holds its verdicts to what must never be: a living node, or a dead one whose disks
// are wiped, let go with the last copy in reach, alone or with others; a verdict without a word.
func FuzzDecide(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, seed%7)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		in := anyInput(rand.New(rand.NewPCG(a, b)))
		verdicts := Decide(in)
		if again := Decide(in); !reflect.DeepEqual(verdicts, again) {
			t.Fatalf("the same input gave %+v and then %+v", verdicts, again)
		}
		if len(verdicts) != len(in.Candidates) {
			t.Fatalf("%d verdicts on %d Machines", len(verdicts), len(in.Candidates))
		}
		for _, v := range verdicts {
			if v.Reason == "" || v.Message == "" {
				t.Errorf("%s: a verdict without a word: %+v", v.Machine, v)
			}
		}
		checkAdmitted(t, in, verdicts)
		checkUnblock(t, in)
	})
}

// judged are the admissions that rest on what the storage says.
func judged(in Input, verdicts []Verdict) []Candidate {
	var all []Candidate
	for _, v := range verdicts {
		if v.Admitted && slices.Contains([]Reason{Whole, DataElsewhere, NoData, DeadNode}, v.Reason) {
			all = append(all, in.Candidates[slices.IndexFunc(in.Candidates, func(c Candidate) bool { return c.Machine == v.Machine })])
		}
	}
	return all
}

func checkAdmitted(t *testing.T, in Input, verdicts []Verdict) {
	t.Helper()
	if in.Report == nil || !in.Report.Placed {
		return
	}
	going := judged(in, verdicts)
	for _, c := range going {
		for _, v := range in.Report.Volumes {
			if !holdsCopy(in, v, c.Node) || (in.Report.Locality == storagehealth.Movable && (v.Wanted <= 1 || c.Dead)) || c.Dead && c.DataKept == storagehealth.Yes {
				continue
			}
			if !copyInReach(in, v, going, c) {
				t.Errorf("%s is let go with the last copy of %s in reach: %+v", c.Node, v.Name, v)
			}
		}
	}
}

func holdsCopy(in Input, v storagehealth.Volume, node string) bool {
	return slices.ContainsFunc(v.Replicas, func(r storagehealth.Replica) bool { return nameOf(in, r.Node) == node && node != "" })
}

func nameOf(in Input, node int32) string {
	if node < 0 || int(node) >= len(in.Report.Nodes) {
		return ""
	}
	return in.Report.Nodes[node].Name
}

// copyInReach tells whether a copy in sync is on a node that works and neither is away nor goes at the same time.
func copyInReach(in Input, v storagehealth.Volume, going []Candidate, c Candidate) bool {
	return slices.ContainsFunc(v.Replicas, func(r storagehealth.Replica) bool {
		name := nameOf(in, r.Node)
		if !r.InSync || name == "" || name == c.Node {
			return false
		}
		state := in.Report.Nodes[r.Node].State
		return (state == storagehealth.Online || state == storagehealth.Degraded) &&
			!slices.ContainsFunc(in.Flights, func(f Flight) bool { return f.Node == name && !f.Landed }) &&
			!slices.ContainsFunc(going, func(o Candidate) bool { return o.Node == name && !o.Dead && !c.Dead })
	})
}

func checkUnblock(t *testing.T, in Input) {
	t.Helper()
	name := Unblock(in)
	if name == "" {
		return
	}
	i := slices.IndexFunc(in.Dead, func(c Candidate) bool { return c.Machine == name })
	if i < 0 {
		t.Fatalf("Machine %s is to be replaced, which is none of the dead", name)
	}
	if c := in.Dead[i]; !c.Stuck || c.Role != Worker || (!c.Dead && c.Node != "") {
		t.Errorf("Machine %+v is to be replaced, which is not stuck, no worker or alive", c)
	}
}

func anyInput(r *rand.Rand) Input {
	in := Input{Now: noon, WholeSince: noon.Add(-time.Duration(r.IntN(300)) * time.Second), ReportError: "no answer", Rules: Rules{
		MaxConcurrent: r.IntN(5), Parallelism: pick(r, Serial, NonOverlapping), StablePeriod: 2 * time.Minute, MaxReportAge: time.Minute,
		AdmitDeadOnUnknown: r.IntN(8) == 0,
	}}
	nodes := 1 + r.IntN(7)
	if r.IntN(10) > 0 {
		in.Report = anyReport(r, nodes)
	}
	for i := range nodes + 1 {
		c := Candidate{
			Machine: fmt.Sprintf("m%d", i), Node: fmt.Sprintf("n%d", i), Set: pick(r, "s", "t", ""), Role: pick(r, Worker, Worker, ControlPlane), Purpose: pick(r, Replacement, Replacement, ScaleIn),
			WaitingSince: noon.Add(-time.Duration(r.IntN(100)) * time.Second), StorageExpected: r.IntN(4) > 0, Dead: r.IntN(4) == 0,
			DataKept: pick(r, storagehealth.Yes, storagehealth.No, storagehealth.Unknown), Stuck: r.IntN(2) == 0,
		}
		switch r.IntN(4) {
		case 0:
			in.Flights = append(in.Flights, Flight{Machine: "old-" + c.Machine, Node: c.Node, Set: c.Set, Landed: r.IntN(2) == 0})
		case 1:
			if c.Dead {
				in.Dead = append(in.Dead, c)
			}
		default:
			in.Candidates = append(in.Candidates, c)
		}
	}
	return in
}

func anyReport(r *rand.Rand, nodes int) *storagehealth.Report {
	report := &storagehealth.Report{At: noon.Add(-time.Duration(r.IntN(70)) * time.Second), Placed: r.IntN(5) > 0, Progress: int32(r.IntN(103)) - 1,
		Locality: pick(r, storagehealth.Local, storagehealth.Local, storagehealth.Movable), Available: pick(r, storagehealth.Yes, storagehealth.No, storagehealth.Unknown),
		Whole: pick(r, storagehealth.Yes, storagehealth.No, storagehealth.Unknown)}
	for i := range nodes {
		report.Nodes = append(report.Nodes, storagehealth.Node{Name: fmt.Sprintf("n%d", i), Identity: fmt.Sprintf("id-%d", i), QuorumMember: r.IntN(3) == 0, QuorumHealthy: r.IntN(4) > 0,
			State: pick(r, storagehealth.Online, storagehealth.Online, storagehealth.Online, storagehealth.Degraded, storagehealth.Offline, storagehealth.Maintenance, storagehealth.StateUnknown)})
	}
	for i := range r.IntN(8) {
		v := storagehealth.Volume{Name: fmt.Sprintf("v%d", i), Wanted: int32(r.IntN(4)), Quorum: int32(r.IntN(3))}
		for range r.IntN(4) {
			v.Replicas = append(v.Replicas, storagehealth.Replica{Node: int32(r.IntN(nodes+2)) - 1, InSync: r.IntN(3) > 0})
		}
		report.Volumes = append(report.Volumes, v)
	}
	return report
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }
