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
)

// Kinds of interfaces.
const (
	kindPhysical = "physical"
	kindBond     = "bond"
	kindVLAN     = "vlan"
	kindBridge   = "bridge"
)

// iface is a network interface as MAAS has it recorded or configured.
type iface struct {
	id         int
	name       string
	mac        string
	kind       string
	nic        bool // commissioning saw it
	connected  bool
	speed      int // of the card and of the link
	vlan       *vlan
	links      []*link
	discovered netip.Addr
	discSubnet *subnet
	parents    []*iface
	params     obj
	tags       []string
	acquired   bool // a bridge of the machine's holder, gone at release
}

// noVLAN stands in where an interface is in none.
var noVLAN = &vlan{fabric: &fabric{id: -1}, vid: -1, mtu: 1500}

func (f *iface) lan() *vlan {
	if f.vlan == nil {
		return noVLAN
	}
	return f.vlan
}

var interfaceRoutes = []route{
	{"nodes/*/interfaces/", http.MethodGet, "", "interfaces.list", users, listInterfaces},
	{"nodes/*/interfaces/", http.MethodPost, "create_physical", "interfaces.create_physical", users, createInterface(kindPhysical, "create")},
	{"nodes/*/interfaces/", http.MethodPost, "create_bond", "interfaces.create_bond", users, createInterface(kindBond, "create bond")},
	{"nodes/*/interfaces/", http.MethodPost, "create_vlan", "interfaces.create_vlan", users, createInterface(kindVLAN, "create VLAN")},
	{"nodes/*/interfaces/", http.MethodPost, "create_bridge", "interfaces.create_bridge", users, createInterface(kindBridge, "create bridge")},
	{"nodes/*/interfaces/*/", http.MethodGet, "", "interface.read", users, readInterface},
	{"nodes/*/interfaces/*/", http.MethodPut, "", "interface.update", users, updateInterface},
	{"nodes/*/interfaces/*/", http.MethodDelete, "", "interface.delete", users, deleteInterface},
	{"nodes/*/interfaces/*/", http.MethodPost, "link_subnet", "interface.link_subnet", users, linkSubnet},
	{"nodes/*/interfaces/*/", http.MethodPost, "unlink_subnet", "interface.unlink_subnet", users, unlinkSubnet},
	{"nodes/*/interfaces/*/", http.MethodPost, "disconnect", "interface.disconnect", users, disconnect},
	{"nodes/*/interfaces/*/", http.MethodPost, "set_default_gateway", "interface.set_default_gateway", users, setDefaultGateway},
	{"nodes/*/interfaces/*/", http.MethodPost, "add_tag", "interface.add_tag", users, tagInterface(true)},
	{"nodes/*/interfaces/*/", http.MethodPost, "remove_tag", "interface.remove_tag", users, tagInterface(false)},
	{"machines/*/", http.MethodPost, "restore_networking_configuration", "machine.restore_networking_configuration", users, restoreNetworking},
	{"machines/*/", http.MethodPost, "clear_default_gateways", "machine.clear_default_gateways", users, clearDefaultGateways},
}

func names(ifs []*iface) []string {
	out := []string{}
	for _, f := range ifs {
		out = append(out, f.name)
	}
	slices.Sort(out)
	return out
}

func (m *machine) ifaceJSON(f *iface) obj {
	links := []obj{}
	for _, l := range f.links {
		links = append(links, l.json())
	}
	o := obj{
		"id": f.id, "system_id": m.systemID, "name": f.name, "type": f.kind, "mac_address": f.mac, "vlan": nil,
		"links": links, "parents": names(f.parents), "children": names(m.children(f)), "params": obj{}, "tags": orEmpty(f.tags),
		"enabled": true, "effective_mtu": m.effectiveMTU(f), "link_connected": f.connected, "link_speed": f.speed,
		"interface_speed": f.speed, "sriov_max_vf": 0, "numa_node": nil, "vendor": nil, "product": nil, "firmware_version": nil,
		"discovered":   nil,
		"resource_uri": fmt.Sprintf("%snodes/%s/interfaces/%d/", apiRoot, m.systemID, f.id),
	}
	if f.vlan != nil {
		o["vlan"] = f.vlan.json()
	}
	if f.params != nil {
		o["params"] = f.params
	}
	if f.kind == kindPhysical {
		o["numa_node"] = 0
	}
	if f.nic {
		o["vendor"], o["product"], o["firmware_version"] = "My Corporation", "My Gigabit Network Connection", "1.63, 0x800009fa"
		if !f.connected {
			o["link_speed"] = 0
		}
	}
	if f.discovered.IsValid() {
		o["discovered"] = []obj{{"subnet": f.discSubnet.json(), "ip_address": f.discovered.String()}}
	}
	return o
}

func (m *machine) bootInterface() *iface {
	if i := slices.IndexFunc(m.ifs, func(f *iface) bool { return f.kind == kindPhysical }); i >= 0 {
		return m.ifs[i]
	}
	return nil
}

func (s *Server) networkJSON(m *machine, o obj) {
	sets := []obj{}
	o["boot_interface"] = nil
	for _, f := range m.ifs {
		j := m.ifaceJSON(f)
		sets = append(sets, j)
		if f == m.bootInterface() {
			o["boot_interface"] = j
		}
	}
	o["interface_set"] = sets
	o["ip_addresses"] = m.addresses()
	o["default_gateways"] = m.gatewayJSON()
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

func (m *machine) iface(ref string) *iface {
	for _, f := range m.ifs {
		if strconv.Itoa(f.id) == ref || f.name == ref {
			return f
		}
	}
	return nil
}

func readInterface(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		f := m.iface(rq.args[1])
		if f == nil {
			return notFound("Interface")
		}
		return ok(m.ifaceJSON(f))
	})
}

// configurable are the statuses in which MAAS lets networks be changed.
var configurable = map[Status]bool{
	StatusNew: true, StatusReady: true, StatusFailedTesting: true, StatusAllocated: true, StatusBroken: true,
}

func notConfigurable(what string) *response {
	return conflict("Cannot " + what + " interface because the machine is not New, Ready, Allocated, or Broken.")
}

// withInterface calls f with an interface that the caller may change now, or in
// one of the other statuses.
func (rq *request) withInterface(what string, f func(*machine, *iface) *response, also ...Status) *response {
	m := rq.s.machines[rq.args[0]]
	if m == nil {
		return notFound("Interface")
	}
	i := m.iface(rq.args[1])
	switch {
	case i == nil:
		return notFound("Interface")
	case !rq.user.admin || m.locked:
		return forbidden()
	case !configurable[m.status] && !slices.Contains(also, m.status):
		return notConfigurable(what)
	}
	return f(m, i)
}

func deleteInterface(rq *request) *response {
	return rq.withInterface("delete interface", func(m *machine, f *iface) *response {
		rq.s.deleteIface(m, f)
		return empty(http.StatusNoContent)
	})
}

// tagInterface adds or removes a tag, in whatever status.
func tagInterface(add bool) handler {
	return func(rq *request) *response {
		return rq.withAdmin(func(m *machine) *response {
			f, t := m.iface(rq.args[1]), rq.get("tag")
			switch {
			case f == nil:
				return notFound("Interface")
			case t == "":
				return badRequest("No provided tag!")
			}
			f.tags = slices.DeleteFunc(f.tags, func(o string) bool { return o == t })
			if add {
				f.tags = append(f.tags, t)
			}
			m.touch()
			return ok(m.ifaceJSON(f))
		})
	}
}

func clearDefaultGateways(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		m.gateways = [2]*link{}
		m.touch()
		return rq.s.machineResponse(m)
	})
}

func restoreNetworking(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		if m.status != StatusReady && m.status != StatusFailedTesting {
			return conflict("Machine must be in a ready or failed testing state to restore networking configuration")
		}
		rq.s.restoreNetwork(m)
		return rq.s.machineResponse(m)
	})
}
