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

package hostnetwork_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// The networks of the reference architecture, on two fabrics where there are four NICs and on one where there are two.
const (
	pxeCIDR        = "192.168.0.0/22"
	managementCIDR = "172.16.0.0/22"
	// The reference writes an address within the subnet; MAAS has the subnet, 10.20.0.0/16.
	dataCIDR = "10.20.30.0/16"
)

// world is a model of one machine in MAAS with the rules that concern its network, as recorded from a real one.
type world struct {
	catalog    hostnetwork.Catalog
	interfaces []maas.Interface
	// allocated machines get bridges that take their parent's links.
	allocated bool
	nextID    int
	calls     int
}

var errRefused = errors.New("refused")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errRefused}, args...)...)
}

// reference is a world with these NICs, each with its VLAN.
func reference(oneFabric bool, nics map[string]int) *world {
	data := 1
	dataFabric := "mgmt"
	if !oneFabric {
		data, dataFabric = 2, "data"
	}
	vlans := []maas.VLAN{
		{ID: 1, VID: 0, FabricID: 1, Fabric: "mgmt", MTU: 1500}, {ID: 2, VID: 10, FabricID: 1, Fabric: "mgmt", MTU: 1500},
		{ID: 3, VID: 20, FabricID: data, Fabric: dataFabric, MTU: 1500}, {ID: 4, VID: 0, FabricID: 2, Fabric: "data", MTU: 1500},
		{ID: 5, VID: 0, FabricID: 9, Fabric: "fabric-9", MTU: 1500}, {ID: 6, VID: 0, FabricID: 7, Fabric: "oob", MTU: 1500},
		{ID: 7, VID: 30, FabricID: data, Fabric: dataFabric, MTU: 1500},
	}
	subnet := func(id int, cidr, gateway string, vlan maas.VLAN) maas.Subnet {
		s := maas.Subnet{ID: id, Name: "subnet-" + strconv.Itoa(id), CIDR: netip.MustParsePrefix(cidr).Masked(), VLAN: vlan, Managed: true}
		if gateway != "" {
			s.Gateway = netip.MustParseAddr(gateway)
		}
		return s
	}
	w := &world{nextID: 100, catalog: hostnetwork.Catalog{VLANs: vlans, Subnets: []maas.Subnet{
		subnet(1, pxeCIDR, "", vlans[0]), subnet(2, managementCIDR, "", vlans[1]), subnet(3, dataCIDR, "10.20.30.1", vlans[2]),
		subnet(4, "10.99.0.0/24", "10.99.0.1", vlans[5]), subnet(5, "fd00:20::/64", "fd00:20::1", vlans[2]),
	}}}
	for _, name := range slices.Sorted(maps(nics)) {
		i := maas.Interface{ID: w.id(), Name: name, Type: maas.InterfacePhysical, MACAddress: fmt.Sprintf("52:54:00:00:00:%02x", w.nextID), Enabled: true, LinkConnected: true}
		if vlan := nics[name]; vlan > 0 {
			i.VLAN = w.vlan(vlan)
		}
		i.Links = []maas.Link{{ID: w.id(), Mode: maas.LinkUp}}
		w.interfaces = append(w.interfaces, i)
	}
	return w
}

func maps(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func fourNICs() *world {
	return reference(false, map[string]int{"enp1s0": 1, "enp2s0": 1, "enp1s1": 4, "enp2s1": 4})
}

func twoNICs() *world { return reference(true, map[string]int{"enp1s0": 1, "enp2s0": 1}) }

func (w *world) id() int {
	w.nextID++
	return w.nextID
}

func (w *world) vlan(id int) *maas.VLAN {
	for i := range w.catalog.VLANs {
		if w.catalog.VLANs[i].ID == id {
			v := w.catalog.VLANs[i]
			return &v
		}
	}
	return nil
}

func (w *world) byID(id int) *maas.Interface {
	for i := range w.interfaces {
		if w.interfaces[i].ID == id {
			return &w.interfaces[i]
		}
	}
	return nil
}

func (w *world) byName(name string) *maas.Interface {
	for i := range w.interfaces {
		if w.interfaces[i].Name == name {
			return &w.interfaces[i]
		}
	}
	return nil
}

// read is what MAAS answers to a GET.
func (w *world) read() []maas.Interface {
	out := slices.Clone(w.interfaces)
	for i := range out {
		out[i].Links, out[i].Parents, out[i].Children = slices.Clone(out[i].Links), slices.Clone(out[i].Parents), slices.Clone(out[i].Children)
	}
	return out
}

// do makes the call of a step. What a write answers has no word about gateways.
func (w *world) do(s *hostnetwork.Step) (*maas.Interface, error) {
	w.calls++
	var id int
	var err error
	switch s.Verb {
	case hostnetwork.Delete:
		return nil, w.remove(s.InterfaceID)
	case hostnetwork.MakeBond:
		id, err = w.makeBond(s.CreateBond)
	case hostnetwork.MakeVLAN:
		id, err = w.makeVLAN(s.CreateVLAN)
	case hostnetwork.MakeBridge:
		id, err = w.makeBridge(s.CreateBridge)
	case hostnetwork.Change:
		id, err = s.InterfaceID, w.change(s.InterfaceID, s.Update)
	case hostnetwork.LinkTo:
		id, err = s.InterfaceID, w.link(s.InterfaceID, s.Link)
	case hostnetwork.Unlink:
		id, err = s.InterfaceID, w.unlink(s.InterfaceID, s.LinkID)
	case hostnetwork.SetGateway:
		return nil, w.setGateway(s.InterfaceID, s.LinkID)
	}
	if err != nil {
		return nil, err
	}
	answer := *w.byID(id)
	answer.Links = slices.Clone(answer.Links)
	for i := range answer.Links {
		answer.Links[i].Gateway = false
	}
	return &answer, nil
}

func (w *world) add(i maas.Interface) int {
	i.ID, i.Enabled = w.id(), true
	for _, p := range i.Parents {
		parent := w.byName(p)
		parent.Children = append(parent.Children, i.Name)
		w.raiseMTU(parent, i.MTU)
	}
	if len(i.Links) == 0 {
		i.Links = []maas.Link{{ID: w.id(), Mode: maas.LinkUp}}
	}
	w.interfaces = append(w.interfaces, i)
	return i.ID
}

func (w *world) raiseMTU(i *maas.Interface, mtu int) {
	if mtu == 0 || i.MTU >= mtu {
		return
	}
	i.MTU = mtu
	for _, p := range i.Parents {
		w.raiseMTU(w.byName(p), mtu)
	}
}

func (w *world) enslaved(i *maas.Interface) bool {
	return slices.ContainsFunc(i.Children, func(c string) bool { return w.byName(c).Type != maas.InterfaceVLAN })
}

func (w *world) makeBond(b *maas.CreateBond) (int, error) {
	if w.byName(b.Name) != nil || b.MACAddress == "" || len(b.ParentIDs) == 0 {
		return 0, refused("bond %s", b.Name)
	}
	made := maas.Interface{Name: b.Name, Type: maas.InterfaceBond, MACAddress: b.MACAddress, MTU: b.MTU, Bond: b.Parameters}
	if made.Bond.Mode == "" {
		made.Bond.Mode = "balance-rr"
	}
	for n, id := range b.ParentIDs {
		p := w.byID(id)
		switch {
		case p == nil || p.Type != maas.InterfacePhysical || len(p.Children) > 0:
			return 0, refused("parent %d of bond %s is in use", id, b.Name)
		case n == 0:
			made.VLAN = p.VLAN
		case (p.VLAN == nil) != (made.VLAN == nil) || p.VLAN != nil && p.VLAN.ID != made.VLAN.ID:
			return 0, refused("All parents must belong to the same VLAN")
		}
		made.Parents = append(made.Parents, p.Name)
	}
	if b.VLANID != 0 {
		made.VLAN = w.vlan(b.VLANID)
	}
	for _, id := range b.ParentIDs {
		w.byID(id).Links, w.byID(id).VLAN = nil, made.VLAN
	}
	return w.add(made), nil
}

func (w *world) makeVLAN(v *hostnetwork.CreateVLAN) (int, error) {
	p, vlan := w.byID(v.ParentID), w.vlan(v.VLANID)
	switch {
	case p == nil || vlan == nil || vlan.VID == 0 || p.Type == maas.InterfaceVLAN:
		return 0, refused("VLAN on %d", v.ParentID)
	case slices.ContainsFunc(p.Children, func(c string) bool { return w.byName(c).Type == maas.InterfaceBond }):
		return 0, refused("%s is in a bond", p.Name)
	case p.VLAN == nil || p.VLAN.FabricID != vlan.FabricID:
		return 0, refused("VLAN %d is not in the fabric of %s", vlan.VID, p.Name)
	}
	name := p.Name + "." + strconv.Itoa(vlan.VID)
	if w.byName(name) != nil {
		return 0, refused("%s exists", name)
	}
	return w.add(maas.Interface{Name: name, Type: maas.InterfaceVLAN, MACAddress: p.MACAddress, VLAN: vlan, MTU: v.MTU, Parents: []string{p.Name}}), nil
}

func (w *world) makeBridge(b *maas.CreateBridge) (int, error) {
	p := w.byID(b.ParentID)
	if p == nil || p.Type == maas.InterfaceBridge || w.byName(b.Name) != nil || w.enslaved(p) {
		return 0, refused("bridge %s", b.Name)
	}
	made := maas.Interface{Name: b.Name, Type: maas.InterfaceBridge, MACAddress: p.MACAddress, VLAN: p.VLAN, MTU: b.MTU, Bridge: b.Parameters, Parents: []string{p.Name}}
	if w.allocated {
		// Recorded: what the parent had, and one link_up of its own.
		made.Links = append(p.Links, maas.Link{ID: w.id(), Mode: maas.LinkUp})
	} else if b.VLANID != 0 {
		made.VLAN = w.vlan(b.VLANID)
	}
	p.Links = nil
	return w.add(made), nil
}

func (w *world) change(id int, u *maas.InterfaceUpdate) error {
	i := w.byID(id)
	if i == nil {
		return refused("no interface %d", id)
	}
	if u.VLANID != nil && !w.enslaved(i) {
		i.VLAN, i.Links = w.vlan(*u.VLANID), nil
	}
	if u.MTU != nil {
		i.MTU = *u.MTU
		for _, p := range i.Parents {
			w.raiseMTU(w.byName(p), i.MTU)
		}
	}
	if u.Bond != nil {
		for _, f := range []struct{ to, from *string }{{&i.Bond.Mode, &u.Bond.Mode}, {&i.Bond.LACPRate, &u.Bond.LACPRate}, {&i.Bond.XmitHashPolicy, &u.Bond.XmitHashPolicy}} {
			if *f.from != "" {
				*f.to = *f.from
			}
		}
		if u.Bond.MIIMonMS != 0 {
			i.Bond.MIIMonMS = u.Bond.MIIMonMS
		}
	}
	if u.Bridge != nil {
		i.Bridge = *u.Bridge
	}
	return nil
}

func (w *world) remove(id int) error {
	i := w.byID(id)
	if i == nil {
		return refused("no interface %d", id)
	}
	name, parents := i.Name, i.Parents
	for _, c := range slices.Clone(i.Children) {
		if err := w.remove(w.byName(c).ID); err != nil {
			return err
		}
	}
	for _, p := range parents {
		parent := w.byName(p)
		parent.Children = slices.DeleteFunc(parent.Children, func(c string) bool { return c == name })
	}
	w.interfaces = slices.DeleteFunc(w.interfaces, func(i maas.Interface) bool { return i.ID == id })
	return nil
}

func (w *world) link(id int, l *maas.LinkRequest) error {
	i := w.byID(id)
	if i == nil || w.enslaved(i) {
		return refused("interface %d", id)
	}
	isUp := func(l maas.Link) bool { return l.Mode == maas.LinkUp }
	if l.Mode == maas.LinkUp {
		if slices.ContainsFunc(i.Links, func(l maas.Link) bool { return !isUp(l) }) && !l.Force {
			return refused("other links")
		}
		i.Links = []maas.Link{{ID: w.id(), Mode: maas.LinkUp}}
		return nil
	}
	made := maas.Link{Mode: l.Mode, SubnetID: l.SubnetID}
	if l.SubnetID != 0 || l.Mode != maas.LinkDHCP {
		at := slices.IndexFunc(w.catalog.Subnets, func(s maas.Subnet) bool { return s.ID == l.SubnetID })
		if at < 0 || i.VLAN == nil || w.catalog.Subnets[at].VLAN.ID != i.VLAN.ID {
			return refused("subnet %d is not of the VLAN of %s", l.SubnetID, i.Name)
		}
		subnet := w.catalog.Subnets[at]
		if l.DefaultGateway && !subnet.Gateway.IsValid() {
			return refused("no gateway in %s", subnet.CIDR)
		}
		made.CIDR = subnet.CIDR
	}
	if l.Mode == maas.LinkStatic {
		made.Address = l.Address
		if !made.Address.IsValid() {
			made.Address = w.freeAddress(made.CIDR)
		}
		if w.inUse(made.Address) || !made.CIDR.Contains(made.Address) {
			return refused("address %s", made.Address)
		}
	}
	made.ID = w.id()
	i.Links = append(slices.DeleteFunc(i.Links, isUp), made)
	if l.DefaultGateway {
		return w.setGateway(id, made.ID)
	}
	return nil
}

func (w *world) freeAddress(subnet netip.Prefix) netip.Addr {
	a := subnet.Addr().Next().Next()
	for w.inUse(a) {
		a = a.Next()
	}
	return a
}

func (w *world) inUse(a netip.Addr) bool {
	return slices.ContainsFunc(w.interfaces, func(i maas.Interface) bool {
		return slices.ContainsFunc(i.Links, func(l maas.Link) bool { return l.Address == a })
	})
}

func (w *world) unlink(id, link int) error {
	i := w.byID(id)
	if i == nil || !slices.ContainsFunc(i.Links, func(l maas.Link) bool { return l.ID == link }) {
		return refused("no link %d", link)
	}
	i.Links = slices.DeleteFunc(i.Links, func(l maas.Link) bool { return l.ID == link })
	if len(i.Links) == 0 && !w.enslaved(i) {
		i.Links = []maas.Link{{ID: w.id(), Mode: maas.LinkUp}}
	}
	return nil
}

func (w *world) setGateway(id, link int) error {
	i := w.byID(id)
	at := slices.IndexFunc(i.Links, func(l maas.Link) bool { return l.ID == link })
	if at < 0 {
		return refused("no link %d", link)
	}
	for n := range w.interfaces {
		for m := range w.interfaces[n].Links {
			if l := &w.interfaces[n].Links[m]; l.CIDR.IsValid() && l.CIDR.Addr().Is4() == i.Links[at].CIDR.Addr().Is4() {
				l.Gateway = false
			}
		}
	}
	i.Links[at].Gateway = true
	return nil
}
