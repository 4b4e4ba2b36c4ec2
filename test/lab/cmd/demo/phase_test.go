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

package main

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

func is(kind string) metav1.Condition { return condition(kind, metav1.ConditionTrue, kind, "") }

func no(kind, reason, message string) metav1.Condition {
	return condition(kind, metav1.ConditionFalse, reason, message)
}

// machineWith is a Machine with conditions, and a Node if it says so.
func machineWith(node string, all ...metav1.Condition) *clusterv1.Machine {
	m := &clusterv1.Machine{}
	m.Status.NodeRef.Name = node
	m.Status.Conditions = all
	return m
}

func maasMachineWith(all ...metav1.Condition) *infrav1.MaasMachine {
	return &infrav1.MaasMachine{Status: infrav1.MaasMachineStatus{Conditions: all}}
}

func hostWith(deploying bool, all ...metav1.Condition) *infrav1.MaasHost {
	h := &infrav1.MaasHost{Status: infrav1.MaasHostStatus{Conditions: all}}
	if deploying {
		h.Status.DeployStartTime = metav1.NewTime(time.Unix(1, 0))
	}
	return h
}

func TestDerive(t *testing.T) {
	hasHost := maasMachineWith(is(infrav1.HostLeasedCondition))
	deployed := hostWith(true, is(infrav1.AllocatedCondition), is(infrav1.HostDeployedCondition))
	now := metav1.Now()
	dying := func(m *clusterv1.Machine) *clusterv1.Machine { m.DeletionTimestamp = &now; return m }
	dyingMaas := maasMachineWith(no(infrav1.ReadyCondition, infrav1.DeletingReason, "Giving the server back to MAAS"))
	dyingMaas.DeletionTimestamp = &now
	for _, tc := range []struct {
		name    string
		machine *clusterv1.Machine
		maas    *infrav1.MaasMachine
		host    *infrav1.MaasHost
		want    state
	}{
		{"no MaasMachine", machineWith(""), nil, nil, state{phase: waiting}},
		{"nothing said yet", machineWith(""), maasMachineWith(), nil, state{phase: waiting}},
		{
			"no server", machineWith(""), maasMachineWith(no(infrav1.HostLeasedCondition, infrav1.NoHostFitsReason, "3 servers:\n* 2 leased\n* 1 broken")), nil,
			state{waiting, infrav1.NoHostFitsReason, "3 servers:; 2 leased; 1 broken"},
		},
		{"lease not seen", machineWith(""), hasHost, nil, state{phase: leased}},
		{"lease fresh", machineWith(""), hasHost, hostWith(false), state{phase: leased}},
		{
			"about to be allocated", machineWith(""), hasHost, hostWith(false, no(infrav1.AllocatedCondition, infrav1.NotAllocatedReason, "soon")),
			state{leased, infrav1.NotAllocatedReason, "soon"},
		},
		{
			"somebody else's", machineWith(""), hasHost, hostWith(false, no(infrav1.AllocatedCondition, infrav1.HostTakenReason, "it is bob's")),
			state{halted, infrav1.HostTakenReason, "it is bob's"},
		},
		{
			"allocated", machineWith(""), hasHost,
			hostWith(false, is(infrav1.AllocatedCondition), no(infrav1.HostDeployedCondition, infrav1.DeployingReason, "about to be installed")),
			state{allocated, infrav1.DeployingReason, "about to be installed"},
		},
		{
			"image missing", machineWith(""), hasHost,
			hostWith(false, is(infrav1.AllocatedCondition), no(infrav1.HostDeployedCondition, infrav1.DeployRefusedReason, "no such image")),
			state{halted, infrav1.DeployRefusedReason, "no such image"},
		},
		{
			"being installed", machineWith(""), hasHost,
			hostWith(true, is(infrav1.AllocatedCondition), no(infrav1.HostDeployedCondition, infrav1.DeployingReason, "MAAS installs it")),
			state{deploying, infrav1.DeployingReason, "MAAS installs it"},
		},
		{
			"MAAS away meanwhile", machineWith(""), hasHost,
			hostWith(true, is(infrav1.AllocatedCondition), condition(infrav1.HostDeployedCondition, metav1.ConditionUnknown, infrav1.WaitingForMaasReason, "down")),
			state{deploying, infrav1.WaitingForMaasReason, "down"},
		},
		{
			"installation failed", machineWith(""), hasHost,
			hostWith(true, is(infrav1.AllocatedCondition), no(infrav1.HostDeployedCondition, infrav1.DeployFailedReason, "failed")),
			state{halted, infrav1.DeployFailedReason, "failed"},
		},
		{"no Node yet", machineWith(""), hasHost, deployed, state{booting, "Booting", "Its user data runs kubeadm"}},
		{
			"Node not ready", machineWith("n", no(clusterv1.MachineNodeReadyCondition, "NodeNotReady", "no network")), hasHost, deployed,
			state{joining, "NodeNotReady", "no network"},
		},
		{
			"Machine not ready", machineWith("n", is(clusterv1.MachineNodeReadyCondition), no(clusterv1.MachineReadyCondition, "NotReady", "* Etcd: no")),
			hasHost, deployed, state{joining, "NotReady", "Etcd: no"},
		},
		{"ready", machineWith("n", is(clusterv1.MachineNodeReadyCondition), is(clusterv1.MachineReadyCondition)), hasHost, deployed, state{phase: ready}},
		{
			"draining", dying(machineWith("n", condition(clusterv1.MachineDeletingCondition, metav1.ConditionTrue, "DrainingNode", "2 pods left"))), hasHost, deployed,
			state{draining, "DrainingNode", "2 pods left"},
		},
		{
			"releasing", dying(machineWith("n")), dyingMaas, hostWith(true, no(infrav1.ReadyCondition, infrav1.DeletingReason, "MAAS releases it")),
			state{releasing, infrav1.DeletingReason, "MAAS releases it"},
		},
		{"lease gone", dying(machineWith("n")), dyingMaas, nil, state{releasing, infrav1.DeletingReason, "Giving the server back to MAAS"}},
		{"server given back", dying(machineWith("n")), nil, nil, state{phase: released}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := derive(tc.machine, tc.maas, tc.host); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestBrief(t *testing.T) {
	const installs = "MAAS installs r1-cp-01 with custom/ubuntu (Performing PXE boot)"
	for _, tc := range []struct {
		why   string
		width int
		want  string
	}{
		{installs, 100, installs},
		{installs, 30, "Performing PXE boot"},
		{installs, 10, "Performin…"},
		{"MAAS installs r1-cp-01 with custom/ubuntu", 20, "MAAS installs r1-cp…"},
		{"Waiting for the control plane to be initialised", 43, "for the control plane to be initialised"},
		{"Waiting for the control plane to be initialised", 12, "for the con…"},
		{"EtcdMemberHealthy: Waiting for a Node; Control plane components: none", 40, "EtcdMemberHealthy: Waiting for a Node"},
		{"EtcdMemberHealthy: Waiting for a Node; Control plane components: none", 20, "for a Node"},
		{"zwölf", 5, "zwölf"},
		{"anything", 0, ""},
		{"anything", 1, "…"},
	} {
		if got := brief(tc.why, tc.width); got != tc.want {
			t.Errorf("brief(%q, %d) = %q, want %q", tc.why, tc.width, got, tc.want)
		}
	}
}
