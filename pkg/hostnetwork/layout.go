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

package hostnetwork

import (
	"fmt"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// LayoutName is a ready-made network.
type LayoutName string

// The layouts of the reference architecture: its recommended host network, its alternative for two NICs, and that alternative's
// variant with the data VLAN on the bridge.
const (
	FourNIC          LayoutName = "FourNIC"
	TwoNIC           LayoutName = "TwoNIC"
	TwoNICBridgeVLAN LayoutName = "TwoNICBridgeVLAN"
)

// Names of the interfaces of the layouts, those of the reference architecture.
const (
	bondManagement = "bond_mgmt"
	bondData       = "bond_data"
	bondOnly       = "bond0"
	vmBridge       = "br0"
)

// Layout is a ready-made network with its parameters.
type Layout struct {
	Name LayoutName
	// ManagementNICs and DataNICs are for FourNIC, NICs for the others.
	ManagementNICs, DataNICs, NICs []Match
	Bond                           maas.BondParameters
	// PXE is untagged.
	PXE              Link
	Management, Data LayoutVLAN
	VMVLANs          []VIDRange
	// MTU of everything, 0 for the VLANs'.
	MTU int
}

// LayoutVLAN is a tagged network of a layout; its link has no interface yet.
type LayoutVLAN struct {
	VID  int
	Link Link
}

// Expand describes the layout interface by interface.
func (l Layout) Expand() Network {
	var n Network
	var managementOn, dataOn, pxeOn string
	switch l.Name {
	case FourNIC:
		n.bond(bondManagement, "mgmt", l.ManagementNICs, l)
		n.bond(bondData, "data", l.DataNICs, l)
		n.bridge(bondData, l)
		pxeOn, managementOn, dataOn = bondManagement, bondManagement, bondData
	case TwoNIC:
		n.bond(bondOnly, "nic", l.NICs, l)
		n.bridge(bondOnly, l)
		pxeOn, managementOn, dataOn = vmBridge, bondOnly, bondOnly
	case TwoNICBridgeVLAN:
		n.bond(bondOnly, "nic", l.NICs, l)
		n.bridge(bondOnly, l)
		pxeOn, managementOn, dataOn = vmBridge, bondOnly, vmBridge
	}
	management := VLAN{Parent: managementOn, VID: l.Management.VID, MTU: l.MTU}
	data := VLAN{Parent: dataOn, VID: l.Data.VID, MTU: l.MTU}
	n.VLANs = []VLAN{management, data}
	n.link(pxeOn, l.PXE)
	n.link(management.Name(), l.Management.Link)
	dataLink := l.Data.Link
	// A DHCP server names the gateway itself.
	dataLink.Gateway = dataLink.Mode == maas.LinkAuto || dataLink.Mode == maas.LinkStatic
	n.link(data.Name(), dataLink)
	if l.Name == FourNIC {
		n.link(vmBridge, Link{Mode: maas.LinkUp})
	}
	n.NodeSubnet = l.Management.Link.Subnet
	return n
}

func (n *Network) bond(name, nics string, matches []Match, l Layout) {
	b := Bond{Name: name, Parameters: l.Bond, MTU: l.MTU}
	for i, match := range matches {
		nic := fmt.Sprintf("%s%d", nics, i)
		n.NICs = append(n.NICs, NIC{Name: nic, Match: match})
		b.Parents = append(b.Parents, nic)
	}
	n.Bonds = append(n.Bonds, b)
}

func (n *Network) bridge(parent string, l Layout) {
	n.Bridges = append(n.Bridges, Bridge{Name: vmBridge, Parent: parent, Type: "standard", VMVLANs: l.VMVLANs, MTU: l.MTU})
}

func (n *Network) link(on string, l Link) {
	l.Interface = on
	n.Links = append(n.Links, l)
}
