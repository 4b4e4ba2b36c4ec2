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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/remediation"
)

// gather makes the input of the decision from the objects.
func gather(s *scope) remediation.Input {
	strategy := &s.remediation.Spec.Strategy
	in := remediation.Input{
		Now: s.now, Started: s.started,
		Strategy: remediation.Strategy{
			MaxPowerCycles: strategy.MaxPowerCycles(), PowerCycleTimeout: strategy.PowerCycleTimeout(), PowerCycleCooldown: strategy.PowerCycleCooldown(),
			Redeploy: strategy.Redeploy.Policy != infrav1.RedeployNever, RedeployCooldown: strategy.RedeployCooldown(),
		},
		Held:    held(s),
		Healthy: conditions.IsTrue(s.machine, clusterv1.MachineHealthCheckSucceededCondition),
		HandedOver: !s.machine.DeletionTimestamp.IsZero() ||
			conditions.IsFalse(s.machine, clusterv1.MachineOwnerRemediatedCondition),
		Node:    nodeOf(s.machine),
		Guarded: s.guarded, Away: s.away,
	}
	in.Server, in.ServerMessage = serverOf(s)
	if s.host == nil {
		return in
	}
	spec := &s.host.Spec
	in.Off = s.host.Status.MAAS.Power == string(maas.PowerOff)
	in.ComesBack = s.pool != nil && s.pool.DeletionTimestamp.IsZero() && s.pool.ReusesSameHost() && !ptr.Deref(spec.Unschedulable, false)
	in.Quarantined = spec.Quarantine.InForce(s.now)
	in.History = remediation.History{
		PowerCycles: int(spec.Remediation.PowerCycles), LastPowerCycle: spec.Remediation.LastPowerCycleTime.Time,
		Redeployed: spec.Remediation.RedeployTime.Time, RedeployedThis: spec.Remediation.RedeployedMachine == s.machine.Name,
	}
	if c := &spec.PowerCycle; c.RemediationRef.Name == s.remediation.Name && !c.RequestedTime.Time.Before(s.started) {
		in.PowerCycle = &remediation.PowerCycle{Expires: c.ExpirationTime.Time, Done: !c.OnTime.IsZero()}
	}
	return in
}

// held says what forbids to do anything.
func held(s *scope) string {
	const paused, skip = clusterv1.PausedAnnotation, clusterv1.MachineSkipRemediationAnnotation
	switch _, skipped := s.machine.Annotations[skip]; {
	case skipped:
		return fmt.Sprintf("Machine %s has the annotation %s", s.machine.Name, skip)
	case annotations.HasPaused(s.machine):
		return fmt.Sprintf("Machine %s has the annotation %s", s.machine.Name, paused)
	case s.host != nil && annotations.HasPaused(s.host):
		return fmt.Sprintf("MaasHost %s has the annotation %s", s.host.Name, paused)
	}
	return ""
}

// nodeOf reads Cluster API's view of the Node.
func nodeOf(machine *clusterv1.Machine) remediation.Node {
	if !machine.Status.NodeRef.IsDefined() {
		return remediation.NodeNever
	}
	c := conditions.Get(machine, clusterv1.MachineNodeReadyCondition)
	switch {
	case c == nil:
		return remediation.NodeUnseen
	case c.Status != metav1.ConditionUnknown, c.Reason == clusterv1.MachineNodeDeletedReason:
		return remediation.NodeSpeaks
	case c.Reason == clusterv1.MachineNodeReadyUnknownReason:
		return remediation.NodeSilent
	}
	return remediation.NodeUnseen
}

// servers tells by the reason of the MaasHost's Deployed condition where the server stands; any other reason is something that is left alone.
var servers = map[string]remediation.Server{
	infrav1.HostDeployedReason:         remediation.ServerInstalled,
	infrav1.HostPoweredOffReason:       remediation.ServerInstalled,
	infrav1.PowerCyclingReason:         remediation.ServerInstalled,
	infrav1.DeployFailedReason:         remediation.ServerFailed,
	infrav1.DeployAbortedReason:        remediation.ServerFailed,
	infrav1.WaitingForAllocationReason: remediation.ServerInstalling,
	infrav1.NotAllocatedReason:         remediation.ServerInstalling,
	infrav1.HostPreparingReason:        remediation.ServerInstalling,
	infrav1.DeployingReason:            remediation.ServerInstalling,
	infrav1.HostReleasedReason:         remediation.ServerLost,
	infrav1.HostTakenReason:            remediation.ServerLost,
	infrav1.HostGoneReason:             remediation.ServerLost,
	infrav1.WaitingForMaasReason:       remediation.ServerUnknown,
}

func serverOf(s *scope) (remediation.Server, string) {
	switch {
	case s.host == nil && s.maasMachine != nil && s.maasMachine.Spec.ProviderID != "":
		return remediation.ServerLost, "the lease on its server is gone"
	case s.host == nil:
		return remediation.ServerNone, ""
	case s.maasProblem != "":
		return remediation.ServerUnknown, s.maasProblem
	case s.host.Spec.Vacate.Purpose == infrav1.VacateRedeploy:
		return remediation.ServerInstalling, fmt.Sprintf("MaasHost %s is installed anew", s.host.Name)
	}
	c := conditions.Get(s.host, infrav1.HostDeployedCondition)
	if c == nil {
		return remediation.ServerUnknown, fmt.Sprintf("MaasHost %s has no status yet", s.host.Name)
	}
	message := fmt.Sprintf("MaasHost %s says %s: %s", s.host.Name, c.Reason, c.Message)
	if server, ok := servers[c.Reason]; ok {
		return server, message
	}
	return remediation.ServerBusy, message
}
