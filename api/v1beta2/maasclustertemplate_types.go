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

// MaasClusterTemplateSpec is the desired state of a MaasClusterTemplate.
type MaasClusterTemplateSpec struct {
	// template of the MaasCluster.
	// +required
	Template MaasClusterTemplateResource `json:"template,omitempty,omitzero"`
}

// MaasClusterTemplateResource describes the MaasCluster made from a template.
type MaasClusterTemplateResource struct {
	// metadata is the standard object's metadata; labels and annotations only.
	// +optional
	ObjectMeta clusterv1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec of the MaasCluster.
	// +required
	Spec MaasClusterSpec `json:"spec,omitempty,omitzero"`
}

// MaasClusterTemplate is a template of MaasClusters for a ClusterClass.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maasclustertemplates,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="ClusterClass",type=string,JSONPath=`.metadata.ownerReferences[?(@.kind=="ClusterClass")].name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MaasClusterTemplate struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec MaasClusterTemplateSpec `json:"spec,omitempty,omitzero"`
}

// MaasClusterTemplateList is a list of MaasClusterTemplates.
// +kubebuilder:object:root=true
type MaasClusterTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasClusterTemplate `json:"items"`
}
