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

package lab

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

const gib = 1 << 30

// classes are the workers of the gate's story: two classes that keep their data disks, and one whose servers MAAS wipes. Cluster API asks for so many at
// once that the gate finds those of a zone among them, which share no volume.
var classes = []WorkerClass{
	{Name: "a", Replicas: 5, MaxUnavailable: 5, ResourcePool: "workers-a"},
	{Name: "b", Replicas: 5, MaxUnavailable: 4, ResourcePool: "workers-b"},
	{Name: "wiped", Replicas: 2, MaxUnavailable: 2, ResourcePool: "workers-wiped", DataDisks: "Wipe"},
}

// TestRepaveGate upgrades a cluster whose workers hold data. With the gate nothing is lost or out of reach, although a worker dies in the middle and
// the manager is killed; without it the same upgrade eats volumes.
func TestRepaveGate(t *testing.T) {
	if testing.Short() || os.Getenv("LAB_GATE") == "" {
		t.Skip("takes seven minutes; make test-gate runs it")
	}
	// Cluster API looks at each object once a second at most by default, which takes most of the time of fifteen servers in turn.
	l, err := Start(t.Context(), Config{Artifacts: artifacts(t), Providers: FullProviders(), Logger: testLogger(),
		Variables: map[string]string{"EXP_RECONCILER_RATE_LIMITING": "false"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	g := &gateStory{story: story{t: t, lab: l, cluster: ClusterSpec{
		Namespace: "default", Name: "gated", Version: PreviousKubernetesVersion, ControlPlanes: 3,
		Variables: map[string]string{"CONTROL_PLANE_MAX_SURGE": "0"},
	}}}
	if g.client, err = gateClient(l); err != nil {
		t.Fatal(err)
	}
	g.step("Create", g.create)
	g.step("Portworx", g.storeData)
	g.step("UpgradeWithTheGate", g.upgradeGated)
	g.step("UpgradeWithoutTheGate", g.upgradeUngated)
}

func gateClient(l *Lab) (client.Client, error) {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, clusterv1.AddToScheme, infrav1.AddToScheme} {
		if err := add(s); err != nil {
			return nil, err
		}
	}
	return client.New(l.AdminConfig(), client.Options{Scheme: s})
}

type gateStory struct {
	story
	client  client.Client
	storage *Storage
	workers []string // hostnames
	before  map[string]standing
}

// standing is what is to be the same of a worker after an upgrade.
type standing struct {
	providerID, identity string
	deploys              int
}

func (g *gateStory) create(ctx context.Context) error {
	if _, err := g.lab.AddRack(3, 0); err != nil {
		return err
	}
	for _, c := range classes {
		g.lab.MAAS().AddPool(c.ResourcePool, "")
		for i := range c.Replicas {
			name := c.Name + "-" + strconv.Itoa(i+1)
			if _, err := g.lab.AddHost(maassim.MachineSpec{Hostname: name, Pool: c.ResourcePool, Zone: zoneOf(len(g.workers))}); err != nil {
				return err
			}
			g.workers = append(g.workers, name)
		}
	}
	objects, err := RenderClasses(g.cluster, classes...)
	if err != nil {
		return err
	}
	if err := g.lab.Apply(ctx, g.cluster.Namespace, append(objects, HealthCheck(g.cluster))); err != nil {
		return err
	}
	if err := g.waitControlPlane(ctx, 3, PreviousKubernetesVersion); err != nil {
		return err
	}
	return g.waitNodes(ctx, PreviousKubernetesVersion, append([]string{"cp-1", "cp-2", "cp-3"}, g.workers...)...)
}

func zoneOf(n int) string { return fmt.Sprintf("az%d", n%3+1) }

// storeData starts Portworx with 40 volumes on the classes that keep their disks, each with a copy in two or in all three zones and two of them served
// to others, and a few on the servers that are wiped. An hour passes there in a minute.
func (g *gateStory) storeData(ctx context.Context) error {
	var err error
	g.storage, err = g.lab.StartStorage(ctx, g.cluster.Key(), pxsim.Options{Scale: 60, ReplaceLost: true}, len(g.workers))
	if err != nil {
		return err
	}
	byZone := map[string][]string{}
	for i, host := range g.workers[:10] {
		byZone[zoneOf(i)] = append(byZone[zoneOf(i)], host)
	}
	zones := slices.Sorted(maps.Keys(byZone))
	for i := range 40 {
		v := pxsim.Volume{Name: fmt.Sprintf("pvc-%02d", i), Bytes: 40 * gib, WriteRate: 4 << 20}
		for j := range 2 + i%2 {
			hosts := byZone[zones[(i/2+j)%len(zones)]]
			v.Nodes = append(v.Nodes, hosts[(i/len(zones)+j)%len(hosts)])
		}
		if i%20 == 0 {
			v.ServedBy = v.Nodes[0]
		}
		if err := g.storage.Sim.AddVolume(v); err != nil {
			return err
		}
	}
	for i := range 4 {
		if err := g.storage.Sim.AddVolume(pxsim.Volume{Name: fmt.Sprintf("wiped-%d", i), Nodes: g.workers[10:], Bytes: 20 * gib, WriteRate: 1 << 20}); err != nil {
			return err
		}
	}
	if err := g.lab.Client().Create(ctx, Gate(g.cluster, 4, 1)); err != nil {
		return err
	}
	return WaitFor(ctx, "the gate to see Portworx whole", time.Minute, func(ctx context.Context) error {
		gate, err := g.gate(ctx)
		if err != nil {
			return err
		}
		if s := gate.Status.Storage; s.Online == nil || int(*s.Online) != len(g.workers) || s.Volumes == nil || *s.Volumes != 44 || s.Degraded != nil && *s.Degraded > 0 {
			return fmt.Errorf("the gate sees %+v; %+v", s, gate.Status.Conditions)
		}
		g.before, err = g.standings(ctx)
		return err
	})
}

func (g *gateStory) gate(ctx context.Context) (*infrav1.RepaveGate, error) {
	gate := &infrav1.RepaveGate{}
	return gate, g.client.Get(ctx, client.ObjectKey{Namespace: g.cluster.Namespace, Name: gateName}, gate)
}

func (g *gateStory) repaves(ctx context.Context) ([]infrav1.Repave, error) {
	list := &infrav1.RepaveList{}
	err := g.client.List(ctx, list, client.InNamespace(g.cluster.Namespace))
	return list.Items, err
}

// standings are the workers as they are now.
func (g *gateStory) standings(ctx context.Context) (map[string]standing, error) {
	nodes, err := g.lab.ReadyNodes(ctx, g.cluster.Key())
	if err != nil {
		return nil, err
	}
	all := map[string]standing{}
	for _, host := range g.workers {
		if nodes[host] == nil {
			return nil, fmt.Errorf("node %s is not ready", host)
		}
		view, _ := g.lab.MAAS().MachineByHostname(host)
		identity, ok := g.storage.Sim.Identity(host)
		if !ok {
			return nil, fmt.Errorf("portworx does not run on %s", host)
		}
		all[host] = standing{
			providerID: nodes[host].Spec.ProviderID, identity: identity.ID + " " + strings.Join(identity.Pools, ","), deploys: view.Deploys,
		}
	}
	return all, nil
}

// upgradeGated asks for the new version of everything at once.
func (g *gateStory) upgradeGated(ctx context.Context) error {
	if err := g.lab.UpgradeControlPlane(ctx, g.cluster, KubernetesVersion); err != nil {
		return err
	}
	for _, c := range classes {
		if err := g.lab.UpgradeWorkers(ctx, g.cluster, c.Name, KubernetesVersion); err != nil {
			return err
		}
	}
	a := newAuditor(g)
	stop := a.start(ctx)
	mishaps := &mishaps{gateStory: g}
	err := WaitFor(ctx, "the upgrade to be over", 10*time.Minute, func(ctx context.Context) error {
		if err := mishaps.next(ctx); err != nil {
			return err
		}
		return g.upgraded(ctx)
	})
	stop()
	g.t.Log(a.summary())
	if err != nil {
		return err
	}
	for _, wrong := range a.wrong {
		g.t.Errorf("a wrong hold: %s", wrong)
	}
	if mishaps.victim == "" || !mishaps.killed {
		g.t.Errorf("want a worker to die and the manager to be killed in the middle, got %q and %t", mishaps.victim, mishaps.killed)
	}
	for _, loss := range append(g.storage.Sim.Losses(), g.storage.Sim.Outages()...) {
		g.t.Errorf("volume %s: %s", loss.Volume, loss.Why)
	}
	for _, gone := range g.storage.Sim.Interruptions() {
		if !strings.HasPrefix(gone.Why, mishaps.victim+" ") {
			g.t.Errorf("volume %s is served to others, and %s", gone.Volume, gone.Why)
		}
	}
	if err := g.remediated(ctx, mishaps.victim); err != nil {
		return err
	}
	return g.sameAsBefore(ctx)
}

// remediated checks that the dead worker was let go for that, and that nobody had to ask.
func (g *gateStory) remediated(ctx context.Context, victim string) error {
	repaves, err := g.repaves(ctx)
	if err != nil {
		return err
	}
	for i := range repaves {
		if r := &repaves[i].Spec; r.NodeName == victim && r.AdmittedReason != string(repave.DeadNode) {
			g.t.Errorf("%s died and was let go for %s, want %s", victim, r.AdmittedReason, repave.DeadNode)
		}
	}
	return nil
}

// upgraded tells what is missing.
func (g *gateStory) upgraded(ctx context.Context) error {
	for _, c := range classes {
		md := &clusterv1.MachineDeployment{}
		if err := g.client.Get(ctx, client.ObjectKey{Namespace: g.cluster.Namespace, Name: g.cluster.Name + "-" + c.Name}, md); err != nil {
			return err
		}
		for what, n := range map[string]*int32{
			"replicas": md.Status.Replicas, "up-to-date": md.Status.UpToDateReplicas, "available": md.Status.AvailableReplicas,
		} {
			if n == nil || int(*n) != c.Replicas {
				return fmt.Errorf("class %s has not %d %s machines", c.Name, c.Replicas, what)
			}
		}
	}
	repaves, err := g.repaves(ctx)
	if err != nil {
		return err
	}
	if want := 3 + len(g.workers); len(repaves) != want {
		return fmt.Errorf("there were %d repaves, want %d", len(repaves), want)
	}
	for i := range repaves {
		if r := &repaves[i]; r.Spec.Outcome == "" {
			return fmt.Errorf("the repave of %s is open: %s", r.Spec.NodeName, r.Status.Step)
		}
	}
	return nil
}

// sameAsBefore compares the workers with what they were: the same server installed once more, and the same to Portworx where its disks were kept.
func (g *gateStory) sameAsBefore(ctx context.Context) error {
	after, err := g.standings(ctx)
	if err != nil {
		return err
	}
	for _, host := range g.workers {
		want, got := g.before[host], after[host]
		want.deploys++
		if strings.HasPrefix(host, "wiped-") {
			if got.identity == want.identity {
				g.t.Errorf("%s was wiped and is the same to Portworx: what lies on its disks is not what MAAS wipes", host)
			}
			want.identity = got.identity
		}
		if got != want {
			g.t.Errorf("%s came back as %+v, want %+v", host, got, want)
		}
	}
	if !g.storage.Sim.Whole() {
		g.t.Error("all repaves are closed and Portworx is not whole")
	}
	return g.waitNodes(ctx, KubernetesVersion, append([]string{"cp-1", "cp-2", "cp-3"}, g.workers...)...)
}

// upgradeUngated is the same upgrade of the workers with the gate off: both servers of the wiped class go at once, and others with copies of the same
// volumes.
func (g *gateStory) upgradeUngated(ctx context.Context) error {
	off := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"storage":{"type":"None"}}}`))
	if err := g.lab.Client().Patch(ctx, Gate(g.cluster, 4, 1), off); err != nil {
		return err
	}
	for _, c := range classes {
		if err := g.lab.UpgradeWorkers(ctx, g.cluster, c.Name, KubernetesVersion); err != nil {
			return err
		}
	}
	err := WaitFor(ctx, "volumes to be lost, and others to be out of reach", 3*time.Minute, func(context.Context) error {
		if lost, out := len(g.storage.Sim.Losses()), len(g.storage.Sim.Outages()); lost == 0 || out == 0 {
			return fmt.Errorf("%d are lost, %d out of reach", lost, out)
		}
		return nil
	})
	for _, loss := range g.storage.Sim.Losses() {
		g.t.Logf("lost: %s, for %s", loss.Volume, loss.Why)
	}
	g.t.Logf("%d times a volume was out of reach", len(g.storage.Sim.Outages()))
	return err
}
