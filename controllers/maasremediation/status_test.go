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
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	"github.com/capmaas/cluster-api-provider-maas/pkg/remediation"
)

// TestHandedOverMessage passes on what the owner says.
func TestHandedOverMessage(t *testing.T) {
	t.Parallel()
	const asked = "The owner of the Machine is to delete and replace it"
	const refusal = "Machine won't be remediated because it is pending removal due to rollout"
	says := func(reason, message string) func(*scope) {
		return func(s *scope) {
			s.machine.OwnerReferences = []metav1.OwnerReference{{Kind: "MachineSet", Name: "ms", Controller: new(true)}}
			conditions.Set(s.machine, metav1.Condition{Type: clusterv1.MachineOwnerRemediatedCondition, Status: metav1.ConditionFalse, Reason: reason, Message: message})
		}
	}
	tests := map[string]struct {
		change  func(*scope)
		guarded bool
		want    string
	}{
		"it is silent":                    {says(clusterv1.MachineOwnerRemediatedWaitingForRemediationReason, "Waiting for remediation"), true, asked},
		"it waits":                        {says(clusterv1.MachineSetMachineRemediationDeferredReason, "Too many"), true, asked + ": Too many"},
		"it leaves it to a rollout":       {says(clusterv1.MachineSetMachineCannotBeRemediatedReason, refusal), false, asked + ": " + refusal},
		"it leaves it to a gated rollout": {says(clusterv1.MachineSetMachineCannotBeRemediatedReason, refusal), true, asked + ": " + refusal + ". If that rollout waits for this node, the RepaveGate has the node replaced next"},
		"there is none":                   {func(*scope) {}, true, asked + ". It has no owner that would: delete it by hand"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sick()
			tt.change(s)
			s.guarded, s.took = tt.guarded, remediation.Plan{Situation: remediation.HandedOver}
			if got := message(s); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
