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

package maassim

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

type fabric struct {
	id   int
	name string
}

type vlan struct {
	id, vid int
	name    string
	mtu     int
	dhcp    bool
	fabric  *fabric
	space   string
	rack    string
}

type subnet struct {
	id        int
	name      string
	desc      string
	cidr      netip.Prefix
	gateway   netip.Addr
	dns       []string
	vlan      *vlan
	unmanaged bool
	ranges    []*ipRange
	used      map[netip.Addr]string // what has the address
}

// SubnetSpec describes a subnet.
type SubnetSpec struct {
	Name    string // the CIDR when empty
	CIDR    string
	Gateway string
	DNS     []string
	Space   string // "undefined" when empty
	Fabric  string // fabric-0 when empty; added when unknown
	VID     int
	VLAN    string // name of the VLAN, "untagged" for VID 0
	MTU     int    // 1500
	// Reserved and Dynamic are ranges "first-last" that AUTO does not use. A
	// subnet with a dynamic range has DHCP.
	Reserved []string
	Dynamic  []string
}

// AddSubnet adds a subnet, and its VLAN in the first fabric when it is not
// there. It panics on a CIDR that is there already and on addresses it cannot
// read. The id is returned.
func (s *Server) AddSubnet(spec SubnetSpec) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addSubnet(spec).id
}

func (s *Server) addSubnet(spec SubnetSpec) *subnet {
	sn := &subnet{
		id: s.ids.next("subnet"), name: orString(spec.Name, spec.CIDR), cidr: netip.MustParsePrefix(spec.CIDR).Masked(),
		dns: spec.DNS, used: map[netip.Addr]string{},
	}
	if slices.ContainsFunc(s.subnets, func(o *subnet) bool { return o.cidr == sn.cidr }) {
		panic("maassim: subnet " + sn.cidr.String() + " is there already")
	}
	if spec.Gateway != "" {
		sn.gateway = netip.MustParseAddr(spec.Gateway)
	}
	sn.vlan = s.ensureVLAN(spec)
	for _, r := range spec.Dynamic {
		s.addRange(sn, r, true)
		sn.vlan.dhcp, sn.vlan.rack = true, rackID
	}
	for _, r := range spec.Reserved {
		s.addRange(sn, r, false)
	}
	s.subnets = append(s.subnets, sn)
	s.touchAll()
	return sn
}

const rackID = "wkkxmw"

func (s *Server) ensureVLAN(spec SubnetSpec) *vlan {
	fb := s.ensureFabric(orString(spec.Fabric, s.fabrics[0].name))
	for _, v := range s.vlans {
		if v.vid == spec.VID && v.fabric == fb {
			v.space, v.mtu = orString(spec.Space, v.space), orInt(spec.MTU, v.mtu)
			return v
		}
	}
	name := spec.VLAN
	if name == "" {
		name = fmt.Sprintf("VLAN %d", spec.VID)
	}
	v := &vlan{
		id: s.ids.next("vlan"), vid: spec.VID, name: name, mtu: orInt(spec.MTU, 1500), fabric: fb,
		space: orString(spec.Space, "undefined"),
	}
	s.vlans = append(s.vlans, v)
	return v
}

// ensureFabric returns the fabric; a new one comes with its untagged VLAN.
func (s *Server) ensureFabric(name string) *fabric {
	for _, f := range s.fabrics {
		if f.name == name {
			return f
		}
	}
	f := &fabric{s.ids.next("fabric") - 1, name}
	s.fabrics = append(s.fabrics, f)
	s.vlans = append(s.vlans, &vlan{id: s.ids.next("vlan"), name: "untagged", mtu: 1500, fabric: f, space: "undefined"})
	return f
}

func (s *Server) ensureSubnet(ref string) *subnet {
	for _, sn := range s.subnets {
		if ref == "" || sn.name == ref || sn.cidr.String() == ref {
			return sn
		}
	}
	return s.addSubnet(SubnetSpec{CIDR: orString(ref, "192.168.0.0/22")})
}

// subnet finds what a parameter of the API names: an id, a name or a CIDR.
func (s *Server) subnet(ref string) *subnet {
	for _, sn := range s.subnets {
		switch ref {
		case strconv.Itoa(sn.id), sn.name, "name:" + sn.name, sn.cidr.String(), "cidr:" + sn.cidr.String():
			return sn
		}
	}
	return nil
}

func (v *vlan) json() obj {
	o := obj{
		"id": v.id, "vid": v.vid, "name": v.name, "mtu": v.mtu, "dhcp_on": v.dhcp, "external_dhcp": nil, "relay_vlan": nil,
		"primary_rack": orNull(v.rack), "secondary_rack": nil, "space": v.space, "fabric": v.fabric.name,
		"fabric_id": v.fabric.id, "resource_uri": fmt.Sprintf("%svlans/%d/", apiRoot, v.id),
	}
	return o
}

func (sn *subnet) json() obj {
	o := obj{
		"id": sn.id, "name": sn.name, "description": sn.desc, "vlan": sn.vlan.json(), "cidr": sn.cidr.String(), "rdns_mode": 2,
		"gateway_ip": nil, "dns_servers": orEmpty(sn.dns), "allow_dns": true, "allow_proxy": true, "active_discovery": false,
		"managed": !sn.unmanaged, "disabled_boot_architectures": []string{}, "space": sn.vlan.space,
		"resource_uri": fmt.Sprintf("%ssubnets/%d/", apiRoot, sn.id),
	}
	if sn.gateway.IsValid() {
		o["gateway_ip"] = sn.gateway.String()
	}
	return o
}

// String is how MAAS's messages call it.
func (sn *subnet) String() string {
	if sn.name == sn.cidr.String() {
		return fmt.Sprintf("%s(vid=%d)", sn.cidr, sn.vlan.vid)
	}
	return fmt.Sprintf("%s:%s(vid=%d)", sn.name, sn.cidr, sn.vlan.vid)
}
