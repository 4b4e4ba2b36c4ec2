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
	pods  map[string]string
}

// drainRules are the rules that a storage asks for.
func drainRules(storage infrav1.StorageType) []drainRule {
	rules := []drainRule{{"virtual-machines", virtualMachinesFirst, map[string]string{launcherLabel: launcherValue}}}
	switch storage {
	case infrav1.StoragePortworx:
		rules = append(rules, drainRule{"storage", storageLast, map[string]string{"name": "portworx"}})
	case infrav1.StorageRookCeph:
		rules = append(rules, drainRule{"storage", storageLast, map[string]string{"app": "rook-ceph-osd"}})
	case infrav1.StorageLonghorn:
		rules = append(rules, drainRule{"storage", storageLast, map[string]string{"longhorn.io/component": "instance-manager"}})
	case infrav1.StorageCEL, infrav1.StoragePrometheus, infrav1.StoragePodDisruptionBudget, infrav1.StorageNone:
	}
	return rules
}

// ensureDrainRules makes the rules. One that somebody changed is left as it is.
func (r *Reconciler) ensureDrainRules(ctx context.Context, s *scope) error {
	if s.clusterDeleting() {
		return nil
	}
	for _, rule := range drainRules(s.gate.Spec.Storage.Type) {
		name := s.gate.Name + "-" + rule.name
		has := &clusterv1.MachineDrainRule{}
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.gate.Namespace, Name: name}, has)
		if err == nil {
			continue
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("getting MachineDrainRule %s: %w", name, err)
		}
		if err := r.Client.Create(ctx, s.drainRule(name, rule)); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making MachineDrainRule %s: %w", name, err)
		}
	}
	return nil
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
