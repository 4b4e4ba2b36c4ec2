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
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestFailureDomains(t *testing.T) {
	t.Parallel()
	zones := []string{"az1", "az2", "az3"}
	for _, tc := range []struct {
		name             string
		wanted, suitable []string
		marked           []string
		unsuitable       []string
	}{
		{name: "all", suitable: zones, marked: zones},
		{name: "control plane servers in one zone", suitable: []string{"az1"}, marked: []string{"az1"}, unsuitable: []string{"az2", "az3"}},
		{name: "chosen", wanted: []string{"az1", "az2"}, suitable: zones, marked: []string{"az1", "az2"}},
		{name: "chosen, one without servers", wanted: []string{"az1", "az2"}, suitable: []string{"az2", "az3"}, marked: []string{"az2"}, unsuitable: []string{"az1"}},
		{name: "chosen, none with servers", wanted: []string{"az1"}, suitable: []string{"az2"}, marked: []string{"az1"}},
		{name: "no server anywhere", marked: zones},
	} {
		domains, unsuitable := failureDomains(zones, tc.wanted, tc.suitable)
		var all, marked []string
		for _, d := range domains {
			all = append(all, d.Name)
			if ptr.Deref(d.ControlPlane, false) {
				marked = append(marked, d.Name)
			}
		}
		if !slices.Equal(all, zones) {
			t.Errorf("%s: want every zone to be a failure domain, got %v", tc.name, all)
		}
		if !slices.Equal(marked, tc.marked) || !slices.Equal(unsuitable, tc.unsuitable) {
			t.Errorf("%s: want %v for control planes and %v without servers for them, got %v and %v", tc.name, tc.marked, tc.unsuitable, marked, unsuitable)
		}
	}
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprintf("zone-%03d", i))
	}
	if domains, _ := failureDomains(many, nil, many); len(domains) != maxFailureDomains {
		t.Errorf("want %d of %d zones, more than which a status does not hold, got %d", maxFailureDomains, len(many), len(domains))
	}
}

// A zone serves the control plane by what its servers are. That they are taken now says nothing: they are by the control plane's machines themselves.
func TestZonesFor(t *testing.T) {
	t.Parallel()
	machines := []*maas.Machine{
		{SystemID: "a", Zone: "az1", Pool: "control-planes", Status: maas.StatusDeployed, CPUCount: 16},
		{SystemID: "b", Zone: "az1", Pool: "workers", Status: maas.StatusReady, CPUCount: 64},
		{SystemID: "c", Zone: "az2", Pool: "workers", Status: maas.StatusReady, CPUCount: 64},
		{SystemID: "d", Zone: "az3", Pool: "control-planes", Status: maas.StatusReady, CPUCount: 2},
	}
	pool := &infrav1.MaasHostPool{Spec: infrav1.MaasHostPoolSpec{ResourcePool: "control-planes"}}
	request := access.PoolRequest(pool)
	if got, want := zonesFor(request, machines), []string{"az1", "az3"}; !slices.Equal(got, want) {
		t.Errorf("want the zones of the pool's servers, %v, got %v", want, got)
	}
	request.Selectors = append(request.Selectors, access.Selector(infrav1.HostSelector{MinCPUCount: 8}))
	if got, want := zonesFor(request, machines), []string{"az1"}; !slices.Equal(got, want) {
		t.Errorf("want the zones of servers that the template's selector takes as well, %v, got %v", want, got)
	}
}

func TestTemplateOf(t *testing.T) {
	t.Parallel()
	controlPlane := func(kind string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"machineTemplate": map[string]any{"spec": map[string]any{
			"infrastructureRef": map[string]any{"apiGroup": infrav1.GroupVersion.Group, "kind": kind, "name": "cp"}}}}}}
	}
	for _, tc := range []struct {
		of   *unstructured.Unstructured
		want string
	}{
		{controlPlane("MaasMachineTemplate"), "cp"},
		{controlPlane("DevMachineTemplate"), ""},
		{&unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}, ""},
		{&unstructured.Unstructured{}, ""},
	} {
		if got := templateOf(tc.of); got != tc.want {
			t.Errorf("%v: want template %q, got %q", tc.of.Object, tc.want, got)
		}
	}
}

// Once something was reported, an object that is gone takes nothing back.
func TestZonesConditionWhileWaiting(t *testing.T) {
	t.Parallel()
	s := &scope{maasCluster: &infrav1.MaasCluster{}, zones: []string{"az1"}, zonesWait: "Waiting for MaasHostPool p"}
	if c := zonesCondition(s); c.Status != metav1.ConditionFalse || c.Reason != infrav1.WaitingForControlPlaneReason || c.Message != s.zonesWait {
		t.Errorf("want %s with what is waited for, got %+v", infrav1.WaitingForControlPlaneReason, c)
	}
	if got := s.recheck(); got != zonesRecheck {
		t.Errorf("want a look every %s, got %s", zonesRecheck, got)
	}
	s.maasCluster.Status.FailureDomains, _ = failureDomains(s.zones, nil, s.zones)
	if c := zonesCondition(s); c.Status != metav1.ConditionTrue {
		t.Errorf("want what was reported to stand, got %+v", c)
	}
	if got := s.recheck(); got != recheck {
		t.Errorf("want a look every %s, got %s", recheck, got)
	}
	s.zonesWait, s.unsuitable = "", []string{"az2"}
	if c := zonesCondition(s); c.Status != metav1.ConditionTrue || c.Message != "No server for the control plane in zone az2" {
		t.Errorf("want the zones without servers named, got %+v", c)
	}
}
