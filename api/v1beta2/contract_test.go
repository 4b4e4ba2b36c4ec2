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

package v1beta2_test

import (
	"errors"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cluster-api/util/contract"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

func TestContractCRDNames(t *testing.T) {
	for kind, crd := range crds(t) {
		if want := contract.CalculateCRDName(infrav1.GroupVersion.Group, kind); crd.Name != want {
			t.Errorf("%s: CRD is called %q, Cluster API looks for %q", kind, crd.Name, want)
		}
	}
}

func TestContractNamespacedWithList(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for kind, crd := range crds(t) {
		// An identity is shared by namespaces, and nothing of Cluster API's refers to it.
		want := apiextensionsv1.NamespaceScoped
		if kind == "MaasClusterIdentity" {
			want = apiextensionsv1.ClusterScoped
		}
		if crd.Spec.Scope != want {
			t.Errorf("the scope of %s is %s, want %s", kind, crd.Spec.Scope, want)
		}
		if crd.Spec.Names.ListKind != kind+"List" {
			t.Errorf("%s has the list kind %q", kind, crd.Spec.Names.ListKind)
		}
		for _, registered := range []string{kind, kind + "List"} {
			if !scheme.Recognizes(infrav1.GroupVersion.WithKind(registered)) {
				t.Errorf("%s is not in the scheme", registered)
			}
		}
	}
}

func TestContractOneServedVersion(t *testing.T) {
	for kind, crd := range crds(t) {
		if len(crd.Spec.Versions) != 1 {
			t.Errorf("%s has %d versions; more than one needs conversion and storage migration", kind, len(crd.Spec.Versions))
			continue
		}
		if v := crd.Spec.Versions[0]; v.Name != infrav1.GroupVersion.Version || !v.Served || !v.Storage {
			t.Errorf("%s: version %s, served %t, storage %t", kind, v.Name, v.Served, v.Storage)
		}
	}
}

func TestStatusSubresourceAndColumns(t *testing.T) {
	for kind, crd := range crds(t) {
		version := crd.Spec.Versions[0]
		_, hasStatus := version.Schema.OpenAPIV3Schema.Properties["status"]
		if hasSubresource := version.Subresources != nil && version.Subresources.Status != nil; hasStatus != hasSubresource {
			t.Errorf("%s: status in the schema %t, status subresource %t", kind, hasStatus, hasSubresource)
		}
		columns := map[string]string{}
		for _, column := range version.AdditionalPrinterColumns {
			columns[column.Name] = column.JSONPath
		}
		if columns["Age"] != ".metadata.creationTimestamp" || len(columns) < 2 {
			t.Errorf("%s: columns %v do not tell anything, or not the age", kind, columns)
		}
		summary := "Ready"
		if kind == "MaasRemediation" {
			// A remediation is never ready: it is at work, waits, or is over.
			summary = "Remediating"
		}
		if _, ok := version.Schema.OpenAPIV3Schema.Properties["status"].Properties["conditions"]; ok && (columns[summary] == "" || columns["Reason"] == "") {
			t.Errorf("%s: columns %v do not tell whether it is ready and why not", kind, columns)
		}
	}
}

// property follows a path of fields down a schema.
func property(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition, path ...string) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	props := *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	for i, name := range path {
		next, ok := props.Properties[name]
		if !ok {
			t.Fatalf("%s has no field %s", crd.Spec.Names.Kind, strings.Join(path[:i+1], "."))
		}
		props = next
	}
	return props
}

func TestContractClusterFields(t *testing.T) {
	crd := crds(t)["MaasCluster"]
	endpoint := property(t, crd, "spec", "controlPlaneEndpoint")
	if endpoint.Properties["host"].Type != "string" || endpoint.Properties["port"].Type != "integer" {
		t.Errorf("spec.controlPlaneEndpoint is %v", endpoint.Properties)
	}
	if endpoint.MinProperties == nil || *endpoint.MinProperties != 1 {
		t.Error("spec.controlPlaneEndpoint may be empty")
	}
	domains := property(t, crd, "status", "failureDomains")
	if domains.Type != "array" || len(domains.XListMapKeys) != 1 || domains.XListMapKeys[0] != "name" || *domains.MaxItems != 100 {
		t.Errorf("status.failureDomains is %s with keys %v and at most %d items", domains.Type, domains.XListMapKeys, *domains.MaxItems)
	}
	testStatusFields(t, crd)
}

func TestContractMachineFields(t *testing.T) {
	crd := crds(t)["MaasMachine"]
	if id := property(t, crd, "spec", "providerID"); id.Type != "string" || *id.MinLength != 1 || *id.MaxLength != 512 {
		t.Errorf("spec.providerID is %s of %d to %d characters", id.Type, *id.MinLength, *id.MaxLength)
	}
	if domain := property(t, crd, "status", "failureDomain"); domain.Type != "string" {
		t.Errorf("status.failureDomain is %s", domain.Type)
	}
	// Core would write it over the failure domain that the Machine asks for.
	if _, ok := property(t, crd, "spec").Properties["failureDomain"]; ok {
		t.Error("spec.failureDomain exists")
	}
	addresses := property(t, crd, "status", "addresses").Items.Schema
	if addresses.Properties["type"].Type != "string" || addresses.Properties["address"].Type != "string" {
		t.Errorf("status.addresses holds %v", addresses.Properties)
	}
	testStatusFields(t, crd)
}

func testStatusFields(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	if provisioned := property(t, crd, "status", "initialization", "provisioned"); provisioned.Type != "boolean" {
		t.Errorf("status.initialization.provisioned is %s", provisioned.Type)
	}
	if conditions := property(t, crd, "status", "conditions"); len(conditions.XListMapKeys) != 1 || conditions.XListMapKeys[0] != "type" {
		t.Errorf("status.conditions is a list with the keys %v", conditions.XListMapKeys)
	}
}

func TestContractNoTerminalFailures(t *testing.T) {
	for kind, crd := range crds(t) {
		for _, name := range []string{"failureReason", "failureMessage"} {
			if _, ok := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"].Properties[name]; ok {
				t.Errorf("%s has status.%s, which has no meaning any more", kind, name)
			}
		}
	}
}

func TestContractTemplateFields(t *testing.T) {
	all := crds(t)
	for _, kind := range []string{"MaasCluster", "MaasMachine"} {
		template, ok := all[kind+"Template"]
		if !ok {
			t.Errorf("%s has no template of the name that Cluster API asks for", kind)
			continue
		}
		metadata := property(t, template, "spec", "template", "metadata")
		if metadata.Properties["labels"].Type != "object" || metadata.Properties["annotations"].Type != "object" {
			t.Errorf("%sTemplate: spec.template.metadata is %v", kind, metadata.Properties)
		}
		want, got := property(t, all[kind], "spec"), property(t, template, "spec", "template", "spec")
		for name := range want.Properties {
			if _, ok := got.Properties[name]; !ok {
				t.Errorf("%sTemplate: spec.template.spec lacks %s", kind, name)
			}
		}
	}
	machine := all["MaasMachineTemplate"]
	if capacity := property(t, machine, "status", "capacity"); capacity.Type != "object" {
		t.Errorf("status.capacity is %s", capacity.Type)
	}
	architecture := property(t, machine, "status", "nodeInfo", "architecture")
	if len(architecture.Enum) != 4 {
		t.Errorf("status.nodeInfo.architecture may be %v", architecture.Enum)
	}
}

// TestContractNoDefaults: a default that the server fills in looks like a change to the topology controller, which then rotates templates.
func TestContractNoDefaults(t *testing.T) {
	for kind, crd := range crds(t) {
		walk(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, func(props *apiextensionsv1.JSONSchemaProps) {
			if props.Default != nil {
				t.Errorf("%s: %q has the default %s", kind, props.Description, props.Default.Raw)
			}
		})
	}
}

// TestContractReferences: a reference with a version goes stale with the version, one with a namespace breaks tenancy.
func TestContractReferences(t *testing.T) {
	found := 0
	for kind, crd := range crds(t) {
		walk(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, func(props *apiextensionsv1.JSONSchemaProps) {
			for field, reference := range props.Properties {
				if !strings.HasSuffix(field, "Ref") {
					continue
				}
				found++
				for part := range reference.Properties {
					switch {
					case part == "name", part == "kind" && field == "credentialsRef":
					case part == "namespace" && kind == "MaasClusterIdentity":
						// It is in no namespace itself, and who may make one may read that Secret.
					case field == "ipamPoolRef" && (part == "apiGroup" || part == "kind"):
						// The pools are kinds of other providers.
					default:
						t.Errorf("%s: %s.%s exists; a reference here is a name", kind, field, part)
					}
				}
			}
		})
	}
	if found == 0 {
		t.Error("no references found")
	}
}

// TestRulesOnServer runs the cases of TestRules against a real API server.
func TestRulesOnServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an API server")
	}
	server, err := lab.StartAPIServer(t.Context(), lab.APIServerConfig{CRDs: []string{"../../config/crd/bases"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(server.AdminConfig(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range ruleCases() {
		t.Run(test.name, func(t *testing.T) {
			err := apply(t, c, test)
			switch {
			case test.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.refused != "" && !refusedWith(err, test.refused):
				t.Errorf("got %v, want it refused with %q", err, test.refused)
			}
		})
	}
}

// apply creates the object of a case, or updates it, and cleans up.
func apply(t *testing.T, c client.Client, test ruleCase) error {
	t.Helper()
	after := test.after.DeepCopyObject().(client.Object)
	if test.before == nil {
		return c.Create(t.Context(), after, client.DryRunAll)
	}
	before := test.before.DeepCopyObject().(client.Object)
	if err := c.Create(t.Context(), before); err != nil {
		t.Fatalf("the object is refused even before the update: %v", err)
	}
	defer func() {
		if err := c.Delete(t.Context(), before); err != nil {
			t.Error(err)
		}
	}()
	after.SetResourceVersion(before.GetResourceVersion())
	return c.Update(t.Context(), after, client.DryRunAll)
}

func refusedWith(err error, message string) bool {
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status) && apierrors.IsInvalid(err) && strings.Contains(err.Error(), message)
}
