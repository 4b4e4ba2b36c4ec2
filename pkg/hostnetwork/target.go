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
	"net/netip"
	"slices"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// target lists the interfaces, parents first, by MAAS's names.
func (r *resolver) target() *Target {
	t := &Target{}
	names := map[string]string{}
	enslaved := r.enslaved()
	add := func(i targetInterface) {
		i.enslaved = enslaved[i.ref]
		names[i.ref] = i.name
		t.interfaces = append(t.interfaces, i)
	}
	for _, n := range r.network.NICs {
		if nic := r.nics[n.Name]; nic != nil {
			add(targetInterface{ref: n.Name, name: nic.Name, kind: maas.InterfacePhysical, vlanID: r.vlanOf(n.Name)})
		}
	}
	for _, b := range r.network.Bonds {
		add(targetInterface{ref: b.Name, name: b.Name, kind: maas.InterfaceBond, parents: namesOf(names, b.Parents),
			vlanID: r.vlanOf(b.Name), mtu: b.MTU, bond: b.Parameters})
	}
	// A VLAN may stand on a bridge and a bridge on a VLAN: what has its parent goes first.
	vlans, bridges := slices.Clone(r.network.VLANs), slices.Clone(r.network.Bridges)
	for range len(vlans) + len(bridges) {
		vlans = slices.DeleteFunc(vlans, func(v VLAN) bool {
			parent, ok := names[v.Parent]
			if ok {
				add(targetInterface{ref: v.Name(), name: vlanName(parent, v.VID), kind: maas.InterfaceVLAN, parents: []string{parent},
					vlanID: r.taggedVLAN(v.Parent, v.VID), mtu: v.MTU})
			}
			return ok
		})
		bridges = slices.DeleteFunc(bridges, func(b Bridge) bool {
			parent, ok := names[b.Parent]
			if ok {
				add(targetInterface{ref: b.Name, name: b.Name, kind: maas.InterfaceBridge, parents: []string{parent},
					vlanID: r.vlanOf(b.Name), mtu: b.MTU, bridge: b.Type, vmVLANs: b.VMVLANs})
			}
			return ok
		})
	}
	r.checkNames(t)
	return t
}

// enslaved are the names of what is in a bond or a bridge.
func (r *resolver) enslaved() map[string]bool {
	in := map[string]bool{}
	for _, b := range r.network.Bonds {
		for _, p := range b.Parents {
			in[p] = true
		}
	}
	for _, b := range r.network.Bridges {
		in[b.Parent] = true
	}
	return in
}

func namesOf(names map[string]string, refs []string) []string {
	out := make([]string, 0, len(refs))
	for _, ref := range refs {
		if name, ok := names[ref]; ok {
			out = append(out, name)
		}
	}
	return out
}

// vlanOf returns MAAS's id of the VLAN that an interface is in, 0 where none is known.
func (r *resolver) vlanOf(ref string) int {
	for _, b := range r.network.Bonds {
		if slices.Contains(b.Parents, ref) {
			ref = b.Name
		}
	}
	root, tagged := r.rootOf(ref)
	if tagged {
		return r.taggedVLAN(root, r.vidOf(ref))
	}
	if t := r.trees[root]; t != nil && t.vlan != nil {
		return t.vlan.ID
	}
	return 0
}

// taggedVLAN finds the VLAN of a tag in the fabric of the tree that parent is in.
func (r *resolver) taggedVLAN(parent string, vid int) int {
	root, _ := r.rootOf(parent)
	t := r.trees[root]
	if t == nil || t.vlan == nil {
		if t != nil {
			r.problem(VLANNotFound, "%s is in no fabric of MAAS, so it cannot be told which VLAN %d is meant: link it to a subnet", root, vid)
		}
		return 0
	}
	for i := range r.catalog.VLANs {
		if v := &r.catalog.VLANs[i]; v.FabricID == t.vlan.FabricID && v.VID == vid {
			return v.ID
		}
	}
	r.problem(VLANNotFound, "MAAS has no VLAN %d in %s", vid, t.vlan.Fabric)
	return 0
}

// checkNames refuses names that a NIC has, and those that get too long with the NIC's own name in them.
func (r *resolver) checkNames(t *Target) {
	for i := range t.interfaces {
		want := &t.interfaces[i]
		if want.kind == maas.InterfacePhysical {
			continue
		}
		if len(want.name) > maxInterfaceName {
			r.problem(NameTaken, "interface name %s has more than %d characters", want.name, maxInterfaceName)
		}
		if have := findInterface(r.observed, want.name); have != nil && have.Type == maas.InterfacePhysical {
			r.problem(NameTaken, "a NIC has the name %s", want.name)
		}
	}
}

// addLinks adds the links, with the addresses that the server keeps.
func (r *resolver) addLinks(t *Target, kept []Address) {
	for _, l := range r.network.Links {
		i := slices.IndexFunc(t.interfaces, func(have targetInterface) bool { return have.ref == l.Interface })
		if i < 0 {
			continue
		}
		on := &t.interfaces[i]
		if l.Mode == maas.LinkUp {
			on.linkUp = true
			continue
		}
		link := targetLink{mode: l.Mode, gateway: l.Gateway}
		if !l.Subnet.IsZero() {
			subnet, problem := r.catalog.FindSubnet(l.Subnet)
			if problem != nil {
				continue
			}
			link.subnetID, link.subnet = subnet.ID, subnet.CIDR.Masked()
			if l.Gateway && !subnet.Gateway.IsValid() {
				r.problem(GatewayMissing, "subnet %s is to have the default gateway and has no gateway in MAAS", l.Subnet)
			}
		}
		if l.Mode == maas.LinkStatic {
			link.address = r.address(l, link, kept)
		}
		on.links = append(on.links, link)
	}
}

// address finds the kept address of a static link. It is invalid when MAAS may choose.
func (r *resolver) address(l Link, link targetLink, kept []Address) (address netip.Addr) {
	for _, k := range kept {
		if k.Interface != l.Interface || k.Subnet.Masked() != link.subnet {
			continue
		}
		if !link.subnet.Contains(k.Address) {
			r.problem(AddressOutside, "address %s of %s is not in subnet %s", k.Address, l.Interface, link.subnet)
		}
		return k.Address
	}
	if l.FromPool {
		r.problem(AddressMissing, "the IPAM pool has given no address for %s yet", l.Interface)
	}
	return address
}
