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

package v1beta2_test

import (
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// Messages of the rules of networks.
const (
	networkFixedMessage     = "network is immutable: make a new MaasMachineTemplate and roll it out"
	layoutOrLinksMessage    = "set layout with layoutParameters, or describe nics, bonds, vlans, bridges and links"
	layoutExcludesMessage   = "layout and nics, bonds, vlans, bridges, links exclude one another: a layout describes all of them"
	layoutParametersMessage = "layout and layoutParameters go together: set both or neither"
	fourNICMessage          = "layout FourNIC needs managementNICs and dataNICs, and no nics"
	twoNICMessage           = "layouts TwoNIC and TwoNICBridgeVLAN need nics, and neither managementNICs nor dataNICs"
	oneVIDMessage           = "management and data have one VID on one bond: give them different VLANs"
	vmDataMessage           = "vmVLANs contains the VID of data, whose VLAN interface is on the bond under br0, so br0 cannot carry that VLAN to " +
		"virtual machines: leave it out, or use layout TwoNICBridgeVLAN"
	vmManagementMessage = "vmVLANs contains the VID of management, whose VLAN interface is on the bond under br0, so br0 cannot carry that VLAN to " +
		"virtual machines: leave it out"
	twiceMessage            = "a name is used twice among nics, bonds and bridges: each interface needs a name of its own"
	bondParentMessage       = "bonds[].parents names something that is not in nics: a bond is made of NICs"
	bondTwiceMessage        = "a NIC is in the parents of two bonds: a NIC can be in one bond only"
	bondVLANMessage         = "the parents of a bond are matched in different fabrics or VLANs: MAAS bonds NICs of one VLAN only"
	vlanParentMessage       = "vlans[].parent names no NIC, bond or bridge of this network"
	vlanEnslavedMessage     = "vlans[].parent is a NIC in a bond: put the VLAN on the bond"
	bridgeParentMessage     = "bridges[].parent names no NIC, bond or VLAN (PARENT.VID) of this network; a bridge cannot stand on a bridge"
	bridgeTwiceMessage      = "bridges[].parent is in another bridge or in a bond already"
	bridgeLoopMessage       = "bridges[].parent is a VLAN on a bridge, which makes a loop or a bridge on a bridge: put the bridge on a NIC, a bond or a VLAN of those"
	bridgeVMMessage         = "bridges[].vmVLANs contains a VID whose VLAN interface is on the bridge's parent and keeps that VLAN's frames from the bridge: leave it out of vmVLANs, or put the VLAN on the bridge"
	bridgeOnVLANMessage     = "bridges[].parent is a VLAN and vmVLANs is set: a bridge that carries VLANs to virtual machines has to stand on the NIC or bond itself"
	linkInterfaceMessage    = "links[].interface names no NIC, bond, bridge or VLAN (PARENT.VID) of this network"
	linkEnslavedMessage     = "links[].interface is in a bond or a bridge and cannot have an address: put the link on that bond or bridge"
	linkUpAloneMessage      = "a link of mode linkUp stands beside another link of the same interface: linkUp means no address at all"
	linkDHCPMessage         = "an interface has two links of mode dhcp: MAAS allows one"
	linkSubnetTwiceMessage  = "an interface has two links on one subnet: give it one"
	gatewayTwiceMessage     = "two links have gateway Default: a server has one default gateway for IPv4 and one for IPv6"
	nodeSubnetMessage       = "nodeSubnet is the subnet of no link: name it as the link does"
	vlanMTUMessage          = "vlans[].mtu is greater than the mtu of its parent"
	bridgeMTUMessage        = "bridges[].mtu is greater than the mtu of its parent"
	interfaceNameMessage    = "an interface name has letters, digits, _ and - only, and at most 15 characters"
	vlanNameMessage         = "PARENT.VID has more than 15 characters, which Linux does not allow for an interface: give the parent a shorter name"
	matchVIDMessage         = "vid needs fabric: a VID means something within its fabric only"
	matchMACMessage         = "macAddress must be written as 52:54:00:12:34:56"
	lacpRateMessage         = "lacpRate is for mode 802.3ad only"
	hashPolicyMessage       = "transmitHashPolicy is for modes 802.3ad, balance-xor and balance-tlb only"
	rangeMessage            = "first is greater than last"
	modeSubnetMessage       = "modes auto and static need a subnet"
	linkUpSubnetMessage     = "mode linkUp has no subnet: the interface gets no address"
	ipamModeMessage         = "ipamPoolRef needs mode static"
	gatewayModeMessage      = "gateway needs mode auto or static: otherwise the DHCP server says which gateway there is"
	subnetReferenceMessage  = "set cidr or name, and not both"
	subnetCIDRMessage       = "cidr must be a subnet such as 172.16.0.0/22"
	routeSourceMessage      = "source must be a subnet such as 172.16.0.0/22"
	routeDestinationMessage = "destination must be a subnet such as 10.50.0.0/16"
	routeGatewayMessage     = "gateway must be an IP address"
	keptSubnetMessage       = "subnet must be a subnet such as 172.16.0.0/22"
	keptAddressMessage      = "address must be an IP address"
)

func nic(name string) infrav1.NetworkNIC {
	return infrav1.NetworkNIC{Name: name, Match: infrav1.NICMatch{InterfaceName: "enp1s0"}}
}

func cidr(s string) infrav1.SubnetReference { return infrav1.SubnetReference{CIDR: s} }

func autoLink(on, subnet string) infrav1.NetworkLink {
	return infrav1.NetworkLink{Interface: on, LinkAddress: infrav1.LinkAddress{Mode: infrav1.LinkAuto, Subnet: cidr(subnet)}}
}

// explicitNetwork is a bond of two NICs with a VLAN and a bridge, and a NIC by itself.
func explicitNetwork() infrav1.HostNetwork {
	return infrav1.HostNetwork{
		NICs: []infrav1.NetworkNIC{nic("n1"), nic("n2"), nic("n3")},
		Bonds: []infrav1.NetworkBond{{Name: "bond0", Parents: []string{"n1", "n2"}, MTU: 9000, BondParameters: infrav1.BondParameters{
			Mode: infrav1.BondMode8023AD, LACPRate: "fast", TransmitHashPolicy: "layer3+4", LinkMonitorMilliseconds: 100,
		}}},
		VLANs: []infrav1.NetworkVLAN{{Parent: "bond0", VID: 10, MTU: 1500}, {Parent: "br0", VID: 20}},
		Bridges: []infrav1.NetworkBridge{{Name: "br0", Parent: "bond0", Type: infrav1.BridgeStandard, MTU: 9000,
			VMVLANs: []infrav1.VIDRange{{First: 20, Last: 100}}}},
		Links: []infrav1.NetworkLink{
			autoLink("br0", "192.168.0.0/22"), autoLink("bond0.10", "172.16.0.0/22"),
			{Interface: "br0.20", Gateway: infrav1.GatewayDefault, LinkAddress: infrav1.LinkAddress{Mode: infrav1.LinkStatic, Subnet: cidr("10.20.30.0/16"),
				IPAMPoolRef: infrav1.IPAMPoolReference{APIGroup: "ipam.cluster.x-k8s.io", Kind: "InClusterIPPool", Name: "data"}}},
			{Interface: "n3", LinkAddress: infrav1.LinkAddress{Mode: infrav1.LinkLinkUp}},
		},
		NodeSubnet:   cidr("172.16.0.0/22"),
		StaticRoutes: []infrav1.StaticRoute{{Source: "172.16.0.0/22", Destination: "10.50.0.0/16", Gateway: "172.16.0.1"}},
	}
}

func networkCase(name string, change func(*infrav1.HostNetwork), refused string) ruleCase {
	return ruleCase{name: "network: " + name, refused: refused, after: maasMachine(func(m *infrav1.MaasMachine) {
		m.Spec.Network = explicitNetwork()
		change(&m.Spec.Network)
	})}
}

func networkCases() []ruleCase {
	type network = infrav1.HostNetwork
	withNetwork := func(change func(*network)) client.Object {
		return maasMachine(func(m *infrav1.MaasMachine) {
			m.Spec.Network = explicitNetwork()
			change(&m.Spec.Network)
		})
	}
	unchanged := func(*network) {}
	all := []ruleCase{
		networkCase("described interface by interface", unchanged, ""),
		networkCase("dual stack", func(n *network) {
			n.Links = append(n.Links, autoLink("br0.20", "fd00:20::/64"))
			n.Links[4].Gateway = infrav1.GatewayDefault
		}, ""),
		networkCase("subnet by name", func(n *network) {
			n.Links[1].Subnet = infrav1.SubnetReference{Name: "cluster"}
			n.NodeSubnet = n.Links[1].Subnet
		}, ""),
		{name: "network: in a template", refused: twiceMessage, after: maasMachineTemplate(func(m *infrav1.MaasMachineTemplate) {
			m.Spec.Template.Spec.Network = explicitNetwork()
			m.Spec.Template.Spec.Network.Bonds[0].Name = "n1"
		})},
		{name: "network: on a lease", refused: twiceMessage, after: maasHost(func(h *infrav1.MaasHost) {
			h.Spec.Network = explicitNetwork()
			h.Spec.Network.Bridges[0].Name = "bond0"
		})},
		{name: "network: changes", before: withNetwork(unchanged), after: withNetwork(func(n *network) { n.VLANs[1].MTU = 1400 }), refused: networkFixedMessage},
		{name: "network: is added", before: maasMachine(func(*infrav1.MaasMachine) {}), after: withNetwork(unchanged), refused: networkFixedMessage},
		{name: "network: goes", before: withNetwork(unchanged), after: maasMachine(func(*infrav1.MaasMachine) {}), refused: networkFixedMessage},
		{name: "lease with kept addresses", after: maasHost(func(h *infrav1.MaasHost) {
			h.Spec.Addresses = []infrav1.HostAddress{{Interface: "bond0.10", Subnet: "172.16.0.0/22", Address: "172.16.0.20"}}
		})},
		{name: "lease with a kept address of no subnet", refused: keptSubnetMessage, after: maasHost(func(h *infrav1.MaasHost) {
			h.Spec.Addresses = []infrav1.HostAddress{{Interface: "bond0.10", Subnet: "172.16.0.0", Address: "172.16.0.20"}}
		})},
		{name: "lease with a kept address that is none", refused: keptAddressMessage, after: maasHost(func(h *infrav1.MaasHost) {
			h.Spec.Addresses = []infrav1.HostAddress{{Interface: "bond0.10", Subnet: "172.16.0.0/22", Address: "here"}}
		})},
	}
	return append(append(all, topologyCases()...), linkCases()...)
}

func topologyCases() []ruleCase {
	type network = infrav1.HostNetwork
	return []ruleCase{
		networkCase("without links", func(n *network) { n.Links, n.NodeSubnet = nil, infrav1.SubnetReference{} }, layoutOrLinksMessage),
		networkCase("NIC and bond of one name", func(n *network) { n.Bonds[0].Name = "n3" }, twiceMessage),
		networkCase("two NICs of one name", func(n *network) { n.NICs[1].Name = "n1" }, "Duplicate value"),
		networkCase("NIC twice in a bond", func(n *network) { n.Bonds[0].Parents[1] = "n1" }, "Duplicate value"),
		networkCase("VLAN twice", func(n *network) { n.VLANs[1] = n.VLANs[0] }, "Duplicate value"),
		networkCase("bond of an unknown NIC", func(n *network) { n.Bonds[0].Parents[0] = "n9" }, bondParentMessage),
		networkCase("NIC in two bonds", func(n *network) {
			n.Bonds = append(n.Bonds, infrav1.NetworkBond{Name: "bond1", Parents: []string{"n2", "n3"},
				BondParameters: infrav1.BondParameters{Mode: "active-backup"}})
		}, bondTwiceMessage),
		networkCase("bond over two fabrics", func(n *network) {
			n.NICs[0].Match, n.NICs[1].Match = infrav1.NICMatch{Fabric: "a"}, infrav1.NICMatch{Fabric: "b"}
		}, bondVLANMessage),
		networkCase("bond over two VLANs", func(n *network) {
			n.NICs[0].Match = infrav1.NICMatch{Fabric: "a", VID: ptr.To[int32](0)}
			n.NICs[1].Match = infrav1.NICMatch{Fabric: "a", VID: ptr.To[int32](5)}
		}, bondVLANMessage),
		networkCase("bond in one fabric", func(n *network) {
			n.NICs[0].Match = infrav1.NICMatch{Fabric: "a", VID: ptr.To[int32](0)}
			n.NICs[1].Match = infrav1.NICMatch{Fabric: "a"}
		}, ""),
		networkCase("VLAN on nothing", func(n *network) { n.VLANs[0].Parent = "bond9" }, vlanParentMessage),
		networkCase("VLAN on a NIC in a bond", func(n *network) { n.VLANs[0].Parent = "n1" }, vlanEnslavedMessage),
		networkCase("bridge on nothing", func(n *network) { n.Bridges[0].Parent = "bond9" }, bridgeParentMessage),
		networkCase("bridge on an unknown VLAN", func(n *network) { n.Bridges[0].Parent = "bond0.11" }, bridgeParentMessage),
		networkCase("bridge on a bridge", func(n *network) {
			n.Bridges = append(n.Bridges, infrav1.NetworkBridge{Name: "br1", Parent: "br0", Type: infrav1.BridgeOVS})
		}, bridgeParentMessage),
		networkCase("two bridges on a bond", func(n *network) {
			n.Bridges = append(n.Bridges, infrav1.NetworkBridge{Name: "br1", Parent: "bond0", Type: infrav1.BridgeOVS})
		}, bridgeTwiceMessage),
		networkCase("bridge on a NIC in a bond", func(n *network) { n.Bridges[0].Parent = "n1" }, bridgeTwiceMessage),
		networkCase("bridge on its own VLAN", func(n *network) {
			n.Bridges[0].Parent, n.Bridges[0].VMVLANs, n.Bridges[0].MTU = "br0.20", nil, 0
		}, bridgeLoopMessage),
		networkCase("virtual machines on the node's VLAN", func(n *network) {
			n.Bridges[0].VMVLANs = []infrav1.VIDRange{{First: 5, Last: 10}}
		}, bridgeVMMessage),
		networkCase("VLAN as master of the bridge of virtual machines", func(n *network) {
			n.Bridges[0].Parent, n.Bridges[0].MTU = "bond0.10", 0
			n.Links = n.Links[:1]
			n.NodeSubnet = infrav1.SubnetReference{}
		}, bridgeOnVLANMessage),
		networkCase("range backwards", func(n *network) { n.Bridges[0].VMVLANs = []infrav1.VIDRange{{First: 30, Last: 21}} }, rangeMessage),
		networkCase("VLAN of a greater MTU than its bond", func(n *network) { n.Bonds[0].MTU, n.Bridges[0].MTU = 1400, 0 }, vlanMTUMessage),
		networkCase("VLAN of a greater MTU than its bridge", func(n *network) { n.Bridges[0].MTU, n.VLANs[1].MTU = 1500, 9000 }, vlanMTUMessage),
		networkCase("bridge of a greater MTU than its bond", func(n *network) { n.Bonds[0].MTU = 8000 }, bridgeMTUMessage),
		networkCase("bond name with a dot", func(n *network) { n.Bonds[0].Name = "bond.0" }, interfaceNameMessage),
		networkCase("bridge name of 16 characters", func(n *network) { n.Bridges[0].Name = "br-0123456789abc" }, "Too long"),
		networkCase("VLAN name of 16 characters", func(n *network) {
			n.NICs = append(n.NICs, nic("nic-0123456"))
			n.VLANs = append(n.VLANs, infrav1.NetworkVLAN{Parent: "nic-0123456", VID: 4000})
		}, vlanNameMessage),
		networkCase("VID without fabric", func(n *network) { n.NICs[2].Match = infrav1.NICMatch{VID: ptr.To[int32](5)} }, matchVIDMessage),
		networkCase("MAC address with dashes", func(n *network) { n.NICs[2].Match = infrav1.NICMatch{MACAddress: "52-54-00-12-34-56"} }, matchMACMessage),
		networkCase("LACP rate without LACP", func(n *network) { n.Bonds[0].Mode = "balance-xor" }, lacpRateMessage),
		networkCase("hash policy without hashing", func(n *network) {
			n.Bonds[0].BondParameters = infrav1.BondParameters{Mode: "active-backup", TransmitHashPolicy: "layer2"}
		}, hashPolicyMessage),
	}
}

func linkCases() []ruleCase {
	type network = infrav1.HostNetwork
	return []ruleCase{
		networkCase("link on nothing", func(n *network) { n.Links[3].Interface = "eth9" }, linkInterfaceMessage),
		networkCase("link on an unknown VLAN", func(n *network) { n.Links[1].Interface = "bond0.11" }, linkInterfaceMessage),
		networkCase("link on a NIC in a bond", func(n *network) { n.Links[3].Interface = "n1" }, linkEnslavedMessage),
		networkCase("link on the parent of a bridge", func(n *network) { n.Links[3].Interface = "bond0" }, linkEnslavedMessage),
		networkCase("linkUp beside an address", func(n *network) { n.Links[3].Interface = "bond0.10" }, linkUpAloneMessage),
		networkCase("dhcp twice", func(n *network) {
			dhcp := infrav1.NetworkLink{Interface: "n3", LinkAddress: infrav1.LinkAddress{Mode: infrav1.LinkDHCP}}
			n.Links = append(n.Links[:3], dhcp, dhcp)
		}, linkDHCPMessage),
		networkCase("two links on one subnet", func(n *network) { n.Links = append(n.Links, n.Links[0]) }, linkSubnetTwiceMessage),
		networkCase("two default gateways", func(n *network) { n.Links[0].Gateway = infrav1.GatewayDefault }, gatewayTwiceMessage),
		networkCase("node subnet of no link", func(n *network) { n.NodeSubnet = cidr("172.17.0.0/22") }, nodeSubnetMessage),
		networkCase("auto without a subnet", func(n *network) { n.Links[0].Subnet = infrav1.SubnetReference{} }, modeSubnetMessage),
		networkCase("linkUp with a subnet", func(n *network) { n.Links[3].Subnet = cidr("10.9.0.0/24") }, linkUpSubnetMessage),
		networkCase("auto from an IPAM pool", func(n *network) { n.Links[2].Mode = infrav1.LinkAuto }, ipamModeMessage),
		networkCase("gateway by DHCP", func(n *network) {
			n.Links[2].LinkAddress = infrav1.LinkAddress{Mode: infrav1.LinkDHCP}
		}, gatewayModeMessage),
		networkCase("subnet by CIDR and name", func(n *network) { n.Links[0].Subnet.Name = "lan" }, subnetReferenceMessage),
		networkCase("subnet that is an address", func(n *network) { n.Links[0].Subnet.CIDR = "192.168.0.1" }, subnetCIDRMessage),
		networkCase("route from an address", func(n *network) { n.StaticRoutes[0].Source = "172.16.0.1" }, routeSourceMessage),
		networkCase("route to an address", func(n *network) { n.StaticRoutes[0].Destination = "10.50.0.1" }, routeDestinationMessage),
		networkCase("route through a subnet", func(n *network) { n.StaticRoutes[0].Gateway = "172.16.0.0/22" }, routeGatewayMessage),
	}
}

// fourNIC is the reference's recommended network.
func fourNIC() infrav1.HostNetwork {
	auto := func(subnet string) infrav1.LinkAddress {
		return infrav1.LinkAddress{Mode: infrav1.LinkAuto, Subnet: cidr(subnet)}
	}
	match := func(name string) infrav1.NICMatch { return infrav1.NICMatch{InterfaceName: name} }
	return infrav1.HostNetwork{Layout: infrav1.LayoutFourNIC, LayoutParameters: infrav1.LayoutParameters{
		ManagementNICs: []infrav1.NICMatch{match("enp1s0"), match("enp2s0")},
		DataNICs:       []infrav1.NICMatch{match("enp1s1"), match("enp2s1")},
		Bond:           infrav1.BondParameters{Mode: infrav1.BondMode8023AD},
		PXE:            infrav1.LayoutNetwork{LinkAddress: auto("192.168.0.0/22")},
		Management:     infrav1.LayoutVLAN{VID: 10, LinkAddress: auto("172.16.0.0/22")},
		Data:           infrav1.LayoutVLAN{VID: 20, LinkAddress: auto("10.20.30.0/16")},
		VMVLANs:        []infrav1.VIDRange{{First: 21, Last: 100}},
	}}
}

func layoutCases() []ruleCase {
	type network = infrav1.HostNetwork
	layoutCase := func(name string, change func(*network), refused string) ruleCase {
		return networkCase("layout "+name, func(n *network) {
			*n = fourNIC()
			change(n)
		}, refused)
	}
	twoNIC := func(n *network, layout infrav1.HostNetworkLayout) {
		n.Layout = layout
		n.LayoutParameters.NICs = n.LayoutParameters.ManagementNICs
		n.LayoutParameters.ManagementNICs, n.LayoutParameters.DataNICs = nil, nil
	}
	return []ruleCase{
		layoutCase("FourNIC", func(*network) {}, ""),
		layoutCase("FourNIC with virtual machines on the nodes' VLAN, which is on the other bond", func(n *network) {
			n.LayoutParameters.VMVLANs[0] = infrav1.VIDRange{First: 10, Last: 10}
		}, ""),
		layoutCase("TwoNIC", func(n *network) { twoNIC(n, infrav1.LayoutTwoNIC) }, ""),
		layoutCase("TwoNICBridgeVLAN with virtual machines on the data VLAN", func(n *network) {
			twoNIC(n, infrav1.LayoutTwoNICBridgeVLAN)
			n.LayoutParameters.VMVLANs[0].First = 20
		}, ""),
		layoutCase("and interfaces", func(n *network) { n.NICs = explicitNetwork().NICs }, layoutExcludesMessage),
		layoutCase("without parameters", func(n *network) { n.LayoutParameters = infrav1.LayoutParameters{} }, layoutParametersMessage),
		layoutCase("FourNIC with two NICs", func(n *network) { twoNIC(n, infrav1.LayoutFourNIC) }, fourNICMessage),
		layoutCase("TwoNIC with four NICs", func(n *network) { n.Layout = infrav1.LayoutTwoNIC }, twoNICMessage),
		layoutCase("TwoNIC with one VID for two", func(n *network) {
			twoNIC(n, infrav1.LayoutTwoNIC)
			n.LayoutParameters.Data.VID = 10
		}, oneVIDMessage),
		layoutCase("FourNIC with virtual machines on the data VLAN", func(n *network) { n.LayoutParameters.VMVLANs[0].First = 20 }, vmDataMessage),
		layoutCase("TwoNIC with virtual machines on the data VLAN", func(n *network) {
			twoNIC(n, infrav1.LayoutTwoNIC)
			n.LayoutParameters.VMVLANs[0].First = 20
		}, vmDataMessage),
		layoutCase("TwoNICBridgeVLAN with virtual machines on the nodes' VLAN", func(n *network) {
			twoNIC(n, infrav1.LayoutTwoNICBridgeVLAN)
			n.LayoutParameters.VMVLANs[0].First = 10
		}, vmManagementMessage),
	}
}
