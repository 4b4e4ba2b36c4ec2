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

// LinkMode is how an interface gets its address.
// +kubebuilder:validation:Enum=auto;static;dhcp;linkUp
type LinkMode string

// The link modes.
const (
	// LinkAuto lets MAAS choose an address at each deployment. It may be another one after a reinstallation.
	LinkAuto LinkMode = "auto"
	// LinkStatic keeps one address for the server, over reinstallations: that of ipamPoolRef where it is set, otherwise the one
	// the server has or, for the first time, one that MAAS chooses. MaasHost.spec.addresses records it.
	LinkStatic LinkMode = "static"
	// LinkDHCP leaves the address to a DHCP server.
	LinkDHCP LinkMode = "dhcp"
	// LinkLinkUp brings the interface up without an address.
	LinkLinkUp LinkMode = "linkUp"
)

// LinkGateway tells what the link's subnet is to the routes of the server.
// +kubebuilder:validation:Enum=Default
type LinkGateway string

// GatewayDefault makes the gateway of the link's subnet the server's default gateway.
const GatewayDefault LinkGateway = "Default"

// LinkAddress is an address on a subnet.
// +kubebuilder:validation:XValidation:rule="!(self.mode in ['auto', 'static']) || has(self.subnet)",message="modes auto and static need a subnet",fieldPath=".subnet"
// +kubebuilder:validation:XValidation:rule="self.mode != 'linkUp' || !has(self.subnet)",message="mode linkUp has no subnet: the interface gets no address",fieldPath=".subnet"
// +kubebuilder:validation:XValidation:rule="!has(self.ipamPoolRef) || self.mode == 'static'",message="ipamPoolRef needs mode static",fieldPath=".ipamPoolRef"
type LinkAddress struct {
	// mode is how the address is got.
	// +required
	Mode LinkMode `json:"mode,omitempty"`

	// subnet of MAAS. It has to be in the VLAN of the interface.
	// +optional
	Subnet SubnetReference `json:"subnet,omitempty,omitzero"`

	// ipamPoolRef names the pool of a Cluster API IPAM provider that the static address comes from.
	// +optional
	IPAMPoolRef IPAMPoolReference `json:"ipamPoolRef,omitempty,omitzero"`
}

// NetworkLink puts an interface on a subnet.
// +kubebuilder:validation:XValidation:rule="!has(self.gateway) || self.mode in ['auto', 'static']",message="gateway needs mode auto or static: otherwise the DHCP server says which gateway there is",fieldPath=".gateway"
type NetworkLink struct {
	// interface is the name of a NIC, bond or bridge, or a VLAN's PARENT.VID.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	Interface string `json:"interface,omitempty"`

	LinkAddress `json:",inline"`

	// gateway is Default where the subnet has the server's default gateway.
	// +optional
	Gateway LinkGateway `json:"gateway,omitempty"`
}

// SubnetReference names a subnet of MAAS.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.cidr) != has(self.name)",message="set cidr or name, and not both"
type SubnetReference struct {
	// cidr of the subnet.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="cidr must be a subnet such as 172.16.0.0/22"
	CIDR string `json:"cidr,omitempty"`

	// name of the subnet.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
}

// IPAMPoolReference names a pool of an IPAM provider in the namespace of the object.
type IPAMPoolReference struct {
	// apiGroup of the pool, such as ipam.cluster.x-k8s.io.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	APIGroup string `json:"apiGroup,omitempty"`

	// kind of the pool, such as InClusterIPPool.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// name of the pool.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// StaticRoute is a route that MAAS has to have.
type StaticRoute struct {
	// source is the subnet whose addresses get the route.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="source must be a subnet such as 172.16.0.0/22"
	Source string `json:"source,omitempty"`

	// destination is the subnet that the route leads to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="destination must be a subnet such as 10.50.0.0/16"
	Destination string `json:"destination,omitempty"`

	// gateway is the next hop; any when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="gateway must be an IP address"
	Gateway string `json:"gateway,omitempty"`
}

// HostAddress is a static address that a server keeps.
type HostAddress struct {
	// interface is the name that the address's link has in the network.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	Interface string `json:"interface,omitempty"`

	// subnet is the CIDR of the address's subnet.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="subnet must be a subnet such as 172.16.0.0/22"
	Subnet string `json:"subnet,omitempty"`

	// address of the server.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="address must be an IP address"
	Address string `json:"address,omitempty"`
}
