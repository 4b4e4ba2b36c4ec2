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
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

func nodeUnknownToStore(d *decision, c *Candidate) *Verdict {
	if _, ok := d.node(c.Node); ok {
		return nil
	}
	if !c.StorageExpected {
		return admit(NoData, "The storage does not run on %s", c.Node)
	}
	if c.Dead {
		return admit(DeadNode, "%s is dead, and the storage has nothing on it", c.Node)
	}
	return hold(NodeUnknownToStore, "The storage does not know node %s although it is meant to run there. It ends when the storage lists the node", c.Node)
}

func noData(d *decision, c *Candidate) *Verdict {
	node, _ := d.node(c.Node)
	n := &d.Report.Nodes[node]
	if len(d.place.volumesOn(node)) > 0 || n.QuorumMember || n.Servers > 0 {
		return nil
	}
	return admit(NoData, "The storage has nothing on %s", c.Node)
}

// dataElsewhere admits a node whose copies are surplus: an evacuation that is done.
func dataElsewhere(d *decision, c *Candidate) *Verdict {
	node, _ := d.node(c.Node)
	n := &d.Report.Nodes[node]
	if n.QuorumMember || n.Servers > 0 {
		return nil
	}
	for _, volume := range d.place.volumesOn(node) {
		// A store that does not say how many are wanted is not believed that none is.
		if d.place.others(volume, node, d.open) < max(d.Report.Volumes[volume].Wanted, 1) {
			return nil
		}
	}
	return admit(DataElsewhere, "All data of %s has as many copies elsewhere as are wanted", c.Node)
}

// sharesData keeps a living node while one that it shares a volume with is away, or back and not whole.
func sharesData(d *decision, c *Candidate) *Verdict {
	if c.Dead {
		return nil
	}
	node, _ := d.node(c.Node)
	for i := range d.Report.Nodes {
		other := int32(i)
		if other == node || !d.open.has(other) || !d.place.neighbours[node].has(other) {
			continue
		}
		name := d.Report.Nodes[i].Name
		return hold(SharesData, "%s shares volumes with %s, whose repave is not whole yet. It ends when the storage has rebuilt that node", c.Node, name)
	}
	return nil
}

// lastReplica protects the last copy, on a living node or a dead one. Only where a dead server comes back with its disks as they are is its
// reinstallation the way to get that copy back, and where the data lies on an array, whose drives its successor attaches.
func lastReplica(d *decision, c *Candidate) *Verdict {
	node, _ := d.node(c.Node)
	if c.Dead && c.Purpose == Replacement && (c.DataKept == storagehealth.Yes || d.Report.Locality == storagehealth.Movable) {
		return nil
	}
	for _, volume := range d.place.volumesOn(node) {
		v := &d.Report.Volumes[volume]
		if d.Report.Locality == storagehealth.Movable && v.Wanted <= 1 {
			// The only copy moves with its drives, if it is well before they do.
			if !c.Dead && !d.place.inSyncOn(volume, node) {
				return hold(VolumeNotWhole, "Volume %s has its only copy on the drives of %s and is not up. It ends when it is", v.Name, c.Node)
			}
			continue
		}
		if n := d.place.others(volume, node, d.away); n == 0 {
			return hold(LastReplica, "Volume %s has no copy in sync on another node (%d wanted). %s", v.Name, v.Wanted,
				d.ends([]int32{volume}, "It ends with a second copy, or with the volume"))
		} else if n < v.Quorum && !c.Dead {
			return hold(QuorumAtRisk, "Volume %s would have %d copies in sync and needs %d to go on. %s", v.Name, n, v.Quorum,
				d.ends([]int32{volume}, "It ends when another copy is in sync"))
		}
	}
	return nil
}

// deadNode lets a dead node go: its removal takes nothing away that is not away already.
func deadNode(_ *decision, c *Candidate) *Verdict {
	if !c.Dead {
		return nil
	}
	return admit(DeadNode, "%s is dead, and every volume it holds has a copy elsewhere or comes back with its disks", c.Node)
}

func storageBusy(d *decision, _ *Candidate) *Verdict {
	if d.Report.Busy == "" {
		return nil
	}
	return hold(StorageBusy, "The storage is busy: %s. It ends when that is done", d.Report.Busy)
}

func nodeNotOnline(d *decision, c *Candidate) *Verdict {
	node, _ := d.node(c.Node)
	n := &d.Report.Nodes[node]
	switch n.State {
	case storagehealth.Online:
		return nil
	case storagehealth.Maintenance:
		return hold(NodeInMaintenance, "The storage has %s in maintenance%s. It ends when somebody takes it out of that", c.Node, detail(n.Detail))
	default:
	}
	return hold(StorageDegraded, "The storage says that %s is %s%s, and its Node is not dead. It ends when the storage is online there, or the Node is gone",
		c.Node, n.State, detail(n.Detail))
}

// quorumAtRisk protects the store's own metadata: no member goes while another one is not well.
func quorumAtRisk(d *decision, c *Candidate) *Verdict {
	node, ok := d.node(c.Node)
	if !ok || c.Dead || !d.Report.Nodes[node].QuorumMember {
		return nil
	}
	for i := range d.Report.Nodes {
		n := &d.Report.Nodes[i]
		other := int32(i)
		if other == node || !n.QuorumMember {
			continue
		}
		if !n.QuorumHealthy || n.State == storagehealth.Offline || d.open.has(other) {
			return hold(QuorumAtRisk, "%s has a member of the storage's own database, and the member on %s is not well. It ends when that one is", c.Node, n.Name)
		}
	}
	return nil
}

func notEvacuated(d *decision, c *Candidate) *Verdict {
	if c.Purpose != ScaleIn {
		return nil
	}
	node, _ := d.node(c.Node)
	if n := len(d.place.volumesOn(node)); n > 0 {
		return hold(NotEvacuated, "%s leaves for good and still has %d volumes. It ends when the storage has moved them: evacuate or decommission the node there",
			c.Node, n)
	}
	return nil
}

// volumeNotWhole holds while any volume of the node lacks another of its copies.
func volumeNotWhole(d *decision, c *Candidate) *Verdict {
	node, _ := d.node(c.Node)
	var lacking []int32
	for _, volume := range d.place.volumesOn(node) {
		if d.place.others(volume, node, d.away) < d.Report.Volumes[volume].Wanted-1 {
			lacking = append(lacking, volume)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return hold(VolumeNotWhole, "%d volumes on %s lack a copy in sync elsewhere, %s among them%s. %s", len(lacking), c.Node,
		d.Report.Volumes[lacking[0]].Name, progress(d.Report.Progress), d.ends(lacking, "It ends when they are rebuilt"))
}

func serial(d *decision, c *Candidate) *Verdict {
	if d.Rules.Parallelism == NonOverlapping {
		return nil
	}
	return serialOpaque(d, c)
}

func budget(d *decision, _ *Candidate) *Verdict {
	if d.flights < max(d.Rules.MaxConcurrent, 1) {
		return nil
	}
	return hold(BudgetExhausted, "%d repaves are open and maxConcurrent is %d. It ends when one of them is closed", d.flights, max(d.Rules.MaxConcurrent, 1))
}
