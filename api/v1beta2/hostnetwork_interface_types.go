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

// NetworkNIC gives a name to one NIC of the server.
type NetworkNIC struct {
	// name of the NIC in this network.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*$')",message="an interface name has letters, digits, _ and - only, and at most 15 characters"
	Name string `json:"name,omitempty"`

	// match selects the NIC.
	// +required
	Match NICMatch `json:"match,omitempty,omitzero"`
}

// NICMatch selects a NIC of a server. Of several that match, the first by name is taken that nothing before it took, so the same match
// may stand twice to select two NICs.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.vid) || has(self.fabric)",message="vid needs fabric: a VID means something within its fabric only",fieldPath=".vid"
type NICMatch struct {
	// interfaceName is the NIC's name in MAAS, such as enp1s0.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	InterfaceName string `json:"interfaceName,omitempty"`

	// macAddress of the NIC.
	// +optional
	// +kubebuilder:validation:MinLength=17
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$')",message="macAddress must be written as 52:54:00:12:34:56"
	MACAddress string `json:"macAddress,omitempty"`

	// fabric of MAAS that the NIC is in.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Fabric string `json:"fabric,omitempty"`

	// vid of the VLAN within the fabric that the NIC is in untagged; 0 is the fabric's own untagged VLAN.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=4094
	VID *int32 `json:"vid,omitempty"`

	// tag is a MAAS tag of the interface.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Tag string `json:"tag,omitempty"`
}

// BondMode is a mode of the Linux bonding driver.
// +kubebuilder:validation:Enum=balance-rr;active-backup;balance-xor;broadcast;"802.3ad";balance-tlb;balance-alb
type BondMode string

// BondMode8023AD is LACP.
const BondMode8023AD BondMode = "802.3ad"

// BondParameters configure a bond. Names and values are those of the Linux bonding driver.
// +kubebuilder:validation:XValidation:rule="!has(self.lacpRate) || self.mode == '802.3ad'",message="lacpRate is for mode 802.3ad only",fieldPath=".lacpRate"
// +kubebuilder:validation:XValidation:rule="!has(self.transmitHashPolicy) || self.mode in ['802.3ad', 'balance-xor', 'balance-tlb']",message="transmitHashPolicy is for modes 802.3ad, balance-xor and balance-tlb only",fieldPath=".transmitHashPolicy"
type BondParameters struct {
	// mode of the bond. The switch has to be set up for any mode but active-backup, balance-tlb and balance-alb; with 802.3ad it has to let
	// the NIC that boots by PXE work alone until the bond is up (LACP fallback).
	// +required
	Mode BondMode `json:"mode,omitempty"`

	// lacpRate is how often the switch is asked to send LACP packets.
	// +optional
	// +kubebuilder:validation:Enum=slow;fast
	LACPRate string `json:"lacpRate,omitempty"`

	// transmitHashPolicy chooses the NIC for an outgoing packet.
	// +optional
	// +kubebuilder:validation:Enum=layer2;layer2+3;layer3+4;encap2+3;encap3+4
	TransmitHashPolicy string `json:"transmitHashPolicy,omitempty"`

	// linkMonitorMilliseconds is the interval of link monitoring (miimon). MAAS takes 100 when it is empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60000
	LinkMonitorMilliseconds int32 `json:"linkMonitorMilliseconds,omitempty"`
}

// NetworkBond is a bond of NICs.
type NetworkBond struct {
	// name of the bond.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*$')",message="an interface name has letters, digits, _ and - only, and at most 15 characters"
	Name string `json:"name,omitempty"`

	// parents are names of nics. The bond has the MAC address of the first.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=15
	Parents []string `json:"parents,omitempty"`

	BondParameters `json:",inline"`

	// mtu in bytes. MAAS takes that of the VLAN when it is empty.
	// +optional
	// +kubebuilder:validation:Minimum=552
	// +kubebuilder:validation:Maximum=65535
	MTU int32 `json:"mtu,omitempty"`
}

// NetworkVLAN is a tagged VLAN interface.
// +kubebuilder:validation:XValidation:rule="self.parent.size() + 1 + string(self.vid).size() <= 15",message="PARENT.VID has more than 15 characters, which Linux does not allow for an interface: give the parent a shorter name"
type NetworkVLAN struct {
	// parent is the name of a NIC, bond or bridge.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	Parent string `json:"parent,omitempty"`

	// vid is the VLAN's tag. MAAS has to have a VLAN of that tag in the parent's fabric.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VID int32 `json:"vid,omitempty"`

	// mtu in bytes. MAAS takes that of the VLAN when it is empty.
	// +optional
	// +kubebuilder:validation:Minimum=552
	// +kubebuilder:validation:Maximum=65535
	MTU int32 `json:"mtu,omitempty"`
}

// VIDRange is a range of VLAN tags, its ends included.
// +kubebuilder:validation:XValidation:rule="self.first <= self.last",message="first is greater than last",fieldPath=".first"
type VIDRange struct {
	// first tag of the range.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	First int32 `json:"first,omitempty"`

	// last tag of the range.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	Last int32 `json:"last,omitempty"`
}

// BridgeType is a type of bridge in MAAS.
// +kubebuilder:validation:Enum=standard;ovs
type BridgeType string

// The types of bridge.
const (
	// BridgeStandard is the bridge of the Linux kernel.
	BridgeStandard BridgeType = "standard"
	// BridgeOVS is Open vSwitch.
	BridgeOVS BridgeType = "ovs"
)

// NetworkBridge is a bridge over one interface.
type NetworkBridge struct {
	// name of the bridge.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*$')",message="an interface name has letters, digits, _ and - only, and at most 15 characters"
	Name string `json:"name,omitempty"`

	// parent is the name of a NIC or bond, or a VLAN's PARENT.VID.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	Parent string `json:"parent,omitempty"`

	// type of the bridge.
	// +required
	Type BridgeType `json:"type,omitempty"`

	// vmVLANs are the VLANs that virtual machines use through this bridge. No VLAN interface of these tags can be on the bridge's parent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	VMVLANs []VIDRange `json:"vmVLANs,omitempty"`

	// mtu in bytes. MAAS takes that of the VLAN when it is empty.
	// +optional
	// +kubebuilder:validation:Minimum=552
	// +kubebuilder:validation:Maximum=65535
	MTU int32 `json:"mtu,omitempty"`
}
