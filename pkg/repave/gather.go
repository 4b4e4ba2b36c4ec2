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
	"slices"
)

// gather orders the candidates so that as many as possible can be away at once. Stores put the copies of a volume into different failure
// domains, so it takes domain after domain: the one that most open repaves are in, then the one that most candidates are in. Within a domain, and
// without any, it picks one after the other the candidate that blocks the fewest of those still waiting.
func (d *decision) gather(rest []*Candidate) []*Candidate {
	g := d.newGathering(rest)
	ordered := make([]*Candidate, 0, len(rest))
	for len(rest) > 0 {
		k := g.next(rest)
		if k < 0 {
			break
		}
		c := rest[k]
		rest = slices.Delete(rest, k, k+1)
		ordered = append(ordered, c)
		g.take(c)
	}
	return append(ordered, rest...)
}

// gathering is the state of one gather.
type gathering struct {
	*decision
	// waiting are the nodes of all candidates, blocked those that share a volume with a node that is open or was picked.
	waiting, blocked set
	// inAir and inLine count the open and the waiting nodes of each domain.
	inAir, inLine map[string]int
}

func (d *decision) newGathering(rest []*Candidate) *gathering {
	nodes := len(d.Report.Nodes)
	g := &gathering{decision: d, waiting: newSet(nodes), blocked: newSet(nodes), inAir: map[string]int{}, inLine: map[string]int{}}
	for _, c := range rest {
		if i, ok := d.node(c.Node); ok {
			g.waiting.add(i)
			g.inLine[d.Report.Nodes[i].Domain]++
		}
	}
	for i := range d.Report.Nodes {
		if d.open.has(int32(i)) {
			g.blocked.union(d.place.neighbours[i])
			g.inAir[d.Report.Nodes[i].Domain]++
		}
	}
	return g
}

// next is the index of the best candidate, -1 when all that are left are blocked. One that the store does not know, or that is dead, comes at once.
func (g *gathering) next(rest []*Candidate) int {
	best := -1
	var bestRank [3]int
	for k, c := range rest {
		i, ok := g.node(c.Node)
		if !ok || c.Dead {
			return k
		}
		if g.blocked.has(i) {
			continue
		}
		domain := g.Report.Nodes[i].Domain
		rank := [3]int{-g.inAir[domain], -g.inLine[domain], g.place.neighbours[i].beyond(g.blocked, g.waiting)}
		if best < 0 || slices.Compare(rank[:], bestRank[:]) < 0 {
			best, bestRank = k, rank
		}
	}
	return best
}

func (g *gathering) take(c *Candidate) {
	i, ok := g.node(c.Node)
	if !ok {
		return
	}
	g.blocked.union(g.place.neighbours[i])
	g.inAir[g.Report.Nodes[i].Domain]++
}
