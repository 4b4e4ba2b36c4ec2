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
	"fmt"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func in(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{}}
}

func template(name, pool string) *infrav1.MaasMachineTemplate {
	t := &infrav1.MaasMachineTemplate{ObjectMeta: in("ns", name)}
	t.Spec.Template.Spec.HostPoolRef.Name = pool
	return t
}

// deployment takes its servers from the template's pool; maxSurge "" leaves the field out.
func deployment(name, templateName string, replicas int32, maxSurge string) *clusterv1.MachineDeployment {
	md := &clusterv1.MachineDeployment{ObjectMeta: in("ns", name)}
	md.Spec.Replicas = ptr.To(replicas)
	md.Spec.Template.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{Kind: "MaasMachineTemplate", Name: templateName}
	if maxSurge != "" {
		md.Spec.Rollout.Strategy.RollingUpdate.MaxSurge = ptr.To(intstr.Parse(maxSurge))
	}
	return md
}

// controlPlane is a Cluster, a machine of its control plane in the pool, and its KubeadmControlPlane.
func controlPlane(name string, replicas int32, maxSurge any) []client.Object {
	cluster := &clusterv1.Cluster{ObjectMeta: in("ns", name)}
	cluster.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{
		APIGroup: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane", Name: name,
	}
	cluster.Status.ControlPlane = &clusterv1.ClusterControlPlaneStatus{DesiredReplicas: ptr.To(replicas)}
	machine := &infrav1.MaasMachine{ObjectMeta: in("ns", name+"-0")}
	machine.Labels[clusterv1.MachineControlPlaneLabel], machine.Labels[clusterv1.ClusterNameLabel] = "", name
	machine.Spec.HostPoolRef.Name = "pool"
	kcp := &unstructured.Unstructured{}
	kcp.SetAPIVersion("controlplane.cluster.x-k8s.io/v1beta2")
	kcp.SetKind("KubeadmControlPlane")
	kcp.SetNamespace("ns")
	kcp.SetName(name)
	if maxSurge != nil {
		_ = unstructured.SetNestedField(kcp.Object, maxSurge, "spec", "rollout", "strategy", "rollingUpdate", "maxSurge")
	}
	return []client.Object{cluster, machine, kcp}
}

// onDelete has a MachineDeployment replace only what somebody deletes.
func onDelete(md *clusterv1.MachineDeployment) *clusterv1.MachineDeployment {
	md.Spec.Rollout.Strategy.Type = clusterv1.OnDeleteMachineDeploymentStrategyType
	return md
}

func elsewhere(md *clusterv1.MachineDeployment) *clusterv1.MachineDeployment {
	md.Namespace = "other"
	return md
}

// TestDemand: what is asked of a pool is counted once, with the most that rollouts add.
func TestDemand(t *testing.T) {
	t.Parallel()
	byHand := controlPlane("cp", 3, int64(1))
	cluster, _ := byHand[0].(*clusterv1.Cluster)
	cluster.Spec.ControlPlaneRef.Kind = "SomeControlPlane"
	twice := controlPlane("cp", 3, int64(1))
	second, _ := twice[1].DeepCopyObject().(*infrav1.MaasMachine)
	second.Name = "cp-1"
	for _, tt := range []struct {
		name    string
		objects []client.Object
		want    string
	}{
		{"nothing", nil, "0+0"},
		{"a MachineDeployment, maxSurge left out", []client.Object{template("t", "pool"), deployment("a", "t", 3, "")}, "3+1"},
		{"maxSurge 0", []client.Object{template("t", "pool"), deployment("a", "t", 3, "0")}, "3+0"},
		{"maxSurge as a share is rounded up", []client.Object{template("t", "pool"), deployment("a", "t", 5, "25%")}, "5+2"},
		{"deleted by hand", []client.Object{template("t", "pool"), onDelete(deployment("a", "t", 3, "2"))}, "3+0"},
		{"two of one template", []client.Object{template("t", "pool"), deployment("a", "t", 3, "0"), deployment("b", "t", 2, "1")}, "5+1"},
		{"another pool", []client.Object{template("t", "other"), deployment("a", "t", 3, "")}, "0+0"},
		{"another namespace", []client.Object{template("t", "pool"), elsewhere(deployment("a", "t", 3, ""))}, "0+0"},
		{"a control plane, maxSurge left out", controlPlane("cp", 3, nil), "3+1"},
		{"a control plane that scales in first", controlPlane("cp", 3, int64(0)), "3+0"},
		{"maxSurge as text", controlPlane("cp", 3, "1"), "3+1"},
		{"two machines of one control plane", append(twice, second), "3+1"},
		{"a control plane of another kind", byHand, "3+0"},
		{"its KubeadmControlPlane is gone", controlPlane("cp", 3, nil)[:2], "3+0"},
		{"both", append(controlPlane("cp", 3, int64(1)), template("t", "pool"), deployment("a", "t", 10, "1")), "13+2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scope{pool: &infrav1.MaasHostPool{ObjectMeta: in("ns", "pool")}}
			r := &Reconciler{Client: fake.NewClientBuilder().WithScheme(demandScheme(t)).WithObjects(append(tt.objects, kcpCRD())...).Build()}
			if err := r.sumUpDemand(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%d+%d", s.wanted, s.surge); got != tt.want {
				t.Errorf("want replicas and surge %s, got %s", tt.want, got)
			}
		})
	}
}

// TestDemandOfUnreadableControlPlane: a control plane that says something else than a number is an error, not a guess.
func TestDemandOfUnreadableControlPlane(t *testing.T) {
	t.Parallel()
	objects := controlPlane("cp", 3, nil)
	kcp, _ := objects[2].(*unstructured.Unstructured)
	kcp.Object["spec"] = "text"
	s := &scope{pool: &infrav1.MaasHostPool{ObjectMeta: in("ns", "pool")}}
	r := &Reconciler{Client: fake.NewClientBuilder().WithScheme(demandScheme(t)).WithObjects(append(objects, kcpCRD())...).Build()}
	if err := r.sumUpDemand(t.Context(), s); err == nil {
		t.Errorf("want an error, got %d+%d", s.wanted, s.surge)
	}
}

func kcpCRD() *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{
		Name: "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io", Labels: map[string]string{"cluster.x-k8s.io/v1beta2": "v1beta2"},
	}}
}

func demandScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clusterv1.AddToScheme, infrav1.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}
