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
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	bondModes       = []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}
	bondLACPRates   = []string{"fast", "slow"}
	bondHashPolicy  = []string{"layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4"}
	bridgeTypes     = []string{"standard", "ovs"}
	interfaceName   = regexp.MustCompile(`^[\w\-_.:]+$`)
	bondNumbers     = []string{"bond_miimon", "bond_updelay", "bond_downdelay", "bond_num_grat_arp"}
	bondDefaults    = obj{"bond_mode": "balance-rr", "bond_miimon": 100, "bond_updelay": 0, "bond_downdelay": 0, "bond_lacp_rate": "fast", "bond_num_grat_arp": 1, "bond_xmit_hash_policy": "layer2"}
	bridgeDefaults  = obj{"bridge_type": "standard", "bridge_stp": false, "bridge_fd": 15}
	minMTU          = 552
	fieldBlank      = "This field cannot be blank."
	parentsMismatch = "All parents must belong to the same VLAN."
)

// ifaceForm is a new or changed interface and what is wrong with it. Nothing of
// the machine changes before all is well.
type ifaceForm struct {
	rq     *request
	s      *Server
	m      *machine
	old    *iface // nil for a new one
	next   iface  // as it is to be
	params obj    // that were given
	errs   formErrors
}

func createInterface(kind, what string) handler {
	return func(rq *request) *response {
		return rq.withAdmin(func(m *machine) *response {
			if !configurable[m.status] {
				return notConfigurable(what)
			}
			form := &ifaceForm{rq: rq, s: rq.s, m: m, next: iface{kind: kind}, params: obj{}, errs: formErrors{}}
			form.clean()
			if len(form.errs) > 0 {
				return form.errs.response()
			}
			return ok(m.ifaceJSON(form.create()))
		})
	}
}

func updateInterface(rq *request) *response {
	return rq.withInterface("update interface", func(m *machine, f *iface) *response {
		form := &ifaceForm{rq: rq, s: rq.s, m: m, old: f, next: *f, params: obj{}, errs: formErrors{}}
		if m.status == StatusDeployed {
			form.cleanName()
			form.cleanMAC()
		} else {
			form.clean()
		}
		if len(form.errs) > 0 {
			return form.errs.response()
		}
		form.update()
		return ok(m.ifaceJSON(f))
	}, StatusDeployed)
}

// clean reads and checks the parameters.
func (f *ifaceForm) clean() {
	f.cleanName()
	f.cleanVLAN()
	parentsFine := f.cleanParents()
	f.cleanMAC()
	if n, given := f.errs.number(f.rq, "mtu", minMTU); given {
		f.params["mtu"] = n
	}
	if f.rq.has("tags") {
		f.next.tags = strings.FieldsFunc(f.rq.get("tags"), func(r rune) bool { return r == ',' || r == ' ' })
	}
	switch f.next.kind {
	case kindBond, kindBridge:
		if parentsFine {
			f.adoptParents()
		} else if f.next.mac == "" {
			f.errs.add("mac_address", fieldBlank)
		}
	case kindVLAN:
		if parentsFine && f.errs["vlan"] == nil {
			f.nameVLAN()
		}
	}
	f.cleanOptions()
}

func (f *ifaceForm) cleanName() {
	name := f.rq.get("name")
	switch {
	case name == "":
		if f.old == nil && (f.next.kind == kindBond || f.next.kind == kindBridge) {
			f.errs.add("name", required)
		}
		return
	case !interfaceName.MatchString(name):
		f.errs.add("name", "Enter a valid value.")
		return
	}
	f.next.name = name
	taken := slices.ContainsFunc(f.m.ifs, func(o *iface) bool { return o != f.old && o.name == name })
	switch {
	case taken && (f.next.kind == kindBond || f.next.kind == kindBridge):
		f.errs.add("__all__", "Interface with this Node config and Name already exists.")
	case taken:
		f.errs.add("name", f.nameTaken(name))
	}
}

func (f *ifaceForm) nameTaken(name string) string {
	return fmt.Sprintf("Node %s (%s) already has an interface named '%s'.", f.m.systemID, f.m.hostname, name)
}

func (f *ifaceForm) cleanMAC() {
	mac := strings.ToLower(f.rq.get("mac_address"))
	switch {
	case mac == "":
		if f.next.kind == kindPhysical && f.next.mac == "" {
			f.errs.add("mac_address", required)
		}
		return
	case !macShape.MatchString(mac):
		f.errs.add("mac_address", fmt.Sprintf("'%s' is not a valid MAC address.", f.rq.get("mac_address")))
		return
	}
	f.next.mac = mac
	if f.next.kind != kindPhysical {
		return
	}
	for _, m := range f.s.order {
		for _, o := range m.ifs {
			if o != f.old && o.kind == kindPhysical && o.mac == mac {
				f.errs.add("mac_address", fmt.Sprintf("This MAC address is already in use by %s (%s) on %s.", o.name, o.kind, m.hostname))
			}
		}
	}
}

func (f *ifaceForm) cleanVLAN() {
	ref := f.rq.get("vlan")
	acquired := f.next.kind == kindBridge && f.old == nil && f.m.status == StatusAllocated
	if acquired || !f.rq.has("vlan") && f.old != nil {
		return // a bridge of the machine's holder is where its parent is
	}
	v := f.s.vlanByID(ref)
	switch {
	case ref != "" && v == nil:
		f.errs.add("vlan", noChoice)
		return
	case f.next.kind == kindVLAN && v == nil:
		f.errs.add("vlan", "A VLAN interface must be connected to a tagged VLAN.")
		return
	case f.next.kind == kindVLAN && v.vid == 0:
		f.errs.add("vlan", "A VLAN interface can only belong to a tagged VLAN.")
		return
	}
	f.next.vlan = v
}

// parentField is what the caller calls the parents.
func (f *ifaceForm) parentField() string {
	if f.next.kind == kindVLAN || f.next.kind == kindBridge && f.old == nil {
		return "parent"
	}
	return "parents"
}

// cleanParents reads the parents and tells whether they can be used.
func (f *ifaceForm) cleanParents() bool {
	refs := slices.Clone(f.rq.form["parents"])
	if p := f.rq.get("parent"); p != "" && f.parentField() == "parent" {
		refs = []string{p}
	}
	if len(refs) > 0 || f.old == nil {
		f.next.parents = nil
	}
	for _, ref := range refs {
		if _, err := strconv.Atoi(ref); err != nil {
			f.errs.add(f.parentField(), "“"+ref+"” is not a valid value.")
			return false
		}
		i := slices.IndexFunc(f.m.ifs, func(o *iface) bool { return strconv.Itoa(o.id) == ref })
		if i < 0 {
			f.errs.add(f.parentField(), "Select a valid choice. "+ref+" is not one of the available choices.")
			return false
		}
		if !slices.Contains(f.next.parents, f.m.ifs[i]) {
			f.next.parents = append(f.next.parents, f.m.ifs[i])
		}
	}
	if bad := f.parentsRefused(); bad != "" {
		f.errs.add(f.parentField(), bad)
		return false
	}
	return true
}

func (f *ifaceForm) parentsRefused() string {
	ps := f.next.parents
	otherChild := func(kinds ...string) bool {
		return slices.ContainsFunc(f.m.children(ps[0]), func(c *iface) bool { return c != f.old && slices.Contains(kinds, c.kind) })
	}
	switch f.next.kind {
	case kindPhysical:
		if len(ps) > 0 {
			return "A physical interface cannot have parents."
		}
	case kindBond:
		switch {
		case len(ps) == 0:
			return "A bond interface must have one or more parents."
		case slices.ContainsFunc(ps, func(p *iface) bool { return p.kind != kindPhysical }):
			return "Only physical interfaces can be bonded."
		}
	case kindVLAN:
		switch {
		case len(ps) != 1:
			return "A VLAN interface must have exactly one parent."
		case ps[0].kind == kindVLAN:
			return "A VLAN interface can't have another VLAN interface as parent."
		case otherChild(kindBond):
			return "A VLAN interface can't have a parent that is already in a bond."
		}
	case kindBridge:
		switch {
		case len(ps) != 1:
			return "A bridge interface must have exactly one parent."
		case ps[0].kind == kindBridge:
			return "A bridge interface can't have another bridge interface as parent."
		case otherChild(kindBond, kindBridge):
			return "A bridge interface can't have a parent that is already in a bond or a bridge."
		}
	}
	return ""
}

// adoptParents gives a bond or bridge what it has of its parents, and checks that
// they are free.
func (f *ifaceForm) adoptParents() {
	ps := f.next.parents
	from := func(p *iface) bool { return p.mac == f.next.mac }
	if f.next.mac == "" || f.old != nil && f.next.mac == f.old.mac &&
		slices.ContainsFunc(f.old.parents, from) && !slices.ContainsFunc(ps, from) {
		f.next.mac = ps[0].mac
	}
	var busy []*iface
	for _, p := range ps {
		if slices.ContainsFunc(f.m.children(p), func(c *iface) bool {
			return c != f.old && (f.next.kind == kindBond || c.kind != kindVLAN)
		}) {
			busy = append(busy, p)
		}
	}
	if len(busy) > 0 {
		f.errs.add(f.parentField(), "Interfaces already in-use: "+strings.Join(names(busy), ", ")+".")
	}
	if f.old != nil {
		return
	}
	if f.next.vlan == nil {
		f.next.vlan = ps[0].vlan
	}
	if f.next.kind == kindBond && slices.ContainsFunc(ps, func(p *iface) bool { return p.vlan != f.next.vlan }) {
		f.errs.add(f.parentField(), parentsMismatch)
	}
}

func (f *ifaceForm) nameVLAN() {
	p, v := f.next.parents[0], f.next.vlan
	if v == nil {
		return
	}
	if p.lan().fabric != v.fabric {
		f.errs.add("vlan", "A VLAN interface can only belong to a tagged VLAN on the same fabric as its parent interface.")
	}
	if f.next.name == "" {
		f.next.name = fmt.Sprintf("%s.%d", p.name, v.vid)
		if f.m.iface(f.next.name) != nil {
			f.errs.add("name", f.nameTaken(f.next.name))
		}
	}
	f.next.mac = p.mac
}

// cleanOptions reads the parameters of bonds and bridges.
func (f *ifaceForm) cleanOptions() {
	switch f.next.kind {
	case kindBond:
		for field, choices := range map[string][]string{
			"bond_mode": bondModes, "bond_lacp_rate": bondLACPRates, "bond_xmit_hash_policy": bondHashPolicy,
		} {
			if v, given := f.errs.choice(f.rq, field, choices...); given {
				f.params[field] = v
			}
		}
		for _, field := range bondNumbers {
			if n, given := f.errs.number(f.rq, field, 0); given {
				f.params[field] = n
			}
		}
	case kindBridge:
		if v, given := f.errs.choice(f.rq, "bridge_type", bridgeTypes...); given {
			f.params["bridge_type"] = v
		}
		if n, given := f.errs.number(f.rq, "bridge_fd", 0); given {
			f.params["bridge_fd"] = n
		}
		if v := f.rq.get("bridge_stp"); v != "" {
			f.params["bridge_stp"] = isTrue(v)
		}
	}
}
