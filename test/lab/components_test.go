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
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestSubstitute(t *testing.T) {
	variables := map[string]string{"A": "1", "EMPTY": ""}
	for _, tc := range []struct{ in, want, missing string }{
		{in: "plain $A {A}", want: "plain $A {A}"},
		{in: "${A}${A:=2}${A:-2}${A=2}", want: "1111"},
		{in: "${B:=:8443} ${B:=} ${B:-x y}", want: ":8443  x y"},
		{in: "[${EMPTY}]", want: "[]"},
		{in: "${B} ${C} ${A}", missing: "B, C"},
	} {
		got, err := substitute(tc.in, variables)
		switch {
		case tc.missing != "" && (err == nil || !strings.HasSuffix(err.Error(), tc.missing)):
			t.Errorf("%s: got %v, want an error that names %s", tc.in, err, tc.missing)
		case tc.missing == "" && (err != nil || got != tc.want):
			t.Errorf("%s: got %q, %v, want %q", tc.in, got, err, tc.want)
		}
	}
}

const someComponents = `
apiVersion: v1
kind: Service
metadata: {name: webhook, namespace: system}
spec:
  selector: {app: manager}
  ports: [{port: 443, targetPort: webhooks}, {port: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: manager, namespace: system}
spec:
  template:
    metadata: {labels: {app: manager, more: labels}}
    spec:
      containers:
      - name: manager
        ports: [{name: webhooks, containerPort: 9443}]
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: serving-cert, namespace: system}
spec:
  secretName: webhook-cert
  dnsNames: [webhook.system.svc]
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: selfsigned, namespace: system}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: validating}
webhooks:
- name: a
  clientConfig: {service: {name: webhook, namespace: system, path: /validate}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.x}
spec:
  conversion:
    strategy: Webhook
    webhook:
      clientConfig: {service: {name: webhook, namespace: system, path: /convert, port: 8080}}
`

func loadSome(t *testing.T, text string) *components {
	t.Helper()
	objects, err := ParseObjects([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := sortComponents("some", objects)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRouteWebhooks(t *testing.T) {
	c := loadSome(t, someComponents)
	if names := c.certificates["webhook-cert"]; len(names) != 1 || names[0] != "webhook.system.svc" {
		t.Errorf("certificates %v", c.certificates)
	}
	if len(byKind(c.objects, "Certificate", "Issuer", "Deployment")) != 0 {
		t.Error("objects of operators that are not there would be applied")
	}
	if err := c.routeWebhooks(func(*appsv1.Deployment) string { return "172.16.0.20" }, []byte("ca")); err != nil {
		t.Fatal(err)
	}
	hooks, _, _ := unstructured.NestedSlice(byKind(c.objects, "ValidatingWebhookConfiguration")[0].Object, "webhooks")
	got := hooks[0].(map[string]any)["clientConfig"].(map[string]any)
	if got["url"] != "https://172.16.0.20:9443/validate" || got["caBundle"] != "Y2E=" || got["service"] != nil {
		t.Errorf("webhook: %v", got)
	}
	crd := byKind(c.objects, "CustomResourceDefinition")[0]
	url, _, _ := unstructured.NestedString(crd.Object, "spec", "conversion", "webhook", "clientConfig", "url")
	if url != "https://172.16.0.20:8080/convert" {
		t.Errorf("conversion: %s", url)
	}
	if _, ok := crd.GetLabels()["clusterctl.cluster.x-k8s.io"]; !ok {
		t.Error("the label that clusterctl adds is missing")
	}
}

func TestRouteWebhooksNowhere(t *testing.T) {
	for old, replacement := range map[string]string{
		"app: manager, more": "app: other, more", // the service selects nothing
		"name: webhooks, c":  "name: other, c",   // no such port
		"name: webhook, namespace: system, path: /validate": "name: nothing, namespace: system, path: /validate",
	} {
		c := loadSome(t, strings.Replace(someComponents, old, replacement, 1))
		if err := c.routeWebhooks(func(*appsv1.Deployment) string { return "" }, nil); err == nil {
			t.Errorf("with %q a webhook leads nowhere, unnoticed", replacement)
		}
	}
}

func TestTemplateRenders(t *testing.T) {
	objects, err := RenderCluster(ClusterSpec{Namespace: "ns", Name: "one", Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"Cluster", "MaasCluster", "KubeadmControlPlane", "MachineDeployment"} {
		found := byKind(objects, kind)
		if len(found) != 1 || found[0].GetNamespace() != "ns" {
			t.Errorf("%d objects of kind %s", len(found), kind)
		}
	}
}
