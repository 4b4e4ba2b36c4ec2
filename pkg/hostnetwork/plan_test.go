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
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// mostCalls bounds the calls of one pass, from whatever state.
const mostCalls = 120

// converge takes the steps to the network in at most so many passes, and checks that another pass has nothing to do. A pass reads once.
func converge(t *testing.T, w *world, network hostnetwork.Network, kept []hostnetwork.Address, passes int) []string {
	t.Helper()
	var log []string
	for range passes {
		seen := w.read()
		target, problems := hostnetwork.Resolve(network, seen, w.catalog, kept)
		if len(problems) > 0 {
			t.Fatalf("the network cannot be had: %v", problems)
		}
		for n := 0; ; n++ {
			step := target.Next(seen)
			if step == nil {
				break
			}
			if n > mostCalls {
				t.Fatalf("no end after %d calls: %v", n, log)
			}
			log = append(log, step.String())
			answer, err := w.do(step)
			if err != nil {
				t.Fatalf("%s: %v\nafter %s\nmachine %s", step, err, strings.Join(log, "; "), dump(w))
			}
			if answer != nil || step.Verb == hostnetwork.Delete {
				seen = step.After(seen, answer)
			} else {
				seen = step.After(seen, nil)
			}
		}
	}
	target, problems := hostnetwork.Resolve(network, w.read(), w.catalog, kept)
	if len(problems) > 0 {
		t.Fatalf("the network that was made cannot be had: %v", problems)
	}
	if rest := target.Plan(w.read()); len(rest) > 0 {
		t.Fatalf("after %d passes there is still to do: %v\nmachine %s", passes, rest, dump(w))
	}
	return log
}

func dump(w *world) string {
	var b strings.Builder
	for _, i := range w.read() {
		fmt.Fprintf(&b, "\n  %s %s over %v mtu %d", i.Name, i.Type, i.Parents, i.MTU)
		if i.VLAN != nil {
			fmt.Fprintf(&b, " vlan %d", i.VLAN.ID)
		}
		for _, l := range i.Links {
			fmt.Fprintf(&b, " [%d %s %s %s gateway %t]", l.ID, l.Mode, l.CIDR, l.Address, l.Gateway)
		}
	}
	return b.String()
}

// TestPlanForetells checks that the plan made beforehand is what is done in the end, call by call.
func TestPlanForetells(t *testing.T) {
	t.Parallel()
	for _, name := range []hostnetwork.LayoutName{hostnetwork.FourNIC, hostnetwork.TwoNIC, hostnetwork.TwoNICBridgeVLAN} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			w := fourNICs()
			if name != hostnetwork.FourNIC {
				w = twoNICs()
			}
			network := layout(name).Expand()
			target, problems := hostnetwork.Resolve(network, w.read(), w.catalog, nil)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			var plan []string
			for _, s := range target.Plan(w.read()) {
				plan = append(plan, string(s.Verb)+" "+s.Interface)
			}
			var done []string
			for _, line := range converge(t, w, network, nil, 1) {
				done = append(done, strings.Join(strings.Fields(line)[:2], " "))
			}
			if !slices.Equal(plan, done) {
				t.Errorf("planned\n%s\nand did\n%s", strings.Join(plan, "\n"), strings.Join(done, "\n"))
			}
		})
	}
}

// TestPlanIsMinimal: from the cabling as commissioning found it there is one call for each interface and each address.
func TestPlanIsMinimal(t *testing.T) {
	t.Parallel()
	w := fourNICs()
	converge(t, w, layout(hostnetwork.FourNIC).Expand(), nil, 1)
	// Two bonds, two VLANs, a bridge, three links; one of them sets the gateway as well.
	if w.calls != 8 {
		t.Errorf("the network took %d calls, want 8", w.calls)
	}
	before := w.calls
	converge(t, w, layout(hostnetwork.FourNIC).Expand(), nil, 1)
	if w.calls != before {
		t.Errorf("a second pass made %d calls, want none", w.calls-before)
	}
}

// TestStaticAddressesStay: a server keeps the address that it has, also through a loss of all links.
func TestStaticAddressesStay(t *testing.T) {
	t.Parallel()
	w := twoNICs()
	network := layout(hostnetwork.TwoNIC).Expand()
	for i := range network.Links {
		network.Links[i].Mode = maas.LinkStatic
	}
	converge(t, w, network, nil, 1)
	target, _ := hostnetwork.Resolve(network, w.read(), w.catalog, nil)
	kept := target.Addresses(w.read())
	if len(kept) != 3 {
		t.Fatalf("kept %v, want three addresses", kept)
	}
	// Commissioning: back to bare NICs, while others take the addresses that come first.
	if err := w.remove(w.byName("bond0").ID); err != nil {
		t.Fatal(err)
	}
	other := maas.Interface{Name: "other", Type: maas.InterfacePhysical, VLAN: w.vlan(2), LinkConnected: true,
		Links: []maas.Link{{ID: w.id(), Mode: maas.LinkStatic, SubnetID: 2, CIDR: netip.MustParsePrefix(managementCIDR), Address: netip.MustParseAddr("172.16.0.9")}}}
	w.add(other)
	converge(t, w, network, kept, 1)
	target, _ = hostnetwork.Resolve(network, w.read(), w.catalog, kept)
	if again := target.Addresses(w.read()); !slices.Equal(again, kept) {
		t.Errorf("kept %v, and after commissioning %v", kept, again)
	}
}

// TestLeavesOthersAlone: what is not described and not in the way stays.
func TestLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	w := reference(false, map[string]int{"enp1s0": 1, "enp2s0": 1, "enp1s1": 4, "enp2s1": 4, "ipmi0": 6})
	if err := w.link(w.byName("ipmi0").ID, &maas.LinkRequest{Mode: maas.LinkAuto, SubnetID: 4}); err != nil {
		t.Fatal(err)
	}
	network := layout(hostnetwork.FourNIC).Expand()
	network.Bridges[0].VMVLANs = []hostnetwork.VIDRange{{First: 40, Last: 50}}
	converge(t, w, network, nil, 1)
	mustDo(t, w, &hostnetwork.Step{Verb: hostnetwork.MakeVLAN, CreateVLAN: &hostnetwork.CreateVLAN{ParentID: w.byName("bond_data").ID, VLANID: 7}})
	calls := w.calls
	converge(t, w, network, nil, 1)
	if w.calls != calls {
		t.Errorf("made %d calls for interfaces that are nobody's business", w.calls-calls)
	}
	network.Bridges[0].VMVLANs = []hostnetwork.VIDRange{{First: 30, Last: 30}}
	converge(t, w, network, nil, 1)
	if w.byName("bond_data.30") != nil {
		t.Error("bond_data.30 keeps VLAN 30 from br0 and is still there")
	}
	if l := w.byName("ipmi0").Links; len(l) != 1 || l[0].Mode != maas.LinkAuto {
		t.Errorf("the links of ipmi0 are %v", l)
	}
}

func mustDo(t *testing.T, w *world, s *hostnetwork.Step) {
	t.Helper()
	if _, err := w.do(s); err != nil {
		t.Fatal(err)
	}
}

// TestConvergesFromAnyState starts from what a person may have left, half-made networks of the provider among it.
func TestConvergesFromAnyState(t *testing.T) {
	t.Parallel()
	seeds := uint64(3000)
	if testing.Short() {
		seeds = 300
	}
	for _, name := range []hostnetwork.LayoutName{hostnetwork.FourNIC, hostnetwork.TwoNIC, hostnetwork.TwoNICBridgeVLAN} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			for seed := range seeds {
				convergeFrom(t, name, seed)
			}
		})
	}
}

func convergeFrom(t *testing.T, name hostnetwork.LayoutName, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	w := fourNICs()
	if name != hostnetwork.FourNIC {
		w = twoNICs()
	}
	w.add(maas.Interface{Name: "spare0", Type: maas.InterfacePhysical, MACAddress: "52:54:00:00:ff:ff", VLAN: w.vlan(1), LinkConnected: true})
	l := layout(name)
	l.MTU = []int{0, 1500, 9000}[random.IntN(3)]
	mode := []maas.LinkMode{maas.LinkAuto, maas.LinkStatic, maas.LinkDHCP}
	l.PXE.Mode, l.Management.Link.Mode, l.Data.Link.Mode = mode[random.IntN(3)], mode[random.IntN(3)], mode[random.IntN(2)]
	network := l.Expand()
	var kept []hostnetwork.Address
	if random.IntN(2) == 0 {
		kept = []hostnetwork.Address{{Interface: network.Links[1].Interface, Subnet: netip.MustParsePrefix(managementCIDR), Address: netip.MustParseAddr("172.16.0.7")}}
	}
	// A pass that was cut short.
	if target, _ := hostnetwork.Resolve(network, w.read(), w.catalog, kept); random.IntN(2) == 0 {
		for range random.IntN(9) {
			if step := target.Next(w.read()); step != nil {
				mustDo(t, w, step)
			}
		}
	}
	w.allocated = random.IntN(2) == 0
	vandalise(w, random)
	w.allocated = random.IntN(2) == 0
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	converge(t, w, network, kept, 1)
	checkMade(t, w, network, kept, seed)
}

// checkMade compares the machine with the network by other means than the plan's.
func checkMade(t *testing.T, w *world, network hostnetwork.Network, kept []hostnetwork.Address, seed uint64) {
	t.Helper()
	mtu := map[string]int{}
	for _, b := range network.Bonds {
		mtu[b.Name] = b.MTU
		if have := w.byName(b.Name); have.Bond != b.Parameters || len(have.Parents) != len(b.Parents) {
			t.Fatalf("seed %d: bond %s is %v over %v", seed, b.Name, have.Bond, have.Parents)
		}
	}
	for _, v := range network.VLANs {
		mtu[v.Name()] = v.MTU
	}
	for _, b := range network.Bridges {
		mtu[b.Name] = b.MTU
		if have := w.byName(b.Name); have.Bridge.Type != b.Type {
			t.Fatalf("seed %d: bridge %s is %s", seed, b.Name, have.Bridge.Type)
		}
	}
	for name, want := range mtu {
		have := w.byName(name)
		if want != 0 && have.MTU != want {
			t.Fatalf("seed %d: %s has MTU %d, want %d", seed, name, have.MTU, want)
		}
		var addresses []maas.Link
		for _, l := range have.Links {
			if l.Mode != maas.LinkUp {
				addresses = append(addresses, l)
			}
		}
		at := slices.IndexFunc(network.Links, func(l hostnetwork.Link) bool { return l.Interface == name })
		if at < 0 || network.Links[at].Mode == maas.LinkUp {
			if len(addresses) > 0 {
				t.Fatalf("seed %d: %s has links %v", seed, name, addresses)
			}
			continue
		}
		link := network.Links[at]
		if len(addresses) != 1 || len(have.Links) != 1 || addresses[0].Mode != link.Mode || addresses[0].CIDR != link.Subnet.CIDR.Masked() ||
			link.Gateway && !addresses[0].Gateway {
			t.Fatalf("seed %d: %s has links %v, want %v%s", seed, name, have.Links, link, dump(w))
		}
		for _, k := range kept {
			if k.Interface == name && link.Mode == maas.LinkStatic && addresses[0].Address != k.Address {
				t.Fatalf("seed %d: %s has %s, want %s", seed, name, addresses[0].Address, k.Address)
			}
		}
	}
}

// vandalise makes random calls; what MAAS would refuse does nothing.
func vandalise(w *world, random *rand.Rand) {
	names := []string{"bond0", "bond_mgmt", "bond_data", "br0", "br1", "mybond", "bond0.10"}
	pick := func() maas.Interface { return w.interfaces[random.IntN(len(w.interfaces))] }
	for range random.IntN(25) {
		a, b := pick(), pick()
		name := names[random.IntN(len(names))]
		var s hostnetwork.Step
		switch random.IntN(8) {
		case 0:
			parents := []int{a.ID}
			if a.ID != b.ID {
				parents = append(parents, b.ID)
			}
			s = hostnetwork.Step{Verb: hostnetwork.MakeBond, CreateBond: &maas.CreateBond{Name: name, MACAddress: a.MACAddress, ParentIDs: parents,
				Parameters: maas.BondParameters{Mode: "active-backup"}}}
		case 1:
			s = hostnetwork.Step{Verb: hostnetwork.MakeVLAN, CreateVLAN: &hostnetwork.CreateVLAN{ParentID: a.ID, VLANID: []int{2, 3, 7}[random.IntN(3)], MTU: []int{0, 1400}[random.IntN(2)]}}
		case 2:
			s = hostnetwork.Step{Verb: hostnetwork.MakeBridge, CreateBridge: &maas.CreateBridge{Name: name, ParentID: a.ID, Parameters: maas.BridgeParameters{Type: "ovs"}}}
		case 3:
			if a.Type == maas.InterfacePhysical {
				continue
			}
			s = hostnetwork.Step{Verb: hostnetwork.Delete, InterfaceID: a.ID}
		case 4, 5:
			mode := []maas.LinkMode{maas.LinkAuto, maas.LinkStatic, maas.LinkDHCP, maas.LinkUp}[random.IntN(4)]
			subnet := 1 + random.IntN(5)
			if at := slices.IndexFunc(w.catalog.Subnets, func(s maas.Subnet) bool { return a.VLAN != nil && s.VLAN.ID == a.VLAN.ID }); at >= 0 {
				subnet = w.catalog.Subnets[at].ID
			}
			r := &maas.LinkRequest{Mode: mode, SubnetID: subnet, Force: random.IntN(2) == 0, DefaultGateway: random.IntN(3) == 0}
			if mode == maas.LinkStatic && random.IntN(2) == 0 {
				r.Address = netip.MustParseAddr("172.16.0.7")
			}
			s = hostnetwork.Step{Verb: hostnetwork.LinkTo, InterfaceID: a.ID, Link: r}
		case 6:
			if len(a.Links) == 0 {
				continue
			}
			s = hostnetwork.Step{Verb: hostnetwork.Unlink, InterfaceID: a.ID, LinkID: a.Links[random.IntN(len(a.Links))].ID}
		case 7:
			mtu := 1500 + 1000*random.IntN(8)
			s = hostnetwork.Step{Verb: hostnetwork.Change, InterfaceID: a.ID, Update: &maas.InterfaceUpdate{MTU: &mtu, Bond: &maas.BondParameters{Mode: "balance-rr"}}}
			if a.Type != maas.InterfaceBond {
				s.Update.Bond = nil
			}
		}
		// A refused call is one that the person did not get done.
		_, _ = w.do(&s)
	}
}
