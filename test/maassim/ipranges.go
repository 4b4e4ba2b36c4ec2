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

// ipRange is a reserved or dynamic range of a subnet: AUTO takes no address in
// it, and a dynamic one is DHCP's.
type ipRange struct {
	id      int
	lo, hi  netip.Addr
	dynamic bool
	comment string
	subnet  *subnet
	owner   *user // nil for those that came with the subnet
}

func (r *ipRange) contains(a netip.Addr) bool { return r.lo.Compare(a) <= 0 && a.Compare(r.hi) <= 0 }

func (r *ipRange) kind() string {
	if r.dynamic {
		return "dynamic"
	}
	return "reserved"
}

// addRange adds a range "first-last" and panics when it cannot read it.
func (s *Server) addRange(sn *subnet, v string, dynamic bool) {
	lo, hi, _ := strings.Cut(v, "-")
	sn.ranges = append(sn.ranges, &ipRange{
		id: s.ids.next("iprange"), lo: netip.MustParseAddr(lo), hi: netip.MustParseAddr(hi), dynamic: dynamic, subnet: sn,
	})
}

var rangeRoutes = []route{
	{"ipranges/", http.MethodGet, "", "ipranges.list", users, listRanges},
	{"ipranges/", http.MethodPost, "", "ipranges.create", users, createRange},
	{"ipranges/*/", http.MethodGet, "", "iprange.read", users, readRange},
	{"ipranges/*/", http.MethodPut, "", "iprange.update", users, updateRange},
	{"ipranges/*/", http.MethodDelete, "", "iprange.delete", users, deleteRange},
}

func (s *Server) rangeJSON(r *ipRange) obj {
	o := obj{
		"id": r.id, "subnet": r.subnet.json(), "type": r.kind(), "start_ip": r.lo.String(), "end_ip": r.hi.String(),
		"comment": r.comment, "user": nil, "resource_uri": fmt.Sprintf("%sipranges/%d/", apiRoot, r.id),
	}
	owner := r.owner
	if i := slices.IndexFunc(s.users, func(u *user) bool { return u.admin }); owner == nil && i >= 0 {
		owner = s.users[i] // an administrator set the subnet up
	}
	if owner != nil {
		o["user"] = userJSON(owner)
	}
	return o
}

func listRanges(rq *request) *response {
	var all []*ipRange
	for _, sn := range rq.s.subnets {
		all = append(all, sn.ranges...)
	}
	slices.SortFunc(all, func(a, b *ipRange) int { return a.id - b.id })
	out := []obj{}
	for _, r := range all {
		out = append(out, rq.s.rangeJSON(r))
	}
	return ok(out)
}

func (rq *request) withRange(f func(*ipRange) *response) *response {
	for _, sn := range rq.s.subnets {
		for _, r := range sn.ranges {
			if strconv.Itoa(r.id) == rq.args[0] {
				return f(r)
			}
		}
	}
	return notFound("IPRange")
}

// withOwnRange is for changes, which the owner and administrators may make.
func (rq *request) withOwnRange(f func(*ipRange) *response) *response {
	return rq.withRange(func(r *ipRange) *response {
		if !rq.user.admin && r.owner != rq.user {
			return textResponse(http.StatusForbidden, "Unable to modify IP range. You don't own the IP range.")
		}
		return f(r)
	})
}

func readRange(rq *request) *response {
	return rq.withRange(func(r *ipRange) *response { return ok(rq.s.rangeJSON(r)) })
}

func createRange(rq *request) *response {
	if rq.get("type") == "dynamic" && !rq.user.admin {
		return textResponse(http.StatusForbidden, "Unable to create dynamic IP range. You don't have sufficient privileges.")
	}
	r := &ipRange{owner: rq.user}
	if bad := rq.s.readRange(rq, r); bad != nil {
		return bad
	}
	r.id = rq.s.ids.next("iprange")
	r.subnet.ranges = append(r.subnet.ranges, r)
	return ok(rq.s.rangeJSON(r))
}

func updateRange(rq *request) *response {
	return rq.withOwnRange(func(r *ipRange) *response {
		changed := *r
		if bad := rq.s.readRange(rq, &changed); bad != nil {
			return bad
		}
		*r = changed
		return ok(rq.s.rangeJSON(r))
	})
}

func deleteRange(rq *request) *response {
	return rq.withOwnRange(func(r *ipRange) *response {
		r.subnet.ranges = slices.DeleteFunc(r.subnet.ranges, func(o *ipRange) bool { return o == r })
		return empty(http.StatusNoContent)
	})
}

// readRange takes what the form says into r and checks it.
func (s *Server) readRange(rq *request, r *ipRange) *response {
	errs := formErrors{}
	if rq.has("comment") {
		r.comment = rq.get("comment")
	}
	switch kind := rq.get("type"); {
	case kind == "reserved" || kind == "dynamic":
		r.dynamic = kind == "dynamic"
	case kind != "":
		errs.add("type", "Select a valid choice. "+kind+" is not one of the available choices.")
	case r.id == 0:
		errs.add("type", required)
	}
	errs.address(rq, "start_ip", &r.lo)
	errs.address(rq, "end_ip", &r.hi)
	s.readRangeSubnet(rq, r, errs)
	if !r.lo.IsValid() || !r.hi.IsValid() {
		errs.add("start_ip", "Start IP address and end IP address are both required.")
		errs.add("end_ip", "Start IP address and end IP address are both required.")
	}
	if len(errs) == 0 {
		r.check(errs)
	}
	return errs.response()
}

func (s *Server) readRangeSubnet(rq *request, r *ipRange, errs formErrors) {
	if r.subnet != nil {
		return
	}
	if rq.has("subnet") {
		r.subnet = s.subnet(rq.get("subnet"))
	} else if i := slices.IndexFunc(s.subnets, func(sn *subnet) bool { return sn.cidr.Contains(r.lo) }); i >= 0 {
		r.subnet = s.subnets[i]
	}
	if r.subnet == nil {
		errs.add("subnet", required)
	}
}

func (r *ipRange) check(errs formErrors) {
	both := func(text string) {
		errs.add("start_ip", text)
		errs.add("end_ip", text)
	}
	if !r.subnet.cidr.Contains(r.lo) || !r.subnet.cidr.Contains(r.hi) {
		both("IP addresses must be within subnet: " + r.subnet.cidr.String() + ".")
		return
	}
	if r.hi.Less(r.lo) {
		errs.add("end_ip", "End IP address must not be less than Start IP address.")
		return
	}
	for _, o := range r.subnet.ranges {
		if o.id != r.id && !o.hi.Less(r.lo) && !r.hi.Less(o.lo) {
			both("Requested " + r.kind() + " range conflicts with an existing range.")
			return
		}
	}
}
