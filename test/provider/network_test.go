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

package provider

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	maasclient "github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// The networks of the reference architecture, under addresses of these tests' own.
const (
	pxeCIDR   = "10.140.0.0/22"
	nodesCIDR = "10.141.0.0/22"
	dataCIDR  = "10.142.0.0/16"
	// networkCalls is what the network of a new server costs: two bonds, two VLANs, a bridge and three links, one of which sets the gateway.
	networkCalls = 8
)

var addNetworks = sync.OnceFunc(func() {
	sim := theLab.MAAS()
	sim.AddSubnet(maassim.SubnetSpec{Name: "net-pxe", CIDR: pxeCIDR, Fabric: "net-mgmt"})
	sim.AddSubnet(maassim.SubnetSpec{Name: "net-nodes", CIDR: nodesCIDR, Fabric: "net-mgmt", VID: 10})
	sim.AddSubnet(maassim.SubnetSpec{Name: "net-data", CIDR: dataCIDR, Fabric: "net-data", VID: 20, Gateway: "10.142.30.1"})
})

// networkWorld is a world of servers with four NICs, with a client of an administrator of MAAS. With an apiKey the provider has that.
func networkWorld(t *testing.T, servers int, apiKey func(*world) string) (*world, *maasclient.Client) {
	t.Helper()
	w := emptyWorld(t, 0)
	addNetworks()
	for i := range servers {
		w.serverWithNICs(fmt.Sprintf("%s-n%02d", w.ns, i), "net-mgmt", "net-data", "net-mgmt", "net-data")
	}
	secret := theLab.Credentials(w.ns, credentialsName)
	admin, err := maasclient.New(maasclient.Options{
		Endpoint: theLab.MAASEndpoint(), APIKey: w.sim().AddUser(w.ns+"-operator", true), CABundle: []byte(secret.StringData["ca.crt"]), QPS: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	if apiKey != nil {
		secret.StringData["apiKey"] = apiKey(w)
	}
	w.create(secret)
	w.cluster()
	w.awaitCluster(infrav1.ReadyReason)
	return w, admin
}

// serverWithNICs adds a server with enp1s0, enp1s1, enp2s0 and so on, plugged into these fabrics.
func (w *world) serverWithNICs(hostname string, fabrics ...string) string {
	w.Helper()
	var nics []maassim.NIC
	for i, fabric := range fabrics {
		nics = append(nics, maassim.NIC{Name: fmt.Sprintf("enp%ds%d", 1+i/2, i%2), Fabric: fabric})
	}
	nics[0].Subnet, nics[0].Fabric = "net-pxe", ""
	id, err := theLab.AddHost(maassim.MachineSpec{Hostname: hostname, Pool: w.ns, CPUs: 32, MemoryMiB: 131072, Tags: []string{"vm"}, NICs: nics})
	if err != nil {
		w.Fatal(err)
	}
	w.ids = append(w.ids, id)
	return id
}

// fourNICs is the reference's recommended network with static addresses.
func fourNICs() infrav1.HostNetwork {
	static := func(cidr string) infrav1.LinkAddress {
		return infrav1.LinkAddress{Mode: infrav1.LinkStatic, Subnet: infrav1.SubnetReference{CIDR: cidr}}
	}
	match := func(name string) infrav1.NICMatch { return infrav1.NICMatch{InterfaceName: name} }
	return infrav1.HostNetwork{Layout: infrav1.LayoutFourNIC, LayoutParameters: infrav1.LayoutParameters{
		ManagementNICs: []infrav1.NICMatch{match("enp1s0"), match("enp2s0")},
		DataNICs:       []infrav1.NICMatch{match("enp1s1"), match("enp2s1")},
		Bond:           infrav1.BondParameters{Mode: infrav1.BondMode8023AD, LACPRate: "fast", TransmitHashPolicy: "layer3+4"},
		PXE:            infrav1.LayoutNetwork{LinkAddress: static(pxeCIDR)},
		Management:     infrav1.LayoutVLAN{VID: 10, LinkAddress: static(nodesCIDR)},
		Data:           infrav1.LayoutVLAN{VID: 20, LinkAddress: static(dataCIDR)},
		VMVLANs:        []infrav1.VIDRange{{First: 21, Last: 100}},
	}}
}

func withNetwork(n infrav1.HostNetwork) func(*infrav1.MaasMachineSpec) {
	return func(s *infrav1.MaasMachineSpec) { s.Network = n }
}

// networkWrites counts the calls that changed the network of a server.
func (w *world) networkWrites(ids ...string) int {
	n := 0
	stats := w.sim().CallStats().ByMachineName
	for _, id := range ids {
		for name, calls := range stats[id] {
			if strings.HasPrefix(name, "interface") {
				n += calls
			}
		}
	}
	return n
}

// wantNetwork asks MAAS whether the server has the network, and returns its static addresses.
func (w *world) wantNetwork(admin *maasclient.Client, id string, n infrav1.HostNetwork, kept ...hostnetwork.Address) []hostnetwork.Address {
	w.Helper()
	var catalog hostnetwork.Catalog
	var err error
	if catalog.Subnets, err = admin.ListSubnets(w.ctx); err != nil {
		w.Fatal(err)
	}
	if catalog.VLANs, err = admin.ListVLANs(w.ctx); err != nil {
		w.Fatal(err)
	}
	have, err := admin.ListInterfaces(w.ctx, id)
	if err != nil {
		w.Fatal(err)
	}
	target, problems := hostnetwork.Resolve(access.Network(n), have, catalog, kept)
	if len(problems) > 0 {
		w.Fatalf("the network of %s cannot be had: %v", id, problems)
	}
	if left := target.Plan(have); len(left) > 0 {
		w.Errorf("the network of %s is not as asked for, there is still to do: %v", id, left)
	}
	return target.Addresses(have)
}

// TestNetworkIsMadeOnce: the network of a server is paid once, its static addresses are there again after a reinstallation, and what somebody broke
// in between is mended.
func TestNetworkIsMadeOnce(t *testing.T) {
	t.Parallel()
	w, admin := networkWorld(t, 3, nil)
	var names []string
	round := 0
	install := func() {
		round++
		names = []string{fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round), fmt.Sprintf("c%d", round)}
		for _, name := range names {
			w.machine(name, withNetwork(fourNICs()))
		}
		w.awaitProvisioned(names...)
	}
	remove := func() {
		w.deleteMachine(names...)
		w.awaitGone(names...)
		w.awaitAllFree()
	}
	install()
	first := map[string][]hostnetwork.Address{}
	for _, id := range w.ids {
		if got := w.networkWrites(id); got != networkCalls {
			t.Errorf("the network of %s took %d calls, want %d", id, got, networkCalls)
		}
		first[id] = w.wantNetwork(admin, id, fourNICs())
		if len(first[id]) != 3 {
			t.Errorf("%s has the static addresses %v, want three", id, first[id])
		}
	}
	w.wantNodeAddresses(names, first)
	remove()

	before := w.networkWrites(w.ids...)
	install()
	if got := w.networkWrites(w.ids...) - before; got != 0 {
		t.Errorf("reinstalling configured servers changed their networks by %d calls, want none", got)
	}
	for _, id := range w.ids {
		if again := w.wantNetwork(admin, id, fourNICs()); !slices.Equal(again, first[id]) {
			t.Errorf("%s had the addresses %v and has %v after a reinstallation", id, first[id], again)
		}
	}
	remove()

	victim := w.ids[0]
	w.unlinkByHand(admin, victim, "bond_mgmt.10")
	before = w.networkWrites(w.ids...)
	install()
	if got := w.networkWrites(w.ids...) - before; got != 1 {
		t.Errorf("mending one link took %d calls, want one", got)
	}
	w.wantNetwork(admin, victim, fourNICs())
	remove()
}

// wantNodeAddresses checks what the objects say: conditions, recorded addresses, and the node's own address first.
func (w *world) wantNodeAddresses(names []string, have map[string][]hostnetwork.Address) {
	w.Helper()
	for _, host := range w.hosts() {
		if ok, seen := w.condition(&host, infrav1.NetworkConfiguredCondition, infrav1.NetworkConfiguredReason); !ok {
			w.Errorf("MaasHost %s: %s", host.Name, seen)
		}
		for _, a := range have[host.Name] {
			if !slices.Contains(host.Spec.Addresses, infrav1.HostAddress{Interface: a.Interface, Subnet: a.Subnet.String(), Address: a.Address.String()}) {
				w.Errorf("MaasHost %s records %v, want %v among it", host.Name, host.Spec.Addresses, a)
			}
		}
	}
	for _, name := range names {
		m := w.maasMachine(name)
		if ok, seen := w.condition(m, infrav1.NetworkConfiguredCondition, infrav1.NetworkConfiguredReason); !ok {
			w.Errorf("MaasMachine %s: %s", name, seen)
		}
		at := slices.IndexFunc(m.Status.Addresses, func(a clusterv1.MachineAddress) bool { return a.Type == clusterv1.MachineInternalIP })
		if at < 0 {
			w.Errorf("MaasMachine %s has no address", name)
			continue
		}
		if a := netip.MustParseAddr(m.Status.Addresses[at].Address); !netip.MustParsePrefix(nodesCIDR).Contains(a) {
			w.Errorf("MaasMachine %s has %s first, want the address in %s", name, a, nodesCIDR)
		}
	}
}

// unlinkByHand takes the links of an interface away, as a person would in MAAS.
func (w *world) unlinkByHand(admin *maasclient.Client, id, name string) {
	w.Helper()
	list, err := admin.ListInterfaces(w.ctx, id)
	if err != nil {
		w.Fatal(err)
	}
	at := slices.IndexFunc(list, func(i maas.Interface) bool { return i.Name == name })
	if at < 0 {
		w.Fatalf("%s has no interface %s", id, name)
	}
	for _, l := range list[at].Links {
		if _, err := admin.UnlinkSubnet(w.ctx, id, list[at].ID, l.ID); err != nil {
			w.Fatal(err)
		}
	}
}

// TestNetworkNeedsAdministrator: a key that may not change networks holds before anything is done to the server, and one that may ends it. A server
// that has its network needs no administrator.
func TestNetworkNeedsAdministrator(t *testing.T) {
	t.Parallel()
	w, _ := networkWorld(t, 1, func(w *world) string { return w.sim().AddUser(w.ns+"-user", false) })
	// Keeping disks would need an administrator as well.
	w.machine("m", withNetwork(fourNICs()), dataDisks(infrav1.DataDisksWipe))
	w.awaitReason("m", infrav1.NetworkForbiddenReason)
	if ok, seen := w.condition(w.maasMachine("m"), infrav1.NetworkConfiguredCondition, infrav1.NetworkForbiddenReason); !ok {
		t.Errorf("NetworkConfigured is %s", seen)
	}
	if w.deploys() != 0 || w.networkWrites(w.ids...) != 0 {
		t.Errorf("got %d deployments and %d calls for the network, want none", w.deploys(), w.networkWrites(w.ids...))
	}
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
}

// TestNetworkPassesOverCabling: a server whose cabling cannot carry the network is not taken, and the reason is told.
func TestNetworkPassesOverCabling(t *testing.T) {
	t.Parallel()
	w, _ := networkWorld(t, 0, nil)
	w.serverWithNICs(w.ns+"-a-few", "net-mgmt", "net-data", "net-mgmt")
	w.serverWithNICs(w.ns+"-b-wrong", "net-mgmt", "net-data", "net-data", "net-data")
	fit := w.serverWithNICs(w.ns+"-c-fit", "net-mgmt", "net-data", "net-mgmt", "net-data")
	w.machine("m", withNetwork(fourNICs()))
	w.awaitProvisioned("m")
	if hosts := w.hosts(); len(hosts) != 1 || hosts[0].Name != fit {
		t.Errorf("want the server whose cabling fits, %s, got %v", fit, hosts[0].Name)
	}
	w.machine("n", withNetwork(fourNICs()))
	w.awaitReason("n", infrav1.NoHostFitsReason)
	_, seen := w.condition(w.maasMachine("n"), infrav1.ReadyCondition, "")
	for _, want := range []string{"unfit for the network: no NIC for data1", "unfit for the network: enp2s0 is in VLAN 0 of net-data, wanted VLAN 0 of net-mgmt"} {
		if !strings.Contains(seen, want) {
			t.Errorf("want %q among the reasons, got %s", want, seen)
		}
	}
	w.deleteMachine("m", "n")
	w.awaitGone("m", "n")
	w.awaitAllFree()
}

// TestNetworkAddressFromPool: an address of an IPAM pool is waited for, put on the link, and stays with the server.
func TestNetworkAddressFromPool(t *testing.T) {
	t.Parallel()
	w, admin := networkWorld(t, 1, nil)
	n := fourNICs()
	n.LayoutParameters.Management.IPAMPoolRef = infrav1.IPAMPoolReference{APIGroup: "ipam.cluster.x-k8s.io", Kind: "InClusterIPPool", Name: "nodes"}
	w.machine("m", withNetwork(n))
	w.awaitReason("m", infrav1.WaitingForAddressReason)
	if got := w.deploys(); got != 0 {
		t.Errorf("got %d deployments without an address", got)
	}
	claims := &ipamv1.IPAddressClaimList{}
	if err := w.List(w.ctx, claims, client.InNamespace(w.ns)); err != nil || len(claims.Items) != 1 {
		t.Fatalf("want one claim, got %d (%v)", len(claims.Items), err)
	}
	claim := &claims.Items[0]
	if owner := metav1.GetControllerOf(claim); owner == nil || owner.Kind != "MaasHost" || claim.Spec.PoolRef.Name != "nodes" || claim.Spec.ClusterName != clusterName {
		t.Errorf("the claim is %+v of %v", claim.Spec, owner)
	}
	address := &ipamv1.IPAddress{ObjectMeta: w.meta("nodes-7"), Spec: ipamv1.IPAddressSpec{
		ClaimRef: ipamv1.IPAddressClaimReference{Name: claim.Name}, PoolRef: claim.Spec.PoolRef, Address: "10.141.3.7", Prefix: ptr.To[int32](22),
	}}
	w.create(address)
	before := claim.DeepCopy()
	claim.Status.AddressRef.Name = address.Name
	if err := w.Status().Patch(w.ctx, claim, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	w.awaitProvisioned("m")
	given := hostnetwork.Address{Interface: "bond_mgmt.10", Subnet: netip.MustParsePrefix(nodesCIDR), Address: netip.MustParseAddr("10.141.3.7")}
	if got := w.wantNetwork(admin, w.ids[0], n, given); !slices.Contains(got, given) {
		t.Errorf("the server has %v, want %v among it", got, given)
	}
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
}

// TestNetworkKilledAtEveryCall kills the manager at every call that changes the network, before and after MAAS acted. The server is installed once,
// with the network that was asked for.
func TestNetworkKilledAtEveryCall(t *testing.T) {
	killedAtEachCall(t, "interface", func(l *life) {
		w, admin := networkWorld(l.T, 1, func(w *world) string {
			w.user = "own-" + w.ns
			return w.sim().AddUser(w.user, true)
		})
		l.crash(w, func() {
			w.machine("m", withNetwork(fourNICs()))
			w.awaitProvisioned("m")
		})
		w.wantNetwork(admin, w.ids[0], fourNICs())
		if got := w.deploys(); got != 1 {
			w.Errorf("want one deployment, got %d", got)
		}
		w.deleteMachine("m")
		w.awaitGone("m")
		w.awaitAllFree()
	})
}

// networkCost measures what the recommended network of the reference costs in calls, on a new server and on one that has it.
func networkCost(t *testing.T, r *ranges) {
	t.Helper()
	w, _ := networkWorld(t, 3, nil)
	install := func(names ...string) {
		for _, name := range names {
			w.machine(name, withNetwork(fourNICs()))
		}
		w.awaitProvisioned(names...)
	}
	remove := func(names ...string) {
		w.deleteMachine(names...)
		w.awaitGone(names...)
		w.awaitAllFree()
	}
	servers := float64(len(w.ids))
	install("a1", "b1", "c1")
	made := w.networkWrites(w.ids...)
	r.check("network-writes-per-server", float64(made)/servers)
	remove("a1", "b1", "c1")

	before, proofs := w.callsPerWorker(0), w.countProofs()
	install("a2", "b2", "c2")
	w.noteLeases()
	remove("a2", "b2", "c2")
	r.check("network-writes-per-repave", float64(w.networkWrites(w.ids...)-made)/servers)
	// Both counts have the last read of a lease that ends.
	r.check("maas-calls-per-worker-with-network", w.callsPerWorker(proofs())-before+1)
}
