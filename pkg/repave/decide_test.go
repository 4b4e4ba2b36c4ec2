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
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world builds an input: three racks of nodes, one volume each where a test says so.
type world struct{ Input }

func newWorld(nodes ...string) *world {
	report := &storagehealth.Report{At: noon, Locality: storagehealth.Local, Placed: true, Progress: -1}
	for _, n := range nodes {
		report.Nodes = append(report.Nodes, storagehealth.Node{Name: n, Identity: "id-" + n, State: storagehealth.Online})
	}
	return &world{Input{
		Now: noon, Report: report,
		Rules: Rules{MaxConcurrent: 1, Parallelism: Serial, StablePeriod: 2 * time.Minute, MaxReportAge: time.Minute},
	}}
}

func (w *world) parallel(n int) *world {
	w.Rules.Parallelism, w.Rules.MaxConcurrent = NonOverlapping, n
	return w
}

// volume adds one with replicas on the nodes, all in sync but for those whose name has a trailing "!".
func (w *world) volume(name string, wanted int32, on ...string) *world {
	v := storagehealth.Volume{Name: name, Wanted: wanted, Quorum: 1}
	for _, n := range on {
		inSync := n[len(n)-1] != '!'
		if !inSync {
			n = n[:len(n)-1]
		}
		v.Replicas = append(v.Replicas, storagehealth.Replica{Node: w.at(n), InSync: inSync})
	}
	w.Report.Volumes = append(w.Report.Volumes, v)
	return w
}

func (w *world) at(node string) int32 {
	for i := range w.Report.Nodes {
		if w.Report.Nodes[i].Name == node {
			return int32(i)
		}
	}
	return -1
}

func (w *world) wants(node string, changes ...func(*Candidate)) *world {
	c := Candidate{Machine: "m-" + node, Node: node, Role: Worker, Purpose: Replacement, WaitingSince: noon.Add(-time.Hour), StorageExpected: true,
		DataKept: storagehealth.Yes}
	for _, change := range changes {
		change(&c)
	}
	w.Candidates = append(w.Candidates, c)
	return w
}

func (w *world) open(node string, landed bool) *world {
	w.Flights = append(w.Flights, Flight{Machine: "old-" + node, Node: node, Landed: landed})
	return w
}

func (w *world) node(name string, change func(*storagehealth.Node)) *world {
	change(&w.Report.Nodes[w.at(name)])
	return w
}

func (w *world) with(change func(*Input)) *world {
	change(&w.Input)
	return w
}

func dead(c *Candidate)      { c.Dead = true }
func wiped(c *Candidate)     { c.DataKept = storagehealth.No }
func scaledIn(c *Candidate)  { c.Purpose = ScaleIn }
func noStorage(c *Candidate) { c.StorageExpected = false }
func unhooked(c *Candidate)  { c.UnhookedPeers = 2 }

func notReplaced(c *Candidate) { c.NotReplaced = "rolls out" }

func movable(in *Input) { in.Report.Locality = storagehealth.Movable }

func offline(n *storagehealth.Node) { n.State = storagehealth.Offline }

func opaque(whole, available storagehealth.Answer) func(*Input) {
	return func(in *Input) {
		in.Report.Placed, in.Report.Volumes = false, nil
		in.Report.Whole, in.Report.Available = whole, available
		in.WholeSince = noon.Add(-time.Hour)
	}
}

// oneCase is one candidate's situation.
type oneCase struct {
	name string
	in   *world
	want string
}

func oneNode() []oneCase {
	return []oneCase{
		{"all is whole", newWorld("a", "b", "c").volume("v", 2, "a", "b").wants("a"), "m-a admitted: StorageWhole"},
		{"nothing is on it", newWorld("a", "b", "c").volume("v", 2, "c", "b").wants("a"), "m-a admitted: NodeHoldsNoData"},
		{"copies are surplus", newWorld("a", "b", "c").volume("v", 2, "a", "b", "c").wants("a"), "m-a admitted: DataCompleteElsewhere"},
		{"copies are surplus while another repave is open",
			newWorld("a", "b", "c", "d").volume("v", 2, "a", "b", "c").open("d", false).wants("a"), "m-a admitted: DataCompleteElsewhere"},
		{"the only copy", newWorld("a", "b").volume("v", 1, "a").wants("a"), "m-a held: LastReplica"},
		{"the only copy in sync", newWorld("a", "b").volume("v", 2, "a", "b!").wants("a"), "m-a held: LastReplica"},
		{"the other copy is on a node that the store calls offline", newWorld("a", "b").volume("v", 2, "a", "b").node("b", offline).wants("a"),
			"m-a held: LastReplica"},
		{"the third copy is being rebuilt", newWorld("a", "b", "c").volume("v", 3, "a", "b", "c!").wants("a"), "m-a held: VolumeNotWhole"},
		{"another node's volume is being rebuilt", newWorld("a", "b", "c", "d").volume("v", 2, "a", "b").volume("u", 2, "c", "d!").wants("a"),
			"m-a admitted: StorageWhole"},
		{"the volume would lose its quorum", newWorld("a", "b", "c").volume("v", 3, "a", "b", "c!").
			with(func(in *Input) { in.Report.Volumes[0].Quorum = 2 }).wants("a"), "m-a held: StorageQuorumAtRisk"},
		{"a replica lies on a node that the report does not list", newWorld("a", "b").volume("v", 2, "a", "ghost").wants("a"), "m-a held: LastReplica"},
		{"dead, with a copy elsewhere", newWorld("a", "b").volume("v", 2, "a!", "b").node("a", offline).wants("a", dead, wiped), "m-a admitted: NodeDead"},
		{"dead, with the only copy, and wiped", newWorld("a", "b").volume("v", 1, "a").node("a", offline).wants("a", dead, wiped), "m-a held: LastReplica"},
		{"dead, with the only copy, and its disks come back", newWorld("a", "b").volume("v", 1, "a").node("a", offline).wants("a", dead),
			"m-a admitted: NodeDead"},
		{"dead, with the only copy, and it leaves", newWorld("a", "b").volume("v", 1, "a").node("a", offline).wants("a", dead, scaledIn),
			"m-a held: LastReplica"},
		{"dead, while another repave is open", newWorld("a", "b", "c").volume("v", 2, "a!", "b").open("c", false).node("a", offline).wants("a", dead),
			"m-a admitted: NodeDead"},
		{"leaves with data", newWorld("a", "b").volume("v", 2, "a", "b").wants("a", scaledIn), "m-a held: DataNotEvacuated"},
		{"leaves evacuated", newWorld("a", "b", "c").volume("v", 2, "c", "b").wants("a", scaledIn), "m-a admitted: NodeHoldsNoData"},
		{"the store cannot be asked", newWorld("a").with(func(in *Input) { in.Report = nil }).wants("a"), "m-a held: StorageUnknown"},
		{"the store cannot be asked, dead", newWorld("a").with(func(in *Input) { in.Report = nil }).wants("a", dead), "m-a held: StorageUnknown"},
		{"the store cannot be asked, dead, and that is allowed",
			newWorld("a").with(func(in *Input) { in.Report, in.Rules.AdmitDeadOnUnknown = nil, true }).wants("a", dead), "m-a admitted: NodeDead"},
		{"the answer is old", newWorld("a").with(func(in *Input) { in.Report.At = noon.Add(-2 * time.Minute) }).wants("a"), "m-a held: StorageReportStale"},
		{"the store is busy", newWorld("a", "b").volume("v", 2, "a", "b").with(func(in *Input) { in.Report.Busy = "rolling update" }).wants("a"),
			"m-a held: StorageBusy"},
		{"in maintenance", newWorld("a", "b").volume("v", 2, "a", "b").
			node("a", func(n *storagehealth.Node) { n.State = storagehealth.Maintenance }).wants("a"), "m-a held: NodeInStorageMaintenance"},
		{"the store says offline and the kubelet lives", newWorld("a", "b").volume("v", 2, "a!", "b").node("a", offline).wants("a"),
			"m-a held: StorageDegraded"},
		{"the store does not know the node", newWorld("b").wants("a"), "m-a held: NodeNotKnownToStorage"},
		{"the store does not run there", newWorld("b").wants("a", noStorage), "m-a admitted: NodeHoldsNoData"},
		{"a database member, another is down", newWorld("a", "b", "c").volume("v", 2, "a", "b").
			node("a", func(n *storagehealth.Node) { n.QuorumMember, n.QuorumHealthy = true, true }).
			node("c", func(n *storagehealth.Node) { n.QuorumMember = true }).wants("a"), "m-a held: StorageQuorumAtRisk"},
		{"it still serves shared volumes", newWorld("a", "b").node("a", func(n *storagehealth.Node) { n.Servers = 1 }).wants("a"), "m-a admitted: StorageWhole"},
		{"shares a volume with an open repave", newWorld("a", "b", "c").volume("v", 3, "a", "b", "c").open("b", false).wants("a"),
			"m-a held: SharesDataWithOpenRepave"},
		{"shares a volume with a repave that is back", newWorld("a", "b", "c").volume("v", 3, "a", "b", "c").open("b", true).wants("a"),
			"m-a held: SharesDataWithOpenRepave"},
		{"one by one", newWorld("a", "b", "c", "d").volume("v", 2, "a", "b").open("c", true).wants("a"), "m-a held: AnotherRepaveOpen"},
		{"in parallel", newWorld("a", "b", "c", "d").parallel(2).volume("v", 2, "a", "b").open("c", true).wants("a"), "m-a admitted: StorageWhole"},
		{"in parallel, budget spent", newWorld("a", "b", "c", "d").parallel(1).volume("v", 2, "a", "b").open("c", true).wants("a"), "m-a held: BudgetExhausted"},
		{"no Node ever", newWorld("b").with(func(in *Input) { in.Report = nil }).wants(""), "m- admitted: NeverHadANode"},
		{"nothing is protected", newWorld("a").volume("v", 1, "a").with(func(in *Input) { in.Rules.Ungated = true }).wants("a"), "m-a admitted: NotGated"},
		{"its own claim is open", newWorld("a", "b").volume("v", 2, "a", "b").
			with(func(in *Input) { in.Flights = []Flight{{Machine: "m-a", Node: "a"}} }).wants("a"), "m-a admitted: AlreadyAdmitted"},
		{"the cluster goes", newWorld("a").volume("v", 1, "a").with(func(in *Input) { in.ClusterDeleting = true }).wants("a"), "m-a admitted: ClusterDeleting"},
		{"peers without a hook", newWorld("a", "b").volume("v", 2, "a", "b").wants("a", unhooked), "m-a held: HookMissing"},
		{"overridden", newWorld("a").volume("v", 1, "a").
			wants("a", func(c *Candidate) { c.Override = &Override{"tested", "ann", noon.Add(time.Hour)} }), "m-a admitted: Overridden"},
		{"an override that is over", newWorld("a").volume("v", 1, "a").wants("a", func(c *Candidate) { c.Override = &Override{"tested", "ann", noon} }),
			"m-a held: LastReplica"},
		{"the control plane moves", newWorld("a", "b").volume("v", 2, "a", "b").wants("a", notReplaced),
			"m-a held: ControlPlaneMoving"},
		{"the control plane moves and the node is dead", newWorld("a", "b").volume("v", 2, "a!", "b").node("a", offline).
			wants("a", dead, notReplaced), "m-a admitted: NodeDead"},
		{"the control plane moves and the node leaves", newWorld("a", "b", "c").volume("v", 2, "c", "b").wants("a", scaledIn, notReplaced),
			"m-a admitted: NodeHoldsNoData"},
		{"virtual machines that cannot move", newWorld("a", "b").volume("v", 2, "a", "b").
			wants("a", func(c *Candidate) { c.VMs, c.StuckVMs = BlockOnVMs, []string{"ns/vm (host device)"} }), "m-a held: VirtualMachinesCannotMove"},
		{"virtual machines that are shut down", newWorld("a", "b").volume("v", 2, "a", "b").
			wants("a", func(c *Candidate) { c.VMs, c.StuckVMs = ShutDownVMs, []string{"ns/vm (host device)"} }), "m-a admitted: StorageWhole"},
		{"no room for its virtual machines", newWorld("a", "b").volume("v", 2, "a", "b").
			wants("a", func(c *Candidate) { c.VMs, c.NoRoomForVMs = BlockOnVMs, "12 GiB are missing" }), "m-a held: NoRoomForVirtualMachines"},
		{"opaque and whole", newWorld().with(opaque(storagehealth.Yes, "")).wants("a"), "m-a admitted: StorageWhole"},
		{"opaque and degraded", newWorld().with(opaque(storagehealth.No, "")).wants("a"), "m-a held: StorageDegraded"},
		{"opaque and silent", newWorld().with(opaque("", "")).wants("a"), "m-a held: StorageUnknown"},
		{"opaque and whole for a moment", newWorld().with(opaque(storagehealth.Yes, "")).with(func(in *Input) { in.WholeSince = noon }).wants("a"),
			"m-a held: StorageSettling"},
		{"opaque, one by one", newWorld().parallel(5).with(opaque(storagehealth.Yes, "")).open("b", true).wants("a"), "m-a held: AnotherRepaveOpen"},
		{"opaque, dead and available", newWorld().with(opaque(storagehealth.No, storagehealth.Yes)).wants("a", dead, wiped), "m-a admitted: NodeDead"},
		{"opaque, dead and not available", newWorld().with(opaque(storagehealth.No, storagehealth.No)).wants("a", dead, wiped), "m-a held: LastReplica"},
		{"opaque, leaves", newWorld().with(opaque(storagehealth.Yes, "")).wants("a", scaledIn), "m-a held: DataNotEvacuated"},
		{"a drive set that moves", newWorld("a", "b").volume("v", 1, "a").with(movable).wants("a"), "m-a admitted: StorageWhole"},
		{"a drive set whose volume is not up", newWorld("a", "b").volume("v", 1, "a!").with(movable).wants("a"), "m-a held: VolumeNotWhole"},
		{"a drive set that moves, with two copies of which one is not in sync", newWorld("a", "b").volume("v", 2, "a", "b!").with(movable).wants("a"),
			"m-a held: LastReplica"},
		{"dead, and its successor attaches the drives", newWorld("a", "b").volume("v", 1, "a!").node("a", offline).with(movable).wants("a", dead, wiped),
			"m-a admitted: NodeDead"},
		{"dead, and nobody attaches the drives", newWorld("a", "b").volume("v", 2, "a!", "b!").node("a", offline).with(movable).
			wants("a", dead, wiped, scaledIn), "m-a held: LastReplica"},
		{"data on an array, volume by volume", newWorld("a", "b").with(func(in *Input) { in.Report.Locality = storagehealth.Remote }).wants("a"),
			"m-a admitted: NodeHoldsNoData"},
		{"the answer is dated ahead", newWorld("a").with(func(in *Input) { in.Report.At = noon.Add(2 * time.Minute) }).wants("a"),
			"m-a held: StorageReportStale"},
		{"another node that shares a volume is in maintenance", newWorld("a", "b", "c").volume("v", 3, "a", "b", "c").
			node("b", func(n *storagehealth.Node) { n.State = storagehealth.Maintenance }).wants("a"), "m-a held: VolumeNotWhole"},
	}
}

func TestOneNode(t *testing.T) {
	t.Parallel()
	for _, tt := range oneNode() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := said(Decide(tt.in.Input)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func said(verdicts []Verdict) string {
	s := ""
	for i, v := range verdicts {
		if i > 0 {
			s += ", "
		}
		word := "held"
		if v.Admitted {
			word = "admitted"
		}
		s += fmt.Sprintf("%s %s: %s", v.Machine, word, v.Reason)
	}
	return s
}

func TestSeveralNodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		in   *world
		want string
	}{
		{"serial admits one", newWorld("a", "b").volume("v", 2, "a", "b").wants("a").wants("b"),
			"m-a admitted: StorageWhole, m-b held: SharesDataWithOpenRepave"},
		{"those of one rack go together",
			newWorld("a1", "a2", "b1", "b2").parallel(10).volume("v", 2, "a1", "b1").volume("u", 2, "a2", "b2").volume("w", 2, "a1", "b2").
				wants("b1").wants("a1").wants("a2").wants("b2"),
			"m-a2 admitted: StorageWhole, m-a1 admitted: StorageWhole, m-b1 held: SharesDataWithOpenRepave, m-b2 held: SharesDataWithOpenRepave"},
		{"the dead first", newWorld("a", "b", "c").parallel(10).volume("v", 2, "a", "b").volume("u", 2, "c!", "b").node("c", offline).wants("a").wants("c", dead),
			"m-c admitted: NodeDead, m-a admitted: StorageWhole"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := said(Decide(tt.in.Input)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestRecheckLeavesItsOwnClaimOut(t *testing.T) {
	t.Parallel()
	w := newWorld("a", "b", "c").volume("v", 2, "a", "b").wants("a")
	w.Flights = append(w.Flights, Flight{Machine: "m-a", Node: "a"})
	v, ok := Recheck(w.Input, "m-a")
	if !ok || !v.Admitted || v.Reason != Whole {
		t.Errorf("got %+v, want an admission because the storage is whole", v)
	}
	w.Report.Volumes[0].Replicas[1].InSync = false
	if v, _ = Recheck(w.Input, "m-a"); v.Admitted {
		t.Errorf("got %+v, want a hold: the other copy went out of sync after the claim", v)
	}
}
