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
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// Step is a part of a repave's life.
type Step string

// The steps, in their order.
const (
	Draining     Step = "Draining"
	Reinstalling Step = "Reinstalling"
	Joining      Step = "Joining"
	Rebuilding   Step = "Rebuilding"
	Settling     Step = "Settling"
	Closed       Step = "Closed"
)

// Record is what is remembered of an open repave.
type Record struct {
	Machine, Node string
	Purpose       Purpose
	// Identity and Pools are the store's ids of the node before it went, empty when the store did not run there.
	Identity string
	Pools    []string
	// DriveSets were attached to the node, of AllDriveSets that the store had (data on an array).
	DriveSets    []string
	AllDriveSets int32
	// WholeSince is since when the node's data has been whole without a break.
	WholeSince time.Time
}

// Sight is what is seen of it now.
type Sight struct {
	Now          time.Time
	StablePeriod time.Duration
	// MachineExists is true while the old Machine is there.
	MachineExists bool
	// Deletion is what Cluster API says of the old Machine's deletion.
	Deletion string
	// NodeExists is true when there is a Node of that name that belongs to another Machine than the old one, NodeReady when it is Ready.
	NodeExists, NodeReady bool
	// Report is nil when the store could not be asked.
	Report *storagehealth.Report
	// Open are the nodes of the other open repaves: what they lack is theirs.
	Open []string
}

// Progress is how far a repave has come.
type Progress struct {
	Step Step
	// Done is true when the record can be closed.
	Done bool
	// WholeSince goes back into the Record.
	WholeSince time.Time
	// Percent of the node's volumes that are in sync, negative when unknown; PendingBytes is what is still to be copied.
	Percent      int32
	PendingBytes int64
	// Changed says how the store's identity of the node differs from what it was; "" when it does not. It is an alarm: the old identity keeps its
	// replicas until somebody decides.
	Changed string
	// Message says in a sentence what is waited for.
	Message string
}

// Track says how far an open repave has come.
func Track(r Record, s Sight) Progress {
	switch {
	case s.MachineExists:
		return Progress{Step: Draining, Percent: -1, Message: fmt.Sprintf("Machine %s is drained and deleted%s", r.Machine, detail(s.Deletion))}
	case r.Purpose == ScaleIn && !s.NodeExists:
		return settle(r, s, trackStore(r, s))
	case !s.NodeExists:
		return Progress{Step: Reinstalling, Percent: -1, Message: fmt.Sprintf("Waiting for node %s to come back", r.Node)}
	case !s.NodeReady:
		return Progress{Step: Joining, Percent: -1, Message: fmt.Sprintf("Waiting for node %s to be Ready", r.Node)}
	}
	return settle(r, s, trackStore(r, s))
}

// trackStore says what the store makes of the node: Step is Settling when all is whole.
func trackStore(r Record, s Sight) Progress {
	p := Progress{Step: Rebuilding, Percent: -1}
	switch {
	case s.Report == nil:
		p.Message = "The storage cannot be asked"
		return p
	case !s.Report.Placed:
		p.Percent = s.Report.Progress
		if s.Report.Whole == storagehealth.Yes {
			p.Step = Settling
			return p
		}
		p.Message = fmt.Sprintf("The storage is not whole: %s", s.Report.Detail)
		return p
	}
	place := newPlacement(s.Report)
	node, known := place.index[r.Node]
	if s.NodeExists && r.Identity != "" {
		if waits := joining(r, place, node, known, &p); waits {
			return p
		}
	}
	if waits := reattaching(r, place, &p); waits {
		return p
	}
	if known {
		share(place, node, &p)
	}
	if volume, lacks := unexplained(r, s, place); lacks {
		p.Message = fmt.Sprintf("Volume %s is not whole%s", volume, progress(p.Percent))
		return p
	}
	p.Step = Settling
	return p
}

// reattaching tells whether drives that were attached to the node are not with one that is online yet, and notes when new ones were made instead.
func reattaching(r Record, place *placement, p *Progress) bool {
	if place.report.Locality != storagehealth.Movable || len(r.DriveSets) == 0 {
		return false
	}
	online := map[string]bool{}
	for i := range place.report.Nodes {
		if n := &place.report.Nodes[i]; n.State == storagehealth.Online {
			for _, set := range n.DriveSets {
				online[set] = true
			}
		}
	}
	waiting := ""
	for _, set := range r.DriveSets {
		if !online[set] && (waiting == "" || set < waiting) {
			waiting = set
		}
	}
	if place.report.DriveSets > r.AllDriveSets && r.AllDriveSets > 0 && waiting != "" {
		p.Changed = fmt.Sprintf("the storage had %d drive sets and has %d now, and %s is attached nowhere: it seems to have made a new one for %s. "+
			"Either stop the storage on the node that has the new set so that the old one is attached again, or remove the old one in the storage "+
			"and give this repave up", r.AllDriveSets, place.report.DriveSets, waiting, r.Node)
	}
	if waiting != "" {
		p.Step, p.Message = Joining, fmt.Sprintf("Waiting for drive set %s to be attached to a node that is online", waiting)
		return true
	}
	return false
}

// joining tells whether the store is not at work on the node yet, and notes when it came back as somebody else.
func joining(r Record, place *placement, node int32, known bool, p *Progress) bool {
	if !known {
		p.Step, p.Message = Joining, fmt.Sprintf("Waiting for the storage to know node %s", r.Node)
		return true
	}
	n := &place.report.Nodes[node]
	if place.report.Locality == storagehealth.Local {
		p.Changed = changed(r, n)
	}
	if n.State != storagehealth.Online && n.State != storagehealth.Degraded {
		p.Step, p.Message = Joining, fmt.Sprintf("Waiting for the storage to be online on %s, which it says is %s%s", r.Node, n.State, detail(n.Detail))
		return true
	}
	return false
}

func changed(r Record, n *storagehealth.Node) string {
	if n.Identity != r.Identity {
		return fmt.Sprintf("the storage knew the node as %s and knows it as %s now, so that its copies have to be built anew. Either bring the old "+
			"identity back, if its disks are whole, or decommission %s in the storage; its volumes then get new copies. To go on without, "+
			"give this repave up", r.Identity, n.Identity, r.Identity)
	}
	if n.State != storagehealth.Online {
		return ""
	}
	pools := map[string]bool{}
	for _, pool := range n.Pools {
		pools[pool] = true
	}
	for _, pool := range r.Pools {
		if !pools[pool] {
			return fmt.Sprintf("the storage had pool %s on the node and has not now. Either bring its disks back, or have the storage build the "+
				"copies that were in it anew. To go on without, give this repave up", pool)
		}
	}
	return ""
}

// share counts how much of the node's own data is in sync.
func share(place *placement, node int32, p *Progress) {
	total, inSync := 0, 0
	for _, volume := range place.volumesOn(node) {
		v := &place.report.Volumes[volume]
		for _, r := range v.Replicas {
			if r.Node != node {
				continue
			}
			total++
			if r.InSync {
				inSync++
			} else {
				p.PendingBytes += v.PendingBytes
			}
		}
	}
	if total > 0 {
		p.Percent = int32(inSync * 100 / total)
	}
}

// unexplained finds a volume that lacks a copy for which no other node is to blame: one that is open, or that the store has offline. A copy that
// left no trace is everybody's.
func unexplained(r Record, s Sight, place *placement) (string, bool) {
	blamed := others(r, s, place)
	for i := range place.report.Volumes {
		v := &place.report.Volumes[i]
		var inSync, theirs int32
		for _, replica := range v.Replicas {
			switch {
			case !place.known(replica.Node):
			case replica.InSync && place.serves(replica.Node, nil):
				inSync++
			case blamed.has(replica.Node):
				theirs++
			}
		}
		if inSync+theirs < v.Wanted {
			return v.Name, true
		}
	}
	return "", false
}

// others are the nodes that are to blame for what they lack themselves.
func others(r Record, s Sight, place *placement) set {
	blamed := newSet(len(place.report.Nodes))
	for _, name := range s.Open {
		if i, ok := place.index[name]; ok && name != r.Node {
			blamed.add(i)
		}
	}
	for i := range place.report.Nodes {
		n := &place.report.Nodes[i]
		// What the node was to the storage before it came back as another one is no other node.
		former := r.Identity != "" && n.Identity == r.Identity
		if n.State == storagehealth.Offline && n.Name != r.Node && !former {
			blamed.add(int32(i))
		}
	}
	return blamed
}

// settle closes what has been whole for the stable period.
func settle(r Record, s Sight, p Progress) Progress {
	if p.Step != Settling {
		return p
	}
	p.WholeSince = r.WholeSince
	if p.WholeSince.IsZero() || p.WholeSince.After(s.Now) {
		p.WholeSince = s.Now
	}
	if s.Now.Sub(p.WholeSince) >= s.StablePeriod {
		p.Step, p.Done, p.Message = Closed, true, "The data is whole"
		return p
	}
	p.Message = fmt.Sprintf("The data is whole, and not yet for %s on end", s.StablePeriod)
	return p
}
