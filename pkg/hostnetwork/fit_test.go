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
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// TestFit says of each server and each MAAS why the network cannot be had.
func TestFit(t *testing.T) {
	t.Parallel()
	type nics = map[string]int
	good := nics{"enp1s0": 1, "enp2s0": 1, "enp1s1": 4, "enp2s1": 4}
	byFabric := func(n *hostnetwork.Network) {
		for i := range n.NICs {
			fabric := "data"
			if i < 2 {
				fabric = "mgmt"
			}
			n.NICs[i].Match = hostnetwork.Match{Fabric: fabric, VID: 0}
		}
	}
	tests := []struct {
		name    string
		nics    nics
		network func(*hostnetwork.Network)
		change  func(*world)
		want    hostnetwork.Reason
		says    string
	}{
		{name: "as it should be", nics: good},
		{name: "unlike server, by fabric", nics: nics{"eno1": 1, "eno2": 1, "ens3f0": 4, "ens3f1": 4}, network: byFabric},
		{name: "a NIC too few", nics: nics{"enp1s0": 1, "enp2s0": 1, "enp1s1": 4}, want: hostnetwork.NICNotFound, says: "no NIC for data1 (name enp2s1)"},
		{name: "a NIC too few in a fabric", nics: nics{"eno1": 1, "eno2": 1, "ens3f0": 4}, network: byFabric, want: hostnetwork.NICNotFound,
			says: "no NIC for data1 (fabric data, VLAN 0)"},
		{name: "cabled to another network", nics: nics{"enp1s0": 1, "enp2s0": 1, "enp1s1": 4, "enp2s1": 6}, want: hostnetwork.CablingMismatch,
			says: "enp2s1 is in VLAN 0 of oob, wanted VLAN 0 of data"},
		{name: "MAAS knows nothing of the port", nics: nics{"enp1s0": 1, "enp2s0": 1, "enp1s1": 5, "enp2s1": 0}},
		{name: "no carrier", nics: good, change: func(w *world) { w.byName("enp2s0").LinkConnected = false }, want: hostnetwork.CablingMismatch,
			says: "enp2s0 has no carrier"},
		{name: "disabled", nics: good, change: func(w *world) { w.byName("enp2s0").Enabled = false }, want: hostnetwork.CablingMismatch, says: "disabled"},
		{name: "a NIC is called br0", nics: nics{"enp1s0": 1, "enp2s0": 1, "enp1s1": 4, "enp2s1": 4, "br0": 1}, want: hostnetwork.NameTaken, says: "br0"},
		{name: "the VLAN's name gets too long", nics: nics{"enp129s0f0np0": 1}, network: func(n *hostnetwork.Network) {
			*n = hostnetwork.Network{NICs: []hostnetwork.NIC{{Name: "a", Match: hostnetwork.Match{Fabric: "mgmt", VID: -1}}}, VLANs: []hostnetwork.VLAN{{Parent: "a", VID: 10}}}
		}, want: hostnetwork.NameTaken, says: "enp129s0f0np0.10"},
		{name: "unknown subnet", nics: good, network: func(n *hostnetwork.Network) {
			n.Links[0].Subnet.CIDR = netip.MustParsePrefix("192.168.8.0/22")
		}, want: hostnetwork.SubnetNotFound, says: "192.168.8.0/22"},
		{name: "subnet of another VLAN", nics: good, network: func(n *hostnetwork.Network) {
			n.Links[1].Subnet.CIDR = netip.MustParsePrefix(pxeCIDR)
		}, want: hostnetwork.SubnetMismatch, says: "cannot be linked to bond_mgmt.10"},
		{name: "subnets of two fabrics on a bond", nics: good, network: func(n *hostnetwork.Network) {
			n.VLANs[1].Parent, n.Links[2].Interface = "bond_mgmt", "bond_mgmt.20"
		}, want: hostnetwork.SubnetMismatch, says: "another subnet on bond_mgmt"},
		{name: "unknown VLAN", nics: good, network: func(n *hostnetwork.Network) {
			n.VLANs = append(n.VLANs, hostnetwork.VLAN{Parent: "bond_data", VID: 77})
		}, want: hostnetwork.VLANNotFound, says: "MAAS has no VLAN 77 in data"},
		{name: "no gateway", nics: good, network: func(n *hostnetwork.Network) { n.Links[0].Gateway = true }, want: hostnetwork.GatewayMissing, says: pxeCIDR},
		{name: "no route", nics: good, network: func(n *hostnetwork.Network) {
			n.Routes = []hostnetwork.Route{{Source: netip.MustParsePrefix(managementCIDR), Destination: netip.MustParsePrefix("10.50.0.0/16"),
				Gateway: netip.MustParseAddr("172.16.0.2")}}
		}, change: func(w *world) {
			w.catalog.Routes = []maas.StaticRoute{{Source: netip.MustParsePrefix(managementCIDR), Destination: netip.MustParsePrefix("10.50.0.0/16"),
				Gateway: netip.MustParseAddr("172.16.0.1")}}
		}, want: hostnetwork.StaticRouteMissing, says: "from 172.16.0.0/22 to 10.50.0.0/16 through 172.16.0.2"},
		{name: "an address that is still to come is no misfit", nics: good, network: func(n *hostnetwork.Network) {
			n.Links[1].Mode, n.Links[1].FromPool = maas.LinkStatic, true
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := reference(false, tt.nics)
			network := layout(hostnetwork.FourNIC).Expand()
			if tt.network != nil {
				tt.network(&network)
			}
			if tt.change != nil {
				tt.change(w)
			}
			problems := hostnetwork.Fit(network, w.read(), w.catalog)
			switch {
			case tt.want == "" && len(problems) > 0:
				t.Errorf("does not fit: %v", problems)
			case tt.want == "":
				converge(t, w, withoutPools(network), nil, 1)
			case len(problems) == 0 || problems[0].Reason != tt.want || !strings.Contains(problems[0].Message, tt.says):
				t.Errorf("got %v, want %s with %q", problems, tt.want, tt.says)
			}
		})
	}
}

func withoutPools(n hostnetwork.Network) hostnetwork.Network {
	for i := range n.Links {
		n.Links[i].FromPool = false
	}
	return n
}

// TestTakesItsAddressBack: MAAS gives an address once, so a link of the same server that has it makes way.
func TestTakesItsAddressBack(t *testing.T) {
	t.Parallel()
	w := reference(true, map[string]int{"enp1s0": 1, "enp2s0": 1, "spare0": 1})
	mustDo(t, w, &hostnetwork.Step{Verb: hostnetwork.MakeVLAN, CreateVLAN: &hostnetwork.CreateVLAN{ParentID: w.byName("spare0").ID, VLANID: 2}})
	address := netip.MustParseAddr("172.16.0.7")
	mustDo(t, w, &hostnetwork.Step{Verb: hostnetwork.LinkTo, InterfaceID: w.byName("spare0.10").ID,
		Link: &maas.LinkRequest{Mode: maas.LinkStatic, SubnetID: 2, Address: address}})
	network := layout(hostnetwork.TwoNIC).Expand()
	network.Links[1].Mode = maas.LinkStatic
	kept := []hostnetwork.Address{{Interface: "bond0.10", Subnet: netip.MustParsePrefix(managementCIDR), Address: address}}
	converge(t, w, network, kept, 1)
	if got := w.byName("bond0.10").Links[0].Address; got != address {
		t.Errorf("bond0.10 has %s", got)
	}
}

// TestMendsAName: MAAS keeps the name of a VLAN interface when its bond is renamed.
func TestMendsAName(t *testing.T) {
	t.Parallel()
	w := twoNICs()
	network := layout(hostnetwork.TwoNIC).Expand()
	converge(t, w, network, nil, 1)
	w.byName("bond0.10").Name = "mgmt"
	bond := w.byName("bond0")
	bond.Children[slices.Index(bond.Children, "bond0.10")] = "mgmt"
	converge(t, w, network, nil, 1)
	if w.byName("bond0.10") == nil || w.byName("mgmt") != nil {
		t.Error(dump(w))
	}
}

// TestPoolAddress: MAAS must not choose in the place of the pool, and what the pool gives has to fit.
func TestPoolAddress(t *testing.T) {
	t.Parallel()
	w := twoNICs()
	network := layout(hostnetwork.TwoNIC).Expand()
	network.Links[1].Mode, network.Links[1].FromPool = maas.LinkStatic, true
	given := func(s string) []hostnetwork.Address {
		return []hostnetwork.Address{{Interface: "bond0.10", Subnet: netip.MustParsePrefix(managementCIDR), Address: netip.MustParseAddr(s)}}
	}
	for want, kept := range map[hostnetwork.Reason][]hostnetwork.Address{hostnetwork.AddressMissing: nil, hostnetwork.AddressOutside: given("10.9.9.9")} {
		if _, problems := hostnetwork.Resolve(network, w.read(), w.catalog, kept); len(problems) != 1 || problems[0].Reason != want {
			t.Errorf("got %v, want %s", problems, want)
		}
	}
	converge(t, w, network, given("172.16.1.5"), 1)
	if got := w.byName("bond0.10").Links[0].Address.String(); got != "172.16.1.5" {
		t.Errorf("bond0.10 has %s", got)
	}
}

// TestNodeAddresses: the node's own address comes first.
func TestNodeAddresses(t *testing.T) {
	t.Parallel()
	got := hostnetwork.NodeAddresses([]string{"192.168.0.5", "fd00::1", "172.16.0.5", "10.20.0.5"}, netip.MustParsePrefix(managementCIDR))
	if want := []string{"172.16.0.5", "192.168.0.5", "fd00::1", "10.20.0.5"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzResolve feeds networks that the API would refuse: it must end, and not fall over.
func FuzzResolve(f *testing.F) {
	f.Add("bond0", "n1", "br0", "bond0.10", uint16(10), "br0")
	f.Add("br0.20", "n1", "br0", "br0.20", uint16(20), "br0.20")
	f.Fuzz(func(t *testing.T, bond, nic, bridge, bridgeParent string, vid uint16, on string) {
		w := twoNICs()
		network := hostnetwork.Network{
			NICs:    []hostnetwork.NIC{{Name: nic, Match: hostnetwork.Match{Fabric: "mgmt", VID: -1}}},
			Bonds:   []hostnetwork.Bond{{Name: bond, Parents: []string{nic}, Parameters: maas.BondParameters{Mode: "802.3ad"}}},
			Bridges: []hostnetwork.Bridge{{Name: bridge, Parent: bridgeParent, Type: "standard"}},
			VLANs:   []hostnetwork.VLAN{{Parent: bond, VID: int(vid)}, {Parent: bridge, VID: int(vid)}},
			Links:   []hostnetwork.Link{{Interface: on, Mode: maas.LinkAuto, Subnet: hostnetwork.SubnetRef{CIDR: netip.MustParsePrefix(pxeCIDR)}}},
		}
		target, problems := hostnetwork.Resolve(network, w.read(), w.catalog, nil)
		if (target == nil) == (len(problems) == 0) {
			t.Fatal("neither a target nor a reason")
		}
		if target != nil {
			target.Plan(w.read())
		}
	})
}
