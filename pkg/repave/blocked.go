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
	"slices"
)

// Unblock names a Machine that has to be replaced next although nobody would, "" when there is none. A rollout takes no more nodes away than it may, and the
// dead count as well as those that are held; a health check leaves the dead of the old revision to the rollout, and asks nobody while too many are held.
// When those that are held, or away, need what a dead node has, each waits for the other. The node that is dead already ends that: its removal takes
// nothing away.
func Unblock(in Input) string {
	waits := map[string]bool{}
	for i := range in.Candidates {
		waits[in.Candidates[i].Set] = true
	}
	for _, f := range in.Flights {
		waits[f.Set] = true
	}
	d := newDecision(in)
	next := ""
	for i := range d.Dead {
		if c := &d.Dead[i]; c.Stuck && c.Role == Worker && c.Set != "" && waits[c.Set] && d.free[i] && (next == "" || c.Machine < next) {
			next = c.Machine
		}
	}
	return next
}

// judgeDead tells of each Machine that is dead, or never had a Node, whether it would be let go at once for that: not on somebody's word, nor by an
// exception.
func (d *decision) judgeDead() {
	d.free = make([]bool, len(d.Dead))
	alone := *d
	alone.Dead = nil
	for i := range d.Dead {
		c := &d.Dead[i]
		v := alone.judge(c)
		d.free[i] = (c.Dead || c.Node == "") && v.Admitted && slices.Contains([]Reason{NeverHadANode, DeadNode, NoData, DataElsewhere}, v.Reason)
	}
}

// ends says how the wait for another copy of some volumes ends: what it would be otherwise, unless a dead node has one of the copies.
func (d *decision) ends(volumes []int32, otherwise string) string {
	for i := range d.Dead {
		c := &d.Dead[i]
		node, known := d.node(c.Node)
		if !known || !slices.ContainsFunc(volumes, func(v int32) bool { return d.place.holds(v, node) }) {
			continue
		}
		return fmt.Sprintf("%s, which has copies, is dead. It ends when that is back%s", c.Node, d.wayOut(i))
	}
	return otherwise
}

// wayOut says what else than its return ends the wait for a dead node.
func (d *decision) wayOut(dead int) string {
	c := &d.Dead[dead]
	switch {
	case !d.free[dead]:
		return ""
	case c.Role == ControlPlane:
		// Cluster API takes the members of a control plane away in the order of their deletion.
		return ", or its copies are made elsewhere"
	case c.Stuck:
		return fmt.Sprintf(", or its Machine %s is replaced, which the gate sees to", c.Machine)
	}
	return fmt.Sprintf(", or its Machine %s is replaced: whoever deletes it does not wait for the gate", c.Machine)
}

// endsOpaque is ends for a store that does not show where its copies are.
func (d *decision) endsOpaque() string {
	for i := range d.Dead {
		if c := &d.Dead[i]; c.Node != "" && c.StorageExpected {
			return fmt.Sprintf("%s is dead. It ends when that is back%s", c.Node, d.wayOut(i))
		}
	}
	return "It ends when it is"
}
