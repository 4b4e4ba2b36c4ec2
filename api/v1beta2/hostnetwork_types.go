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

// HostNetwork describes the network of a server as MAAS configures it before the operating system is installed: either a
// ready-made layout with its parameters, or the interfaces one by one. The provider makes and mends what is described here and
// leaves other interfaces alone unless they stand in its way. It needs the API key of a MAAS administrator.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.layout) || has(self.links)",message="set layout with layoutParameters, or describe nics, bonds, vlans, bridges and links"
// +kubebuilder:validation:XValidation:rule="!has(self.layout) || !(has(self.nics) || has(self.bonds) || has(self.vlans) || has(self.bridges) || has(self.links))",message="layout and nics, bonds, vlans, bridges, links exclude one another: a layout describes all of them",fieldPath=".layout"
// +kubebuilder:validation:XValidation:rule="has(self.layout) == has(self.layoutParameters)",message="layout and layoutParameters go together: set both or neither",fieldPath=".layoutParameters"
// +kubebuilder:validation:XValidation:rule="!(has(self.layout) && has(self.layoutParameters)) || self.layout != 'FourNIC' || (has(self.layoutParameters.managementNICs) && has(self.layoutParameters.dataNICs) && !has(self.layoutParameters.nics))",message="layout FourNIC needs managementNICs and dataNICs, and no nics",fieldPath=".layoutParameters"
// +kubebuilder:validation:XValidation:rule="!(has(self.layout) && has(self.layoutParameters)) || self.layout == 'FourNIC' || (has(self.layoutParameters.nics) && !has(self.layoutParameters.managementNICs) && !has(self.layoutParameters.dataNICs))",message="layouts TwoNIC and TwoNICBridgeVLAN need nics, and neither managementNICs nor dataNICs",fieldPath=".layoutParameters"
// +kubebuilder:validation:XValidation:rule="!(has(self.layout) && has(self.layoutParameters)) || self.layout == 'FourNIC' || self.layoutParameters.management.vid != self.layoutParameters.data.vid",message="management and data have one VID on one bond: give them different VLANs",fieldPath=".layoutParameters.data"
// +kubebuilder:validation:XValidation:rule="!(has(self.layout) && has(self.layoutParameters)) || !has(self.layoutParameters.vmVLANs) || self.layout == 'TwoNICBridgeVLAN' || !self.layoutParameters.vmVLANs.exists(r, r.first <= self.layoutParameters.data.vid && self.layoutParameters.data.vid <= r.last)",message="vmVLANs contains the VID of data, whose VLAN interface is on the bond under br0, so br0 cannot carry that VLAN to virtual machines: leave it out, or use layout TwoNICBridgeVLAN",fieldPath=".layoutParameters.vmVLANs"
// +kubebuilder:validation:XValidation:rule="!(has(self.layout) && has(self.layoutParameters)) || !has(self.layoutParameters.vmVLANs) || self.layout == 'FourNIC' || !self.layoutParameters.vmVLANs.exists(r, r.first <= self.layoutParameters.management.vid && self.layoutParameters.management.vid <= r.last)",message="vmVLANs contains the VID of management, whose VLAN interface is on the bond under br0, so br0 cannot carry that VLAN to virtual machines: leave it out",fieldPath=".layoutParameters.vmVLANs"
// +kubebuilder:validation:XValidation:rule="[(has(self.nics) ? self.nics.map(n, n.name) : []) + (has(self.bonds) ? self.bonds.map(b, b.name) : []) + (has(self.bridges) ? self.bridges.map(b, b.name) : [])].all(names, names.all(n, names.exists_one(m, m == n)))",message="a name is used twice among nics, bonds and bridges: each interface needs a name of its own"
// +kubebuilder:validation:XValidation:rule="(!has(self.bonds) || self.bonds.all(b, b.parents.all(p, (has(self.nics) && self.nics.exists(n, n.name == p)))))",message="bonds[].parents names something that is not in nics: a bond is made of NICs",fieldPath=".bonds"
// +kubebuilder:validation:XValidation:rule="(!has(self.bonds) || self.bonds.all(b, b.parents.all(p, self.bonds.exists_one(o, p in o.parents))))",message="a NIC is in the parents of two bonds: a NIC can be in one bond only",fieldPath=".bonds"
// +kubebuilder:validation:XValidation:rule="!has(self.nics) || (!has(self.bonds) || self.bonds.all(b, self.nics.all(n, !(n.name in b.parents) || !has(n.match.fabric) || self.nics.all(m, !(m.name in b.parents) || !has(m.match.fabric) || (n.match.fabric == m.match.fabric && (!has(n.match.vid) || !has(m.match.vid) || n.match.vid == m.match.vid))))))",message="the parents of a bond are matched in different fabrics or VLANs: MAAS bonds NICs of one VLAN only",fieldPath=".bonds"
// +kubebuilder:validation:XValidation:rule="(!has(self.vlans) || self.vlans.all(v, (has(self.nics) && self.nics.exists(n, n.name == v.parent)) || (has(self.bonds) && self.bonds.exists(b, b.name == v.parent)) || (has(self.bridges) && self.bridges.exists(b, b.name == v.parent))))",message="vlans[].parent names no NIC, bond or bridge of this network",fieldPath=".vlans"
// +kubebuilder:validation:XValidation:rule="(!has(self.vlans) || self.vlans.all(v, !(has(self.bonds) && self.bonds.exists(b, v.parent in b.parents))))",message="vlans[].parent is a NIC in a bond: put the VLAN on the bond",fieldPath=".vlans"
// +kubebuilder:validation:XValidation:rule="(!has(self.bridges) || self.bridges.all(b, (has(self.nics) && self.nics.exists(n, n.name == b.parent)) || (has(self.bonds) && self.bonds.exists(o, o.name == b.parent)) || (has(self.vlans) && self.vlans.exists(v, (b.parent.startsWith(v.parent + '.') && b.parent.substring(v.parent.size() + 1) == string(v.vid))))))",message="bridges[].parent names no NIC, bond or VLAN (PARENT.VID) of this network; a bridge cannot stand on a bridge",fieldPath=".bridges"
// +kubebuilder:validation:XValidation:rule="(!has(self.bridges) || self.bridges.all(b, self.bridges.exists_one(o, o.parent == b.parent) && !(has(self.bonds) && self.bonds.exists(o, b.parent in o.parents))))",message="bridges[].parent is in another bridge or in a bond already",fieldPath=".bridges"
// +kubebuilder:validation:XValidation:rule="(!has(self.bridges) || self.bridges.all(b, !(has(self.vlans) && self.vlans.exists(v, (b.parent.startsWith(v.parent + '.') && b.parent.substring(v.parent.size() + 1) == string(v.vid)) && self.bridges.exists(o, o.name == v.parent)))))",message="bridges[].parent is a VLAN on a bridge, which makes a loop or a bridge on a bridge: put the bridge on a NIC, a bond or a VLAN of those",fieldPath=".bridges"
// +kubebuilder:validation:XValidation:rule="(!has(self.bridges) || self.bridges.all(b, !has(b.vmVLANs) || !(has(self.vlans) && self.vlans.exists(v, v.parent == b.parent && b.vmVLANs.exists(r, r.first <= v.vid && v.vid <= r.last)))))",message="bridges[].vmVLANs contains a VID whose VLAN interface is on the bridge's parent and keeps that VLAN's frames from the bridge: leave it out of vmVLANs, or put the VLAN on the bridge",fieldPath=".bridges"
// +kubebuilder:validation:XValidation:rule="(!has(self.bridges) || self.bridges.all(b, !has(b.vmVLANs) || !(has(self.vlans) && self.vlans.exists(v, (b.parent.startsWith(v.parent + '.') && b.parent.substring(v.parent.size() + 1) == string(v.vid))))))",message="bridges[].parent is a VLAN and vmVLANs is set: a bridge that carries VLANs to virtual machines has to stand on the NIC or bond itself",fieldPath=".bridges"
// +kubebuilder:validation:XValidation:rule="(!has(self.links) || self.links.all(l, (has(self.nics) && self.nics.exists(n, n.name == l.interface)) || (has(self.bonds) && self.bonds.exists(b, b.name == l.interface)) || (has(self.bridges) && self.bridges.exists(b, b.name == l.interface)) || (has(self.vlans) && self.vlans.exists(v, (l.interface.startsWith(v.parent + '.') && l.interface.substring(v.parent.size() + 1) == string(v.vid))))))",message="links[].interface names no NIC, bond, bridge or VLAN (PARENT.VID) of this network",fieldPath=".links"
// +kubebuilder:validation:XValidation:rule="(!has(self.links) || self.links.all(l, !(has(self.bonds) && self.bonds.exists(b, l.interface in b.parents)) && !(has(self.bridges) && self.bridges.exists(b, b.parent == l.interface))))",message="links[].interface is in a bond or a bridge and cannot have an address: put the link on that bond or bridge",fieldPath=".links"
// +kubebuilder:validation:XValidation:rule="(!has(self.links) || self.links.all(l, l.mode != 'linkUp' || self.links.exists_one(o, o.interface == l.interface)))",message="a link of mode linkUp stands beside another link of the same interface: linkUp means no address at all",fieldPath=".links"
// +kubebuilder:validation:XValidation:rule="(!has(self.links) || self.links.all(l, l.mode != 'dhcp' || self.links.exists_one(o, o.interface == l.interface && o.mode == 'dhcp')))",message="an interface has two links of mode dhcp: MAAS allows one",fieldPath=".links"
// +kubebuilder:validation:XValidation:rule="(!has(self.links) || self.links.all(l, !has(l.subnet) || self.links.exists_one(o, o.interface == l.interface && has(o.subnet) && has(o.subnet.cidr) == has(l.subnet.cidr) && (!has(l.subnet.cidr) || o.subnet.cidr == l.subnet.cidr) && (!has(l.subnet.name) || (has(o.subnet.name) && o.subnet.name == l.subnet.name)))))",message="an interface has two links on one subnet: give it one",fieldPath=".links"
// +kubebuilder:validation:XValidation:rule="!has(self.links) || (self.links.filter(l, has(l.gateway) && !(has(l.subnet) && has(l.subnet.cidr) && l.subnet.cidr.contains(':'))).size() <= 1 && self.links.filter(l, has(l.gateway) && has(l.subnet) && has(l.subnet.cidr) && l.subnet.cidr.contains(':')).size() <= 1)",message="two links have gateway Default: a server has one default gateway for IPv4 and one for IPv6",fieldPath=".links"
// +kubebuilder:validation:XValidation:rule="!has(self.nodeSubnet) || !has(self.links) || self.links.exists(l, has(l.subnet) && has(l.subnet.cidr) == has(self.nodeSubnet.cidr) && (!has(l.subnet.cidr) || l.subnet.cidr == self.nodeSubnet.cidr) && has(l.subnet.name) == has(self.nodeSubnet.name) && (!has(l.subnet.name) || l.subnet.name == self.nodeSubnet.name))",message="nodeSubnet is the subnet of no link: name it as the link does",fieldPath=".nodeSubnet"
// +kubebuilder:validation:XValidation:rule="(!has(self.vlans) || self.vlans.all(v, !has(v.mtu) || (!(has(self.bonds) && self.bonds.exists(b, b.name == v.parent && has(b.mtu) && b.mtu < v.mtu)) && !(has(self.bridges) && self.bridges.exists(b, b.name == v.parent && has(b.mtu) && b.mtu < v.mtu)))))",message="vlans[].mtu is greater than the mtu of its parent",fieldPath=".vlans"
// +kubebuilder:validation:XValidation:rule="(!has(self.bridges) || self.bridges.all(b, !has(b.mtu) || (!(has(self.bonds) && self.bonds.exists(o, o.name == b.parent && has(o.mtu) && o.mtu < b.mtu)) && !(has(self.vlans) && self.vlans.exists(v, (b.parent.startsWith(v.parent + '.') && b.parent.substring(v.parent.size() + 1) == string(v.vid)) && has(v.mtu) && v.mtu < b.mtu)))))",message="bridges[].mtu is greater than the mtu of its parent",fieldPath=".bridges"
type HostNetwork struct {
	// layout is a ready-made network for servers that run virtual machines.
	// +optional
	Layout HostNetworkLayout `json:"layout,omitempty"`

	// layoutParameters fill in the layout.
	// +optional
	LayoutParameters LayoutParameters `json:"layoutParameters,omitempty,omitzero"`

	// nics give names to NICs of the server, by which the rest of the network refers to them. The NICs keep their own names in MAAS.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	NICs []NetworkNIC `json:"nics,omitempty"`

	// bonds of NICs.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Bonds []NetworkBond `json:"bonds,omitempty"`

	// vlans are tagged VLAN interfaces. They are named PARENT.VID, in MAAS and in this network.
	// +optional
	// +listType=map
	// +listMapKey=parent
	// +listMapKey=vid
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	VLANs []NetworkVLAN `json:"vlans,omitempty"`

	// bridges over a NIC, a bond or a VLAN.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Bridges []NetworkBridge `json:"bridges,omitempty"`

	// links put interfaces on subnets.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Links []NetworkLink `json:"links,omitempty"`

	// nodeSubnet is the subnet of the Node's own address: that address comes first in status.addresses of the MaasMachine. It has to
	// be the subnet of a link; with a layout it is the management subnet unless set.
	// +optional
	NodeSubnet SubnetReference `json:"nodeSubnet,omitempty,omitzero"`

	// staticRoutes have to exist in MAAS, which gives them to every server with an address in their source subnet. The provider
	// checks that they are there and makes none: a route of MAAS concerns servers of others as well.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	StaticRoutes []StaticRoute `json:"staticRoutes,omitempty"`
}

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
