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
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// theater plays a cluster through an upgrade: servers, a replicated storage, Cluster API's sets of Machines, and a gate that decides with the real
// Decide, Recheck and Track and remembers only its claims. Whatever the gate lets go is checked against what is true in the theater.
type theater struct {
	rng     *rand.Rand
	now     time.Time
	start   time.Time
	rules   Rules
	without string

	servers  []*server
	volumes  []*volume
	sets     []*group
	machines []*machine
	claims   []*claim
	// outage is true while the storage's API does not answer, busy while the storage says that it is.
	outage bool
	busy   string
	// crash makes the gate's process end after that many of its acts, once.
	crashAfter int
	acts       int
	// skew is by how much the clock of the gate's computer is ahead; stale is true while the Nodes of servers that are away are still there, and Ready.
	skew  time.Duration
	stale bool
	// checked is true where a MachineHealthCheck is, and Machines of dead servers count as unavailable.
	checked bool
	// between runs between a claim and its confirmation.
	between func(*theater)
	// script runs at the beginning of each tick.
	script func(*theater)

	told   map[string]string
	log    []string
	broken []string
	most   int
}

const (
	tick       = 10 * time.Second
	drainTime  = 20 * time.Second
	deployTime = 10 * time.Minute
	writesPerS = 4 << 20
	copiesPerS = 400 << 20
)

// server keeps its name over reinstallations. Its data disks are kept unless it wipes.
type server struct {
	name, rack string
	// up is true while its system and the storage on it run; dead when it broke by itself.
	up, dead, wipes bool
	downAt, backAt  time.Time
	// stuck servers do not come back until somebody repairs them.
	stuck bool
}

type volume struct {
	name     string
	bytes    int64
	wanted   int
	replicas []*replica
}

type replica struct {
	server int
	// lost replicas were on a disk that was wiped; missing is what they lack of the data.
	lost    bool
	missing int64
}

func (r *replica) inSync() bool { return !r.lost && r.missing == 0 }

// group is a MachineDeployment with maxSurge 0, or the control plane.
type group struct {
	name           string
	role           Role
	wanted         int
	generation     int
	maxUnavailable int
}

type machine struct {
	name       string
	set        *group
	server     int
	generation int
	deletedAt  time.Time
	hooked     bool
	drainedAt  time.Time
	// bypassed is true when its infrastructure was deleted under it, which asks no hook: only the infrastructure's finalizer holds it.
	bypassed bool
	// ready latches StorageReady.
	ready    bool
	override *Override
}

func (m *machine) deleting() bool { return !m.deletedAt.IsZero() }

// claim is a Repave.
type claim struct {
	Record
	role      Role
	set       string
	reason    Reason
	at        time.Time
	confirmed bool
	alive     bool
	done      bool
}

func (x *theater) say(format string, args ...any) {
	x.log = append(x.log, fmt.Sprintf("%s  %s", clockOf(x.now.Sub(x.start)), fmt.Sprintf(format, args...)))
}

func clockOf(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

func (x *theater) breach(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	x.say("BREACH %s", text)
	x.broken = append(x.broken, text)
}

// run plays until all is done, at most for the time given.
func (x *theater) run(limit time.Duration) {
	for x.now = x.start; x.now.Sub(x.start) < limit; x.now = x.now.Add(tick) {
		if x.script != nil {
			x.script(x)
		}
		acts := []func(){x.reconcileSets, x.checkHealth, x.gate, x.reconcileMachines, x.hardware, x.storage}
		if x.rng != nil {
			x.rng.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
		}
		for _, act := range acts {
			act()
		}
		if x.finished() {
			x.say("finished")
			return
		}
	}
	x.breach("not finished after %s: %s", limit, x.unfinished())
}

func (x *theater) finished() bool { return x.unfinished() == "" }

func (x *theater) unfinished() string {
	var left []string
	for _, s := range x.sets {
		n := 0
		for _, m := range x.machines {
			if m.set == s && m.generation == s.generation && !m.deleting() && x.servers[m.server].up {
				n++
			}
		}
		if n != s.wanted {
			left = append(left, fmt.Sprintf("%s has %d of %d machines", s.name, n, s.wanted))
		}
	}
	for _, m := range x.machines {
		if m.deleting() {
			left = append(left, fmt.Sprintf("%s is being deleted (%s)", m.name, x.told[m.name]))
		}
	}
	for _, c := range x.claims {
		if !c.done {
			left = append(left, "the repave of "+c.Node+" is open")
		}
	}
	return strings.Join(left, ", ")
}

// reconcileSets is Cluster API: it makes what is missing, on a free server, and deletes one of the old while enough are available.
func (x *theater) reconcileSets() {
	for _, s := range x.sets {
		var mine []*machine
		unavailable := 0
		for _, m := range x.machines {
			if m.set == s {
				mine = append(mine, m)
				if m.deleting() || !m.ready || x.checked && x.servers[m.server].dead {
					unavailable++
				}
			}
		}
		for n := len(mine); n < s.wanted; n++ {
			if i := x.freeServer(s); i >= 0 {
				x.provision(s, i)
			}
		}
		for _, m := range mine {
			if len(mine) > s.wanted && !m.deleting() && x.staying(s) > s.wanted {
				x.remove(m)
			}
		}
		for _, m := range mine {
			// The control plane looks at its own components only, and goes one by one.
			room := unavailable < s.maxUnavailable
			if s.role == ControlPlane {
				room = x.controlPlaneStable(s)
			}
			if room && m.generation < s.generation && !m.deleting() {
				x.remove(m)
				unavailable++
			}
		}
	}
}

// healthTimeout is how long a Node is away before a health check calls its Machine unhealthy.
const healthTimeout = 5 * time.Minute

func (x *theater) unhealthy(m *machine) bool {
	sv := x.servers[m.server]
	return x.checked && sv.dead && !m.deleting() && x.now.Sub(sv.downAt) >= healthTimeout
}

// refused tells whether Cluster API leaves an unhealthy Machine to the rollout that is to replace it.
func (m *machine) refused() bool { return m.generation < m.set.generation }

// checkHealth is Cluster API's health check, and its owners' answer.
func (x *theater) checkHealth() {
	for _, m := range x.machines {
		if !x.unhealthy(m) || m.set.role == ControlPlane {
			continue
		}
		if !m.refused() {
			x.remove(m)
		} else if x.told[m.name] == "" {
			x.told[m.name] = "refused"
			x.say("%s is unhealthy, and left to the rollout", m.name)
		}
	}
}

func (x *theater) staying(s *group) int {
	n := 0
	for _, m := range x.machines {
		if m.set == s && !m.deleting() {
			n++
		}
	}
	return n
}

func (x *theater) controlPlaneStable(s *group) bool {
	for _, m := range x.machines {
		if m.set == s && (m.deleting() || !x.servers[m.server].up) {
			return false
		}
	}
	return x.staying(s) == s.wanted
}

func (x *theater) remove(m *machine) {
	m.deletedAt = x.now
	x.say("%s is deleted", m.name)
}

// freeServer finds a server of the set's rack group that no machine has: those of workers begin with the set's name.
func (x *theater) freeServer(s *group) int {
	return slices.IndexFunc(x.servers, func(sv *server) bool {
		return strings.HasPrefix(sv.name, s.name) && !slices.ContainsFunc(x.machines, func(m *machine) bool { return x.servers[m.server] == sv })
	})
}

func (x *theater) provision(s *group, i int) {
	sv := x.servers[i]
	m := &machine{name: fmt.Sprintf("%s-g%d", sv.name, s.generation), set: s, server: i, generation: s.generation, hooked: true}
	for slices.ContainsFunc(x.claims, func(c *claim) bool { return c.Machine == m.name }) {
		m.name += "x"
	}
	sv.dead = false
	sv.backAt = x.now.Add(deployTime)
	if sv.wipes {
		x.wipe(i)
	}
	x.machines = append(x.machines, m)
	x.say("%s is deployed for %s", sv.name, m.name)
}

func (x *theater) wipe(i int) {
	for _, v := range x.volumes {
		for _, r := range v.replicas {
			if r.server == i {
				r.missing, r.lost = v.bytes, true
			}
		}
		x.checkLoss(v)
	}
}

// checkLoss finds a volume whose data is nowhere any more.
func (x *theater) checkLoss(v *volume) {
	if !slices.ContainsFunc(v.replicas, func(r *replica) bool { return !r.lost }) {
		x.breach("volume %s is lost", v.name)
	}
}

// reconcileMachines is Cluster API's deletion: the hook, the drain, the infrastructure.
func (x *theater) reconcileMachines() {
	for _, m := range slices.Clone(x.machines) {
		sv := x.servers[m.server]
		if !m.deleting() || m.hooked || (m.bypassed && !x.letGo(m)) {
			continue
		}
		if m.drainedAt.IsZero() {
			m.drainedAt = x.now.Add(drainTime)
			if sv.dead {
				m.drainedAt = x.now
			}
		}
		if x.now.Before(m.drainedAt) {
			continue
		}
		x.takeDown(m.server)
		x.machines = slices.DeleteFunc(x.machines, func(o *machine) bool { return o == m })
	}
}

func (x *theater) takeDown(i int) {
	sv := x.servers[i]
	if sv.up {
		sv.up, sv.downAt = false, x.now
		x.say("%s goes down", sv.name)
	}
	sv.backAt = time.Time{}
}

// hardware boots what was deployed.
func (x *theater) hardware() {
	for _, sv := range x.servers {
		if !sv.up && !sv.dead && !sv.stuck && !sv.backAt.IsZero() && !x.now.Before(sv.backAt) {
			sv.up = true
			x.say("%s is back", sv.name)
		}
	}
}

// storage lets writes go on, which those that are away miss, and copies to those that are back.
func (x *theater) storage() {
	seconds := int64(tick / time.Second)
	for _, v := range x.volumes {
		source := slices.ContainsFunc(v.replicas, func(r *replica) bool { return r.inSync() && x.servers[r.server].up })
		for _, r := range v.replicas {
			switch {
			case !x.servers[r.server].up:
				if source {
					r.missing = min(v.bytes, r.missing+writesPerS*seconds)
				}
			case source && r.missing > 0:
				r.missing = max(0, r.missing-copiesPerS*seconds)
				if r.missing == 0 {
					r.lost = false
				}
			}
		}
	}
}

// report is what the storage says, in the terms of the gate.
func (x *theater) report() *storagehealth.Report {
	if x.outage {
		return nil
	}
	report := &storagehealth.Report{At: x.now.Add(x.skew), Locality: storagehealth.Local, Placed: true, Progress: -1, Busy: x.busy}
	for _, sv := range x.servers {
		n := storagehealth.Node{Name: sv.name, Identity: "id-" + sv.name, Domain: sv.rack, State: storagehealth.Offline}
		if sv.up {
			n.State = storagehealth.Online
		}
		report.Nodes = append(report.Nodes, n)
	}
	for _, v := range x.volumes {
		out := storagehealth.Volume{Name: v.name, Wanted: int32(v.wanted), Quorum: 1}
		for _, r := range v.replicas {
			out.Replicas = append(out.Replicas, storagehealth.Replica{Node: int32(r.server), InSync: r.inSync() && x.servers[r.server].up})
			out.PendingBytes += r.missing
		}
		report.Volumes = append(report.Volumes, out)
	}
	return report
}
