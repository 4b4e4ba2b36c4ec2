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
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	maasclient "github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// key names an object of the world.
func (w *world) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.ns, Name: name}
}

// patch changes an object as it is now.
func (w *world) patch(o client.Object, change func()) {
	w.Helper()
	if err := w.Get(w.ctx, client.ObjectKeyFromObject(o), o); err != nil {
		w.Fatalf("getting %T %s: %v", o, o.GetName(), err)
	}
	before, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		w.Fatalf("%T is no object", o)
	}
	change()
	if err := w.Patch(w.ctx, o, client.MergeFrom(before)); err != nil {
		w.Fatalf("patching %T %s: %v", o, o.GetName(), err)
	}
}

// annotate sets an annotation, or takes it away for "".
func (w *world) annotate(o client.Object, key, value string) {
	w.Helper()
	w.patch(o, func() {
		all := o.GetAnnotations()
		if all == nil {
			all = map[string]string{}
		}
		all[key] = value
		if value == "" {
			delete(all, key)
		}
		o.SetAnnotations(all)
	})
}

// touch has the MaasCluster reconciled, as its regular recheck would after a while.
func (w *world) touch() {
	w.Helper()
	w.annotate(&infrav1.MaasCluster{ObjectMeta: w.meta(clusterName)}, "test/touched", fmt.Sprint(w.sim().Now().UnixNano()))
}

// touching makes a condition to await one that nothing wakes the provider for.
func (w *world) touching(done func() (bool, string)) func() (bool, string) {
	var touched time.Time
	return func() (bool, string) {
		ok, seen := done()
		if !ok && time.Since(touched) > time.Second {
			w.touch()
			touched = time.Now()
		}
		return ok, seen
	}
}

func (w *world) awaitCluster(reason string) {
	w.Helper()
	w.await("the MaasCluster to report "+reason, settled(func() (conditionObject, bool, string) {
		c := w.maasCluster()
		ok, seen := w.condition(c, infrav1.ReadyCondition, reason)
		return c, ok, seen
	}))
}

// awaitClusterNow is awaitCluster for what nothing wakes the provider for.
func (w *world) awaitClusterNow(reason string) {
	w.Helper()
	w.await("the MaasCluster to report "+reason, w.touching(func() (bool, string) {
		return w.condition(w.maasCluster(), infrav1.ReadyCondition, reason)
	}))
}

// clusterObject is the Cluster.
func (w *world) clusterObject() *clusterv1.Cluster {
	w.Helper()
	o := &clusterv1.Cluster{}
	if err := client.IgnoreNotFound(w.Get(w.ctx, w.key(clusterName), o)); err != nil {
		w.Logf("getting the Cluster: %v", err)
	}
	return o
}

func (w *world) deleteCluster() {
	w.Helper()
	if err := w.Delete(w.ctx, &clusterv1.Cluster{ObjectMeta: w.meta(clusterName)}); err != nil {
		w.Fatal(err)
	}
}

// awaitNo waits until an object is gone.
func (w *world) awaitNo(o client.Object) {
	w.Helper()
	w.await(fmt.Sprintf("%T %s to be gone", o, o.GetName()), func() (bool, string) {
		err := w.Get(w.ctx, client.ObjectKeyFromObject(o), o)
		return err != nil && client.IgnoreNotFound(err) == nil, fmt.Sprintf("finalizers %v, error %v", o.GetFinalizers(), err)
	})
}

// TestContractExternalEndpoint: the provider waits until somebody gives the Cluster its endpoint, says so, and takes it over.
func TestContractExternalEndpoint(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, 1)
	w.create(theLab.Credentials(w.ns, credentialsName))
	w.cluster(func(m *infrav1.MaasCluster, _ *clusterv1.Cluster) {
		m.Spec.Endpoint.Type, m.Spec.ControlPlaneEndpoint = infrav1.EndpointExternal, infrav1.APIEndpoint{}
	})
	w.awaitCluster(infrav1.WaitingForEndpointReason)
	if m := w.maasCluster(); ptr.Deref(m.Status.Initialization.Provisioned, false) {
		t.Errorf("want the cluster not provisioned without an endpoint, got %+v", m.Status)
	}

	cluster := &clusterv1.Cluster{ObjectMeta: w.meta(clusterName)}
	w.patch(cluster, func() { cluster.Spec.ControlPlaneEndpoint = clusterv1.APIEndpoint{Host: "lb.example", Port: 8443} })
	w.awaitCluster(infrav1.ReadyReason)
	m := w.maasCluster()
	if want := (infrav1.APIEndpoint{Host: "lb.example", Port: 8443}); m.Spec.ControlPlaneEndpoint != want {
		t.Errorf("want the Cluster's endpoint %v taken over, got %v", want, m.Spec.ControlPlaneEndpoint)
	}
	if !ptr.Deref(m.Status.Initialization.Provisioned, false) {
		t.Error("want the cluster provisioned with its endpoint")
	}
}

// dnsWorld is a world whose endpoint is a name in MAAS's DNS, with a client of an administrator of MAAS.
func dnsWorld(t *testing.T, servers int, apiKey string) (*world, maas.DNS) {
	t.Helper()
	w, admin := emptyDNSWorld(t, servers, apiKey)
	w.dnsCluster()
	w.awaitCluster(infrav1.ReadyReason)
	return w, admin
}

// emptyDNSWorld is a dnsWorld without its cluster.
func emptyDNSWorld(t *testing.T, servers int, apiKey string) (*world, maas.DNS) {
	t.Helper()
	w := emptyWorld(t, servers)
	secret := theLab.Credentials(w.ns, credentialsName)
	admin, err := maasclient.New(maasclient.Options{
		Endpoint: theLab.MAASEndpoint(), APIKey: w.sim().AddUser("dns-operator", true), CABundle: []byte(secret.StringData["ca.crt"]),
	})
	if err != nil {
		t.Fatal(err)
	}
	if apiKey != "" {
		secret.StringData["apiKey"] = apiKey
	}
	w.create(secret)
	return w, admin
}

// dnsCluster makes a cluster whose endpoint is a name in MAAS's DNS.
func (w *world) dnsCluster() {
	w.Helper()
	w.cluster(func(m *infrav1.MaasCluster, _ *clusterv1.Cluster) {
		m.Spec.Endpoint = infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointDNS, DNS: infrav1.DNSEndpoint{
			Domain: "maas", Name: w.ns, SubnetCIDR: "172.16.0.0/22",
		}}
		m.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{}
	})
}

// controlPlane makes a control plane machine.
func (w *world) controlPlane(name string, change ...func(*infrav1.MaasMachineSpec)) {
	w.Helper()
	w.machineOf(name, func(m *infrav1.MaasMachine, machine *clusterv1.Machine) {
		for _, f := range change {
			f(&m.Spec)
		}
		m.Labels[clusterv1.MachineControlPlaneLabel] = ""
		machine.Labels[clusterv1.MachineControlPlaneLabel] = ""
	})
}

// awaitRecord waits until the DNS record points at exactly the servers of these machines; without any there is to be no record.
func (w *world) awaitRecord(dns maas.DNS, machines ...string) *maas.DNSResource {
	w.Helper()
	var want []string
	for _, name := range machines {
		want = append(want, w.view(w.maasMachine(name).Status.HostRef.Name).IPAddresses...)
	}
	slices.Sort(want)
	var record *maas.DNSResource
	w.await(fmt.Sprintf("the DNS record to point at %v", want), func() (bool, string) {
		var err error
		record, err = dns.GetDNSResource(w.ctx, w.ns+".maas")
		switch {
		case err != nil:
			return maas.IsNotFound(err) && len(want) == 0, err.Error()
		case len(want) == 0:
			return false, fmt.Sprintf("%v", record.Addresses)
		}
		slices.Sort(record.Addresses)
		return slices.Equal(record.Addresses, want), fmt.Sprintf("%v", record.Addresses)
	})
	return record
}

// TestContractDNSEndpoint: the endpoint's name is known at once; its record follows the control plane machines, is mended after a hand
// changed it, and goes with the cluster.
func TestContractDNSEndpoint(t *testing.T) {
	t.Parallel()
	w, dns := dnsWorld(t, 3, "")
	if got, want := w.maasCluster().Spec.ControlPlaneEndpoint, (infrav1.APIEndpoint{Host: w.ns + ".maas", Port: 6443}); got != want {
		t.Errorf("want endpoint %v, got %v", want, got)
	}
	w.awaitRecord(dns)
	w.machine("worker")
	w.controlPlane("a")
	w.awaitProvisioned("worker", "a")
	w.awaitRecord(dns, "a")
	w.controlPlane("b")
	w.awaitProvisioned("b")
	record := w.awaitRecord(dns, "a", "b")

	if _, err := dns.UpdateDNSResource(w.ctx, record.ID, []string{"172.16.3.99"}); err != nil {
		t.Fatal(err)
	}
	w.touch()
	record = w.awaitRecord(dns, "a", "b")
	if err := dns.DeleteDNSResource(w.ctx, record.ID); err != nil {
		t.Fatal(err)
	}
	w.touch()
	w.awaitRecord(dns, "a", "b")

	w.deleteMachine("a")
	w.awaitGone("a")
	w.awaitRecord(dns, "b")
	w.deleteCluster()
	w.awaitNo(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)})
	w.awaitRecord(dns)
	w.awaitAllFree()
}

// TestContractDNSNeedsAdministrator: with an ordinary user's key the machine comes up and the missing right is named; an administrator's
// key ends it.
func TestContractDNSNeedsAdministrator(t *testing.T) {
	t.Parallel()
	w, dns := dnsWorld(t, 1, theLab.MAAS().AddUser("plain", false))
	w.controlPlane("a", wipesDisks)
	w.awaitProvisioned("a")
	w.awaitCluster(infrav1.DNSForbiddenReason)
	w.await("the message to say what is needed", func() (bool, string) {
		_, seen := w.condition(w.maasCluster(), infrav1.EndpointReadyCondition, "")
		return strings.Contains(seen, "administrator"), seen
	})
	w.sim().SetAdmin("plain", true)
	w.awaitClusterNow(infrav1.ReadyReason)
	w.awaitRecord(dns, "a")
}

// domains are the failure domains as "name:controlPlane".
func domains(in []clusterv1.FailureDomain) []string {
	var out []string
	for _, d := range in {
		out = append(out, fmt.Sprintf("%s:%t", d.Name, ptr.Deref(d.ControlPlane, false)))
	}
	return out
}

// TestContractFailureDomains: every zone with machines is a failure domain, those chosen for control planes are marked, and a chosen
// zone without machines is named with those that there are.
func TestContractFailureDomains(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, 1)
	east, west, north := w.ns+"-east", w.ns+"-west", w.ns+"-north"
	w.serverIn(east, w.ns+"-e")
	w.serverIn(west, w.ns+"-w")
	w.sim().AddZone(north, "")
	w.create(theLab.Credentials(w.ns, credentialsName))
	w.cluster(func(m *infrav1.MaasCluster, _ *clusterv1.Cluster) { m.Spec.ControlPlaneZones = []string{east, north} })
	w.awaitCluster(infrav1.ZoneNotFoundReason)
	w.await("the message to name the zone without machines and those with", w.touching(func() (bool, string) {
		_, seen := w.condition(w.maasCluster(), infrav1.ReadyCondition, "")
		return strings.Contains(seen, "no machine in zone "+north+";") && strings.Contains(seen, east) && strings.Contains(seen, west), seen
	}))

	m := &infrav1.MaasCluster{ObjectMeta: w.meta(clusterName)}
	w.patch(m, func() { m.Spec.ControlPlaneZones = []string{east} })
	w.awaitCluster(infrav1.ReadyReason)
	w.await("Cluster API to know the zones, with the chosen one for control planes", func() (bool, string) {
		got := domains(w.clusterObject().Status.FailureDomains)
		return slices.Contains(got, east+":true") && slices.Contains(got, west+":false") && slices.Contains(got, "default:false") &&
			!slices.ContainsFunc(got, func(d string) bool { return strings.HasPrefix(d, north) }), fmt.Sprint(got)
	})
	w.patch(m, func() { m.Spec.ControlPlaneZones = nil })
	w.await("every zone to serve control planes when none is chosen", func() (bool, string) {
		got := domains(w.clusterObject().Status.FailureDomains)
		return slices.Contains(got, east+":true") && slices.Contains(got, west+":true") && slices.Contains(got, "default:true"), fmt.Sprint(got)
	})
}

// TestContractClusterProvisionedLatches: trouble with MAAS later on shows in Ready and takes nothing back.
func TestContractClusterProvisionedLatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	good := theLab.Credentials(w.ns, credentialsName)
	bad := good.DeepCopy()
	bad.StringData["apiKey"] = "wrong:key:of-nobody"
	before := w.maasCluster()
	if !ptr.Deref(before.Status.Initialization.Provisioned, false) {
		t.Fatalf("want the cluster provisioned, got %+v", before.Status)
	}
	w.mend(bad)
	w.awaitClusterNow(infrav1.UnauthorizedReason)
	after := w.maasCluster()
	if !ptr.Deref(after.Status.Initialization.Provisioned, false) {
		t.Errorf("want provisioned to stay, got %+v", after.Status)
	}
	if len(after.Status.FailureDomains) == 0 {
		t.Error("want the last known failure domains to stay, got none")
	}
	w.mend(good)
	w.awaitClusterNow(infrav1.ReadyReason)
}

// TestContractExternallyManaged: the provider leaves a MaasCluster alone that somebody else manages, and machines work in it.
func TestContractExternallyManaged(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, 1)
	w.create(theLab.Credentials(w.ns, credentialsName))
	w.cluster(func(m *infrav1.MaasCluster, _ *clusterv1.Cluster) {
		m.Annotations = map[string]string{clusterv1.ManagedByAnnotation: "somebody-else"}
	})
	m := w.maasCluster()
	before := m.DeepCopy()
	m.Status.Initialization.Provisioned = ptr.To(true)
	m.Status.FailureDomains = []clusterv1.FailureDomain{{Name: "theirs", ControlPlane: ptr.To(true)}}
	if err := w.Status().Patch(w.ctx, m, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	w.machine("m")
	w.awaitProvisioned("m")
	m = w.maasCluster()
	if slices.Contains(m.Finalizers, infrav1.ClusterFinalizer) || len(m.Status.Conditions) > 0 {
		t.Errorf("want the MaasCluster left alone, got finalizers %v and conditions %v", m.Finalizers, m.Status.Conditions)
	}
	if got := domains(m.Status.FailureDomains); !slices.Equal(got, []string{"theirs:true"}) {
		t.Errorf("want the failure domains of its manager, got %v", got)
	}
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
}

// TestContractWaitsForOwner: a MaasCluster without a Cluster stays as it is until Cluster API has set its owner.
func TestContractWaitsForOwner(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, 1)
	w.create(theLab.Credentials(w.ns, credentialsName))
	w.create(&infrav1.MaasCluster{ObjectMeta: w.meta("early"), Spec: infrav1.MaasClusterSpec{
		CredentialsRef: infrav1.CredentialsReference{Name: credentialsName}, Endpoint: infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointVIP},
		ControlPlaneEndpoint: infrav1.APIEndpoint{Host: "172.16.3.10", Port: 6443},
	}})
	// The other one is made later and is ready first.
	w.cluster()
	w.awaitCluster(infrav1.ReadyReason)
	early := &infrav1.MaasCluster{}
	if err := w.Get(w.ctx, w.key("early"), early); err != nil {
		t.Fatal(err)
	}
	if len(early.Finalizers) > 0 || len(early.Status.Conditions) > 0 {
		t.Errorf("want nothing done without an owner, got finalizers %v and conditions %v", early.Finalizers, early.Status.Conditions)
	}
	w.create(&clusterv1.Cluster{ObjectMeta: w.meta("late"), Spec: clusterv1.ClusterSpec{
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "MaasCluster", Name: "early"},
	}})
	w.await("the MaasCluster to be ready once it has its owner", func() (bool, string) {
		if err := w.Get(w.ctx, w.key("early"), early); err != nil {
			return false, err.Error()
		}
		return w.condition(early, infrav1.ReadyCondition, infrav1.ReadyReason)
	})
}

// wipesDisks lets a machine have a server with an ordinary key, which cannot keep data disks.
func wipesDisks(spec *infrav1.MaasMachineSpec) { spec.Storage.DataDisks = infrav1.DataDisksWipe }

// TestContractSeveralCredentials: one manager serves two clusters with keys of two MAAS users, each with its own.
func TestContractSeveralCredentials(t *testing.T) {
	t.Parallel()
	blue, green := emptyWorld(t, 1), emptyWorld(t, 1)
	for user, w := range map[string]*world{"blue": blue, "green": green} {
		secret := theLab.Credentials(w.ns, credentialsName)
		secret.StringData["apiKey"] = w.sim().AddUser(user, false)
		w.create(secret)
		w.cluster()
		w.machine("m", wipesDisks)
	}
	for user, w := range map[string]*world{"blue": blue, "green": green} {
		w.awaitProvisioned("m")
		if v := w.view(w.ids[0]); v.Owner != user {
			t.Errorf("want the server of %s's cluster to be %s's, got %q", user, user, v.Owner)
		}
		if got := w.maasCluster().Status.MAAS; got.User != user || got.Role != infrav1.MaasRoleUser {
			t.Errorf("want the MaasCluster to say that the key is of user %s, got %+v", user, got)
		}
	}
	for _, w := range []*world{blue, green} {
		w.deleteMachine("m")
		w.awaitGone("m")
		w.awaitAllFree()
	}
}

// TestContractReadyForLife: Ready is there from the first wait to the end, and during deletion it says what is waited for; Cluster API
// shows it to people.
func TestContractReadyForLife(t *testing.T) {
	t.Parallel()
	w, dns := dnsWorld(t, 1, "")
	w.controlPlane("a")
	w.awaitProvisioned("a")
	w.awaitReason("a", infrav1.ReadyReason)
	record := w.awaitRecord(dns, "a")

	if err := w.sim().SetHostFault(w.ids[0], maassim.HostFault{PowerOffFails: true}); err != nil {
		t.Fatal(err)
	}
	w.deleteMachine("a")
	w.await("Cluster API to show what the deletion of the machine waits for", func() (bool, string) {
		machine := &clusterv1.Machine{}
		if err := w.Get(w.ctx, w.key("a"), machine); err != nil {
			return false, err.Error()
		}
		_, seen := w.condition(machine, clusterv1.MachineInfrastructureReadyCondition, "")
		return strings.Contains(seen, infrav1.DeletingReason) && strings.Contains(seen, "could not release"), seen
	})
	if err := w.sim().SetHostFault(w.ids[0], maassim.HostFault{}); err != nil {
		t.Fatal(err)
	}
	w.awaitGone("a")

	recovered := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "dnsresource.delete" && strings.HasSuffix(c.Path, fmt.Sprintf("/%d/", record.ID)) {
			return maassim.Reply(409, "the zone file is locked", nil)
		}
		return maassim.Pass()
	})
	defer recovered()
	w.deleteCluster()
	w.await("Cluster API to show what the deletion of the cluster waits for", func() (bool, string) {
		_, seen := w.condition(w.clusterObject(), clusterv1.ClusterInfrastructureReadyCondition, "")
		return strings.Contains(seen, infrav1.DeletingReason) && strings.Contains(seen, "the zone file is locked"), seen
	})
	recovered()
	w.awaitNo(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)})
	w.awaitRecord(dns)
}
