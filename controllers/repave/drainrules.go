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
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	capilabels "sigs.k8s.io/cluster-api/util/labels/format"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// Orders of a drain; Pods that no rule names have 0. Virtual machines leave while the storage still runs, and what serves the storage leaves last:
// a virtual machine whose storage goes first is killed.
const (
	virtualMachinesFirst int32 = -10
	storageLast          int32 = 100
)

// drainRule is a rule that the gate keeps for its cluster.
type drainRule struct {
	name  string
	order int32
	// pods are the labels of those it is for; nil when there is to be no such rule.
	pods map[string]string
}

// drainRules are the rules that a storage asks for.
func drainRules(storage infrav1.StorageType) []drainRule {
	return []drainRule{
		{"virtual-machines", virtualMachinesFirst, map[string]string{launcherLabel: launcherValue}},
		{"storage", storageLast, storagePods(storage)},
	}
}

// storagePods are the labels of the Pods that serve a storage on a node, nil where nobody knows.
func storagePods(storage infrav1.StorageType) map[string]string {
	switch storage {
	case infrav1.StoragePortworx:
		return map[string]string{"name": "portworx"}
	case infrav1.StorageRookCeph:
		return map[string]string{"app": "rook-ceph-osd"}
	case infrav1.StorageLonghorn:
		return map[string]string{"longhorn.io/component": "instance-manager"}
	case infrav1.StorageCEL, infrav1.StoragePrometheus, infrav1.StoragePodDisruptionBudget, infrav1.StorageNone:
	}
	return nil
}

// ensureDrainRules makes the rules, and has them follow spec.storage.type. One that somebody changed is left as it is.
func (r *Reconciler) ensureDrainRules(ctx context.Context, s *scope) error {
	if s.clusterDeleting() {
		return nil
	}
	for _, rule := range drainRules(s.gate.Spec.Storage.Type) {
		name := s.gate.Name + "-" + rule.name
		if err := r.ensureDrainRule(ctx, s, s.drainRule(name, rule), rule.pods != nil); err != nil && !apierrors.IsConflict(err) {
			return fmt.Errorf("keeping MachineDrainRule %s: %w", name, err)
		}
	}
	return nil
}

// ensureDrainRule makes, changes or deletes one rule. Each write is against somebody who changes or makes it meanwhile.
func (r *Reconciler) ensureDrainRule(ctx context.Context, s *scope, want *clusterv1.MachineDrainRule, wanted bool) error {
	has := &clusterv1.MachineDrainRule{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(want), has)
	switch {
	case apierrors.IsNotFound(err):
		if !wanted {
			return nil
		}
		if err := r.Client.Create(ctx, want); !apierrors.IsAlreadyExists(err) {
			return err
		}
		return nil
	case err != nil:
		return err
	case wanted && apiequality.Semantic.DeepEqual(has.Spec, want.Spec), !s.isOfOtherStorage(has):
		return nil
	case !wanted:
		return client.IgnoreNotFound(r.Client.Delete(ctx, has, client.Preconditions{UID: &has.UID, ResourceVersion: &has.ResourceVersion}))
	}
	has.Spec = want.Spec
	return client.IgnoreNotFound(r.Client.Update(ctx, has))
}

// isOfOtherStorage tells whether a rule is as the gate makes it for a storage of another type.
func (s *scope) isOfOtherStorage(has *clusterv1.MachineDrainRule) bool {
	for _, storage := range []infrav1.StorageType{infrav1.StoragePortworx, infrav1.StorageRookCeph, infrav1.StorageLonghorn} {
		for _, rule := range drainRules(storage) {
			if storage != s.gate.Spec.Storage.Type && apiequality.Semantic.DeepEqual(has.Spec, s.drainRule(has.Name, rule).Spec) {
				return true
			}
		}
	}
	return false
}

func (s *scope) drainRule(name string, rule drainRule) *clusterv1.MachineDrainRule {
	cluster := metav1.LabelSelector{MatchLabels: map[string]string{clusterv1.ClusterNameLabel: s.cluster.Name}}
	return &clusterv1.MachineDrainRule{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.gate.Namespace, Name: name,
			Labels: map[string]string{clusterv1.ClusterNameLabel: capilabels.MustFormatValue(s.cluster.Name)},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: infrav1.GroupVersion.String(), Kind: "RepaveGate", Name: s.gate.Name, UID: s.gate.UID,
			}},
		},
		Spec: clusterv1.MachineDrainRuleSpec{
			Drain:    clusterv1.MachineDrainRuleDrainConfig{Behavior: clusterv1.MachineDrainRuleDrainBehaviorDrain, Order: ptr.To(rule.order)},
			Machines: []clusterv1.MachineDrainRuleMachineSelector{{Selector: &cluster}},
			Pods:     []clusterv1.MachineDrainRulePodSelector{{Selector: &metav1.LabelSelector{MatchLabels: rule.pods}}},
		},
	}
}
