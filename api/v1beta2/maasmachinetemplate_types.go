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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// MaasMachineTemplateSpec is the desired state of a MaasMachineTemplate.
type MaasMachineTemplateSpec struct {
	// template of the MaasMachines. It is immutable: make a new MaasMachineTemplate and refer to that.
	// +required
	Template MaasMachineTemplateResource `json:"template,omitempty,omitzero"`
}

// MaasMachineTemplateResource describes the MaasMachines made from a template.
type MaasMachineTemplateResource struct {
	// metadata is the standard object's metadata; labels and annotations only.
	// +optional
	ObjectMeta clusterv1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec of the MaasMachines.
	// +required
	// +kubebuilder:validation:XValidation:rule="!has(self.providerID)",message="providerID belongs to one machine and cannot stand in a template"
	Spec MaasMachineSpec `json:"spec,omitempty,omitzero"`
}

// MaasMachineTemplateStatus tells the cluster autoscaler what a machine of this template would have.
// +kubebuilder:validation:MinProperties=1
type MaasMachineTemplateStatus struct {
	// capacity is what each server that fits has at least: cpu and memory.
	// +optional
	Capacity corev1.ResourceList `json:"capacity,omitempty"`

	// nodeInfo of the servers that fit; the architecture only when it is the same for all.
	// +optional
	NodeInfo NodeInfo `json:"nodeInfo,omitempty,omitzero"`
}

// NodeInfo is what the cluster autoscaler wants to know of a Node that does not exist yet.
// +kubebuilder:validation:MinProperties=1
type NodeInfo struct {
	// architecture of the CPU.
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`

	// operatingSystem of the Node.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	OperatingSystem string `json:"operatingSystem,omitempty"`
}

// MaasMachineTemplate is a template of MaasMachines.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maasmachinetemplates,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Pool",type=string,JSONPath=`.spec.template.spec.hostPoolRef.name`
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.spec.template.spec.image.name`
// +kubebuilder:printcolumn:name="CPU",type=string,JSONPath=`.status.capacity.cpu`,description="Hardware threads that every server that fits has at least"
// +kubebuilder:printcolumn:name="Memory",type=string,JSONPath=`.status.capacity.memory`,description="Memory that every server that fits has at least"
// +kubebuilder:printcolumn:name="Arch",type=string,JSONPath=`.status.nodeInfo.architecture`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MaasMachineTemplate struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec MaasMachineTemplateSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status MaasMachineTemplateStatus `json:"status,omitempty,omitzero"`
}

// MaasMachineTemplateList is a list of MaasMachineTemplates.
// +kubebuilder:object:root=true
type MaasMachineTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasMachineTemplate `json:"items"`
}
