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
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/event"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func TestHostChanges(t *testing.T) {
	t.Parallel()
	now := metav1.NewTime(time.Unix(1000, 0))
	for name, test := range map[string]struct {
		change func(*infrav1.MaasHost)
		wakes  bool
	}{
		"a version and no more":     {change: func(h *infrav1.MaasHost) { h.ResourceVersion = "2" }},
		"power":                     {change: func(h *infrav1.MaasHost) { h.Status.MAAS.Power = "on" }},
		"state":                     {change: func(h *infrav1.MaasHost) { h.Status.MAAS.State = "Deploying" }},
		"allocated at":              {change: func(h *infrav1.MaasHost) { h.Status.AllocatedTime = now }},
		"installation started at":   {change: func(h *infrav1.MaasHost) { h.Status.DeployStartTime = now }},
		"its own Ready":             {change: func(h *infrav1.MaasHost) { h.Status.Conditions[0].Reason = "Other" }},
		"a condition's age":         {change: func(h *infrav1.MaasHost) { h.Status.Conditions[1].LastTransitionTime = now }},
		"deployed at":               {change: func(h *infrav1.MaasHost) { h.Status.DeployedTime = now }, wakes: true},
		"a condition's message":     {change: func(h *infrav1.MaasHost) { h.Status.Conditions[1].Message = "other" }, wakes: true},
		"a step of an installation": {change: func(h *infrav1.MaasHost) { h.Status.Conditions[2].Message = "other" }},
		"its end":                   {change: func(h *infrav1.MaasHost) { h.Status.Conditions[2].Reason = infrav1.HostDeployedReason }, wakes: true},
		"addresses":                 {change: func(h *infrav1.MaasHost) { h.Status.MAAS.Addresses = []string{"10.0.0.1"} }, wakes: true},
		"hostname":                  {change: func(h *infrav1.MaasHost) { h.Status.MAAS.Hostname = "other" }, wakes: true},
		"zone":                      {change: func(h *infrav1.MaasHost) { h.Status.MAAS.Zone = "other" }, wakes: true},
		"deletion":                  {change: func(h *infrav1.MaasHost) { h.DeletionTimestamp = &now }, wakes: true},
		"labels":                    {change: func(h *infrav1.MaasHost) { h.Labels = map[string]string{"a": "b"} }, wakes: true},
		"consumer":                  {change: func(h *infrav1.MaasHost) { h.Spec.ConsumerRef.Name = "other" }, wakes: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "1"}, Status: infrav1.MaasHostStatus{
				Conditions: []metav1.Condition{{Type: infrav1.ReadyCondition}, {Type: infrav1.AllocatedCondition},
					{Type: infrav1.HostDeployedCondition, Reason: infrav1.DeployingReason}},
			}}
			after := before.DeepCopy()
			test.change(after)
			if got := hostChanges().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != test.wakes {
				t.Errorf("want the machine woken: %t, got %t", test.wakes, got)
			}
		})
	}
}

func TestMachineChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*clusterv1.Machine)
		wakes  bool
	}{
		"status":         {change: func(m *clusterv1.Machine) { m.Status.Phase = "Provisioning" }},
		"bootstrap data": {change: func(m *clusterv1.Machine) { m.Spec.Bootstrap.DataSecretName, m.Generation = ptr.To("s"), 2 }, wakes: true},
		"labels":         {change: func(m *clusterv1.Machine) { m.Labels = map[string]string{"a": "b"} }, wakes: true},
		"annotations":    {change: func(m *clusterv1.Machine) { m.Annotations = map[string]string{"a": "b"} }, wakes: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Generation: 1}}
			after := before.DeepCopy()
			test.change(after)
			if got := machineChanges().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != test.wakes {
				t.Errorf("want the MaasMachine woken: %t, got %t", test.wakes, got)
			}
			if !machineChanges().Create(event.CreateEvent{Object: after}) || !machineChanges().Delete(event.DeleteEvent{Object: after}) {
				t.Error("want the MaasMachine woken by creation and deletion")
			}
		})
	}
}
