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

// MaasHostSpec is the lease: which server, for whom and with what on it. All that has to survive the loss of the status stands here.
type MaasHostSpec struct {
	// systemID is MAAS's id of the server. The object has the same name, so that two leases on one server cannot be made.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="systemID is immutable"
	SystemID string `json:"systemID,omitempty"`

	// leaseID is unique to this lease. MAAS keeps it as the agent name of the allocation, which is how the provider knows
	// its own allocation from anybody else's under the same MAAS user.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="leaseID is immutable"
	LeaseID string `json:"leaseID,omitempty"`

	// clusterName is the Cluster the server is leased for.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterName is immutable"
	ClusterName string `json:"clusterName,omitempty"`

	// credentialsRef names the credentials of the MAAS that has the server, as in MaasCluster.
	// +required
	CredentialsRef CredentialsReference `json:"credentialsRef,omitempty,omitzero"`

	// hostPoolRef names the MaasHostPool the server was taken from.
	// +optional
	HostPoolRef LocalObjectReference `json:"hostPoolRef,omitempty,omitzero"`

	// consumerRef names the MaasMachine that holds the lease.
	// +required
	ConsumerRef LocalObjectReference `json:"consumerRef,omitempty,omitzero"`

	// image that is installed for the consumer.
	// +required
	// +kubebuilder:validation:XValidation:rule="!self.name.contains('{')",message="the image of a lease names one image, without placeholders"
	Image Image `json:"image,omitempty,omitzero"`

	// userDataSecretRef names the Secret whose key "value" is the user data (the Machine's bootstrap data).
	// +required
	UserDataSecretRef LocalObjectReference `json:"userDataSecretRef,omitempty,omitzero"`

	// storage is what the consumer asks of the server's disks.
	// +optional
	Storage HostStorage `json:"storage,omitempty,omitzero"`

	// disks is what was learned of the server's disks and must not be forgotten.
	// +optional
	Disks HostDisks `json:"disks,omitempty,omitzero"`

	// network that the server is to have: the consumer's. It stays when the consumer is gone, so that a server that is kept is ready for the
	// next one.
	// +optional
	Network HostNetwork `json:"network,omitempty,omitzero"`

	// addresses are the static addresses that the server keeps from one installation to the next. The provider records them
	// here because releasing, moving and commissioning a server may lose them.
	// +optional
	// +listType=map
	// +listMapKey=interface
	// +listMapKey=subnet
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Addresses []HostAddress `json:"addresses,omitempty"`
}

// MaasHostStatus is what MAAS says of the server and how far the lease has come.
// +kubebuilder:validation:MinProperties=1
type MaasHostStatus struct {
	// conditions of the MaasHost; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// maas is what MAAS says of the server.
	// +optional
	MAAS MaasHostInventory `json:"maas,omitempty,omitzero"`

	// allocatedTime is when the allocation was first seen to be ours.
	// +optional
	AllocatedTime metav1.Time `json:"allocatedTime,omitempty,omitzero"`

	// deployStartTime is when the installation was first seen to run.
	// +optional
	DeployStartTime metav1.Time `json:"deployStartTime,omitempty,omitzero"`

	// deployedTime is when the server was first seen deployed: its installed system had fetched the user data.
	// +optional
	DeployedTime metav1.Time `json:"deployedTime,omitempty,omitzero"`
}

// MaasHostInventory is what MAAS says of a server.
// +kubebuilder:validation:MinProperties=1
type MaasHostInventory struct {
	// hostname without its domain.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Hostname string `json:"hostname,omitempty"`

	// state is the status by MAAS's name, such as "Deployed".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	State string `json:"state,omitempty"`

	// power is on, off, unknown or error.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Power string `json:"power,omitempty"`

	// zone is the MAAS zone.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Zone string `json:"zone,omitempty"`

	// resourcePool is the MAAS resource pool.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	ResourcePool string `json:"resourcePool,omitempty"`

	// addresses are the IP addresses that MAAS knows.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	Addresses []string `json:"addresses,omitempty"`
}

// MaasHost is the lease on one server of MAAS. It, not the MaasMachine, owns the allocation in MAAS; the server is released when the
// lease is deleted.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maashosts,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.status.maas.hostname`,description="Name of the server in MAAS"
// +kubebuilder:printcolumn:name="MAAS",type=string,JSONPath=`.status.maas.state`,description="Status in MAAS"
// +kubebuilder:printcolumn:name="Power",type=string,JSONPath=`.status.maas.power`
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.status.maas.zone`
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterName`
// +kubebuilder:printcolumn:name="Machine",type=string,JSONPath=`.spec.consumerRef.name`,description="MaasMachine that holds the lease"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == self.spec.systemID",message="metadata.name must equal spec.systemID: one lease for each server"
type MaasHost struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec MaasHostSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status MaasHostStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions.
func (h *MaasHost) GetConditions() []metav1.Condition { return h.Status.Conditions }

// SetConditions replaces the conditions.
func (h *MaasHost) SetConditions(conditions []metav1.Condition) { h.Status.Conditions = conditions }

// MaasHostList is a list of MaasHosts.
// +kubebuilder:object:root=true
type MaasHostList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasHost `json:"items"`
}
