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

package maasmachine

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
)

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	setHostFacts(s)
	leased, deployed := leasedCondition(s), deployedCondition(s)
	for _, c := range []metav1.Condition{leased, deployed, readyCondition(s, leased, deployed)} {
		c.ObservedGeneration = s.maasMachine.Generation
		conditions.Set(s.maasMachine, c)
	}
	setNetwork(s)
}

// setNetwork passes on what the lease says of the network, where one is described.
func setNetwork(s *scope) {
	if !access.HasNetwork(s.maasMachine.Spec.Network) {
		conditions.Delete(s.maasMachine, infrav1.NetworkConfiguredCondition)
		return
	}
	c := metav1.Condition{Type: infrav1.NetworkConfiguredCondition, Status: metav1.ConditionFalse,
		Reason: infrav1.WaitingForAllocationReason, Message: "No server is leased yet"}
	if s.host != nil {
		c.Reason, c.Message = infrav1.ConfiguringNetworkReason, "The network is set up before the installation"
		if of := conditions.Get(s.host, infrav1.NetworkConfiguredCondition); of != nil {
			c.Status, c.Reason, c.Message = of.Status, of.Reason, of.Message
		}
	} else if of := conditions.Get(s.maasMachine, infrav1.NetworkConfiguredCondition); of != nil && s.maasMachine.Spec.ProviderID != "" {
		c.Status, c.Reason, c.Message = of.Status, of.Reason, of.Message
	}
	c.ObservedGeneration = s.maasMachine.Generation
	conditions.Set(s.maasMachine, c)
}

// setHostFacts reports the server. What was known stays when the lease is gone: the Machine still wants its addresses.
func setHostFacts(s *scope) {
	status := &s.maasMachine.Status
	if s.maasMachine.Spec.ProviderID != "" {
		status.Initialization.Provisioned = ptr.To(true)
	}
	if s.host == nil {
		if s.maasMachine.Spec.ProviderID == "" {
			// The lease was given up before the server was ours; the next one may be on another.
			status.HostRef = infrav1.LocalObjectReference{}
			status.Hostname, status.FailureDomain, status.Addresses = "", "", nil
		}
		return
	}
	status.HostRef = infrav1.LocalObjectReference{Name: s.host.Name}
	maas := s.host.Status.MAAS
	if maas.Hostname == "" {
		return
	}
	status.Hostname = maas.Hostname
	status.FailureDomain = maas.Zone
	if s.host.Status.DeployedTime.IsZero() {
		return
	}
	status.Addresses = []clusterv1.MachineAddress{{Type: clusterv1.MachineHostName, Address: maas.Hostname}}
	for _, address := range maas.Addresses {
		status.Addresses = append(status.Addresses, clusterv1.MachineAddress{Type: clusterv1.MachineInternalIP, Address: address})
	}
}

func leasedCondition(s *scope) metav1.Condition {
	c := metav1.Condition{Type: infrav1.HostLeasedCondition, Status: metav1.ConditionTrue, Reason: infrav1.HostLeasedReason}
	if s.wait != nil && s.host == nil {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, s.wait.reason, s.wait.message
		return c
	}
	if s.host == nil {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, infrav1.DeletingReason, "The lease has ended"
	}
	return c
}

// deployedCondition passes on what the lease says: the first of its conditions that is not True, in their order.
func deployedCondition(s *scope) metav1.Condition {
	out := metav1.Condition{Type: infrav1.HostDeployedCondition, Status: metav1.ConditionFalse,
		Reason: infrav1.WaitingForAllocationReason, Message: "No server is leased yet"}
	if s.host == nil {
		return out
	}
	out.Message = "The server is not allocated yet"
	for _, t := range []string{infrav1.AllocatedCondition, infrav1.HostDeployedCondition} {
		c := conditions.Get(s.host, t)
		if c == nil {
			return out
		}
		out.Status, out.Reason, out.Message = c.Status, c.Reason, c.Message
		if c.Reason == infrav1.DeployingReason {
			out.Message = installing(s.host)
		}
		if c.Status != metav1.ConditionTrue {
			return out
		}
	}
	return out
}

// installing stays the same during an installation. Each step that MAAS tells of would otherwise be written to lease, MaasMachine and Machine, and
// the latter's webhooks be asked, for every machine of a cluster that is made.
func installing(host *infrav1.MaasHost) string {
	return fmt.Sprintf("MAAS installs %s with %s; MaasHost %s says how far it is", host.Status.MAAS.Hostname, host.Spec.Image.Name, host.Name)
}

func readyCondition(s *scope, leased, deployed metav1.Condition) metav1.Condition {
	ready := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.ReadyReason}
	if s.deleting() {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, infrav1.DeletingReason, "Giving the server back to MAAS"
		if s.wait != nil {
			ready.Reason, ready.Message = s.wait.reason, s.wait.message
		}
		if s.host != nil && (!s.host.DeletionTimestamp.IsZero() || s.host.Spec.Vacate.Purpose != "") && deployed.Message != "" {
			ready.Message = deployed.Message
		}
		return ready
	}
	for _, c := range []metav1.Condition{leased, deployed} {
		if c.Status != metav1.ConditionTrue {
			ready.Status, ready.Reason, ready.Message = c.Status, c.Reason, c.Message
			return ready
		}
	}
	if s.wait != nil {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, s.wait.reason, s.wait.message
	}
	return ready
}
