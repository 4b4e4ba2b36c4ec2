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

package maascluster

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hardware"
)

// judgeHardware compares the servers that the cluster has with what the reference architecture wants of them.
func (r *Reconciler) judgeHardware(ctx context.Context, s *scope) error {
	if s.session == nil || !s.session.Snapshot().Synced() {
		return nil
	}
	machines := &infrav1.MaasMachineList{}
	if err := r.Client.List(ctx, machines, client.InNamespace(s.maasCluster.Namespace),
		client.MatchingLabels{clusterv1.ClusterNameLabel: s.cluster.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing the MaasMachines of the cluster: %w", err)
	}
	leases := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, leases, client.InNamespace(s.maasCluster.Namespace),
		client.MatchingLabels{clusterv1.ClusterNameLabel: s.cluster.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing the leases of the cluster: %w", err)
	}
	c := sizeOf(s.cluster)
	c.Namespaces = int(s.maasCluster.Spec.ExpectedNamespaces)
	roles := rolesOf(machines.Items)
	for _, m := range access.WithKeptDisks(s.session.Snapshot().List(), leases.Items) {
		if role, ok := roles[m.SystemID]; ok {
			c.Hosts = append(c.Hosts, hardware.HostOf(m, role))
		}
	}
	findings := hardware.Judge(c)
	s.findings = &findings
	return nil
}

// rolesOf returns what each server of the machines is in the cluster, by system_id, which is the name of its lease.
func rolesOf(machines []infrav1.MaasMachine) map[string]hardware.Role {
	roles := make(map[string]hardware.Role, len(machines))
	for i := range machines {
		role := hardware.Worker
		if _, isControlPlane := machines[i].Labels[clusterv1.MachineControlPlaneLabel]; isControlPlane {
			role = hardware.ControlPlane
		}
		if host := machines[i].Status.HostRef.Name; host != "" {
			roles[host] = role
		}
	}
	return roles
}

// sizeOf is what the Cluster itself says of its size and of its use.
func sizeOf(cluster *clusterv1.Cluster) hardware.Cluster {
	c := hardware.Cluster{VirtualMachines: runsVirtualMachines(cluster), Workers: -1, ControlPlanes: -1}
	if cluster.Status.Workers != nil && cluster.Status.Workers.DesiredReplicas != nil {
		c.Workers = int(*cluster.Status.Workers.DesiredReplicas)
	}
	if cluster.Status.ControlPlane != nil && cluster.Status.ControlPlane.DesiredReplicas != nil {
		c.ControlPlanes = int(*cluster.Status.ControlPlane.DesiredReplicas)
	}
	return c
}

// runsVirtualMachines tells whether the cluster is one for virtual machines: the label says so, or else the class it is made from.
func runsVirtualMachines(cluster *clusterv1.Cluster) bool {
	if v, ok := cluster.Labels[infrav1.VirtualMachinesLabel]; ok {
		return v != "false"
	}
	return cluster.Spec.Topology.ClassRef.Name == infrav1.VirtualMachinesClass
}

// hardwareCondition words the findings. It takes no part in Ready: a warning stops nothing. Without a look at MAAS the last word stands.
func hardwareCondition(s *scope) *metav1.Condition {
	if s.findings == nil {
		return nil
	}
	c := &metav1.Condition{Type: infrav1.HardwareFitCondition, Status: metav1.ConditionTrue, Reason: infrav1.HardwareFitReason}
	lines := make([]string, 0, len(*s.findings))
	for _, f := range *s.findings {
		lines = append(lines, fmt.Sprintf("%s: %s", f.Kind, f.Message))
		if f.Severity == hardware.Warning {
			c.Status, c.Reason = metav1.ConditionFalse, infrav1.BelowReferenceReason
		}
	}
	c.Message = strings.Join(lines, "; ")
	return c
}
