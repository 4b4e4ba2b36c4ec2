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

// nextToDeploy plans towards a deployed machine.
func nextToDeploy(l Lease, o Observation) Step {
	switch {
	case o.Ownership == OwnershipUnknown:
		return Step{Verify, situationOf(l)}
	case o.Ownership == OwnershipOurs:
		return nextWithOurs(l, o)
	case l.Allocated:
		return lost(o)
	default:
		return nextWithoutAllocation(o)
	}
}

// nextWithoutAllocation plans for a lease whose machine was never seen to be ours.
func nextWithoutAllocation(o Observation) Step {
	// Allocation is a compare-and-swap in MAAS, so it needs no fresh read.
	if o.Machine != nil && o.Machine.Status == maas.StatusReady && o.Machine.Owner == "" {
		return Step{Allocate, NotAllocated}
	}
	if !o.Fresh {
		return Step{Verify, NotAllocated}
	}
	return Step{GiveUp, NotAllocated}
}

// lost reports an allocation that is ours no longer. Nothing is done about it: who took it away had a reason.
func lost(o Observation) Step {
	if !o.Fresh {
		return Step{Verify, Unknown}
	}
	switch {
	case o.Hidden:
		return Step{Hold, Taken}
	case o.Machine == nil:
		return Step{Hold, Gone}
	case o.Machine.Owner != "":
		return Step{Hold, Taken}
	case o.Machine.Status == maas.StatusReady:
		return Step{Hold, Released}
	default:
		return Step{Hold, NotInService}
	}
}

// nextWithOurs plans for a machine that MAAS holds for us.
func nextWithOurs(l Lease, o Observation) Step {
	if !o.Annotated && !o.Machine.Locked && isHeld(o.Machine.Status) {
		return Step{Annotate, situationOf(l)}
	}
	switch o.Machine.Status {
	case maas.StatusAllocated:
		return nextWithAllocated(l, o)
	case maas.StatusDeploying:
		return Step{Wait, Deploying}
	case maas.StatusDeployed:
		if o.Machine.Power == maas.PowerOff {
			return Step{Hold, PoweredOff}
		}
		return Step{Wait, Deployed}
	case maas.StatusFailedDeployment:
		return Step{Hold, DeployFailed}
	case maas.StatusReleasing, maas.StatusDiskErasing, maas.StatusReady:
		return Step{Hold, Released}
	default:
		return Step{Hold, NotInService}
	}
}

func nextWithAllocated(l Lease, o Observation) Step {
	if l.DeployStarted || l.Deployed {
		// Only an abort leads from Deploying back to Allocated.
		return Step{Hold, DeployAborted}
	}
	if !o.Fresh {
		return Step{Verify, Allocated}
	}
	return Step{Deploy, Allocated}
}

func situationOf(l Lease) Situation {
	switch {
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
