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
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// TestNetworkCondition tells what the object says of its network in each case.
func TestNetworkCondition(t *testing.T) {
	t.Parallel()
	preparing := func(s *scope) {
		s.step = lifecycle.Step{Verb: lifecycle.PrepareNetwork, Situation: lifecycle.Preparing}
	}
	refused := func(s *scope) {
		s.network.refusal = &refusedAct{infrav1.SubnetNotFoundReason, "MAAS has no subnet 10.0.0.0/8"}
	}
	matches := func(s *scope) { s.network.matches = true }
	tests := []struct {
		name   string
		facts  []func(*scope)
		status metav1.ConditionStatus
		want   string
		// ready is the reason of Ready, where the network decides it.
		ready string
	}{
		{"not looked at yet", nil, metav1.ConditionFalse, infrav1.ConfiguringNetworkReason, ""},
		{"refused before the allocation", []func(*scope){others(maas.StatusReady, ""), preparing, refused}, metav1.ConditionFalse,
			infrav1.SubnetNotFoundReason, infrav1.SubnetNotFoundReason},
		{"refused by the plan", []func(*scope){ours(maas.StatusAllocated, ""), step(lifecycle.NetworkRefused), refused}, metav1.ConditionFalse,
			infrav1.SubnetNotFoundReason, infrav1.SubnetNotFoundReason},
		{"MAAS does not answer", []func(*scope){ours(maas.StatusAllocated, ""), failed(lifecycle.PrepareNetwork, maas.Unavailable)}, metav1.ConditionFalse,
			infrav1.ConfiguringNetworkReason, ""},
		{"as it should be", []func(*scope){ours(maas.StatusAllocated, ""), step(lifecycle.Allocated), matches}, metav1.ConditionTrue,
			infrav1.NetworkConfiguredReason, ""},
		{"installed", []func(*scope){ours(maas.StatusDeployed, ""), step(lifecycle.Deployed)}, metav1.ConditionTrue, infrav1.NetworkConfiguredReason,
			infrav1.ReadyReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scope{consumer: consumerLives, now: time.Unix(9, 0), host: &infrav1.MaasHost{Spec: infrav1.MaasHostSpec{
				SystemID: "abc123", ConsumerRef: infrav1.LocalObjectReference{Name: "m"}, Image: infrav1.Image{Name: "ubuntu/jammy"},
				Network: infrav1.HostNetwork{Layout: infrav1.LayoutFourNIC},
			}}}
			for _, set := range tt.facts {
				set(s)
			}
			setStatus(s)
			c := conditions.Get(s.host, infrav1.NetworkConfiguredCondition)
			if c == nil || c.Status != tt.status || c.Reason != tt.want {
				t.Errorf("NetworkConfigured is %+v, want %s %s", c, tt.status, tt.want)
			}
			if ready := conditions.Get(s.host, infrav1.ReadyCondition); tt.ready != "" && ready.Reason != tt.ready {
				t.Errorf("Ready is %+v, want %s", ready, tt.ready)
			}
			s.host.Spec.Network = infrav1.HostNetwork{}
			setStatus(s)
			if conditions.Get(s.host, infrav1.NetworkConfiguredCondition) != nil {
				t.Error("without a network there is nothing to say of it")
			}
		})
	}
}
