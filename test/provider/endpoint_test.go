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
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	maasclient "github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

var (
	vipSubnet  = netip.MustParsePrefix("172.16.0.0/22")
	anyAddress netip.Addr
)

// vipWorld is a world with credentials of a MAAS user of its own, who is no administrator, and with a client of that user's.
func vipWorld(t *testing.T) (*world, maas.Client) {
	t.Helper()
	w := emptyWorld(t, 1)
	secret := theLab.Credentials(w.ns, credentialsName)
	secret.StringData["apiKey"] = w.sim().AddUser(w.ns, false)
	user, err := maasclient.New(maasclient.Options{
		Endpoint: theLab.MAASEndpoint(), APIKey: secret.StringData["apiKey"], CABundle: []byte(secret.StringData["ca.crt"]),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.create(secret)
	return w, user
}

// vipCluster makes a cluster whose address is to be reserved: the given one, or any for "".
func (w *world) vipCluster(address string) {
	w.Helper()
	w.cluster(func(m *infrav1.MaasCluster, _ *clusterv1.Cluster) {
		m.Spec.Endpoint.VIP = infrav1.VIPEndpoint{SubnetCIDR: vipSubnet.String(), Port: 8443}
		m.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{}
		if address != "" {
			m.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: address, Port: 8443}
		}
	})
}

// reserved are the addresses under the cluster's name.
func (w *world) reserved(user maas.Client) []string {
	w.Helper()
	name := w.maasCluster().Annotations[infrav1.VIPReservationAnnotation]
	if name == "" {
		return nil
	}
	held, err := user.ReservedUnder(w.ctx, name)
	if err != nil {
		w.Fatal(err)
	}
	var out []string
	for _, a := range held {
		out = append(out, a.String())
	}
	return out
}

// vipIsReservedOnce: an address is reserved once, although MAAS's first reply is lost and the manager is killed over it; it is reserved again when
// somebody frees it, reported when somebody else takes it, and goes with the cluster. Others' reservations stay.
func vipIsReservedOnce(t *testing.T) {
	w, user := vipWorld(t)
	bystander, err := user.ReserveAddress(w.ctx, vipSubnet, anyAddress, w.ns+"-by-hand")
	if err != nil {
		t.Fatal(err)
	}
	var killed atomic.Bool
	restarted := make(chan error, 1)
	stop := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.After && c.Name == "ipaddresses.reserve" && c.User == w.ns && killed.CompareAndSwap(false, true) {
			w.killManagerNow(restarted)
			return maassim.Drop()
		}
		return maassim.Pass()
	})
	defer stop()
	w.vipCluster("")
	w.awaitCluster(infrav1.ReadyReason)
	if !killed.Load() {
		t.Fatal("want the manager killed over the reservation, it was not")
	}
	if err := <-restarted; err != nil {
		t.Fatal(err)
	}
	endpoint := w.maasCluster().Spec.ControlPlaneEndpoint
	if got := w.reserved(user); len(got) != 1 || got[0] != endpoint.Host || endpoint.Port != 8443 {
		t.Fatalf("want one reservation, of the endpoint %v, got %v", endpoint, got)
	}
	if got := w.clusterObject().Spec.ControlPlaneEndpoint; got.Host != endpoint.Host {
		w.await("Cluster API to take the endpoint over", func() (bool, string) {
			got := w.clusterObject().Spec.ControlPlaneEndpoint
			return got.Host == endpoint.Host, fmt.Sprint(got)
		})
	}

	address := netip.MustParseAddr(endpoint.Host)
	if err := user.ReleaseAddress(w.ctx, address); err != nil {
		t.Fatal(err)
	}
	w.await("the address to be reserved again", w.touching(func() (bool, string) {
		got := w.reserved(user)
		return slices.Equal(got, []string{endpoint.Host}), fmt.Sprint(got)
	}))

	w.pause(true)
	w.awaitPaused("the MaasCluster", true, func() conditions.Getter { return w.maasCluster() })
	if err := user.ReleaseAddress(w.ctx, address); err != nil {
		t.Fatal(err)
	}
	if _, err := user.ReserveAddress(w.ctx, vipSubnet, address, w.ns+"-thief"); err != nil {
		t.Fatal(err)
	}
	w.pause(false)
	w.awaitClusterNow(infrav1.VIPInUseReason)
	if !ptr.Deref(w.maasCluster().Status.Initialization.Provisioned, false) {
		t.Error("want the cluster to stay provisioned")
	}
	if err := user.ReleaseAddress(w.ctx, address); err != nil {
		t.Fatal(err)
	}
	w.awaitClusterNow(infrav1.ReadyReason)

	name := w.maasCluster().Annotations[infrav1.VIPReservationAnnotation]
	w.deleteCluster()
	w.awaitNo(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)})
	if held, err := user.ReservedUnder(w.ctx, name); err != nil || len(held) > 0 {
		t.Errorf("want the reservation to go with the cluster, got %v, %v", held, err)
	}
	if held, err := user.ReservedUnder(w.ctx, w.ns+"-by-hand"); err != nil || !slices.Equal(held, []netip.Addr{bystander.Address}) {
		t.Errorf("want the user's other reservation kept, got %v, %v", held, err)
	}
}

// TestVIPGiven: a given address is reserved before the cluster counts as provisioned; one that is in use is named and not touched, nor given back
// with the cluster.
func TestVIPGiven(t *testing.T) {
	t.Parallel()
	w, user := vipWorld(t)
	theirs, err := user.ReserveAddress(w.ctx, vipSubnet, anyAddress, w.ns+"-theirs")
	if err != nil {
		t.Fatal(err)
	}
	w.vipCluster(theirs.Address.String())
	w.awaitCluster(infrav1.VIPInUseReason)
	if ptr.Deref(w.maasCluster().Status.Initialization.Provisioned, false) {
		t.Error("want the cluster not provisioned while its address is somebody else's")
	}
	w.deleteCluster()
	w.awaitNo(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)})
	if held, err := user.ReservedUnder(w.ctx, w.ns+"-theirs"); err != nil || !slices.Equal(held, []netip.Addr{theirs.Address}) {
		t.Errorf("want their reservation kept, got %v, %v", held, err)
	}
	if err := user.ReleaseAddress(w.ctx, theirs.Address); err != nil {
		t.Fatal(err)
	}
}

// TestDNSRecordOfOthers: a record that was there before is named and left alone, also when the cluster goes.
func TestDNSRecordOfOthers(t *testing.T) {
	t.Parallel()
	w, dns := emptyDNSWorld(t, 0, "")
	if _, err := dns.CreateDNSResource(w.ctx, w.ns+".maas", []string{"172.16.3.77"}); err != nil {
		t.Fatal(err)
	}
	w.dnsCluster()
	w.awaitCluster(infrav1.DNSRecordTakenReason)
	w.deleteCluster()
	w.awaitNo(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)})
	record, err := dns.GetDNSResource(w.ctx, w.ns+".maas")
	if err != nil || !slices.Equal(record.Addresses, []string{"172.16.3.77"}) {
		t.Fatalf("want their record as it was, got %v, %v", record, err)
	}
	if err := dns.DeleteDNSResource(w.ctx, record.ID); err != nil {
		t.Fatal(err)
	}
}

// TestDNSRecordIsNeverEmptied: a paused cluster's record is left as it is, whatever becomes of it; a lost status of its machines takes no
// address out of it; and the last address stays when no machine is left.
func TestDNSRecordIsNeverEmptied(t *testing.T) {
	t.Parallel()
	w, dns := dnsWorld(t, 2, "")
	w.controlPlane("a")
	w.controlPlane("b")
	w.awaitProvisioned("a", "b")
	record := w.awaitRecord(dns, "a", "b")
	both := slices.Clone(record.Addresses)

	w.pause(true)
	w.awaitPaused("the MaasCluster", true, func() conditions.Getter { return w.maasCluster() })
	w.wipe(&infrav1.MaasMachine{ObjectMeta: w.meta("a")})
	w.wipe(&infrav1.MaasMachine{ObjectMeta: w.meta("b")})
	if _, err := dns.UpdateDNSResource(w.ctx, record.ID, []string{"172.16.3.98"}); err != nil {
		t.Fatal(err)
	}
	w.touch()
	w.meanwhile()
	if got, err := dns.GetDNSResource(w.ctx, w.ns+".maas"); err != nil || !slices.Equal(got.Addresses, []string{"172.16.3.98"}) {
		t.Errorf("want the record left alone while paused, got %v, %v", got, err)
	}
	if _, err := dns.UpdateDNSResource(w.ctx, record.ID, both); err != nil {
		t.Fatal(err)
	}
	var shrunk atomic.Bool
	stop := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "dnsresource.update" && strings.HasSuffix(c.Path, fmt.Sprintf("/%d/", record.ID)) {
			shrunk.Store(true)
		}
		return maassim.Pass()
	})
	w.pause(false)
	w.awaitReason("a", infrav1.ReadyReason)
	w.awaitReason("b", infrav1.ReadyReason)
	w.awaitCluster(infrav1.ReadyReason)
	w.awaitRecord(dns, "a", "b")
	stop()
	if shrunk.Load() {
		t.Error("want the record not written while the machines' status came back, it was")
	}

	w.deleteMachine("a", "b")
	w.awaitGone("a", "b")
	w.touch()
	w.meanwhile()
	if got, err := dns.GetDNSResource(w.ctx, w.ns+".maas"); err != nil || got.ID != record.ID {
		t.Errorf("want the record to outlive the last machine, got %v, %v", got, err)
	}
	w.deleteCluster()
	w.awaitNo(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)})
	w.awaitRecord(dns)
}

// leaveBehind: without credentials a deletion names what it waits for, servers for good and a DNS record until a given time; a person's
// word, with a reason, ends either, and what it leaves in MAAS is left as it was.
func leaveBehind(t *testing.T) {
	w, dns := dnsWorld(t, 1, "")
	w.controlPlane("a")
	w.awaitProvisioned("a")
	record := w.awaitRecord(dns, "a")
	if err := w.Delete(w.ctx, theLab.Credentials(w.ns, credentialsName)); err != nil {
		t.Fatal(err)
	}
	w.killManager()
	host := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: w.ids[0]}}
	w.annotate(host, infrav1.LeaveBehindAnnotation, "not deleted, so this means nothing yet")
	w.meanwhile()
	if len(w.hosts()) != 1 {
		t.Fatal("want the lease of a machine that is not being deleted kept")
	}
	w.annotate(host, infrav1.LeaveBehindAnnotation, "")
	w.deleteCluster()
	w.await("the machine to say what its deletion waits for", func() (bool, string) {
		_, seen := w.condition(w.maasMachine("a"), infrav1.ReadyCondition, "")
		return strings.Contains(seen, infrav1.DeletingReason) && strings.Contains(seen, w.ns+"/"+credentialsName), seen
	})
	w.annotate(host, infrav1.LeaveBehindAnnotation, "this rack was scrapped")
	w.awaitGone("a")
	if v := w.view(w.ids[0]); v.Owner != "capmaas" || v.Releases != 0 {
		t.Errorf("want the server left as it was, got owner %q and %d releases", v.Owner, v.Releases)
	}
	w.await("the MaasCluster to say until when it waits", func() (bool, string) {
		_, seen := w.condition(w.maasCluster(), infrav1.ReadyCondition, "")
		return strings.Contains(seen, "DNS record "+w.ns+".maas") && strings.Contains(seen, "until 2"), seen
	})
	w.annotate(&infrav1.MaasCluster{ObjectMeta: w.meta(clusterName)}, infrav1.LeaveBehindAnnotation, "this rack was scrapped")
	w.awaitNo(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)})
	if got, err := dns.GetDNSResource(w.ctx, w.ns+".maas"); err != nil || got.ID != record.ID {
		t.Errorf("want the record left in MAAS, got %v, %v", got, err)
	}
}
