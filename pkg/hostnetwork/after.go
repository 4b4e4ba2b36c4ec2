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

// After returns the interfaces after the step: with MAAS's answer, which the calls that delete and that set a gateway do not have, or as
// foretold without. What an answer does not tell is added: an interface that gets into a bond or a bridge loses its links, and with one that is
// deleted goes all that stands on it.
func (s Step) After(interfaces []maas.Interface, answer *maas.Interface) []maas.Interface {
	after := make([]maas.Interface, 0, len(interfaces)+1)
	for _, i := range interfaces {
		i.Links, i.Children, i.Parents = slices.Clone(i.Links), slices.Clone(i.Children), slices.Clone(i.Parents)
		after = append(after, i)
	}
	if s.Verb == Delete {
		return remove(after, s.Interface)
	}
	if answer == nil {
		answer = s.foretell(after)
	}
	if at := slices.IndexFunc(after, func(i maas.Interface) bool { return i.ID == answer.ID }); at >= 0 {
		old := after[at]
		after[at] = *answer
		// Answers to these calls do not say which link has the default gateway.
		for j := range after[at].Links {
			l := &after[at].Links[j]
			l.Gateway = l.Gateway || slices.ContainsFunc(old.Links, func(o maas.Link) bool { return o.ID == l.ID && o.Gateway })
		}
	} else {
		after = append(after, *answer)
		for i := range after {
			if slices.Contains(answer.Parents, after[i].Name) {
				after[i].Children = append(after[i].Children, answer.Name)
				if answer.Type != maas.InterfaceVLAN {
					after[i].Links = nil
				}
			}
		}
	}
	s.noteGateway(after, answer)
	return after
}

// noteGateway marks the link that has the default gateway now.
func (s Step) noteGateway(after []maas.Interface, answer *maas.Interface) {
	if s.Verb != SetGateway && (s.Link == nil || !s.Link.DefaultGateway) {
		return
	}
	var now *maas.Link
	for i := range after {
		for j := range after[i].Links {
			if l := &after[i].Links[j]; after[i].ID == answer.ID && s.setsGateway(l) {
				now = l
			}
		}
	}
	if now == nil {
		return
	}
	for i := range after {
		for j := range after[i].Links {
			// There is one gateway of each family.
			if l := &after[i].Links[j]; sameFamily(l.CIDR, now.CIDR) {
				l.Gateway = false
			}
		}
	}
	now.Gateway = true
}

// setsGateway tells whether the step makes the link the one with the default gateway.
func (s Step) setsGateway(l *maas.Link) bool {
	if s.Verb == SetGateway {
		return l.ID == s.LinkID
	}
	return l.SubnetID == s.Link.SubnetID && l.Mode == s.Link.Mode
}

func sameFamily(a, b netip.Prefix) bool {
	return a.IsValid() && b.IsValid() && a.Addr().Is4() == b.Addr().Is4()
}

func remove(interfaces []maas.Interface, name string) []maas.Interface {
	gone := map[string]bool{name: true}
	for range interfaces {
		for _, i := range interfaces {
			if slices.ContainsFunc(i.Parents, func(p string) bool { return gone[p] }) {
				gone[i.Name] = true
			}
		}
	}
	interfaces = slices.DeleteFunc(interfaces, func(i maas.Interface) bool { return gone[i.Name] })
	for i := range interfaces {
		interfaces[i].Children = slices.DeleteFunc(interfaces[i].Children, func(c string) bool { return gone[c] })
	}
	return interfaces
}

// foretell says what MAAS is going to answer.
func (s Step) foretell(interfaces []maas.Interface) *maas.Interface {
	id := firstInventedID
	for _, i := range interfaces {
		id = max(id, i.ID+1)
		for _, l := range i.Links {
			id = max(id, l.ID+1)
		}
	}
	byID := func(id int) maas.Interface {
		at := slices.IndexFunc(interfaces, func(i maas.Interface) bool { return i.ID == id })
		if at < 0 {
			return maas.Interface{}
		}
		i := interfaces[at]
		i.Links = slices.Clone(i.Links)
		return i
	}
	made := maas.Interface{ID: id, Name: s.Interface, Enabled: true, Links: []maas.Link{{ID: id, Mode: maas.LinkUp}}}
	switch s.Verb {
	case MakeBond:
		made.Type, made.MTU, made.Bond, made.VLAN = maas.InterfaceBond, s.CreateBond.MTU, s.CreateBond.Parameters, &maas.VLAN{ID: s.CreateBond.VLANID}
		for _, p := range s.CreateBond.ParentIDs {
			made.Parents = append(made.Parents, byID(p).Name)
		}
	case MakeVLAN:
		made.Type, made.MTU, made.VLAN = maas.InterfaceVLAN, s.CreateVLAN.MTU, &maas.VLAN{ID: s.CreateVLAN.VLANID}
		made.Parents = []string{byID(s.CreateVLAN.ParentID).Name}
	case MakeBridge:
		made.Type, made.MTU, made.Bridge, made.VLAN = maas.InterfaceBridge, s.CreateBridge.MTU, s.CreateBridge.Parameters, &maas.VLAN{ID: s.CreateBridge.VLANID}
		made.Parents = []string{byID(s.CreateBridge.ParentID).Name}
	default:
		made = byID(s.InterfaceID)
		s.foretellChange(&made, id)
	}
	return &made
}

func (s Step) foretellChange(i *maas.Interface, newID int) {
	switch s.Verb {
	case LinkTo:
		i.Links = slices.DeleteFunc(i.Links, func(l maas.Link) bool { return l.Mode == maas.LinkUp })
		i.Links = append(i.Links, maas.Link{ID: newID, Mode: s.Link.Mode, SubnetID: s.Link.SubnetID, Address: s.Link.Address})
	case Unlink:
		i.Links = slices.DeleteFunc(i.Links, func(l maas.Link) bool { return l.ID == s.LinkID })
		if len(i.Links) == 0 {
			i.Links = append(i.Links, maas.Link{ID: newID, Mode: maas.LinkUp})
		}
	case Change:
		if s.Update.VLANID != nil {
			i.VLAN, i.Links = &maas.VLAN{ID: *s.Update.VLANID}, nil
		}
		if s.Update.MTU != nil {
			i.MTU = *s.Update.MTU
		}
		if s.Update.Bond != nil {
			i.Bond = *s.Update.Bond
		}
		if s.Update.Bridge != nil {
			i.Bridge = *s.Update.Bridge
		}
	default:
	}
}
