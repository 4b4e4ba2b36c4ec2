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

// HostNetworkLayout is a ready-made network.
// +kubebuilder:validation:Enum=FourNIC;TwoNIC;TwoNICBridgeVLAN
type HostNetworkLayout string

const (
	// LayoutFourNIC has bond_mgmt with the PXE subnet and the VLAN of the nodes, and bond_data with the VLAN of end-user access, which
	// has the default gateway. The bridge br0 on bond_data carries the VLANs of virtual machines.
	LayoutFourNIC HostNetworkLayout = "FourNIC"
	// LayoutTwoNIC has it all on bond0: both VLANs, and br0 with the PXE subnet. Virtual machines cannot use the two VLANs.
	LayoutTwoNIC HostNetworkLayout = "TwoNIC"
	// LayoutTwoNICBridgeVLAN is TwoNIC with the VLAN of end-user access on br0, so that virtual machines can use that VLAN too.
	LayoutTwoNICBridgeVLAN HostNetworkLayout = "TwoNICBridgeVLAN"
)

// LayoutParameters fill in a ready-made layout.
type LayoutParameters struct {
	// managementNICs are the members of bond_mgmt, the NIC that boots by PXE among them (FourNIC).
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	ManagementNICs []NICMatch `json:"managementNICs,omitempty"`

	// dataNICs are the members of bond_data (FourNIC).
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	DataNICs []NICMatch `json:"dataNICs,omitempty"`

	// nics are the members of bond0 (TwoNIC, TwoNICBridgeVLAN).
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	NICs []NICMatch `json:"nics,omitempty"`

	// bond configures the bonds.
	// +required
	Bond BondParameters `json:"bond,omitempty,omitzero"`

	// pxe is the untagged network that servers are installed over.
	// +required
	PXE LayoutNetwork `json:"pxe,omitempty,omitzero"`

	// management is the network of the nodes and of the pods' overlay.
	// +required
	Management LayoutVLAN `json:"management,omitempty,omitzero"`

	// data is the network of end-user access. Its subnet has the default gateway.
	// +required
	Data LayoutVLAN `json:"data,omitempty,omitzero"`

	// vmVLANs are the VLANs that virtual machines use through br0.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	VMVLANs []VIDRange `json:"vmVLANs,omitempty"`

	// mtu of all bonds, VLANs and bridges in bytes. MAAS takes that of the VLAN when it is empty.
	// +optional
	// +kubebuilder:validation:Minimum=552
	// +kubebuilder:validation:Maximum=65535
	MTU int32 `json:"mtu,omitempty"`
}

// LayoutNetwork is the untagged network of a layout.
type LayoutNetwork struct {
	LinkAddress `json:",inline"`
}

// LayoutVLAN is a tagged network of a layout.
type LayoutVLAN struct {
	// vid is the VLAN's tag.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VID int32 `json:"vid,omitempty"`

	LinkAddress `json:",inline"`
}
