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
	"cmp"
	"slices"
)

// Decide judges every candidate. Those admitted count against the ones judged after them, so that all admissions of one decision can be carried
// out together. The verdicts come in the order of the judgement; the same input gives the same verdicts.
func Decide(in Input) []Verdict { return newDecision(in).decide() }

func (d *decision) decide() []Verdict {
	verdicts := make([]Verdict, 0, len(d.Candidates))
	for _, c := range d.order() {
		v := d.judge(c)
		v.Machine = c.Machine
		if v.Admitted {
			d.admit(c)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// Recheck judges one candidate that was admitted a moment ago once more, with everything read afresh: right before the hook is taken off. Its
// own claim is already among the flights and does not count against it.
func Recheck(in Input, machine string) (Verdict, bool) { return recheck(in, machine, "") }

func recheck(in Input, machine, without string) (Verdict, bool) {
	i := slices.IndexFunc(in.Candidates, func(c Candidate) bool { return c.Machine == machine })
	if i < 0 {
		return Verdict{}, false
	}
	in.Candidates = []Candidate{in.Candidates[i]}
	in.Flights = slices.DeleteFunc(slices.Clone(in.Flights), func(f Flight) bool { return f.Machine == machine })
	d := newDecision(in)
	d.without = without
	return d.decide()[0], true
}

// decision is the state of one Decide.
type decision struct {
	Input
	place *placement
	// open are the nodes of open repaves, away those of them that are not back, as sets over the report's nodes.
	open, away set
	// flights counts the open repaves, those admitted in this decision included; flightOf names their machines.
	flights  int
	flightOf map[string]bool
	openNode map[string]string
	// free are those of the dead that would be let go at once, by their index.
	free []bool
	// without names a policy that is left out: only the proof that each is needed sets it.
	without string
}

func newDecision(in Input) *decision {
	d := &decision{Input: in, flightOf: map[string]bool{}, openNode: map[string]string{}}
	if in.Report != nil {
		d.place = newPlacement(in.Report)
		d.open, d.away = newSet(len(in.Report.Nodes)), newSet(len(in.Report.Nodes))
	}
	for _, f := range in.Flights {
		d.flights++
		d.flightOf[f.Machine] = true
		d.fly(f.Machine, f.Node, f.Landed)
	}
	d.judgeDead()
	return d
}

func (d *decision) fly(machine, node string, landed bool) {
	d.openNode[node] = machine
	i, ok := d.node(node)
	if !ok {
		return
	}
	d.open.add(i)
	if !landed {
		d.away.add(i)
	}
}

func (d *decision) admit(c *Candidate) {
	if d.flightOf[c.Machine] || c.Node == "" {
		return
	}
	d.flights++
	d.flightOf[c.Machine] = true
	d.fly(c.Machine, c.Node, false)
}

func (d *decision) node(name string) (int32, bool) {
	if d.place == nil || name == "" {
		return 0, false
	}
	i, ok := d.place.index[name]
	return i, ok
}

// order is a total order of the candidates: dead nodes first, for they cost nothing more, then those that wait longest. With several in the air
// at once it is the order that fills the air.
func (d *decision) order() []*Candidate {
	rest := make([]*Candidate, len(d.Candidates))
	for i := range d.Candidates {
		rest[i] = &d.Candidates[i]
	}
	slices.SortStableFunc(rest, byRank)
	if d.place == nil || !d.Report.Placed || d.Rules.Parallelism != NonOverlapping {
		return rest
	}
	return d.gather(rest)
}

func byRank(a, b *Candidate) int {
	return cmp.Or(boolFirst(a.Dead, b.Dead), a.WaitingSince.Compare(b.WaitingSince), cmp.Compare(a.Machine, b.Machine))
}

func boolFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
