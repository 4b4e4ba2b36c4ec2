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

package maashostpool

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/controllers/external"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// demandRecheck is how often the demand of a pool with control planes is summed up again: no watch tells of those.
const demandRecheck = 5 * time.Minute

// sumUpDemand adds up what is asked of the pool: the replicas of the MachineDeployments whose templates name it and of the control planes whose
// machines do, with the most that a rollout of each adds.
func (r *Reconciler) sumUpDemand(ctx context.Context, s *scope) error {
	templates := &infrav1.MaasMachineTemplateList{}
	if err := r.Client.List(ctx, templates, client.InNamespace(s.pool.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing MaasMachineTemplates: %w", err)
	}
	names := map[string]bool{}
	for i := range templates.Items {
		if templates.Items[i].Spec.Template.Spec.HostPoolRef.Name == s.pool.Name {
			names[templates.Items[i].Name] = true
		}
	}
	deployments := &clusterv1.MachineDeploymentList{}
	if err := r.Client.List(ctx, deployments, client.InNamespace(s.pool.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing MachineDeployments: %w", err)
	}
	for i := range deployments.Items {
		md := &deployments.Items[i]
		ref := md.Spec.Template.Spec.InfrastructureRef
		if ref.Kind == "MaasMachineTemplate" && names[ref.Name] && md.DeletionTimestamp.IsZero() {
			s.wanted += ptr.Deref(md.Spec.Replicas, 1)
			s.surge += surge(md)
		}
	}
	return r.addControlPlanes(ctx, s)
}

// surge is the most Machines that a rollout adds; Cluster API's default is 1.
func surge(md *clusterv1.MachineDeployment) int32 {
	if md.Spec.Rollout.Strategy.Type == clusterv1.OnDeleteMachineDeploymentStrategyType {
		return 0
	}
	return scaled(ptr.Deref(md.Spec.Rollout.Strategy.RollingUpdate.MaxSurge, intstr.FromInt32(1)), ptr.Deref(md.Spec.Replicas, 1))
}

// scaled is a number of Machines, or a share of the replicas, rounded up as Cluster API does. Admission has refused anything else.
func scaled(most intstr.IntOrString, replicas int32) int32 {
	n, err := intstr.GetScaledValueFromIntOrPercent(&most, int(replicas), true)
	if err != nil || n < 0 || n > 1<<30 {
		return 0
	}
	return int32(n) //nolint:gosec // bounded above
}

// addControlPlanes counts the control planes that have a machine of this pool.
func (r *Reconciler) addControlPlanes(ctx context.Context, s *scope) error {
	machines := &infrav1.MaasMachineList{}
	if err := r.Client.List(ctx, machines, client.InNamespace(s.pool.Namespace), client.HasLabels{clusterv1.MachineControlPlaneLabel},
		client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing MaasMachines: %w", err)
	}
	seen := map[string]bool{}
	for i := range machines.Items {
		name := machines.Items[i].Labels[clusterv1.ClusterNameLabel]
		if machines.Items[i].Spec.HostPoolRef.Name != s.pool.Name || name == "" || seen[name] {
			continue
		}
		seen[name] = true
		cluster := &clusterv1.Cluster{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.pool.Namespace, Name: name}, cluster); err != nil {
			if client.IgnoreNotFound(err) == nil {
				continue
			}
			return fmt.Errorf("getting Cluster %s: %w", name, err)
		}
		if cp := cluster.Status.ControlPlane; cp != nil && cluster.DeletionTimestamp.IsZero() {
			most, err := r.controlPlaneSurge(ctx, cluster)
			if err != nil {
				return err
			}
			s.wanted += ptr.Deref(cp.DesiredReplicas, 0)
			s.surge += most
			s.lookAgain(demandRecheck)
		}
	}
	return nil
}

// controlPlaneSurge is the most Machines that a rollout of the control plane adds; 1 where a KubeadmControlPlane does not say. Other control planes are
// not read: the manager has no right to, and their rollouts have no common form.
func (r *Reconciler) controlPlaneSurge(ctx context.Context, cluster *clusterv1.Cluster) (int32, error) {
	ref := cluster.Spec.ControlPlaneRef
	if ref.Kind != "KubeadmControlPlane" {
		return 0, nil
	}
	cp, err := external.GetObjectFromContractVersionedRef(ctx, r.Client, ref, cluster.Namespace)
	if err != nil {
		if apierrors.IsNotFound(err) {
			return 0, nil
		}
		return 0, fmt.Errorf("getting the control plane of Cluster %s: %w", cluster.Name, err)
	}
	most := intstr.FromInt32(1)
	value, found, err := unstructured.NestedFieldNoCopy(cp.Object, "spec", "rollout", "strategy", "rollingUpdate", "maxSurge")
	if err != nil {
		return 0, fmt.Errorf("reading maxSurge of %s %s: %w", ref.Kind, ref.Name, err)
	}
	if found {
		most = intstr.Parse(fmt.Sprint(value))
	}
	return scaled(most, ptr.Deref(cluster.Status.ControlPlane.DesiredReplicas, 0)), nil
}
