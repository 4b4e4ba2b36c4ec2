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

// Package lifecycle plans what to do next with one leased MAAS machine: observe, plan, act, and again. The plan is pure; the
// maashost controller observes and acts.
//
// A lease may be empty: the machine is kept allocated and nothing is installed on it. With a consumer its disks and network are prepared
// while it is Ready and nobody's, its network again while it is allocated if need be, and then it is installed. Vacating releases it and lets the lease go on;
// ending releases it for good.
//
// Two rules govern the plan. Nothing is changed, deployed or released on a memory: such a step comes only after a fresh read
// (Observation.Fresh) that proves the allocation to be ours, or the machine to be nobody's where its disks or network are prepared. And a state that
// was not expected leads to Hold, never to an act.
package lifecycle

import (
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Lease is what the provider remembers of a lease on a machine.
type Lease struct {
	// ID is the agent name of our allocation.
	ID string
	// End asks for the machine to be given back for good.
	End bool
	// Vacate asks for what is on the machine to end, while the lease goes on.
	Vacate bool
	// SwitchOff asks for a machine that is vacated to be off before it is released. MAAS then makes it Ready at once, and it is allocated again
	// in the same pass, where otherwise it would be anybody's from when MAAS has switched it off until the provider notices.
	SwitchOff bool
	// KeepsData is true when MAAS must not erase the disks.
	KeepsData bool
	// Empty is true when nobody is to be installed.
	Empty bool
	// Allocated, DeployStarted and Deployed tell how far the machine was ever seen to be, since it was last vacated.
	Allocated, DeployStarted, Deployed bool
	// DiskRounds is how often the machine was released for its disks' sake since the consumer has it or was last to be installed anew.
	DiskRounds int
	// PowerCycle is what is left to do of a power cycle that was asked for.
	PowerCycle PowerCycle
}

// PowerCycle is what is left to do of a power cycle.
type PowerCycle string

const (
	// NoPowerCycle means that none was asked for, or that it is done.
	NoPowerCycle PowerCycle = ""
	// SwitchOff means that the machine has not been seen off yet.
	SwitchOff PowerCycle = "SwitchOff"
	// SwitchOn means that it was switched off and has not been seen on since.
	SwitchOn PowerCycle = "SwitchOn"
)

// MaxDiskRounds bounds DiskRounds. Whatever records disks again and again is something that a person has to find.
const MaxDiskRounds = 3

// Ownership tells whose an allocation is.
type Ownership string

const (
	// OwnershipUnknown means that a fresh read is needed to tell.
	OwnershipUnknown Ownership = "Unknown"
	// OwnershipOurs means that MAAS holds the machine under our lease.
	OwnershipOurs Ownership = "Ours"
	// OwnershipNotOurs means that it does not.
	OwnershipNotOurs Ownership = "NotOurs"
)

// Work tells how a part of the machine compares to what is wanted.
type Work string

const (
	// WorkNone means that it is as it should be.
	WorkNone Work = ""
	// WorkDue means that there is something to do.
	WorkDue Work = "Due"
	// WorkRefused means that it is not as it should be and that nothing can or may be done about it.
	WorkRefused Work = "Refused"
)

// Observation is what is known of the machine now.
type Observation struct {
	// Known is false until the provider has had a first look at MAAS.
	Known bool
	// Machine is nil when MAAS has none of that id.
	Machine *maas.Machine
	// Hidden is set when MAAS has the machine and will not show it to our key: it is another user's.
	Hidden bool
	// Ownership of the allocation.
	Ownership Ownership
	// OurUser is true when the machine belongs to the MAAS user that our key is of, under whatever lease.
	OurUser bool
	// Annotated is true when the machine carries the annotations of our lease and its consumer.
	Annotated bool
	// Fresh is true when the observation was made in this pass, by asking MAAS for our agent name.
	Fresh bool

	// Disks compares the disks in MAAS's inventory, and their layout, to what is wanted. Due means that they have to be prepared; Refused
	// that an installation would wipe what must not be wiped, or that they cannot be prepared.
	Disks Work
	// Network compares the interfaces in MAAS to what is wanted.
	Network Work
	// Install is Due while an installation under way has not been checked yet: what it wipes, by MAAS's own installer configuration.
	// Refused means that it was found to wipe what it must not.
	Install Work
}

// Verb is a kind of step.
type Verb string

const (
	// Wait has nothing to do until the machine or the lease changes; all goes well.
	Wait Verb = "Wait"
	// Hold has nothing to do either, because of a surprise that a person or a policy has to end.
	Hold Verb = "Hold"
	// Verify reads the machine afresh by our agent name.
	Verify Verb = "Verify"
	// PrepareDisks changes MAAS's inventory and layout of the disks of a machine that is Ready and nobody's.
	PrepareDisks Verb = "PrepareDisks"
	// Allocate takes the machine.
	Allocate Verb = "Allocate"
	// Annotate writes our workload annotations.
	Annotate Verb = "Annotate"
	// PrepareNetwork changes the interfaces of a machine that is allocated to us, or Ready and nobody's.
	PrepareNetwork Verb = "PrepareNetwork"
	// Deploy installs it.
	Deploy Verb = "Deploy"
	// CheckInstall reads what an installation under way wipes, and aborts it when that must not be wiped.
	CheckInstall Verb = "CheckInstall"
	// PowerOff switches off, hard, a machine that is deployed for us.
	PowerOff Verb = "PowerOff"
	// PowerOn switches it on again.
	PowerOn Verb = "PowerOn"
	// AskVacate writes down that the machine, on which nothing was installed, has to be released and come back to the same consumer: its
	// disks can be prepared only while nobody has it.
	AskVacate Verb = "AskVacate"
	// ShutDown lets the installed system of a machine that is vacated shut down.
	ShutDown Verb = "ShutDown"
	// Release gives it back.
	Release Verb = "Release"
	// StopErasing stops the erasing of disks that are to be kept, which a release began although nobody asked for it.
	StopErasing Verb = "StopErasing"
	// Vacated notes that nothing of ours is on the machine any more: the lease goes on, empty or with its consumer to be installed.
	Vacated Verb = "Vacated"
	// GiveUp ends a lease that never got its machine, so that another can be chosen.
	GiveUp Verb = "GiveUp"
	// Finish ends a lease whose machine is no longer ours.
	Finish Verb = "Finish"
)

// Situation names where the lease stands, for its conditions.
type Situation string

// The situations a lease can be in.
const (
	Unknown        Situation = "Unknown"
	NotAllocated   Situation = "NotAllocated"
	Preparing      Situation = "Preparing"
	Allocated      Situation = "Allocated"
	Kept           Situation = "Kept"
	Deploying      Situation = "Deploying"
	Deployed       Situation = "Deployed"
	PoweredOff     Situation = "PoweredOff"
	PowerCycling   Situation = "PowerCycling"
	DeployFailed   Situation = "DeployFailed"
	DeployAborted  Situation = "DeployAborted"
	DisksRefused   Situation = "DisksRefused"
	NetworkRefused Situation = "NetworkRefused"
	NotEmpty       Situation = "NotEmpty"
	NotInService   Situation = "NotInService"
	Released       Situation = "Released"
	Taken          Situation = "Taken"
	Gone           Situation = "Gone"
	Releasing      Situation = "Releasing"
	ReleaseFailed  Situation = "ReleaseFailed"
)

// Step is what to do next and where the lease stands.
type Step struct {
	Verb      Verb
	Situation Situation
}

// Next plans the next step.
func Next(l Lease, o Observation) Step {
	switch {
	case !o.Known:
		return Step{Wait, Unknown}
	case l.End:
		return nextToRelease(l, o, Finish)
	case l.Vacate:
		return nextToRelease(l, o, Vacated)
	case o.Ownership == OwnershipUnknown:
		return Step{Verify, situationOf(l)}
	case o.Ownership == OwnershipOurs && l.Empty:
		return nextToKeep(o)
	case o.Ownership == OwnershipOurs:
		return nextToDeploy(l, o)
	case l.Allocated && !l.Empty:
		return lost(o)
	default:
		return nextToAllocate(l, o)
	}
}

// OwnershipOf tells from a machine's own record whose the allocation is, as far as that can be told.
func OwnershipOf(m *maas.Machine, leaseAnnotation, leaseID string) Ownership {
	switch {
	case m == nil:
		return OwnershipNotOurs
	case m.Annotations[leaseAnnotation] == leaseID:
		return OwnershipOurs
	case m.Annotations[leaseAnnotation] != "", m.Owner == "":
		return OwnershipNotOurs
	}
	return OwnershipUnknown
}
