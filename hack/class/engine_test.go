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

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/controllers/clustercache"
	"sigs.k8s.io/cluster-api/core/webhooks/admission"
	"sigs.k8s.io/cluster-api/exp/topology/desiredstate"
	"sigs.k8s.io/cluster-api/exp/topology/scope"
	"sigs.k8s.io/cluster-api/feature"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/log"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

const templates = "../../templates"

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apiextensionsv1.AddToScheme, clusterv1.AddToScheme, bootstrapv1.AddToScheme, controlplanev1.AddToScheme, infrav1.AddToScheme,
	} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}

// contracts are the CRDs as far as the engine looks at them: which version serves which contract.
func contracts() []client.Object {
	var crds []client.Object
	for _, name := range []string{
		"kubeadmcontrolplanes.controlplane.cluster.x-k8s.io", "kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io",
		"maasclusters.infrastructure.cluster.x-k8s.io", "maasmachinetemplates.infrastructure.cluster.x-k8s.io",
	} {
		crds = append(crds, &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"cluster.x-k8s.io/v1beta2": "v1beta2"},
		}})
	}
	return crds
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	if err := feature.MutableGates.Set(string(feature.ClusterTopology) + "=true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// class is the ClusterClass as Cluster API has reconciled it, with the templates that it names.
type class struct {
	object    *clusterv1.ClusterClass
	templates map[string]*unstructured.Unstructured
}

func readClass(t *testing.T) *class {
	t.Helper()
	raw, err := os.ReadFile(templates + "/clusterclass-vmo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := &class{templates: map[string]*unstructured.Unstructured{}}
	for _, o := range parse(t, raw) {
		typed := strict(t, o)
		if cc, ok := typed.(*clusterv1.ClusterClass); ok {
			c.object = cc
			continue
		}
		c.templates[o.GetKind()+"/"+o.GetName()] = o
	}
	c.object.Namespace = metav1.NamespaceDefault
	for _, v := range c.object.Spec.Variables {
		c.object.Status.Variables = append(c.object.Status.Variables, clusterv1.ClusterClassStatusVariable{
			Name: v.Name, Definitions: []clusterv1.ClusterClassStatusVariableDefinition{
				{From: clusterv1.VariableDefinitionFromInline, Required: v.Required, Schema: v.Schema},
			},
		})
	}
	return c
}

func parse(t *testing.T, raw []byte) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	for {
		u := &unstructured.Unstructured{}
		err := decoder.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
}

// strict decodes an object into its kind and wants every field to be known.
func strict(t *testing.T, o *unstructured.Unstructured) runtime.Object {
	t.Helper()
	typed, err := scheme().New(o.GroupVersionKind())
	if err != nil {
		t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, typed, true); err != nil {
		t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return typed
}

func (c *class) template(ref clusterv1.ClusterClassTemplateReference) *unstructured.Unstructured {
	return c.templates[ref.Kind+"/"+ref.Name].DeepCopy()
}

// blueprint is what the topology controller reads of a class.
func (c *class) blueprint(cluster *clusterv1.Cluster) *scope.ClusterBlueprint {
	spec := c.object.Spec
	b := &scope.ClusterBlueprint{
		Topology: cluster.Spec.Topology, ClusterClass: c.object,
		InfrastructureClusterTemplate: c.template(spec.Infrastructure.TemplateRef),
		ControlPlane: &scope.ControlPlaneBlueprint{
			Template:                      c.template(spec.ControlPlane.TemplateRef),
			InfrastructureMachineTemplate: c.template(spec.ControlPlane.MachineInfrastructure.TemplateRef),
			HealthCheck:                   spec.ControlPlane.HealthCheck,
		},
		MachineDeployments: map[string]*scope.MachineDeploymentBlueprint{},
	}
	for _, md := range spec.Workers.MachineDeployments {
		b.MachineDeployments[md.Class] = &scope.MachineDeploymentBlueprint{
			Metadata:                      md.Metadata,
			BootstrapTemplate:             c.template(md.Bootstrap.TemplateRef),
			InfrastructureMachineTemplate: c.template(md.Infrastructure.TemplateRef),
			HealthCheck:                   md.HealthCheck,
		}
	}
	return b
}

// admit is Cluster API's admission of a Cluster of the class: defaults are filled in.
func (c *class) admit(ctx context.Context, cluster *clusterv1.Cluster) field.ErrorList {
	return (&admission.Cluster{}).DefaultAndValidateVariables(ctx, cluster, nil, c.object)
}

// expand computes with Cluster API's topology engine what the Cluster is made of.
func (c *class) expand(ctx context.Context, cluster *clusterv1.Cluster) ([]*unstructured.Unstructured, error) {
	s := scope.New(cluster)
	s.Blueprint = c.blueprint(cluster)
	s.Current.ControlPlane = &scope.ControlPlaneState{}
	generator, err := desiredstate.NewGenerator(fake.NewClientBuilder().WithScheme(scheme()).WithObjects(contracts()...).Build(), clustercache.NewFakeClusterCache(nil, client.ObjectKeyFromObject(cluster)), nil, nil, nil)
	if err != nil {
		return nil, err
	}
	desired, err := generator.Generate(ctx, s)
	if err != nil {
		return nil, err
	}
	objects := []*unstructured.Unstructured{desired.InfrastructureCluster, desired.ControlPlane.InfrastructureMachineTemplate, desired.ControlPlane.Object}
	if err := appendTyped(&objects, desired.ControlPlane.MachineHealthCheck); err != nil {
		return nil, err
	}
	for _, name := range []string{"vm", "storage"} {
		md := desired.MachineDeployments[name]
		if md == nil {
			continue
		}
		objects = append(objects, md.InfrastructureMachineTemplate, md.BootstrapTemplate)
		if err := errors.Join(appendTyped(&objects, md.Object), appendTyped(&objects, md.MachineHealthCheck)); err != nil {
			return nil, err
		}
	}
	steadyNames(objects)
	return objects, nil
}

func appendTyped(to *[]*unstructured.Unstructured, o runtime.Object) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{Object: content}
	gvk, err := apiutil.GVKForObject(o, scheme())
	u.SetGroupVersionKind(gvk)
	*to = append(*to, u)
	return err
}

// steadyNames replaces the random ends of the names of templates.
func steadyNames(objects []*unstructured.Unstructured) {
	names := map[string]string{}
	for i, o := range objects {
		if strings.HasSuffix(o.GetKind(), "Template") {
			names[o.GetName()] = fmt.Sprintf("%s-%d", strings.ToLower(o.GetKind()), i)
		}
	}
	for _, o := range objects {
		rename(o.Object, names)
	}
}

func rename(value any, names map[string]string) {
	switch value := value.(type) {
	case map[string]any:
		for k, v := range value {
			if text, ok := v.(string); ok && names[text] != "" {
				value[k] = names[text]
			}
			rename(v, names)
		}
	case []any:
		for _, v := range value {
			rename(v, names)
		}
	}
}

// values are those that a person gives to clusterctl.
func values() map[string]string {
	return map[string]string{
		"CLUSTER_NAME": "prod", "NAMESPACE": metav1.NamespaceDefault, "KUBERNETES_VERSION": "v1.35.2",
		"CONTROL_PLANE_MACHINE_COUNT": "3", "WORKER_MACHINE_COUNT": "10", "CONTROL_PLANE_ENDPOINT_HOST": "172.16.3.1",
		"MAAS_IMAGE": "custom/ubuntu-2404-k8s-{version}", "MAAS_CP_RESOURCE_POOL": "control-plane",
		"MAAS_WORKER_RESOURCE_POOL": "vm", "MAAS_STORAGE_RESOURCE_POOL": "storage",
	}
}

// variable is one of clusterctl, with or without a default.
var variable = regexp.MustCompile(`\$\{([A-Z_]+)(:=([^}]*))?\}`)

// readCluster fills in a cluster template and returns the Cluster, and the other objects.
func readCluster(t *testing.T, name string, values map[string]string) (*clusterv1.Cluster, []*unstructured.Unstructured) {
	t.Helper()
	raw, err := os.ReadFile(templates + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	text := variable.ReplaceAllStringFunc(string(raw), func(ref string) string {
		match := variable.FindStringSubmatch(ref)
		if v, ok := values[match[1]]; ok {
			return v
		}
		if match[2] == "" {
			t.Fatalf("%s: no value and no default for %s", name, match[1])
		}
		return match[3]
	})
	objects := parse(t, []byte(text))
	i := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == "Cluster" })
	cluster, ok := strict(t, objects[i]).(*clusterv1.Cluster)
	if !ok {
		t.Fatalf("%s has no Cluster", name)
	}
	return cluster, slices.Delete(objects, i, i+1)
}
