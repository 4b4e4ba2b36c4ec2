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

// linkForm is a link to be made and what is wrong with it.
type linkForm struct {
	rq     *request
	s      *Server
	m      *machine
	f      *iface
	force  bool
	mode   LinkMode
	subnet *subnet
	addr   netip.Addr
	errs   formErrors
}

func linkSubnet(rq *request) *response {
	return rq.withInterface("link subnet", func(m *machine, f *iface) *response {
		form := &linkForm{rq: rq, s: rq.s, m: m, f: f, force: isTrue(rq.get("force")), errs: formErrors{}}
		form.clean()
		if len(form.errs) > 0 {
			return form.errs.response()
		}
		if refused := form.chooseAddress(); refused != nil {
			return refused
		}
		form.link()
		return ok(m.ifaceJSON(f))
	})
}

func (l *linkForm) clean() {
	for _, c := range l.m.children(l.f) {
		if c.kind == kindBond {
			l.errs.add("bond", fmt.Sprintf("Cannot link interface(%s) when interface is in a bond(%s).", l.f.name, c.name))
		}
	}
	mode := strings.ToLower(l.rq.get("mode"))
	modes := []string{"auto", "dhcp", "static", "link_up"}
	switch {
	case mode == "":
		l.errs.add("mode", required)
	case !slices.Contains(modes, mode):
		l.errs.add("mode", invalidChoice(l.rq.get("mode"), "mode", modes))
	}
	l.mode = LinkMode(mode)
	l.cleanSubnet()
	if l.rq.get("ip_address") != "" {
		l.errs.address(l.rq, "ip_address", &l.addr)
	}
	l.cleanMode()
	if isTrue(l.rq.get("default_gateway")) {
		l.cleanGateway()
	}
}

// cleanSubnet finds the subnet; without force only those of the interface's VLAN
// are.
func (l *linkForm) cleanSubnet() {
	ref := l.rq.get("subnet")
	if ref == "" {
		return
	}
	sn := l.s.subnet(ref)
	if sn == nil || !l.force && l.f.vlan != nil && sn.vlan != l.f.vlan {
		kind, value, named := strings.Cut(ref, ":")
		if !named {
			kind, value = "id", ref
		}
		l.errs.add("subnet", fmt.Sprintf("None found with %s=%s.", kind, value))
		return
	}
	l.subnet = sn
}

func (l *linkForm) cleanMode() {
	switch l.mode {
	case LinkAuto, LinkStatic:
		if l.subnet == nil {
			l.errs.add("subnet", required)
			return
		}
		if l.mode == LinkStatic && l.addr.IsValid() {
			l.cleanStatic()
		}
	case LinkDHCP:
		if i := slices.IndexFunc(l.f.links, func(o *link) bool { return o.mode == LinkDHCP }); i >= 0 {
			from := ""
			if sn := l.f.links[i].subnet; sn != nil {
				from = " from '" + sn.String() + "'"
			}
			l.errs.add("mode", "Interface is already set to DHCP"+from+".")
		}
	case LinkUp:
		if !l.force && slices.ContainsFunc(l.f.links, func(o *link) bool { return o.mode != LinkUp }) {
			l.errs.add("mode", "Cannot configure interface to link up (with no IP address) while other links are already "+
				"configured. Specify force=True to override this behavior and delete all links.")
		}
	}
}

func (l *linkForm) cleanStatic() {
	if !l.subnet.cidr.Contains(l.addr) {
		l.errs.add("ip_address", fmt.Sprintf("IP address is not in the given subnet '%s'.", l.subnet))
	}
	if r := l.subnet.rangeOf(l.addr); r != nil && r.dynamic {
		l.errs.add("ip_address", fmt.Sprintf("IP address is inside a dynamic range %s to %s.", r.lo, r.hi))
	}
}

func (l *linkForm) cleanGateway() {
	switch {
	case l.mode != LinkAuto && l.mode != LinkStatic:
		l.errs.add("default_gateway", fmt.Sprintf("Cannot use in mode '%s'.", l.mode))
	case l.subnet == nil:
		l.errs.add("default_gateway", "Subnet is required when default_gateway is True.")
	case !l.subnet.gateway.IsValid():
		l.errs.add("default_gateway", fmt.Sprintf(
			"Cannot set as default gateway because subnet %s doesn't provide a gateway IP address.", l.subnet))
	}
}

// chooseAddress sees to the address of a static link.
func (l *linkForm) chooseAddress() *response {
	switch {
	case l.mode != LinkStatic:
		l.addr = netip.Addr{}
	case l.addr.IsValid():
		if _, taken := l.subnet.used[l.addr]; taken {
			return textResponse(http.StatusNotFound, "IP address is already in use.")
		}
	default:
		a, found := l.subnet.nextFree()
		if !found {
			return textResponse(http.StatusServiceUnavailable, "No more IPs available in subnet: "+l.subnet.cidr.String()+".")
		}
		l.addr = a
	}
	return nil
}

func (l *linkForm) link() {
	if l.mode == LinkUp || l.force {
		l.s.dropAllLinks(l.m, l.f)
		if l.subnet != nil && l.force {
			l.f.vlan = nil
		}
	}
	made := l.s.addLink(l.m, l.f, l.mode, l.subnet, l.addr)
	if isTrue(l.rq.get("default_gateway")) {
		l.m.gateways[made.family()] = made
	}
	l.s.changed(l.m, l.f)
}

// linkID reads a parameter that names one of the links.
func (rq *request) linkID(field string, links []*link, errs formErrors) *link {
	ids := []string{}
	for _, l := range links {
		if strconv.Itoa(l.id) == rq.get(field) {
			return l
		}
		ids = append(ids, strconv.Itoa(l.id))
	}
	if rq.get(field) != "" {
		errs.add(field, invalidChoice(rq.get(field), field, ids))
	}
	return nil
}

func unlinkSubnet(rq *request) *response {
	return rq.withInterface("unlink subnet", func(m *machine, f *iface) *response {
		errs := formErrors{}
		if rq.get("id") == "" {
			errs.add("id", required)
		}
		l := rq.linkID("id", f.links, errs)
		if len(errs) > 0 {
			return errs.response()
		}
		rq.s.dropLinks(m, f, func(o *link) bool { return o == l })
		rq.s.ensureLinkUp(m, f)
		return ok(m.ifaceJSON(f))
	})
}

func disconnect(rq *request) *response {
	return rq.withInterface("disconnect", func(m *machine, f *iface) *response {
		if f.kind == kindVLAN || f.kind == kindBridge && f.parents[0].kind == kindVLAN {
			return invalid("vlan", "VLAN interface requires connection to a VLAN.")
		}
		rq.s.dropAllLinks(m, f)
		if f.discovered.IsValid() {
			delete(f.discSubnet.used, f.discovered)
			f.discovered, f.discSubnet = netip.Addr{}, nil
		}
		f.vlan = nil
		rq.s.changed(m, f)
		return ok(m.ifaceJSON(f))
	})
}

func setDefaultGateway(rq *request) *response {
	return rq.withInterface("set default gateway", func(m *machine, f *iface) *response {
		var usable []*link
		gateways := map[netip.Addr]bool{}
		perFamily := [2]int{}
		for _, l := range f.links {
			if l.subnet != nil && l.subnet.gateway.IsValid() {
				usable = append(usable, l)
				if !gateways[l.subnet.gateway] {
					gateways[l.subnet.gateway] = true
					perFamily[l.family()]++
				}
			}
		}
		errs := formErrors{}
		chosen := rq.linkID("link_id", usable, errs)
		switch {
		case len(usable) == 0:
			return invalid("__all__", "This interface has no usable gateways.")
		case rq.get("link_id") == "" && perFamily[ipv4] > 1:
			errs.add("link_id", "This field is required; Interface has more than one usable IPv4 gateway.")
		case rq.get("link_id") == "" && perFamily[ipv6] > 1:
			errs.add("link_id", "This field is required; Interface has more than one usable IPv6 gateway.")
		}
		if len(errs) > 0 {
			return errs.response()
		}
		if chosen != nil {
			usable = []*link{chosen}
		}
		m.useGateways(usable)
		return ok(m.ifaceJSON(f))
	})
}

// useGateways chooses the first link of each family for the default route.
func (m *machine) useGateways(links []*link) {
	var done [2]bool
	for _, l := range links {
		if !done[l.family()] {
			m.gateways[l.family()], done[l.family()] = l, true
		}
	}
	m.touch()
}
