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

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Step is one writing call of MAAS. Exactly one of the pointers is set, or none for an Unlink, a Delete or a Gateway.
type Step struct {
	Verb Verb
	// Interface is the name of what the step is about, InterfaceID its id unless the step makes it.
	Interface   string
	InterfaceID int

	CreateBond   *maas.CreateBond
	CreateVLAN   *CreateVLAN
	CreateBridge *maas.CreateBridge
	Update       *maas.InterfaceUpdate
	Link         *maas.LinkRequest
	// LinkID is for Unlink and Gateway.
	LinkID int
}

// CreateVLAN makes a VLAN interface; MAAS names it.
type CreateVLAN struct{ ParentID, VLANID, MTU int }

// Verb is a kind of Step.
type Verb string

// The verbs, each a call of maas.Networks.
const (
	Delete           Verb = "Delete"
	MakeBond         Verb = "MakeBond"
	MakeVLAN         Verb = "MakeVLAN"
	MakeBridge       Verb = "MakeBridge"
	Change           Verb = "Change"
	LinkTo           Verb = "LinkTo"
	Unlink           Verb = "Unlink"
	SetGateway       Verb = "SetGateway"
	firstInventedID       = 1 << 30
	mostStepsOfAPlan      = 512
)

// String says what the step does, for logs.
func (s Step) String() string {
	switch s.Verb {
	case LinkTo:
		return fmt.Sprintf("%s %s %s subnet %d", s.Verb, s.Interface, s.Link.Mode, s.Link.SubnetID)
	case Unlink, SetGateway:
		return fmt.Sprintf("%s %s link %d", s.Verb, s.Interface, s.LinkID)
	default:
		return fmt.Sprintf("%s %s", s.Verb, s.Interface)
	}
}

// Next is the next step from the interfaces towards the target, nil when they are as they should be.
func (t *Target) Next(interfaces []maas.Interface) *Step {
	for _, find := range []func([]maas.Interface) *Step{t.nextRemoval, t.nextAddressToFree, t.nextInterface, t.nextLink} {
		if step := find(interfaces); step != nil {
			return step
		}
	}
	return nil
}

// Plan foretells all steps. Executing goes by Next and MAAS's answers instead, which say more than can be foretold.
func (t *Target) Plan(interfaces []maas.Interface) []Step {
	var steps []Step
	for range mostStepsOfAPlan {
		step := t.Next(interfaces)
		if step == nil {
			break
		}
		steps = append(steps, *step)
		interfaces = step.After(interfaces, nil)
	}
	return steps
}

// nextRemoval finds an interface that stands in the way.
func (t *Target) nextRemoval(interfaces []maas.Interface) *Step {
	for i := range interfaces {
		have := &interfaces[i]
		if have.Type != maas.InterfacePhysical && t.inTheWay(have) {
			return &Step{Verb: Delete, Interface: have.Name, InterfaceID: have.ID}
		}
	}
	return nil
}

func (t *Target) inTheWay(have *maas.Interface) bool {
	if want := t.find(have.Name); want != nil {
		return !want.standsAs(have)
	}
	for _, name := range have.Parents {
		parent := t.find(name)
		if parent == nil {
			continue
		}
		if have.Type != maas.InterfaceVLAN || have.VLAN == nil {
			// It would hold a described interface in a bond or a bridge.
			return true
		}
		if t.inBond(name) {
			return true
		}
		for i := range t.interfaces {
			other := &t.interfaces[i]
			if !slices.Contains(other.parents, name) {
				continue
			}
			// The VLAN has another name than MAAS would give it, or keeps a VLAN from the virtual machines.
			if other.kind == maas.InterfaceVLAN && other.vlanID == have.VLAN.ID ||
				other.kind == maas.InterfaceBridge && inRanges(other.vmVLANs, have.VLAN.VID) {
				return true
			}
		}
	}
	return false
}

func (t *Target) inBond(name string) bool {
	return slices.ContainsFunc(t.interfaces, func(i targetInterface) bool {
		return i.kind == maas.InterfaceBond && slices.Contains(i.parents, name)
	})
}

// standsAs tells whether an interface stands where it should; how it is configured can be changed, where it stands cannot.
func (want *targetInterface) standsAs(have *maas.Interface) bool {
	if want.kind != have.Type {
		return false
	}
	if want.vlanID != 0 && (have.VLAN == nil || have.VLAN.ID != want.vlanID) {
		return false
	}
	a, b := slices.Clone(want.parents), slices.Clone(have.Parents)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// nextAddressToFree finds a link of this server that has an address which is wanted elsewhere on it: MAAS gives an address once.
func (t *Target) nextAddressToFree(interfaces []maas.Interface) *Step {
	for i := range t.interfaces {
		for _, want := range t.interfaces[i].links {
			for j := range interfaces {
				have := &interfaces[j]
				if have.Name == t.interfaces[i].name || !want.address.IsValid() {
					continue
				}
				for _, l := range have.Links {
					if l.Address == want.address {
						return &Step{Verb: Unlink, Interface: have.Name, InterfaceID: have.ID, LinkID: l.ID}
					}
				}
			}
		}
	}
	return nil
}

// nextInterface finds an interface to make or to change, parents first.
func (t *Target) nextInterface(interfaces []maas.Interface) *Step {
	for i := range t.interfaces {
		want := &t.interfaces[i]
		have := findInterface(interfaces, want.name)
		switch {
		case have == nil && want.kind != maas.InterfacePhysical:
			return want.create(interfaces)
		case have == nil:
			continue
		}
		if update := want.update(have, t.inBond(want.name) && len(have.Children) > 0); update != nil {
			return &Step{Verb: Change, Interface: have.Name, InterfaceID: have.ID, Update: update}
		}
	}
	return nil
}

func (want *targetInterface) create(interfaces []maas.Interface) *Step {
	var parents []int
	mac := ""
	for _, name := range want.parents {
		if p := findInterface(interfaces, name); p != nil {
			parents = append(parents, p.ID)
			mac = cmp.Or(mac, p.MACAddress)
		}
	}
	if len(parents) == 0 {
		return nil
	}
	step := &Step{Interface: want.name}
	switch want.kind {
	case maas.InterfaceBond:
		step.Verb = MakeBond
		step.CreateBond = &maas.CreateBond{Name: want.name, MACAddress: mac, ParentIDs: parents, VLANID: want.vlanID, MTU: want.mtu, Parameters: want.bond}
	case maas.InterfaceVLAN:
		step.Verb = MakeVLAN
		step.CreateVLAN = &CreateVLAN{ParentID: parents[0], VLANID: want.vlanID, MTU: want.mtu}
	case maas.InterfaceBridge:
		step.Verb = MakeBridge
		step.CreateBridge = &maas.CreateBridge{Name: want.name, MACAddress: mac, ParentID: parents[0], VLANID: want.vlanID, MTU: want.mtu,
			Parameters: maas.BridgeParameters{Type: want.bridge}}
	case maas.InterfacePhysical:
		return nil
	}
	return step
}

// update says what to change of an interface that stands where it should. The VLAN of a NIC in its bond is the bond's.
func (want *targetInterface) update(have *maas.Interface, bonded bool) *maas.InterfaceUpdate {
	var u maas.InterfaceUpdate
	changed := false
	if want.kind == maas.InterfacePhysical && !bonded && want.vlanID != 0 && (have.VLAN == nil || have.VLAN.ID != want.vlanID) {
		u.VLANID, changed = &want.vlanID, true
	}
	if want.mtu != 0 && have.MTU != want.mtu {
		u.MTU, changed = &want.mtu, true
	}
	if want.kind == maas.InterfaceBond && !satisfies(have.Bond, want.bond) {
		u.Bond, changed = &want.bond, true
	}
	if want.kind == maas.InterfaceBridge && want.bridge != "" && have.Bridge.Type != want.bridge {
		u.Bridge, changed = &maas.BridgeParameters{Type: want.bridge, STP: have.Bridge.STP}, true
	}
	if !changed {
		return nil
	}
	return &u
}

// satisfies tells whether the bond has every parameter that is asked for.
func satisfies(have, want maas.BondParameters) bool {
	return (want.Mode == "" || want.Mode == have.Mode) &&
		(want.LACPRate == "" || want.LACPRate == have.LACPRate) &&
		(want.XmitHashPolicy == "" || want.XmitHashPolicy == have.XmitHashPolicy) &&
		(want.MIIMonMS == 0 || want.MIIMonMS == have.MIIMonMS)
}

// nextLink finds a link to take away, to make, or to give the default gateway.
func (t *Target) nextLink(interfaces []maas.Interface) *Step {
	for i := range t.interfaces {
		want := &t.interfaces[i]
		if have := findInterface(interfaces, want.name); have != nil {
			if step := want.nextLink(have); step != nil {
				step.Interface, step.InterfaceID = have.Name, have.ID
				return step
			}
		}
	}
	return nil
}

func (want *targetInterface) nextLink(have *maas.Interface) *Step {
	paired := want.pair(have.Links)
	for _, l := range have.Links {
		if !slices.Contains(paired, l.ID) && l.Mode != maas.LinkUp {
			return &Step{Verb: Unlink, LinkID: l.ID}
		}
	}
	for i, id := range paired {
		l := want.links[i]
		if id == 0 {
			return &Step{Verb: LinkTo, Link: &maas.LinkRequest{Mode: l.mode, SubnetID: l.subnetID, Address: l.address, DefaultGateway: l.gateway}}
		}
		j := slices.IndexFunc(have.Links, func(h maas.Link) bool { return h.ID == id })
		if l.gateway && !have.Links[j].Gateway {
			return &Step{Verb: SetGateway, LinkID: id}
		}
	}
	for _, l := range have.Links {
		if l.Mode == maas.LinkUp && len(want.links) > 0 {
			return &Step{Verb: Unlink, LinkID: l.ID}
		}
	}
	if want.linkUp && len(have.Links) == 0 {
		return &Step{Verb: LinkTo, Link: &maas.LinkRequest{Mode: maas.LinkUp}}
	}
	return nil
}

// pair finds for each wanted link the one that is there already, 0 for none: one with the wanted address before one with any, the oldest first.
func (want *targetInterface) pair(have []maas.Link) []int {
	paired := make([]int, len(want.links))
	sorted := slices.SortedFunc(slices.Values(have), func(a, b maas.Link) int { return cmp.Compare(a.ID, b.ID) })
	for i, w := range want.links {
		for _, h := range sorted {
			if slices.Contains(paired, h.ID) || h.Mode != w.mode || (w.subnetID != 0 && h.SubnetID != w.subnetID) {
				continue
			}
			if w.address.IsValid() && h.Address != w.address {
				continue
			}
			paired[i] = h.ID
			break
		}
	}
	return paired
}

// Addresses are the static addresses that the server has for the target, to be kept.
func (t *Target) Addresses(interfaces []maas.Interface) []Address {
	var kept []Address
	for i := range t.interfaces {
		want := &t.interfaces[i]
		have := findInterface(interfaces, want.name)
		if have == nil {
			continue
		}
		for j, id := range want.pair(have.Links) {
			l := want.links[j]
			if id == 0 || l.mode != maas.LinkStatic {
				continue
			}
			at := slices.IndexFunc(have.Links, func(h maas.Link) bool { return h.ID == id })
			if address := have.Links[at].Address; address.IsValid() {
				kept = append(kept, Address{Interface: want.ref, Subnet: l.subnet, Address: address})
			}
		}
	}
	return kept
}

// NodeAddresses puts the addresses in the node's subnet first and keeps the order otherwise.
func NodeAddresses(addresses []string, subnet netip.Prefix) []string {
	inside := func(s string) int {
		if a, err := netip.ParseAddr(s); err == nil && subnet.IsValid() && subnet.Contains(a) {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(addresses), func(a, b string) int { return cmp.Compare(inside(a), inside(b)) })
}

func findInterface(interfaces []maas.Interface, name string) *maas.Interface {
	for i := range interfaces {
		if interfaces[i].Name == name {
			return &interfaces[i]
		}
	}
	return nil
}
