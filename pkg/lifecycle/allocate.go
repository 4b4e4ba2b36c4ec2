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

// nextToAllocate plans for a lease whose machine was never seen to be ours, or is empty: nothing of anybody's is lost with it.
func nextToAllocate(l Lease, o Observation) Step {
	if o.Machine != nil && o.Machine.Status == maas.StatusReady && o.Machine.Owner == "" {
		switch {
		case o.Disks == WorkNone && o.Network == WorkNone:
			// Allocation is a compare-and-swap in MAAS, so it needs no fresh read.
			return Step{Allocate, NotAllocated}
		case !o.Fresh:
			return Step{Verify, Preparing}
		case o.Disks == WorkDue:
			return Step{PrepareDisks, Preparing}
		case o.Disks != WorkNone:
			return Step{Hold, DisksRefused}
		case o.Network == WorkDue:
			// A bridge that is made on an allocated machine goes with its release; one that is made now stays.
			return Step{PrepareNetwork, Preparing}
		default:
			return Step{Hold, NetworkRefused}
		}
	}
	if !o.Fresh {
		return Step{Verify, NotAllocated}
	}
	if l.Empty {
		// The pool still wants it, or it is reserved: it is taken when it is free again.
		return lost(o)
	}
	return Step{GiveUp, NotAllocated}
}

// lost reports a machine that is not ours. Nothing is done about it: who took it had a reason.
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

// nextToKeep plans for an empty machine that MAAS holds for us.
func nextToKeep(o Observation) Step {
	switch {
	case o.Machine.Status == maas.StatusAllocated && !o.Annotated && !o.Machine.Locked:
		return Step{Annotate, Kept}
	case o.Machine.Status == maas.StatusAllocated:
		return Step{Wait, Kept}
	case isDeployment(o.Machine.Status):
		return Step{Hold, NotEmpty}
	case isLeaving(o.Machine.Status), o.Machine.Status == maas.StatusReady:
		return Step{Hold, Released}
	default:
		return Step{Hold, NotInService}
	}
}

func isDeployment(s maas.Status) bool {
	return s == maas.StatusDeploying || s == maas.StatusDeployed || s == maas.StatusFailedDeployment
}
