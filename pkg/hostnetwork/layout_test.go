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
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// layout is a layout of the reference architecture with the reference's own networks.
func layout(name hostnetwork.LayoutName) hostnetwork.Layout {
	link := func(cidr string) hostnetwork.Link {
		return hostnetwork.Link{Mode: maas.LinkAuto, Subnet: hostnetwork.SubnetRef{CIDR: netip.MustParsePrefix(cidr)}}
	}
	nics := func(names ...string) []hostnetwork.Match {
		var all []hostnetwork.Match
		for _, n := range names {
			all = append(all, hostnetwork.Match{InterfaceName: n})
		}
		return all
	}
	l := hostnetwork.Layout{
		Name:       name,
		Bond:       maas.BondParameters{Mode: "802.3ad", LACPRate: "fast", XmitHashPolicy: "layer3+4", MIIMonMS: 100},
		PXE:        link(pxeCIDR),
		Management: hostnetwork.LayoutVLAN{VID: 10, Link: link(managementCIDR)},
		Data:       hostnetwork.LayoutVLAN{VID: 20, Link: link(dataCIDR)},
		VMVLANs:    []hostnetwork.VIDRange{{First: 21, Last: 100}},
	}
	if name == hostnetwork.FourNIC {
		l.ManagementNICs, l.DataNICs = nics("enp1s0", "enp2s0"), nics("enp1s1", "enp2s1")
	} else {
		l.NICs = nics("enp1s0", "enp2s0")
	}
	return l
}

// TestLayoutsEqualTheReference compares what each layout comes to in MAAS with the tables of the reference architecture, in testdata.
func TestLayoutsEqualTheReference(t *testing.T) {
	t.Parallel()
	tests := []struct {
		layout  hostnetwork.LayoutName
		machine func() *world
	}{
		{hostnetwork.FourNIC, fourNICs},
		{hostnetwork.TwoNIC, twoNICs},
		{hostnetwork.TwoNICBridgeVLAN, twoNICs},
	}
	for _, tt := range tests {
		for _, allocated := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, allocated %t", tt.layout, allocated), func(t *testing.T) {
				t.Parallel()
				want, err := os.ReadFile("testdata/" + string(tt.layout) + ".md")
				if err != nil {
					t.Fatal(err)
				}
				w := tt.machine()
				w.allocated = allocated
				converge(t, w, layout(tt.layout).Expand(), nil, 1)
				if got := table(w); got != string(want) {
					t.Errorf("got\n%s\nwant, as the reference has it,\n%s", got, want)
				}
			})
		}
	}
}

// table writes the configured interfaces as the reference does.
func table(w *world) string {
	var b strings.Builder
	b.WriteString("| Interface | Type | Contents | VLAN | CIDR | Gateway |\n| --- | --- | --- | --- | --- | --- |\n")
	configured := slices.DeleteFunc(w.read(), func(i maas.Interface) bool { return i.Type == maas.InterfacePhysical })
	slices.SortFunc(configured, func(a, b maas.Interface) int { return strings.Compare(a.Name, b.Name) })
	for _, i := range configured {
		vlan, cidr, gateway := "Native", "", ""
		if i.Type == maas.InterfaceVLAN {
			vlan = fmt.Sprint(i.VLAN.VID)
		}
		for _, l := range i.Links {
			if l.Mode == maas.LinkUp {
				continue
			}
			cidr = l.CIDR.String()
			if l.Gateway {
				at := slices.IndexFunc(w.catalog.Subnets, func(s maas.Subnet) bool { return s.ID == l.SubnetID })
				gateway = w.catalog.Subnets[at].Gateway.String()
			}
		}
		kind := map[maas.InterfaceType]string{maas.InterfaceBond: "Bond", maas.InterfaceVLAN: "VLAN", maas.InterfaceBridge: "Bridge"}[i.Type]
		line := fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", i.Name, kind, strings.Join(i.Parents, " "), vlan, cidr, gateway)
		b.WriteString(strings.ReplaceAll(line, "|  |", "| |") + "\n")
	}
	return strings.ReplaceAll(b.String(), "|  |", "| |")
}
