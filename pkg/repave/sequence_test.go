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
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	update = flag.Bool("update", false, "write the golden sequences")
	seeds  = flag.Int("seeds", 100, "random orders of each scenario")
)

// scenario sets a stage.
type scenario struct {
	name  string
	about string
	set   func() *theater
	limit time.Duration
}

const gib = 1 << 30

// stage is a storage on workers w-RACK-N, with each volume's copies in different racks, and three control plane servers.
func stage(racks, perRack, volumes, copies int) *theater {
	x := &theater{
		start: noon, now: noon, told: map[string]string{},
		rules: Rules{MaxConcurrent: 1, Parallelism: Serial, StablePeriod: time.Minute, MaxReportAge: time.Minute},
	}
	workers := &group{name: "w", role: Worker, wanted: racks * perRack, maxUnavailable: 1}
	control := &group{name: "cp", role: ControlPlane, wanted: 3, maxUnavailable: 1}
	x.sets = []*group{control, workers}
	for i := range 3 {
		x.servers = append(x.servers, &server{name: fmt.Sprintf("cp-%d", i), up: true})
	}
	for r := range racks {
		for n := range perRack {
			x.servers = append(x.servers, &server{name: fmt.Sprintf("w-%c%d", 'a'+r, n), rack: string(rune('a' + r)), up: true})
		}
	}
	for i, sv := range x.servers {
		s := workers
		if strings.HasPrefix(sv.name, "cp") {
			s = control
		}
		x.machines = append(x.machines, &machine{name: sv.name + "-g0", set: s, server: i, hooked: true, ready: true})
	}
	place := rand.New(rand.NewPCG(7, 7))
	for v := range volumes {
		vol := &volume{name: fmt.Sprintf("pvc-%d", v), bytes: 100 * gib, wanted: copies}
		for _, rack := range place.Perm(racks)[:copies] {
			vol.replicas = append(vol.replicas, &replica{server: 3 + rack*perRack + place.IntN(perRack)})
		}
		x.volumes = append(x.volumes, vol)
	}
	return x
}

func (x *theater) at(when time.Duration, act func()) *theater {
	before := x.script
	done := false
	x.script = func(x *theater) {
		if before != nil {
			before(x)
		}
		if !done && x.now.Sub(x.start) >= when {
			done = true
			act()
		}
	}
	return x
}

func (x *theater) upgrade(name string) {
	for _, s := range x.sets {
		if s.name == name {
			s.generation++
			x.say("%s is upgraded", name)
		}
	}
}

func (x *theater) kill(name string) {
	sv := x.serverOf(name)
	if sv.up {
		sv.up, sv.dead, sv.downAt = false, true, x.now
		x.say("%s dies", name)
	}
}

// remediate deletes the Machine of a server, as a MachineHealthCheck or a person does.
func (x *theater) remediate(name string) {
	for _, m := range x.machines {
		if x.servers[m.server].name == name && !m.deleting() {
			x.remove(m)
		}
	}
}

func (x *theater) parallel(n int) *theater {
	x.rules.Parallelism, x.rules.MaxConcurrent = NonOverlapping, n
	for _, s := range x.sets {
		if s.role == Worker {
			s.maxUnavailable = n
		}
	}
	return x
}

// scenarios are what happens to clusters. Each ends with all Machines new, all data whole and every record closed.
func scenarios() []scenario {
	return []scenario{
		{"rollout", "Workers are upgraded one by one; each waits for the one before to be whole.", func() *theater {
			x := stage(3, 1, 6, 2)
			return x.at(0, func() { x.upgrade("w") })
		}, 3 * time.Hour},
		{"rollout-wiped", "Nothing keeps the data disks, so that every repave is a full rebuild, and still no copy is the last.", func() *theater {
			x := stage(3, 1, 6, 2)
			for _, sv := range x.servers {
				sv.wipes = true
			}
			return x.at(0, func() { x.upgrade("w") })
		}, 6 * time.Hour},
		{"racks", "With NonOverlapping a rack goes at once: its nodes share no volume.", func() *theater {
			x := stage(3, 3, 18, 2).parallel(9)
			return x.at(0, func() { x.upgrade("w") })
		}, 4 * time.Hour},
		{"racks-by-two", "No more go at once than maxConcurrent says.", func() *theater {
			x := stage(2, 3, 9, 2).parallel(6)
			x.rules.MaxConcurrent = 2
			return x.at(0, func() { x.upgrade("w") })
		}, 4 * time.Hour},
		{"one-by-one", "Somebody deletes two Machines of one rack; Serial takes them one by one although they share nothing.", func() *theater {
			x := stage(2, 2, 4, 2)
			x.rules.MaxConcurrent = 3
			return x.at(0, func() { x.remediate("w-a0"); x.remediate("w-a1") })
		}, 3 * time.Hour},
		{"dead-and-nobody-cares", "A server is dead and its Machine stays; nodes that share its volumes wait until it is replaced.", func() *theater {
			x := stage(4, 1, 8, 3)
			return x.at(0, func() { x.kill("w-d0"); x.upgrade("w") }).at(time.Hour, func() { x.remediate("w-d0") })
		}, 5 * time.Hour},
		{"everything-at-once", "The control plane and the workers are upgraded together; workers wait for the control plane.", func() *theater {
			x := stage(2, 2, 6, 2)
			return x.at(0, func() { x.upgrade("cp"); x.upgrade("w") })
		}, 4 * time.Hour},
		{"death-in-the-middle", "A worker dies while another is away; its Machine is deleted and let go at once, and the rest waits for both.", func() *theater {
			x := stage(4, 1, 8, 3)
			return x.at(0, func() { x.upgrade("w") }).at(15*time.Minute, func() { x.kill("w-d0") }).
				at(20*time.Minute, func() { x.remediate("w-d0") })
		}, 4 * time.Hour},
		{"by-hand", "Somebody deletes two Machines that share volumes.", func() *theater {
			x := stage(2, 1, 3, 2)
			return x.at(0, func() { x.remediate("w-a0"); x.remediate("w-b0") })
		}, 3 * time.Hour},
		{"storage-silent", "The storage does not answer for half an hour; nothing goes meanwhile.", func() *theater {
			x := stage(3, 1, 6, 2)
			return x.at(0, func() { x.upgrade("w") }).at(5*time.Minute, func() { x.outage = true }).
				at(35*time.Minute, func() { x.outage = false })
		}, 4 * time.Hour},
		{"storage-busy", "The storage updates itself; nothing goes meanwhile.", func() *theater {
			x := stage(3, 1, 6, 2)
			x.busy = "rolling update"
			return x.at(0, func() { x.upgrade("w") }).at(20*time.Minute, func() { x.busy = "" })
		}, 4 * time.Hour},
		{"host-stays-away", "A server does not come back for two hours; nothing that shares its data goes.", func() *theater {
			x := stage(3, 1, 6, 2)
			x.serverOf("w-a0").stuck = true
			return x.at(0, func() { x.upgrade("w") }).at(2*time.Hour, func() { x.serverOf("w-a0").stuck = false })
		}, 5 * time.Hour},
		{"killed", "The gate's process is killed between the claim and the hook.", func() *theater {
			x := stage(3, 1, 6, 2)
			x.crashAfter = 2
			return x.at(0, func() { x.upgrade("w") })
		}, 3 * time.Hour},
		{"death-between", "Another server dies between a claim and its confirmation.", func() *theater {
			x := stage(3, 1, 6, 2)
			x.between = func(x *theater) { x.between = nil; x.kill("w-b0") }
			return x.at(0, func() { x.upgrade("w") }).at(10*time.Minute, func() { x.remediate("w-b0") })
		}, 4 * time.Hour},
		{"only-copy", "A volume with one copy holds its node until somebody overrides it.", func() *theater {
			x := stage(2, 1, 2, 2)
			x.volumes = append(x.volumes, &volume{name: "single", bytes: gib, wanted: 1, replicas: []*replica{{server: 3}}})
			return x.at(0, func() { x.upgrade("w") }).at(time.Hour, func() {
				for _, m := range x.machines {
					if x.servers[m.server].name == "w-a0" {
						m.override = &Override{Reason: "test data", By: "ann", Until: x.now.Add(time.Hour)}
						x.say("%s is overridden", m.name)
					}
				}
			})
		}, 4 * time.Hour},
		{"scale-in", "A worker leaves for good, and goes once its copies are elsewhere.", func() *theater {
			x := stage(3, 1, 4, 2)
			return x.at(0, func() { x.sets[1].wanted-- }).at(30*time.Minute, func() { x.evacuate() })
		}, 3 * time.Hour},
	}
}

// allScenarios are both.
func allScenarios() []scenario { return slices.Concat(scenarios(), moreScenarios()) }

// moreScenarios are what goes wrong around a rollout.
func moreScenarios() []scenario {
	return []scenario{
		{"two-sets-and-the-control-plane", "Two MachineDeployments and the control plane are upgraded at once; what they do together stays within one budget.", func() *theater {
			x := stage(4, 1, 8, 2).split("v", 'c', 'd')
			return x.at(0, func() { x.upgrade("cp"); x.upgrade("w"); x.upgrade("v") })
		}, 6 * time.Hour},
		{"two-sets-in-parallel", "Two MachineDeployments are upgraded at once with NonOverlapping; nodes of either go together where they share nothing.", func() *theater {
			x := stage(4, 2, 16, 2).split("v", 'c', 'd').parallel(8)
			return x.at(0, func() { x.upgrade("w"); x.upgrade("v") })
		}, 6 * time.Hour},
		{"dies-while-held", "A Machine that is held dies, and a health check wants it replaced: it is held no longer.", func() *theater {
			x := stage(3, 1, 6, 2)
			return x.at(0, func() { x.remediate("w-a0"); x.remediate("w-b0") }).at(5*time.Minute, func() { x.kill("w-b0") })
		}, 4 * time.Hour},
		{"death-under-a-rollout", "A worker dies under a rollout; its owner leaves it to the rollout, which waits for the nodes that wait for it. The gate has it taken first.",
			func() *theater {
				x := stage(4, 1, 8, 3).parallel(2)
				x.checked = true
				return x.at(0, func() { x.upgrade("w") }).at(3*time.Minute, func() { x.kill("w-d0") })
			}, 4 * time.Hour},
		{"death-under-a-rollout-wiped", "The same with disks that are wiped: it is taken because its volumes have third copies.", func() *theater {
			x := stage(4, 1, 8, 3).parallel(2)
			x.checked = true
			for _, sv := range x.servers {
				sv.wipes = true
			}
			return x.at(0, func() { x.upgrade("w") }).at(3*time.Minute, func() { x.kill("w-d0") })
		}, 6 * time.Hour},
		{"infrastructure-deleted", "Somebody deletes the infrastructure under two Machines that share volumes; its finalizer holds what the hook cannot.", func() *theater {
			x := stage(2, 1, 3, 2)
			return x.at(0, func() { x.bypass("w-a0"); x.bypass("w-b0") })
		}, 4 * time.Hour},
		{"stale-node", "The Nodes of servers that are away stay, and look Ready; no record is closed on their word.", func() *theater {
			x := stage(3, 1, 6, 2)
			x.stale = true
			return x.at(0, func() { x.upgrade("w") }).at(2*time.Hour, func() { x.stale = false })
		}, 4 * time.Hour},
		{"clock-back", "The clock of the gate's computer is set back by six hours while a node is away.", func() *theater {
			x := stage(3, 1, 6, 2)
			return x.at(0, func() { x.upgrade("w") }).at(11*time.Minute, func() { x.skew = -6 * time.Hour; x.say("the clock is set back") })
		}, 4 * time.Hour},
		{"clock-ahead", "The clock of the gate's computer is set ahead by six hours while data is copied.", func() *theater {
			x := stage(3, 1, 6, 2)
			return x.at(0, func() { x.upgrade("w") }).at(11*time.Minute, func() { x.skew = 6 * time.Hour; x.say("the clock is set ahead") })
		}, 4 * time.Hour},
		{"two-leaders", "Another process takes the lead between a claim and its confirmation, and both go on; two nodes that share volumes still do not go together.", func() *theater {
			x := stage(3, 1, 6, 2)
			x.between = func(x *theater) { x.between = nil; x.say("another process leads"); x.gate() }
			return x.at(0, func() { x.remediate("w-a0"); x.remediate("w-b0") })
		}, 4 * time.Hour},
		{"moved", "The objects move to another management cluster while a node is away, and every status is lost; the claims are not.", func() *theater {
			x := stage(3, 1, 6, 2)
			return x.at(0, func() { x.upgrade("w") }).at(5*time.Minute, func() { x.move() }).at(13*time.Minute, func() { x.move() })
		}, 4 * time.Hour},
	}
}

// split gives the servers of some racks to a set of their own.
func (x *theater) split(name string, racks ...rune) *theater {
	workers := x.sets[1]
	set := &group{name: name, role: Worker, maxUnavailable: workers.maxUnavailable}
	x.sets = append(x.sets, set)
	for _, m := range x.machines {
		if sv := x.servers[m.server]; m.set == workers && slices.Contains(racks, rune(sv.rack[0])) {
			sv.name = name + strings.TrimPrefix(sv.name, workers.name)
			m.name, m.set = sv.name+"-g0", set
			set.wanted++
			workers.wanted--
		}
	}
	return x
}

// bypass deletes the infrastructure under a Machine, and the Machine with it.
func (x *theater) bypass(name string) {
	for _, m := range x.machines {
		if x.servers[m.server].name == name && !m.deleting() {
			m.bypassed, m.hooked = true, false
			x.say("the infrastructure of %s is deleted", m.name)
			x.remove(m)
		}
	}
}

// move takes from every object what clusterctl does not carry over: the status.
func (x *theater) move() {
	x.say("the objects move to another management cluster")
	x.told = map[string]string{}
	for _, c := range x.claims {
		if !c.done {
			c.WholeSince = time.Time{}
		}
	}
	for _, m := range x.machines {
		m.ready = false
	}
}

// evacuate moves the copies of the servers that leave, as the storage's operator would be told to.
func (x *theater) evacuate() {
	for _, m := range x.machines {
		if !m.deleting() {
			continue
		}
		for _, v := range x.volumes {
			for _, r := range v.replicas {
				if r.server != m.server {
					continue
				}
				for i := 3; i < len(x.servers); i++ {
					if i != m.server && !on(v, i) {
						r.server = i
						break
					}
				}
			}
		}
		x.say("%s is evacuated", x.servers[m.server].name)
	}
}

// TestSequences plays every scenario in the default order and compares the story with the golden one.
func TestSequences(t *testing.T) {
	t.Parallel()
	for _, sc := range allScenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			x := sc.set()
			x.run(sc.limit)
			if len(x.broken) > 0 {
				t.Errorf("breaches: %s\n%s", strings.Join(x.broken, "\n"), strings.Join(x.log, "\n"))
			}
			golden(t, sc, x.log)
		})
	}
}

func golden(t *testing.T, sc scenario, log []string) {
	t.Helper()
	file := filepath.Join("testdata", "sequences", sc.name+".golden")
	got := sc.about + "\n\n" + strings.Join(log, "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the story changed; if it should have, run with -update.\ngot:\n%s\nwant:\n%s", got, want)
	}
}

// TestRandomOrders plays every scenario in random orders, with more deaths and kills, and holds it to the invariants only.
func TestRandomOrders(t *testing.T) {
	t.Parallel()
	for _, sc := range allScenarios() {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			orders := *seeds
			if testing.Short() {
				orders = min(orders, 10)
			}
			for seed := range orders {
				if x := play(sc, uint64(seed), ""); len(x.broken) > 0 {
					t.Fatalf("seed %d: %s\n%s", seed, strings.Join(x.broken, "\n"), strings.Join(x.log, "\n"))
				}
			}
		})
	}
}

func play(sc scenario, seed uint64, without string) *theater {
	x := sc.set()
	x.without = without
	x.rng = rand.New(rand.NewPCG(seed, 1))
	if x.crashAfter == 0 && x.rng.IntN(2) == 0 {
		x.crashAfter = 1 + x.rng.IntN(30)
	}
	if x.rng.IntN(3) == 0 {
		when := time.Duration(x.rng.IntN(90)) * time.Minute
		x.at(when, func() { x.outage = true }).at(when+10*time.Minute, func() { x.outage = false })
	}
	x.run(3 * sc.limit)
	return x
}

// TestEveryPolicyIsNeeded takes each policy from the gate in turn and has the table notice.
func TestEveryPolicyIsNeeded(t *testing.T) {
	t.Parallel()
	for _, p := range slices.Concat(passes, knowledge, placedPolicies, opaquePolicies, services) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if caughtByTable(p.name) {
				return
			}
			t.Errorf("a gate without %s passes every case of TestOneNode", p.name)
		})
	}
}

// caughtByTable tells whether a case of TestOneNode comes out otherwise without the policy.
func caughtByTable(name string) bool {
	for _, c := range oneNode() {
		d := newDecision(c.in.Input)
		d.without = name
		caught := func() (caught bool) {
			// A policy may rely on the ones before it.
			defer func() { caught = caught || recover() != nil }()
			return said(d.decide()) != c.want
		}()
		if caught {
			return true
		}
	}
	return false
}

// TestBrokenGatesAreCaught takes from the gate, one at a time, what protects data or progress in the scenarios.
func TestBrokenGatesAreCaught(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sharesData", "lastReplica", "deadNode", "notEvacuated", "serial", "budget", "recheck", "storageUnknown", "overridden",
		"volumeNotWhole", "storageBusy", "unblock"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, sc := range allScenarios() {
				for seed := range uint64(5) {
					if broken(sc, seed, name) {
						return
					}
				}
			}
			t.Errorf("a gate without %s breaks nothing in any scenario", name)
		})
	}
}

func broken(sc scenario, seed uint64, without string) (caught bool) {
	defer func() { caught = caught || recover() != nil }()
	return len(play(sc, seed, without).broken) > 0
}
