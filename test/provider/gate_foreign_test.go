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
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// The kinds of Cluster API's own test provider, of which the tests play the controller: they have nothing of MAAS.
var (
	devGroup = schema.GroupVersion{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2"}
	devKinds = []string{"devclusters", "devmachines"}
)

// TestGateNeedsNoMAAS: Machines of another infrastructure provider are hooked, held, let go and followed like those of this one.
func TestGateNeedsNoMAAS(t *testing.T) {
	t.Parallel()
	w := &gatedWorld{emptyWorld(t, 0)}
	w.installDevKinds()
	w.dev("DevCluster", clusterName)
	w.create(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName), Spec: clusterv1.ClusterSpec{
		ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: "172.16.3.11", Port: 6443},
		InfrastructureRef:    clusterv1.ContractVersionedObjectReference{APIGroup: devGroup.Group, Kind: "DevCluster", Name: clusterName},
	}})
	w.provisioned("DevCluster", clusterName, nil)
	w.gateOfConfigMap(2)
	w.foreign("cp", func(m *clusterv1.Machine) {
		delete(m.Labels, clusterv1.MachineSetNameLabel)
		m.Labels[clusterv1.MachineControlPlaneLabel] = ""
	})
	w.foreign("a")
	w.foreign("b")

	w.storage(false, true)
	w.deleteMachine("a")
	w.awaitHeld("a", "StorageDegraded")
	if w.devDeleting("a") {
		t.Error("the infrastructure of a is being deleted although the gate holds its Machine")
	}
	w.storage(true, true)
	w.await("a Repave of a that is confirmed", func() (bool, string) {
		r := w.repave("a")
		return !r.Spec.ConfirmedTime.IsZero(), fmt.Sprintf("%+v", r.Spec)
	})
	w.await("the infrastructure of a to be deleted", func() (bool, string) { return w.devDeleting("a"), "it is not" })
	w.deleteMachine("b")
	w.awaitHeld("b", "AnotherRepaveOpen")
	w.released("a")
	w.await("Machine a to be gone", func() (bool, string) {
		err := w.Get(w.ctx, w.key("a"), &clusterv1.Machine{})
		return apierrors.IsNotFound(err), fmt.Sprintf("%v", err)
	})
	w.awaitHeld("b", "AnotherRepaveOpen")

	// The same node comes back under a new Machine; then its record is closed and the next one goes.
	w.foreign("c", func(m *clusterv1.Machine) { m.Annotations = map[string]string{"test/node": "a"} })
	w.await("the Repave of a to be closed", func() (bool, string) {
		r := w.repave("a")
		return r.Spec.Outcome == infrav1.RepaveWhole, fmt.Sprintf("%s %+v", r.Spec.Outcome, r.Status)
	})
	w.await("a Repave of b that is confirmed", func() (bool, string) {
		r := w.repave("b")
		return !r.Spec.ConfirmedTime.IsZero(), fmt.Sprintf("%+v", r.Spec)
	})
}

// installDevKinds installs the definitions out of Cluster API's test module, with the label of the contract that its kustomization gives them.
func (w *gatedWorld) installDevKinds() {
	w.Helper()
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api/test")
	cmd.Dir = filepath.Join(lab.Repository(), "test", "e2e")
	out, err := cmd.Output()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		w.Fatalf("finding Cluster API's test module (go mod download in test/e2e gets it): %v", err)
	}
	for _, kind := range devKinds {
		w.installDefinition(filepath.Join(strings.TrimSpace(string(out)), "infrastructure/docker/config/crd/bases", devGroup.Group+"_"+kind+".yaml"))
	}
}

// installDefinition installs the definition of a kind of Cluster API, with the label of the contract that its kustomization gives it.
func (w *gatedWorld) installDefinition(file string) {
	w.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		w.Fatal(err)
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(raw, &crd.Object); err != nil {
		w.Fatal(err)
	}
	crd.SetLabels(map[string]string{"cluster.x-k8s.io/v1beta2": devGroup.Version})
	if err := w.WithWatch.Create(w.ctx, crd); err != nil && !apierrors.IsAlreadyExists(err) {
		w.Fatal(err)
	}
	w.await(filepath.Base(file)+" to be served", func() (bool, string) {
		if err := w.Get(w.ctx, client.ObjectKeyFromObject(crd), crd); err != nil {
			return false, err.Error()
		}
		conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
		for _, c := range conditions {
			if fields, ok := c.(map[string]any); ok && fields["type"] == string(apiextensionsv1.Established) && fields["status"] == "True" {
				return true, ""
			}
		}
		return false, fmt.Sprint(conditions)
	})
}

func (w *gatedWorld) devObject(kind, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(devGroup.WithKind(kind))
	o.SetNamespace(w.ns)
	o.SetName(name)
	return o
}

// dev makes an object as its provider would have it: with a finalizer, for the in-memory backend.
func (w *gatedWorld) dev(kind, name string) {
	w.Helper()
	o := w.devObject(kind, name)
	o.SetLabels(map[string]string{clusterv1.ClusterNameLabel: clusterName})
	o.SetFinalizers([]string{"test.capmaas/dev"})
	_ = unstructured.SetNestedMap(o.Object, map[string]any{"inMemory": map[string]any{}}, "spec", "backend")
	w.await("a "+kind+" to be made", func() (bool, string) {
		err := w.WithWatch.Create(w.ctx, o)
		return err == nil, fmt.Sprint(err)
	})
	w.Cleanup(func() { w.release(kind, name) })
}

// provisioned plays the provider: spec first, then the word that the infrastructure is there.
func (w *gatedWorld) provisioned(kind, name string, spec map[string]any) {
	w.Helper()
	w.await(kind+" "+name+" to be provisioned", func() (bool, string) {
		o := w.devObject(kind, name)
		if err := w.Get(w.ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return false, err.Error()
		}
		for field, value := range spec {
			_ = unstructured.SetNestedField(o.Object, value, "spec", field)
		}
		if len(spec) > 0 {
			if err := w.Update(w.ctx, o); err != nil {
				return false, err.Error()
			}
		}
		_ = unstructured.SetNestedField(o.Object, true, "status", "initialization", "provisioned")
		err := w.Status().Update(w.ctx, o)
		return err == nil, fmt.Sprint(err)
	})
}

// foreign makes a Machine of the other provider, with the Node that its kubelet registers.
func (w *gatedWorld) foreign(name string, change ...func(*clusterv1.Machine)) {
	w.Helper()
	w.dev("DevMachine", name)
	w.create(&corev1.Secret{ObjectMeta: w.meta(name), Type: clusterv1.ClusterSecretType, Data: map[string][]byte{"value": []byte("#cloud-config")}})
	m := &clusterv1.Machine{ObjectMeta: w.meta(name), Spec: clusterv1.MachineSpec{
		ClusterName: clusterName, Bootstrap: clusterv1.Bootstrap{DataSecretName: &name},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: devGroup.Group, Kind: "DevMachine", Name: name},
		ReadinessGates:    []clusterv1.MachineReadinessGate{{ConditionType: infrav1.StorageReadyCondition}},
	}}
	m.Labels[clusterv1.MachineSetNameLabel] = "set"
	for _, f := range change {
		f(m)
	}
	node := name
	if n, ok := m.Annotations["test/node"]; ok {
		node = n
	}
	w.create(m)
	// It needs no help from the provider to be hooked before it has a Node.
	w.await("the gate's hook on "+name, func() (bool, string) {
		hook := w.capiMachine(name).Annotations[infrav1.RepaveHookAnnotation]
		return hook == gateName, hook
	})
	id := "dev:///" + w.ns + "/" + node
	w.provisioned("DevMachine", name, map[string]any{"providerID": id})
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: w.ns + "-" + node}, Spec: corev1.NodeSpec{ProviderID: id}}
	w.await("the Node of "+name, func() (bool, string) {
		err := w.WithWatch.Create(w.ctx, n.DeepCopy())
		return err == nil, fmt.Sprint(err)
	})
	w.Cleanup(func() { _ = client.IgnoreNotFound(w.Delete(context.WithoutCancel(w.ctx), n)) })
	w.nodeReady(n, corev1.ConditionTrue)
	w.await(name+" to have its Node", func() (bool, string) {
		ref := w.capiMachine(name).Status.NodeRef.Name
		return ref == n.Name, ref
	})
}

func (w *gatedWorld) devDeleting(name string) bool {
	o := w.devObject("DevMachine", name)
	err := w.Get(w.ctx, client.ObjectKeyFromObject(o), o)
	return apierrors.IsNotFound(err) || (err == nil && o.GetDeletionTimestamp() != nil)
}

// released plays the end of the infrastructure.
func (w *gatedWorld) released(name string) {
	w.Helper()
	w.release("DevMachine", name)
}

func (w *gatedWorld) release(kind, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), time.Minute)
	defer cancel()
	o := w.devObject(kind, name)
	_ = w.Patch(ctx, o, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))
}
