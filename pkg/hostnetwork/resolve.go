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

package hostnetwork

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// maxInterfaceName is Linux's IFNAMSIZ without the end of the string.
const maxInterfaceName = 15

// Target is a network in terms of one server: MAAS's names and ids.
type Target struct {
	// interfaces are ordered so that parents come first.
	interfaces []targetInterface
}

type targetInterface struct {
	// ref is the name in the network, name that in MAAS.
	ref, name string
	kind      maas.InterfaceType
	// parents are names in MAAS.
	parents []string
	// vlanID is MAAS's id of the VLAN, 0 where any will do.
	vlanID  int
	mtu     int
	bond    maas.BondParameters
	bridge  string
	vmVLANs []VIDRange
	links   []targetLink
	// linkUp asks for a link without an address, enslaved says that the interface is in a bond or bridge and can have none.
	linkUp, enslaved bool
}

type targetLink struct {
	mode     maas.LinkMode
	subnetID int
	subnet   netip.Prefix
	address  netip.Addr
	gateway  bool
}

func (t *Target) find(name string) *targetInterface {
	for i := range t.interfaces {
		if t.interfaces[i].name == name {
			return &t.interfaces[i]
		}
	}
	return nil
}

// resolver gathers what a network comes to on one server.
type resolver struct {
	network  Network
	observed []maas.Interface
	catalog  Catalog
	// nics are the observed NICs by their names in the network.
	nics map[string]*maas.Interface
	// trees are what is required of each tree of interfaces, by the name of its root: a bond, or a NIC in none.
	trees    map[string]*tree
	problems []Problem
}

// tree is a bond, or a NIC in none, with all that stands on it. All of it is in one fabric, and all of it but the VLAN interfaces and what
// stands on those is in one VLAN.
type tree struct {
	nics   []string
	fabric *maas.VLAN
	vlan   *maas.VLAN
}

func (r *resolver) problem(reason Reason, format string, args ...any) {
	p := Problem{Reason: reason, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(r.problems, p) {
		r.problems = append(r.problems, p)
	}
}

// Resolve works out what the network comes to on a server with the observed interfaces. With problems there is no target. The addresses
// that the server keeps may hold some that the network has no use for.
func Resolve(network Network, observed []maas.Interface, catalog Catalog, kept []Address) (*Target, []Problem) {
	r := resolve(network, observed, catalog)
	r.checkRoutes()
	target := r.target()
	r.addLinks(target, kept)
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return target, nil
}

// Fit tells why a server cannot carry the network, whatever is configured on it now: what it lacks in NICs and cabling first, then what MAAS
// lacks. Nothing means that it can.
func Fit(network Network, observed []maas.Interface, catalog Catalog) []Problem {
	network.Links = slices.Clone(network.Links)
	for i := range network.Links {
		network.Links[i].FromPool = false
	}
	_, problems := Resolve(network, observed, catalog, nil)
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(rank(a), rank(b)) })
	return problems
}

func rank(p Problem) int {
	if p.OfServer() {
		return 0
	}
	return 1
}

func resolve(network Network, observed []maas.Interface, catalog Catalog) *resolver {
	r := &resolver{network: network, observed: observed, catalog: catalog, nics: map[string]*maas.Interface{}, trees: map[string]*tree{}}
	r.matchNICs()
	r.growTrees()
	r.settleVLANs()
	return r
}

// matchNICs gives each name its NIC: the first by its name in MAAS that matches and is not taken.
func (r *resolver) matchNICs() {
	var physical []*maas.Interface
	for i := range r.observed {
		if r.observed[i].Type == maas.InterfacePhysical {
			physical = append(physical, &r.observed[i])
		}
	}
	slices.SortFunc(physical, func(a, b *maas.Interface) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	taken := map[int]bool{}
	take := func(nic NIC) {
		for _, p := range physical {
			if !taken[p.ID] && matches(nic.Match, p) {
				taken[p.ID] = true
				r.nics[nic.Name] = p
				return
			}
		}
	}
	// Who wants one NIC and no other goes first.
	for _, nic := range r.network.NICs {
		if nic.Match.isExact() {
			take(nic)
		}
	}
	for _, nic := range r.network.NICs {
		if !nic.Match.isExact() {
			take(nic)
		}
	}
	for _, nic := range r.network.NICs {
		switch p := r.nics[nic.Name]; {
		case p == nil:
			r.problem(NICNotFound, "no NIC for %s (%s)", nic.Name, nic.Match)
		case !p.Enabled:
			r.problem(CablingMismatch, "%s is disabled in MAAS", p.Name)
		case !p.LinkConnected:
			r.problem(CablingMismatch, "%s has no carrier", p.Name)
		}
	}
}

func matches(m Match, p *maas.Interface) bool {
	switch {
	case m.InterfaceName != "" && m.InterfaceName != p.Name,
		m.MACAddress != "" && !strings.EqualFold(m.MACAddress, p.MACAddress),
		m.Tag != "" && !slices.Contains(p.Tags, m.Tag):
		return false
	case m.Fabric == "":
		return true
	}
	return p.VLAN != nil && p.VLAN.Fabric == m.Fabric && (m.VID < 0 || p.VLAN.VID == m.VID)
}

// rootOf finds the bond or NIC that an interface stands on, and whether there is a VLAN interface on the way, the interface itself included.
func (r *resolver) rootOf(ref string) (root string, tagged bool) {
	// The API refuses loops; the bound keeps one that came by from hanging the provider.
	for range len(r.network.VLANs) + len(r.network.Bridges) + 1 {
		parent, isVLAN := r.parentOf(ref)
		if parent == "" {
			return ref, tagged
		}
		ref, tagged = parent, tagged || isVLAN
	}
	return ref, tagged
}

func (r *resolver) parentOf(ref string) (parent string, isVLAN bool) {
	for _, v := range r.network.VLANs {
		if v.Name() == ref {
			return v.Parent, true
		}
	}
	for _, b := range r.network.Bridges {
		if b.Name == ref {
			return b.Parent, false
		}
	}
	return "", false
}

// vidOf returns the tag that the frames of an interface have on the wire, 0 without one.
func (r *resolver) vidOf(ref string) int {
	for range len(r.network.VLANs) + len(r.network.Bridges) + 1 {
		for _, v := range r.network.VLANs {
			if v.Name() == ref {
				return v.VID
			}
		}
		parent, _ := r.parentOf(ref)
		if parent == "" {
			return 0
		}
		ref = parent
	}
	return 0
}

// growTrees learns from the links which fabric and VLAN each tree has to be in.
func (r *resolver) growTrees() {
	bonded := map[string]bool{}
	for _, b := range r.network.Bonds {
		r.trees[b.Name] = &tree{nics: b.Parents}
		for _, p := range b.Parents {
			bonded[p] = true
		}
	}
	for _, n := range r.network.NICs {
		if !bonded[n.Name] {
			r.trees[n.Name] = &tree{nics: []string{n.Name}}
		}
	}
	for _, l := range r.network.Links {
		if l.Subnet.IsZero() {
			continue
		}
		subnet, problem := r.catalog.FindSubnet(l.Subnet)
		if problem != nil {
			r.problem(problem.Reason, "%s", problem.Message)
			continue
		}
		r.plant(l, subnet)
	}
}

// plant notes what a link on a subnet requires of the tree it is in.
func (r *resolver) plant(l Link, subnet *maas.Subnet) {
	root, tagged := r.rootOf(l.Interface)
	t := r.trees[root]
	if t == nil {
		return
	}
	switch {
	case tagged && subnet.VLAN.VID != r.vidOf(l.Interface):
		r.problem(SubnetMismatch, "subnet %s is in VLAN %d of MAAS and cannot be linked to %s", l.Subnet, subnet.VLAN.VID, l.Interface)
	case t.fabric != nil && t.fabric.FabricID != subnet.VLAN.FabricID:
		r.problem(SubnetMismatch, "subnet %s is in %s of MAAS, and another subnet on %s in %s", l.Subnet, subnet.VLAN.Fabric, root, t.fabric.Fabric)
	case !tagged && t.vlan != nil && t.vlan.ID != subnet.VLAN.ID:
		r.problem(SubnetMismatch, "subnet %s is in another VLAN than another subnet on %s", l.Subnet, root)
	}
	t.fabric = &subnet.VLAN
	if !tagged {
		t.vlan = &subnet.VLAN
	}
}

// settleVLANs decides which untagged VLAN each tree is in, and whether its NICs are cabled to that.
func (r *resolver) settleVLANs() {
	for _, root := range r.roots() {
		t := r.trees[root]
		if t.vlan == nil {
			t.vlan = r.untaggedVLAN(t)
		}
		for _, ref := range t.nics {
			nic := r.nics[ref]
			if nic == nil || t.vlan == nil || nic.VLAN == nil || nic.VLAN.ID == t.vlan.ID || r.unknown(nic.VLAN) {
				continue
			}
			r.problem(CablingMismatch, "%s is in VLAN %d of %s, wanted VLAN %d of %s", nic.Name, nic.VLAN.VID, nic.VLAN.Fabric, t.vlan.VID, t.vlan.Fabric)
		}
	}
}

// roots are the roots of trees in the order of the network.
func (r *resolver) roots() []string {
	var roots []string
	for _, b := range r.network.Bonds {
		roots = append(roots, b.Name)
	}
	for _, n := range r.network.NICs {
		if r.trees[n.Name] != nil {
			roots = append(roots, n.Name)
		}
	}
	return roots
}

// untaggedVLAN is the VLAN for a tree without an untagged subnet: the one that its NICs are in where that is known and in the fabric, otherwise
// the fabric's own untagged VLAN.
func (r *resolver) untaggedVLAN(t *tree) *maas.VLAN {
	for _, ref := range t.nics {
		nic := r.nics[ref]
		if nic != nil && nic.VLAN != nil && (t.fabric == nil || nic.VLAN.FabricID == t.fabric.FabricID) && !r.unknown(nic.VLAN) {
			return nic.VLAN
		}
	}
	if t.fabric != nil {
		for i := range r.catalog.VLANs {
			if v := &r.catalog.VLANs[i]; v.FabricID == t.fabric.FabricID && v.VID == 0 {
				return v
			}
		}
	}
	for _, ref := range t.nics {
		if nic := r.nics[ref]; nic != nil && nic.VLAN != nil {
			return nic.VLAN
		}
	}
	return nil
}

// unknown tells whether MAAS knows nothing of the network of a VLAN: it makes a fabric of its own for each port on which it saw nobody.
func (r *resolver) unknown(vlan *maas.VLAN) bool {
	for i := range r.catalog.Subnets {
		if r.catalog.Subnets[i].VLAN.FabricID == vlan.FabricID {
			return false
		}
	}
	return true
}

// checkRoutes looks for the static routes that have to exist.
func (r *resolver) checkRoutes() {
	for _, want := range r.network.Routes {
		if !slices.ContainsFunc(r.catalog.Routes, func(have maas.StaticRoute) bool {
			return have.Source.Masked() == want.Source.Masked() && have.Destination.Masked() == want.Destination.Masked() &&
				(!want.Gateway.IsValid() || want.Gateway == have.Gateway)
		}) {
			by := ""
			if want.Gateway.IsValid() {
				by = " through " + want.Gateway.String()
			}
			r.problem(StaticRouteMissing, "MAAS has no static route from %s to %s%s", want.Source, want.Destination, by)
		}
	}
}
