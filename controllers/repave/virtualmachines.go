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

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// virtualMachine is a running KubeVirt virtual machine.
type virtualMachine struct {
	namespace, name, node string
	// stuck is why it cannot be live-migrated, "" when it can.
	stuck string
	// stopping is true once it is being deleted.
	stopping bool
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
			stopping: !instances.Items[i].GetDeletionTimestamp().IsZero(),
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

// stopVirtualMachines stops those that cannot move on nodes that were let go, where the role says so, again and again while the node drains. It waits until the
// node is cordoned, or their owner's run strategy might start them there once more.
func (r *Reconciler) stopVirtualMachines(ctx context.Context, s *scope) error {
	if s.workload == nil {
		return nil
	}
	for _, open := range s.open() {
		m := s.machine(open.Spec.MachineName)
		if m == nil || m.DeletionTimestamp.IsZero() || open.Spec.ConfirmedTime.IsZero() || s.role(m).VirtualMachines != infrav1.VirtualMachinesShutdown {
			continue
		}
		if node := s.nodes[nodeName(m)]; node == nil || !node.Spec.Unschedulable {
			continue
		}
		if err := r.stopOn(ctx, s, nodeName(m)); err != nil {
			return err
		}
	}
	return nil
}

// stopOn deletes the instances, which stops them as an orderly shutdown would; a VirtualMachine that is to run makes another.
func (r *Reconciler) stopOn(ctx context.Context, s *scope, node string) error {
	for _, vm := range s.vms {
		if vm.stuck == "" || vm.node != node || vm.stopping {
			continue
		}
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
