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

package lab

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// WorkerClass is a MachineDeployment with a fixed pool of servers of its own.
type WorkerClass struct {
	// Name is a part of the MachineDeployment's name.
	Name     string
	Replicas int
	// MaxUnavailable is how many Machines a rollout takes down at once, as far
	// as Cluster API is concerned; 1 by default.
	MaxUnavailable int
	// ResourcePool is that of the servers in MAAS.
	ResourcePool string
	// DataDisks is what becomes of the servers' data disks; Preserve by default.
	DataDisks string
}

// The gate's marks, as docs/gate.md asks for them.
const (
	repaveHook   = "pre-drain.delete.hook.machine.cluster.x-k8s.io/repave-gate"
	storageReady = "infrastructure.cluster.x-k8s.io/StorageReady"
	gateName     = "gate"
)

// RenderClasses fills in the cluster template with worker classes in place of
// its one MachineDeployment. Machines are made as docs/gate.md asks for: with
// the gate's hook, and with the storage's readiness gate on workers. They need
// the gate of [Gate].
func RenderClasses(s ClusterSpec, classes ...WorkerClass) ([]*unstructured.Unstructured, error) {
	objects, err := RenderCluster(s)
	if err != nil {
		return nil, err
	}
	workers := s.Name + "-workers"
	var out []*unstructured.Unstructured
	for _, u := range objects {
		if u.GetName() != workers {
			if u.GetKind() == "KubeadmControlPlane" {
				set(u, gateName, "spec", "machineTemplate", "metadata", "annotations", repaveHook)
			}
			out = append(out, u)
			continue
		}
		for _, c := range classes {
			out = append(out, c.render(u, s.Name+"-"+c.Name))
		}
	}
	return out, nil
}

// render makes an object of the template's workers one of the class.
func (c WorkerClass) render(from *unstructured.Unstructured, name string) *unstructured.Unstructured {
	u := from.DeepCopy()
	u.SetName(name)
	switch u.GetKind() {
	case "MaasHostPool":
		set(u, c.ResourcePool, "spec", "resourcePool")
		set(u, true, "spec", "hold")
		set(u, orDefault(c.DataDisks, "Preserve"), "spec", "dataDisks")
	case "MaasMachineTemplate":
		set(u, name, "spec", "template", "spec", "hostPoolRef", "name")
	case "KubeadmConfigTemplate":
		path := []string{"spec", "template", "spec", "joinConfiguration", "nodeRegistration", "kubeletExtraArgs"}
		args, _, _ := unstructured.NestedSlice(u.Object, path...)
		set(u, append(args, map[string]any{"name": "node-labels", "value": "px/enabled=true"}), path...)
	case "MachineDeployment":
		set(u, int64(c.Replicas), "spec", "replicas")
		set(u, int64(max(c.MaxUnavailable, 1)), "spec", "rollout", "strategy", "rollingUpdate", "maxUnavailable")
		set(u, name, "spec", "template", "spec", "bootstrap", "configRef", "name")
		set(u, name, "spec", "template", "spec", "infrastructureRef", "name")
		set(u, gateName, "spec", "template", "metadata", "annotations", repaveHook)
		set(u, []any{map[string]any{"conditionType": storageReady}}, "spec", "template", "spec", "readinessGates")
	}
	return u
}

func orDefault(v, d string) string {
	if v == "" {
		return d
	}
	return v
}

// set sets a field of an object that was made here, whose folders are maps.
func set(u *unstructured.Unstructured, value any, path ...string) {
	if err := unstructured.SetNestedField(u.Object, value, path...); err != nil {
		panic(fmt.Sprintf("%s %s: %v", u.GetKind(), u.GetName(), err))
	}
}

// Gate is a RepaveGate for the Portworx of [Lab.StartStorage] that keeps up to
// so many nodes away at once that share no volume.
func Gate(s ClusterSpec, maxConcurrent, stableSeconds int) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"clusterName": s.Name, "storage": map[string]any{"type": "Portworx"},
		"parallelism": "NonOverlapping", "maxConcurrent": int64(maxConcurrent), "stablePeriodSeconds": int64(stableSeconds),
	}}}
	u.SetAPIVersion("infrastructure.cluster.x-k8s.io/v1beta2")
	u.SetKind("RepaveGate")
	u.SetNamespace(s.Namespace)
	u.SetName(gateName)
	return u
}

// HealthCheck is a MachineHealthCheck for the workers of a cluster, without
// anything of the provider's: it asks the owner of a Machine whose Node has
// fallen silent to replace it.
func HealthCheck(s ClusterSpec) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"clusterName": s.Name,
		"selector": map[string]any{"matchExpressions": []any{
			map[string]any{"key": "cluster.x-k8s.io/deployment-name", "operator": "Exists"},
		}},
		"checks": map[string]any{
			"nodeStartupTimeoutSeconds": int64(0),
			"unhealthyNodeConditions":   []any{map[string]any{"type": "Ready", "status": "Unknown", "timeoutSeconds": int64(1)}},
		},
		"remediation": map[string]any{"triggerIf": map[string]any{"unhealthyLessThanOrEqualTo": int64(1)}},
	}}}
	u.SetAPIVersion("cluster.x-k8s.io/v1beta2")
	u.SetKind("MachineHealthCheck")
	u.SetNamespace(s.Namespace)
	u.SetName(s.Name + "-workers")
	return u
}

var (
	machineTemplate   = schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2", Kind: "MaasMachineTemplate"}
	controlPlane      = schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmControlPlane"}
	machineDeployment = schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "MachineDeployment"}
)

// UpgradeControlPlane asks for a Kubernetes version of the control plane, with
// the image that has it.
func (l *Lab) UpgradeControlPlane(ctx context.Context, s ClusterSpec, version string) error {
	return l.upgrade(ctx, s, controlPlane, s.Name+"-control-plane", version, []string{"spec"}, []string{"machineTemplate", "spec", "infrastructureRef", "name"})
}

// UpgradeWorkers asks for a Kubernetes version of a worker class. It can be the
// one that the class has: its machines are replaced all the same.
func (l *Lab) UpgradeWorkers(ctx context.Context, s ClusterSpec, class, version string) error {
	return l.upgrade(ctx, s, machineDeployment, s.Name+"-"+class, version, []string{"spec", "template", "spec"}, []string{"infrastructureRef", "name"})
}

// upgrade copies the machine template that an object names, with another image,
// and has the object name the copy.
func (l *Lab) upgrade(ctx context.Context, s ClusterSpec, kind schema.GroupVersionKind, name, version string, at, template []string) error {
	owner := &unstructured.Unstructured{}
	owner.SetGroupVersionKind(kind)
	if err := l.client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, owner); err != nil {
		return fmt.Errorf("upgrading %s %s: %w", kind.Kind, name, err)
	}
	before := owner.DeepCopy()
	path := append(append([]string{}, at...), template...)
	old, _, _ := unstructured.NestedString(owner.Object, path...)
	current := &unstructured.Unstructured{}
	current.SetGroupVersionKind(machineTemplate)
	if err := l.client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: old}, current); err != nil {
		return fmt.Errorf("upgrading %s %s: %w", kind.Kind, name, err)
	}
	next := &unstructured.Unstructured{Object: map[string]any{"spec": current.Object["spec"]}}
	next.SetGroupVersionKind(machineTemplate)
	next.SetNamespace(s.Namespace)
	next.SetName(old + "-next")
	set(next, ImageFor(version), "spec", "template", "spec", "image", "name")
	if err := l.client.Create(ctx, next); err != nil {
		return fmt.Errorf("upgrading %s %s: %w", kind.Kind, name, err)
	}
	set(owner, next.GetName(), path...)
	set(owner, version, append(append([]string{}, at...), "version")...)
	if err := l.client.Patch(ctx, owner, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("upgrading %s %s: %w", kind.Kind, name, err)
	}
	return nil
}
