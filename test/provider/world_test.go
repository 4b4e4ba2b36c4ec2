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
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

func wantsLab() bool {
	flag.Parse()
	return !testing.Short()
}

const (
	credentialsName = "maas"
	poolName        = "pool"
	clusterName     = "c"
	// patience is how long is waited for what comes within seconds on a computer that has nothing else to do: many tests run beside each other, and
	// whoever finds what it waits for waits no longer.
	patience = 4 * time.Minute
)

// world is what one test has to itself: a namespace with a cluster, and servers in a MAAS resource pool of the same name.
type world struct {
	*testing.T
	client.WithWatch

	ctx context.Context //nolint:containedctx // a world lives as long as its test, whose context this is
	ns  string
	ids []string
	// user is the MAAS user whose key the provider has.
	user string
	// leases are the ids of the leases, once they were noted.
	leases map[string]bool
}

func newWorld(t *testing.T, servers int) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the lab")
	}
	w := emptyWorld(t, servers)
	w.create(theLab.Credentials(w.ns, credentialsName))
	w.cluster()
	w.awaitClusterProvisioned()
	return w
}

// ownWorld is newWorld with a MAAS user of its own. The provider looks at MAAS for it alone, so that calls can be counted, failed and held up
// that no other world makes.
func ownWorld(t *testing.T, servers int) *world {
	t.Helper()
	w := worldWithKey(t, servers, true)
	w.awaitClusterProvisioned()
	return w
}

func (w *world) awaitClusterProvisioned() {
	w.Helper()
	// The conditions of an object are written a moment before the rest of its status.
	w.await("the MaasCluster to be provisioned", func() (bool, string) {
		c := w.maasCluster()
		_, seen := w.condition(c, infrav1.ReadyCondition, "")
		return ptr.Deref(c.Status.Initialization.Provisioned, false), seen
	})
}

// emptyWorld has no credentials and no cluster.
func emptyWorld(t *testing.T, servers int) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the lab")
	}
	c, err := newClient()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, WithWatch: c, ctx: t.Context(), user: "capmaas"}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-"}}
	w.create(ns)
	w.ns = ns.Name
	for i := range servers {
		w.server(fmt.Sprintf("%s-n%02d", w.ns, i))
	}
	t.Cleanup(func() {
		if t.Failed() {
			w.dump()
		}
		w.scrap(w.ids...)
		w.leave()
	})
	return w
}

// scrap takes servers out of MAAS, so that what comes later does not list them time and again.
func (w *world) scrap(ids ...string) {
	for _, id := range ids {
		if _, ok := w.sim().Machine(id); !ok {
			continue
		}
		if err := w.sim().Operator().ForceDelete(id); err != nil {
			w.Logf("scrapping server %s: %v", id, err)
		}
	}
}

// leave takes the objects away, past the finalizers of controllers that wait for servers that are no more: they would be looked at after every restart of a
// manager, and the MAAS of each followed on.
func (w *world) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w.each(ctx, func(o client.Object) error {
		if err := w.Delete(ctx, o); err != nil {
			return client.IgnoreNotFound(err)
		}
		return client.IgnoreNotFound(w.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
	})
}

func (w *world) sim() *maassim.Server { return theLab.MAAS() }

// server adds a server to the world's resource pool.
func (w *world) server(hostname string) string {
	w.Helper()
	return w.serverIn("", hostname)
}

// serverIn adds a server in a MAAS zone, the default one for "".
func (w *world) serverIn(zone, hostname string) string {
	w.Helper()
	id, err := theLab.AddHost(maassim.MachineSpec{
		Hostname: hostname, Pool: w.ns, Zone: zone, CPUs: 32, MemoryMiB: 131072, Tags: []string{"vm"},
	})
	if err != nil {
		w.Fatal(err)
	}
	w.ids = append(w.ids, id)
	return id
}

func (w *world) create(o client.Object) {
	w.Helper()
	if err := w.WithWatch.Create(w.ctx, o); err != nil {
		w.Fatalf("creating %T %s: %v", o, o.GetName(), err)
	}
}

// cluster makes a Cluster with its MaasCluster and a pool of all servers.
func (w *world) cluster(change ...func(*infrav1.MaasCluster, *clusterv1.Cluster)) {
	w.Helper()
	w.create(&infrav1.MaasHostPool{ObjectMeta: w.meta(poolName), Spec: infrav1.MaasHostPoolSpec{
		CredentialsRef: infrav1.CredentialsReference{Name: credentialsName}, ResourcePool: w.ns,
	}})
	maasCluster := &infrav1.MaasCluster{ObjectMeta: w.meta(clusterName), Spec: infrav1.MaasClusterSpec{
		CredentialsRef:       infrav1.CredentialsReference{Name: credentialsName},
		Endpoint:             infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointVIP},
		ControlPlaneEndpoint: infrav1.APIEndpoint{Host: "172.16.3.10", Port: 6443},
	}}
	cluster := &clusterv1.Cluster{ObjectMeta: w.meta(clusterName), Spec: clusterv1.ClusterSpec{
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{
			APIGroup: infrav1.GroupVersion.Group, Kind: "MaasCluster", Name: clusterName,
		},
	}}
	for _, f := range change {
		f(maasCluster, cluster)
	}
	w.create(maasCluster)
	w.create(cluster)
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.ns, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: clusterName}}
}

// machine makes a Machine with its MaasMachine and bootstrap data.
func (w *world) machine(name string, change ...func(*infrav1.MaasMachineSpec)) {
	w.Helper()
	w.machineOf(name, func(m *infrav1.MaasMachine, _ *clusterv1.Machine) {
		for _, f := range change {
			f(&m.Spec)
		}
	})
}

// machineOf is machine for those who want to change more of it.
func (w *world) machineOf(name string, change func(*infrav1.MaasMachine, *clusterv1.Machine)) {
	w.Helper()
	w.create(&corev1.Secret{ObjectMeta: w.meta(name), Type: clusterv1.ClusterSecretType, Data: map[string][]byte{
		"value": []byte("#cloud-config\n# " + name), "format": []byte("cloud-config"),
	}})
	maasMachine := &infrav1.MaasMachine{ObjectMeta: w.meta(name), Spec: infrav1.MaasMachineSpec{
		HostPoolRef: infrav1.LocalObjectReference{Name: poolName}, Image: infrav1.Image{Name: "ubuntu/jammy"},
	}}
	machine := &clusterv1.Machine{ObjectMeta: w.meta(name), Spec: clusterv1.MachineSpec{
		ClusterName: clusterName,
		Bootstrap:   clusterv1.Bootstrap{DataSecretName: ptr.To(name)},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{
			APIGroup: infrav1.GroupVersion.Group, Kind: "MaasMachine", Name: name,
		},
	}}
	change(maasMachine, machine)
	w.create(maasMachine)
	w.create(machine)
}

func (w *world) maasCluster() *infrav1.MaasCluster {
	o := &infrav1.MaasCluster{}
	if err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: clusterName}, o); err != nil {
		w.Logf("getting the MaasCluster: %v", err)
	}
	return o
}

func (w *world) maasMachine(name string) *infrav1.MaasMachine {
	o := &infrav1.MaasMachine{}
	if err := client.IgnoreNotFound(w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: name}, o)); err != nil {
		w.Logf("getting MaasMachine %s: %v", name, err)
	}
	return o
}

func (w *world) hosts() []infrav1.MaasHost {
	list := &infrav1.MaasHostList{}
	if err := w.List(w.ctx, list, client.InNamespace(w.ns)); err != nil {
		w.Fatalf("listing MaasHosts: %v", err)
	}
	return list.Items
}

// lease is the one lease that there is.
func (w *world) lease() *infrav1.MaasHost {
	w.Helper()
	hosts := w.hosts()
	if len(hosts) != 1 {
		w.Fatalf("want one lease, got %d", len(hosts))
	}
	return &hosts[0]
}

// await waits for a condition, and tells what it saw last when it does not come.
func (w *world) await(what string, done func() (ok bool, seen string)) {
	w.Helper()
	var seen string
	err := wait.PollUntilContextTimeout(w.ctx, 100*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		var ok bool
		ok, seen = done()
		return ok, nil
	})
	if err != nil {
		w.Fatalf("want %s within %s; last seen: %s", what, patience, seen)
	}
}

// condition tells whether a condition has the reason.
func (w *world) condition(o conditions.Getter, conditionType, reason string) (bool, string) {
	c := conditions.Get(o, conditionType)
	if c == nil {
		return false, "no condition " + conditionType
	}
	return c.Reason == reason, fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}

func (w *world) awaitReason(machine, reason string) {
	w.Helper()
	w.await(machine+" to report "+reason, settled(func() (conditionObject, bool, string) {
		m := w.maasMachine(machine)
		ok, seen := w.condition(m, infrav1.ReadyCondition, reason)
		return m, ok, seen
	}))
}

type conditionObject interface {
	client.Object
	conditions.Getter
}

// settled waits until the object stays as it is for a moment: its conditions are written before the rest of its status.
func settled(look func() (conditionObject, bool, string)) func() (bool, string) {
	const moment = 400 * time.Millisecond
	version, since := "", time.Time{}
	return func() (bool, string) {
		o, ok, seen := look()
		if v := o.GetResourceVersion(); v != version {
			version, since = v, time.Now()
		}
		return ok && time.Since(since) >= moment, seen
	}
}

func (w *world) awaitProvisioned(machines ...string) {
	w.Helper()
	for _, name := range machines {
		w.await(name+" to be provisioned", func() (bool, string) {
			m := w.maasMachine(name)
			_, seen := w.condition(m, infrav1.ReadyCondition, "Ready")
			return ptr.Deref(m.Status.Initialization.Provisioned, false), seen
		})
	}
}

func (w *world) deleteMachine(names ...string) {
	w.Helper()
	for _, name := range names {
		if err := client.IgnoreNotFound(w.Delete(w.ctx, &clusterv1.Machine{ObjectMeta: w.meta(name)})); err != nil {
			w.Fatalf("deleting Machine %s: %v", name, err)
		}
	}
}

func (w *world) awaitGone(names ...string) {
	w.Helper()
	for _, name := range names {
		w.await(name+" to be gone", func() (bool, string) {
			err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: name}, &clusterv1.Machine{})
			_, seen := w.condition(w.maasMachine(name), infrav1.ReadyCondition, "")
			return client.IgnoreNotFound(err) == nil && err != nil, seen
		})
	}
}

// view is what there is to know of a server.
func (w *world) view(id string) maassim.MachineView {
	v, ok := w.sim().Machine(id)
	if !ok {
		w.Fatalf("the simulator has no machine %s", id)
	}
	return v
}

// awaitAllFree waits until every server of the world is nobody's again and no lease is left.
func (w *world) awaitAllFree() {
	w.Helper()
	for _, id := range w.ids {
		w.await(id+" to be Ready and nobody's", func() (bool, string) {
			v := w.view(id)
			return v.StatusName == "Ready" && v.Owner == "" && v.AgentName == "", fmt.Sprintf("%s, owner %q, agent name %q", v.StatusName, v.Owner, v.AgentName)
		})
	}
	w.awaitNoLease()
}

func (w *world) awaitNoLease() {
	w.Helper()
	w.await("no lease left", func() (bool, string) {
		left := w.hosts()
		if len(left) == 0 {
			return true, ""
		}
		return false, fmt.Sprintf("%d, the first on %s", len(left), left[0].Name)
	})
}

// deploys sums up the deployments of all servers of the world.
func (w *world) deploys() int {
	n := 0
	for _, id := range w.ids {
		if v, ok := w.sim().Machine(id); ok {
			n += v.Deploys
		}
	}
	return n
}
