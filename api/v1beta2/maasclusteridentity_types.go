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
)

// MaasClusterIdentitySpec says which credentials are shared and with whom.
type MaasClusterIdentitySpec struct {
	// secretRef names the Secret with the MAAS API credentials, with the keys that credentialsRef of a MaasCluster describes.
	// +required
	SecretRef IdentitySecretReference `json:"secretRef,omitempty,omitzero"`

	// allowedNamespaces are the namespaces whose objects may use the identity: those that are listed and those that the
	// selector matches. None may when it is not set.
	// +optional
	AllowedNamespaces AllowedNamespaces `json:"allowedNamespaces,omitempty,omitzero"`
}

// IdentitySecretReference names a Secret in a namespace.
type IdentitySecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// namespace of the Secret; the one that the provider's manager runs in when it is empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// AllowedNamespaces selects namespaces.
// +kubebuilder:validation:MinProperties=1
type AllowedNamespaces struct {
	// list names namespaces.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	List []string `json:"list,omitempty"`

	// selector matches the labels of namespaces. An empty selector, {}, matches every namespace.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// MaasClusterIdentityStatus is the observed state.
// +kubebuilder:validation:MinProperties=1
type MaasClusterIdentityStatus struct {
	// conditions of the MaasClusterIdentity; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// maas is what the region says of itself and of the API key.
	// +optional
	MAAS MaasRegionStatus `json:"maas,omitempty,omitzero"`
}

// MaasClusterIdentity shares the credentials of a MAAS with the namespaces that it allows, so that none of them has to hold the
// API key.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maasclusteridentities,scope=Cluster,categories=cluster-api
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.spec.secretRef.name`,description="Secret with the credentials"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.status.maas.user`,description="User of MAAS"
// +kubebuilder:printcolumn:name="MAAS",type=string,JSONPath=`.status.maas.version`,description="Version of MAAS",priority=10
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MaasClusterIdentity struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec MaasClusterIdentitySpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status MaasClusterIdentityStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions.
func (i *MaasClusterIdentity) GetConditions() []metav1.Condition { return i.Status.Conditions }

// SetConditions replaces the conditions.
func (i *MaasClusterIdentity) SetConditions(conditions []metav1.Condition) {
	i.Status.Conditions = conditions
}

// MaasClusterIdentityList is a list of MaasClusterIdentities.
// +kubebuilder:object:root=true
type MaasClusterIdentityList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasClusterIdentity `json:"items"`
}
