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
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// proxySchema is the schema of HelmChartProxies, from the source of the addon provider that hack/tools pins; nil where that was not fetched.
var proxySchema = sync.OnceValues(func() (*apiextensions.JSONSchemaProps, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api-addon-provider-helm")
	cmd.Dir = filepath.Join("..", "tools", "addon-provider")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off")
	out, err := cmd.Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		return nil, nil // make lab-sources fetches it
	}
	raw, err := os.ReadFile(filepath.Join(dir, "config", "crd", "bases", "addons.cluster.x-k8s.io_helmchartproxies.yaml"))
	if err != nil {
		return nil, err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(raw, crd); err != nil {
		return nil, err
	}
	props := &apiextensions.JSONSchemaProps{}
	return props, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, props, nil)
})

// refusals are why a HelmChartProxy is not what its kind's schema asks for, fields that it does not know among them.
func refusals(t *testing.T, o *unstructured.Unstructured) (all []string) {
	t.Helper()
	props, err := proxySchema()
	if err != nil {
		t.Fatal(err)
	}
	if props == nil {
		t.Log("HelmChartProxies are not checked: the addon provider's source is not there (make lab-sources)")
		return nil
	}
	structural, err := structuralschema.NewStructural(props)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range pruning.PruneWithOptions(o.DeepCopy().Object, structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		all = append(all, field+" is unknown")
	}
	validator, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range validation.ValidateCustomResource(nil, o.Object, validator) {
		all = append(all, err.Error())
	}
	return all
}

// TestProxyIsRefused wants the check to see what is wrong.
func TestProxyIsRefused(t *testing.T) {
	if props, err := proxySchema(); err != nil || props == nil {
		t.Skip("the addon provider's source is not there (make lab-sources)", err)
	}
	_, others := readCluster(t, "cluster-template-topology.yaml", values())
	for _, o := range others {
		if o.GetKind() != "HelmChartProxy" {
			continue
		}
		for field, value := range map[string]any{"chartNane": "cilium", "version": int64(1)} {
			wrong := o.DeepCopy()
			if err := unstructured.SetNestedField(wrong.Object, value, "spec", field); err != nil {
				t.Fatal(err)
			}
			if errs := refusals(t, wrong); len(errs) == 0 {
				t.Errorf("spec.%s: %v is admitted", field, value)
			}
		}
		return
	}
	t.Fatal("the flavour has no HelmChartProxy")
}
