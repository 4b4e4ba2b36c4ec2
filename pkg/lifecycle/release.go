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

package lifecycle

import (
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// nextToRelease plans towards a machine that is no longer ours, and then what is done: Finish or Vacated. Every way out but waiting goes
// through a fresh read: release is idempotent in MAAS and would hit the next holder, and a lease that ends too early leaks its machine.
func nextToRelease(l Lease, o Observation, done Verb) Step {
	if !o.Fresh {
		// Whoever's release it is: there is nothing to do before it is over, and its end wakes us.
		if o.Machine != nil && isLeaving(o.Machine.Status) && !losesData(l, o) {
			return Step{Wait, Releasing}
		}
		return Step{Verify, Unknown}
	}
	if o.Ownership != OwnershipOurs {
		return nextOnTheWayOut(l, o, done)
	}
	if losesData(l, o) {
		return Step{StopErasing, Releasing}
	}
	if done == Vacated && l.SwitchOff && isOn(o.Machine) && !o.Machine.Locked {
		return Step{ShutDown, Releasing}
	}
	switch o.Machine.Status {
	case maas.StatusReleasing, maas.StatusDiskErasing:
		return Step{Wait, Releasing}
	case maas.StatusFailedReleasing, maas.StatusFailedDiskErasing:
		return releaseUnlessLocked(o, ReleaseFailed)
	case maas.StatusAllocated, maas.StatusReserved, maas.StatusDeploying, maas.StatusDeployed,
		maas.StatusFailedDeployment, maas.StatusBroken:
		return releaseUnlessLocked(o, Releasing)
	default:
		// Testing, rescue mode, commissioning: MAAS refuses a release, and whoever started it is at work on the machine.
		return Step{Hold, NotInService}
	}
}

// nextOnTheWayOut plans for a machine that MAAS holds under no lease of ours. MAAS forgets the agent name when a release begins, so the
// machine of a release under way, or of one that failed, is known by its owner. To release it again repeats what its holder asked for.
func nextOnTheWayOut(l Lease, o Observation, done Verb) Step {
	if o.Machine == nil || !o.OurUser {
		return Step{done, Released}
	}
	if losesData(l, o) {
		return Step{StopErasing, Releasing}
	}
	switch o.Machine.Status {
	case maas.StatusReleasing, maas.StatusDiskErasing:
		return Step{Wait, Releasing}
	case maas.StatusFailedReleasing, maas.StatusFailedDiskErasing:
		return releaseUnlessLocked(o, ReleaseFailed)
	default:
		return Step{done, Released}
	}
}

func releaseUnlessLocked(o Observation, s Situation) Step {
	if o.Machine.Locked {
		return Step{Hold, NotInService}
	}
	return Step{Release, s}
}

func isLeaving(s maas.Status) bool {
	return s == maas.StatusReleasing || s == maas.StatusDiskErasing
}

// losesData tells whether MAAS is erasing what is to be kept. MAAS may do so after a release that asked for nothing of the kind: its region can be
// set to erase at every release. Whoever is to lose the data says so in the policy first.
func losesData(l Lease, o Observation) bool {
	return l.KeepsData && o.Machine.Status == maas.StatusDiskErasing
}

// isOn tells whether the installed system runs, or one whose installation failed.
func isOn(m *maas.Machine) bool {
	return m.Power == maas.PowerOn && (m.Status == maas.StatusDeployed || m.Status == maas.StatusFailedDeployment)
}
