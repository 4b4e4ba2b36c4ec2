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
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	setInventory(s)
	setDisks(s)
	allocated, deployed := judgement(s)
	ready := readiness(s, allocated, deployed)
	for _, c := range []metav1.Condition{
		allocated.condition(infrav1.AllocatedCondition),
		deployed.condition(infrav1.HostDeployedCondition),
		ready.condition(infrav1.ReadyCondition),
	} {
		c.ObservedGeneration = s.host.Generation
		conditions.Set(s.host, c)
	}
	setNetwork(s)
	if state := stateOf(s, ready); state != s.host.Status.State {
		s.host.Status.State, s.host.Status.StateTime = state, metav1.NewTime(s.now)
	}
}

// setInventory copies what MAAS says. What was known stays while there is no look at MAAS.
func setInventory(s *scope) {
	m := s.observation.Machine
	if m == nil {
		return
	}
	s.host.Status.MAAS = infrav1.MaasHostInventory{
		Hostname:     m.Hostname,
		State:        string(m.Status),
		Power:        string(m.Power),
		Zone:         m.Zone,
		ResourcePool: m.Pool,
		Addresses:    hostnetwork.NodeAddresses(m.Addresses, s.nodeSubnet()),
	}
}

// verdict is the content of a condition.
type verdict struct {
	status  metav1.ConditionStatus
	reason  string
	message string
}

func (v verdict) condition(conditionType string) metav1.Condition {
	return metav1.Condition{Type: conditionType, Status: v.status, Reason: v.reason, Message: v.message}
}

func yes(reason string) verdict { return verdict{metav1.ConditionTrue, reason, ""} }

func no(reason, format string, args ...any) verdict {
	return verdict{metav1.ConditionFalse, reason, fmt.Sprintf(format, args...)}
}

func unknown(format string, args ...any) verdict {
	return verdict{metav1.ConditionUnknown, infrav1.WaitingForMaasReason, fmt.Sprintf(format, args...)}
}

// readiness sums up: the first verdict that is not good, or the deletion.
func readiness(s *scope, allocated, deployed verdict) verdict {
	if s.deleting() {
		message := deployed.message
		if message == "" {
			message = "Giving the server back to MAAS"
		}
		if deployed.reason == infrav1.ConsumerExistsReason {
			return no(infrav1.ConsumerExistsReason, "%s", message)
		}
		return no(infrav1.DeletingReason, "%s", message)
	}
	if s.host.Spec.ConsumerRef.Name == "" && allocated.status == metav1.ConditionTrue && deployed.reason == infrav1.HostEmptyReason {
		return kept(s)
	}
	for _, v := range []verdict{allocated, deployed} {
		if v.status != metav1.ConditionTrue {
			return v
		}
	}
	return yes(infrav1.ReadyReason)
}

// judgement is the table from facts to the two conditions.
func judgement(s *scope) (allocated, deployed verdict) {
	switch {
	case s.blocked() && s.deleting():
		v := no(infrav1.ConsumerExistsReason, "The lease was deleted although MaasMachine %s uses the server. Nothing is released "+
			"until that Machine is deleted", s.host.Spec.ConsumerRef.Name)
		return keep(s, infrav1.AllocatedCondition, v), v
	case s.blocked():
		v := no(infrav1.ConsumerGoneReason, "MaasMachine %s is gone without having ended this lease. Delete this MaasHost to release the "+
			"server", s.host.Spec.ConsumerRef.Name)
		return keep(s, infrav1.AllocatedCondition, v), v
	case s.accessProblem != "":
		v := unknown("%s", s.accessProblem)
		return v, v
	case s.userDataMissing:
		return yes(infrav1.AllocatedReason), no(infrav1.UserDataNotFoundReason,
			"Secret %s with key \"value\" (the bootstrap data) does not exist", s.host.Spec.UserDataSecretRef.Name)
	case s.refused != nil:
		v := no(s.refused.reason, "%s", s.refused.message)
		if s.observation.Ownership == lifecycle.OwnershipOurs {
			return yes(infrav1.AllocatedReason), v
		}
		return v, v
	case s.disks.refusal != nil && s.observation.Ownership == lifecycle.OwnershipOurs:
		return yes(infrav1.AllocatedReason), disksTrouble(s)
	case s.disks.refusal != nil:
		v := disksTrouble(s)
		return v, v
	case s.network.refusal != nil && s.step.Verb == lifecycle.PrepareNetwork:
		return networkRefusal(s)
	case s.refusal != nil:
		return refused(s)
	}
	return situation(s)
}

// keep returns the condition as it was, or the fallback when there was none.
func keep(s *scope, conditionType string, fallback verdict) verdict {
	if c := conditions.Get(s.host, conditionType); c != nil {
		return verdict{c.Status, c.Reason, c.Message}
	}
	return fallback
}

// refused reports a MAAS call that failed.
func refused(s *scope) (allocated, deployed verdict) {
	unreachable := maas.KindOf(s.refusal) == maas.Unavailable || maas.KindOf(s.refusal) == maas.Throttled
	waiting := no(infrav1.WaitingForAllocationReason, "The server is not allocated yet")
	switch s.step.Verb {
	case lifecycle.Deploy:
		if unreachable {
			return yes(infrav1.AllocatedReason), no(infrav1.WaitingForMaasReason, "%s. It is tried again", s.refusal)
		}
		return yes(infrav1.AllocatedReason), no(infrav1.DeployRefusedReason, "%s. It is tried again every %s", s.refusal, holdRecheck)
	case lifecycle.Release:
		v := no(infrav1.ReleaseFailedReason, "%s. It is tried again", s.refusal)
		return keep(s, infrav1.AllocatedCondition, v), v
	case lifecycle.PowerOff, lifecycle.PowerOn:
		if unreachable {
			return yes(infrav1.AllocatedReason), no(infrav1.WaitingForMaasReason, "%s. It is tried again", s.refusal)
		}
		return yes(infrav1.AllocatedReason), no(infrav1.PowerCyclingReason, "%s. It is tried again", s.refusal)
	case lifecycle.Allocate:
		return no(infrav1.WaitingForMaasReason, "%s. It is tried again", s.refusal), waiting
	default:
		v := unknown("%s. It is tried again", s.refusal)
		return keep(s, infrav1.AllocatedCondition, v), keep(s, infrav1.HostDeployedCondition, v)
	}
}

// situation reports where the planner says the lease stands.
func situation(s *scope) (allocated, deployed verdict) {
	if v, ok := trouble(s); ok {
		if s.observation.Ownership == lifecycle.OwnershipOurs {
			return yes(infrav1.AllocatedReason), v
		}
		return v, v
	}
	ours := yes(infrav1.AllocatedReason)
	name := hostname(s)
	switch s.step.Situation {
	case lifecycle.NotAllocated:
		return no(infrav1.NotAllocatedReason, "%s is about to be allocated", name),
			no(infrav1.WaitingForAllocationReason, "The server is not allocated yet")
	case lifecycle.Preparing:
		v := no(infrav1.HostPreparingReason, "The disks and the network of %s are being set up", name)
		if s.observation.Ownership == lifecycle.OwnershipOurs {
			return ours, v
		}
		return no(infrav1.NotAllocatedReason, "%s is about to be allocated", name), v
	case lifecycle.Kept:
		return ours, no(infrav1.HostEmptyReason, "No machine has %s", name)
	case lifecycle.Allocated:
		return ours, no(infrav1.DeployingReason, "%s is about to be installed", name)
	case lifecycle.Deploying:
		return ours, no(infrav1.DeployingReason, "MAAS installs %s with %s%s", name, s.host.Spec.Image.Name, quoted(s))
	case lifecycle.Deployed:
		return ours, yes(infrav1.HostDeployedReason)
	case lifecycle.PowerCycling:
		return ours, no(infrav1.PowerCyclingReason, "%s is switched off and on for MaasRemediation %s; MAAS says that its power is %q", name,
			s.host.Spec.PowerCycle.RemediationRef.Name, s.observation.Machine.Power)
	default:
		v := unknown("Waiting for the first look at MAAS")
		return v, v
	}
}

// trouble reports the situations that somebody or something has to end, and the way out of a lease.
func trouble(s *scope) (verdict, bool) {
	name := hostname(s)
	switch s.step.Situation {
	case lifecycle.PoweredOff:
		return no(infrav1.HostPoweredOffReason, "%s is deployed and powered off. Power it on in MAAS, or delete the Machine", name), true
	case lifecycle.DeployFailed:
		return no(infrav1.DeployFailedReason, "MAAS could not install %s%s. Delete the Machine to try again with a fresh lease", name, quoted(s)), true
	case lifecycle.DeployAborted:
		return abortTrouble(s), true
	case lifecycle.DisksRefused:
		return disksTrouble(s), true
	case lifecycle.NetworkRefused:
		return networkTrouble(s), true
	case lifecycle.NotEmpty:
		return no(infrav1.HostNotEmptyReason, "%s is kept empty, and MAAS says %q of it: somebody installed it under this lease. "+
			"It is left alone", name, state(s)), true
	case lifecycle.NotInService:
		return no(infrav1.HostNotInServiceReason, "%s is in state %q of MAAS%s%s. It is left alone until that ends", name,
			state(s), locked(s), quoted(s)), true
	case lifecycle.Released:
		return no(infrav1.HostReleasedReason, "%s was released in MAAS by somebody else. It is left alone; delete the Machine to replace it", name), true
	case lifecycle.Taken:
		return no(infrav1.HostTakenReason, "%s belongs to %s in MAAS. It is left alone; delete the Machine to replace it", name, owner(s)), true
	case lifecycle.Gone:
		return no(infrav1.HostGoneReason, "MAAS has no machine %s any more. Delete the Machine to replace it", s.host.Spec.SystemID), true
	case lifecycle.Releasing:
		return no(infrav1.ReleasingReason, "MAAS releases %s%s", name, quoted(s)), true
	case lifecycle.ReleaseFailed:
		return no(infrav1.ReleaseFailedReason, "MAAS could not release %s%s. It is tried again", name, quoted(s)), true
	}
	return verdict{}, false
}

// hostname names the server as people know it.
func hostname(s *scope) string {
	if s.host.Status.MAAS.Hostname != "" {
		return s.host.Status.MAAS.Hostname
	}
	return s.host.Spec.SystemID
}

func state(s *scope) string {
	if s.observation.Machine == nil {
		return "unknown"
	}
	return string(s.observation.Machine.Status)
}

func locked(s *scope) string {
	if s.observation.Machine != nil && s.observation.Machine.Locked {
		return " and locked"
	}
	return ""
}

func owner(s *scope) string {
	if s.observation.Machine == nil || s.observation.Machine.Owner == "" {
		return "another user"
	}
	return fmt.Sprintf("user %q (or another lease of that user)", s.observation.Machine.Owner)
}

// quoted adds what MAAS says of the state, which it phrases as a fragment without a full stop.
func quoted(s *scope) string {
	if s.observation.Machine == nil || s.observation.Machine.StatusMessage == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", strings.TrimRight(s.observation.Machine.StatusMessage, ". "))
}
