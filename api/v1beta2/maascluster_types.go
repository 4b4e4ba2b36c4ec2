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

// MaasClusterSpec is the desired state of the infrastructure that the machines of a Cluster share.
type MaasClusterSpec struct {
	// controlPlaneEndpoint is the address of the workload cluster's API server. With endpoint type VIP it has to be given unless
	// endpoint.vip is; with DNS the provider fills it in; with External it is taken over from the Cluster when it is empty.
	// +optional
	ControlPlaneEndpoint APIEndpoint `json:"controlPlaneEndpoint,omitempty,omitzero"`

	// endpoint says who provides the control plane endpoint.
	// +required
	Endpoint ControlPlaneEndpointSource `json:"endpoint,omitempty,omitzero"`

	// credentialsRef names the MAAS API credentials: a Secret in this namespace with the keys "endpoint"
	// (https://maas.example:5443/MAAS), "apiKey" (consumer:token:secret) and, for a private CA, "ca.crt", or a
	// MaasClusterIdentity that allows this namespace.
	// +required
	CredentialsRef CredentialsReference `json:"credentialsRef,omitempty,omitzero"`

	// controlPlaneZones are the MAAS zones that control plane machines are spread over. Zones without a server that the template and
	// the pool of a KubeadmControlPlane take do not serve, whether named or not. All others do when it is empty.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	ControlPlaneZones []string `json:"controlPlaneZones,omitempty"`

	// expectedNamespaces is how many namespaces the cluster is to have. With the number of workers it says how large control plane servers
	// should be; see condition HardwareFit. Only the workers count when it is empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	ExpectedNamespaces int32 `json:"expectedNamespaces,omitempty"`
}

// APIEndpoint is the address of a Kubernetes API server.
// +kubebuilder:validation:MinProperties=1
type APIEndpoint struct {
	// host is an IP address or a DNS name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`

	// port the API server listens on.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// EndpointType says who provides the control plane endpoint.
// +kubebuilder:validation:Enum=VIP;DNS;External
type EndpointType string

const (
	// EndpointVIP is a virtual IP address that the control plane hosts hold themselves, for example by kube-vip.
	EndpointVIP EndpointType = "VIP"
	// EndpointDNS is a name in MAAS's DNS that the provider points at the control plane hosts.
	EndpointDNS EndpointType = "DNS"
	// EndpointExternal is a load balancer that somebody else runs.
	EndpointExternal EndpointType = "External"
)

// ControlPlaneEndpointSource says who provides the control plane endpoint.
// +kubebuilder:validation:XValidation:rule="self.type == 'DNS' ? has(self.dns) : !has(self.dns)",message="set endpoint.dns when, and only when, endpoint.type is DNS"
// +kubebuilder:validation:XValidation:rule="self.type == 'VIP' || !has(self.vip)",message="set endpoint.vip only when endpoint.type is VIP"
type ControlPlaneEndpointSource struct {
	// type is VIP, DNS or External.
	// +required
	Type EndpointType `json:"type,omitempty"`

	// vip lets the provider reserve the address for type VIP in MAAS: the one in controlPlaneEndpoint, or one that MAAS chooses. It is
	// given back when the MaasCluster is deleted. Without vip nothing is reserved.
	// +optional
	VIP VIPEndpoint `json:"vip,omitempty,omitzero"`

	// dns describes the record for type DNS.
	// +optional
	DNS DNSEndpoint `json:"dns,omitempty,omitzero"`
}

// VIPEndpoint describes the virtual IP address that is reserved in MAAS. An ordinary user's API key suffices.
// +kubebuilder:validation:MinProperties=1
type VIPEndpoint struct {
	// subnetCIDR is the subnet of MAAS that the address is of.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self).masked() == cidr(self)",message="subnetCIDR must be a subnet such as 10.0.0.0/24, without host bits"
	SubnetCIDR string `json:"subnetCIDR,omitempty"`

	// port the API servers listen on, where controlPlaneEndpoint does not say; 6443 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// DNSEndpoint describes the MAAS DNS resource of the control plane. Writing DNS resources needs an administrator's API key.
// +kubebuilder:validation:MinProperties=1
type DNSEndpoint struct {
	// domain is a DNS domain that MAAS is authoritative for.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=180
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="domain must be a DNS domain in lower case without a trailing dot"
	Domain string `json:"domain,omitempty"`

	// name is the record's name below the domain; the Cluster's name when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name must be a DNS label: lower-case letters, digits and dashes"
	Name string `json:"name,omitempty"`

	// subnetCIDR restricts the record to addresses of this subnet, for hosts with several networks.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="subnetCIDR must be a subnet such as 10.0.0.0/24"
	SubnetCIDR string `json:"subnetCIDR,omitempty"`

	// port the API servers listen on; 6443 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// MaasClusterStatus is the observed state.
// +kubebuilder:validation:MinProperties=1
type MaasClusterStatus struct {
	// conditions of the MaasCluster; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// initialization tells Cluster API how far the provisioning has come.
	// +optional
	Initialization MaasClusterInitializationStatus `json:"initialization,omitempty,omitzero"`

	// failureDomains are the MAAS zones that have machines.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	FailureDomains []clusterv1.FailureDomain `json:"failureDomains,omitempty"`

	// maas is what the region says of itself and of the API key.
	// +optional
	MAAS MaasRegionStatus `json:"maas,omitempty,omitzero"`
}

// MaasClusterInitializationStatus tells Cluster API how far the provisioning has come.
// +kubebuilder:validation:MinProperties=1
type MaasClusterInitializationStatus struct {
	// provisioned is true once machines may be created. It never goes back.
	// +optional
	Provisioned *bool `json:"provisioned,omitempty"`
}

// MaasRole is what an API key may do in MAAS.
// +kubebuilder:validation:Enum=Administrator;User
type MaasRole string

const (
	// MaasRoleAdministrator may configure networks, disks and DNS.
	MaasRoleAdministrator MaasRole = "Administrator"
	// MaasRoleUser may allocate, deploy and release machines, and nothing else.
	MaasRoleUser MaasRole = "User"
)

// MaasRegionStatus is what the MAAS region says of itself and of the API key.
// +kubebuilder:validation:MinProperties=1
type MaasRegionStatus struct {
	// version of MAAS.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Version string `json:"version,omitempty"`

	// user that the API key belongs to.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	User string `json:"user,omitempty"`

	// role of that user.
	// +optional
	Role MaasRole `json:"role,omitempty"`
}

// MaasCluster is the infrastructure of a Cluster on MAAS: credentials, control plane endpoint and failure domains.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maasclusters,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.metadata.labels['cluster\.x-k8s\.io/cluster-name']`,description="Cluster that this belongs to"
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.spec.controlPlaneEndpoint.host`,description="Control plane endpoint"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="MAAS",type=string,JSONPath=`.status.maas.version`,description="Version of MAAS",priority=10
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MaasCluster struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	// +kubebuilder:validation:XValidation:rule="self.endpoint.type != 'VIP' || has(self.controlPlaneEndpoint) || has(self.endpoint.vip)",message="endpoint type VIP needs controlPlaneEndpoint.host and .port, an address that no MAAS range hands out, or endpoint.vip to have one reserved"
	// +kubebuilder:validation:XValidation:rule="!has(self.endpoint.vip) || !has(self.controlPlaneEndpoint) || (isIP(self.controlPlaneEndpoint.host) && cidr(self.endpoint.vip.subnetCIDR).containsIP(self.controlPlaneEndpoint.host))",message="controlPlaneEndpoint.host must be an IP address of endpoint.vip.subnetCIDR"
	// +kubebuilder:validation:XValidation:rule="self.endpoint.type == oldSelf.endpoint.type",message="endpoint.type is immutable: make a new Cluster"
	// +kubebuilder:validation:XValidation:rule="!has(oldSelf.controlPlaneEndpoint) || (has(self.controlPlaneEndpoint) && self.controlPlaneEndpoint == oldSelf.controlPlaneEndpoint)",message="controlPlaneEndpoint is immutable once set: every certificate and kubeconfig of the cluster names it"
	Spec MaasClusterSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status MaasClusterStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions.
func (c *MaasCluster) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions.
func (c *MaasCluster) SetConditions(conditions []metav1.Condition) { c.Status.Conditions = conditions }

// MaasClusterList is a list of MaasClusters.
// +kubebuilder:object:root=true
type MaasClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasCluster `json:"items"`
}
