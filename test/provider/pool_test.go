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
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// changePool changes the pool of the world.
func (w *world) changePool(change func(*infrav1.MaasHostPoolSpec)) {
	w.Helper()
	pool := &infrav1.MaasHostPool{}
	if err := w.Get(w.ctx, w.key(poolName), pool); err != nil {
		w.Fatal(err)
	}
	before := pool.DeepCopy()
	change(&pool.Spec)
	if err := w.Patch(w.ctx, pool, client.MergeFrom(before)); err != nil {
		w.Fatalf("changing the pool: %v", err)
	}
}

func held(spec *infrav1.MaasHostPoolSpec) { spec.Hold = ptr.To(true) }

// deployment makes a MachineDeployment of the world's cluster, whose machines take servers of the pool.
func (w *world) deployment(name string, replicas int32, change ...func(*infrav1.MaasMachineSpec)) {
	w.Helper()
	w.create(&corev1.Secret{ObjectMeta: w.meta(name + "-boot"), Type: clusterv1.ClusterSecretType, Data: map[string][]byte{
		"value": []byte("#cloud-config\n# " + name), "format": []byte("cloud-config"),
	}})
	template := &infrav1.MaasMachineTemplate{ObjectMeta: w.meta(name), Spec: infrav1.MaasMachineTemplateSpec{
		Template: infrav1.MaasMachineTemplateResource{Spec: infrav1.MaasMachineSpec{
			HostPoolRef: infrav1.LocalObjectReference{Name: poolName}, Image: infrav1.Image{Name: "ubuntu/jammy"},
		}},
	}}
	for _, f := range change {
		f(&template.Spec.Template.Spec)
	}
	w.create(template)
	labels := map[string]string{clusterv1.ClusterNameLabel: clusterName, "md": name}
	w.create(&clusterv1.MachineDeployment{ObjectMeta: w.meta(name), Spec: clusterv1.MachineDeploymentSpec{
		ClusterName: clusterName, Replicas: ptr.To(replicas), Selector: metav1.LabelSelector{MatchLabels: labels},
		Rollout: clusterv1.MachineDeploymentRolloutSpec{Strategy: clusterv1.MachineDeploymentRolloutStrategy{
			Type: clusterv1.RollingUpdateMachineDeploymentStrategyType,
			RollingUpdate: clusterv1.MachineDeploymentRolloutStrategyRollingUpdate{
				MaxSurge: ptr.To(intstr.FromInt32(0)), MaxUnavailable: ptr.To(intstr.FromInt32(1)),
			},
		}},
		Template: clusterv1.MachineTemplateSpec{ObjectMeta: clusterv1.ObjectMeta{Labels: labels}, Spec: clusterv1.MachineSpec{
			ClusterName: clusterName, Bootstrap: clusterv1.Bootstrap{DataSecretName: ptr.To(name + "-boot")},
			InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "MaasMachineTemplate", Name: name},
		}},
	}})
}

func (w *world) scale(name string, replicas int32) {
	w.Helper()
	md := &clusterv1.MachineDeployment{ObjectMeta: w.meta(name)}
	if err := w.Patch(w.ctx, md, client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))); err != nil {
		w.Fatalf("scaling %s: %v", name, err)
	}
}

// serversOf returns the servers of a MachineDeployment by the names of its machines: of all of them, with "" for one that has none.
func (w *world) serversOf(name string) map[string]string {
	machines := &infrav1.MaasMachineList{}
	if err := w.List(w.ctx, machines, client.InNamespace(w.ns), client.MatchingLabels{clusterv1.MachineDeploymentNameLabel: name}); err != nil {
		w.Fatal(err)
	}
	servers := map[string]string{}
	for i := range machines.Items {
		servers[machines.Items[i].Name] = machines.Items[i].Spec.ProviderID
	}
	return servers
}

// awaitServers waits until a MachineDeployment has so many machines, all of them with a server, and none of them is one of before.
func (w *world) awaitServers(name string, n int, before map[string]string) map[string]string {
	w.Helper()
	var servers map[string]string
	w.await(fmt.Sprintf("%d new machines of %s with a server", n, name), func() (bool, string) {
		servers = w.serversOf(name)
		ok := len(servers) == n
		for machine, server := range servers {
			_, old := before[machine]
			ok = ok && server != "" && !old
		}
		return ok, fmt.Sprint(servers)
	})
	return servers
}

func (w *world) awaitStates(what string, want map[infrav1.HostState]int) {
	w.Helper()
	w.await(what, func() (bool, string) {
		got := map[infrav1.HostState]int{}
		for _, h := range w.hosts() {
			got[h.Status.State]++
		}
		return maps.Equal(got, want), fmt.Sprintf("want %v, got %v", want, got)
	})
}

// eve is another user of MAAS, who tries to take each server of the world before every call that concerns it, until she goes home. Between a
// release and the allocation that follows it a server is nobody's: that is MAAS's, no pool can close it, and there she does not try.
func (w *world) eve() (tries *atomic.Int32, goHome func()) {
	w.Helper()
	tries = &atomic.Int32{}
	var mu sync.Mutex
	released := map[string]bool{}
	return tries, w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		mu.Lock()
		defer mu.Unlock()
		if p == maassim.After && c.Name == "machines.allocate" {
			delete(released, c.SystemID)
		}
		if p != maassim.Before || c.Name == "machines.allocate" || !slices.Contains(w.ids, c.SystemID) || released[c.SystemID] {
			return maassim.Pass()
		}
		tries.Add(1)
		if err := w.sim().Operator().TakeAs("eve", c.SystemID); err == nil {
			w.Errorf("eve took %s before %s", c.SystemID, c.Name)
		}
		released[c.SystemID] = c.Name == "machine.release"
		return maassim.Pass()
	})
}

func sorted(servers map[string]string) []string { return slices.Sorted(maps.Values(servers)) }

// poolReturnsMachinesToTheirServers repaves all machines of a MachineDeployment at once while another one waits for a server, another
// MAAS user tries to take each, and the manager is killed. Every successor gets a server that its MachineDeployment freed.
func poolReturnsMachinesToTheirServers(t *testing.T) {
	w := newWorld(t, 4)
	w.changePool(held)
	w.awaitStates("all servers held", map[infrav1.HostState]int{infrav1.HostStateHeld: 4})
	w.deployment("a", 3)
	before := w.awaitServers("a", 3, nil)
	w.deployment("b", 2)
	w.await("b to have the last server and to wait for another", func() (bool, string) {
		servers := sorted(w.serversOf("b"))
		return len(servers) == 2 && servers[0] == "" && servers[1] != "", fmt.Sprint(servers)
	})
	repaved := func() {
		w.Helper()
		after := w.awaitServers("a", 3, before)
		if !slices.Equal(sorted(before), sorted(after)) {
			t.Errorf("want the successors on %v, got them on %v", sorted(before), sorted(after))
		}
		before = after
	}
	tries, eveGoesHome := w.eve()
	w.deleteMachine(slices.Collect(maps.Keys(before))...)
	repaved()
	eveGoesHome()
	if tries.Load() < 10 {
		t.Errorf("want eve to try often, she tried %d times", tries.Load())
	}

	w.deleteMachine(slices.Collect(maps.Keys(before))...)
	for range 3 {
		time.Sleep(time.Duration(100+rand.IntN(400)) * time.Millisecond)
		w.killManager()
	}
	repaved()
	if servers := sorted(w.serversOf("b")); len(servers) != 2 || servers[0] != "" {
		t.Errorf("want b to wait for a server still, got %v", servers)
	}
	if got := w.deploys(); got != 3*3+1 {
		t.Errorf("want each server of a deployed three times and that of b once, got %d deployments", got)
	}

	// Scaling in frees a server at once, which the waiting machine gets.
	w.scale("a", 2)
	w.awaitServers("b", 2, nil)

	// What is left is held when the machines are gone, and let go when the pool does not hold it any more.
	w.scale("a", 0)
	w.scale("b", 0)
	w.awaitStates("all servers held and none reserved", map[infrav1.HostState]int{infrav1.HostStateHeld: 4})
	w.changePool(func(spec *infrav1.MaasHostPoolSpec) { spec.Hold = nil })
	w.awaitAllFree()
}

// TestPoolReservationEnds: a reservation that no successor comes for ends by itself, and the scale-in of its owner ends it at once.
func TestPoolReservationEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.changePool(func(spec *infrav1.MaasHostPoolSpec) { spec.ReservationSeconds = 600 })
	w.deployment("a", 1)
	before := w.awaitServers("a", 1, nil)
	// A paused MachineDeployment's MachineSet still makes machines; one that is scaled in while its machine goes does not.
	w.pauseMachineSets("a", true)
	w.deleteMachine(slices.Collect(maps.Keys(before))...)
	w.awaitStates("the server reserved", map[infrav1.HostState]int{infrav1.HostStateReserved: 1})
	w.machine("stranger", func(spec *infrav1.MaasMachineSpec) { spec.HostPoolRef.Name = poolName })
	w.awaitProvisioned("stranger")
	if got := w.maasMachine("stranger").Spec.ProviderID; got == sorted(before)[0] {
		t.Errorf("want the reserved server left alone, the stranger got it")
	}
	w.pauseMachineSets("a", false)
	after := w.awaitServers("a", 1, before)
	if !slices.Equal(sorted(before), sorted(after)) {
		t.Errorf("want the successor on %v, got it on %v", sorted(before), sorted(after))
	}
	w.pauseMachineSets("a", true)
	w.deleteMachine(slices.Collect(maps.Keys(after))...)
	w.awaitStates("the server reserved again", map[infrav1.HostState]int{infrav1.HostStateReserved: 1, infrav1.HostStateInUse: 1})
	w.scale("a", 0)
	w.pauseMachineSets("a", false)
	w.deleteMachine("stranger")
	w.awaitGone("stranger")
	w.awaitAllFree()
}

func (w *world) pauseMachineSets(deployment string, paused bool) {
	w.Helper()
	sets := &clusterv1.MachineSetList{}
	if err := w.List(w.ctx, sets, client.InNamespace(w.ns), client.MatchingLabels{clusterv1.MachineDeploymentNameLabel: deployment}); err != nil {
		w.Fatal(err)
	}
	value := "null"
	if paused {
		value = `""`
	}
	for i := range sets.Items {
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%s}}}`, clusterv1.PausedAnnotation, value)
		if err := w.Patch(w.ctx, &sets.Items[i], client.RawPatch("application/merge-patch+json", patch)); err != nil {
			w.Fatal(err)
		}
		// Until then it may still make a machine in place of one that goes.
		w.awaitPaused("MachineSet "+sets.Items[i].Name, paused, func() conditions.Getter {
			if err := w.Get(w.ctx, client.ObjectKeyFromObject(&sets.Items[i]), &sets.Items[i]); err != nil {
				w.Logf("getting MachineSet %s: %v", sets.Items[i].Name, err)
			}
			return &sets.Items[i]
		})
	}
}

// TestPoolQuarantine: a server whose installation fails twice is given to nobody until somebody says that it is mended. A cordoned server is
// given to nobody either.
func TestPoolQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.changePool(held)
	id := w.ids[0]
	if err := w.sim().SetHostFault(id, maassim.HostFault{InstallFails: true}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		w.machine(name)
		w.awaitReason(name, infrav1.DeployFailedReason)
		w.deleteMachine(name)
		w.awaitGone(name)
	}
	w.awaitStates("the server in quarantine", map[infrav1.HostState]int{infrav1.HostStateQuarantined: 1})
	w.machine("third")
	w.awaitReason("third", infrav1.NoHostFitsReason)
	if err := w.sim().SetHostFault(id, maassim.HostFault{}); err != nil {
		t.Fatal(err)
	}
	w.changeHost(id, `{"spec":{"quarantine":null}}`)
	w.awaitProvisioned("third")

	w.changeHost(id, `{"spec":{"unschedulable":true}}`)
	w.deleteMachine("third")
	w.awaitGone("third")
	w.awaitStates("the server cordoned", map[infrav1.HostState]int{infrav1.HostStateCordoned: 1})
	w.machine("fourth")
	w.awaitReason("fourth", infrav1.NoHostFitsReason)
	w.changeHost(id, `{"spec":{"unschedulable":null,"quarantine":{"cause":"Requested","message":"fan"}}}`)
	w.awaitStates("the server in quarantine", map[infrav1.HostState]int{infrav1.HostStateQuarantined: 1})
	if err := broken(w.sim().Operator(), id); err != nil {
		t.Fatal(err)
	}
	w.awaitStates("the server seen broken", map[infrav1.HostState]int{infrav1.HostStateNeedsAttention: 1})
	if err := fixed(w.sim().Operator(), id); err != nil {
		t.Fatal(err)
	}
	w.awaitProvisioned("fourth")
	w.deleteMachine("fourth")
	w.awaitGone("fourth")
	// A pool that goes takes its empty leases along.
	if err := w.Delete(w.ctx, &infrav1.MaasHostPool{ObjectMeta: w.meta(poolName)}); err != nil {
		t.Fatal(err)
	}
	w.awaitAllFree()
	w.awaitNo(&infrav1.MaasHostPool{ObjectMeta: w.meta(poolName)})
}

func (w *world) changeHost(id, patch string) {
	w.Helper()
	if err := w.Patch(w.ctx, &infrav1.MaasHost{ObjectMeta: w.meta(id)}, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		w.Fatalf("changing MaasHost %s: %v", id, err)
	}
}

// TestPoolClusterDeletion: the deletion of a cluster reserves nothing, and its servers stay with the pool.
func TestPoolClusterDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.changePool(held)
	w.deployment("a", 2)
	w.awaitServers("a", 2, nil)
	w.deleteCluster()
	w.awaitNo(w.clusterObject())
	w.awaitStates("both servers held", map[infrav1.HostState]int{infrav1.HostStateHeld: 2})
	w.changePool(func(spec *infrav1.MaasHostPoolSpec) { spec.Hold = nil })
	w.awaitAllFree()
}

// TestPoolMove moves empty leases between management clusters, reserved and held: MAAS notices nothing.
func TestPoolMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.changePool(held)
	w.deployment("a", 1)
	before := w.awaitServers("a", 1, nil)
	w.pauseMachineSets("a", true)
	w.deleteMachine(slices.Collect(maps.Keys(before))...)
	w.awaitStates("one server reserved, one held", map[infrav1.HostState]int{infrav1.HostStateHeld: 1, infrav1.HostStateReserved: 1})
	w.pause(true)
	writes := w.writes()
	moved := []client.Object{&infrav1.MaasHostPool{ObjectMeta: w.meta(poolName)}}
	for _, host := range w.hosts() {
		moved = append(moved, &infrav1.MaasHost{ObjectMeta: w.meta(host.Name)})
	}
	for _, o := range moved {
		if err := w.Get(w.ctx, client.ObjectKeyFromObject(o), o); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range slices.Backward(moved) {
		w.deleteForMove(o)
	}
	w.meanwhile()
	w.createMoved(moved)
	w.meanwhile()
	w.awaitStates("the leases as they were", map[infrav1.HostState]int{infrav1.HostStateHeld: 1, infrav1.HostStateReserved: 1})
	if got := w.writes() - writes; got != 0 {
		t.Errorf("want nothing written to MAAS, got %d calls", got)
	}
	w.pause(false)
	w.pauseMachineSets("a", false)
	after := w.awaitServers("a", 1, before)
	if !slices.Equal(sorted(before), sorted(after)) {
		t.Errorf("want the successor on %v, got it on %v", sorted(before), sorted(after))
	}
}
