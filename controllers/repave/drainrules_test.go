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

package repave

import (
	"testing"

	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// TestDrainRules has virtual machines leave a node first and the storage last, and leaves a rule alone that somebody changed.
func TestDrainRules(t *testing.T) {
	t.Parallel()
	for storage, last := range map[infrav1.StorageType]map[string]string{
		infrav1.StoragePortworx: {"name": "portworx"}, infrav1.StorageRookCeph: {"app": "rook-ceph-osd"},
		infrav1.StorageLonghorn: {"longhorn.io/component": "instance-manager"}, infrav1.StorageCEL: nil,
	} {
		t.Run(string(storage), func(t *testing.T) {
			t.Parallel()
			var first, end *drainRule
			for _, rule := range drainRules(storage) {
				switch {
				case rule.order < 0:
					first = &rule
				case rule.order > 0 && rule.pods != nil:
					end = &rule
				}
			}
			if first == nil || first.pods["kubevirt.io"] != "virt-launcher" {
				t.Errorf("virtual machines do not leave before other Pods: %+v", first)
			}
			if (end == nil) != (last == nil) {
				t.Fatalf("what leaves last is %+v, want %v", end, last)
			}
			for key, value := range last {
				if end.pods[key] != value {
					t.Errorf("what leaves last is %v, want %v", end.pods, last)
				}
			}
		})
	}
	w := newWorld(t, 1)
	w.look(1)
	rule := w.storageRule
	made := rule()
	if made == nil || made.Spec.Machines[0].Selector.MatchLabels[clusterv1.ClusterNameLabel] != "c" || ptr.Deref(made.Spec.Drain.Order, 0) != storageLast {
		t.Errorf("the rule is %+v, want it for the Machines of the cluster, in the end", made.Spec)
	}
	made.Spec.Drain.Order = ptr.To(int32(7))
	if err := w.Update(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	w.look(1)
	if got := ptr.Deref(rule().Spec.Drain.Order, 0); got != 7 {
		t.Errorf("the order is %d, want 7, as somebody set it", got)
	}
}

// storageRule is the rule for the storage, nil when there is none.
func (w *world) storageRule() *clusterv1.MachineDrainRule {
	w.Helper()
	rule := &clusterv1.MachineDrainRule{}
	if err := w.Get(w.Context(), client.ObjectKey{Namespace: ns, Name: "gate-storage"}, rule); client.IgnoreNotFound(err) != nil {
		w.Fatal(err)
	} else if err != nil {
		return nil
	}
	return rule
}

// TestDrainRulesFollowTheStorage changes the storage of a gate: the rule for the former one would drain the Pods of the new one among the others.
func TestDrainRulesFollowTheStorage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	become := func(storage infrav1.RepaveStorage) {
		t.Helper()
		w.changeGate(func(s *infrav1.RepaveGateSpec) { s.Storage = storage })
		w.look(1)
	}
	w.look(1)
	become(infrav1.RepaveStorage{Type: infrav1.StorageLonghorn})
	if rule := w.storageRule(); rule == nil || rule.Spec.Pods[0].Selector.MatchLabels["longhorn.io/component"] != "instance-manager" {
		t.Fatalf("the storage is Longhorn and the rule for what leaves last is %+v", rule)
	}
	become(infrav1.RepaveStorage{Type: infrav1.StorageNone})
	if rule := w.storageRule(); rule != nil {
		t.Fatalf("there is no storage any more, and still the rule %+v", rule.Spec)
	}
	become(infrav1.RepaveStorage{Type: infrav1.StorageRookCeph})
	rule := w.storageRule()
	if rule == nil {
		t.Fatal("there is no rule for Rook Ceph")
	}
	rule.Spec.Drain.Order = ptr.To(int32(7))
	if err := w.Update(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	for _, storage := range []infrav1.StorageType{infrav1.StorageLonghorn, infrav1.StorageNone} {
		become(infrav1.RepaveStorage{Type: storage})
		if left := w.storageRule(); left == nil || left.Spec.Pods[0].Selector.MatchLabels["app"] != "rook-ceph-osd" || ptr.Deref(left.Spec.Drain.Order, 0) != 7 {
			t.Errorf("want the rule that somebody changed left as it is with the storage %s, got %+v", storage, left)
		}
	}
}
