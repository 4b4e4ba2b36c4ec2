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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func TestConsumerChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*infrav1.MaasMachine)
		wakes  bool
	}{
		"status":      {change: func(m *infrav1.MaasMachine) { m.Status.Hostname = "node-1" }},
		"lease":       {change: func(m *infrav1.MaasMachine) { m.Status.HostRef.Name = "abc" }, wakes: true},
		"providerID":  {change: func(m *infrav1.MaasMachine) { m.Spec.ProviderID, m.Generation = "maas:///abc", 2 }, wakes: true},
		"annotations": {change: func(m *infrav1.MaasMachine) { m.Annotations = map[string]string{"a": "b"} }, wakes: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := &infrav1.MaasMachine{ObjectMeta: metav1.ObjectMeta{Generation: 1}}
			after := before.DeepCopy()
			test.change(after)
			if got := consumerChanges().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != test.wakes {
				t.Errorf("want the lease woken: %t, got %t", test.wakes, got)
			}
			if !consumerChanges().Delete(event.DeleteEvent{Object: after}) {
				t.Error("want the lease woken when its MaasMachine is gone")
			}
		})
	}
}
