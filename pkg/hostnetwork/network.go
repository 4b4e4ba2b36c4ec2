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

// Package hostnetwork decides what has to be done for a server to have the network that was asked for: which of its NICs serve, whether its
// cabling can carry the network, and which calls of MAAS lead there from what the server has now. It is pure; the maashost
// controller makes the calls.
//
// What is described is made and mended. Interfaces that are not described stay as they are, unless they stand in the way:
// a bond or bridge that holds a described interface, a VLAN interface on a NIC that is to be bonded, one that would keep a virtual
// machines' VLAN from its bridge, and whatever has a described name without being what was described.
package hostnetwork

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Network is a network described interface by interface. Interfaces are referred to by name; a VLAN's is PARENT.VID.
type Network struct {
	NICs    []NIC
	Bonds   []Bond
	VLANs   []VLAN
	Bridges []Bridge
	Links   []Link
	// NodeSubnet has the Node's own address; zero for no preference.
	NodeSubnet SubnetRef
	// Routes have to exist in MAAS.
	Routes []Route
}

// NIC names a NIC of the server.
type NIC struct {
	Name  string
	Match Match
}

// Match selects NICs: all fields that are set have to match.
type Match struct {
	// InterfaceName is the NIC's name in MAAS.
	InterfaceName string
	// MACAddress in any case.
	MACAddress string
	// Fabric by name, and VID within it, which is negative for any.
	Fabric string
	VID    int
	Tag    string
}

// String says what is looked for.
func (m Match) String() string {
	text := ""
	add := func(what, value string) {
		if value != "" {
			if text != "" {
				text += ", "
			}
			text += what + " " + value
		}
	}
	add("name", m.InterfaceName)
	add("MAC address", m.MACAddress)
	add("fabric", m.Fabric)
	if m.Fabric != "" && m.VID >= 0 {
		add("VLAN", strconv.Itoa(m.VID))
	}
	add("tag", m.Tag)
	return text
}

func (m Match) isExact() bool { return m.InterfaceName != "" || m.MACAddress != "" }

// Bond of NICs.
type Bond struct {
	Name    string
	Parents []string
	// Parameters that are zero are left as they are.
	Parameters maas.BondParameters
	// MTU in bytes, 0 for the VLAN's; so for VLAN and Bridge.
	MTU int
}

// VLAN is a tagged interface.
type VLAN struct {
	Parent string
	VID    int
	MTU    int
}

// Name is PARENT.VID.
func (v VLAN) Name() string { return vlanName(v.Parent, v.VID) }

func vlanName(parent string, vid int) string { return parent + "." + strconv.Itoa(vid) }

// VIDRange is a range of VLAN tags, ends included.
type VIDRange struct{ First, Last int }

func inRanges(ranges []VIDRange, vid int) bool {
	for _, r := range ranges {
		if r.First <= vid && vid <= r.Last {
			return true
		}
	}
	return false
}

// Bridge over one interface.
type Bridge struct {
	Name, Parent string
	// Type is "standard" or "ovs".
	Type string
	// VMVLANs are the VLANs that the bridge has to carry to virtual machines.
	VMVLANs []VIDRange
	MTU     int
}

// SubnetRef names a subnet by CIDR or by name. A CIDR's host bits do not count.
type SubnetRef struct {
	CIDR netip.Prefix
	Name string
}

// IsZero tells whether no subnet is named.
func (r SubnetRef) IsZero() bool { return !r.CIDR.IsValid() && r.Name == "" }

// String is the CIDR as it was given, or the name.
func (r SubnetRef) String() string {
	if r.CIDR.IsValid() {
		return r.CIDR.String()
	}
	return r.Name
}

// Link puts an interface on a subnet.
type Link struct {
	Interface string
	Mode      maas.LinkMode
	Subnet    SubnetRef
	// Gateway makes the subnet's gateway the default one.
	Gateway bool
	// FromPool is set where the address comes from an IPAM pool, so that MAAS must not choose one.
	FromPool bool
}

// Route has to exist in MAAS. Gateway is invalid for any.
type Route struct {
	Source, Destination netip.Prefix
	Gateway             netip.Addr
}

// Address is a static address that the server keeps.
type Address struct {
	// Interface by its name in the network.
	Interface string
	Subnet    netip.Prefix
	Address   netip.Addr
}

// Catalog is what MAAS knows of the networks around the servers.
type Catalog struct {
	Subnets []maas.Subnet
	VLANs   []maas.VLAN
	Routes  []maas.StaticRoute
}

// FindSubnet finds the subnet. Its second result says why there is none.
func (c Catalog) FindSubnet(ref SubnetRef) (*maas.Subnet, *Problem) {
	var found *maas.Subnet
	for i := range c.Subnets {
		s := &c.Subnets[i]
		if (ref.CIDR.IsValid() && s.CIDR.Masked() == ref.CIDR.Masked()) || (ref.Name != "" && s.Name == ref.Name) {
			if found != nil {
				return nil, &Problem{Reason: SubnetNotFound, Message: fmt.Sprintf("MAAS has several subnets %s: name it by its CIDR", ref)}
			}
			found = s
		}
	}
	if found == nil {
		return nil, &Problem{Reason: SubnetNotFound, Message: fmt.Sprintf("MAAS has no subnet %s", ref)}
	}
	return found, nil
}

// Reason is the kind of a Problem.
type Reason string

const (
	// NICNotFound means that the server has no NIC for a name in the network. It is a fact of the server, as are CablingMismatch
	// and NameTaken.
	NICNotFound Reason = "NICNotFound"
	// CablingMismatch means that a NIC is cabled to another network, or to none.
	CablingMismatch Reason = "CablingMismatch"
	// NameTaken means that a NIC has the name of an interface that is to be made, or that the name gets too long on this server.
	NameTaken Reason = "NameTaken"
	// SubnetNotFound means that MAAS does not have a subnet. It is a fact of MAAS, as are the following.
	SubnetNotFound Reason = "SubnetNotFound"
	// SubnetMismatch means that a subnet is in another VLAN than the interface that is to be linked to it.
	SubnetMismatch Reason = "SubnetMismatch"
	// VLANNotFound means that MAAS does not have a VLAN in the fabric.
	VLANNotFound Reason = "VLANNotFound"
	// GatewayMissing means that the subnet of the default gateway has none in MAAS.
	GatewayMissing Reason = "GatewayMissing"
	// StaticRouteMissing means that MAAS does not have a static route.
	StaticRouteMissing Reason = "StaticRouteMissing"
	// AddressMissing means that the address from an IPAM pool is not there yet.
	AddressMissing Reason = "AddressMissing"
	// AddressOutside means that an address is not in the subnet that it is for.
	AddressOutside Reason = "AddressOutside"
)

// Problem says why the network cannot be had.
type Problem struct {
	Reason  Reason
	Message string
}

// OfServer tells whether another server may not have the problem.
func (p Problem) OfServer() bool {
	return p.Reason == NICNotFound || p.Reason == CablingMismatch || p.Reason == NameTaken
}

// String is the message.
func (p Problem) String() string { return p.Message }
