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
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
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

// ipRange is a reserved or dynamic range of a subnet.
type ipRange struct {
	lo, hi  netip.Addr
	dynamic bool
}

type subnet struct {
	id      int
	name    string
	cidr    netip.Prefix
	gateway netip.Addr
	dns     []string
	vlan    *vlan
	ranges  []ipRange
	used    map[netip.Addr]string // what has the address
}

type link struct {
	id     int
	mode   LinkMode
	subnet *subnet
	addr   netip.Addr
}

type iface struct {
	id         int
	name       string
	mac        string
	kind       string // physical, bridge
	speed      int
	vlan       *vlan
	links      []*link
	discovered netip.Addr
	discSubnet *subnet
	parents    []*iface
	bridgeType string
	ephemeral  bool // made by bridge_all, gone at release
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
// there. It panics on a CIDR or address it cannot read. The id is returned.
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
	if spec.Gateway != "" {
		sn.gateway = netip.MustParseAddr(spec.Gateway)
	}
	sn.vlan = s.ensureVLAN(spec)
	for _, r := range spec.Reserved {
		sn.ranges = append(sn.ranges, parseRange(r, false))
	}
	for _, r := range spec.Dynamic {
		sn.ranges = append(sn.ranges, parseRange(r, true))
		sn.vlan.dhcp, sn.vlan.rack = true, rackID
	}
	s.subnets = append(s.subnets, sn)
	s.touchAll()
	return sn
}

const rackID = "wkkxmw"

func parseRange(v string, dynamic bool) ipRange {
	lo, hi, _ := strings.Cut(v, "-")
	return ipRange{netip.MustParseAddr(lo), netip.MustParseAddr(hi), dynamic}
}

func (s *Server) ensureVLAN(spec SubnetSpec) *vlan {
	fb := s.ensureFabric(orString(spec.Fabric, s.fabrics[0].name))
	for _, v := range s.vlans {
		if v.vid == spec.VID && v.fabric == fb {
			v.space = orString(spec.Space, v.space)
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

// nextFree is the lowest address AUTO may hand out.
func (sn *subnet) nextFree() (netip.Addr, bool) {
	last := lastAddr(sn.cidr)
	for a := sn.cidr.Addr().Next(); sn.cidr.Contains(a) && a != last; a = a.Next() {
		if r, in := sn.rangeOf(a); in {
			a = r.hi
			continue
		}
		if _, taken := sn.used[a]; !taken && a != sn.gateway {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func (sn *subnet) rangeOf(a netip.Addr) (ipRange, bool) {
	for _, r := range sn.ranges {
		if r.lo.Compare(a) <= 0 && a.Compare(r.hi) <= 0 {
			return r, true
		}
	}
	return ipRange{}, false
}

func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (s *Server) buildNICs(m *machine, nics []NIC) {
	if len(nics) == 0 {
		nics = []NIC{{Mode: LinkAuto}}
	}
	for i, n := range nics {
		f := &iface{
			id: s.ids.next("interface"), kind: "physical", speed: orInt(n.SpeedMbps, 10000),
			name: orString(n.Name, fmt.Sprintf("enp%ds%d", i/2+1, i%2)),
			mac:  orString(strings.ToLower(n.MAC), fmt.Sprintf("52:54:%02x:%02x:%02x:%02x", m.id>>8&0xff, m.id&0xff, i/2, i%2)),
		}
		for _, o := range s.order {
			if s.hasMAC(o, []string{f.mac}) {
				panic("maassim: a machine with MAC " + f.mac + " is there already")
			}
		}
		mode := n.Mode
		if mode == "" {
			mode = LinkUp
			if n.Subnet != "" {
				mode = LinkAuto
			}
		}
		l := &link{id: s.ids.next("link"), mode: mode}
		f.vlan = s.vlans[0]
		if mode != LinkUp {
			l.subnet = s.ensureSubnet(n.Subnet)
			f.vlan = l.subnet.vlan
		}
		s.firstAddress(m, f, l, n)
		f.links = []*link{l}
		m.ifs = append(m.ifs, f)
	}
}

// firstAddress takes the static address of a NIC, or the lease it was seen
// with when it was commissioned.
func (s *Server) firstAddress(m *machine, f *iface, l *link, n NIC) {
	if n.Address == "" || l.subnet == nil {
		return
	}
	a := netip.MustParseAddr(n.Address)
	l.subnet.used[a] = m.systemID
	if l.mode == LinkStatic {
		l.addr = a
		return
	}
	f.discovered, f.discSubnet = a, l.subnet
}

func (s *Server) ensureSubnet(ref string) *subnet {
	for _, sn := range s.subnets {
		if ref == "" || sn.name == ref || sn.cidr.String() == ref {
			return sn
		}
	}
	return s.addSubnet(SubnetSpec{CIDR: orString(ref, "192.168.0.0/22")})
}

// claimAddresses gives every AUTO link an address.
func (s *Server) claimAddresses(m *machine) bool {
	for _, f := range m.ifs {
		for _, l := range f.links {
			if l.mode != LinkAuto || l.addr.IsValid() {
				continue
			}
			a, found := l.subnet.nextFree()
			if !found {
				return false
			}
			l.addr = a
			l.subnet.used[a] = m.systemID
			m.touch()
		}
	}
	return true
}

// releaseAddresses frees what AUTO claimed.
func (s *Server) releaseAddresses(m *machine) {
	for _, f := range m.ifs {
		for _, l := range f.links {
			if l.mode == LinkAuto && l.addr.IsValid() {
				delete(l.subnet.used, l.addr)
				l.addr = netip.Addr{}
				m.touch()
			}
		}
	}
}

// addBridges puts a bridge on every interface with a subnet, as bridge_all
// does.
func (s *Server) addBridges(m *machine, kind string) {
	for _, f := range slices.Clone(m.ifs) {
		if len(f.links) == 0 || f.links[0].mode == LinkUp {
			continue
		}
		b := &iface{
			id: s.ids.next("interface"), name: "br-" + f.name, mac: f.mac, kind: "bridge", vlan: f.vlan, links: f.links,
			parents: []*iface{f}, bridgeType: kind, ephemeral: true, speed: 0,
		}
		f.links = nil
		m.ifs = append(m.ifs, b)
	}
	m.touch()
}

func (s *Server) dropBridges(m *machine) {
	m.ifs = slices.DeleteFunc(m.ifs, func(f *iface) bool {
		if f.ephemeral {
			f.parents[0].links = f.links
		}
		return f.ephemeral
	})
}

// addresses are the configured ones, else those that were discovered.
func (m *machine) addresses() []string {
	out := []string{}
	for _, f := range m.ifs {
		for _, l := range f.links {
			if l.addr.IsValid() {
				out = append(out, l.addr.String())
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, f := range m.ifs {
		if f.discovered.IsValid() {
			out = append(out, f.discovered.String())
		}
	}
	return out
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
		"id": sn.id, "name": sn.name, "description": "", "vlan": sn.vlan.json(), "cidr": sn.cidr.String(), "rdns_mode": 2,
		"gateway_ip": nil, "dns_servers": orEmpty(sn.dns), "allow_dns": true, "allow_proxy": true, "active_discovery": false,
		"managed": true, "disabled_boot_architectures": []string{}, "space": sn.vlan.space,
		"resource_uri": fmt.Sprintf("%ssubnets/%d/", apiRoot, sn.id),
	}
	if sn.gateway.IsValid() {
		o["gateway_ip"] = sn.gateway.String()
	}
	return o
}

func (l *link) json() obj {
	o := obj{"id": l.id, "mode": string(l.mode)}
	if l.subnet != nil {
		o["subnet"] = l.subnet.json()
	}
	if l.addr.IsValid() {
		o["ip_address"] = l.addr.String()
	}
	return o
}

func (m *machine) ifaceJSON(f *iface) obj {
	links := []obj{}
	for _, l := range f.links {
		links = append(links, l.json())
	}
	o := obj{
		"id": f.id, "system_id": m.systemID, "name": f.name, "type": f.kind, "mac_address": f.mac, "vlan": f.vlan.json(),
		"links": links, "parents": []string{}, "children": []string{}, "params": obj{}, "tags": []string{}, "enabled": true,
		"effective_mtu": f.vlan.mtu, "link_connected": true, "link_speed": f.speed, "interface_speed": f.speed,
		"sriov_max_vf": 0, "numa_node": 0, "vendor": "My Corporation", "product": "My Gigabit Network Connection",
		"firmware_version": "1.63, 0x800009fa", "discovered": nil,
		"resource_uri": fmt.Sprintf("%snodes/%s/interfaces/%d/", apiRoot, m.systemID, f.id),
	}
	if f.discovered.IsValid() {
		o["discovered"] = []obj{{"subnet": f.discSubnet.json(), "ip_address": f.discovered.String()}}
	}
	children := []string{}
	for _, c := range m.ifs {
		if slices.Contains(c.parents, f) {
			children = append(children, c.name)
		}
	}
	o["children"] = children
	if f.kind == "bridge" {
		o["parents"] = []string{f.parents[0].name}
		o["params"] = obj{"bridge_type": f.bridgeType, "bridge_stp": false, "bridge_fd": 0}
		o["vendor"], o["product"], o["firmware_version"], o["numa_node"] = nil, nil, nil, nil
	}
	return o
}

func (s *Server) networkJSON(m *machine, o obj) {
	sets := []obj{}
	gw := obj{"gateway_ip": nil, "link_id": nil}
	for _, f := range m.ifs {
		sets = append(sets, m.ifaceJSON(f))
		for _, l := range f.links {
			if l.subnet != nil && l.subnet.gateway.IsValid() && gw["gateway_ip"] == nil {
				gw["gateway_ip"] = l.subnet.gateway.String()
			}
		}
	}
	o["interface_set"] = sets
	o["boot_interface"] = nil
	if len(sets) > 0 {
		o["boot_interface"] = sets[0]
	}
	o["ip_addresses"] = m.addresses()
	o["default_gateways"] = obj{"ipv4": gw, "ipv6": obj{"gateway_ip": nil, "link_id": nil}}
}

var networkRoutes = []route{
	{"nodes/*/interfaces/", http.MethodGet, "", "interfaces.list", users, listInterfaces},
	{"nodes/*/interfaces/*/", http.MethodGet, "", "interface.read", users, readInterface},
	{"subnets/", http.MethodGet, "", "subnets.list", users, listSubnets},
	{"subnets/*/", http.MethodGet, "", "subnet.read", users, readSubnet},
	{"subnets/*/*/", http.MethodGet, "", "subnet.read", users, readSubnet},
	{"fabrics/", http.MethodGet, "", "fabrics.list", users, listFabrics},
	{"fabrics/*/", http.MethodGet, "", "fabric.read", users, readFabric},
	{"fabrics/*/vlans/", http.MethodGet, "", "vlans.list", users, listVLANs},
	{"fabrics/*/vlans/*/", http.MethodGet, "", "vlan.read", users, readFabricVLAN},
	{"vlans/*/", http.MethodGet, "", "vlan.read", users, readVLAN},
	{"spaces/", http.MethodGet, "", "spaces.list", users, listSpaces},
}

func listInterfaces(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		out := []obj{}
		for _, f := range m.ifs {
			out = append(out, m.ifaceJSON(f))
		}
		return ok(out)
	})
}

func readInterface(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		for _, f := range m.ifs {
			if strconv.Itoa(f.id) == rq.args[1] || f.name == rq.args[1] {
				return ok(m.ifaceJSON(f))
			}
		}
		return notFound("Interface")
	})
}

func listSubnets(rq *request) *response {
	out := []obj{}
	for _, sn := range rq.s.subnets {
		out = append(out, sn.json())
	}
	return ok(out)
}

func (s *Server) subnet(ref string) *subnet {
	for _, sn := range s.subnets {
		switch ref {
		case strconv.Itoa(sn.id), sn.name, "name:" + sn.name, sn.cidr.String(), "cidr:" + sn.cidr.String():
			return sn
		}
	}
	return nil
}

func readSubnet(rq *request) *response {
	sn := rq.s.subnet(strings.Join(rq.args, "/"))
	if sn == nil {
		return notFound("Subnet")
	}
	return ok(sn.json())
}

func (s *Server) fabricJSON(f *fabric) obj {
	return obj{
		"id": f.id, "name": f.name, "class_type": nil, "vlans": s.vlansJSON(f),
		"resource_uri": fmt.Sprintf("%sfabrics/%d/", apiRoot, f.id),
	}
}

func (s *Server) vlansJSON(f *fabric) []obj {
	sorted := slices.Clone(s.vlans)
	slices.SortStableFunc(sorted, func(a, b *vlan) int { return strings.Compare(a.name, b.name) })
	out := []obj{}
	for _, v := range sorted {
		if v.fabric == f {
			out = append(out, v.json())
		}
	}
	return out
}

func listFabrics(rq *request) *response {
	out := []obj{}
	for _, f := range rq.s.fabrics {
		out = append(out, rq.s.fabricJSON(f))
	}
	return ok(out)
}

func (rq *request) withFabric(f func(*fabric) *response) *response {
	for _, fb := range rq.s.fabrics {
		if strconv.Itoa(fb.id) == rq.args[0] || fb.name == rq.args[0] {
			return f(fb)
		}
	}
	return notFound("Fabric")
}

func readFabric(rq *request) *response {
	return rq.withFabric(func(f *fabric) *response { return ok(rq.s.fabricJSON(f)) })
}

func listVLANs(rq *request) *response {
	return rq.withFabric(func(f *fabric) *response { return ok(rq.s.vlansJSON(f)) })
}

func readFabricVLAN(rq *request) *response {
	return rq.withFabric(func(f *fabric) *response {
		for _, v := range rq.s.vlans {
			if v.fabric == f && strconv.Itoa(v.vid) == rq.args[1] {
				return ok(v.json())
			}
		}
		return notFound("VLAN")
	})
}

func readVLAN(rq *request) *response {
	for _, v := range rq.s.vlans {
		if strconv.Itoa(v.id) == rq.args[0] {
			return ok(v.json())
		}
	}
	return textResponse(http.StatusNotFound, "VLAN with specified ID does not exist.")
}

func listSpaces(rq *request) *response {
	out := []obj{}
	for i, name := range append(slices.Clone(rq.s.spaceNames()), "undefined") {
		o := obj{"id": i + 1, "name": name, "description": "", "vlans": []obj{}, "subnets": []obj{}}
		o["resource_uri"] = fmt.Sprintf("%sspaces/%v/", apiRoot, o["id"])
		if name == "undefined" {
			o["id"], o["resource_uri"] = -1, apiRoot+"spaces/undefined/"
			o["description"] = "Backward compatibility object to ensure objects not associated with a space can be found."
		}
		var vs, ss []obj
		for _, v := range rq.s.vlans {
			if v.space == name {
				vs = append(vs, v.json())
			}
		}
		for _, sn := range rq.s.subnets {
			if sn.vlan.space == name {
				ss = append(ss, sn.json())
			}
		}
		if vs != nil {
			o["vlans"] = vs
		}
		if ss != nil {
			o["subnets"] = ss
		}
		out = append(out, o)
	}
	return ok(out)
}

func (s *Server) spaceNames() []string {
	var out []string
	for _, v := range s.vlans {
		if v.space != "undefined" && !slices.Contains(out, v.space) {
			out = append(out, v.space)
		}
	}
	return out
}
