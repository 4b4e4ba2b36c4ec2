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
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

var subnetRoutes = []route{
	{"subnets/", http.MethodGet, "", "subnets.list", users, listSubnets},
	{"subnets/", http.MethodPost, "", "subnets.create", admins, createSubnet},
	{"subnets/*/", http.MethodGet, "", "subnet.read", users, readSubnet},
	{"subnets/*/", http.MethodPut, "", "subnet.update", admins, updateSubnet},
	{"subnets/*/", http.MethodDelete, "", "subnet.delete", admins, deleteSubnet},
	{"subnets/*/*/", http.MethodGet, "", "subnet.read", users, readSubnet},
}

func listSubnets(rq *request) *response {
	out := []obj{}
	for _, sn := range rq.s.subnets {
		out = append(out, sn.json())
	}
	return ok(out)
}

// withSubnet calls f with the subnet of the path, where a CIDR is two parts.
func (rq *request) withSubnet(f func(*subnet) *response) *response {
	sn := rq.s.subnet(strings.Join(rq.args, "/"))
	if sn == nil {
		return notFound("Subnet")
	}
	return f(sn)
}

func readSubnet(rq *request) *response {
	return rq.withSubnet(func(sn *subnet) *response { return ok(sn.json()) })
}

func createSubnet(rq *request) *response {
	s := rq.s
	sn := &subnet{vlan: s.vlans[0], used: map[netip.Addr]string{}}
	if bad := s.readSubnet(rq, sn); bad != nil {
		return bad
	}
	sn.id = s.ids.next("subnet")
	s.subnets = append(s.subnets, sn)
	return ok(sn.json())
}

func updateSubnet(rq *request) *response {
	return rq.withSubnet(func(sn *subnet) *response {
		changed := *sn
		if bad := rq.s.readSubnet(rq, &changed); bad != nil {
			return bad
		}
		*sn = changed
		rq.s.touchAll()
		return ok(sn.json())
	})
}

// readSubnet takes what the form says into sn and checks it.
func (s *Server) readSubnet(rq *request, sn *subnet) *response {
	errs := formErrors{}
	s.readCIDR(rq, sn, errs)
	if rq.has("vlan") {
		if v := s.vlanByID(rq.get("vlan")); v != nil {
			sn.vlan = v
		} else {
			errs.add("vlan", noChoice)
		}
	}
	if rq.has("gateway_ip") {
		sn.gateway = netip.Addr{}
		if rq.get("gateway_ip") != "" {
			errs.address(rq, "gateway_ip", &sn.gateway)
		}
	}
	if len(errs) == 0 && sn.gateway.IsValid() && !sn.cidr.Contains(sn.gateway) {
		errs.add("gateway_ip", "Gateway IP must be within CIDR range.")
	}
	if rq.has("dns_servers") {
		sn.dns = strings.FieldsFunc(rq.get("dns_servers"), func(r rune) bool { return r == ' ' || r == ',' })
	}
	if rq.has("managed") {
		sn.unmanaged = !isTrue(rq.get("managed"))
	}
	if rq.has("description") {
		sn.desc = rq.get("description")
	}
	sn.name = orString(rq.get("name"), orString(sn.name, sn.cidr.String()))
	return errs.response()
}

func (s *Server) readCIDR(rq *request, sn *subnet, errs formErrors) {
	if !rq.has("cidr") {
		if !sn.cidr.IsValid() {
			errs.add("cidr", required)
		}
		return
	}
	p, err := netip.ParsePrefix(rq.get("cidr"))
	switch {
	case err != nil:
		errs.add("cidr", "Required format: <network>/<prefixlen>.")
	case slices.ContainsFunc(s.subnets, func(o *subnet) bool { return o.id != sn.id && o.cidr == p.Masked() }):
		errs.add("cidr", "Subnet with this Cidr already exists.")
	default:
		sn.cidr = p.Masked()
	}
}

// deleteSubnet takes everything on the subnet with it.
func deleteSubnet(rq *request) *response {
	return rq.withSubnet(func(sn *subnet) *response {
		s := rq.s
		for _, m := range s.order {
			for _, f := range m.ifs {
				f.links = slices.DeleteFunc(f.links, func(l *link) bool { return l.subnet == sn })
				if f.discSubnet == sn {
					f.discovered, f.discSubnet = netip.Addr{}, nil
				}
			}
		}
		s.routes = slices.DeleteFunc(s.routes, func(r *staticRoute) bool { return r.source == sn || r.destination == sn })
		s.reserved = slices.DeleteFunc(s.reserved, func(r *reservation) bool { return r.subnet == sn })
		s.subnets = slices.DeleteFunc(s.subnets, func(o *subnet) bool { return o == sn })
		s.touchAll()
		return empty(http.StatusNoContent)
	})
}
