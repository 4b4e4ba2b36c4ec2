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

package inventory

import (
	"slices"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// keepInterfaces copies interfaces; those of one machine in the same VLAN share it.
func keepInterfaces(list []maas.Interface) []maas.Interface {
	out := slices.Clip(slices.Clone(list))
	for i := range out {
		f := &out[i]
		f.Name = intern(f.Name)
		f.Type = maas.InterfaceType(intern(string(f.Type)))
		f.Bond.Mode, f.Bond.LACPRate = intern(f.Bond.Mode), intern(f.Bond.LACPRate)
		f.Bond.XmitHashPolicy, f.Bridge.Type = intern(f.Bond.XmitHashPolicy), intern(f.Bridge.Type)
		f.Tags, f.Parents, f.Children = internAll(f.Tags), internAll(f.Parents), internAll(f.Children)
		f.VLAN = keepVLAN(f.VLAN, out[:i])
		f.Links = slices.Clip(slices.Clone(f.Links))
		for j := range f.Links {
			f.Links[j].Mode = maas.LinkMode(intern(string(f.Links[j].Mode)))
		}
	}
	return out
}

func keepVLAN(v *maas.VLAN, earlier []maas.Interface) *maas.VLAN {
	if v == nil {
		return nil
	}
	for i := range earlier {
		if e := earlier[i].VLAN; e != nil && *e == *v {
			return e
		}
	}
	c := *v
	c.Fabric = intern(v.Fabric)
	return &c
}

func equalInterfaces(a, b maas.Interface) bool {
	sameVLAN := a.VLAN == b.VLAN || a.VLAN != nil && b.VLAN != nil && *a.VLAN == *b.VLAN
	return sameVLAN && plainInterface(&a) == plainInterface(&b) &&
		slices.Equal(a.Tags, b.Tags) && slices.Equal(a.Parents, b.Parents) && slices.Equal(a.Children, b.Children) &&
		slices.Equal(a.Links, b.Links)
}

// interfaceScalars are the fields of an interface that == compares.
type interfaceScalars struct {
	name, mac                               string
	kind                                    maas.InterfaceType
	id, linkSpeed, speed, mtu, effectiveMTU int
	enabled, connected                      bool
	bond                                    maas.BondParameters
	bridge                                  maas.BridgeParameters
}

func plainInterface(f *maas.Interface) interfaceScalars {
	return interfaceScalars{
		id: f.ID, name: f.Name, kind: f.Type, mac: f.MACAddress, enabled: f.Enabled, connected: f.LinkConnected,
		linkSpeed: f.LinkSpeedMbps, speed: f.InterfaceSpeedMbps, mtu: f.MTU, effectiveMTU: f.EffectiveMTU,
		bond: f.Bond, bridge: f.Bridge,
	}
}
