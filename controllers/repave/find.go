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
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func (r *Reconciler) findCluster(ctx context.Context, s *scope) error {
	cluster := &clusterv1.Cluster{}
	key := client.ObjectKey{Namespace: s.gate.Namespace, Name: s.gate.Spec.ClusterName}
	if err := r.Client.Get(ctx, key, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("getting Cluster %s: %w", key, err)
	}
	s.cluster = cluster
	return nil
}

// adopt makes the Cluster own the gate and its Repaves, which moves them with it and ends them with it.
func (r *Reconciler) adopt(_ context.Context, s *scope) error {
	if s.deleting() {
		return nil
	}
	s.gate.OwnerReferences = util.EnsureOwnerRef(s.gate.OwnerReferences, clusterOwner(s.cluster))
	if s.gate.Labels == nil {
		s.gate.Labels = map[string]string{}
	}
	s.gate.Labels[clusterv1.ClusterNameLabel] = s.cluster.Name
	return nil
}

func clusterOwner(c *clusterv1.Cluster) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: c.Name, UID: c.UID}
}

// findOtherGate looks for an older gate of the same Cluster: two budgets on one set of nodes would be none.
func (r *Reconciler) findOtherGate(ctx context.Context, s *scope) error {
	gates := &infrav1.RepaveGateList{}
	if err := r.Client.List(ctx, gates, client.InNamespace(s.gate.Namespace)); err != nil {
		return fmt.Errorf("listing RepaveGates: %w", err)
	}
	for i := range gates.Items {
		if g := &gates.Items[i]; g.Spec.ClusterName == s.gate.Spec.ClusterName && isOlder(g, s.gate) {
			s.otherGate = g.Name
		}
	}
	return nil
}

func isOlder(a, b *infrav1.RepaveGate) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}

func (r *Reconciler) listMachines(ctx context.Context, s *scope) error {
	machines := &clusterv1.MachineList{}
	of := []client.ListOption{client.InNamespace(s.gate.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: s.cluster.Name}}
	if err := r.Client.List(ctx, machines, of...); err != nil {
		return fmt.Errorf("listing Machines: %w", err)
	}
	for i := range machines.Items {
		s.machines = append(s.machines, &machines.Items[i])
	}
	infra := &infrav1.MaasMachineList{}
	if err := r.Client.List(ctx, infra, of...); err != nil {
		return fmt.Errorf("listing MaasMachines: %w", err)
	}
	s.maasMachines = make(map[string]*infrav1.MaasMachine, len(infra.Items))
	for i := range infra.Items {
		s.maasMachines[infra.Items[i].Name] = &infra.Items[i]
	}
	return nil
}

// listRepaves reads past the cache: the budget rests on them.
func (r *Reconciler) listRepaves(ctx context.Context, s *scope) error {
	repaves := &infrav1.RepaveList{}
	if err := r.APIReader.List(ctx, repaves, client.InNamespace(s.gate.Namespace),
		client.MatchingLabels{clusterv1.ClusterNameLabel: s.gate.Spec.ClusterName}); err != nil {
		return fmt.Errorf("listing Repaves: %w", err)
	}
	s.repaves = nil
	for i := range repaves.Items {
		if repaves.Items[i].Spec.ClusterName == s.gate.Spec.ClusterName {
			s.repaves = append(s.repaves, &repaves.Items[i])
		}
	}
	return nil
}

// gateOfRepave maps a Repave to its gate.
func gateOfRepave(_ context.Context, o client.Object) []ctrl.Request {
	repave, ok := o.(*infrav1.Repave)
	if !ok {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: repave.Namespace, Name: repave.Spec.GateName}}}
}

// gatesOfObject maps an object of a Cluster to the Cluster's gates.
func (r *Reconciler) gatesOfObject(ctx context.Context, o client.Object) []ctrl.Request {
	return r.gatesOf(ctx, o.GetNamespace(), o.GetLabels()[clusterv1.ClusterNameLabel])
}

// gatesOfCluster maps a Cluster to its gates.
func (r *Reconciler) gatesOfCluster(ctx context.Context, o client.Object) []ctrl.Request {
	return r.gatesOf(ctx, o.GetNamespace(), o.GetName())
}

func (r *Reconciler) gatesOf(ctx context.Context, namespace, cluster string) []ctrl.Request {
	gates := &infrav1.RepaveGateList{}
	if cluster == "" || r.Client.List(ctx, gates, client.InNamespace(namespace)) != nil {
		return nil
	}
	var requests []ctrl.Request
	for i := range gates.Items {
		if gates.Items[i].Spec.ClusterName == cluster {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&gates.Items[i])})
		}
	}
	return requests
}
