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

package maashost

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
)

// kept says for whom an empty server is kept, or why it is given to nobody.
func kept(s *scope) verdict {
	spec := &s.host.Spec
	switch {
	case ptr.Deref(spec.Unschedulable, false):
		return verdict{metav1.ConditionTrue, infrav1.HostCordonedReason, "spec.unschedulable is true: the server is given to no machine"}
	case s.quarantined():
		return no(infrav1.HostQuarantinedReason, "%s", quarantine(spec))
	case spec.Reservation.ClusterName != "":
		return verdict{metav1.ConditionTrue, infrav1.HostReservedReason, fmt.Sprintf("Kept for %s %s of Cluster %s, for whose machine %s a "+
			"successor is expected, until %s", spec.Reservation.Owner.Kind, spec.Reservation.Owner.Name, spec.Reservation.ClusterName,
			spec.Reservation.Predecessor, spec.Reservation.ExpirationTime.UTC().Format(time.RFC3339))}
	default:
		return verdict{metav1.ConditionTrue, infrav1.HostHeldReason, fmt.Sprintf("Kept for the machines of MaasHostPool %s", spec.HostPoolRef.Name)}
	}
}

func (s *scope) quarantined() bool { return s.host.Spec.Quarantine.InForce(s.now) }

func quarantine(spec *infrav1.MaasHostSpec) string {
	q := &spec.Quarantine
	why := q.Message
	if q.Cause == infrav1.QuarantineFailedDeploys {
		why = fmt.Sprintf("%d installations failed one after the other", q.FailedDeploys)
	}
	if why == "" {
		why = "Asked for in spec.quarantine"
	}
	if q.UntilTime.IsZero() {
		return why + ". The server is given to no machine until spec.quarantine is removed"
	}
	return fmt.Sprintf("%s. The server is given to no machine until %s; remove spec.quarantine to end that now", why, q.UntilTime.UTC().Format(time.RFC3339))
}

// states are the words for what goes well.
var states = map[lifecycle.Situation]infrav1.HostState{
	lifecycle.NotAllocated: infrav1.HostStateAllocating,
	lifecycle.Preparing:    infrav1.HostStatePreparing,
	lifecycle.Allocated:    infrav1.HostStatePreparing,
	lifecycle.Deploying:    infrav1.HostStateDeploying,
	lifecycle.Deployed:     infrav1.HostStateInUse,
	lifecycle.PowerCycling: infrav1.HostStateInUse,
	lifecycle.Releasing:    infrav1.HostStateReleasing,
	lifecycle.Released:     infrav1.HostStateReleasing,
}

// keptStates are the words for a server that is kept empty, by the reason of its Ready condition.
var keptStates = map[string]infrav1.HostState{
	infrav1.HostCordonedReason:    infrav1.HostStateCordoned,
	infrav1.HostQuarantinedReason: infrav1.HostStateQuarantined,
	infrav1.HostReservedReason:    infrav1.HostStateReserved,
	infrav1.HostHeldReason:        infrav1.HostStateHeld,
}

// stateOf sums up in one word.
func stateOf(s *scope, ready verdict) infrav1.HostState {
	switch {
	case s.blocked(), s.userDataMissing, s.refused != nil, s.disks.refusal != nil, s.refusal != nil, s.step.Verb == lifecycle.Hold,
		s.step.Situation == lifecycle.ReleaseFailed:
		return infrav1.HostStateNeedsAttention
	case s.accessProblem != "" || s.step.Verb == "":
		return infrav1.HostStateUnknown
	case s.lease().End || s.lease().Vacate:
		return infrav1.HostStateReleasing
	}
	if state, ok := keptStates[ready.reason]; ok {
		return state
	}
	if state, ok := states[s.step.Situation]; ok {
		return state
	}
	return infrav1.HostStateUnknown
}
