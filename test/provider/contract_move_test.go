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
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// wipe takes away the status of an object.
func (w *world) wipe(o client.Object) {
	w.Helper()
	if err := w.Status().Patch(w.ctx, o, client.RawPatch(types.MergePatchType, []byte(`{"status":null}`))); err != nil {
		w.Fatalf("wiping the status of %T %s: %v", o, o.GetName(), err)
	}
}

// reasons are the conditions of an object without their times.
func reasons(o conditions.Getter) map[string]string {
	out := map[string]string{}
	for _, c := range o.GetConditions() {
		out[c.Type] = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
	}
	return out
}

// known is all that the provider knows of machine m, its lease and its cluster, as far as it can be known again.
func (w *world) known() string {
	w.Helper()
	cluster, machine, hosts := w.maasCluster(), w.maasMachine("m"), w.hosts()
	out := fmt.Sprintf("MaasCluster: %v, provisioned %t, zones %t, %+v\nMaasMachine: %v, provisioned %t, %v, zone %s, lease %s, hostname %s\n",
		reasons(cluster), ptr.Deref(cluster.Status.Initialization.Provisioned, false), len(cluster.Status.FailureDomains) > 0, cluster.Status.MAAS,
		reasons(machine), ptr.Deref(machine.Status.Initialization.Provisioned, false), machine.Status.Addresses, machine.Status.FailureDomain,
		machine.Status.HostRef.Name, machine.Status.Hostname)
	for i := range hosts {
		status := &hosts[i].Status
		out += fmt.Sprintf("MaasHost: %v, %+v, disks %q, allocated %t, installed %t, deployed %t\n", reasons(&hosts[i]), status.MAAS, status.DataDisks,
			!status.AllocatedTime.IsZero(), !status.DeployStartTime.IsZero(), !status.DeployedTime.IsZero())
	}
	return out
}

// TestContractStatusIsRebuilt: a lost status comes back from spec and MAAS, of each object alone and of all at once, and nothing is
// written to MAAS for it.
func TestContractStatusIsRebuilt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.machine("m")
	w.awaitProvisioned("m")
	w.awaitReason("m", infrav1.ReadyReason)
	w.awaitCluster(infrav1.ReadyReason)
	w.await("the lease to be ready", settled(func() (conditionObject, bool, string) {
		host := w.lease()
		ok, seen := w.condition(host, infrav1.ReadyCondition, infrav1.ReadyReason)
		return host, ok, seen
	}))
	before, writes := w.known(), w.writes()
	host := w.lease()
	all := []client.Object{host, &infrav1.MaasMachine{ObjectMeta: w.meta("m")}, &infrav1.MaasCluster{ObjectMeta: w.meta(clusterName)}}
	rebuilt := func() (bool, string) { now := w.known(); return now == before, now }
	for _, o := range all {
		w.wipe(o)
		w.await(fmt.Sprintf("the status of the %T as it was:\n%s", o, before), rebuilt)
	}

	w.pause(true)
	w.awaitPaused("the MaasHost", true, func() conditions.Getter { return w.lease() })
	w.awaitPaused("the MaasMachine", true, func() conditions.Getter { return w.maasMachine("m") })
	w.awaitPaused("the MaasCluster", true, func() conditions.Getter { return w.maasCluster() })
	for _, o := range all {
		w.wipe(o)
	}
	w.pause(false)
	w.await("everything as it was:\n"+before, rebuilt)
	if got := w.writes() - writes; got != 0 || w.deploys() != 1 {
		t.Errorf("want nothing written to MAAS and no second deployment, got %d calls and %d deployments", got, w.deploys())
	}
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
}

// TestContractOwnedObjects: what the provider makes and what is made for it is in the Cluster's graph of owners and has its labels.
func TestContractOwnedObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.machineOf("m", func(m *infrav1.MaasMachine, _ *clusterv1.Machine) { m.Labels[clusterv1.WatchLabel] = "blue" })
	w.awaitProvisioned("m")
	machine := &clusterv1.Machine{}
	if err := w.Get(w.ctx, w.key("m"), machine); err != nil {
		t.Fatal(err)
	}
	host := w.lease()
	for _, tt := range []struct {
		o     client.Object
		kind  string
		owner client.Object
	}{
		{w.maasCluster(), "Cluster", w.clusterObject()},
		{w.maasMachine("m"), "Machine", machine},
		{host, "MaasCluster", w.maasCluster()},
	} {
		if !slices.ContainsFunc(tt.o.GetOwnerReferences(), func(r metav1.OwnerReference) bool {
			return r.Kind == tt.kind && r.Name == tt.owner.GetName() && r.UID == tt.owner.GetUID()
		}) {
			t.Errorf("want %T owned by %s %s, got %v", tt.o, tt.kind, tt.owner.GetName(), tt.o.GetOwnerReferences())
		}
		if got := tt.o.GetLabels()[clusterv1.ClusterNameLabel]; got != clusterName {
			t.Errorf("want %T labelled with the Cluster's name, got %q", tt.o, got)
		}
	}
	want := map[string]string{clusterv1.ClusterNameLabel: clusterName, infrav1.ConsumerLabel: "m", clusterv1.WatchLabel: "blue"}
	if !maps.Equal(host.Labels, want) {
		t.Errorf("want the lease to have labels %v, got %v", want, host.Labels)
	}
}

// TestContractMoveReleasesNothing does what "clusterctl move" does, with the same API server as source and target: the objects go from
// under a paused Cluster and are made anew, without status and with other UIDs. MAAS notices nothing, whatever the state of a machine.
func TestContractMoveReleasesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.machine("done")
	w.awaitProvisioned("done")
	goOn := w.hangInstalls()
	w.machine("underway")
	w.awaitReason("underway", infrav1.DeployingReason)
	w.machine("waiting")
	w.awaitReason("waiting", infrav1.NoHostFitsReason)
	w.pause(true)
	for _, name := range []string{"done", "underway", "waiting"} {
		w.awaitPaused("the MaasMachine", true, func() conditions.Getter { return w.maasMachine(name) })
	}
	for i := range 2 {
		w.awaitPaused("the MaasHost", true, func() conditions.Getter { return &w.hosts()[i] })
	}
	w.awaitPaused("the MaasCluster", true, func() conditions.Getter { return w.maasCluster() })
	writes := w.writes()
	goOn()

	moved := w.readForMove("done", "underway", "waiting")
	for _, o := range slices.Backward(moved) {
		w.deleteForMove(o)
	}
	w.meanwhile()
	w.untouchedSince(writes, "after the deletion from the source")

	w.createMoved(moved)
	w.meanwhile()
	w.untouchedSince(writes, "in the target, while it is paused")
	w.pause(false)
	w.awaitProvisioned("done", "underway")
	for _, name := range []string{"done", "underway"} {
		w.awaitReason(name, infrav1.ReadyReason)
	}
	w.awaitReason("waiting", infrav1.NoHostFitsReason)
	w.awaitCluster(infrav1.ReadyReason)
	w.untouchedSince(writes, "after the move")
	if got := w.deploys(); got != 2 {
		t.Errorf("want one deployment for each server, got %d in all", got)
	}

	w.deleteMachine("waiting", "done", "underway")
	w.awaitGone("waiting", "done", "underway")
	w.awaitAllFree()
}

func (w *world) untouchedSince(writes int, when string) {
	w.Helper()
	if got := w.writes() - writes; got != 0 {
		w.Errorf("want nothing written to MAAS %s, got %d calls", when, got)
	}
	for _, id := range w.ids {
		if v := w.view(id); v.Owner != "capmaas" || v.AgentName == "" || v.Releases != 0 {
			w.Errorf("want %s kept under its lease %s, got owner %q, agent name %q, %d releases", v.Hostname, when, v.Owner, v.AgentName, v.Releases)
		}
	}
}

// readForMove reads what moves, owners first.
func (w *world) readForMove(machines ...string) []client.Object {
	w.Helper()
	moved := []client.Object{
		&infrav1.MaasHostPool{ObjectMeta: w.meta(poolName)}, &corev1.Secret{ObjectMeta: w.meta(credentialsName)},
		&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)}, &infrav1.MaasCluster{ObjectMeta: w.meta(clusterName)},
	}
	for _, host := range w.hosts() {
		moved = append(moved, &infrav1.MaasHost{ObjectMeta: w.meta(host.Name)})
	}
	for _, name := range machines {
		moved = append(moved, &corev1.Secret{ObjectMeta: w.meta(name)}, &clusterv1.Machine{ObjectMeta: w.meta(name)},
			&infrav1.MaasMachine{ObjectMeta: w.meta(name)})
	}
	for _, o := range moved {
		if err := w.Get(w.ctx, client.ObjectKeyFromObject(o), o); err != nil {
			w.Fatalf("reading %T %s: %v", o, o.GetName(), err)
		}
	}
	return moved
}

// deleteForMove is clusterctl's way: an annotation in place of all others, the deletion, and only then the finalizers.
func (w *world) deleteForMove(moved client.Object) {
	w.Helper()
	o, ok := moved.DeepCopyObject().(client.Object)
	if !ok {
		w.Fatalf("%T is no object", moved)
	}
	err := w.Patch(w.ctx, o, client.RawPatch(types.JSONPatchType,
		[]byte(`[{"op":"add","path":"/metadata/annotations","value":{"clusterctl.cluster.x-k8s.io/delete-for-move":""}}]`)))
	if err == nil {
		err = w.Delete(w.ctx, o)
	}
	if err == nil && len(o.GetFinalizers()) > 0 {
		err = w.Patch(w.ctx, o, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":[]}}`)))
	}
	if err != nil {
		w.Fatalf("deleting %T %s: %v", o, o.GetName(), err)
	}
	w.awaitNo(o)
}

// createMoved makes the objects anew: no status, new UIDs, and the owner references with the owners' new ones.
func (w *world) createMoved(moved []client.Object) {
	w.Helper()
	uids := map[types.UID]types.UID{}
	for _, o := range moved {
		old := o.GetUID()
		o.SetUID("")
		o.SetResourceVersion("")
		owners := o.GetOwnerReferences()
		for i := range owners {
			uid, ok := uids[owners[i].UID]
			if !ok {
				w.Errorf("want the owner %s %s of %T %s to move before it", owners[i].Kind, owners[i].Name, o, o.GetName())
			}
			owners[i].UID = uid
		}
		o.SetOwnerReferences(owners)
		// The API server drops the status of what is created.
		w.create(o)
		uids[old] = o.GetUID()
	}
}
