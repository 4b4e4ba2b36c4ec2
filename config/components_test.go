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

// Package config_test checks what "kustomize build config/default" makes, which is what users install, and what a release holds.
package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/yaml"
)

const (
	namespace     = "capmaas-system"
	providerLabel = "infrastructure-maas"
	contract      = "v1beta2"
)

// kustomized builds config/default and returns it whole and object by object.
func kustomized(t *testing.T) (string, []*unstructured.Unstructured) {
	t.Helper()
	out := run(t, nil, tool(t, "kustomize", "tools-gen"), "build", "default")
	return out, objects(t, out)
}

func tool(t *testing.T, name, target string) string {
	t.Helper()
	path := "../bin/" + name
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("bin/%s is missing: run make %s", name, target)
	}
	return path
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = append(os.Environ(), env...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

func objects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, object)
	}
}

// only returns the objects of a kind.
func only(all []*unstructured.Unstructured, kind string) []*unstructured.Unstructured {
	return slices.DeleteFunc(slices.Clone(all), func(o *unstructured.Unstructured) bool { return o.GetKind() != kind })
}

func as[T any](t *testing.T, object *unstructured.Unstructured) T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &typed, true); err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
	return typed
}

func name(o *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())
}

func TestContractComponentsNamespace(t *testing.T) {
	_, all := kustomized(t)
	if namespaces := only(all, "Namespace"); len(namespaces) != 1 || namespaces[0].GetName() != namespace {
		t.Errorf("there are %d Namespaces; clusterctl wants one", len(namespaces))
	}
	// Policies of admission are not in a namespace either, but kustomize and clusterctl do not know that; the API server takes it off.
	clusterWide := []string{"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration"}
	for _, o := range all {
		want := namespace
		if slices.Contains(clusterWide, o.GetKind()) {
			want = ""
		}
		if o.GetNamespace() != want {
			t.Errorf("%s is not in namespace %q", name(o), want)
		}
	}
}

func TestContractComponentsProviderLabel(t *testing.T) {
	_, all := kustomized(t)
	for _, o := range all {
		if got := o.GetLabels()["cluster.x-k8s.io/provider"]; got != providerLabel {
			t.Errorf("%s has the provider label %q", name(o), got)
		}
	}
}

func TestContractCRDLabels(t *testing.T) {
	_, all := kustomized(t)
	crds := only(all, "CustomResourceDefinition")
	if len(crds) == 0 {
		t.Error("there are no CRDs")
	}
	for _, crd := range crds {
		versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
		served := versions[0].(map[string]any)["name"]
		if got := crd.GetLabels()["cluster.x-k8s.io/"+contract]; got != served {
			t.Errorf("%s: label of the contract is %q, version served is %v", name(crd), got, served)
		}
	}
}

func TestContractMove(t *testing.T) {
	_, all := kustomized(t)
	for _, crd := range only(all, "CustomResourceDefinition") {
		// Everything else is owned, directly or not, by the Cluster.
		want := crd.GetName() == "maashostpools.infrastructure.cluster.x-k8s.io" || crd.GetName() == "maasclusteridentities.infrastructure.cluster.x-k8s.io"
		if _, got := crd.GetLabels()[clusterctlv1.ClusterctlMoveHierarchyLabel]; got != want {
			t.Errorf("%s: has the label that moves it, and what it owns, with its namespace: %t", name(crd), got)
		}
		alone := crd.GetName() == "maasremediationtemplates.infrastructure.cluster.x-k8s.io"
		if _, got := crd.GetLabels()[clusterctlv1.ClusterctlMoveLabel]; got != alone {
			t.Errorf("%s: has the label that moves it with its namespace: %t", name(crd), got)
		}
	}
}

func TestContractManagerContainer(t *testing.T) {
	_, all := kustomized(t)
	deployment := as[appsv1.Deployment](t, only(all, "Deployment")[0])
	pod := deployment.Spec.Template.Spec
	if len(pod.Containers) != 1 || pod.Containers[0].Name != "manager" {
		t.Fatalf("containers %v, want one called manager", pod.Containers)
	}
	manager := pod.Containers[0]
	if !regexp.MustCompile(`^[a-z0-9.-]+(/[a-z0-9._-]+)+:[A-Za-z0-9._-]+$`).MatchString(manager.Image) {
		t.Errorf("image %q is not registry/path:tag", manager.Image)
	}
	if manager.LivenessProbe == nil || manager.ReadinessProbe == nil {
		t.Error("the manager is not probed")
	}
}

// TestRestrictedPodSecurity checks the fields that Pod Security's level "restricted" asks for.
func TestRestrictedPodSecurity(t *testing.T) {
	_, all := kustomized(t)
	if got := only(all, "Namespace")[0].GetLabels()["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("the namespace enforces %q", got)
	}
	pod := as[appsv1.Deployment](t, only(all, "Deployment")[0]).Spec.Template.Spec
	if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil ||
		s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod's security context is %v", s)
	}
	s := pod.Containers[0].SecurityContext
	if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
		s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
		t.Errorf("the manager's security context is %v", s)
	}
	for _, volume := range pod.Volumes {
		if volume.HostPath != nil {
			t.Errorf("volume %s is a path of the host", volume.Name)
		}
	}
}

func TestContractComponentsVariables(t *testing.T) {
	text, _ := kustomized(t)
	variables := regexp.MustCompile(`\$\{([^:}]*)[^}]*\}`).FindAllStringSubmatch(text, -1)
	if len(variables) == 0 {
		t.Error("there are no variables")
	}
	for _, variable := range variables {
		if !regexp.MustCompile(`^CAPMAAS_[A-Z_]+$`).MatchString(variable[1]) || !strings.Contains(variable[0], ":=") {
			t.Errorf("%s is not CAPMAAS_... with a default", variable[0])
		}
	}
}

// TestContractWebhookCertificates follows the certificate from cert-manager to the webhook and its server.
func TestContractWebhookCertificates(t *testing.T) {
	_, all := kustomized(t)
	certificate, service := only(all, "Certificate")[0], only(all, "Service")[0]

	dnsNames, _, _ := unstructured.NestedStringSlice(certificate.Object, "spec", "dnsNames")
	if want := service.GetName() + "." + namespace + ".svc"; !slices.Contains(dnsNames, want) {
		t.Errorf("the certificate is made out to %v, not to %s", dnsNames, want)
	}
	issuer, _, _ := unstructured.NestedString(certificate.Object, "spec", "issuerRef", "name")
	if got := only(all, "Issuer")[0].GetName(); got != issuer {
		t.Errorf("the certificate's issuer is %s, there is %s", issuer, got)
	}
	secret, _, _ := unstructured.NestedString(certificate.Object, "spec", "secretName")
	volume := as[appsv1.Deployment](t, only(all, "Deployment")[0]).Spec.Template.Spec.Volumes[0]
	if volume.Secret.SecretName != secret {
		t.Errorf("the manager mounts %s, the certificate is in %s", volume.Secret.SecretName, secret)
	}
	configuration := only(all, "ValidatingWebhookConfiguration")[0]
	if got, want := configuration.GetAnnotations()["cert-manager.io/inject-ca-from"], namespace+"/"+certificate.GetName(); got != want {
		t.Errorf("the webhook's CA comes from %s, want %s", got, want)
	}
	webhooks, _, _ := unstructured.NestedSlice(configuration.Object, "webhooks")
	for _, webhook := range webhooks {
		to, _, _ := unstructured.NestedString(webhook.(map[string]any), "clientConfig", "service", "name")
		in, _, _ := unstructured.NestedString(webhook.(map[string]any), "clientConfig", "service", "namespace")
		if to != service.GetName() || in != namespace {
			t.Errorf("webhook calls %s/%s, the Service is %s", in, to, service.GetName())
		}
	}
	selector := as[corev1.Service](t, service).Spec.Selector
	labels := as[appsv1.Deployment](t, only(all, "Deployment")[0]).Spec.Template.Labels
	for key, value := range selector {
		if labels[key] != value {
			t.Errorf("the Service selects %s=%s, the manager's pod has %q", key, value, labels[key])
		}
	}
}

// TestLeastPrivilege keeps out what would let the manager do more than its work.
func TestLeastPrivilege(t *testing.T) {
	_, all := kustomized(t)
	for _, o := range append(only(all, "ClusterRole"), only(all, "Role")...) {
		role := as[rbacv1.ClusterRole](t, o)
		for _, rule := range role.Rules {
			if all := slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs); slices.Contains(all, "*") {
				t.Errorf("%s has a wildcard: %v", name(o), rule)
			}
			wanted := []string{"get"}
			if o.GetKind() == "Role" {
				// In its own namespace the manager makes identities the owners of their Secrets.
				wanted = []string{"delete", "get", "patch"}
			}
			if slices.Contains(rule.Resources, "secrets") && !slices.Equal(rule.Verbs, wanted) {
				t.Errorf("%s may %v Secrets; %v is enough", name(o), rule.Verbs, wanted)
			}
		}
	}
}

func TestContractMetadata(t *testing.T) {
	data, err := os.ReadFile("../metadata.yaml")
	if err != nil {
		t.Fatal(err)
	}
	metadata := &clusterctlv1.Metadata{}
	if err := yaml.UnmarshalStrict(data, metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.APIVersion != clusterctlv1.GroupVersion.String() || metadata.Kind != "Metadata" || len(metadata.ReleaseSeries) == 0 {
		t.Errorf("metadata.yaml is %v", metadata)
	}
	for _, series := range metadata.ReleaseSeries {
		if series.Contract != contract || series.Contract != clusterv1.GroupVersion.Version {
			t.Errorf("series %d.%d has contract %s", series.Major, series.Minor, series.Contract)
		}
	}
}
