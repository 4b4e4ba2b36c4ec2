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

package pxsim

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Options set up a simulation.
type Options struct {
	// Clock is the real one when nil, Scale how many seconds pass here in one of its seconds; 1 when zero.
	Clock clock.PassiveClock
	Scale float64
	// Disks are memory when nil.
	Disks Disks
	// ResyncRate is how many bytes a second a node takes in while it catches up; 200 MiB when zero.
	ResyncRate int64
	// ReplaceLost gives a host that comes back with a blank disk the copies that its former self had, as full rebuilds. Portworx leaves that to
	// somebody's decision.
	ReplaceLost bool
	// Token has to be sent with each call when not empty.
	Token string
}

// Volume describes a volume to make.
type Volume struct {
	Name string
	// Nodes are the hosts with a copy.
	Nodes []string
	// Bytes that it has, and how many are written each second.
	Bytes, WriteRate int64
	// ServedBy is the host that serves it to others (sharedv4), "" for none.
	ServedBy string
}

// Node describes a host to add.
type Node struct {
	Host, Zone string
	// KVDB makes it a member of Portworx's own database.
	KVDB bool
}

type node struct {
	Node
	identity Identity
	up       bool
	// status overrides the SDK's status of a node that is up.
	status string
	// blank is set once its disk was found to be.
	blank bool
	// cordoned nodes serve no volumes anew; drainedAt is when the next one that the node serves has moved, zero when none is to.
	cordoned  bool
	drainedAt time.Time
}

type replica struct {
	node *node
	// current is true while the copy has all that was written; pending is what it lacks.
	current bool
	pending int64
	// joining marks a copy that is being made and does not belong to the set yet.
	joining bool
}

type volume struct {
	Volume
	id       string
	replicas []*replica
	lost     bool
	outage   bool
}

// Loss is a volume that was eaten.
type Loss struct {
	Volume string
	At     time.Time
	Why    string
}

// Sim is a simulation. It is safe for concurrent use.
type Sim struct {
	mu      sync.Mutex
	options Options
	started time.Time
	// now is the simulated time that the state below is of.
	now     time.Time
	nodes   []*node
	volumes []*volume
	born    int
	losses  []Loss
	outages []Loss
	// interruptions are the times that a server of volumes went down.
	interruptions []Loss

	faults Faults
	calls  map[string]int
}

// New makes a simulation without nodes.
func New(options Options) *Sim {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	if options.Scale <= 0 {
		options.Scale = 1
	}
	if options.Disks == nil {
		options.Disks = NewMemoryDisks()
	}
	if options.ResyncRate <= 0 {
		options.ResyncRate = 200 << 20
	}
	now := options.Clock.Now()
	return &Sim{options: options, started: now, now: now, calls: map[string]int{}}
}

// AddNode adds a host and starts Portworx on it.
func (s *Sim) AddNode(n Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	s.start(n)
}

// AddVolume makes a volume, whole, on hosts that are there.
func (s *Sim) AddVolume(v Volume) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	made := &volume{Volume: v, id: fmt.Sprintf("%018d", 100000000000000000+len(s.volumes))}
	for _, host := range v.Nodes {
		n := s.living(host)
		if n == nil {
			return fmt.Errorf("volume %s: Portworx does not run on %s", v.Name, host)
		}
		made.replicas = append(made.replicas, &replica{node: n, current: true})
	}
	s.volumes = append(s.volumes, made)
	return nil
}

// Down stops Portworx on a host: power off, crash, eviction.
func (s *Sim) Down(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	n := s.living(host)
	if n == nil {
		return
	}
	n.up = false
	s.interrupt(n)
	s.noteOutages()
}

// Up starts Portworx on a host, as whoever its data disk says it is.
func (s *Sim) Up(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	if s.living(host) != nil {
		return
	}
	s.start(Node{Host: host})
	s.noteOutages()
}

// SetStatus makes a node that is up report a status of the SDK, such as STATUS_MAINTENANCE; "" ends it.
func (s *Sim) SetStatus(host, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.living(host); n != nil {
		n.status = status
	}
}

// Losses are the volumes whose last current copy was destroyed so far.
func (s *Sim) Losses() []Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	return slices.Clone(s.losses)
}

// Outages are the times that a volume had no current copy within reach.
func (s *Sim) Outages() []Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	return slices.Clone(s.outages)
}

// Whole tells whether every volume has all its copies, current and within reach.
func (s *Sim) Whole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	return !slices.ContainsFunc(s.volumes, func(v *volume) bool { return !v.whole() })
}

// Identity is that of the host's living self.
func (s *Sim) Identity(host string) (Identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.living(host); n != nil {
		return n.identity, true
	}
	return Identity{}, false
}

// Placement is where the copies of a volume are.
type Placement struct {
	Volume string
	Wanted int
	// Hosts have a copy, InSync those whose copy is current and within reach.
	Hosts, InSync []string
}

// Placements tells where the copies of all volumes are.
func (s *Sim) Placements() []Placement {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	all := make([]Placement, 0, len(s.volumes))
	for _, v := range s.volumes {
		p := Placement{Volume: v.Name, Wanted: len(v.Nodes)}
		for _, r := range v.replicas {
			p.Hosts = append(p.Hosts, r.node.Host)
			if r.serves() {
				p.InSync = append(p.InSync, r.node.Host)
			}
		}
		all = append(all, p)
	}
	return all
}

func (v *volume) whole() bool {
	n := 0
	for _, r := range v.replicas {
		if r.serves() {
			n++
		}
	}
	return !v.lost && n == len(v.Nodes)
}

func (r *replica) serves() bool { return r.current && r.node.up && !r.joining && !r.node.blank }

func (v *volume) serving() bool { return slices.ContainsFunc(v.replicas, (*replica).serves) }

// living is the node that runs on a host, nil when none does.
func (s *Sim) living(host string) *node {
	for _, n := range s.nodes {
		if n.Host == host && n.up {
			return n
		}
	}
	return nil
}

// start runs Portworx on a host: as the node that its disk names, or as a new one.
func (s *Sim) start(n Node) {
	identity, ok := s.options.Disks.Load(n.Host)
	for _, known := range s.nodes {
		if ok && known.identity.ID == identity.ID {
			known.up, known.status = true, ""
			return
		}
	}
	former := s.former(n.Host)
	if former != nil {
		n.Zone, n.KVDB = former.Zone, former.KVDB
	}
	if !ok {
		s.born++
		identity = Identity{
			ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", s.born), Pools: []string{fmt.Sprintf("%08d-0000-4000-9000-000000000000", s.born)},
		}
		s.options.Disks.Store(n.Host, identity)
	}
	born := &node{Node: n, identity: identity, up: true}
	s.nodes = append(s.nodes, born)
	slices.SortStableFunc(s.nodes, func(a, b *node) int { return cmp.Compare(a.Host, b.Host) })
	if former != nil && !ok {
		s.destroy(former, "it came back with a blank disk")
		if s.options.ReplaceLost {
			s.replace(former, born)
		}
	}
}

// former is the last self of a host that has none now.
func (s *Sim) former(host string) *node {
	var last *node
	for _, n := range s.nodes {
		if n.Host == host {
			last = n
		}
	}
	return last
}

// destroy takes the copies of a node that has no data any more.
func (s *Sim) destroy(gone *node, why string) {
	if gone.blank {
		return
	}
	gone.blank = true
	for _, v := range s.volumes {
		had, left := false, false
		for _, r := range v.replicas {
			switch {
			case r.joining:
			case r.node == gone:
				had = had || r.current
				r.current, r.pending = false, v.Bytes
			default:
				left = left || (r.current && !r.node.blank)
			}
		}
		if had && !left && !v.lost {
			v.lost = true
			s.losses = append(s.losses, Loss{Volume: v.Name, At: s.now, Why: fmt.Sprintf("the last current copy was on %s, and %s", gone.Host, why)})
		}
	}
}

// replace makes the copies that a former node had anew on another.
func (s *Sim) replace(former, by *node) {
	for _, v := range s.volumes {
		for _, r := range v.replicas {
			if r.node == former {
				r.node, r.current, r.pending, r.joining = by, false, v.Bytes, true
			}
		}
	}
}

func (s *Sim) noteOutages() {
	for _, v := range s.volumes {
		out := !v.serving()
		if out && !v.outage {
			s.outages = append(s.outages, Loss{Volume: v.Name, At: s.now, Why: "no current copy is within reach"})
		}
		v.outage = out
	}
}

// advance brings the state to the present.
func (s *Sim) advance() {
	passed := s.options.Clock.Now().Sub(s.started)
	now := s.started.Add(time.Duration(float64(passed) * s.options.Scale))
	elapsed := now.Sub(s.now).Seconds()
	if elapsed <= 0 {
		return
	}
	s.now = now
	for _, n := range s.nodes {
		if _, ok := s.options.Disks.Load(n.Host); !ok && !n.up {
			s.destroy(n, "its disk was wiped")
		}
	}
	s.moveAttachments()
	for _, v := range s.volumes {
		s.write(v, elapsed)
	}
	for _, n := range s.nodes {
		if n.up {
			s.resync(n, elapsed)
		}
	}
}

// write lets the copies that are out of reach fall behind.
func (s *Sim) write(v *volume, elapsed float64) {
	written := int64(float64(v.WriteRate) * elapsed)
	if written <= 0 || !v.serving() {
		return
	}
	for _, r := range v.replicas {
		if !r.node.up {
			r.current = false
			r.pending = min(r.pending+written, v.Bytes)
		}
	}
}

// resync lets the copies on a node catch up, one after the other.
func (s *Sim) resync(n *node, elapsed float64) {
	room := int64(float64(s.options.ResyncRate) * elapsed)
	for _, v := range s.volumes {
		for _, r := range v.replicas {
			if r.node != n || r.current || v.lost || !v.serving() {
				continue
			}
			done := min(r.pending, room)
			r.pending -= done
			room -= done
			if r.pending == 0 {
				r.current, r.joining = true, false
			}
		}
	}
}
