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

package maassim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLayoutsOfTheReference builds the three layouts on a Ready server and on one
// that is held, and looks at what a deployment gets and what a release leaves.
func TestLayoutsOfTheReference(t *testing.T) {
	t.Parallel()
	fourNICs := func(w *wired) {
		w.must("", "create_bond", "name", "bond_mgmt", "parents", "enp1s0", "parents", "enp2s0", "bond_mode", "802.3ad")
		w.must("", "create_bond", "name", "bond_data", "parents", "enp1s1", "parents", "enp2s1", "bond_mode", "802.3ad")
		w.must("bond_mgmt", "link_subnet", "mode", "AUTO", "subnet", "native")
		w.must("", "create_vlan", "parent", "bond_mgmt", "vlan", "10")
		w.must("bond_mgmt.10", "link_subnet", "mode", "STATIC", "subnet", "mgmt", "ip_address", "172.16.0.7")
		w.must("", "create_vlan", "parent", "bond_data", "vlan", "20")
		w.must("bond_data.20", "link_subnet", "mode", "AUTO", "subnet", "data", "default_gateway", "true")
		w.must("", "create_bridge", "name", "br0", "parent", "bond_data")
	}
	twoNICs := func(w *wired) {
		w.must("", "create_bond", "name", "bond0", "parents", "enp1s0", "parents", "enp1s1")
		w.must("", "create_bridge", "name", "br0", "parent", "bond0")
		w.must("br0", "link_subnet", "mode", "AUTO", "subnet", "native")
		w.must("", "create_vlan", "parent", "bond0", "vlan", "10")
		w.must("bond0.10", "link_subnet", "mode", "AUTO", "subnet", "mgmt")
		w.must("", "create_vlan", "parent", "bond0", "vlan", "20")
		w.must("bond0.20", "link_subnet", "mode", "AUTO", "subnet", "data", "default_gateway", "true")
	}
	sharedVLAN := func(w *wired) {
		w.must("", "create_bond", "name", "bond0", "parents", "enp1s0", "parents", "enp1s1")
		w.must("", "create_bridge", "name", "br0", "parent", "bond0")
		w.must("br0", "link_subnet", "mode", "AUTO", "subnet", "native")
		w.must("", "create_vlan", "parent", "bond0", "vlan", "10")
		w.must("bond0.10", "link_subnet", "mode", "AUTO", "subnet", "mgmt")
		w.must("", "create_vlan", "parent", "br0", "vlan", "20")
		w.must("br0.20", "link_subnet", "mode", "STATIC", "subnet", "data", "ip_address", "10.20.0.9", "default_gateway", "true")
	}
	all := []string{"10.20.0.1", "172.16.0.1", "192.168.0.32"}
	for name, tc := range map[string]struct {
		build              func(*wired)
		deployed           []string
		bonds, kept, taken []string // taken is what a release undoes of what was made while held
		addresses          []string // after the release of a server prepared while Ready
		heldAddresses      []string
		gateway            string
	}{
		"four NICs": {
			fourNICs, []string{"10.20.0.1", "172.16.0.7", "192.168.0.32"}, []string{"bond_mgmt", "bond_data"},
			[]string{"bond_mgmt.10", "bond_data.20"}, []string{"br0"}, []string{"172.16.0.7"}, []string{"172.16.0.7"}, "10.20.30.1",
		},
		"two NICs": {
			twoNICs, all, []string{"bond0"}, []string{"bond0.10", "bond0.20"}, []string{"br0"},
			[]string{"192.168.1.2"}, []string{"192.168.1.2"}, "10.20.30.1",
		},
		"two NICs, VLAN on the bridge": {
			sharedVLAN, []string{"10.20.0.9", "172.16.0.1", "192.168.0.32"}, []string{"bond0"}, []string{"bond0.10"}, []string{"br0", "br0.20"},
			[]string{"10.20.0.9"}, []string{"192.168.1.2"}, "10.20.30.1",
		},
	} {
		for _, held := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, held %v", name, held), func(t *testing.T) {
				t.Parallel()
				w := newWired(t)
				if held {
					w.do(w.key, http.MethodPost, "machines/?op=allocate", url.Values{"system_id": {w.id}})
					w.expect(w.id, StatusAllocated)
				}
				tc.build(w)
				if body := w.do(w.admin, http.MethodGet, "machines/"+w.id+"/", nil).Body.String(); !strings.Contains(body, `"gateway_ip":"`+tc.gateway+`","link_id":`) {
					t.Errorf("the default route does not go through %s", tc.gateway)
				}
				got, after := w.deployAndRelease()
				slices.Sort(got)
				if !slices.Equal(got, tc.deployed) {
					t.Errorf("deployed with %v, want %v", got, tc.deployed)
				}
				wantAfter := tc.addresses
				if held {
					wantAfter = tc.heldAddresses
				}
				if !slices.Equal(after, wantAfter) {
					t.Errorf("released with %v, want %v", after, wantAfter)
				}
				ifs := w.interfaces()
				for _, name := range slices.Concat(tc.bonds, tc.kept) {
					if _, there := ifs[name]; !there {
						t.Errorf("%s is gone after the release", name)
					}
				}
				for _, name := range tc.taken {
					if _, there := ifs[name]; there == held {
						t.Errorf("%s is there after the release: %v, want %v", name, there, !held)
					}
				}
				w.checkNetwork("after the release")
			})
		}
	}
}

func TestAddressesRunOut(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	w.must("enp1s1", "link_subnet", "mode", "STATIC", "subnet", "tiny")
	w.must("enp2s0", "link_subnet", "mode", "STATIC", "subnet", "tiny")
	w.refused(http.StatusServiceUnavailable, "No more IPs available in subnet: 10.66.0.0/30.", "enp2s1", "link_subnet", "mode", "STATIC", "subnet", "tiny")
	w.refused(http.StatusNotFound, "IP address is already in use.", "enp2s1", "link_subnet", "mode", "STATIC", "subnet", "tiny", "ip_address", "10.66.0.1")
	w.must("enp2s1", "link_subnet", "mode", "AUTO", "subnet", "tiny") // it gets none before the deployment
	w.post(w.key, w.id, "deploy", nil, http.StatusOK)
	w.clock.Advance(time.Minute)
	w.expect(w.id, StatusFailedDeployment)
	w.post(w.key, w.id, "release", nil, http.StatusOK)
	w.clock.Advance(time.Hour)
	w.must("enp1s1", "DELETE")
	if got, _ := w.deployAndRelease(); !slices.Contains(got, "10.66.0.1") {
		t.Errorf("deployed with %v, want the address that the deleted interface gave back", got)
	}
}

func TestCommissioningResetsTheNetwork(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	w.must("", "create_bond", "name", "bond0", "parents", "enp1s0", "parents", "enp1s1")
	w.must("enp2s0", "link_subnet", "mode", "STATIC", "subnet", "native", "ip_address", "192.168.0.50", "default_gateway", "true")
	w.must("enp2s1", "DELETE")
	w.post(w.admin, w.id, "commission", url.Values{"skip_networking": {"1"}}, http.StatusOK)
	w.clock.Advance(time.Hour)
	w.expect(w.id, StatusReady)
	if ifs := w.interfaces(); len(ifs) != 4 || ifs["enp2s0"].Links[0].IP != "192.168.0.50" {
		t.Errorf("skip_networking did not leave the network alone: %+v", ifs)
	}
	w.post(w.admin, w.id, "commission", nil, http.StatusOK)
	w.clock.Advance(time.Hour)
	w.expect(w.id, StatusReady)
	ifs := w.interfaces()
	first, back := ifs["enp1s0"], ifs["enp2s1"]
	if _, there := ifs["bond0"]; there || len(ifs) != 4 || first.modes() != "auto native" {
		t.Errorf("commissioned: %+v", ifs)
	}
	if back.modes() != "link_up" || back.VLAN.Fabric == "fabric-0" {
		t.Errorf("a card that MAAS had forgotten is %+v, want it in a fabric of its own", back)
	}
	w.must("enp1s1", "link_subnet", "mode", "STATIC", "subnet", "native", "ip_address", "192.168.0.50")
	w.checkNetwork("after commissioning")
}

func TestInterfacesFollowOneAnother(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	w.must("", "create_bond", "name", "bond0", "parents", "enp1s0", "parents", "enp1s1")
	w.must("", "create_bridge", "name", "br0", "parent", "bond0", "mtu", "9000")
	w.must("br0", "link_subnet", "mode", "AUTO", "subnet", "native")
	if ifs := w.interfaces(); ifs["enp1s0"].MTU != 9000 || ifs["bond0"].MTU != 9000 {
		t.Errorf("the MTU of a bridge is too large for its parents: %+v", ifs)
	}
	w.must("enp1s0", "PUT", "mtu", "1500")
	if ifs := w.interfaces(); ifs["br0"].MTU != 1500 {
		t.Errorf("the MTU of a bridge is %d on a NIC of 1500", ifs["br0"].MTU)
	}
	w.must("bond0", "PUT", "vlan", "10")
	if f := w.interfaces()["bond0"]; f.VLAN.VID != 0 {
		t.Error("the VLAN of a bond is not that of its bridge")
	}
	w.must("br0", "PUT", "vlan", "10")
	ifs := w.interfaces()
	if f := ifs["br0"]; f.VLAN.VID != 10 || len(f.Links) != 0 || ifs["enp1s1"].VLAN.VID != 10 {
		t.Errorf("moved to another VLAN: %+v", ifs)
	}
	w.must("br0", "link_subnet", "mode", "AUTO", "subnet", "data", "force", "true")
	if f := w.interfaces()["br0"]; f.VLAN.VID != 20 || f.modes() != "auto data" {
		t.Errorf("forced onto a subnet: %+v", f)
	}
	w.refused(http.StatusBadRequest, "interface is in a bond(bond0)", "enp1s0", "link_subnet", "mode", "AUTO", "subnet", "data")
	w.refused(http.StatusBadRequest, "already in a bond or a bridge", "", "create_bridge", "name", "br1", "parent", "bond0")
	w.refused(http.StatusBadRequest, "already in a bond.", "", "create_vlan", "parent", "enp1s0", "vlan", "10")
	w.refused(http.StatusBadRequest, "another bridge interface", "", "create_bridge", "name", "br1", "parent", "br0")
	w.must("enp2s1", "disconnect")
	if f := w.interfaces()["enp2s1"]; f.VLAN != nil || len(f.Links) != 0 {
		t.Errorf("disconnected: %+v", f)
	}
	w.refused(http.StatusBadRequest, "All parents must belong to the same VLAN.", "", "create_bond", "name", "bond1", "parents", "enp2s0", "parents", "enp2s1")
	w.must("enp2s1", "link_subnet", "mode", "DHCP", "subnet", "elsewhere")
	if f := w.interfaces()["enp2s1"]; f.VLAN.Fabric != "oob" {
		t.Errorf("an interface in no VLAN gets its subnet's: %+v", f)
	}
	w.refused(http.StatusBadRequest, "the same fabric as its parent", "", "create_vlan", "parent", "enp2s1", "vlan", "10")
	w.checkNetwork("in the end")
}

func TestNICsAreAsTheSpecSays(t *testing.T) {
	t.Parallel()
	w := newWired(t)
	w.id = w.s.AddMachine(MachineSpec{NICs: []NIC{
		{Subnet: "native"}, {Fabric: "spine"}, {NoVLAN: true}, {NoCarrier: true, Tags: []string{"uplink"}},
	}})
	ifs := w.interfaces()
	if f := ifs["enp1s1"]; f.VLAN.Fabric != "spine" || f.modes() != "link_up" {
		t.Errorf("plugged into another fabric: %+v", f)
	}
	if f := ifs["enp2s0"]; f.VLAN != nil || len(f.Links) != 0 {
		t.Errorf("in no VLAN: %+v", f)
	}
	if f := ifs["enp2s1"]; f.Carrier || !slices.Equal(f.Tags, []string{"uplink"}) {
		t.Errorf("without carrier: %+v", f)
	}
	w.must("enp2s0", "link_subnet", "mode", "AUTO", "subnet", "data")
	if f := w.interfaces()["enp2s0"]; f.VLAN.VID != 20 {
		t.Errorf("its first link puts it into the VLAN: %+v", f)
	}
}
