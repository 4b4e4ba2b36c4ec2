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

package lifecycle_test

import (
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

const leaseID = "capmaas-1"

var statuses = []maas.Status{
	maas.StatusNew, maas.StatusCommissioning, maas.StatusFailedCommissioning, maas.StatusMissing, maas.StatusReady, maas.StatusReserved,
	maas.StatusAllocated, maas.StatusDeploying, maas.StatusDeployed, maas.StatusRetired, maas.StatusBroken, maas.StatusFailedDeployment,
	maas.StatusReleasing, maas.StatusFailedReleasing, maas.StatusDiskErasing, maas.StatusFailedDiskErasing, maas.StatusRescueMode,
	maas.StatusEnteringRescueMode, maas.StatusFailedEnteringRescue, maas.StatusExitingRescueMode, maas.StatusFailedExitingRescue,
	maas.StatusTesting, maas.StatusFailedTesting, "A state of some later MAAS",
}

// progress is how far a lease was ever seen to be.
var progress = map[string]lifecycle.Lease{
	"new":       {ID: leaseID},
	"allocated": {ID: leaseID, Allocated: true},
	"deploying": {ID: leaseID, Allocated: true, DeployStarted: true},
	"deployed":  {ID: leaseID, Allocated: true, DeployStarted: true, Deployed: true},
	"empty":     {ID: leaseID, Empty: true},
	"kept":      {ID: leaseID, Empty: true, Allocated: true},
	"switched":  {ID: leaseID, Allocated: true, DeployStarted: true, Deployed: true, SwitchOff: true},
	"with data": {ID: leaseID, Allocated: true, DeployStarted: true, Deployed: true, KeepsData: true},
	"second":    {ID: leaseID, Allocated: true, DiskRounds: 1},
	"last":      {ID: leaseID, Allocated: true, DiskRounds: lifecycle.MaxDiskRounds},
	"to be off": {ID: leaseID, Allocated: true, DeployStarted: true, Deployed: true, PowerCycle: lifecycle.SwitchOff},
	"to be on":  {ID: leaseID, Allocated: true, DeployStarted: true, Deployed: true, PowerCycle: lifecycle.SwitchOn},
}

// TestNext tells the story of a lease in each state that it can meet.
func TestNext(t *testing.T) {
	t.Parallel()
	ours := func(s maas.Status) lifecycle.Observation {
		return lifecycle.Observation{Known: true, Ownership: lifecycle.OwnershipOurs, Annotated: true,
			Machine: &maas.Machine{Status: s, Power: maas.PowerOn, Owner: "capi"}}
	}
	others := func(s maas.Status, owner string) lifecycle.Observation {
		return lifecycle.Observation{Known: true, Ownership: lifecycle.OwnershipNotOurs, Machine: &maas.Machine{Status: s, Owner: owner}}
	}
	fresh := func(o lifecycle.Observation) lifecycle.Observation { o.Fresh = true; return o }
	user := func(o lifecycle.Observation) lifecycle.Observation { o.OurUser = true; return o }
	bare := func(o lifecycle.Observation) lifecycle.Observation { o.Annotated = false; return o }
	gone := lifecycle.Observation{Known: true, Ownership: lifecycle.OwnershipNotOurs}
	ending := func(l lifecycle.Lease) lifecycle.Lease { l.End = true; return l }
	dark := func(o lifecycle.Observation) lifecycle.Observation { o.Machine.Power = maas.PowerOff; return o }
	vacating := func(l lifecycle.Lease) lifecycle.Lease { l.Vacate = true; return l }
	disks := func(w lifecycle.Work, o lifecycle.Observation) lifecycle.Observation { o.Disks = w; return o }
	network := func(w lifecycle.Work, o lifecycle.Observation) lifecycle.Observation { o.Network = w; return o }
	install := func(w lifecycle.Work, o lifecycle.Observation) lifecycle.Observation { o.Install = w; return o }
	power := func(p maas.Power, o lifecycle.Observation) lifecycle.Observation { o.Machine.Power = p; return o }
	cycling := func(c lifecycle.PowerCycle) lifecycle.Lease {
		l := progress["deployed"]
		l.PowerCycle = c
		return l
	}
	free := others(maas.StatusReady, "")
	tests := []struct {
		name  string
		lease lifecycle.Lease
		see   lifecycle.Observation
		want  lifecycle.Step
	}{
		{"no look at MAAS yet", progress["new"], lifecycle.Observation{}, lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Unknown}},
		{"chosen and free", progress["new"], others(maas.StatusReady, ""), lifecycle.Step{Verb: lifecycle.Allocate, Situation: lifecycle.NotAllocated}},
		{"chosen and gone meanwhile, as the snapshot says", progress["new"], gone, lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.NotAllocated}},
		{"chosen and gone meanwhile", progress["new"], fresh(gone), lifecycle.Step{Verb: lifecycle.GiveUp, Situation: lifecycle.NotAllocated}},
		{"chosen and another was faster", progress["new"], fresh(others(maas.StatusAllocated, "eve")), lifecycle.Step{Verb: lifecycle.GiveUp, Situation: lifecycle.NotAllocated}},
		{"killed after allocating", progress["new"], fresh(bare(ours(maas.StatusAllocated))), lifecycle.Step{Verb: lifecycle.Annotate, Situation: lifecycle.NotAllocated}},
		{"allocated, from memory", progress["allocated"], ours(maas.StatusAllocated), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.Allocated}},
		{"allocated", progress["allocated"], fresh(ours(maas.StatusAllocated)), lifecycle.Step{Verb: lifecycle.Deploy, Situation: lifecycle.Allocated}},
		{"killed after deploying", progress["allocated"], ours(maas.StatusDeploying), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Deploying}},
		{"aborted by hand", progress["deploying"], fresh(ours(maas.StatusAllocated)), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.DeployAborted}},
		{"installation failed", progress["deploying"], ours(maas.StatusFailedDeployment), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.DeployFailed}},
		{"deployed", progress["deploying"], ours(maas.StatusDeployed), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Deployed}},
		{"power cycle: from memory", cycling(lifecycle.SwitchOff), ours(maas.StatusDeployed), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.PowerCycling}},
		{"power cycle: to be switched off", cycling(lifecycle.SwitchOff), fresh(ours(maas.StatusDeployed)), lifecycle.Step{Verb: lifecycle.PowerOff, Situation: lifecycle.PowerCycling}},
		{"power cycle: off, about to be noted", cycling(lifecycle.SwitchOff), fresh(power(maas.PowerOff, ours(maas.StatusDeployed))), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.PowerCycling}},
		{"power cycle: to be switched on", cycling(lifecycle.SwitchOn), fresh(power(maas.PowerOff, ours(maas.StatusDeployed))), lifecycle.Step{Verb: lifecycle.PowerOn, Situation: lifecycle.PowerCycling}},
		{"power cycle: MAAS does not know the power", cycling(lifecycle.SwitchOff), fresh(power(maas.PowerError, ours(maas.StatusDeployed))), lifecycle.Step{Verb: lifecycle.PowerOff, Situation: lifecycle.PowerCycling}},
		{"power cycle: tested by hand", cycling(lifecycle.SwitchOff), fresh(ours(maas.StatusTesting)), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.NotInService}},
		{"power cycle: while it is installed", cycling(lifecycle.SwitchOff), fresh(ours(maas.StatusDeploying)), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Deploying}},
		{"power cycle: to be vacated", vacating(cycling(lifecycle.SwitchOff)), fresh(ours(maas.StatusDeployed)), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.Releasing}},
		{"tested by hand", progress["deployed"], ours(maas.StatusTesting), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.NotInService}},
		{"released by hand, as the snapshot says", progress["deployed"], others(maas.StatusReady, ""), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.Unknown}},
		{"released by hand", progress["deployed"], fresh(others(maas.StatusReady, "")), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.Released}},
		{"released by hand before it was deployed", progress["allocated"], fresh(others(maas.StatusReady, "")), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.Released}},
		{"released by hand and taken", progress["deployed"], fresh(others(maas.StatusDeployed, "eve")), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.Taken}},
		{"deleted in MAAS", progress["deployed"], fresh(gone), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.Gone}},

		{"disks to prepare, from memory", progress["new"], disks(lifecycle.WorkDue, free), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.Preparing}},
		{"disks to prepare", progress["new"], fresh(disks(lifecycle.WorkDue, free)), lifecycle.Step{Verb: lifecycle.PrepareDisks, Situation: lifecycle.Preparing}},
		{"disks that cannot be prepared", progress["new"], fresh(disks(lifecycle.WorkRefused, free)), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.DisksRefused}},
		{"allocated with disks that an installation would wipe", progress["allocated"], fresh(disks(lifecycle.WorkRefused, ours(maas.StatusAllocated))), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.DisksRefused}},
		{"allocated with disks to prepare", progress["allocated"], fresh(disks(lifecycle.WorkDue, ours(maas.StatusAllocated))), lifecycle.Step{Verb: lifecycle.AskVacate, Situation: lifecycle.Preparing}},
		{"allocated with disks to prepare once more", progress["second"], fresh(disks(lifecycle.WorkDue, ours(maas.StatusAllocated))), lifecycle.Step{Verb: lifecycle.AskVacate, Situation: lifecycle.Preparing}},
		{"allocated with disks that do not stay prepared", progress["last"], fresh(disks(lifecycle.WorkDue, ours(maas.StatusAllocated))), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.DisksRefused}},
		{"network to prepare", progress["allocated"], fresh(network(lifecycle.WorkDue, ours(maas.StatusAllocated))), lifecycle.Step{Verb: lifecycle.PrepareNetwork, Situation: lifecycle.Preparing}},
		{"network to prepare while nobody has it, from memory", progress["new"], network(lifecycle.WorkDue, free), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.Preparing}},
		{"network to prepare while nobody has it", progress["new"], fresh(network(lifecycle.WorkDue, free)), lifecycle.Step{Verb: lifecycle.PrepareNetwork, Situation: lifecycle.Preparing}},
		{"disks come before the network", progress["new"], fresh(disks(lifecycle.WorkDue, network(lifecycle.WorkDue, free))), lifecycle.Step{Verb: lifecycle.PrepareDisks, Situation: lifecycle.Preparing}},
		{"network that the cabling cannot carry, before anything is taken", progress["new"], fresh(network(lifecycle.WorkRefused, free)), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.NetworkRefused}},
		{"network that the cabling cannot carry", progress["allocated"], fresh(network(lifecycle.WorkRefused, ours(maas.StatusAllocated))), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.NetworkRefused}},
		{"network that differs on a deployed machine", progress["deployed"], fresh(network(lifecycle.WorkDue, ours(maas.StatusDeployed))), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Deployed}},
		{"installation not checked yet", progress["deploying"], fresh(install(lifecycle.WorkDue, ours(maas.StatusDeploying))), lifecycle.Step{Verb: lifecycle.CheckInstall, Situation: lifecycle.Deploying}},
		{"installation not checked yet, annotations gone", progress["deploying"], fresh(bare(install(lifecycle.WorkDue, ours(maas.StatusDeploying)))), lifecycle.Step{Verb: lifecycle.CheckInstall, Situation: lifecycle.Deploying}},
		{"installation that wipes what it must not", progress["deploying"], fresh(install(lifecycle.WorkRefused, ours(maas.StatusDeploying))), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.DisksRefused}},

		{"empty: to be taken", progress["empty"], free, lifecycle.Step{Verb: lifecycle.Allocate, Situation: lifecycle.NotAllocated}},
		{"empty: disks to prepare", progress["empty"], fresh(disks(lifecycle.WorkDue, free)), lifecycle.Step{Verb: lifecycle.PrepareDisks, Situation: lifecycle.Preparing}},
		{"empty: taken", progress["kept"], bare(ours(maas.StatusAllocated)), lifecycle.Step{Verb: lifecycle.Annotate, Situation: lifecycle.Kept}},
		{"empty: kept", progress["kept"], ours(maas.StatusAllocated), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Kept}},
		{"empty: released by hand", progress["kept"], free, lifecycle.Step{Verb: lifecycle.Allocate, Situation: lifecycle.NotAllocated}},
		{"empty: another was faster", progress["empty"], fresh(others(maas.StatusAllocated, "eve")), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.Taken}},
		{"empty: commissioned by hand", progress["kept"], fresh(others(maas.StatusCommissioning, "")), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.NotInService}},
		{"empty: installed by hand", progress["kept"], ours(maas.StatusDeployed), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.NotEmpty}},

		{"vacate: from memory", vacating(progress["deployed"]), ours(maas.StatusDeployed), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.Unknown}},
		{"vacate: deployed", vacating(progress["deployed"]), fresh(ours(maas.StatusDeployed)), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.Releasing}},
		{"vacate: running", vacating(progress["switched"]), fresh(ours(maas.StatusDeployed)), lifecycle.Step{Verb: lifecycle.ShutDown, Situation: lifecycle.Releasing}},
		{"vacate: switched off", vacating(progress["switched"]), fresh(dark(ours(maas.StatusDeployed))), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.Releasing}},
		{"end: running", ending(progress["switched"]), fresh(ours(maas.StatusDeployed)), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.Releasing}},
		{"vacate: its installation failed", vacating(progress["deploying"]), fresh(ours(maas.StatusFailedDeployment)), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.Releasing}},
		{"vacate: under way", vacating(progress["deployed"]), fresh(user(others(maas.StatusReleasing, "capi"))), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Releasing}},
		{"vacate: released", vacating(progress["deployed"]), fresh(free), lifecycle.Step{Verb: lifecycle.Vacated, Situation: lifecycle.Released}},
		{"vacate: released and taken", vacating(progress["deployed"]), fresh(others(maas.StatusDeployed, "eve")), lifecycle.Step{Verb: lifecycle.Vacated, Situation: lifecycle.Released}},
		{"vacate: and the lease ends", ending(vacating(progress["deployed"])), fresh(free), lifecycle.Step{Verb: lifecycle.Finish, Situation: lifecycle.Released}},

		{"end: empty", ending(progress["kept"]), fresh(ours(maas.StatusAllocated)), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.Releasing}},
		{"end: from memory", ending(progress["deployed"]), ours(maas.StatusDeployed), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.Unknown}},
		{"end: deployed", ending(progress["deployed"]), fresh(ours(maas.StatusDeployed)), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.Releasing}},
		{"end: while it is installed", ending(progress["deploying"]), fresh(ours(maas.StatusDeploying)), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.Releasing}},
		{"end: on its way", ending(progress["deployed"]), ours(maas.StatusReleasing), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Releasing}},
		{"end: power off failed", ending(progress["deployed"]), fresh(ours(maas.StatusFailedReleasing)), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.ReleaseFailed}},
		{"end: erased, as was asked for", ending(progress["deployed"]), fresh(ours(maas.StatusDiskErasing)), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Releasing}},
		{"end: erased, and nobody asked, from memory", ending(progress["with data"]), ours(maas.StatusDiskErasing), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.Unknown}},
		{"end: erased, and nobody asked", ending(progress["with data"]), fresh(ours(maas.StatusDiskErasing)), lifecycle.Step{Verb: lifecycle.StopErasing, Situation: lifecycle.Releasing}},
		{"end: erased, and nobody asked, its agent name forgotten", ending(progress["with data"]), fresh(user(others(maas.StatusDiskErasing, "capi"))), lifecycle.Step{Verb: lifecycle.StopErasing, Situation: lifecycle.Releasing}},
		{"vacate: erased, and nobody asked", vacating(progress["with data"]), fresh(ours(maas.StatusDiskErasing)), lifecycle.Step{Verb: lifecycle.StopErasing, Situation: lifecycle.Releasing}},
		{"end: the next holder's disks are erased", ending(progress["with data"]), fresh(others(maas.StatusDiskErasing, "eve")), lifecycle.Step{Verb: lifecycle.Finish, Situation: lifecycle.Released}},
		{"end: under test", ending(progress["deployed"]), fresh(ours(maas.StatusTesting)), lifecycle.Step{Verb: lifecycle.Hold, Situation: lifecycle.NotInService}},
		{"end: release under way, its agent name forgotten", ending(progress["deployed"]), fresh(user(others(maas.StatusReleasing, "capi"))), lifecycle.Step{Verb: lifecycle.Wait, Situation: lifecycle.Releasing}},
		{"end: power off failed, its agent name forgotten", ending(progress["deployed"]), fresh(user(others(maas.StatusFailedReleasing, "capi"))), lifecycle.Step{Verb: lifecycle.Release, Situation: lifecycle.ReleaseFailed}},
		{"end: released and taken by another lease of our user", ending(progress["deployed"]), fresh(user(others(maas.StatusAllocated, "capi"))), lifecycle.Step{Verb: lifecycle.Finish, Situation: lifecycle.Released}},
		{"end: released", ending(progress["deployed"]), fresh(others(maas.StatusReady, "")), lifecycle.Step{Verb: lifecycle.Finish, Situation: lifecycle.Released}},
		{"end: never allocated, from memory", ending(progress["new"]), others(maas.StatusReady, ""), lifecycle.Step{Verb: lifecycle.Verify, Situation: lifecycle.Unknown}},
		{"end: deleted in MAAS", ending(progress["deployed"]), fresh(gone), lifecycle.Step{Verb: lifecycle.Finish, Situation: lifecycle.Released}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := lifecycle.Next(tt.lease, tt.see); got != tt.want {
				t.Errorf("want %+v, got %+v", tt.want, got)
			}
		})
	}
}

// TestNextKeepsItsPromises goes through every combination of what can be remembered and seen.
func TestNextKeepsItsPromises(t *testing.T) {
	t.Parallel()
	visited := 0
	everyCombination(func(l lifecycle.Lease, o lifecycle.Observation) {
		visited++
		step := lifecycle.Next(l, o)
		proven := o.Fresh && o.Ownership == lifecycle.OwnershipOurs
		fail := func(why string) {
			t.Errorf("%s: lease %+v, seen %+v machine %+v, got %+v", why, l, o, o.Machine, step)
		}
		if step.Situation == "" {
			fail("every step needs a situation, or the user sees nothing")
		}
		leaving := l.End || l.Vacate
		switch step.Verb {
		case lifecycle.Deploy:
			if !proven || o.Machine.Status != maas.StatusAllocated || l.DeployStarted || l.Deployed || leaving || l.Empty {
				fail("deploy wipes disks: only a freshly proven allocation of ours that was never deployed, and only for a consumer")
			}
			if o.Disks != lifecycle.WorkNone || o.Network != lifecycle.WorkNone {
				fail("deploy only when disks and network are as they should be")
			}
		case lifecycle.Release:
			failed := o.Fresh && o.OurUser && (o.Machine.Status == maas.StatusFailedReleasing || o.Machine.Status == maas.StatusFailedDiskErasing)
			if !(proven || failed) || !leaving || o.Machine.Locked {
				fail("release may hit the next holder: only a freshly proven allocation of ours, or to repeat a release that failed, and only to vacate or end")
			}
		case lifecycle.StopErasing:
			if !o.Fresh || !proven && !o.OurUser || o.Machine.Status != maas.StatusDiskErasing || !leaving || !l.KeepsData {
				fail("only the erasing of disks that are to be kept is stopped, and only that of a server of ours on its way out")
			}
		case lifecycle.ShutDown:
			if !proven || l.End || !l.Vacate || !l.SwitchOff || o.Machine.Locked || o.Machine.Power != maas.PowerOn {
				fail("switch off only a running machine of ours that is vacated")
			}
		case lifecycle.PrepareDisks:
			if !o.Fresh || o.Ownership == lifecycle.OwnershipOurs || o.Machine.Status != maas.StatusReady || o.Machine.Owner != "" || leaving ||
				(l.Allocated && !l.Empty) || o.Disks != lifecycle.WorkDue {
				fail("disks are prepared only on a machine that a fresh read shows to be Ready and nobody's")
			}
		case lifecycle.PrepareNetwork:
			ready := o.Fresh && o.Ownership == lifecycle.OwnershipNotOurs && o.Machine.Status == maas.StatusReady && o.Machine.Owner == "" &&
				(l.Empty || !l.Allocated)
			ours := proven && o.Machine.Status == maas.StatusAllocated && !l.Empty && !l.DeployStarted && !l.Deployed
			if !(ready || ours) || leaving || o.Network != lifecycle.WorkDue {
				fail("the network is prepared only on a machine that a fresh read shows to be Ready and nobody's, or ours and never deployed")
			}
		case lifecycle.CheckInstall:
			if !proven || o.Machine.Status != maas.StatusDeploying || leaving || o.Install != lifecycle.WorkDue {
				fail("only an installation of ours can be checked")
			}
		case lifecycle.PowerOff, lifecycle.PowerOn:
			if !proven || o.Machine.Status != maas.StatusDeployed || o.Machine.Locked || leaving || l.PowerCycle == lifecycle.NoPowerCycle {
				fail("only a machine that a fresh read shows to be deployed for us is switched, and only when that was asked for")
			}
			if (step.Verb == lifecycle.PowerOff) != (l.PowerCycle == lifecycle.SwitchOff) {
				fail("a machine that was switched off is switched on, never off again")
			}
		case lifecycle.AskVacate:
			if !proven || o.Machine.Status != maas.StatusAllocated || l.DeployStarted || l.Deployed || l.DiskRounds >= lifecycle.MaxDiskRounds || l.Empty || leaving {
				fail("a machine goes round for its disks a bounded number of times, and only when nothing was installed on it")
			}
		case lifecycle.Allocate:
			if leaving || (l.Allocated && !l.Empty) || o.Machine == nil || o.Machine.Status != maas.StatusReady || o.Machine.Owner != "" || o.Disks != lifecycle.WorkNone {
				fail("allocate only for a lease that never had its machine or is empty, and with its disks prepared")
			}
		case lifecycle.Finish:
			if !l.End || !o.Fresh || o.Ownership == lifecycle.OwnershipOurs {
				fail("a lease ends only when a fresh read shows that MAAS holds nothing under it")
			}
		case lifecycle.Vacated:
			if l.End || !l.Vacate || !o.Fresh || o.Ownership == lifecycle.OwnershipOurs {
				fail("a machine is vacated only when a fresh read shows that MAAS holds nothing under the lease")
			}
		case lifecycle.GiveUp:
			if leaving || l.Allocated || l.Empty || !o.Fresh || o.Ownership == lifecycle.OwnershipOurs {
				fail("a lease is given up only when it never had its machine")
			}
		case lifecycle.Verify:
			if o.Fresh && o.Ownership != lifecycle.OwnershipUnknown {
				fail("a fresh read must not ask for another: that would loop")
			}
		case lifecycle.Annotate:
			if o.Ownership != lifecycle.OwnershipOurs || leaving {
				fail("annotate only what is ours")
			}
		case lifecycle.Wait, lifecycle.Hold:
			if o.Known && leaving && l.KeepsData && o.Machine != nil && o.Machine.Status == maas.StatusDiskErasing {
				fail("nobody looks on while disks that are to be kept are erased")
			}
		default:
			fail("unknown verb")
		}
	})
	if visited < 5000 {
		t.Fatalf("want all combinations visited, got only %d", visited)
	}
}

func everyCombination(visit func(lifecycle.Lease, lifecycle.Observation)) {
	bools := []bool{false, true}
	works := []lifecycle.Work{lifecycle.WorkNone, lifecycle.WorkDue, lifecycle.WorkRefused}
	for _, l := range progress {
		for _, l.End = range bools {
			for _, l.Vacate = range bools {
				for _, fresh := range bools {
					for _, hidden := range bools {
						visit(l, lifecycle.Observation{Known: true, Fresh: fresh, Hidden: hidden, Ownership: lifecycle.OwnershipNotOurs})
					}
					visit(l, lifecycle.Observation{Fresh: fresh})
					everyMachine(func(o lifecycle.Observation) {
						o.Fresh = fresh
						for _, w := range works {
							o.Disks, o.Network, o.Install = w, lifecycle.WorkNone, lifecycle.WorkNone
							visit(l, o)
							o.Disks, o.Network, o.Install = lifecycle.WorkNone, w, w
							visit(l, o)
						}
					})
				}
			}
		}
	}
}

func everyMachine(visit func(lifecycle.Observation)) {
	bools := []bool{false, true}
	for _, status := range statuses {
		for _, owner := range []string{"", "capi", "eve"} {
			for _, locked := range bools {
				for _, annotated := range bools {
					for _, ownership := range []lifecycle.Ownership{lifecycle.OwnershipUnknown, lifecycle.OwnershipOurs, lifecycle.OwnershipNotOurs} {
						for _, power := range []maas.Power{maas.PowerOn, maas.PowerOff} {
							visit(lifecycle.Observation{Known: true, Ownership: ownership, Annotated: annotated, OurUser: owner == "capi",
								Machine: &maas.Machine{Status: status, Owner: owner, Locked: locked, Power: power}})
						}
					}
				}
			}
		}
	}
}

func TestOwnershipOf(t *testing.T) {
	t.Parallel()
	annotated := func(id string) map[string]string { return map[string]string{"lease": id} }
	for name, tt := range map[string]struct {
		machine *maas.Machine
		want    lifecycle.Ownership
	}{
		"gone":                             {nil, lifecycle.OwnershipNotOurs},
		"free":                             {&maas.Machine{}, lifecycle.OwnershipNotOurs},
		"ours":                             {&maas.Machine{Owner: "capi", Annotations: annotated(leaseID)}, lifecycle.OwnershipOurs},
		"another lease of the same user":   {&maas.Machine{Owner: "capi", Annotations: annotated("capmaas-2")}, lifecycle.OwnershipNotOurs},
		"the same user, not annotated yet": {&maas.Machine{Owner: "capi"}, lifecycle.OwnershipUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := lifecycle.OwnershipOf(tt.machine, "lease", leaseID); got != tt.want {
				t.Errorf("want %s, got %s", tt.want, got)
			}
		})
	}
}
