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

package client_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

var _ maas.Networks = (maas.Client)(nil)

// network is a simulated MAAS with the networks of the reference and a server with four NICs.
type network struct {
	*rack
	id                 string
	native, mgmt, data maas.Subnet
	nics               []int
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{rack: newRackAt(t, 10_000)}
	n.sim.AddSubnet(maassim.SubnetSpec{
		Name: "native", CIDR: "192.168.100.0/22", Gateway: "192.168.100.1", Dynamic: []string{"192.168.103.0-192.168.103.254"},
		Reserved: []string{"192.168.100.1-192.168.100.31"},
	})
	n.sim.AddSubnet(maassim.SubnetSpec{Name: "mgmt", CIDR: "172.16.0.0/22", VID: 10})
	n.sim.AddSubnet(maassim.SubnetSpec{Name: "data", CIDR: "10.20.0.0/16", Gateway: "10.20.30.1", VID: 20, MTU: 9000})
	n.sim.AddSubnet(maassim.SubnetSpec{Name: "tiny", CIDR: "10.66.0.0/30", VID: 66})
	n.sim.AddStaticRoute("mgmt", "data", "172.16.0.2", 10)
	n.id = n.sim.AddMachine(maassim.MachineSpec{Hostname: "node-c", NICs: []maassim.NIC{
		{Subnet: "native", Address: "192.168.101.2"}, {}, {}, {Tags: []string{"uplink", "sriov"}, NoCarrier: true},
	}})
	subnets, err := n.user.ListSubnets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range subnets {
		switch s.Name {
		case "native":
			n.native = s
		case "mgmt":
			n.mgmt = s
		case "data":
			n.data = s
		}
	}
	for _, f := range n.interfaces(t) {
		n.nics = append(n.nics, f.ID)
	}
	return n
}

func (n *network) interfaces(t *testing.T) []maas.Interface {
	t.Helper()
	list, err := n.admin.ListInterfaces(t.Context(), n.id)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (n *network) named(t *testing.T, name string) maas.Interface {
	t.Helper()
	for _, f := range n.interfaces(t) {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no interface %s", name)
	return maas.Interface{}
}

func TestNetworksAreRead(t *testing.T) {
	t.Parallel()
	g, n, ctx := NewWithT(t), newNetwork(t), t.Context()
	g.Expect(n.native.CIDR).To(Equal(netip.MustParsePrefix("192.168.100.0/22")))
	g.Expect(n.native.Gateway).To(Equal(netip.MustParseAddr("192.168.100.1")))
	g.Expect(n.native.Managed).To(BeTrue())
	g.Expect(n.mgmt.Gateway.IsValid()).To(BeFalse())
	g.Expect([]int{n.data.VLAN.VID, n.data.VLAN.MTU}).To(Equal([]int{20, 9000}))

	vlans, err := n.user.ListVLANs(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(vlans).To(ContainElements(n.native.VLAN, n.mgmt.VLAN, n.data.VLAN))
	routes, err := n.user.ListStaticRoutes(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(routes).To(Equal([]maas.StaticRoute{{
		ID: 1, Source: n.mgmt.CIDR, Destination: n.data.CIDR, Gateway: netip.MustParseAddr("172.16.0.2"), Metric: 10,
	}}))

	nic := n.named(t, "enp2s1")
	g.Expect(nic.Tags).To(Equal([]string{"sriov", "uplink"}))
	g.Expect([]any{nic.LinkConnected, nic.LinkSpeedMbps, nic.InterfaceSpeedMbps}).To(Equal([]any{false, 0, 10000}))
	list, err := n.user.ListMachines(ctx, maas.Filter{SystemIDs: []string{n.id}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list[0].Interfaces).To(Equal(n.interfaces(t)))
}

// TestTwoBondsOfAServer builds the reference's layout for four NICs, and looks at the addresses from deploy to release.
func TestTwoBondsOfAServer(t *testing.T) {
	t.Parallel()
	g, n, ctx := NewWithT(t), newNetwork(t), t.Context()
	must := func(f *maas.Interface, err error) *maas.Interface {
		t.Helper()
		g.Expect(err).NotTo(HaveOccurred())
		return f
	}
	lacp := maas.BondParameters{Mode: "802.3ad", LACPRate: "fast", XmitHashPolicy: "layer3+4", MIIMonMS: 50}
	mgmt := must(n.admin.CreateBond(ctx, n.id, maas.CreateBond{Name: "bond_mgmt", ParentIDs: []int{n.nics[0], n.nics[2]}, Parameters: lacp}))
	g.Expect([]any{mgmt.Type, mgmt.Bond, mgmt.Parents, mgmt.MACAddress}).To(Equal(
		[]any{maas.InterfaceBond, lacp, []string{"enp1s0", "enp2s0"}, n.named(t, "enp1s0").MACAddress}))
	g.Expect(n.named(t, "enp1s0").Links).To(BeEmpty(), "parents lose their links")
	data := must(n.admin.CreateBond(ctx, n.id, maas.CreateBond{Name: "bond_data", ParentIDs: []int{n.nics[1], n.nics[3]}, MTU: 9000}))
	g.Expect([]int{data.MTU, data.EffectiveMTU, n.named(t, "enp1s1").MTU}).To(Equal([]int{9000, 9000, 9000}))
	must(n.admin.LinkSubnet(ctx, n.id, mgmt.ID, maas.LinkRequest{Mode: maas.LinkAuto, SubnetID: n.native.ID}))
	vlan10 := must(n.admin.CreateVLANInterface(ctx, n.id, mgmt.ID, n.mgmt.VLAN.ID, 0))
	g.Expect(vlan10.Name).To(Equal("bond_mgmt.10"))
	static := netip.MustParseAddr("172.16.0.77")
	must(n.admin.LinkSubnet(ctx, n.id, vlan10.ID, maas.LinkRequest{Mode: maas.LinkStatic, SubnetID: n.mgmt.ID, Address: static}))
	vlan20 := must(n.admin.CreateVLANInterface(ctx, n.id, data.ID, n.data.VLAN.ID, 0))
	linked := must(n.admin.LinkSubnet(ctx, n.id, vlan20.ID, maas.LinkRequest{Mode: maas.LinkAuto, SubnetID: n.data.ID}))
	g.Expect(n.admin.SetDefaultGateway(ctx, n.id, vlan20.ID, linked.Links[0].ID)).To(Succeed())
	br0 := must(n.admin.CreateBridge(ctx, n.id, maas.CreateBridge{Name: "br0", ParentID: data.ID, Parameters: maas.BridgeParameters{Type: "standard"}}))
	g.Expect(br0.Links).To(HaveLen(1))
	g.Expect(br0.Links[0].Mode).To(Equal(maas.LinkUp))
	g.Expect(n.named(t, "bond_data.20").Links[0].Gateway).To(BeTrue())
	g.Expect(n.named(t, "bond_mgmt").Links[0].Gateway).To(BeFalse())
	g.Expect(n.named(t, "bond_data").Children).To(Equal([]string{"bond_data.20", "br0"}))

	_, err := n.user.Deploy(ctx, n.id, maas.DeployRequest{})
	g.Expect(err).NotTo(HaveOccurred())
	deployed := n.until(t, maas.StatusDeployed)
	g.Expect(deployed.Addresses).To(ConsistOf("192.168.100.32", "172.16.0.77", "10.20.0.1"))
	_, err = n.user.Release(ctx, n.id, maas.ReleaseRequest{})
	g.Expect(err).NotTo(HaveOccurred())
	ready := n.until(t, maas.StatusReady)
	g.Expect(ready.Addresses).To(Equal([]string{"172.16.0.77"}), "AUTO addresses are given back")
	g.Expect(ready.Interfaces).To(HaveLen(9), "what was made while Ready stays")
	g.Expect(n.named(t, "bond_data.20").Links[0].Gateway).To(BeTrue())

	g.Expect(n.admin.DeleteInterface(ctx, n.id, data.ID)).To(Succeed())
	g.Expect(n.interfaces(t)).To(HaveLen(6), "what stands on a bond goes with it")
}

func (n *network) until(t *testing.T, status maas.Status) *maas.Machine {
	t.Helper()
	var m *maas.Machine
	NewWithT(t).Eventually(func(g Gomega) {
		var err error
		m, err = n.admin.GetMachine(context.Background(), n.id)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(m.Status).To(Equal(status))
	}, time.Minute, 20*time.Millisecond).Should(Succeed())
	return m
}

func TestABridgeMadeWhileAllocatedGoesAtTheRelease(t *testing.T) {
	t.Parallel()
	g, n, ctx := NewWithT(t), newNetwork(t), t.Context()
	_, err := n.user.Allocate(ctx, maas.AllocateRequest{SystemID: n.id})
	g.Expect(err).NotTo(HaveOccurred())
	bond, err := n.admin.CreateBond(ctx, n.id, maas.CreateBond{Name: "bond0", ParentIDs: n.nics[:2]})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = n.admin.LinkSubnet(ctx, n.id, bond.ID, maas.LinkRequest{Mode: maas.LinkAuto, SubnetID: n.native.ID})
	g.Expect(err).NotTo(HaveOccurred())
	br, err := n.admin.CreateBridge(ctx, n.id, maas.CreateBridge{Name: "br0", ParentID: bond.ID})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(br.Links).To(HaveLen(1))
	g.Expect(br.Links[0].Mode).To(Equal(maas.LinkAuto), "it takes its parent's links over")
	_, err = n.admin.CreateVLANInterface(ctx, n.id, br.ID, n.data.VLAN.ID, 0)
	g.Expect(err).NotTo(HaveOccurred())

	_, err = n.user.Release(ctx, n.id, maas.ReleaseRequest{})
	g.Expect(err).NotTo(HaveOccurred())
	n.until(t, maas.StatusReady)
	g.Expect(n.interfaces(t)).To(HaveLen(5), "the bond stays, the bridge and its VLAN do not")
	g.Expect(n.named(t, "bond0").Links).To(HaveLen(1))
	g.Expect(n.named(t, "bond0").Links[0].Mode).To(Equal(maas.LinkAuto))
}

func TestInterfacesAreChanged(t *testing.T) {
	t.Parallel()
	g, n, ctx := NewWithT(t), newNetwork(t), t.Context()
	bond, err := n.admin.CreateBond(ctx, n.id, maas.CreateBond{Name: "bond0", ParentIDs: n.nics[:3]})
	g.Expect(err).NotTo(HaveOccurred())
	bond, err = n.admin.UpdateInterface(ctx, n.id, bond.ID, maas.InterfaceUpdate{
		Name: new("bond1"), MTU: new(9000), Bond: &maas.BondParameters{Mode: "active-backup"}, ParentIDs: n.nics[1:3], VLANID: &n.data.VLAN.ID,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{bond.Name, bond.MTU, bond.Bond.Mode, bond.Bond.MIIMonMS, bond.Parents, bond.VLAN.VID}).To(Equal(
		[]any{"bond1", 9000, "active-backup", 100, []string{"enp1s1", "enp2s0"}, 20}))
	g.Expect(bond.MACAddress).To(Equal(n.named(t, "enp1s1").MACAddress), "its former MAC left with that parent")
	g.Expect(n.named(t, "enp2s0").VLAN.VID).To(Equal(20), "parents follow")
	g.Expect(n.named(t, "enp1s0").VLAN.VID).To(Equal(0))

	br, err := n.admin.CreateBridge(ctx, n.id, maas.CreateBridge{Name: "br0", ParentID: bond.ID, Parameters: maas.BridgeParameters{STP: true}})
	g.Expect(err).NotTo(HaveOccurred())
	br, err = n.admin.UpdateInterface(ctx, n.id, br.ID, maas.InterfaceUpdate{Bridge: &maas.BridgeParameters{Type: "ovs"}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(br.Bridge).To(Equal(maas.BridgeParameters{Type: "ovs"}))

	two, err := n.admin.LinkSubnet(ctx, n.id, br.ID, maas.LinkRequest{Mode: maas.LinkAuto, SubnetID: n.data.ID, DefaultGateway: true})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(n.named(t, "br0").Links[0].Gateway).To(BeTrue())
	_, err = n.admin.LinkSubnet(ctx, n.id, br.ID, maas.LinkRequest{Mode: maas.LinkUp})
	g.Expect(kind(err)).To(Equal(maas.Invalid), "other links are there")
	left, err := n.admin.UnlinkSubnet(ctx, n.id, br.ID, two.Links[0].ID)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left.Links).To(HaveLen(1))
	g.Expect(left.Links[0].Mode).To(Equal(maas.LinkUp))
	_, err = n.admin.LinkSubnet(ctx, n.id, br.ID, maas.LinkRequest{Mode: maas.LinkDHCP, SubnetID: n.data.ID})
	g.Expect(err).NotTo(HaveOccurred())
	up, err := n.admin.LinkSubnet(ctx, n.id, br.ID, maas.LinkRequest{Mode: maas.LinkUp, Force: true})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(up.Links).To(HaveLen(1))
}

// TestNetworkRefusals tells the refusals apart that the status alone does not.
func TestNetworkRefusals(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	tiny := netip.MustParsePrefix("10.66.0.0/30")
	addr := netip.MustParseAddr
	static := func(c maas.Client, ip string) error {
		_, err := c.LinkSubnet(t.Context(), n.id, n.nics[0], maas.LinkRequest{Mode: maas.LinkStatic, SubnetID: n.native.ID, Address: addr(ip)})
		return err
	}
	reserve := func(subnet netip.Prefix, ip string) error {
		a := netip.Addr{}
		if ip != "" {
			a = addr(ip)
		}
		_, err := n.user.ReserveAddress(t.Context(), subnet, a, "vip")
		return err
	}
	NewWithT(t).Expect(reserve(n.native.CIDR, "192.168.100.40")).To(Succeed())
	NewWithT(t).Expect(reserve(tiny, "")).To(Succeed())
	NewWithT(t).Expect(reserve(tiny, "")).To(Succeed())
	for name, tc := range map[string]struct {
		call    func(ctx context.Context) error
		kind    maas.ErrorKind
		message string
	}{
		"link to an address in use": {
			func(context.Context) error { return static(n.admin, "192.168.100.40") }, maas.Conflict, "IP address is already in use.",
		},
		"link to an address of the dynamic range": {
			func(context.Context) error { return static(n.admin, "192.168.103.9") }, maas.Invalid, "inside a dynamic range",
		},
		"link to an address of another subnet": {
			func(context.Context) error { return static(n.admin, "10.1.1.1") }, maas.Invalid, "not in the given subnet",
		},
		"link with an ordinary key": {
			func(context.Context) error { return static(n.user, "192.168.100.50") }, maas.Forbidden, "",
		},
		"link to a subnet of another VLAN": {
			func(ctx context.Context) error {
				_, err := n.admin.LinkSubnet(ctx, n.id, n.nics[0], maas.LinkRequest{Mode: maas.LinkAuto, SubnetID: n.data.ID})
				return err
			}, maas.Invalid, "None found with id=",
		},
		"unlink what is not linked": {
			func(ctx context.Context) error {
				_, err := n.admin.UnlinkSubnet(ctx, n.id, n.nics[0], 9999)
				return err
			},
			maas.NotFound, "not a valid id",
		},
		"delete an interface that is not there": {
			func(ctx context.Context) error { return n.admin.DeleteInterface(ctx, n.id, 9999) }, maas.NotFound, "No Interface",
		},
		"a bond of a machine that is not there": {
			func(ctx context.Context) error {
				_, err := n.admin.CreateBond(ctx, "zzzzzz", maas.CreateBond{Name: "bond0", ParentIDs: n.nics})
				return err
			}, maas.NotFound, "No Machine",
		},
		"a bond of nothing": {
			func(ctx context.Context) error {
				_, err := n.admin.CreateBond(ctx, n.id, maas.CreateBond{Name: "bond0"})
				return err
			},
			maas.Invalid, "parents: A bond interface must have one or more parents.",
		},
		"malformed system id": {
			func(ctx context.Context) error { return n.admin.DeleteInterface(ctx, "a/../b", 1) }, maas.Invalid, "malformed system id",
		},
		"reserve an address in use": {
			func(context.Context) error { return reserve(n.native.CIDR, "192.168.100.40") }, maas.Conflict, "192.168.100.40 is already in use",
		},
		"reserve in a reserved range": {
			func(context.Context) error { return reserve(n.native.CIDR, "192.168.100.5") }, maas.Invalid, "within the reserved range",
		},
		"reserve in the dynamic range": {
			func(context.Context) error { return reserve(n.native.CIDR, "192.168.103.5") }, maas.Invalid, "existing dynamic range",
		},
		"reserve outside of the subnet": {
			func(context.Context) error { return reserve(n.native.CIDR, "10.1.1.1") }, maas.Invalid, "10.1.1.1 is not in subnet",
		},
		"reserve in an unknown subnet": {
			func(context.Context) error { return reserve(netip.MustParsePrefix("9.9.9.0/24"), "") }, maas.Invalid, "Unable to identify subnet",
		},
		"reserve in no subnet": {
			func(context.Context) error { return reserve(netip.Prefix{}, "") }, maas.Invalid, "a subnet is needed",
		},
		"reserve in a full subnet": {
			func(context.Context) error { return reserve(tiny, "") }, maas.Exhausted, "No more IPs available in subnet: 10.66.0.0/30.",
		},
		"release what is not reserved": {
			func(ctx context.Context) error { return n.user.ReleaseAddress(ctx, addr("192.168.100.41")) }, maas.NotFound, "does not exist",
		},
		"release another user's": {
			func(ctx context.Context) error { return n.admin.ReleaseAddress(ctx, addr("192.168.100.40")) }, maas.NotFound, "does not exist",
		},
		"release nothing": {
			func(ctx context.Context) error { return n.user.ReleaseAddress(ctx, netip.Addr{}) }, maas.Invalid, "an address is needed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			before := len(n.sim.Calls())
			err := tc.call(t.Context())
			e, ok := errors.AsType[*maas.Error](err)
			g.Expect(ok).To(BeTrue(), "%v", err)
			g.Expect(e.Kind).To(Equal(tc.kind), "%v", err)
			g.Expect(e.Message).To(ContainSubstring(tc.message))
			g.Expect(maas.IsAnswer(err)).To(BeTrue())
			g.Expect(len(n.sim.Calls())-before).To(BeNumerically("<=", 1), "refusals are not repeated")
		})
	}
}

func TestNetworksOfAMachineInUseStay(t *testing.T) {
	t.Parallel()
	g, n, ctx := NewWithT(t), newNetwork(t), t.Context()
	_, err := n.user.Deploy(ctx, n.id, maas.DeployRequest{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = n.admin.CreateBond(ctx, n.id, maas.CreateBond{Name: "bond0", ParentIDs: n.nics})
	g.Expect(kind(err)).To(Equal(maas.Conflict))
	g.Expect(err.Error()).To(ContainSubstring("not New, Ready, Allocated, or Broken"))
	g.Expect(kind(n.admin.DeleteInterface(ctx, n.id, n.nics[0]))).To(Equal(maas.Conflict))
}

func TestReservedAddresses(t *testing.T) {
	t.Parallel()
	g, n, ctx := NewWithT(t), newNetwork(t), t.Context()
	g.Expect(n.user.ReservedUnder(ctx, "c-vip-1")).To(BeEmpty())
	chosen, err := n.user.ReserveAddress(ctx, n.native.CIDR, netip.Addr{}, "c-vip-1")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*chosen).To(Equal(maas.ReservedAddress{Address: netip.MustParseAddr("192.168.100.32"), SubnetID: n.native.ID, Owner: "capi"}))
	given, err := n.user.ReserveAddress(ctx, n.mgmt.CIDR, netip.MustParseAddr("172.16.0.46"), "c-vip-2")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(n.user.ReservedUnder(ctx, "c-vip-1")).To(Equal([]netip.Addr{chosen.Address}))
	g.Expect(n.admin.ReservedUnder(ctx, "c-vip-2")).To(Equal([]netip.Addr{given.Address}))
	g.Expect(kind(n.admin.ReleaseAddress(ctx, chosen.Address))).To(Equal(maas.NotFound))
	g.Expect(n.user.ReservedUnder(ctx, "c-vip-1")).To(Equal([]netip.Addr{chosen.Address}), "another user's call releases nothing")
	g.Expect(n.user.ReleaseAddress(ctx, chosen.Address)).To(Succeed())
	g.Expect(kind(n.user.ReleaseAddress(ctx, chosen.Address))).To(Equal(maas.NotFound))
	g.Expect(n.user.ReservedUnder(ctx, "c-vip-1")).To(BeEmpty())
	g.Expect(n.user.ReservedUnder(ctx, "c-vip-2")).To(Equal([]netip.Addr{given.Address}))
}
