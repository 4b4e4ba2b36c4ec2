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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// fieldOwner owns the StorageReady condition of Machines.
const fieldOwner = "capmaas-repave-gate"

// bridgeResource is how KubeVirt's bridge marker shows a bridge of a node.
const bridgeResource = "bridge.network.kubevirt.io/"

// reportStorageReady writes the condition that Machines' readiness gates wait for. Once True it is left alone.
func (r *Reconciler) reportStorageReady(ctx context.Context, s *scope) error {
	if s.clusterDeleting() {
		return nil
	}
	for _, m := range s.machines {
		if !m.DeletionTimestamp.IsZero() || nodeName(m) == "" {
			continue
		}
		has := conditions.Get(m, infrav1.StorageReadyCondition)
		if has != nil && has.Status == metav1.ConditionTrue {
			continue
		}
		want := s.storageReady(m)
		if has != nil && has.Status == want.Status && has.Reason == want.Reason && has.Message == want.Message {
			continue
		}
		if err := r.writeCondition(ctx, m, has, want); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// storageReady judges a Machine that was not ready before.
func (s *scope) storageReady(m *clusterv1.Machine) metav1.Condition {
	no := func(status metav1.ConditionStatus, reason, format string, args ...any) metav1.Condition {
		return metav1.Condition{Type: infrav1.StorageReadyCondition, Status: status, Reason: reason, Message: fmt.Sprintf(format, args...)}
	}
	node := nodeName(m)
	open := s.openOn(node)
	role := s.role(m)
	switch {
	case s.gate.Spec.Storage.Type == infrav1.StorageNone:
	case open != nil && open.Spec.MachineName != m.Name:
		return no(metav1.ConditionFalse, infrav1.StorageRebuildingReason, "%s", s.progress[open.Name].Message)
	case m.CreationTimestamp.Before(&s.gate.CreationTimestamp):
		// It was there before the gate: to call it unready would have Cluster API delete it first.
	case s.report == nil:
		return no(metav1.ConditionUnknown, infrav1.StorageNotAskedReason, "The storage could not be asked: %s", s.reportError)
	case role.Storage == infrav1.StorageExpected && s.report.Placed && s.stateOf(node) != storagehealth.Online:
		return no(metav1.ConditionFalse, infrav1.StorageNotOnlineReason, "The storage is not online on %s yet", node)
	}
	if role.RequiredBridge != "" && !hasBridge(s.nodes[node], role.RequiredBridge) {
		return no(metav1.ConditionFalse, infrav1.BridgeMissingReason, "Node %s does not show bridge %s", node, role.RequiredBridge)
	}
	return metav1.Condition{Type: infrav1.StorageReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.StorageReadyReason}
}

func (s *scope) stateOf(node string) storagehealth.NodeState {
	for i := range s.report.Nodes {
		if s.report.Nodes[i].Name == node {
			return s.report.Nodes[i].State
		}
	}
	return storagehealth.StateUnknown
}

func hasBridge(n *corev1.Node, bridge string) bool {
	if n == nil {
		return false
	}
	quantity, ok := n.Status.Allocatable[corev1.ResourceName(bridgeResource+bridge)]
	return ok && !quantity.IsZero()
}

// writeCondition applies the one condition that is ours; the others are Cluster API's.
func (r *Reconciler) writeCondition(ctx context.Context, m *clusterv1.Machine, has *metav1.Condition, want metav1.Condition) error {
	want.ObservedGeneration = m.Generation
	want.LastTransitionTime = asTime(r.Clock.Now())
	if has != nil && has.Status == want.Status {
		want.LastTransitionTime = has.LastTransitionTime
	}
	apply := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": clusterv1.GroupVersion.String(), "kind": "Machine",
		"metadata": map[string]any{"name": m.Name, "namespace": m.Namespace, "uid": string(m.UID)},
		"status": map[string]any{"conditions": []any{map[string]any{
			"type": want.Type, "status": string(want.Status), "reason": want.Reason, "message": want.Message,
			"observedGeneration": want.ObservedGeneration, "lastTransitionTime": want.LastTransitionTime.UTC().Format("2006-01-02T15:04:05Z"),
		}}},
	}}
	if err := r.Client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(apply), client.FieldOwner(fieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("writing the condition of Machine %s: %w", m.Name, err)
	}
	return nil
}
