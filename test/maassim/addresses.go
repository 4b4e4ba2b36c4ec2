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
	"strings"
	"time"
)

// reservation is an address a user keeps, for a virtual IP for example.
type reservation struct {
	addr    netip.Addr
	subnet  *subnet
	owner   *user
	created time.Time
	mac     string
	ifaceID int
	dns     *dnsResource // made for it when a hostname was given
}

var addressRoutes = []route{
	{"ipaddresses/", http.MethodGet, "", "ipaddresses.list", users, listAddresses},
	{"ipaddresses/", http.MethodPost, "reserve", "ipaddresses.reserve", users, reserveAddress},
	{"ipaddresses/", http.MethodPost, "release", "ipaddresses.release", users, releaseAddress},
}

func (r *reservation) json() obj {
	o := obj{
		"created": r.created.UTC().Format("2006-01-02T15:04:05.000"), "ip": r.addr.String(), "alloc_type": 4,
		"alloc_type_name": "User reserved", "subnet": r.subnet.json(), "owner": userJSON(r.owner), "interface_set": []obj{},
		"resource_uri": apiRoot + "ipaddresses/",
	}
	if r.mac != "" {
		o["interface_set"] = []obj{{
			"id": r.ifaceID, "name": "eth0", "type": "unknown", "mac_address": r.mac, "vlan": r.subnet.vlan.json(),
			"parents": []string{}, "children": []string{}, "tags": []string{}, "params": obj{}, "enabled": true,
			"interface_speed": 0, "link_speed": 0, "link_connected": true, "sriov_max_vf": 0, "numa_node": nil,
			"firmware_version": nil, "vendor": nil, "product": nil,
		}}
	}
	return o
}

func listAddresses(rq *request) *response {
	if rq.get("all") == "true" {
		if !rq.user.admin {
			return textResponse(http.StatusForbidden, "Listing all IP addresses requires admin privileges.")
		}
		return rq.s.notServed(rq.method, "ipaddresses/", "all=true", allAddressesReason)
	}
	owner := rq.user
	if rq.has("owner") && rq.user.admin {
		owner = rq.s.user(rq.get("owner"))
	}
	out := []obj{}
	for _, r := range rq.s.reserved {
		if r.owner == owner && (!rq.has("ip") || r.addr.String() == rq.get("ip")) {
			out = append(out, r.json())
		}
	}
	return ok(out)
}

func reserveAddress(rq *request) *response {
	s := rq.s
	sn, addr, refused := s.chooseAddress(rq)
	if refused != nil {
		return refused
	}
	name, d, refused := s.reservationName(rq)
	if refused != nil {
		return refused
	}
	r := &reservation{addr: addr, subnet: sn, owner: rq.user, created: s.clock.Now(), mac: rq.get("mac")}
	if r.mac != "" {
		r.ifaceID = s.ids.next("interface")
	}
	sn.used[addr] = "reserved"
	if name != "" {
		r.dns = &dnsResource{
			id: s.ids.next("dnsresource"), name: name, domain: d,
			addrs: []*dnsAddress{{addr: addr, subnet: sn, owner: rq.user, created: r.created}},
		}
		s.dns = append(s.dns, r.dns)
		s.touchAll()
	}
	s.reserved = append(s.reserved, r)
	return ok(r.json())
}

// chooseAddress finds the subnet and a free address in it.
func (s *Server) chooseAddress(rq *request) (*subnet, netip.Addr, *response) {
	ip, ref := orString(rq.get("ip"), rq.get("ip_address")), rq.get("subnet")
	none := netip.Addr{}
	if ip == "" && ref == "" {
		return nil, none, badRequest("Must supply either the 'subnet' or the 'ip' parameter.")
	}
	sn := s.subnet(ref)
	if ref != "" && sn == nil {
		return nil, none, badRequest("Unable to identify subnet: " + ref + ".")
	}
	if ip == "" {
		a, found := sn.nextFree()
		if !found {
			return nil, none, textResponse(http.StatusServiceUnavailable, "No more IPs available in subnet: "+sn.cidr.String()+".")
		}
		return sn, a, nil
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return nil, none, invalid("ip_address", "Enter a valid IPv4 or IPv6 address.")
	}
	if sn == nil {
		i := slices.IndexFunc(s.subnets, func(o *subnet) bool { return o.cidr.Contains(a) })
		if i < 0 {
			return nil, none, badRequest("No known subnet for IP address: " + ip + ".")
		}
		sn = s.subnets[i]
	}
	return sn, a, sn.refuse(a)
}

// refuse says why an address cannot be reserved.
func (sn *subnet) refuse(a netip.Addr) *response {
	r := sn.rangeOf(a)
	switch {
	case r != nil && r.dynamic:
		return textResponse(http.StatusForbidden, fmt.Sprintf("IP address %s belongs to an existing dynamic range. To reserve this IP "+
			"address, a MAC address is required. (Create a device instead.)", a))
	case r != nil:
		return textResponse(http.StatusNotFound, fmt.Sprintf("%s is within the reserved range from %s to %s", a, r.lo, r.hi))
	}
	if _, taken := sn.used[a]; taken {
		return textResponse(http.StatusNotFound, fmt.Sprintf("The IP address %s is already in use.", a))
	}
	return nil
}

func (s *Server) reservationName(rq *request) (string, *domain, *response) {
	name, domainRef, _ := strings.Cut(rq.get("hostname"), ".")
	d := s.domain(orString(orString(rq.get("domain"), domainRef), s.domains[0].name))
	if d == nil {
		return "", nil, notFound("Domain")
	}
	return name, d, nil
}

func releaseAddress(rq *request) *response {
	s := rq.s
	ip := rq.get("ip")
	if ip == "" {
		return badRequest("No provided ip!")
	}
	force := rq.user.admin && rq.get("force") == "true"
	i := slices.IndexFunc(s.reserved, func(r *reservation) bool {
		return r.addr.String() == ip && (force || r.owner == rq.user)
	})
	if i < 0 {
		return badRequest("IP address " + ip + " does not exist, is not the correct type of address, or does not belong to the " +
			"requesting user.\nIf you are sure you want to release this address, use force=true as a MAAS administrator.")
	}
	r := s.reserved[i]
	delete(r.subnet.used, r.addr)
	s.reserved = slices.Delete(s.reserved, i, i+1)
	if r.dns != nil {
		s.dns = slices.DeleteFunc(s.dns, func(o *dnsResource) bool { return o == r.dns })
		s.touchAll()
	}
	return empty(http.StatusNoContent)
}
