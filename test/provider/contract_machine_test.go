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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// writes counts the calls that change something about the world's servers in MAAS.
func (w *world) writes() int {
	n := 0
	stats := w.sim().CallStats().ByMachineName
	for _, id := range w.ids {
		for name, calls := range stats[id] {
			if name != "machine.read" {
				n += calls
			}
		}
	}
	return n
}

// meanwhile is how a test knows that the provider had the time to do something wrong: it serves another machine, from its first wait to
// its end, again and again.
func (w *world) meanwhile() {
	w.Helper()
	for i := range 5 {
		name := fmt.Sprintf("meanwhile-%d", i)
		other := &infrav1.MaasMachine{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name}, Spec: infrav1.MaasMachineSpec{
			HostPoolRef: infrav1.LocalObjectReference{Name: poolName}, Image: infrav1.Image{Name: "ubuntu/jammy"},
		}}
		w.create(other)
		w.awaitReason(name, infrav1.WaitingForOwnerReason)
		w.deleteMaasMachine(name)
		w.awaitNo(other)
	}
}

// pause sets or clears spec.paused of the Cluster.
func (w *world) pause(paused bool) {
	w.Helper()
	cluster := &clusterv1.Cluster{ObjectMeta: w.meta(clusterName)}
	w.patch(cluster, func() { cluster.Spec.Paused = ptr.To(paused) })
}

func (w *world) awaitPaused(what string, paused bool, get func() conditions.Getter) {
	w.Helper()
	reason := map[bool]string{true: clusterv1.PausedReason, false: clusterv1.NotPausedReason}[paused]
	w.await(fmt.Sprintf("%s to report %s", what, reason), func() (bool, string) {
		return w.condition(get(), clusterv1.PausedCondition, reason)
	})
}

// TestContractMachineFailureDomain: a machine comes up in its failure domain or not at all, whatever is free elsewhere.
func TestContractMachineFailureDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	zone := w.ns + "-z"
	elsewhere, wanted := w.ids[0], w.serverIn(zone, w.ns+"-z0")
	if err := w.sim().Operator().TakeAs("eve", wanted); err != nil {
		t.Fatal(err)
	}
	w.machineOf("m", func(_ *infrav1.MaasMachine, m *clusterv1.Machine) { m.Spec.FailureDomain = zone })
	w.awaitReason("m", infrav1.NoHostFitsReason)
	w.meanwhile()
	if v := w.view(elsewhere); v.Allocations != 0 || len(w.hosts()) > 0 {
		t.Errorf("want no server of another zone taken, got %d allocations of %s and %d leases", v.Allocations, v.Hostname, len(w.hosts()))
	}
	if err := w.sim().Operator().ReleaseByHand(wanted); err != nil {
		t.Fatal(err)
	}
	w.awaitProvisioned("m")
	if m := w.maasMachine("m"); m.Status.HostRef.Name != wanted || m.Status.FailureDomain != zone {
		t.Errorf("want server %s in zone %s, got %+v", wanted, zone, m.Status)
	}
	w.await("Cluster API to know the zone", func() (bool, string) {
		machine := &clusterv1.Machine{}
		err := w.Get(w.ctx, w.key("m"), machine)
		return err == nil && machine.Status.FailureDomain == zone, machine.Status.FailureDomain
	})
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
}

// TestContractMachineProvisionedLatches: neither the loss of the server nor that of the lease takes back what Cluster API was told.
func TestContractMachineProvisionedLatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.machine("m")
	w.awaitProvisioned("m")
	before := w.maasMachine("m")
	asBefore := func(after *infrav1.MaasMachine) {
		t.Helper()
		if !ptr.Deref(after.Status.Initialization.Provisioned, false) || after.Spec.ProviderID != before.Spec.ProviderID ||
			after.Status.HostRef != before.Status.HostRef || after.Status.FailureDomain != before.Status.FailureDomain {
			t.Errorf("want provisioned, providerID, lease and zone to stay as in %+v, got %+v", before.Status, after.Status)
		}
	}
	if err := w.sim().Operator().ReleaseByHand(w.ids[0]); err != nil {
		t.Fatal(err)
	}
	w.awaitReason("m", infrav1.HostReleasedReason)
	asBefore(w.maasMachine("m"))

	host := w.lease()
	w.removeByForce(host)
	w.awaitReason("m", infrav1.HostLostReason)
	asBefore(w.maasMachine("m"))
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
	if got := w.deploys(); got != 1 {
		t.Errorf("want no server deployed in place of the lost one, got %d deployments", got)
	}
}

// removeByForce deletes an object and takes away what holds it, as people do who are in a hurry.
func (w *world) removeByForce(o client.Object) {
	w.Helper()
	if err := w.Delete(w.ctx, o); client.IgnoreNotFound(err) != nil {
		w.Fatal(err)
	}
	w.await(fmt.Sprintf("%T %s to be removed", o, o.GetName()), func() (bool, string) {
		if err := w.Get(w.ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return client.IgnoreNotFound(err) == nil, err.Error()
		}
		before, _ := o.DeepCopyObject().(client.Object)
		o.SetFinalizers(nil)
		err := w.Patch(w.ctx, o, client.MergeFrom(before))
		return err == nil && before.GetDeletionTimestamp() != nil, fmt.Sprint(err)
	})
}

// TestContractOrderOfWork: owner, cluster infrastructure and bootstrap data are waited for, in this order and visibly, and no server is
// taken before the last is there.
func TestContractOrderOfWork(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, 1)
	w.cluster()
	maasMachine := &infrav1.MaasMachine{ObjectMeta: w.meta("m"), Spec: infrav1.MaasMachineSpec{
		HostPoolRef: infrav1.LocalObjectReference{Name: poolName}, Image: infrav1.Image{Name: "ubuntu/jammy"},
	}}
	w.create(maasMachine)
	w.awaitReason("m", infrav1.WaitingForOwnerReason)

	w.create(&clusterv1.Machine{ObjectMeta: w.meta("m"), Spec: clusterv1.MachineSpec{
		ClusterName: clusterName,
		// Nobody makes anything of it: the data come later, by hand.
		Bootstrap: clusterv1.Bootstrap{ConfigRef: clusterv1.ContractVersionedObjectReference{
			APIGroup: infrav1.GroupVersion.Group, Kind: "MaasHostPool", Name: poolName,
		}},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "MaasMachine", Name: "m"},
	}})
	w.awaitReason("m", infrav1.WaitingForClusterReason)
	w.create(theLab.Credentials(w.ns, credentialsName))
	w.awaitClusterNow(infrav1.ReadyReason)
	w.awaitReason("m", infrav1.WaitingForBootstrapDataReason)
	w.meanwhile()
	if hosts := w.hosts(); len(hosts) > 0 || w.writes() > 0 {
		t.Errorf("want no server taken before the bootstrap data are there, got %d leases and %d calls", len(hosts), w.writes())
	}

	w.create(&corev1.Secret{ObjectMeta: w.meta("m"), Data: map[string][]byte{"value": []byte("#cloud-config\n# late")}})
	machine := &clusterv1.Machine{ObjectMeta: w.meta("m")}
	w.patch(machine, func() { machine.Spec.Bootstrap.DataSecretName = ptr.To("m") })
	w.awaitProvisioned("m")
	if v := w.view(w.ids[0]); string(v.UserData) != "#cloud-config\n# late" {
		t.Errorf("want the bootstrap data delivered, got %q", v.UserData)
	}
}

// TestContractDeleteNeedsNothing: whatever is missing around a MaasMachine, it can be deleted and its server goes back.
func TestContractDeleteNeedsNothing(t *testing.T) {
	t.Parallel()
	remove := func(os ...func(w *world) client.Object) func(*world) {
		return func(w *world) {
			for _, o := range os {
				w.removeByForce(o(w))
			}
		}
	}
	machine := func(w *world) client.Object { return &clusterv1.Machine{ObjectMeta: w.meta("m")} }
	cluster := func(w *world) client.Object { return &clusterv1.Cluster{ObjectMeta: w.meta(clusterName)} }
	maasCluster := func(w *world) client.Object { return &infrav1.MaasCluster{ObjectMeta: w.meta(clusterName)} }
	pool := func(w *world) client.Object { return &infrav1.MaasHostPool{ObjectMeta: w.meta(poolName)} }
	bootstrap := func(w *world) client.Object { return &corev1.Secret{ObjectMeta: w.meta("m")} }
	tests := map[string]func(*world){
		"the Machine":        remove(machine),
		"the Cluster":        remove(cluster, machine),
		"the MaasCluster":    remove(maasCluster),
		"the pool":           remove(pool),
		"the bootstrap data": remove(bootstrap),
		"everything":         remove(bootstrap, pool, cluster, maasCluster, machine),
	}
	for missing, lose := range tests {
		t.Run("without "+missing, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.machine("m")
			w.awaitProvisioned("m")
			lose(w)
			w.deleteMaasMachine("m")
			w.awaitNo(&infrav1.MaasMachine{ObjectMeta: w.meta("m")})
			w.awaitAllFree()
			if v := w.view(w.ids[0]); v.Releases != 1 {
				t.Errorf("want the server released once, got %d", v.Releases)
			}
		})
	}
}

func (w *world) deleteMaasMachine(name string) {
	w.Helper()
	if err := client.IgnoreNotFound(w.Delete(w.ctx, &infrav1.MaasMachine{ObjectMeta: w.meta(name)})); err != nil {
		w.Fatal(err)
	}
}

// TestContractDeleteWithoutServer: a MaasMachine that never got a server is gone at once, and needs no credentials for it.
func TestContractDeleteWithoutServer(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, 1)
	w.cluster()
	w.machine("m")
	w.create(&infrav1.MaasMachine{ObjectMeta: w.meta("lonely"), Spec: infrav1.MaasMachineSpec{
		HostPoolRef: infrav1.LocalObjectReference{Name: "nowhere"}, Image: infrav1.Image{Name: "ubuntu/jammy"},
	}})
	w.awaitReason("m", infrav1.WaitingForClusterReason)
	w.awaitReason("lonely", infrav1.WaitingForOwnerReason)
	w.deleteMachine("m")
	w.deleteMaasMachine("lonely")
	w.awaitGone("m")
	w.awaitNo(&infrav1.MaasMachine{ObjectMeta: w.meta("lonely")})
}

// deleteWithoutCredentials: a server that cannot be given back is not forgotten: the deletion says what it waits for, and
// ends soon after the Secret is there again. A manager that never saw the Secret cannot give anything back, so it is restarted.
func deleteWithoutCredentials(t *testing.T) {
	w := newWorld(t, 1)
	w.machine("m")
	w.awaitProvisioned("m")
	if err := w.Delete(w.ctx, theLab.Credentials(w.ns, credentialsName)); err != nil {
		t.Fatal(err)
	}
	w.awaitClusterNow(infrav1.CredentialsNotFoundReason)
	w.killManager()
	w.deleteMachine("m")
	w.await("the deletion to say that the Secret is missing", func() (bool, string) {
		_, seen := w.condition(w.maasMachine("m"), infrav1.ReadyCondition, "")
		return strings.Contains(seen, infrav1.DeletingReason) && strings.Contains(seen, w.ns+"/"+credentialsName), seen
	})
	w.meanwhile()
	if v := w.view(w.ids[0]); v.Releases != 0 || len(w.hosts()) != 1 {
		t.Errorf("want the lease kept while its server cannot be released, got %d leases and %d releases", len(w.hosts()), v.Releases)
	}
	w.create(theLab.Credentials(w.ns, credentialsName))
	w.awaitGone("m")
	w.awaitAllFree()
}

// TestContractPaused: while its Cluster is paused, or it has the annotation, an object says so and nothing is done for it; afterwards
// the work goes on.
func TestContractPaused(t *testing.T) {
	t.Parallel()
	ofCluster := func(w *world, paused bool) { w.pause(paused) }
	ofMachine := func(w *world, paused bool) {
		w.annotate(&infrav1.MaasMachine{ObjectMeta: w.meta("m")}, clusterv1.PausedAnnotation, map[bool]string{true: "true"}[paused])
	}
	for how, pause := range map[string]func(*world, bool){"the Cluster": ofCluster, "the MaasMachine": ofMachine} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			// There is something to pause, and nothing to do for it yet.
			if err := w.sim().Operator().TakeAs("eve", w.ids[0]); err != nil {
				t.Fatal(err)
			}
			w.machine("m")
			w.awaitReason("m", infrav1.NoHostFitsReason)
			pause(w, true)
			w.awaitPaused("the MaasMachine", true, func() conditions.Getter { return w.maasMachine("m") })
			before := w.writes()
			if err := w.sim().Operator().ReleaseByHand(w.ids[0]); err != nil {
				t.Fatal(err)
			}
			w.await("the provider to see that there is a server now", func() (bool, string) {
				pool := &infrav1.MaasHostPool{}
				if err := w.Get(w.ctx, w.key(poolName), pool); err != nil {
					return false, err.Error()
				}
				return w.condition(pool, infrav1.HostsAvailableCondition, infrav1.HostsAvailableReason)
			})
			w.meanwhile()
			if hosts := w.hosts(); len(hosts) > 0 || w.writes() != before {
				t.Errorf("want nothing done while paused, got %d leases and %d calls", len(hosts), w.writes()-before)
			}
			pause(w, false)
			w.awaitProvisioned("m")
			w.awaitPaused("the MaasMachine", false, func() conditions.Getter { return w.maasMachine("m") })

			w.deleteWhilePaused(pause)
		})
	}
}

// deleteWhilePaused deletes the MaasMachine m of a paused Cluster, or a paused one: nothing happens until the pause ends.
func (w *world) deleteWhilePaused(pause func(*world, bool)) {
	w.Helper()
	pause(w, true)
	w.awaitPaused("the MaasMachine", true, func() conditions.Getter { return w.maasMachine("m") })
	before := w.writes()
	w.deleteMaasMachine("m")
	w.meanwhile()
	if m := w.maasMachine("m"); m.DeletionTimestamp.IsZero() || !slices.Contains(m.Finalizers, infrav1.MachineFinalizer) {
		w.Errorf("want the deletion to wait for the end of the pause, got deletionTimestamp %v and finalizers %v", m.DeletionTimestamp, m.Finalizers)
	}
	if hosts := w.hosts(); len(hosts) != 1 || !hosts[0].DeletionTimestamp.IsZero() || w.writes() != before {
		w.Errorf("want the lease kept while paused, got %d leases and %d calls", len(hosts), w.writes()-before)
	}
	pause(w, false)
	w.awaitNo(&infrav1.MaasMachine{ObjectMeta: w.meta("m")})
	w.awaitAllFree()
}

// TestContractPausedCluster: a paused MaasCluster says so and takes no notice of what changes.
func TestContractPausedCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.pause(true)
	w.awaitPaused("the MaasCluster", true, func() conditions.Getter { return w.maasCluster() })
	m := &infrav1.MaasCluster{ObjectMeta: w.meta(clusterName)}
	w.patch(m, func() { m.Spec.ControlPlaneZones = []string{"nowhere"} })
	w.meanwhile()
	if ok, seen := w.condition(w.maasCluster(), infrav1.ReadyCondition, infrav1.ReadyReason); !ok {
		t.Errorf("want the MaasCluster as it was before the pause, got %s", seen)
	}
	w.pause(false)
	w.awaitCluster(infrav1.ZoneNotFoundReason)
}

// TestContractPausedWhileDeploying: MAAS goes on with what it began; the provider takes it up again after the pause, with no second
// deployment.
func TestContractPausedWhileDeploying(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	goOn := w.hangInstalls()
	w.machine("m")
	w.awaitReason("m", infrav1.DeployingReason)
	w.pause(true)
	w.awaitPaused("the MaasHost", true, func() conditions.Getter { return w.lease() })
	before := w.writes()
	goOn()
	w.await("MAAS to end the installation", func() (bool, string) {
		v := w.view(w.ids[0])
		return v.StatusName == "Deployed", v.StatusName
	})
	// What is installed after it is seen after it.
	other := newWorld(t, 1)
	other.machine("other")
	other.awaitProvisioned("other")
	if m := w.maasMachine("m"); m.Spec.ProviderID != "" || w.writes() != before {
		t.Errorf("want nothing done and nothing told while paused, got providerID %q and %d calls", m.Spec.ProviderID, w.writes()-before)
	}
	w.pause(false)
	w.awaitProvisioned("m")
	w.awaitReason("m", infrav1.ReadyReason)
	if got := w.deploys(); got != 1 {
		t.Errorf("want one deployment, got %d", got)
	}
}
