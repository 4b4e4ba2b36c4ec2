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
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// vm makes a running virtual machine with its Pod; stuck is KubeVirt's reason why it cannot be live-migrated.
func (w *world) vm(name, node, memory, stuck string) {
	w.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"nodeName": node}}}
	o.SetAPIVersion("kubevirt.io/v1")
	o.SetKind("VirtualMachineInstance")
	o.SetNamespace("vms")
	o.SetName(name)
	if stuck != "" {
		_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{"type": "LiveMigratable", "status": "False", "reason": stuck}}, "status", "conditions")
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "vms", Name: "virt-launcher-" + name, Labels: map[string]string{launcherLabel: launcherValue}},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "compute", Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)}}}}}}
	for _, one := range []client.Object{o, pod} {
		if err := w.cluster.Create(w.Context(), one); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) vms(policy infrav1.VirtualMachinePolicy, bridge string) {
	w.changeGate(func(s *infrav1.RepaveGateSpec) {
		s.Roles = []infrav1.RepaveRole{{Name: "workers", Type: infrav1.RepaveRoleWorkers, VirtualMachines: policy, RequiredBridge: bridge}}
	})
}

func (w *world) vmExists(name string) bool {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("kubevirt.io/v1")
	o.SetKind("VirtualMachineInstance")
	return w.cluster.Get(w.Context(), client.ObjectKey{Namespace: "vms", Name: name}, o) == nil
}

func (w *world) wantMovable(reason, words string) {
	w.Helper()
	c := conditions.Get(w.gate(), infrav1.VirtualMachinesMovableCondition)
	if c == nil || c.Reason != reason || !strings.Contains(c.Message, words) {
		w.Errorf("VirtualMachinesMovable is %+v, want %s %q", c, reason, words)
	}
}

// TestStuckVirtualMachines lists them before anything is deleted, and treats them by the role's policy.
func TestStuckVirtualMachines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.vm("gpu", "w0", "1Gi", "HostDeviceNotLiveMigratable")
	w.vm("plain", "w0", "1Gi", "")
	w.look(1)
	listed := w.gate().Status.VirtualMachines
	if len(listed) != 1 || listed[0].Name != "gpu" || listed[0].Node != "w0" || listed[0].Reason != "HostDeviceNotLiveMigratable" {
		t.Errorf("status.virtualMachines is %+v, want gpu on w0 with KubeVirt's reason", listed)
	}
	w.wantMovable(infrav1.VirtualMachinesStuckReason, "1 virtual machines")
	w.delete("m0")
	w.look(1)
	w.wantHeld("m0", "VirtualMachinesCannotMove")

	w.vms(infrav1.VirtualMachinesShutdown, "")
	w.look(2)
	w.wantGone("m0")
	if !w.vmExists("gpu") {
		t.Fatal("gpu was stopped before its node was cordoned: it could have started there again")
	}
	w.changeNode("w0", func(n *corev1.Node) { n.Spec.Unschedulable = true })
	w.look(1)
	if w.vmExists("gpu") || !w.vmExists("plain") {
		t.Errorf("gpu runs: %t, plain runs: %t; want the one stopped that cannot move, and only it", w.vmExists("gpu"), w.vmExists("plain"))
	}
	w.vms(infrav1.VirtualMachinesIgnore, "")
	w.look(1)
	w.wantMovable(infrav1.VirtualMachinesMovableReason, "")
}

// unstoppable is a workload cluster in which nothing can be deleted.
type unstoppable struct{ workload.Cluster }

func (unstoppable) Delete(context.Context, client.Object, ...client.DeleteOption) error {
	return errNoAnswer
}

// TestVirtualMachineThatCannotBeStopped keeps no other Machine from being ready.
func TestVirtualMachineThatCannotBeStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.vm("gpu", "w0", "1Gi", "HostDeviceNotLiveMigratable")
	w.vms(infrav1.VirtualMachinesShutdown, "")
	w.look(1)
	w.delete("m0")
	w.look(2)
	w.wantGone("m0")
	w.changeNode("w0", func(n *corev1.Node) { n.Spec.Unschedulable = true })
	w.machine("late", "w9")
	w.r.Workloads = theCluster{unstoppable{w.cluster}}
	w.pass(busyInterval)
	_, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: "gate"}})
	if !errors.Is(err, errNoAnswer) {
		t.Fatalf("want the error that the virtual machine could not be stopped, got %v", err)
	}
	if conditions.Get(w.get("late"), infrav1.StorageReadyCondition) == nil {
		t.Error("nothing is said of the storage of a Machine that came meanwhile")
	}
}

// TestRoomForVirtualMachines counts only the nodes that virtual machines may run on.
func TestRoomForVirtualMachines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.vm("big", "w0", "50Gi", "")
	w.vm("other", "w1", "50Gi", "")
	w.look(1)
	w.wantMovable(infrav1.VirtualMachinesMovableReason, "")
	w.changeNode("w2", func(n *corev1.Node) {
		n.Spec.Taints = []corev1.Taint{{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}}
	})
	w.look(1)
	w.wantMovable(infrav1.VirtualMachinesCrowdedReason, "w0")
	w.delete("m0")
	w.look(1)
	w.wantHeld("m0", "NoRoomForVirtualMachines")
	w.changeNode("w2", func(n *corev1.Node) { n.Spec.Taints = nil })
	w.look(1)
	w.wantGone("m0")
}

// TestBridgeIsMissing keeps a new node from being ready while it lacks the bridge that virtual machines need.
func TestBridgeIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.vms(infrav1.VirtualMachinesBlock, "br0")
	w.look(1)
	c := conditions.Get(w.get("m0"), infrav1.StorageReadyCondition)
	if c == nil || c.Status != metav1.ConditionFalse || c.Reason != infrav1.BridgeMissingReason {
		t.Errorf("StorageReady is %+v, want False because of the bridge", c)
	}
	w.changeNode("w0", func(n *corev1.Node) {
		n.Status.Allocatable["bridge.network.kubevirt.io/br0"] = resource.MustParse("1k")
	})
	w.look(1)
	if c = conditions.Get(w.get("m0"), infrav1.StorageReadyCondition); c.Status != metav1.ConditionTrue {
		t.Errorf("StorageReady is %+v, want True", c)
	}
}
