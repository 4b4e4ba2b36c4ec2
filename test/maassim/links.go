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
	"net/netip"
	"slices"
)

// link is an interface's place on a subnet, or with LinkUp just its being up.
type link struct {
	id     int
	mode   LinkMode
	subnet *subnet
	addr   netip.Addr
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

// nextFree is the lowest address that is neither taken nor in a range.
func (sn *subnet) nextFree() (netip.Addr, bool) {
	last := lastAddr(sn.cidr)
	for a := sn.cidr.Addr().Next(); sn.cidr.Contains(a) && a != last; a = a.Next() {
		if r := sn.rangeOf(a); r != nil {
			a = r.hi
			continue
		}
		if _, taken := sn.used[a]; !taken && a != sn.gateway {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func (sn *subnet) rangeOf(a netip.Addr) *ipRange {
	for _, r := range sn.ranges {
		if r.contains(a) {
			return r
		}
	}
	return nil
}

func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
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

// addLink puts a link on an interface, which is up no longer for itself alone,
// nor by DHCP of the same family. An interface in no VLAN gets the subnet's.
func (s *Server) addLink(m *machine, f *iface, mode LinkMode, sn *subnet, a netip.Addr) *link {
	if f.vlan == nil && sn != nil {
		f.vlan = sn.vlan
	}
	s.dropLinks(m, f, func(l *link) bool {
		return l.mode == LinkUp || l.mode == LinkDHCP &&
			(l.subnet == nil || sn == nil || l.subnet.cidr.Addr().Is4() == sn.cidr.Addr().Is4())
	})
	l := &link{id: s.ids.next("link"), mode: mode, subnet: sn, addr: a}
	if a.IsValid() {
		sn.used[a] = m.systemID
	}
	f.links = append(f.links, l)
	m.touch()
	return l
}

// dropLinks takes the chosen links off an interface and gives back what they
// had.
func (s *Server) dropLinks(m *machine, f *iface, which func(*link) bool) {
	f.links = slices.DeleteFunc(f.links, func(l *link) bool {
		if !which(l) {
			return false
		}
		if l.addr.IsValid() {
			delete(l.subnet.used, l.addr)
		}
		m.forgetGateway(l)
		return true
	})
	m.touch()
}

func (s *Server) dropAllLinks(m *machine, f *iface) {
	s.dropLinks(m, f, func(*link) bool { return true })
}

// ensureLinkUp gives an interface in a VLAN that has no link one without an
// address, and takes that away when there is another.
func (s *Server) ensureLinkUp(m *machine, f *iface) {
	up := func(l *link) bool { return l.mode == LinkUp }
	switch {
	case len(f.links) == 0 && f.vlan != nil:
		var sn *subnet
		if f.discSubnet != nil && f.discSubnet.vlan == f.vlan {
			sn = f.discSubnet
		}
		s.addLink(m, f, LinkUp, sn, netip.Addr{})
	case slices.ContainsFunc(f.links, up) && slices.ContainsFunc(f.links, func(l *link) bool { return !up(l) }):
		s.dropLinks(m, f, up)
	}
}

// forgetGateway unsets the choice of a link for the default route.
func (m *machine) forgetGateway(l *link) {
	for i := range m.gateways {
		if m.gateways[i] == l {
			m.gateways[i] = nil
		}
	}
}
