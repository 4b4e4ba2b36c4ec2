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

// policy answers one question about a candidate; nil means that it has no objection and no reason to admit either.
type policy struct {
	name  string
	judge func(d *decision, c *Candidate) *Verdict
}

// passes admit without a look at the store.
var passes = []policy{
	{"clusterDeleting", clusterDeleting},
	{"alreadyAdmitted", alreadyAdmitted},
	{"overridden", overridden},
	{"ungated", ungated},
	{"neverHadANode", neverHadANode},
}

// knowledge holds while too little is known.
var knowledge = []policy{
	{"hookMissing", hookMissing},
	{"storageUnknown", storageUnknown},
	{"storageStale", storageStale},
}

// placedPolicies judge with a store that shows where its replicas are.
var placedPolicies = []policy{
	{"nodeUnknownToStore", nodeUnknownToStore},
	{"noData", noData},
	{"dataElsewhere", dataElsewhere},
	{"sharesData", sharesData},
	{"lastReplica", lastReplica},
	{"deadNode", deadNode},
	{"storageBusy", storageBusy},
	{"nodeNotOnline", nodeNotOnline},
	{"quorumAtRisk", quorumAtRisk},
	{"notEvacuated", notEvacuated},
	{"volumeNotWhole", volumeNotWhole},
	{"serial", serial},
	{"budget", budget},
}

// opaquePolicies judge with a store that only says how it is as a whole.
var opaquePolicies = []policy{
	{"deadNodeOpaque", deadNodeOpaque},
	{"storageBusy", storageBusy},
	{"quorumAtRisk", quorumAtRisk},
	{"notEvacuatedOpaque", notEvacuatedOpaque},
	{"serialOpaque", serialOpaque},
	{"storageDegraded", storageDegraded},
	{"storageSettling", storageSettling},
}

// services come last: they protect what runs on the node, not the data.
var services = []policy{
	{"controlPlaneMoving", controlPlaneMoving},
	{"vmsCannotMove", vmsCannotMove},
	{"noRoomForVMs", noRoomForVMs},
}

// judge runs the chains; the first answer decides. An early admission still has to respect what runs on a living node.
func (d *decision) judge(c *Candidate) Verdict {
	if v := run(passes, d, c); v != nil {
		return *v
	}
	if v := run(knowledge, d, c); v != nil {
		return *v
	}
	storage := opaquePolicies
	if d.Report.Placed {
		storage = placedPolicies
	}
	v := run(storage, d, c)
	if v != nil && (!v.Admitted || c.Dead) {
		return *v
	}
	if held := run(services, d, c); held != nil {
		return *held
	}
	if v != nil {
		return *v
	}
	return *admit(Whole, "All data that %s holds is whole, with copies on other nodes", c.Node)
}

func run(chain []policy, d *decision, c *Candidate) *Verdict {
	for _, p := range chain {
		if d.without != p.name {
			if v := p.judge(d, c); v != nil {
				return v
			}
		}
	}
	return nil
}

func hold(reason Reason, format string, args ...any) *Verdict {
	return &Verdict{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func admit(reason Reason, format string, args ...any) *Verdict {
	return &Verdict{Admitted: true, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func clusterDeleting(d *decision, _ *Candidate) *Verdict {
	if !d.ClusterDeleting {
		return nil
	}
	return admit(ClusterGoesAway, "The cluster is being deleted")
}

func alreadyAdmitted(d *decision, c *Candidate) *Verdict {
	if !d.flightOf[c.Machine] {
		return nil
	}
	return admit(AlreadyInProcess, "Admitted before")
}

func overridden(d *decision, c *Candidate) *Verdict {
	for _, o := range []*Override{c.Override, d.Override} {
		if o != nil && d.Now.Before(o.Until) {
			return admit(Overridden, "Overridden by %s until %s: %s", o.By, o.Until.UTC().Format(time.RFC3339), o.Reason)
		}
	}
	return nil
}

func ungated(d *decision, _ *Candidate) *Verdict {
	if !d.Rules.Ungated {
		return nil
	}
	return admit(Ungated, "The gate protects no storage (store None)")
}

func neverHadANode(_ *decision, c *Candidate) *Verdict {
	if c.Node != "" {
		return nil
	}
	return admit(NeverHadANode, "The Machine never had a Node, so nothing is on it")
}

func hookMissing(_ *decision, c *Candidate) *Verdict {
	if c.UnhookedPeers == 0 {
		return nil
	}
	return hold(HookMissing, "%d other Machines of the cluster lack the gate's pre-drain hook, so that their deletion would not wait. The gate adds it; "+
		"see its status if this lasts", c.UnhookedPeers)
}

func storageUnknown(d *decision, c *Candidate) *Verdict {
	if d.Report != nil {
		return nil
	}
	if c.Dead && d.Rules.AdmitDeadOnUnknown {
		return admit(DeadNode, "%s is dead and the gate was told to let dead nodes go although the storage cannot be asked", c.Node)
	}
	return hold(StorageUnknown, "The storage could not be asked: %s. It ends with the first answer", d.ReportError)
}

func storageStale(d *decision, _ *Candidate) *Verdict {
	age := d.Now.Sub(d.Report.At)
	if age <= d.Rules.MaxReportAge {
		return nil
	}
	return hold(StorageStale, "What the storage said is %s old, more than the %s that count. It ends with a fresh answer", age.Round(time.Second),
		d.Rules.MaxReportAge)
}

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

// lastReplica protects the last copy, on a living node or a dead one. Only where a dead server comes back with its disks as they are is its
// reinstallation the way to get that copy back.
func lastReplica(d *decision, c *Candidate) *Verdict {
	node, _ := d.node(c.Node)
	if c.Dead && c.DataKept == storagehealth.Yes && c.Purpose == Replacement {
		return nil
	}
	for _, volume := range d.place.volumesOn(node) {
		v := &d.Report.Volumes[volume]
		if d.Report.Locality != storagehealth.Local && v.Wanted <= 1 {
			continue
		}
		if n := d.place.others(volume, node, d.away); n == 0 {
			return hold(LastReplica, "Volume %s has no copy in sync on another node (%d wanted). It ends with a second copy, or with the volume",
				v.Name, v.Wanted)
		} else if n < v.Quorum && !c.Dead {
			return hold(QuorumAtRisk, "Volume %s would have %d copies in sync and needs %d to go on. It ends when another copy is in sync",
				v.Name, n, v.Quorum)
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
		if d.place.others(volume, node, d.open) < d.Report.Volumes[volume].Wanted {
			return nil
		}
	}
	return admit(DataElsewhere, "All data of %s has as many copies elsewhere as are wanted", c.Node)
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

func detail(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
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

// volumeNotWhole holds while any volume of the node lacks another of its copies.
func volumeNotWhole(d *decision, c *Candidate) *Verdict {
	node, _ := d.node(c.Node)
	var first *storagehealth.Volume
	count := 0
	for _, volume := range d.place.volumesOn(node) {
		v := &d.Report.Volumes[volume]
		if d.place.others(volume, node, d.away) < v.Wanted-1 {
			if first == nil {
				first = v
			}
			count++
		}
	}
	if count == 0 {
		return nil
	}
	return hold(VolumeNotWhole, "%d volumes on %s lack a copy in sync elsewhere, %s among them%s. It ends when they are rebuilt", count, c.Node,
		first.Name, progress(d.Report.Progress))
}

func progress(percent int32) string {
	if percent < 0 || percent > 100 {
		return ""
	}
	return fmt.Sprintf(" (%d%% rebuilt)", percent)
}

func serial(d *decision, c *Candidate) *Verdict {
	if d.Rules.Parallelism == NonOverlapping {
		return nil
	}
	return serialOpaque(d, c)
}

// serialOpaque holds while any repave is open: without a placement nobody knows which nodes have nothing in common.
func serialOpaque(d *decision, _ *Candidate) *Verdict {
	if d.flights == 0 {
		return nil
	}
	return hold(AnotherRepaveOpen, "The repave of %s is not whole yet and repaves go one by one. It ends when that one is closed", d.oneOpen())
}

func (d *decision) oneOpen() string {
	names := make([]string, 0, len(d.openNode))
	for node := range d.openNode {
		names = append(names, node)
	}
	if len(names) == 0 {
		return "another node"
	}
	return sorted(names)
}

func budget(d *decision, _ *Candidate) *Verdict {
	if d.flights < max(d.Rules.MaxConcurrent, 1) {
		return nil
	}
	return hold(BudgetExhausted, "%d repaves are open and maxConcurrent is %d. It ends when one of them is closed", d.flights, max(d.Rules.MaxConcurrent, 1))
}

func deadNodeOpaque(d *decision, c *Candidate) *Verdict {
	switch {
	case !c.Dead:
		return nil
	case d.Report.Available == storagehealth.Yes:
		return admit(DeadNode, "%s is dead, and the storage says that all data is available without it", c.Node)
	case c.DataKept == storagehealth.Yes && c.Purpose == Replacement:
		return admit(DeadNode, "%s is dead and comes back with its disks as they are", c.Node)
	}
	return hold(LastReplica, "%s is dead and the storage does not say that all data is available without it: %s. It ends when it does", c.Node,
		d.Report.Detail)
}

func notEvacuatedOpaque(d *decision, c *Candidate) *Verdict {
	if c.Purpose != ScaleIn || !c.StorageExpected || d.Report.Locality == storagehealth.Remote {
		return nil
	}
	return hold(NotEvacuated, "%s leaves for good, and this storage does not show whether it still holds data. Evacuate it, then let it go by an override",
		c.Node)
}

func storageDegraded(d *decision, _ *Candidate) *Verdict {
	switch d.Report.Whole {
	case storagehealth.Yes:
		return nil
	case storagehealth.No:
		return hold(StorageDegraded, "The storage is not whole: %s%s. It ends when it is", d.Report.Detail, progress(d.Report.Progress))
	}
	return hold(StorageUnknown, "The storage does not say whether it is whole: %s. It ends when it does", d.Report.Detail)
}

func storageSettling(d *decision, _ *Candidate) *Verdict {
	if !d.WholeSince.IsZero() && d.Now.Sub(d.WholeSince) >= d.Rules.StablePeriod {
		return nil
	}
	return hold(StorageSettling, "The storage is whole, and not yet for %s on end. It ends by itself", d.Rules.StablePeriod)
}

func controlPlaneMoving(d *decision, c *Candidate) *Verdict {
	if c.Role != Worker || c.Purpose == ScaleIn || !d.ControlPlane.Moving {
		return nil
	}
	return hold(ControlPlaneMoving, "The control plane %s; Cluster API makes no replacement of a worker until that is over, so the node would be missing as long",
		d.ControlPlane.Detail)
}

func vmsCannotMove(_ *decision, c *Candidate) *Verdict {
	if c.VMs != BlockOnVMs || len(c.StuckVMs) == 0 {
		return nil
	}
	return hold(VMsCannotMove, "%d virtual machines on %s cannot be live-migrated: %s. It ends when they are stopped or made migratable", len(c.StuckVMs),
		c.Node, shortened(c.StuckVMs))
}

func noRoomForVMs(_ *decision, c *Candidate) *Verdict {
	if c.VMs != BlockOnVMs || c.NoRoomForVMs == "" {
		return nil
	}
	return hold(NoRoomForVMs, "The other nodes cannot take the virtual machines of %s: %s. It ends when there is room", c.Node, c.NoRoomForVMs)
}
