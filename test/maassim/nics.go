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
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// nic is a network card as commissioning finds it.
type nic struct {
	name, mac string
	speed     int
	connected bool
}

func (s *Server) buildNICs(m *machine, nics []NIC) {
	if len(nics) == 0 {
		nics = []NIC{{Mode: LinkAuto}}
	}
	for i, n := range nics {
		hw := nic{
			name: orString(n.Name, fmt.Sprintf("enp%ds%d", i/2+1, i%2)), speed: orInt(n.SpeedMbps, 10000), connected: !n.NoCarrier,
			mac: orString(strings.ToLower(n.MAC), fmt.Sprintf("52:54:%02x:%02x:%02x:%02x", m.id>>8&0xff, m.id&0xff, i/2, i%2)),
		}
		for _, o := range s.order {
			if s.hasMAC(o, []string{hw.mac}) {
				panic("maassim: a machine with MAC " + hw.mac + " is there already")
			}
		}
		m.nics = append(m.nics, hw)
		f := s.newNIC(m, hw)
		f.tags = slices.Clone(n.Tags)
		s.firstLink(m, f, n)
	}
}

func (s *Server) newNIC(m *machine, hw nic) *iface {
	f := &iface{
		id: s.ids.next("interface"), kind: kindPhysical, nic: true, name: hw.name, mac: hw.mac, speed: hw.speed, connected: hw.connected,
	}
	m.ifs = append(m.ifs, f)
	return f
}

// firstLink configures a NIC as its spec says.
func (s *Server) firstLink(m *machine, f *iface, n NIC) {
	mode := n.Mode
	if mode == "" {
		mode = LinkUp
		if n.Subnet != "" {
			mode = LinkAuto
		}
	}
	switch {
	case mode != LinkUp:
		l := &link{id: s.ids.next("link"), mode: mode, subnet: s.ensureSubnet(n.Subnet)}
		f.vlan, f.links = l.subnet.vlan, []*link{l}
		s.firstAddress(m, f, l, n)
		return
	case n.NoVLAN:
		return
	case n.Fabric != "":
		fb := s.ensureFabric(n.Fabric)
		f.vlan = s.vlans[slices.IndexFunc(s.vlans, func(v *vlan) bool { return v.fabric == fb && v.vid == 0 })]
	default:
		f.vlan = s.vlans[0]
	}
	f.links = []*link{{id: s.ids.next("link"), mode: LinkUp}}
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

// restoreNetwork brings the interfaces back to how commissioning leaves them:
// the cards it finds, the boot interface on AUTO and the others up.
func (s *Server) restoreNetwork(m *machine) {
	for _, f := range slices.Clone(m.ifs) {
		seen := f.kind == kindPhysical && slices.ContainsFunc(m.nics, func(n nic) bool { return n.mac == f.mac })
		if !seen && slices.Contains(m.ifs, f) {
			s.deleteIface(m, f)
		}
	}
	for _, n := range m.nics {
		i := slices.IndexFunc(m.ifs, func(f *iface) bool { return f.mac == n.mac })
		if i >= 0 {
			m.ifs[i].name = n.name
			continue
		}
		// MAAS does not know what a new card is plugged into.
		f := s.newNIC(m, n)
		fb := s.ensureFabric(fmt.Sprintf("fabric-%d", s.ids.m["fabric"]))
		f.vlan = s.vlans[slices.IndexFunc(s.vlans, func(v *vlan) bool { return v.fabric == fb })]
	}
	slices.SortFunc(m.ifs, func(a, b *iface) int { return cmp.Compare(a.id, b.id) })
	s.clearNetwork(m)
	for _, f := range m.ifs {
		switch {
		case f != m.bootInterface():
			s.ensureLinkUp(m, f)
		case f.discSubnet != nil:
			f.vlan = f.discSubnet.vlan
			s.addLink(m, f, LinkAuto, f.discSubnet, netip.Addr{})
		default:
			s.forceLink(m, f)
		}
	}
}

// clearNetwork takes every link off a machine.
func (s *Server) clearNetwork(m *machine) {
	for _, f := range m.ifs {
		s.dropAllLinks(m, f)
	}
}

// forceLink puts an interface on the first subnet of its VLAN, or on DHCP when
// there is none.
func (s *Server) forceLink(m *machine, f *iface) {
	if f.vlan == nil {
		return
	}
	if i := slices.IndexFunc(s.subnets, func(sn *subnet) bool { return sn.vlan == f.vlan }); i >= 0 {
		s.addLink(m, f, LinkAuto, s.subnets[i], netip.Addr{})
		return
	}
	s.addLink(m, f, LinkDHCP, nil, netip.Addr{})
}
