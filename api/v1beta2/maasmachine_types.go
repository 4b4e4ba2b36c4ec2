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

// MaasMachineSpec is the desired state of one machine: which server it may have and what is installed on it.
// +kubebuilder:validation:XValidation:rule="has(self.hostPoolRef) || has(self.selector)",message="set hostPoolRef or selector: without either any machine of the MAAS could be taken"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.providerID) || (has(self.providerID) && self.providerID == oldSelf.providerID)",message="providerID is immutable once set"
type MaasMachineSpec struct {
	// providerID is maas:///SYSTEM_ID, set by the provider when the server is deployed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	ProviderID string `json:"providerID,omitempty"`

	// hostPoolRef names the MaasHostPool to take the server from.
	// +optional
	HostPoolRef LocalObjectReference `json:"hostPoolRef,omitempty,omitzero"`

	// selector narrows down the servers that may be used, those of the pool where one is named.
	// +optional
	Selector HostSelector `json:"selector,omitempty,omitzero"`

	// image that MAAS installs.
	// +required
	Image Image `json:"image,omitempty,omitzero"`

	// storage says which disk the server boots from and what becomes of the others.
	// +optional
	Storage HostStorage `json:"storage,omitempty,omitzero"`

	// network that the server is to have. Without it the server is installed with the network it has in MAAS.
	// +optional
	Network HostNetwork `json:"network,omitempty,omitzero"`
}

// MaasMachineStatus is the observed state.
// +kubebuilder:validation:MinProperties=1
type MaasMachineStatus struct {
	// conditions of the MaasMachine; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization tells Cluster API how far the provisioning has come.
	// +optional
	Initialization MaasMachineInitializationStatus `json:"initialization,omitempty,omitzero"`

	// addresses of the server.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Addresses []clusterv1.MachineAddress `json:"addresses,omitempty"`

	// failureDomain is the MAAS zone that the server is in.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	FailureDomain string `json:"failureDomain,omitempty"`

	// hostRef names the MaasHost, the lease on the server.
	// +optional
	HostRef LocalObjectReference `json:"hostRef,omitempty,omitzero"`

	// hostname of the server in MAAS, which is the name of the Node.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Hostname string `json:"hostname,omitempty"`
}

// MaasMachineInitializationStatus tells Cluster API how far the provisioning has come.
// +kubebuilder:validation:MinProperties=1
type MaasMachineInitializationStatus struct {
	// provisioned is true once the server is deployed and has fetched its user data. It never goes back.
	// +optional
	Provisioned *bool `json:"provisioned,omitempty"`
}

// MaasMachine is the infrastructure of a Machine: a server of MAAS.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maasmachines,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.metadata.labels['cluster\.x-k8s\.io/cluster-name']`,description="Cluster that this belongs to"
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.status.hostname`,description="Name of the server in MAAS"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.status.failureDomain`
// +kubebuilder:printcolumn:name="ProviderID",type=string,JSONPath=`.spec.providerID`,priority=10
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MaasMachine struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	// +kubebuilder:validation:XValidation:rule="has(self.storage) == has(oldSelf.storage) && (!has(self.storage) || self.storage == oldSelf.storage)",message="storage is immutable: make a new MaasMachineTemplate and roll it out"
	// +kubebuilder:validation:XValidation:rule="self.image == oldSelf.image && has(self.hostPoolRef) == has(oldSelf.hostPoolRef) && (!has(self.hostPoolRef) || self.hostPoolRef == oldSelf.hostPoolRef) && has(self.selector) == has(oldSelf.selector) && (!has(self.selector) || self.selector == oldSelf.selector)",message="hostPoolRef, selector and image are immutable: make a new MaasMachineTemplate and roll it out"
	// +kubebuilder:validation:XValidation:rule="has(self.network) == has(oldSelf.network) && (!has(self.network) || self.network == oldSelf.network)",message="network is immutable: make a new MaasMachineTemplate and roll it out"
	Spec MaasMachineSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status MaasMachineStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions.
func (m *MaasMachine) GetConditions() []metav1.Condition { return m.Status.Conditions }

// SetConditions replaces the conditions.
func (m *MaasMachine) SetConditions(conditions []metav1.Condition) { m.Status.Conditions = conditions }

// MaasMachineList is a list of MaasMachines.
// +kubebuilder:object:root=true
type MaasMachineList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasMachine `json:"items"`
}
