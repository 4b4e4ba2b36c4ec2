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
// Two rules govern it. Nothing is deployed or released on a memory: such a step comes only after a fresh read that
// proves the allocation to be ours (Observation.Fresh). And a state that was not expected leads to Hold, never to an act.
package lifecycle

import (
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Lease is what the provider remembers of a lease on a machine.
type Lease struct {
	// ID is the agent name of our allocation.
	ID string
	// End asks for the machine to be given back.
	End bool
	// Allocated, DeployStarted and Deployed tell how far the machine was ever seen to be.
	Allocated, DeployStarted, Deployed bool
}

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
	// Annotated is true when the machine carries the annotation of our lease.
	Annotated bool
	// Fresh is true when the observation was made in this pass, by asking MAAS for our agent name.
	Fresh bool
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
	// Allocate takes the machine.
	Allocate Verb = "Allocate"
	// Annotate writes our workload annotations.
	Annotate Verb = "Annotate"
	// Deploy installs it.
	Deploy Verb = "Deploy"
	// Release gives it back.
	Release Verb = "Release"
	// GiveUp ends a lease that never got its machine, so that another can be chosen.
	GiveUp Verb = "GiveUp"
	// Finish ends a lease whose machine is no longer ours.
	Finish Verb = "Finish"
)

// Situation names where the lease stands, for its conditions.
type Situation string

// The situations a lease can be in.
const (
	Unknown       Situation = "Unknown"
	NotAllocated  Situation = "NotAllocated"
	Allocated     Situation = "Allocated"
	Deploying     Situation = "Deploying"
	Deployed      Situation = "Deployed"
	PoweredOff    Situation = "PoweredOff"
	DeployFailed  Situation = "DeployFailed"
	DeployAborted Situation = "DeployAborted"
	NotInService  Situation = "NotInService"
	Released      Situation = "Released"
	Taken         Situation = "Taken"
	Gone          Situation = "Gone"
	Releasing     Situation = "Releasing"
	ReleaseFailed Situation = "ReleaseFailed"
)

// Step is what to do next and where the lease stands.
type Step struct {
	Verb      Verb
	Situation Situation
}

// Next plans the next step.
func Next(l Lease, o Observation) Step {
	if !o.Known {
		return Step{Wait, Unknown}
	}
	if l.End {
		return nextToEnd(o)
	}
	return nextToDeploy(l, o)
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
