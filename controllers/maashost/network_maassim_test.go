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

package maashost

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// site is a simulated MAAS with the networks of the reference architecture.
type site struct {
	sim     *maassim.Server
	admin   *client.Client
	catalog hostnetwork.Catalog
}

func newSite(t *testing.T) *site {
	t.Helper()
	sim := maassim.New(maassim.Config{Speed: 1000})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	t.Cleanup(sim.Close)
	sim.AddSubnet(maassim.SubnetSpec{Name: "pxe", CIDR: "192.168.0.0/22", Fabric: "mgmt"})
	sim.AddSubnet(maassim.SubnetSpec{Name: "nodes", CIDR: "172.16.0.0/22", Fabric: "mgmt", VID: 10})
	sim.AddSubnet(maassim.SubnetSpec{Name: "spare", CIDR: "10.77.0.0/24", Fabric: "data"})
	sim.AddSubnet(maassim.SubnetSpec{Name: "data", CIDR: "10.20.0.0/16", Gateway: "10.20.30.1", Fabric: "data", VID: 20, MTU: 9000})
	admin, err := client.New(client.Options{Endpoint: server.URL + "/MAAS", APIKey: sim.AddUser("root", true), QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	s := &site{sim: sim, admin: admin}
	if s.catalog.Subnets, err = admin.ListSubnets(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.catalog.VLANs, err = admin.ListVLANs(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) newServer(t *testing.T, allocated bool) string {
	t.Helper()
	id := s.sim.AddMachine(maassim.MachineSpec{NICs: []maassim.NIC{
		{Name: "enp1s0", Subnet: "pxe"}, {Name: "enp1s1", Fabric: "data"}, {Name: "enp2s0", Fabric: "mgmt"}, {Name: "enp2s1", Fabric: "data"},
	}})
	if allocated {
		if _, err := s.admin.Allocate(t.Context(), maas.AllocateRequest{SystemID: id, AgentName: "ours"}); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// fourNICs is the reference's recommended network.
func fourNICs(mode maas.LinkMode, mtu int) hostnetwork.Network {
	link := func(cidr string) hostnetwork.Link {
		return hostnetwork.Link{Mode: mode, Subnet: hostnetwork.SubnetRef{CIDR: netip.MustParsePrefix(cidr)}}
	}
	nics := func(names ...string) (all []hostnetwork.Match) {
		for _, n := range names {
			all = append(all, hostnetwork.Match{InterfaceName: n})
		}
		return all
	}
	return hostnetwork.Layout{
		Name: hostnetwork.FourNIC, ManagementNICs: nics("enp1s0", "enp2s0"), DataNICs: nics("enp1s1", "enp2s1"),
		Bond: maas.BondParameters{Mode: "802.3ad", LACPRate: "fast", XmitHashPolicy: "layer3+4", MIIMonMS: 100},
		PXE:  link("192.168.0.0/22"), Management: hostnetwork.LayoutVLAN{VID: 10, Link: link("172.16.0.0/22")},
		Data: hostnetwork.LayoutVLAN{VID: 20, Link: link("10.20.30.0/16")}, MTU: mtu,
	}.Expand()
}

// makeNetwork makes one pass as the controller does, and returns the calls it took.
func (s *site) makeNetwork(t *testing.T, id string, network hostnetwork.Network) []string {
	t.Helper()
	seen, err := s.admin.ListInterfaces(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	target, problems := hostnetwork.Resolve(network, seen, s.catalog, nil)
	if len(problems) > 0 {
		t.Fatalf("the network cannot be had: %v", problems)
	}
	var made []string
	for range networkCalls {
		step := target.Next(seen)
		if step == nil {
			return made
		}
		made = append(made, step.String())
		answer, err := networkCall(t.Context(), s.admin, id, step)
		if err != nil {
			t.Fatalf("%s: %v\nafter %s", step, err, strings.Join(made, "; "))
		}
		seen = step.After(seen, answer)
	}
	t.Fatalf("no end: %s", strings.Join(made, "; "))
	return nil
}

// TestNetworkConvergesInSimulator takes the steps against MAAS's rules as they were recorded, from what a person may have left. One pass leads
// to the network, and after it MAAS itself says that there is nothing to do.
func TestNetworkConvergesInSimulator(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	seeds := uint64(60)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			network := fourNICs([]maas.LinkMode{maas.LinkAuto, maas.LinkStatic}[random.IntN(2)], []int{0, 1500}[random.IntN(2)])
			id := s.newServer(t, random.IntN(2) == 0)
			if random.IntN(3) == 0 {
				s.makeNetwork(t, id, network)
			}
			s.meddle(t.Context(), t, id, random)
			s.makeNetwork(t, id, network)
			if left := s.makeNetwork(t, id, network); len(left) > 0 {
				t.Errorf("a second pass made the calls %v", left)
			}
		})
	}
}

// meddle makes calls as a person might; those that MAAS refuses do nothing. It leaves the VLANs of NICs alone, for they tell the cabling.
func (s *site) meddle(ctx context.Context, t *testing.T, id string, random *rand.Rand) {
	t.Helper()
	names := []string{"bond_mgmt", "bond_data", "br0", "bond7", "br7"}
	for range random.IntN(15) {
		list, err := s.admin.ListInterfaces(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		a, b := list[random.IntN(len(list))], list[random.IntN(len(list))]
		name := names[random.IntN(len(names))]
		switch random.IntN(7) {
		case 0:
			parents := []int{a.ID}
			if b.ID != a.ID {
				parents = append(parents, b.ID)
			}
			_, err = s.admin.CreateBond(ctx, id, maas.CreateBond{Name: name, ParentIDs: parents, MACAddress: a.MACAddress,
				Parameters: maas.BondParameters{Mode: "active-backup"}})
		case 1:
			vlan := s.catalog.VLANs[random.IntN(len(s.catalog.VLANs))]
			_, err = s.admin.CreateVLANInterface(ctx, id, a.ID, vlan.ID, []int{0, 1400}[random.IntN(2)])
		case 2:
			_, err = s.admin.CreateBridge(ctx, id, maas.CreateBridge{Name: name, ParentID: a.ID, MACAddress: a.MACAddress,
				Parameters: maas.BridgeParameters{Type: "ovs"}})
		case 3:
			if a.Type != maas.InterfacePhysical {
				err = s.admin.DeleteInterface(ctx, id, a.ID)
			}
		case 4, 5:
			subnet := s.catalog.Subnets[random.IntN(len(s.catalog.Subnets))]
			_, err = s.admin.LinkSubnet(ctx, id, a.ID, maas.LinkRequest{SubnetID: subnet.ID, DefaultGateway: subnet.Gateway.IsValid(),
				Mode: []maas.LinkMode{maas.LinkAuto, maas.LinkStatic, maas.LinkDHCP}[random.IntN(3)]})
		case 6:
			if len(a.Links) > 0 {
				_, err = s.admin.UnlinkSubnet(ctx, id, a.ID, a.Links[random.IntN(len(a.Links))].ID)
			}
		}
		if err != nil && !maas.IsAnswer(err) {
			t.Fatal(err)
		}
	}
}

// TestNetworkIsPaidOnce: what is made on a Ready server stays over allocation and release, bridges included.
func TestNetworkIsPaidOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.newServer(t, false)
	network := fourNICs(maas.LinkStatic, 0)
	if made := s.makeNetwork(t, id, network); len(made) != 8 {
		t.Errorf("the network took %d calls, want 8: %v", len(made), made)
	}
	for range 2 {
		if _, err := s.admin.Allocate(t.Context(), maas.AllocateRequest{SystemID: id, AgentName: "ours"}); err != nil {
			t.Fatal(err)
		}
		if made := s.makeNetwork(t, id, network); len(made) > 0 {
			t.Errorf("allocated, there were still the calls %v", made)
		}
		if _, err := s.admin.Release(t.Context(), id, maas.ReleaseRequest{}); err != nil {
			t.Fatal(err)
		}
		if made := s.makeNetwork(t, id, network); len(made) > 0 {
			t.Errorf("released, there were still the calls %v", made)
		}
	}
}
