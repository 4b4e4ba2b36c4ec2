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

package portworx

import (
	"slices"
	"strconv"
	"strings"
)

// The words of a volume's runtime state, as Portworx's own tools and tests read them. Others exist (resync_failed among them); nothing is provable then.
const (
	stateClean    = "clean"
	stateResync   = "resync"
	stateDegraded = "degraded"
)

// The keys of the runtime state of a replica set. "Mid" are ids of nodes, the sets without it numbers of nodes in the same order.
const (
	keyState      = "RuntimeState"
	keyCurrent    = "ReplicaSetCurr"
	keyCurrentIDs = "ReplicaSetCurrMid"
	keyNextIDs    = "ReplicaSetNextMid"
	keyNewIDs     = "ReplNewNodeMid"
	keyReAddIDs   = "PXReplReAddNodeMid"
	keyRemoveIDs  = "ReplRemoveMids"
	keyReadSet    = "ReadSet"
	keyResync     = "ResyncBlocks"
	keyFullResync = "FullResyncBlocks"
	keyReAddUsed  = "PXReplReAddUsedSize"
)

// maxBlocks keeps nonsense from overflowing.
const maxBlocks = 1 << 40

// replicaSet is what a volume says of one of its replica sets.
type replicaSet struct {
	// up is true when the whole volume says that it is up, clean when all of its replica sets do.
	up, allClean bool
	// wanted is the number of copies.
	wanted int
	nodes  []string
	state  map[string]string
}

// standing is what can be concluded about one node of a set.
type standing struct {
	node   string
	inSync bool
	// blocks are still to be copied to it, as counted by the volume; negative when the volume does not count.
	blocks int64
}

// members are the nodes of the set, with those on which a copy is being made and which the set does not list yet.
func (s *replicaSet) members() []string {
	members := slices.Clone(s.nodes)
	for _, key := range []string{keyNewIDs, keyReAddIDs} {
		for _, id := range ids(s.state[key]) {
			if !slices.Contains(members, id) {
				members = append(members, id)
			}
		}
	}
	return members
}

// standings tells which copies are provably in sync. A volume that is up can have a copy that is being made, and a clean one can have a node that
// missed writes: what counts is the current set, less all that is being added, removed or copied to. When something is not clean and
// nothing tells which copy it is about, none of them counts.
func (s *replicaSet) standings() []standing {
	members := s.members()
	blocks := s.blocks()
	trusted := s.trusted(blocks)
	all := make([]standing, 0, len(members))
	for _, id := range members {
		one := standing{node: id, blocks: -1}
		if n, counted := blocks[id]; counted {
			one.blocks = n
		}
		one.inSync = trusted && slices.Contains(s.nodes, id) && s.current(id) && !s.changing(id) && one.blocks <= 0
		all = append(all, one)
	}
	return all
}

// trusted tells whether the set says enough for any of its copies to count.
func (s *replicaSet) trusted(blocks map[string]int64) bool {
	_, hasCurrent := s.state[keyCurrentIDs]
	switch s.state[keyState] {
	case stateClean:
		// A volume that is clean and up with all of its copies needs no further proof; anything less does.
		return s.allClean && s.up && len(s.nodes) == s.wanted || hasCurrent
	case stateResync, stateDegraded:
		return hasCurrent && s.explained(blocks)
	}
	return false
}

// explained tells whether it is known which copies a resync is about.
func (s *replicaSet) explained(blocks map[string]int64) bool {
	for _, n := range blocks {
		if n > 0 {
			return true
		}
	}
	for _, id := range s.members() {
		if !s.current(id) || s.changing(id) {
			return true
		}
	}
	return false
}

// current tells whether a node is in the set that reads and writes go to now.
func (s *replicaSet) current(id string) bool {
	text, ok := s.state[keyCurrentIDs]
	if !ok {
		return true
	}
	index := slices.Index(ids(text), id)
	if index < 0 {
		return false
	}
	// The read set is in the numbers of the current set.
	reads, ok := s.state[keyReadSet]
	if !ok || s.state[keyState] == stateClean {
		return true
	}
	numbers := strings.Fields(strings.Trim(s.state[keyCurrent], "[]"))
	if len(numbers) != len(ids(text)) {
		return false
	}
	return slices.Contains(strings.Fields(strings.Trim(reads, "[]")), numbers[index])
}

// changing tells whether a copy is being made on a node, or taken away from it.
func (s *replicaSet) changing(id string) bool {
	for _, key := range []string{keyNewIDs, keyReAddIDs, keyRemoveIDs} {
		if slices.Contains(ids(s.state[key]), id) {
			return true
		}
	}
	next, ok := s.state[keyNextIDs]
	return ok && next != "" && slices.Contains(ids(s.state[keyCurrentIDs]), id) && !slices.Contains(ids(next), id)
}

// blocks are the counters of what is still to be copied, by node: "[{0 12} {1 0} {-1 0}]" with the numbers of the current set.
func (s *replicaSet) blocks() map[string]int64 {
	current := ids(s.state[keyCurrentIDs])
	numbers := strings.Fields(strings.Trim(s.state[keyCurrent], "[]"))
	next := ids(s.state[keyNextIDs])
	nextNumbers := strings.Fields(strings.Trim(s.state["ReplicaSetNext"], "[]"))
	name := map[string]string{}
	if len(current) == len(numbers) {
		for i := range current {
			name[numbers[i]] = current[i]
		}
	}
	if len(next) == len(nextNumbers) {
		for i := range next {
			name[nextNumbers[i]] = next[i]
		}
	}
	total := map[string]int64{}
	for _, key := range []string{keyResync, keyFullResync} {
		for _, pair := range strings.Split(s.state[key], "}") {
			fields := strings.Fields(strings.Trim(pair, "[{ "))
			if len(fields) != 2 || name[fields[0]] == "" {
				continue
			}
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil || n < 0 {
				// A counter that makes no sense is one that is not zero.
				n = 1
			}
			total[name[fields[0]]] = min(total[name[fields[0]]]+min(n, maxBlocks), maxBlocks)
		}
	}
	return total
}

// copied is how many bytes of a new copy have been written, by the volume's own account.
func (s *replicaSet) copied() int64 {
	n, err := strconv.ParseInt(s.state[keyReAddUsed], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// ids splits a list of ids. An empty one has none.
func ids(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
