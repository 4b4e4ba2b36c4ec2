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
	"fmt"
	"slices"
)

// Room is what virtual machines have or need on a node.
type Room struct {
	Name string
	// MilliCPU and MemoryBytes that are free on a node, or that a virtual machine asks for.
	MilliCPU, MemoryBytes int64
}

// Fits tells why the virtual machines do not fit on the nodes, "" when they do: the largest first, each where it leaves the least memory over.
// It is an estimate: the scheduler also knows affinities, networks and devices.
func Fits(vms, nodes []Room) string {
	vms, nodes = slices.Clone(vms), slices.Clone(nodes)
	slices.SortFunc(vms, func(a, b Room) int {
		return cmp.Or(cmp.Compare(b.MemoryBytes, a.MemoryBytes), cmp.Compare(a.Name, b.Name))
	})
	short := 0
	var missing int64
	var first string
	for _, vm := range vms {
		best := -1
		for i, n := range nodes {
			if n.MilliCPU < vm.MilliCPU || n.MemoryBytes < vm.MemoryBytes {
				continue
			}
			if best < 0 || n.MemoryBytes < nodes[best].MemoryBytes {
				best = i
			}
		}
		if best < 0 {
			if short == 0 {
				first = vm.Name
			}
			short++
			missing += vm.MemoryBytes
			continue
		}
		nodes[best].MilliCPU -= vm.MilliCPU
		nodes[best].MemoryBytes -= vm.MemoryBytes
	}
	if short == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d find no place, %s among them (%d MiB)", short, len(vms), first, missing>>20)
}
