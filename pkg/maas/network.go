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

package maas

import (
	"context"
	"net/netip"
)

// InterfaceType is the kind of a network interface by MAAS's name.
type InterfaceType string

// The interface types that the provider works with.
const (
	InterfacePhysical InterfaceType = "physical"
	InterfaceBond     InterfaceType = "bond"
	InterfaceVLAN     InterfaceType = "vlan"
	InterfaceBridge   InterfaceType = "bridge"
)

// Interface is a network interface of a machine as MAAS has it recorded or configured.
type Interface struct {
	// ID is MAAS's id of the interface, unique in the region.
	ID   int
	Name string
	Type InterfaceType
	// MACAddress is in lower case with colons.
	MACAddress string
	Enabled    bool
	// LinkConnected is false when commissioning saw no carrier.
	LinkConnected bool
	// LinkSpeedMbps is the speed that commissioning saw, InterfaceSpeedMbps what the card can do; 0 when unknown.
	LinkSpeedMbps, InterfaceSpeedMbps int
	// Tags are sorted.
	Tags []string
	// VLAN that the interface is in, nil when it is in none that MAAS knows.
	VLAN *VLAN
	// Parents and Children are interface names, sorted.
	Parents, Children []string
	// MTU in bytes where somebody set one, 0 where the VLAN's counts.
	MTU int
	// EffectiveMTU in bytes is MTU or the VLAN's, and no less than that of any interface that stands on this one.
	EffectiveMTU int
	Bond         BondParameters
	Bridge       BridgeParameters
	Links        []Link
}

// SpeedMbps is the speed that the card can do, or where MAAS does not know that, the one it was seen at; 0 when neither is known.
func (i *Interface) SpeedMbps() int {
	if i.InterfaceSpeedMbps > 0 {
		return i.InterfaceSpeedMbps
	}
	return i.LinkSpeedMbps
}

// BondParameters configure a bond; zero fields are MAAS's defaults. Names and values are those of the Linux driver.
type BondParameters struct {
	Mode, LACPRate, XmitHashPolicy string
	// MIIMonMS is the interval of link monitoring in milliseconds.
	MIIMonMS int
}

// BridgeParameters configure a bridge.
type BridgeParameters struct {
	// Type is "standard" or "ovs".
	Type string
	// STP switches the spanning tree protocol on.
	STP bool
}

// LinkMode is how an interface gets its address on a subnet.
type LinkMode string

// The link modes of MAAS.
const (
	LinkAuto   LinkMode = "auto"
	LinkStatic LinkMode = "static"
	LinkDHCP   LinkMode = "dhcp"
	LinkUp     LinkMode = "link_up"
)

// Link is an interface's place on a subnet.
type Link struct {
	ID   int
	Mode LinkMode
	// SubnetID and CIDR are zero for a link without a subnet.
	SubnetID int
	CIDR     netip.Prefix
	// Address is invalid while MAAS has not chosen one.
	Address netip.Addr
	// Gateway is true when the machine's default route goes through this link's subnet because somebody set so. MAAS says
	// this of machines only, so the Interface that a write returns never has it.
	Gateway bool
}

// VLAN is a layer-2 network of a fabric.
type VLAN struct {
	// ID is MAAS's id, VID the tag on the wire; 0 is untagged.
	ID, VID  int
	FabricID int
	Fabric   string
	MTU      int
}

// Subnet is a layer-3 network of a VLAN.
type Subnet struct {
	ID   int
	Name string
	CIDR netip.Prefix
	VLAN VLAN
	// Gateway is invalid where the subnet has none.
	Gateway netip.Addr
	// Managed is true where MAAS hands out addresses.
	Managed bool
}

// StaticRoute is a route that MAAS gives to machines with an address in Source.
type StaticRoute struct {
	ID                  int
	Source, Destination netip.Prefix
	Gateway             netip.Addr
	Metric              int
}

// ReservedAddress is an address that a user reserved in MAAS.
type ReservedAddress struct {
	Address  netip.Addr
	SubnetID int
	// Owner is the MAAS user who reserved it, "" where MAAS does not say.
	Owner string
}

// Networks read MAAS's networks and configure those of a machine. Writes to a machine need an administrator's key
// (Forbidden otherwise) and a machine that is New, Ready, Failed testing, Allocated or Broken (Conflict otherwise). MAAS
// writes no event about them: who changes a machine's network reads the machine again.
type Networks interface {
	// ListSubnets reads all subnets.
	ListSubnets(ctx context.Context) ([]Subnet, error)
	// ListVLANs reads the VLANs of every fabric.
	ListVLANs(ctx context.Context) ([]VLAN, error)
	// ListStaticRoutes reads all static routes.
	ListStaticRoutes(ctx context.Context) ([]StaticRoute, error)
	// ListInterfaces reads the interfaces of one machine: those of GetMachine, at the same cost.
	ListInterfaces(ctx context.Context, systemID string) ([]Interface, error)

	// CreateBond makes a bond over parents, which lose their links and must be in one VLAN and free of other bonds, bridges
	// and VLANs. Without a link of its own it is link_up. Invalid when the name or a parent is taken.
	CreateBond(ctx context.Context, systemID string, bond CreateBond) (*Interface, error)
	// CreateVLANInterface makes a VLAN interface; MAAS names it PARENT.VID.
	CreateVLANInterface(ctx context.Context, systemID string, parentID, vlanID int, mtu int) (*Interface, error)
	// CreateBridge makes a bridge over a parent, which loses its links. On an Allocated machine MAAS takes the parent's
	// VLAN whatever is asked for, moves the parent's links to the bridge and at the release undoes it all: the bridge
	// goes, with everything on it, and its links return to the parent. A bridge made while the machine is Ready stays.
	CreateBridge(ctx context.Context, systemID string, bridge CreateBridge) (*Interface, error)
	// UpdateInterface changes what is set in the update. A new VLAN costs the interface its links. What stands in a bond or
	// under a bridge follows that in its VLAN, silently.
	UpdateInterface(ctx context.Context, systemID string, interfaceID int, update InterfaceUpdate) (*Interface, error)
	// DeleteInterface removes an interface and all that stands on it. NotFound when it is gone.
	DeleteInterface(ctx context.Context, systemID string, interfaceID int) error
	// LinkSubnet puts the interface on a subnet, which replaces a link_up. A repeated AUTO link is a second one. Conflict
	// when the address is in use, Exhausted when MAAS has none left, Invalid when the subnet is not of the interface's VLAN.
	LinkSubnet(ctx context.Context, systemID string, interfaceID int, link LinkRequest) (*Interface, error)
	// UnlinkSubnet takes a link away; without any the interface is link_up. NotFound when there is no such link.
	UnlinkSubnet(ctx context.Context, systemID string, interfaceID, linkID int) (*Interface, error)
	// SetDefaultGateway makes the link's subnet the one of the default route.
	SetDefaultGateway(ctx context.Context, systemID string, interfaceID, linkID int) error

	// ReserveAddress reserves an address in a subnet for the key's user, under a host name: the given address, or one that MAAS
	// chooses when it is invalid. MAAS puts the name into its default DNS domain, and it is all that a reservation can be known by
	// later. Repeated without an address it reserves a second one under the same name. MAAS answers 404 to an address in use, which comes as
	// Conflict; Exhausted when none is left, Invalid when the address is in a reserved or dynamic range or outside of the subnet.
	ReserveAddress(ctx context.Context, subnet netip.Prefix, address netip.Addr, hostname string) (*ReservedAddress, error)
	// ReleaseAddress gives a reservation of the key's user back. NotFound when the user has none.
	ReleaseAddress(ctx context.Context, address netip.Addr) error
	// ReservedUnder reads the addresses that have the host name in any DNS domain, whoever reserved them; none when nobody did.
	ReservedUnder(ctx context.Context, hostname string) ([]netip.Addr, error)
}

// CreateBond describes a bond to make.
type CreateBond struct {
	Name string
	// MACAddress is the first parent's when empty.
	MACAddress string
	ParentIDs  []int
	// VLANID is the untagged VLAN of the bond; the first parent's when 0.
	VLANID int
	// MTU in bytes; the VLAN's when 0.
	MTU        int
	Parameters BondParameters
}

// CreateBridge describes a bridge to make.
type CreateBridge struct {
	Name       string
	MACAddress string
	ParentID   int
	VLANID     int
	MTU        int
	Parameters BridgeParameters
}

// InterfaceUpdate names what to change; nil leaves a field as it is.
type InterfaceUpdate struct {
	Name   *string
	VLANID *int
	MTU    *int
	Bond   *BondParameters
	Bridge *BridgeParameters
	// ParentIDs replaces the parents of a bond.
	ParentIDs []int
}

// LinkRequest puts an interface on a subnet.
type LinkRequest struct {
	Mode LinkMode
	// SubnetID may be 0 for LinkUp and DHCP only.
	SubnetID int
	// Address is for LinkStatic; MAAS chooses and keeps one when it is invalid.
	Address netip.Addr
	// DefaultGateway makes the subnet's gateway the default route.
	DefaultGateway bool
	// Force allows LinkUp beside other links.
	Force bool
}
