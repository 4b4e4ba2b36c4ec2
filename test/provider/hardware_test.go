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

package provider

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

func (w *world) template(name string, change func(*infrav1.MaasMachineSpec)) {
	w.Helper()
	template := &infrav1.MaasMachineTemplate{ObjectMeta: w.meta(name), Spec: infrav1.MaasMachineTemplateSpec{
		Template: infrav1.MaasMachineTemplateResource{Spec: infrav1.MaasMachineSpec{
			HostPoolRef: infrav1.LocalObjectReference{Name: poolName}, Image: infrav1.Image{Name: "ubuntu/jammy"},
		}},
	}}
	change(&template.Spec.Template.Spec)
	w.create(template)
}

// awaitCapacity waits until a template says what its machines would have.
func (w *world) awaitCapacity(template, want string) {
	w.Helper()
	w.await(fmt.Sprintf("template %s to promise %q", template, want), func() (bool, string) {
		o := &infrav1.MaasMachineTemplate{}
		if err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: template}, o); err != nil {
			return false, err.Error()
		}
		cpu, memory := o.Status.Capacity[corev1.ResourceCPU], o.Status.Capacity[corev1.ResourceMemory]
		seen := fmt.Sprintf("%s %s %s %s", cpu.String(), memory.String(), o.Status.NodeInfo.Architecture, o.Status.NodeInfo.OperatingSystem)
		return seen == want, seen
	})
}

// TestContractTemplateCapacity: a template promises what each of its servers has, follows the pool and MAAS, and promises nothing without servers.
func TestContractTemplateCapacity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.template("all", func(*infrav1.MaasMachineSpec) {})
	w.template("large", func(s *infrav1.MaasMachineSpec) { s.Selector.MinCPUCount = 16 })
	w.template("none", func(s *infrav1.MaasMachineSpec) { s.Selector.MinCPUCount = 1000 })
	w.template("disk", func(s *infrav1.MaasMachineSpec) { s.Selector.Disks = infrav1.DiskCount{MinCount: 1, MinSizeGB: 400} })
	w.template("larger-disk", func(s *infrav1.MaasMachineSpec) { s.Selector.Disks = infrav1.DiskCount{MinCount: 1, MinSizeGB: 100000} })
	w.template("adapter", func(s *infrav1.MaasMachineSpec) {
		s.Selector.NetworkAdapters = infrav1.NetworkAdapterCount{MinCount: 1, MinSpeedMbps: 10000}
	})
	w.template("adapters", func(s *infrav1.MaasMachineSpec) {
		s.Selector.NetworkAdapters = infrav1.NetworkAdapterCount{MinCount: 2}
	})
	for _, fitting := range []string{"all", "large", "disk", "adapter"} {
		w.awaitCapacity(fitting, "32 128Gi amd64 linux")
	}
	for _, without := range []string{"none", "larger-disk", "adapters"} {
		w.awaitCapacity(without, "0 0  ")
	}
	small, err := theLab.AddHost(maassim.MachineSpec{Hostname: w.ns + "-small", Pool: w.ns, CPUs: 8, MemoryMiB: 16384, Tags: []string{"slow"}})
	if err != nil {
		t.Fatal(err)
	}
	w.ids = append(w.ids, small)
	w.awaitCapacity("all", "8 16Gi amd64 linux")
	w.awaitCapacity("large", "32 128Gi amd64 linux")

	pool := &infrav1.MaasHostPool{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: poolName}}
	w.patch(pool, func() { pool.Spec.Selector.NotTags = []string{"slow"} })
	w.awaitCapacity("all", "32 128Gi amd64 linux")
	w.patch(pool, func() { pool.Spec.Selector.NotTags = []string{"slow", "vm"} })
	w.awaitCapacity("all", "0 0  ")
	if w.writes() > 0 {
		t.Errorf("want no call to MAAS about a server, got %d", w.writes())
	}
}

// TestHardwareFit: a cluster for virtual machines hears what its servers and its size lack, and is ready nevertheless; another one does not hear
// of it.
func TestHardwareFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for _, name := range []string{"a", "b"} {
		id, err := theLab.AddHost(maassim.MachineSpec{Hostname: w.ns + "-" + name, Pool: w.ns, CPUs: 4, MemoryMiB: 16384})
		if err != nil {
			t.Fatal(err)
		}
		w.ids = append(w.ids, id)
	}
	w.machine("worker")
	w.awaitProvisioned("worker")
	w.machineOf("cp", func(m *infrav1.MaasMachine, machine *clusterv1.Machine) {
		m.Labels = map[string]string{clusterv1.ClusterNameLabel: clusterName, clusterv1.MachineControlPlaneLabel: ""}
	})
	w.awaitProvisioned("cp")
	w.awaitFit("nothing of workers in a cluster that is not for virtual machines", func(c metav1.Condition) bool {
		return c.Reason == infrav1.HardwareFitReason
	})

	cluster := w.clusterObject()
	w.patch(cluster, func() { cluster.Labels[infrav1.VirtualMachinesLabel] = "" })
	hostname := w.view(w.maasMachine("worker").Status.HostRef.Name).Hostname
	w.awaitFit("the worker to be below the minimum", func(c metav1.Condition) bool {
		return c.Status == metav1.ConditionFalse && c.Reason == infrav1.BelowReferenceReason &&
			strings.Contains(c.Message, "TooFewCores: worker server "+hostname+" has fewer than the least 8 cores") &&
			strings.Contains(c.Message, "TooLittleMemory: worker server "+hostname)
	})
	if !conditions.IsTrue(w.maasCluster(), infrav1.ReadyCondition) {
		t.Error("want the cluster ready whatever its hardware")
	}

	maasCluster := w.maasCluster()
	w.patch(maasCluster, func() { maasCluster.Spec.ExpectedNamespaces = 600 })
	w.awaitFit("the control plane to be too small for 600 namespaces", func(c metav1.Condition) bool {
		return strings.Contains(c.Message, "has fewer than the 8 cores for up to 100 workers and 1000 namespaces")
	})
}

// awaitFit waits for the condition HardwareFit, touching the cluster so that it is judged now.
func (w *world) awaitFit(what string, ok func(metav1.Condition) bool) {
	w.Helper()
	w.await(what, w.touching(func() (bool, string) {
		c := conditions.Get(w.maasCluster(), infrav1.HardwareFitCondition)
		if c == nil {
			return false, "no condition HardwareFit"
		}
		return ok(*c), fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
	}))
}
