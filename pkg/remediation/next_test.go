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

package remediation_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/remediation"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// unhealthy is a server that runs and whose Node fell silent: the plain case, from which the others differ in one thing.
func unhealthy() remediation.Input {
	return remediation.Input{
		Now: start, Started: start,
		Strategy: remediation.Strategy{
			MaxPowerCycles: 2, PowerCycleTimeout: 15 * time.Minute, PowerCycleCooldown: time.Hour, Redeploy: true, RedeployCooldown: 24 * time.Hour,
		},
		Node: remediation.NodeSilent, Server: remediation.ServerInstalled, ComesBack: true,
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	cycle := func(expires time.Duration, done bool) func(*remediation.Input) {
		return func(in *remediation.Input) {
			in.History.PowerCycles, in.History.LastPowerCycle = 1, start
			in.PowerCycle = &remediation.PowerCycle{Expires: start.Add(expires), Done: done}
		}
	}
	tried := func(n int, ago time.Duration) func(*remediation.Input) {
		return func(in *remediation.Input) {
			in.History.PowerCycles, in.History.LastPowerCycle = n, start.Add(-ago)
		}
	}
	type set = func(*remediation.Input)
	tests := []struct {
		name      string
		set       []set
		verb      remediation.Verb
		situation remediation.Situation
	}{
		{"silent node", nil, remediation.AskPowerCycle, remediation.PowerCycling},
		{"healthy again", []set{func(in *remediation.Input) { in.Healthy = true }}, remediation.Wait, remediation.Recovered},
		{"owner asked already", []set{func(in *remediation.Input) { in.HandedOver = true }}, remediation.Wait, remediation.HandedOver},
		{"skipped by annotation", []set{func(in *remediation.Input) { in.Held = "skip" }}, remediation.Wait, remediation.Held},
		{"no server yet", []set{func(in *remediation.Input) { in.Server = remediation.ServerNone }}, remediation.Wait, remediation.NoServer},
		{"server lost", []set{func(in *remediation.Input) { in.Server = remediation.ServerLost }}, remediation.HandOver, remediation.WithoutTheServer},
		{"MAAS does not answer", []set{func(in *remediation.Input) { in.Server = remediation.ServerUnknown }}, remediation.Wait, remediation.MaasUnknown},
		{"a state of some later version", []set{func(in *remediation.Input) { in.Server = "" }}, remediation.Wait, remediation.MaasUnknown},
		{"still installed", []set{func(in *remediation.Input) { in.Server = remediation.ServerInstalling }}, remediation.Wait, remediation.Installing},
		{"tested by hand", []set{func(in *remediation.Input) { in.Server = remediation.ServerBusy }}, remediation.Wait, remediation.Busy},
		{"installation failed", []set{func(in *remediation.Input) { in.Server = remediation.ServerFailed }}, remediation.NoteRedeploy, remediation.Redeploying},
		{"node never joined", []set{func(in *remediation.Input) { in.Node = remediation.NodeNever }}, remediation.NoteRedeploy, remediation.Redeploying},
		{"workload cluster not reached", []set{func(in *remediation.Input) { in.Node = remediation.NodeUnseen }}, remediation.Wait, remediation.NodeNotSeen},
		{"workload cluster not reached, server off", []set{func(in *remediation.Input) { in.Node, in.Off = remediation.NodeUnseen, true }}, remediation.AskPowerCycle, remediation.PowerCycling},

		{"being switched", []set{cycle(time.Minute, false)}, remediation.Wait, remediation.PowerCycling},
		{"switched, node to come", []set{cycle(time.Minute, true)}, remediation.Wait, remediation.WaitingForNode},
		{"switched in vain", []set{cycle(0, true)}, remediation.AskPowerCycle, remediation.PowerCycling},
		{"never switched", []set{cycle(0, false)}, remediation.AskPowerCycle, remediation.PowerCycling},
		{"one cycle before, a while ago", []set{tried(1, 30*time.Minute)}, remediation.AskPowerCycle, remediation.PowerCycling},
		{"all cycles before, a while ago", []set{tried(2, 30*time.Minute)}, remediation.NoteRedeploy, remediation.Redeploying},
		{"all cycles before, long ago", []set{tried(2, 2*time.Hour)}, remediation.AskPowerCycle, remediation.PowerCycling},
		{"no cycle in the strategy", []set{func(in *remediation.Input) { in.Strategy.MaxPowerCycles = 0 }}, remediation.NoteRedeploy, remediation.Redeploying},

		{"guarded, silent", []set{guarded()}, remediation.AskPowerCycle, remediation.PowerCycling},
		{"guarded, silent, another away", []set{guarded("b")}, remediation.Wait, remediation.StorageAtRisk},
		{"guarded, off, another away", []set{guarded("b"), func(in *remediation.Input) { in.Off = true }}, remediation.AskPowerCycle, remediation.PowerCycling},
		{"guarded, kubelet speaks: the gate decides", []set{guarded(), func(in *remediation.Input) { in.Node = remediation.NodeSpeaks }}, remediation.NoteRedeploy, remediation.Redeploying},
		{"not guarded, kubelet speaks", []set{func(in *remediation.Input) { in.Node = remediation.NodeSpeaks }}, remediation.AskPowerCycle, remediation.PowerCycling},

		{"redeploy noted by this one", []set{redeployed(0, true)}, remediation.HandOver, remediation.Redeploying},
		{"redeployed for another shortly before", []set{tried(2, 0), redeployed(time.Hour, false)}, remediation.Quarantine, remediation.Quarantining},
		{"installation failed after a redeploy", []set{redeployed(time.Hour, false), func(in *remediation.Input) { in.Server = remediation.ServerFailed }}, remediation.Quarantine, remediation.Quarantining},
		{"redeployed long ago", []set{tried(2, 0), redeployed(48*time.Hour, false)}, remediation.NoteRedeploy, remediation.Redeploying},
		{"redeployed for an earlier machine of the name", []set{tried(2, 0), redeployed(time.Hour, true)}, remediation.Quarantine, remediation.Quarantining},
		{"no redeploy in the strategy", []set{tried(2, 0), func(in *remediation.Input) { in.Strategy.Redeploy = false }}, remediation.Quarantine, remediation.Quarantining},
		{"nothing leads the successor back", []set{tried(2, 0), func(in *remediation.Input) { in.ComesBack = false }}, remediation.Quarantine, remediation.Quarantining},
		{"installation failed, nothing leads the successor back", []set{func(in *remediation.Input) {
			in.Server, in.ComesBack = remediation.ServerFailed, false
		}}, remediation.Quarantine, remediation.Quarantining},
		{"in quarantine", []set{func(in *remediation.Input) { in.Quarantined = true }}, remediation.HandOver, remediation.Quarantining},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := unhealthy()
			for _, f := range tt.set {
				f(&in)
			}
			if got := remediation.Next(in); got.Verb != tt.verb || got.Situation != tt.situation {
				t.Errorf("want %s in %s, got %+v", tt.verb, tt.situation, got)
			}
		})
	}
}

func guarded(away ...string) func(*remediation.Input) {
	return func(in *remediation.Input) { in.Guarded, in.Away = true, away }
}

func redeployed(ago time.Duration, this bool) func(*remediation.Input) {
	return func(in *remediation.Input) { in.History.Redeployed, in.History.RedeployedThis = start.Add(-ago), this }
}

// host plays what the objects remember; it is all that outlives a restart or a move.
type host struct {
	in         remediation.Input
	cycles     int
	handedOver bool
	log        []string
}

// take does what the controller does with a plan.
func (h *host) take(plan remediation.Plan) {
	h.log = append(h.log, fmt.Sprintf("%s %s/%s", h.in.Now.Format(time.TimeOnly), plan.Verb, plan.Situation))
	switch plan.Verb {
	case remediation.AskPowerCycle:
		h.cycles++
		h.in.History.PowerCycles, h.in.History.LastPowerCycle = h.in.PowerCycles()+1, h.in.Now
		h.in.PowerCycle = &remediation.PowerCycle{Expires: plan.Until}
	case remediation.NoteRedeploy:
		h.in.History.Redeployed, h.in.History.RedeployedThis = h.in.Now, true
	case remediation.Quarantine:
		h.in.Quarantined = true
	case remediation.HandOver:
		h.handedOver, h.in.HandedOver = true, true
	case remediation.Wait:
	}
}

// TestEveryStoryEnds plays thousands of remediations in which the Node never comes back, MAAS, the Node's visibility, the gate and its
// neighbours change at random and time passes in jumps. Each ends with the Machine handed over, and never has more power cycles than allowed.
func TestEveryStoryEnds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		random := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // reproducible on purpose
		in := unhealthy()
		in.Strategy.MaxPowerCycles = random.IntN(4)
		in.Strategy.PowerCycleCooldown = time.Duration(random.IntN(3)) * 20 * time.Minute
		in.Strategy.Redeploy = random.IntN(2) == 0
		in.Guarded, in.ComesBack = random.IntN(2) == 0, random.IntN(3) > 0
		in.History.PowerCycles, in.History.LastPowerCycle = random.IntN(3), start.Add(-time.Duration(random.IntN(120))*time.Minute)
		if random.IntN(2) == 0 {
			in.History.Redeployed = start.Add(-time.Duration(random.IntN(48)) * time.Hour)
		}
		h := &host{in: in}
		for round := 0; !h.handedOver; round++ {
			disturb(random, h, round)
			plan := remediation.Next(h.in)
			check(t, seed, h, plan)
			h.take(plan)
			if round > 500 || t.Failed() {
				t.Fatalf("seed %d: want the story to end:\n%v", seed, h.log)
			}
			h.in.Now = h.in.Now.Add(time.Duration(random.IntN(10)) * time.Minute)
		}
		if again := remediation.Next(h.in); again.Verb != remediation.Wait {
			t.Fatalf("seed %d: want nothing to follow the hand-over, got %+v", seed, again)
		}
	}
}

// disturb changes what is seen for a while; in the end the view is clear.
func disturb(random *rand.Rand, h *host, round int) {
	h.in.Server, h.in.Node, h.in.Away, h.in.Off = remediation.ServerInstalled, remediation.NodeSilent, nil, false
	if round < 40 {
		h.in.Server = []remediation.Server{
			remediation.ServerInstalled, remediation.ServerInstalled, remediation.ServerUnknown, remediation.ServerBusy, remediation.ServerInstalling,
		}[random.IntN(5)]
		h.in.Node = []remediation.Node{remediation.NodeSilent, remediation.NodeSpeaks, remediation.NodeUnseen}[random.IntN(3)]
		h.in.Off = random.IntN(4) == 0
		if random.IntN(3) == 0 {
			h.in.Away = []string{"another"}
		}
	}
	if c := h.in.PowerCycle; c != nil && random.IntN(2) == 0 {
		c.Done = true
	}
}

func check(t *testing.T, seed uint64, h *host, plan remediation.Plan) {
	t.Helper()
	in := h.in
	fail := func(why string) {
		t.Errorf("seed %d: %s: %+v for %+v after\n%v", seed, why, plan, in, h.log)
	}
	if plan.Situation == "" {
		fail("every plan needs a situation, or the user sees nothing")
	}
	seen := in.Server == remediation.ServerInstalled || in.Server == remediation.ServerFailed
	if plan.Verb != remediation.Wait && !seen {
		fail("nothing is tried without a clear view of the server")
	}
	switch plan.Verb {
	case remediation.AskPowerCycle:
		if h.cycles >= in.Strategy.MaxPowerCycles {
			fail("no more power cycles than allowed")
		}
		if in.PowerCycle != nil && in.Now.Before(in.PowerCycle.Expires) {
			fail("never two steps at once")
		}
		if in.Guarded && !in.Off && (len(in.Away) > 0 || in.Node != remediation.NodeSilent) {
			fail("a guarded server is not switched off while another is away or its kubelet speaks")
		}
	case remediation.HandOver:
		if !in.Quarantined && !slices.Contains([]remediation.Situation{remediation.Redeploying}, plan.Situation) {
			fail("a server is in quarantine or given another chance before its Machine goes")
		}
	case remediation.NoteRedeploy:
		if !in.Strategy.Redeploy || !in.ComesBack {
			fail("no new installation that the strategy does not have")
		}
	case remediation.Quarantine, remediation.Wait:
	}
}
