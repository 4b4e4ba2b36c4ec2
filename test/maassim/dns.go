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
	"time"
)

type domain struct {
	id   int
	name string
	ttl  *int
}

// dnsAddress is an address of a DNS resource. When it is a machine's own it
// goes with the machine: the entry stays and its ip turns null.
type dnsAddress struct {
	addr    netip.Addr
	subnet  *subnet
	machine string // system id, "" when reserved for the resource
	owner   *user
	created time.Time
}

type dnsResource struct {
	id     int
	name   string
	domain *domain
	ttl    *int
	addrs  []*dnsAddress
}

func (s *Server) domain(ref string) *domain {
	for _, d := range s.domains {
		if d.name == ref || strconv.Itoa(d.id) == ref {
			return d
		}
	}
	return nil
}

func (s *Server) domainJSON(d *domain) obj {
	n := 0
	for _, r := range s.dns {
		if r.domain == d {
			n += len(r.addrs)
		}
	}
	return obj{
		"id": d.id, "name": d.name, "authoritative": true, "ttl": d.ttl, "resource_record_count": n,
		"is_default": d.id == 0, "resource_uri": fmt.Sprintf("%sdomains/%d/", apiRoot, d.id),
	}
}

var dnsRoutes = []route{
	{"domains/", http.MethodGet, "", "domains.list", users, listDomains},
	{"domains/", http.MethodPost, "", "domains.create", admins, createDomain},
	{"domains/*/", http.MethodGet, "", "domain.read", users, readDomain},
	{"domains/*/", http.MethodPut, "", "domain.update", adminsRaw, updateDomain},
	{"domains/*/", http.MethodDelete, "", "domain.delete", adminsRaw, deleteDomain},
	{"dnsresources/", http.MethodGet, "", "dnsresources.list", users, listDNS},
	{"dnsresources/", http.MethodPost, "", "dnsresources.create", admins, createDNS},
	{"dnsresources/*/", http.MethodGet, "", "dnsresource.read", users, readDNS},
	{"dnsresources/*/", http.MethodPut, "", "dnsresource.update", adminsRaw, updateDNS},
	{"dnsresources/*/", http.MethodDelete, "", "dnsresource.delete", adminsRaw, deleteDNS},
}

func listDomains(rq *request) *response {
	out := []obj{}
	for _, d := range rq.s.domains {
		out = append(out, rq.s.domainJSON(d))
	}
	return ok(out)
}

func createDomain(rq *request) *response {
	name := rq.get("name")
	switch {
	case name == "":
		return invalid("name", "This field is required.")
	case rq.s.domain(name) != nil:
		return invalid("name", "Domain with this Name already exists.")
	case strings.ContainsAny(name, " _/"):
		return jsonResponse(http.StatusBadRequest, obj{"name": []string{
			"Domain name contains invalid characters.", "Label contains disallowed characters: '" + name + "'.",
		}})
	}
	d := &domain{id: rq.s.ids.next("domain") - 1, name: name, ttl: intOrNil(rq.get("ttl"))}
	rq.s.domains = append(rq.s.domains, d)
	return ok(rq.s.domainJSON(d))
}

func intOrNil(v string) *int {
	n, err := strconv.Atoi(v)
	if err != nil {
		return nil
	}
	return &n
}

func (rq *request) withDomain(f func(*domain) *response) *response {
	d := rq.s.domain(rq.args[0])
	if d == nil {
		return notFound("Domain")
	}
	return f(d)
}

func readDomain(rq *request) *response {
	return rq.withDomain(func(d *domain) *response { return ok(rq.s.domainJSON(d)) })
}

func updateDomain(rq *request) *response {
	return rq.withDomain(func(d *domain) *response {
		if rq.has("name") {
			d.name = rq.get("name")
		}
		if rq.has("ttl") {
			d.ttl = intOrNil(rq.get("ttl"))
		}
		rq.s.touchAll()
		return ok(rq.s.domainJSON(d))
	})
}

func deleteDomain(rq *request) *response {
	return rq.withDomain(func(d *domain) *response {
		if d.id == 0 {
			return badRequest("This domain is the default domain, it cannot be deleted.")
		}
		var refs []string
		for _, r := range rq.s.dns {
			if r.domain == d {
				refs = append(refs, "<DNSResource: name="+r.name+">")
			}
		}
		if len(refs) > 0 {
			return textResponse(http.StatusInternalServerError, "(\"Cannot delete some instances of model 'Domain' because they are "+
				"referenced through protected foreign keys: 'DNSResource.domain'.\", {"+strings.Join(refs, ", ")+"})")
		}
		rq.s.domains = slices.DeleteFunc(rq.s.domains, func(o *domain) bool { return o == d })
		return empty(http.StatusNoContent)
	})
}

func (r *dnsResource) fqdn() string { return r.name + "." + r.domain.name }

func (s *Server) dnsJSON(r *dnsResource) obj {
	addrs := []obj{}
	for _, a := range r.addrs {
		addrs = append(addrs, s.dnsAddressJSON(a))
	}
	return obj{
		"id": r.id, "fqdn": r.fqdn(), "address_ttl": r.ttl, "ip_addresses": addrs, "resource_records": []obj{},
		"resource_uri": fmt.Sprintf("%sdnsresources/%d/", apiRoot, r.id),
	}
}

func (s *Server) dnsAddressJSON(a *dnsAddress) obj {
	o := obj{
		"created": a.created.UTC().Format("2006-01-02T15:04:05.000"), "ip": a.addr.String(), "alloc_type": 4,
		"alloc_type_name": "User reserved", "subnet": nil, "owner": nil, "interface_set": []obj{},
		"resource_uri": apiRoot + "ipaddresses/",
	}
	if a.subnet != nil {
		o["subnet"] = a.subnet.json()
	}
	if a.machine == "" {
		o["owner"] = userJSON(a.owner)
		return o
	}
	o["alloc_type"], o["alloc_type_name"] = 0, "Automatic"
	m := s.machines[a.machine]
	if m == nil || !slices.Contains(m.addresses(), a.addr.String()) {
		o["ip"] = nil
	}
	if m == nil {
		return o
	}
	for _, f := range m.ifs {
		for _, l := range f.links {
			if l.addr == a.addr && l.mode == LinkStatic {
				o["alloc_type"], o["alloc_type_name"], o["interface_set"] = 1, "Static", []obj{m.ifaceJSON(f)}
				return o
			}
			if l.subnet == a.subnet && l.mode == LinkAuto {
				o["interface_set"] = []obj{m.ifaceJSON(f)}
			}
		}
	}
	return o
}

func listDNS(rq *request) *response {
	s := rq.s
	if rq.has("domain") && s.domain(rq.get("domain")) == nil {
		return notFound("Domain")
	}
	out := []obj{}
	for _, r := range s.dns {
		if rq.has("domain") && r.domain != s.domain(rq.get("domain")) || rq.has("fqdn") && r.fqdn() != rq.get("fqdn") ||
			rq.has("name") && r.name != rq.get("name") || rq.has("rrtype") {
			continue
		}
		out = append(out, s.dnsJSON(r))
	}
	slices.SortStableFunc(out, func(a, b obj) int { return strings.Compare(fmt.Sprint(a["fqdn"]), fmt.Sprint(b["fqdn"])) })
	if rq.get("all") == "true" {
		out = append(s.machineNames(), out...)
	}
	return ok(out)
}

// machineNames are the records MAAS makes of machines itself.
func (s *Server) machineNames() []obj {
	var out []obj
	for _, m := range s.order {
		for _, ip := range m.addresses() {
			out = append(out, obj{
				"id": -1, "fqdn": m.fqdn(), "address_ttl": nil, "ip_addresses": nil,
				"resource_uri": apiRoot + "dnsresources/-1/",
				"resource_records": []obj{{
					"system_id": m.systemID, "node_type": 0, "user_id": nil, "dnsresource_id": nil, "ttl": nil,
					"rrtype": "A", "rrdata": ip, "dnsdata_id": nil,
				}},
			})
		}
	}
	return out
}

func createDNS(rq *request) *response {
	s := rq.s
	name, domainRef := rq.get("name"), orString(rq.get("domain"), s.domains[0].name)
	if fqdn := rq.get("fqdn"); fqdn != "" {
		name, domainRef, _ = strings.Cut(fqdn, ".")
	}
	d := s.domain(domainRef)
	switch {
	case d == nil:
		return notFound("Domain")
	case strings.ContainsAny(name, " /"):
		return invalid("__all__", "Invalid dnsresource name: "+name+".")
	case slices.ContainsFunc(s.dns, func(r *dnsResource) bool { return r.name == name && r.domain == d }):
		return invalid("__all__", "Labels must be unique within their zone.")
	}
	r := &dnsResource{name: name, domain: d, ttl: intOrNil(rq.get("address_ttl"))}
	if refused := s.setAddresses(rq, r); refused != nil {
		return refused
	}
	r.id = s.ids.next("dnsresource")
	s.dns = append(s.dns, r)
	s.touchAll()
	return ok(s.dnsJSON(r))
}

// setAddresses replaces the addresses. Of repeated values the last counts.
func (s *Server) setAddresses(rq *request, r *dnsResource) *response {
	var addrs []*dnsAddress
	for _, v := range strings.FieldsFunc(rq.get("ip_addresses"), func(c rune) bool { return c == ' ' || c == ',' }) {
		a, err := netip.ParseAddr(v)
		if err != nil {
			return textResponse(http.StatusInternalServerError, "failed to detect a valid IP address from '"+v+"'")
		}
		addrs = append(addrs, s.dnsAddressFor(rq.user, a))
	}
	s.freeDNS(r)
	r.addrs = addrs
	for _, a := range addrs {
		if a.subnet != nil && a.machine == "" {
			a.subnet.used[a.addr] = "dns"
		}
	}
	return nil
}

func (s *Server) dnsAddressFor(u *user, a netip.Addr) *dnsAddress {
	out := &dnsAddress{addr: a, owner: u, created: s.clock.Now()}
	for _, sn := range s.subnets {
		if !sn.cidr.Contains(a) {
			continue
		}
		out.subnet = sn
		if holder := sn.used[a]; s.machines[holder] != nil {
			out.machine, out.owner = holder, s.machines[holder].owner
		}
	}
	return out
}

func (s *Server) freeDNS(r *dnsResource) {
	for _, a := range r.addrs {
		if a.subnet != nil && a.machine == "" {
			delete(a.subnet.used, a.addr)
		}
	}
	r.addrs = nil
}

func (rq *request) withDNS(f func(*dnsResource) *response) *response {
	for _, r := range rq.s.dns {
		if strconv.Itoa(r.id) == rq.args[0] {
			return f(r)
		}
	}
	return notFound("DNSResource")
}

func readDNS(rq *request) *response {
	return rq.withDNS(func(r *dnsResource) *response { return ok(rq.s.dnsJSON(r)) })
}

func updateDNS(rq *request) *response {
	return rq.withDNS(func(r *dnsResource) *response {
		if rq.has("address_ttl") {
			r.ttl = intOrNil(rq.get("address_ttl"))
		}
		if rq.has("name") {
			r.name = rq.get("name")
		}
		if rq.has("ip_addresses") {
			if refused := rq.s.setAddresses(rq, r); refused != nil {
				return refused
			}
		} else if len(r.addrs) > 1 {
			// MAAS's form starts from one address only: the others are lost.
			r.addrs = r.addrs[len(r.addrs)-1:]
		}
		rq.s.touchAll()
		return ok(rq.s.dnsJSON(r))
	})
}

func deleteDNS(rq *request) *response {
	return rq.withDNS(func(r *dnsResource) *response {
		rq.s.freeDNS(r)
		rq.s.dns = slices.DeleteFunc(rq.s.dns, func(o *dnsResource) bool { return o == r })
		rq.s.touchAll()
		return empty(http.StatusNoContent)
	})
}
