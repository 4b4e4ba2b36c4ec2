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

package remediation

import (
	"fmt"
	"strings"
)

// Next decides the next step. Every step but Wait changes the input of the next decision, and none can be taken again and again.
func Next(in Input) Plan {
	switch {
	case in.HandedOver:
		return Plan{Verb: Wait, Situation: HandedOver}
	case in.Healthy:
		return Plan{Verb: Wait, Situation: Recovered}
	case in.Held != "":
		return Plan{Verb: Wait, Situation: Held, Why: in.Held}
	}
	switch in.Server {
	case ServerNone:
		return Plan{Verb: Wait, Situation: NoServer}
	case ServerLost:
		return Plan{Verb: HandOver, Situation: WithoutTheServer, Why: in.ServerMessage}
	case ServerInstalling:
		return Plan{Verb: Wait, Situation: Installing, Why: in.ServerMessage}
	case ServerFailed:
		return replace(in, "it could not be installed")
	case ServerInstalled:
		return heal(in)
	case ServerBusy:
		return Plan{Verb: Wait, Situation: Busy, Why: in.ServerMessage}
	}
	return Plan{Verb: Wait, Situation: MaasUnknown, Why: in.ServerMessage}
}

// heal decides for a server that is installed.
func heal(in Input) Plan {
	if c := in.PowerCycle; c != nil && in.Now.Before(c.Expires) {
		if c.Done {
			return Plan{Verb: Wait, Situation: WaitingForNode, Until: c.Expires}
		}
		return Plan{Verb: Wait, Situation: PowerCycling, Until: c.Expires}
	}
	// Once it is written down that the server is to be installed anew, nothing else is tried first.
	if in.redeployNoted() || in.Quarantined {
		return replace(in, "")
	}
	for _, objection := range []func(Input) (Plan, bool){neverJoined, triedOften, notSeen, speaksUnderGuard, othersAway} {
		if plan, objects := objection(in); objects {
			return plan
		}
	}
	return Plan{Verb: AskPowerCycle, Situation: PowerCycling, Until: in.Now.Add(in.Strategy.PowerCycleTimeout)}
}

// neverJoined: user data is run once in the life of an installation, so another start cannot make the Node join.
func neverJoined(in Input) (Plan, bool) {
	if in.Node != NodeNever {
		return Plan{}, false
	}
	return replace(in, "its Node never joined, which another start does not change"), true
}

func triedOften(in Input) (Plan, bool) {
	n := in.PowerCycles()
	if n < in.Strategy.MaxPowerCycles {
		return Plan{}, false
	}
	why := fmt.Sprintf("%d power cycles did not help", n)
	if in.Strategy.MaxPowerCycles == 0 {
		why = "the strategy has no power cycle"
	}
	return replace(in, why), true
}

// notSeen: a Node that nobody can look at may be well.
func notSeen(in Input) (Plan, bool) {
	if in.Node != NodeUnseen || in.Off {
		return Plan{}, false
	}
	return Plan{Verb: Wait, Situation: NodeNotSeen}, true
}

// speaksUnderGuard: the storage on a server whose kubelet speaks is likely to serve. It is not switched off without asking the gate, and the gate
// is asked by deletion.
func speaksUnderGuard(in Input) (Plan, bool) {
	if !in.Guarded || in.Off || in.Node != NodeSpeaks {
		return Plan{}, false
	}
	return replace(in, "its kubelet still speaks, so that its storage may be in use, and only the RepaveGate can tell whether it may go"), true
}

// othersAway: a silent kubelet does not mean that the storage is silent. It is switched off only when it is the only one to be away.
func othersAway(in Input) (Plan, bool) {
	if !in.Guarded || in.Off || len(in.Away) == 0 {
		return Plan{}, false
	}
	return Plan{Verb: Wait, Situation: StorageAtRisk, Why: strings.Join(in.Away, ", ")}, true
}

// PowerCycles counts those of the present trouble: of this remediation, and of earlier ones where it began within the cooldown.
func (in Input) PowerCycles() int {
	if in.History.LastPowerCycle.Add(in.Strategy.PowerCycleCooldown).Before(in.Started) {
		return 0
	}
	return in.History.PowerCycles
}

// redeployNoted tells whether this remediation has written down that the server is to be installed anew.
func (in Input) redeployNoted() bool {
	return in.History.RedeployedThis && !in.History.Redeployed.Before(in.Started)
}

// redeployedBefore tells whether the server was installed anew because of trouble shortly before this began.
func (in Input) redeployedBefore() bool {
	h := in.History
	return !h.Redeployed.IsZero() && !in.redeployNoted() && h.Redeployed.Add(in.Strategy.RedeployCooldown).After(in.Started)
}

// replace decides what becomes of the server when its Machine is replaced.
func replace(in Input, why string) Plan {
	switch {
	case in.Quarantined:
		return Plan{Verb: HandOver, Situation: Quarantining, Why: why}
	case in.redeployNoted():
		return Plan{Verb: HandOver, Situation: Redeploying, Why: why}
	case !in.Strategy.Redeploy:
		return Plan{Verb: Quarantine, Situation: Quarantining, Why: why}
	case !in.ComesBack:
		// Nothing would lead the successor to it, nor remember what was tried on it.
		return Plan{Verb: Quarantine, Situation: Quarantining, Why: because(why, "no MaasHostPool keeps it for the successor")}
	case in.redeployedBefore():
		return Plan{Verb: Quarantine, Situation: Quarantining, Why: because(why, "it was installed anew already, at "+
			in.History.Redeployed.UTC().Format("2006-01-02T15:04:05Z"))}
	}
	return Plan{Verb: NoteRedeploy, Situation: Redeploying, Why: why}
}

func because(reasons ...string) string {
	var given []string
	for _, r := range reasons {
		if r != "" {
			given = append(given, r)
		}
	}
	return strings.Join(given, ", and ")
}
