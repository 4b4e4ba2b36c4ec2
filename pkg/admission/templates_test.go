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

package admission

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func machineTemplate(change func(*infrav1.MaasMachineTemplate)) client.Object {
	m := &infrav1.MaasMachineTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: "workers", Namespace: "default"},
		Spec: infrav1.MaasMachineTemplateSpec{Template: infrav1.MaasMachineTemplateResource{Spec: infrav1.MaasMachineSpec{
			HostPoolRef: infrav1.LocalObjectReference{Name: "workers"},
			Image:       infrav1.Image{Name: "custom/ubuntu"},
		}}},
	}
	change(m)
	return m
}

func clusterTemplate(change func(*infrav1.MaasClusterTemplate)) client.Object {
	c := &infrav1.MaasClusterTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: "vmo", Namespace: "default"},
		Spec: infrav1.MaasClusterTemplateSpec{Template: infrav1.MaasClusterTemplateResource{Spec: infrav1.MaasClusterSpec{
			Endpoint:       infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointVIP},
			CredentialsRef: infrav1.CredentialsReference{Name: "maas-credentials"},
		}}},
	}
	change(c)
	return c
}

// update is one UPDATE as the API server would send it.
type update struct {
	name          string
	before, after client.Object
	dryRun        bool
	// What has to be in the refusal; empty if the update passes.
	refused []string
}

// TestContractTemplatesAreImmutable sends updates through the same handlers that the manager serves.
func TestContractTemplatesAreImmutable(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	machineHandler := ctrladmission.WithValidator[*infrav1.MaasMachineTemplate](scheme, &MaasMachineTemplate{})
	clusterHandler := ctrladmission.WithValidator[*infrav1.MaasClusterTemplate](scheme, &MaasClusterTemplate{})

	for _, u := range updates() {
		t.Run(u.name, func(t *testing.T) {
			handler := machineHandler
			if _, ok := u.after.(*infrav1.MaasClusterTemplate); ok {
				handler = clusterHandler
			}
			response := handler.Handle(t.Context(), ctrladmission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Operation: admissionv1.Update,
				DryRun:    ptr.To(u.dryRun),
				OldObject: raw(t, u.before),
				Object:    raw(t, u.after),
			}})
			if response.Allowed != (len(u.refused) == 0) {
				t.Fatalf("allowed: %t, %v", response.Allowed, response.Result)
			}
			if !response.Allowed && response.Result.Code != http.StatusUnprocessableEntity {
				t.Errorf("refused with %d, want it to be invalid", response.Result.Code)
			}
			for _, want := range u.refused {
				if !strings.Contains(response.Result.Message, want) {
					t.Errorf("refused with %q, which does not say %q", response.Result.Message, want)
				}
			}
		})
	}
}

func updates() []update {
	otherImage := func(m *infrav1.MaasMachineTemplate) { m.Spec.Template.Spec.Image.Name = "custom/other" }
	otherSecret := func(c *infrav1.MaasClusterTemplate) { c.Spec.Template.Spec.CredentialsRef.Name = "other" }
	topology := map[string]string{clusterv1.TopologyDryRunAnnotation: ""}
	machine, cluster := machineTemplate(func(*infrav1.MaasMachineTemplate) {}), clusterTemplate(func(*infrav1.MaasClusterTemplate) {})
	return []update{
		{name: "machine template with other labels", before: machine, after: machineTemplate(func(m *infrav1.MaasMachineTemplate) {
			m.Labels = map[string]string{"a": "b"}
			m.Spec.Template.ObjectMeta.Labels = map[string]string{"a": "b"}
		})},
		{name: "machine template with another image", before: machine, after: machineTemplate(otherImage),
			refused: []string{"workers", "spec.template.spec", "Make a copy under a new name", "MachineDeployment"}},
		{name: "machine template in a plain dry run", before: machine, after: machineTemplate(otherImage), dryRun: true,
			refused: []string{"is immutable"}},
		{name: "machine template with the topology's annotation but no dry run", before: machine,
			after: machineTemplate(func(m *infrav1.MaasMachineTemplate) {
				otherImage(m)
				m.Annotations = topology
			}), refused: []string{"is immutable"}},
		{name: "machine template in the topology's dry run", before: machine, dryRun: true,
			after: machineTemplate(func(m *infrav1.MaasMachineTemplate) {
				otherImage(m)
				m.Annotations = topology
			})},
		{name: "cluster template with another Secret", before: cluster, after: clusterTemplate(otherSecret),
			refused: []string{"vmo", "spec.template.spec", "Make a copy under a new name", "ClusterClass"}},
		{name: "cluster template in the topology's dry run", before: cluster, dryRun: true,
			after: clusterTemplate(func(c *infrav1.MaasClusterTemplate) {
				otherSecret(c)
				c.Annotations = topology
			})},
		{name: "cluster template with other annotations", before: cluster, after: clusterTemplate(func(c *infrav1.MaasClusterTemplate) {
			c.Annotations = map[string]string{"a": "b"}
		})},
	}
}

func raw(t *testing.T, object client.Object) runtime.RawExtension {
	t.Helper()
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: data}
}
