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

package maascluster

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hardware"
)

func TestHardwareConditionWarnsAndLeavesReadyAlone(t *testing.T) {
	t.Parallel()
	warning := hardware.Finding{Kind: hardware.TooFewCores, Severity: hardware.Warning, Message: "few cores"}
	notice := hardware.Finding{Kind: hardware.BeyondTable, Severity: hardware.Notice, Message: "large"}
	for name, tc := range map[string]struct {
		findings []hardware.Finding
		want     metav1.Condition
	}{
		"nothing wrong": {nil, metav1.Condition{Status: metav1.ConditionTrue, Reason: infrav1.HardwareFitReason}},
		"a remark": {[]hardware.Finding{notice},
			metav1.Condition{Status: metav1.ConditionTrue, Reason: infrav1.HardwareFitReason, Message: "BeyondTable: large"}},
		"a warning and a remark": {[]hardware.Finding{warning, notice},
			metav1.Condition{Status: metav1.ConditionFalse, Reason: infrav1.BelowReferenceReason, Message: "TooFewCores: few cores; BeyondTable: large"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scope{maasCluster: &infrav1.MaasCluster{}, cluster: &clusterv1.Cluster{}, zones: []string{"a"}, findings: &tc.findings}
			setStatus(s)
			got := conditions.Get(s.maasCluster, infrav1.HardwareFitCondition)
			if got == nil || got.Status != tc.want.Status || got.Reason != tc.want.Reason || got.Message != tc.want.Message {
				t.Errorf("condition is %+v, want %+v", got, tc.want)
			}
			if !conditions.IsTrue(s.maasCluster, infrav1.ReadyCondition) {
				t.Errorf("Ready is %+v, want it True whatever the hardware", conditions.Get(s.maasCluster, infrav1.ReadyCondition))
			}
		})
	}
}

// What was found stays said while MAAS cannot be looked at.
func TestHardwareConditionSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	s := &scope{maasCluster: &infrav1.MaasCluster{}, cluster: &clusterv1.Cluster{},
		findings: &[]hardware.Finding{{Kind: hardware.TooFewCores, Severity: hardware.Warning, Message: "few cores"}}}
	setStatus(s)
	s.findings, s.problem = nil, &access.Problem{Reason: infrav1.UnreachableReason, Message: "no answer"}
	setStatus(s)
	if c := conditions.Get(s.maasCluster, infrav1.HardwareFitCondition); c == nil || !strings.Contains(c.Message, "few cores") {
		t.Errorf("HardwareFit is %+v, want the last finding", c)
	}
}

func TestWhatAClusterSaysOfItself(t *testing.T) {
	t.Parallel()
	class := func(name string) func(*clusterv1.Cluster) {
		return func(c *clusterv1.Cluster) { c.Spec.Topology.ClassRef.Name = name }
	}
	label := func(value string) func(*clusterv1.Cluster) {
		return func(c *clusterv1.Cluster) { c.Labels = map[string]string{infrav1.VirtualMachinesLabel: value} }
	}
	for name, tc := range map[string]struct {
		changes []func(*clusterv1.Cluster)
		want    hardware.Cluster
	}{
		"nothing":                   {nil, hardware.Cluster{Workers: -1, ControlPlanes: -1}},
		"the class":                 {[]func(*clusterv1.Cluster){class("vmo")}, hardware.Cluster{VirtualMachines: true, Workers: -1, ControlPlanes: -1}},
		"another class":             {[]func(*clusterv1.Cluster){class("plain")}, hardware.Cluster{Workers: -1, ControlPlanes: -1}},
		"the label":                 {[]func(*clusterv1.Cluster){class("plain"), label("")}, hardware.Cluster{VirtualMachines: true, Workers: -1, ControlPlanes: -1}},
		"the label against a class": {[]func(*clusterv1.Cluster){class("vmo"), label("false")}, hardware.Cluster{Workers: -1, ControlPlanes: -1}},
		"its size": {[]func(*clusterv1.Cluster){func(c *clusterv1.Cluster) {
			c.Status.Workers = &clusterv1.WorkersStatus{DesiredReplicas: ptr.To[int32](12)}
			c.Status.ControlPlane = &clusterv1.ClusterControlPlaneStatus{DesiredReplicas: ptr.To[int32](3)}
		}}, hardware.Cluster{Workers: 12, ControlPlanes: 3}},
		"a size without numbers": {[]func(*clusterv1.Cluster){func(c *clusterv1.Cluster) {
			c.Status.Workers, c.Status.ControlPlane = &clusterv1.WorkersStatus{}, &clusterv1.ClusterControlPlaneStatus{}
		}}, hardware.Cluster{Workers: -1, ControlPlanes: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := &clusterv1.Cluster{}
			for _, change := range tc.changes {
				change(cluster)
			}
			got := sizeOf(cluster)
			if got.VirtualMachines != tc.want.VirtualMachines || got.Workers != tc.want.Workers || got.ControlPlanes != tc.want.ControlPlanes {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}
