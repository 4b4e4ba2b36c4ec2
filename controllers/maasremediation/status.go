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

package maasremediation

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/remediation"
)

// verdict is what a situation looks like.
type verdict struct {
	step   infrav1.RemediationStep
	status metav1.ConditionStatus
	reason string
}

// verdicts is the table from situations to what the status says.
var verdicts = map[remediation.Situation]verdict{
	remediation.Held:             {infrav1.RemediationWaiting, metav1.ConditionFalse, infrav1.RemediationSkippedReason},
	remediation.NoServer:         {infrav1.RemediationWaiting, metav1.ConditionFalse, infrav1.WaitingForHostReason},
	remediation.MaasUnknown:      {infrav1.RemediationWaiting, metav1.ConditionFalse, infrav1.WaitingForMaasReason},
	remediation.Installing:       {infrav1.RemediationWaiting, metav1.ConditionFalse, infrav1.InstallationRunningReason},
	remediation.Busy:             {infrav1.RemediationWaiting, metav1.ConditionFalse, infrav1.HostBusyReason},
	remediation.NodeNotSeen:      {infrav1.RemediationWaiting, metav1.ConditionFalse, infrav1.NodeNotSeenReason},
	remediation.StorageAtRisk:    {infrav1.RemediationWaiting, metav1.ConditionFalse, infrav1.StorageAtRiskReason},
	remediation.PowerCycling:     {infrav1.RemediationPowerCycling, metav1.ConditionTrue, infrav1.PowerCyclingReason},
	remediation.WaitingForNode:   {infrav1.RemediationWaitingForNode, metav1.ConditionTrue, infrav1.WaitingForNodeReason},
	remediation.Redeploying:      {infrav1.RemediationRedeploying, metav1.ConditionTrue, infrav1.RedeployingReason},
	remediation.Quarantining:     {infrav1.RemediationQuarantining, metav1.ConditionTrue, infrav1.QuarantiningReason},
	remediation.WithoutTheServer: {infrav1.RemediationHandedOver, metav1.ConditionFalse, infrav1.HandedOverReason},
	remediation.HandedOver:       {infrav1.RemediationHandedOver, metav1.ConditionFalse, infrav1.HandedOverReason},
	remediation.Recovered:        {infrav1.RemediationRecovered, metav1.ConditionFalse, infrav1.RecoveredReason},
}

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	status := &s.remediation.Status
	c := metav1.Condition{Type: infrav1.RemediatingCondition, ObservedGeneration: s.remediation.Generation}
	v, ok := verdicts[s.took.Situation]
	switch {
	case s.machine == nil:
		status.Step = infrav1.RemediationWaiting
		c.Status, c.Reason = metav1.ConditionFalse, infrav1.WaitingForOwnerReason
		c.Message = "No Machine owns this MaasRemediation. Cluster API makes MaasRemediations with their owner; delete this one"
	case !ok:
		// The reconcile failed before it came to a decision: what was said before stays.
		return
	default:
		status.Step = v.step
		c.Status, c.Reason, c.Message = v.status, v.reason, message(s)
	}
	conditions.Set(s.remediation, c)
	if s.host == nil {
		return
	}
	status.HostRef = infrav1.LocalObjectReference{Name: s.host.Name}
	spec := &s.host.Spec.Remediation
	counted := s.input
	counted.History.PowerCycles, counted.History.LastPowerCycle = int(spec.PowerCycles), spec.LastPowerCycleTime.Time
	n := counted.PowerCycles()
	status.PowerCycles = ptr.To(int32(n)) //nolint:gosec // the schema bounds it
	if n > 0 {
		status.LastPowerCycleTime = spec.LastPowerCycleTime
	}
}

// message says in words where the remediation stands.
func message(s *scope) string {
	until := s.took.Until.UTC().Format(time.RFC3339)
	switch s.took.Situation {
	case remediation.Held, remediation.Busy, remediation.MaasUnknown:
		return s.took.Why
	case remediation.NoServer:
		return "The Machine has no server yet, and a successor would not have one either"
	case remediation.Installing:
		return "The installation is let end. " + s.took.Why
	case remediation.NodeNotSeen:
		return "Cluster API does not see the Node, so its server is not switched off"
	case remediation.StorageAtRisk:
		return fmt.Sprintf("The Cluster has a RepaveGate, and the server is not switched off while others are away: %s", s.took.Why)
	case remediation.PowerCycling:
		return fmt.Sprintf("Power cycle %d of %d: MaasHost %s is switched off and on, until %s at the longest", s.host.Spec.Remediation.PowerCycles,
			s.input.Strategy.MaxPowerCycles, s.host.Name, until)
	case remediation.WaitingForNode:
		return fmt.Sprintf("Power cycle %d of %d is done, and the Node has to be healthy until %s", s.host.Spec.Remediation.PowerCycles,
			s.input.Strategy.MaxPowerCycles, until)
	case remediation.Redeploying:
		return also("The Machine is handed over, and its successor gets the same server", s.took.Why)
	case remediation.Quarantining:
		return also("The server is in quarantine, and the Machine is handed over", s.took.Why)
	case remediation.WithoutTheServer:
		return also("The Machine has lost its server and is handed over", s.took.Why)
	case remediation.HandedOver:
		return also("The owner of the Machine is to delete and replace it"+nobody(s), answer(s))
	}
	return ""
}

func also(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

// answer is what the owner says of that, "" while it is silent.
func answer(s *scope) string {
	c := conditions.Get(s.machine, clusterv1.MachineOwnerRemediatedCondition)
	if !s.machine.DeletionTimestamp.IsZero() || c == nil || c.Status != metav1.ConditionFalse || c.Reason == clusterv1.MachineOwnerRemediatedWaitingForRemediationReason {
		return ""
	}
	if s.guarded && c.Reason == clusterv1.MachineSetMachineCannotBeRemediatedReason {
		return c.Message + ". If that rollout waits for this node, the RepaveGate has the node replaced next"
	}
	return c.Message
}

// nobody says that a Machine without an owner waits for a person.
func nobody(s *scope) string {
	if metav1.GetControllerOf(s.machine) != nil {
		return ""
	}
	return ". It has no owner that would: delete it by hand"
}
