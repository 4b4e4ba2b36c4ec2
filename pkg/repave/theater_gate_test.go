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
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// died ends a gate's reconcile where its process is killed.
type died struct{}

// act is something that the gate writes down or does. Before each it may be killed.
func (x *theater) act() {
	x.acts++
	if x.crashAfter > 0 && x.acts == x.crashAfter {
		x.say("the gate's process is killed")
		panic(died{})
	}
}

// gate is one reconcile of the gate's controller.
func (x *theater) gate() {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(died); !ok {
				panic(p)
			}
		}
	}()
	x.trackClaims()
	d := newDecision(x.input())
	d.without = x.without
	for _, v := range d.decide() {
		m := x.machineOf(v.Machine)
		if !v.Admitted {
			x.note(m, v)
			continue
		}
		x.admitOne(m, v)
	}
	x.unblock()
	x.readiness()
}

// unblock has the rollout take the Machine that everything waits for; Cluster API deletes it.
func (x *theater) unblock() {
	if x.without == "unblock" {
		return
	}
	if m := x.machineOf(Unblock(x.input())); m != nil {
		x.act()
		x.say("the rollout is told to take %s next", m.name)
		delete(x.told, m.name)
		x.remove(m)
		x.checkUnblocked(m)
	}
}

// checkUnblocked holds to it that only what is dead already is taken.
func (x *theater) checkUnblocked(m *machine) {
	if !x.servers[m.server].dead {
		x.breach("the rollout is told to take %s, which is alive", m.name)
	}
	for _, v := range x.volumes {
		if on(v, m.server) && !x.safeWithout(v, m.server) {
			x.breach("the rollout is told to take %s, and volume %s has no other copy in sync", m.name, v.name)
		}
	}
}

func (x *theater) input() Input {
	in := Input{Now: x.now.Add(x.skew), Rules: x.rules, Report: x.report(), ReportError: "no answer"}
	for _, c := range x.claims {
		if !c.done {
			sv := x.serverOf(c.Node)
			in.Flights = append(in.Flights, Flight{Machine: c.Machine, Node: c.Node, Set: c.set, Landed: sv.up && x.machineOf(c.Machine) == nil})
		}
	}
	purposes := map[string]Purpose{}
	for _, s := range x.sets {
		var leaving []Leaving
		for _, m := range x.machines {
			if m.set == s && m.deleting() {
				leaving = append(leaving, Leaving{Machine: m.name, Since: m.deletedAt, Open: x.openClaim(m.name) != nil})
			}
		}
		for name, p := range Purposes(s.wanted, x.staying(s), leaving) {
			purposes[name] = p
		}
	}
	for _, m := range x.machines {
		sv := x.servers[m.server]
		leaves := m.deleting() && (m.hooked || m.bypassed && !x.letGo(m))
		if !leaves && (m.deleting() || !sv.dead) {
			continue
		}
		c := Candidate{Machine: m.name, Node: sv.name, Role: m.set.role, Set: m.set.name, Purpose: purposes[m.name], WaitingSince: m.deletedAt, Dead: sv.dead,
			StorageExpected: m.set.role == Worker, DataKept: storagehealth.Yes, Override: m.override}
		if sv.wipes {
			c.DataKept = storagehealth.No
		}
		if x.controlPlaneMoving() {
			c.NotReplaced = "rolls out"
		}
		if !leaves {
			c.Purpose, c.Stuck = Replacement, x.unhealthy(m) && m.refused()
			in.Dead = append(in.Dead, c)
			continue
		}
		in.Candidates = append(in.Candidates, c)
	}
	return in
}

func (x *theater) controlPlaneMoving() bool {
	for _, s := range x.sets {
		if s.role == ControlPlane && !x.upToDate(s) {
			return true
		}
	}
	return false
}

func (x *theater) upToDate(s *group) bool {
	for _, m := range x.machines {
		if m.set == s && (m.generation < s.generation || m.deleting() || !x.servers[m.server].up) {
			return false
		}
	}
	return x.staying(s) == s.wanted
}

func (x *theater) machineOf(name string) *machine {
	i := slices.IndexFunc(x.machines, func(m *machine) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return x.machines[i]
}

func (x *theater) serverOf(name string) *server {
	return x.servers[slices.IndexFunc(x.servers, func(s *server) bool { return s.name == name })]
}

// letGo tells whether the Machine has a claim that was confirmed.
func (x *theater) letGo(m *machine) bool {
	c := x.openClaim(m.name)
	return c != nil && c.confirmed
}

func (x *theater) openClaim(machine string) *claim {
	i := slices.IndexFunc(x.claims, func(c *claim) bool { return c.Machine == machine && !c.done })
	if i < 0 {
		return nil
	}
	return x.claims[i]
}

// note logs a hold when it changes, and checks that its reason is true.
func (x *theater) note(m *machine, v Verdict) {
	if x.told[v.Machine] != string(v.Reason) {
		x.told[v.Machine] = string(v.Reason)
		x.say("%s held: %s", v.Machine, v.Reason)
	}
	if wrong := x.untrue(m, v.Reason); wrong != "" {
		x.breach("%s is held for %s, but %s", v.Machine, v.Reason, wrong)
	}
}

// admitOne is what the controller does with an admission: claim, judge again, let go.
func (x *theater) admitOne(m *machine, v Verdict) {
	c := x.openClaim(m.name)
	if c == nil {
		x.act()
		c = &claim{Record: Record{Machine: m.name, Node: x.servers[m.server].name, Purpose: Replacement, Identity: "id-" + x.servers[m.server].name},
			role: m.set.role, set: m.set.name, reason: v.Reason, at: x.now, alive: x.servers[m.server].up}
		for _, candidate := range x.input().Candidates {
			if candidate.Machine == m.name {
				c.Purpose = candidate.Purpose
			}
		}
		x.claims = append(x.claims, c)
	}
	if x.between != nil {
		x.between(x)
	}
	again := v
	if x.without != "recheck" {
		again, _ = recheck(x.input(), m.name, x.without)
	}
	if !again.Admitted && c.confirmed {
		// Another process was faster.
		return
	}
	if !again.Admitted {
		x.act()
		x.claims = slices.DeleteFunc(x.claims, func(o *claim) bool { return o == c })
		x.note(m, again)
		return
	}
	x.act()
	c.confirmed = true
	x.act()
	x.checkLetGo(m, c)
	m.hooked = false
	x.say("%s let go: %s", m.name, v.Reason)
	delete(x.told, m.name)
}

// checkLetGo holds an admission against what is true.
func (x *theater) checkLetGo(m *machine, c *claim) {
	sv := x.servers[m.server]
	for _, v := range x.volumes {
		if !on(v, m.server) {
			continue
		}
		if m.override == nil && !x.safeWithout(v, m.server) {
			x.breach("%s is let go, and volume %s has no other copy in sync", sv.name, v.name)
		}
		if !sv.up || m.override != nil {
			continue
		}
		if x.copiesWithout(v, m.server) < v.wanted-1 {
			x.breach("%s is let go while volume %s lacks another copy", sv.name, v.name)
		}
		for _, other := range x.claims {
			if other == c || other.done || !other.confirmed || !on(v, x.indexOf(other.Node)) || x.spare(v, m.server) {
				continue
			}
			x.breach("%s is let go while %s is not whole, and they share volume %s", sv.name, other.Node, v.name)
		}
	}
	open := 0
	for _, other := range x.claims {
		if !other.done && other.alive {
			open++
		}
	}
	if sv.up && x.holdsData(m.server) && m.override == nil {
		limit := x.rules.MaxConcurrent
		if x.rules.Parallelism == Serial {
			limit = 1
		}
		if open > limit {
			x.breach("%d repaves are open, and no more than %d may be", open, limit)
		}
		if x.busy != "" {
			x.breach("%s is let go while the storage is busy", sv.name)
		}
	}
	x.most = max(x.most, open)
}

// copiesWithout counts the copies in sync on other servers.
func (x *theater) copiesWithout(v *volume, server int) int {
	n := 0
	for _, r := range v.replicas {
		if r.server != server && r.inSync() && x.servers[r.server].up {
			n++
		}
	}
	return n
}

// spare tells whether a volume has as many copies as are wanted without the server.
func (x *theater) spare(v *volume, server int) bool { return x.copiesWithout(v, server) >= v.wanted }

// safeWithout tells whether the volume's data survives the server's absence: a copy in sync elsewhere, or a dead server whose disks are kept.
func (x *theater) safeWithout(v *volume, server int) bool {
	if x.servers[server].dead && !x.servers[server].wipes {
		return true
	}
	return slices.ContainsFunc(v.replicas, func(r *replica) bool { return r.server != server && r.inSync() && x.servers[r.server].up })
}

func (x *theater) holdsData(server int) bool {
	return slices.ContainsFunc(x.volumes, func(v *volume) bool { return on(v, server) && !x.spare(v, server) })
}

func (x *theater) indexOf(node string) int {
	return slices.IndexFunc(x.servers, func(s *server) bool { return s.name == node })
}

func on(v *volume, server int) bool {
	return slices.ContainsFunc(v.replicas, func(r *replica) bool { return r.server == server })
}

// trackClaims closes what is whole.
func (x *theater) trackClaims() {
	report := x.report()
	for _, c := range x.claims {
		if c.done {
			continue
		}
		sight := Sight{Now: x.now.Add(x.skew), StablePeriod: x.rules.StablePeriod, MachineExists: x.machineOf(c.Machine) != nil, Report: report}
		sv := x.serverOf(c.Node)
		sight.NodeExists = (sv.up || x.stale) && !sight.MachineExists
		sight.NodeReady = sight.NodeExists
		for _, other := range x.claims {
			if !other.done && other != c {
				sight.Open = append(sight.Open, other.Node)
			}
		}
		p := Track(c.Record, sight)
		c.WholeSince = p.WholeSince
		if p.Done {
			x.act()
			c.done = true
			x.say("the repave of %s is whole", c.Node)
			x.checkClosed(c)
		}
	}
}

func (x *theater) checkClosed(c *claim) {
	i := x.indexOf(c.Node)
	for _, v := range x.volumes {
		for _, r := range v.replicas {
			if r.server == i && !r.inSync() && c.Purpose == Replacement {
				x.breach("the repave of %s is closed, and volume %s is not in sync there", c.Node, v.name)
			}
		}
	}
}

// readiness sets StorageReady of new Machines.
func (x *theater) readiness() {
	for _, m := range x.machines {
		sv := x.servers[m.server]
		open := slices.ContainsFunc(x.claims, func(c *claim) bool { return !c.done && c.Node == sv.name && c.Machine != m.name })
		if sv.up && !open && !x.outage {
			m.ready = true
		}
	}
}

// untrue says why a hold's reason is not true.
func (x *theater) untrue(m *machine, reason Reason) string {
	if reason == StorageUnknown {
		if !x.outage {
			return "the storage answers"
		}
		return ""
	}
	i := m.server
	mine := slices.DeleteFunc(slices.Clone(x.volumes), func(v *volume) bool { return !on(v, i) })
	lacking := func(v *volume) bool { return x.copiesWithout(v, i) < v.wanted-1 }
	open := 0
	for _, c := range x.claims {
		if !c.done && c.Machine != m.name {
			open++
		}
	}
	ok := true
	switch reason {
	case SharesData:
		ok = slices.ContainsFunc(x.claims, func(c *claim) bool {
			return !c.done && c.Machine != m.name && slices.ContainsFunc(mine, func(v *volume) bool { return on(v, x.indexOf(c.Node)) })
		})
	case VolumeNotWhole:
		ok = slices.ContainsFunc(mine, lacking)
	case LastReplica:
		ok = slices.ContainsFunc(mine, func(v *volume) bool {
			return !slices.ContainsFunc(v.replicas, func(r *replica) bool {
				return r.server != i && r.inSync() && x.servers[r.server].up && !slices.ContainsFunc(x.claims, func(c *claim) bool {
					return !c.done && c.Node == x.servers[r.server].name
				})
			})
		})
	case AnotherRepaveOpen:
		ok = open > 0
	case BudgetExhausted:
		ok = open >= x.rules.MaxConcurrent
	case ControlPlaneMoving:
		ok = x.controlPlaneMoving()
	case StorageBusy:
		ok = x.busy != ""
	case NotEvacuated:
		ok = len(mine) > 0
	case StorageDegraded:
		ok = !x.servers[i].up
	}
	if !ok {
		return "that is not so"
	}
	if x.servers[i].dead && !strings.HasPrefix(string(reason), "Last") {
		return "the node is dead"
	}
	return ""
}
