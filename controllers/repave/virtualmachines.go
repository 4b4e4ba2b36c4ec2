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
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
)

// virtualMachine is a running KubeVirt virtual machine.
type virtualMachine struct {
	namespace, name, node string
	// stuck is why it cannot be live-migrated, "" when it can.
	stuck string
}

var instanceKind = schema.GroupVersionKind{Group: "kubevirt.io", Version: "v1", Kind: "VirtualMachineInstanceList"}

// launcherLabel selects the Pods that virtual machines run in.
const (
	launcherLabel = "kubevirt.io"
	launcherValue = "virt-launcher"
)

// findVirtualMachines lists the running virtual machines; a cluster without KubeVirt has none.
func (r *Reconciler) findVirtualMachines(ctx context.Context, s *scope) error {
	instances := &unstructured.UnstructuredList{}
	instances.SetGroupVersionKind(instanceKind)
	if err := s.workload.List(ctx, instances); err != nil {
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("listing VirtualMachineInstances: %w", err)
	}
	for i := range instances.Items {
		node, _, _ := unstructured.NestedString(instances.Items[i].Object, "status", "nodeName")
		s.vms = append(s.vms, virtualMachine{
			namespace: instances.Items[i].GetNamespace(), name: instances.Items[i].GetName(), node: node, stuck: stuck(instances.Items[i].Object),
		})
	}
	return nil
}

// stuck reads the condition LiveMigratable.
func stuck(instance map[string]any) string {
	all, _, _ := unstructured.NestedSlice(instance, "status", "conditions")
	for _, entry := range all {
		c, ok := entry.(map[string]any)
		if !ok || c["type"] != "LiveMigratable" || c["status"] != "False" {
			continue
		}
		if reason, ok := c["reason"].(string); ok && reason != "" {
			return reason
		}
		return "NotLiveMigratable"
	}
	return ""
}

func (s *scope) stuckOn(node string) []string {
	var names []string
	for _, vm := range s.vms {
		if vm.stuck != "" && vm.node == node && node != "" {
			names = append(names, fmt.Sprintf("%s/%s (%s)", vm.namespace, vm.name, vm.stuck))
		}
	}
	slices.Sort(names)
	return names
}

// shutDown stops the virtual machines that cannot move, where the role says so. Their owner's run strategy starts them elsewhere.
func (r *Reconciler) shutDown(ctx context.Context, s *scope, m *clusterv1.Machine) error {
	if s.workload == nil || s.role(m).VirtualMachines != infrav1.VirtualMachinesShutdown {
		return nil
	}
	for _, vm := range s.vms {
		if vm.stuck == "" || vm.node != nodeName(m) || vm.node == "" {
			continue
		}
		// Deleting the instance stops it as an orderly shutdown would; a VirtualMachine that is to run makes another.
		instance := &unstructured.Unstructured{}
		instance.SetGroupVersionKind(instanceKind.GroupVersion().WithKind(strings.TrimSuffix(instanceKind.Kind, "List")))
		instance.SetNamespace(vm.namespace)
		instance.SetName(vm.name)
		if err := s.workload.Delete(ctx, instance); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("stopping virtual machine %s/%s: %w", vm.namespace, vm.name, err)
		}
	}
	return nil
}

// noRoom tells why the virtual machines of a node would find no place on the others.
func (r *Reconciler) noRoom(ctx context.Context, s *scope, node string) string {
	if s.workload == nil || !slices.ContainsFunc(s.vms, func(vm virtualMachine) bool { return vm.node == node && vm.stuck == "" }) {
		return ""
	}
	pods := &corev1.PodList{}
	if err := s.workload.List(ctx, pods); err != nil {
		return fmt.Sprintf("the Pods of the cluster could not be listed: %s", err)
	}
	free := s.freeRoom(node)
	var vms []repave.Room
	for i := range pods.Items {
		p := &pods.Items[i]
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		asks := requests(p)
		if n, ok := free[p.Spec.NodeName]; ok {
			n.MilliCPU -= asks.MilliCPU
			n.MemoryBytes -= asks.MemoryBytes
		}
		if p.Spec.NodeName == node && p.Labels[launcherLabel] == launcherValue {
			vms = append(vms, asks)
		}
	}
	rooms := make([]repave.Room, 0, len(free))
	for _, n := range free {
		rooms = append(rooms, *n)
	}
	slices.SortFunc(rooms, func(a, b repave.Room) int { return strings.Compare(a.Name, b.Name) })
	return repave.Fits(vms, rooms)
}

// freeRoom is what the other nodes have, before their Pods are taken off.
func (s *scope) freeRoom(without string) map[string]*repave.Room {
	free := map[string]*repave.Room{}
	for name, n := range s.nodes {
		if name != without && !n.Spec.Unschedulable && isNodeReady(n) == corev1.ConditionTrue {
			free[name] = &repave.Room{Name: name, MilliCPU: n.Status.Allocatable.Cpu().MilliValue(), MemoryBytes: n.Status.Allocatable.Memory().Value()}
		}
	}
	return free
}

func requests(p *corev1.Pod) repave.Room {
	room := repave.Room{Name: p.Namespace + "/" + p.Name}
	for i := range p.Spec.Containers {
		room.MilliCPU += p.Spec.Containers[i].Resources.Requests.Cpu().MilliValue()
		room.MemoryBytes += p.Spec.Containers[i].Resources.Requests.Memory().Value()
	}
	return room
}
