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
