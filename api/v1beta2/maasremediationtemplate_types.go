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

package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// MaasRemediationTemplateSpec is the desired state of a MaasRemediationTemplate.
type MaasRemediationTemplateSpec struct {
	// template of the MaasRemediations. With a spec that is left out, the strategy is the default one.
	// +required
	Template *MaasRemediationTemplateResource `json:"template,omitempty"`
}

// MaasRemediationTemplateResource describes the MaasRemediations made from a template.
type MaasRemediationTemplateResource struct {
	// metadata is the standard object's metadata; labels and annotations only.
	// +optional
	ObjectMeta clusterv1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec of the MaasRemediations.
	// +optional
	Spec MaasRemediationSpec `json:"spec,omitempty,omitzero"`
}

// MaasRemediationTemplate is the template of the MaasRemediations that a MachineHealthCheck has made.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maasremediationtemplates,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Power cycles",type=integer,JSONPath=`.spec.template.spec.strategy.powerCycle.maxAttempts`,description="2 when empty"
// +kubebuilder:printcolumn:name="Redeploy",type=string,JSONPath=`.spec.template.spec.strategy.redeploy.policy`,description="SameHost when empty"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MaasRemediationTemplate struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec MaasRemediationTemplateSpec `json:"spec,omitempty,omitzero"`
}

// MaasRemediationTemplateList is a list of MaasRemediationTemplates.
// +kubebuilder:object:root=true
type MaasRemediationTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasRemediationTemplate `json:"items"`
}
