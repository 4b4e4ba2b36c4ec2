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
	"math/bits"
	"slices"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// placement indexes a report by node: built once for a decision, in time proportional to the replicas.
type placement struct {
	report *storagehealth.Report
	// index finds a node by name.
	index map[string]int32
	// held lists for each node the volumes that have a replica on it: volumes[start[n]:start[n+1]].
	start   []int32
	volumes []int32
	// neighbours has for each node the set of nodes that it shares a volume with.
	neighbours []set
}

func newPlacement(report *storagehealth.Report) *placement {
	p := &placement{report: report, index: make(map[string]int32, len(report.Nodes))}
	for i := range report.Nodes {
		p.index[report.Nodes[i].Name] = int32(i)
	}
	p.indexVolumes()
	return p
}

func (p *placement) indexVolumes() {
	nodes := len(p.report.Nodes)
	p.start = make([]int32, nodes+1)
	for i := range p.report.Volumes {
		for _, r := range p.report.Volumes[i].Replicas {
			if p.known(r.Node) {
				p.start[r.Node+1]++
			}
		}
	}
	for n := range nodes {
		p.start[n+1] += p.start[n]
	}
	p.volumes = make([]int32, p.start[nodes])
	next := append([]int32(nil), p.start[:nodes]...)
	p.neighbours = make([]set, nodes)
	for n := range p.neighbours {
		p.neighbours[n] = newSet(nodes)
	}
	for i := range p.report.Volumes {
		for _, r := range p.report.Volumes[i].Replicas {
			if !p.known(r.Node) {
				continue
			}
			p.volumes[next[r.Node]] = int32(i)
			next[r.Node]++
			for _, other := range p.report.Volumes[i].Replicas {
				if other.Node != r.Node && p.known(other.Node) {
					p.neighbours[r.Node].add(other.Node)
				}
			}
		}
	}
}

// known guards against a report whose replicas lie on nodes that it does not list; their volumes then lack a replica, which holds.
func (p *placement) known(node int32) bool { return node >= 0 && int(node) < len(p.report.Nodes) }

// volumesOn are the volumes with a replica on the node.
func (p *placement) volumesOn(node int32) []int32 { return p.volumes[p.start[node]:p.start[node+1]] }

// serves tells whether a replica on the node counts: a store may call a replica current long after its node went away.
func (p *placement) serves(node int32, away set) bool {
	if !p.known(node) || away.has(node) {
		return false
	}
	switch p.report.Nodes[node].State {
	case storagehealth.Online, storagehealth.Degraded:
		return true
	case storagehealth.Maintenance, storagehealth.Starting, storagehealth.Offline, storagehealth.StateUnknown:
		return false
	}
	return false
}

// others counts a volume's replicas on other nodes than this one that are in sync and within reach.
func (p *placement) others(volume, node int32, away set) int32 {
	var n int32
	for _, r := range p.report.Volumes[volume].Replicas {
		if r.Node != node && r.InSync && p.serves(r.Node, away) {
			n++
		}
	}
	return n
}

// holds tells whether a volume has a replica on the node, in sync or not.
func (p *placement) holds(volume, node int32) bool {
	return slices.ContainsFunc(p.report.Volumes[volume].Replicas, func(r storagehealth.Replica) bool { return r.Node == node })
}

// inSyncOn tells whether the volume's replica on the node is in sync.
func (p *placement) inSyncOn(volume, node int32) bool {
	return slices.ContainsFunc(p.report.Volumes[volume].Replicas, func(r storagehealth.Replica) bool { return r.Node == node && r.InSync })
}

// set is a set of small numbers.
type set []uint64

func newSet(size int) set { return make(set, (size+63)/64) }

func (s set) add(i int32) { s[i/64] |= 1 << (i % 64) }

func (s set) has(i int32) bool { return int(i/64) < len(s) && s[i/64]&(1<<(i%64)) != 0 }

// beyond counts the members that are in s and in wanted, and not in known.
func (s set) beyond(known, wanted set) int {
	n := 0
	for i := range s {
		n += bits.OnesCount64(s[i] & wanted[i] &^ known[i])
	}
	return n
}

func (s set) union(other set) {
	for i := range other {
		s[i] |= other[i]
	}
}
