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

import "cmp"

// Families of addresses, as indices.
const (
	ipv4 = iota
	ipv6
)

// gatewayJSON is the default routes that the machine will have: those that were
// chosen, else MAAS's guess.
func (m *machine) gatewayJSON() obj {
	out := obj{}
	for family, name := range map[int]string{ipv4: "ipv4", ipv6: "ipv6"} {
		o := obj{"gateway_ip": nil, "link_id": nil}
		if g := m.gateways[family]; g != nil && g.subnet.gateway.IsValid() {
			o = obj{"gateway_ip": g.subnet.gateway.String(), "link_id": g.id}
		} else if l := m.guessedGateway(family); l != nil {
			o["gateway_ip"] = l.subnet.gateway.String()
		}
		out[name] = o
	}
	return out
}

// family is that of the link's subnet.
func (l *link) family() int {
	if l.subnet.cidr.Addr().Is4() {
		return ipv4
	}
	return ipv6
}

// guessedGateway is the link whose gateway MAAS takes when none was chosen:
// subnets in a VLAN with its DHCP come first, then bonds and bridges, the boot
// interface, other physical ones and VLANs, static addresses before others, and
// last the older interface.
func (m *machine) guessedGateway(family int) *link {
	var best *link
	var rank [4]int
	for _, f := range m.ifs {
		for _, l := range f.links {
			if l.subnet == nil || l.mode == LinkDHCP || !l.subnet.gateway.IsValid() || l.family() != family {
				continue
			}
			r := [4]int{1, m.gatewayRank(f), 1, f.id}
			if l.subnet.vlan.dhcp {
				r[0] = 0
			}
			if l.mode != LinkAuto {
				r[2] = 0
			}
			if best == nil || compareRanks(r, rank) < 0 {
				best, rank = l, r
			}
		}
	}
	return best
}

func (m *machine) gatewayRank(f *iface) int {
	switch {
	case f.kind == kindBond || f.kind == kindBridge:
		return 1
	case f.kind == kindPhysical && f == m.bootInterface():
		return 2
	case f.kind == kindPhysical:
		return 3
	}
	return 4
}

func compareRanks(a, b [4]int) int {
	for i := range a {
		if c := cmp.Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}
