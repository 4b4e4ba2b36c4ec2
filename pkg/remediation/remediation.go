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

// Package remediation decides what to try next for a Machine that is unhealthy: power cycles, a new installation on the same server, and in
// the end the quarantine of the server. The decision is pure; controllers/maasremediation gathers what it needs and acts.
//
// Three rules govern it. It ends: everything that is tried is counted where a restart or a move does not lose it, before it is tried. A server
// is switched off only on a clear view: what its Node says, what MAAS says, and, where data is guarded, that no other server is away. And a
// Machine that cannot be healed goes the way of every deletion, which asks the storage gate.
package remediation

import "time"

// Strategy is what may be tried.
type Strategy struct {
	// MaxPowerCycles may be 0.
	MaxPowerCycles int
	// PowerCycleTimeout is how long one may take until the Node is healthy; PowerCycleCooldown how long it counts after that it was asked for.
	PowerCycleTimeout, PowerCycleCooldown time.Duration
	// Redeploy lets the successor have the same server once in RedeployCooldown.
	Redeploy         bool
	RedeployCooldown time.Duration
}

// Node is what is known of the Machine's Node.
type Node string

const (
	// NodeNever means that there never was one.
	NodeNever Node = "Never"
	// NodeUnseen means that nobody knows how it is: the workload cluster cannot be reached.
	NodeUnseen Node = "Unseen"
	// NodeSilent means that its kubelet does not report any more.
	NodeSilent Node = "Silent"
	// NodeSpeaks means that its kubelet reports, that the Node is ready or that it is not, or that the Node was deleted under it.
	NodeSpeaks Node = "Speaks"
)

// Server is where the Machine's server stands.
type Server string

const (
	// ServerNone means that the Machine has none yet.
	ServerNone Server = "None"
	// ServerLost means that it had one which is no longer its own.
	ServerLost Server = "Lost"
	// ServerUnknown means that there is no look at MAAS.
	ServerUnknown Server = "Unknown"
	// ServerInstalling means that it is on its way to be installed.
	ServerInstalling Server = "Installing"
	// ServerFailed means that it could not be installed.
	ServerFailed Server = "Failed"
	// ServerBusy means that it is at something that is left alone.
	ServerBusy Server = "Busy"
	// ServerInstalled means that it is installed.
	ServerInstalled Server = "Installed"
)

// PowerCycle is the last one that was asked for, for this remediation.
type PowerCycle struct {
	// Expires is when the Node has to be healthy.
	Expires time.Time
	// Done is true when the server was seen off and then on.
	Done bool
}

// History is what was tried on the server, for this Machine and others.
type History struct {
	PowerCycles    int
	LastPowerCycle time.Time
	Redeployed     time.Time
	// RedeployedThis is true when it was this Machine that was handed over at Redeployed.
	RedeployedThis bool
}

// Input is all that the decision rests on.
type Input struct {
	Now time.Time
	// Started is when this remediation began.
	Started  time.Time
	Strategy Strategy

	// Held says why nothing may be done at all, "" for nothing.
	Held string
	// Healthy is true when the health check passes again; HandedOver when the Machine is being deleted, or its owner was asked to.
	Healthy, HandedOver bool

	Node   Node
	Server Server
	// ServerMessage is what the MaasHost says of itself.
	ServerMessage string
	// Off is true when MAAS says that the server is off.
	Off bool
	// PowerCycle is nil when none was asked for by this remediation.
	PowerCycle *PowerCycle
	History    History
	// ComesBack is true when the server is kept for the successor of the Machine.
	ComesBack bool
	// Quarantined is true when the server is given to nobody.
	Quarantined bool

	// Guarded is true when the Cluster's data is guarded by a gate, and Away names what else of the Cluster is away.
	Guarded bool
	Away    []string
}

// Verb is what to do next.
type Verb string

const (
	// Wait does nothing.
	Wait Verb = "Wait"
	// AskPowerCycle counts a power cycle and asks for it.
	AskPowerCycle Verb = "AskPowerCycle"
	// NoteRedeploy writes down that the server is installed anew for this Machine's sake.
	NoteRedeploy Verb = "NoteRedeploy"
	// Quarantine has the server given to nobody.
	Quarantine Verb = "Quarantine"
	// HandOver asks the owner of the Machine to replace it.
	HandOver Verb = "HandOver"
)

// Situation names where the remediation stands.
type Situation string

// The situations.
const (
	Held             Situation = "Held"
	Recovered        Situation = "Recovered"
	HandedOver       Situation = "HandedOver"
	NoServer         Situation = "NoServer"
	MaasUnknown      Situation = "MaasUnknown"
	Installing       Situation = "Installing"
	Busy             Situation = "Busy"
	NodeNotSeen      Situation = "NodeNotSeen"
	StorageAtRisk    Situation = "StorageAtRisk"
	PowerCycling     Situation = "PowerCycling"
	WaitingForNode   Situation = "WaitingForNode"
	Redeploying      Situation = "Redeploying"
	Quarantining     Situation = "Quarantining"
	WithoutTheServer Situation = "WithoutTheServer"
)

// Plan is the next step.
type Plan struct {
	Verb      Verb
	Situation Situation
	// Why says in words why it is this step, where the situation does not.
	Why string
	// Until is when a wait ends by itself, zero when something else ends it.
	Until time.Time
}
