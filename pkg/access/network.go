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

package access

import (
	"net/netip"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// HasNetwork tells whether a network is described.
func HasNetwork(n infrav1.HostNetwork) bool { return n.Layout != "" || len(n.Links) > 0 }

// Network translates a network of the API, a layout into its interfaces.
func Network(n infrav1.HostNetwork) hostnetwork.Network {
	var out hostnetwork.Network
	if n.Layout != "" {
		out = layout(n).Expand()
	} else {
		out = explicit(n)
	}
	if node := subnetRef(n.NodeSubnet); !node.IsZero() {
		out.NodeSubnet = node
	}
	for _, r := range n.StaticRoutes {
		gateway, _ := netip.ParseAddr(r.Gateway)
		out.Routes = append(out.Routes, hostnetwork.Route{Source: prefix(r.Source), Destination: prefix(r.Destination), Gateway: gateway})
	}
	return out
}

func layout(n infrav1.HostNetwork) hostnetwork.Layout {
	p := n.LayoutParameters
	return hostnetwork.Layout{
		Name:           hostnetwork.LayoutName(n.Layout),
		ManagementNICs: nicMatches(p.ManagementNICs),
		DataNICs:       nicMatches(p.DataNICs),
		NICs:           nicMatches(p.NICs),
		Bond:           bondParameters(p.Bond),
		PXE:            link(p.PXE.LinkAddress),
		Management:     hostnetwork.LayoutVLAN{VID: int(p.Management.VID), Link: link(p.Management.LinkAddress)},
		Data:           hostnetwork.LayoutVLAN{VID: int(p.Data.VID), Link: link(p.Data.LinkAddress)},
		VMVLANs:        vidRanges(p.VMVLANs),
		MTU:            int(p.MTU),
	}
}

func explicit(n infrav1.HostNetwork) hostnetwork.Network {
	var out hostnetwork.Network
	for _, nic := range n.NICs {
		out.NICs = append(out.NICs, hostnetwork.NIC{Name: nic.Name, Match: nicMatch(nic.Match)})
	}
	for _, b := range n.Bonds {
		out.Bonds = append(out.Bonds, hostnetwork.Bond{Name: b.Name, Parents: b.Parents, Parameters: bondParameters(b.BondParameters), MTU: int(b.MTU)})
	}
	for _, v := range n.VLANs {
		out.VLANs = append(out.VLANs, hostnetwork.VLAN{Parent: v.Parent, VID: int(v.VID), MTU: int(v.MTU)})
	}
	for _, b := range n.Bridges {
		out.Bridges = append(out.Bridges, hostnetwork.Bridge{Name: b.Name, Parent: b.Parent, Type: string(b.Type),
			VMVLANs: vidRanges(b.VMVLANs), MTU: int(b.MTU)})
	}
	for _, l := range n.Links {
		to := link(l.LinkAddress)
		to.Interface, to.Gateway = l.Interface, l.Gateway == infrav1.GatewayDefault
		out.Links = append(out.Links, to)
	}
	return out
}

func nicMatches(matches []infrav1.NICMatch) []hostnetwork.Match {
	out := make([]hostnetwork.Match, 0, len(matches))
	for _, m := range matches {
		out = append(out, nicMatch(m))
	}
	return out
}

func nicMatch(m infrav1.NICMatch) hostnetwork.Match {
	out := hostnetwork.Match{InterfaceName: m.InterfaceName, MACAddress: m.MACAddress, Fabric: m.Fabric, VID: -1, Tag: m.Tag}
	if m.VID != nil {
		out.VID = int(*m.VID)
	}
	return out
}

func bondParameters(p infrav1.BondParameters) maas.BondParameters {
	return maas.BondParameters{Mode: string(p.Mode), LACPRate: p.LACPRate, XmitHashPolicy: p.TransmitHashPolicy, MIIMonMS: int(p.LinkMonitorMilliseconds)}
}

func vidRanges(ranges []infrav1.VIDRange) []hostnetwork.VIDRange {
	out := make([]hostnetwork.VIDRange, 0, len(ranges))
	for _, r := range ranges {
		out = append(out, hostnetwork.VIDRange{First: int(r.First), Last: int(r.Last)})
	}
	return out
}

func link(a infrav1.LinkAddress) hostnetwork.Link {
	modes := map[infrav1.LinkMode]maas.LinkMode{
		infrav1.LinkAuto: maas.LinkAuto, infrav1.LinkStatic: maas.LinkStatic, infrav1.LinkDHCP: maas.LinkDHCP, infrav1.LinkLinkUp: maas.LinkUp,
	}
	return hostnetwork.Link{Mode: modes[a.Mode], Subnet: subnetRef(a.Subnet), FromPool: a.IPAMPoolRef.Name != ""}
}

func subnetRef(r infrav1.SubnetReference) hostnetwork.SubnetRef {
	return hostnetwork.SubnetRef{CIDR: prefix(r.CIDR), Name: r.Name}
}

// prefix parses what admission has checked to be a CIDR, host bits and all.
func prefix(s string) netip.Prefix {
	p, _ := netip.ParsePrefix(s)
	return p
}

// AddressPool is a static link whose address comes from an IPAM pool.
type AddressPool struct {
	// Interface by its name in the network.
	Interface string
	Subnet    hostnetwork.SubnetRef
	Ref       infrav1.IPAMPoolReference
}

// AddressPools lists the links whose address comes from an IPAM pool, those of a layout under the names of its interfaces.
func AddressPools(n infrav1.HostNetwork) []AddressPool {
	var pools []AddressPool
	add := func(on string, a infrav1.LinkAddress) {
		if a.IPAMPoolRef.Name != "" {
			pools = append(pools, AddressPool{Interface: on, Subnet: subnetRef(a.Subnet), Ref: a.IPAMPoolRef})
		}
	}
	if n.Layout != "" {
		// Expand has these three first, in this order.
		links := layout(n).Expand().Links
		add(links[0].Interface, n.LayoutParameters.PXE.LinkAddress)
		add(links[1].Interface, n.LayoutParameters.Management.LinkAddress)
		add(links[2].Interface, n.LayoutParameters.Data.LinkAddress)
	}
	for _, l := range n.Links {
		add(l.Interface, l.LinkAddress)
	}
	return pools
}
