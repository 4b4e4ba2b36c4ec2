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

// nextToDeploy plans for a machine that MAAS holds for us, towards its consumer's installation.
func nextToDeploy(l Lease, o Observation) Step {
	if o.Machine.Status == maas.StatusDeploying && o.Install != WorkNone {
		// Nothing comes before that: the server is starting.
		return nextWithDeploying(o)
	}
	if !o.Annotated && !o.Machine.Locked && isHeld(o.Machine.Status) {
		return Step{Annotate, situationOf(l)}
	}
	switch o.Machine.Status {
	case maas.StatusAllocated:
		return nextWithAllocated(l, o)
	case maas.StatusDeploying:
		return nextWithDeploying(o)
	case maas.StatusDeployed:
		return nextWithDeployed(l, o)
	case maas.StatusFailedDeployment:
		return Step{Hold, DeployFailed}
	case maas.StatusReleasing, maas.StatusDiskErasing, maas.StatusReady:
		return Step{Hold, Released}
	default:
		return Step{Hold, NotInService}
	}
}

func nextWithAllocated(l Lease, o Observation) Step {
	switch {
	case l.DeployStarted || l.Deployed:
		// Only an abort leads from Deploying back to Allocated.
		return Step{Hold, DeployAborted}
	case !o.Fresh:
		return Step{Verify, Allocated}
	case o.Disks == WorkRefused:
		return Step{Hold, DisksRefused}
	case o.Disks == WorkDue && l.DiskRounds >= MaxDiskRounds:
		return Step{Hold, DisksRefused}
	case o.Disks == WorkDue:
		return Step{AskVacate, Preparing}
	case o.Network == WorkRefused:
		return Step{Hold, NetworkRefused}
	case o.Network == WorkDue:
		return Step{PrepareNetwork, Preparing}
	default:
		return Step{Deploy, Allocated}
	}
}

// nextWithDeployed leaves the machine alone, but for a power cycle that was asked for. What MAAS said a while ago of its power is no ground
// to switch it.
func nextWithDeployed(l Lease, o Observation) Step {
	off := o.Machine.Power == maas.PowerOff
	switch {
	case l.PowerCycle == NoPowerCycle && off:
		return Step{Hold, PoweredOff}
	case l.PowerCycle == NoPowerCycle:
		return Step{Wait, Deployed}
	case !o.Fresh:
		return Step{Verify, PowerCycling}
	case o.Machine.Locked:
		return Step{Hold, NotInService}
	case l.PowerCycle == SwitchOff && !off:
		return Step{PowerOff, PowerCycling}
	case l.PowerCycle == SwitchOn && o.Machine.Power != maas.PowerOn:
		return Step{PowerOn, PowerCycling}
	}
	// It is as it should be, which is about to be noted.
	return Step{Wait, PowerCycling}
}

func nextWithDeploying(o Observation) Step {
	switch {
	case o.Install == WorkRefused:
		return Step{Hold, DisksRefused}
	case o.Install == WorkDue && !o.Fresh:
		return Step{Verify, Deploying}
	case o.Install == WorkDue:
		return Step{CheckInstall, Deploying}
	default:
		return Step{Wait, Deploying}
	}
}

func situationOf(l Lease) Situation {
	switch {
	case l.Empty:
		return Kept
	case l.Deployed:
		return Deployed
	case l.DeployStarted:
		return Deploying
	case l.Allocated:
		return Allocated
	default:
		return NotAllocated
	}
}

// isHeld tells whether MAAS lets the holder annotate a machine of this status.
func isHeld(s maas.Status) bool {
	return s == maas.StatusAllocated || s == maas.StatusDeploying || s == maas.StatusDeployed
}
