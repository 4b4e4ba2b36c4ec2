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
	"maps"
	"net/netip"
	"slices"
)

func (m *machine) children(f *iface) []*iface {
	var out []*iface
	for _, c := range m.ifs {
		if slices.Contains(c.parents, f) {
			out = append(out, c)
		}
	}
	return out
}

// effectiveMTU is the interface's own, its VLAN's else, and no less than that of
// what stands on it.
func (m *machine) effectiveMTU(f *iface) int {
	mtu, set := f.mtu()
	if !set {
		mtu = f.lan().mtu
	}
	for _, c := range m.children(f) {
		mtu = max(mtu, m.effectiveMTU(c))
	}
	return mtu
}

func (f *iface) mtu() (int, bool) {
	mtu, set := f.params["mtu"].(int)
	return mtu, set
}

// setParams changes parameters of an interface. A new MTU lowers that of what
// stands on it and raises that of what it stands on.
func (m *machine) setParams(f *iface, params obj) {
	before, had := f.mtu()
	f.params = maps.Clone(f.params)
	if f.params == nil {
		f.params = obj{}
	}
	maps.Copy(f.params, params)
	mtu, set := f.mtu()
	if !set || had && before == mtu {
		return
	}
	for _, c := range m.children(f) {
		if has, set := c.mtu(); set && has > mtu {
			m.setParams(c, obj{"mtu": mtu})
		}
	}
	for _, p := range f.parents {
		if has, set := p.mtu(); !set || has < mtu {
			m.setParams(p, obj{"mtu": mtu})
		}
	}
}

// changed settles what hangs together after an interface was changed: parents of
// bonds and bridges lose their links and are in the same VLAN, and VLAN
// interfaces have their parent's MAC.
func (s *Server) changed(m *machine, f *iface) {
	m.touch()
	switch f.kind {
	case kindBond, kindBridge:
		for _, p := range f.parents {
			s.dropAllLinks(m, p)
			if p.vlan != f.vlan {
				s.setVLAN(m, p, f.vlan)
				s.changed(m, p)
			}
		}
	case kindVLAN:
		f.mac = f.parents[0].mac
	}
	for _, c := range m.children(f) {
		s.changed(m, c)
	}
}

// setVLAN moves an interface to another VLAN, which costs its links.
func (s *Server) setVLAN(m *machine, f *iface, v *vlan) {
	if f.vlan != v {
		f.vlan = v
		s.dropAllLinks(m, f)
	}
}

// deleteIface removes an interface and what stands on it alone.
func (s *Server) deleteIface(m *machine, f *iface) {
	for _, c := range m.children(f) {
		if len(c.parents) == 1 {
			s.deleteIface(m, c)
			continue
		}
		c.parents = slices.DeleteFunc(c.parents, func(p *iface) bool { return p == f })
	}
	s.dropAllLinks(m, f)
	if f.discovered.IsValid() {
		delete(f.discSubnet.used, f.discovered)
	}
	m.ifs = slices.DeleteFunc(m.ifs, func(o *iface) bool { return o == f })
	m.touch()
}

// acquireBridge makes a bridge for the time the machine is held: it takes over
// the links of its parent.
func (s *Server) acquireBridge(m *machine, f, parent *iface) {
	f.acquired = true
	moved := parent.links
	parent.links = nil
	for _, l := range moved {
		m.forgetGateway(l)
	}
	s.ensureLinkUp(m, f)
	f.links = append(f.links, moved...)
	slices.SortFunc(f.links, func(a, b *link) int { return cmp.Compare(a.id, b.id) })
	s.ensureLinkUp(m, f)
}

// addBridges puts a bridge on every interface with a subnet, as bridge_all
// does.
func (s *Server) addBridges(m *machine, kind string) {
	for _, f := range slices.Clone(m.ifs) {
		if len(f.links) == 0 || f.links[0].mode == LinkUp {
			continue
		}
		b := &iface{
			id: s.ids.next("interface"), name: "br-" + f.name, mac: f.mac, kind: kindBridge, vlan: f.vlan, connected: true, links: f.links,
			parents: []*iface{f}, params: obj{"bridge_type": kind, "bridge_stp": false, "bridge_fd": 0}, acquired: true,
		}
		f.links = nil
		m.ifs = append(m.ifs, b)
	}
	m.touch()
}

// dropBridges ends the bridges that were made for the machine's holder and gives
// their links to their parents. What stands on them goes too.
func (s *Server) dropBridges(m *machine) {
	for _, f := range slices.Clone(m.ifs) {
		if !f.acquired {
			continue
		}
		f.parents[0].links, f.links = append(f.parents[0].links, f.links...), nil
		s.deleteIface(m, f)
	}
}

// freeNetwork gives every address of a machine back that is about to be
// forgotten.
func (s *Server) freeNetwork(m *machine) {
	s.clearNetwork(m)
	for _, f := range m.ifs {
		if f.discovered.IsValid() {
			delete(f.discSubnet.used, f.discovered)
			f.discovered = netip.Addr{}
		}
	}
}
