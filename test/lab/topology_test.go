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
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// flavors of the cluster template that use the class.
func flavors(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Repository(), "templates", "cluster-template-*.yaml"))
	if err != nil || len(paths) < 8 {
		t.Fatalf("flavours %v: %v", paths, err)
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "cluster-template-"), ".yaml")
	}
	return paths
}

// TestTopology tells the story of a Cluster of class vmo on servers with four network interfaces: what Git holds can be applied again without a change, a mistake
// is refused with its reason, the servers come up as the class says, and get the addons that stand beside the Cluster in its template. TestClusterctl has all flavours, and a Cluster on servers as they are in MAAS.
func TestTopology(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	ctx := t.Context()
	l, err := Start(ctx, Config{Artifacts: artifacts(t), Providers: WithAddons(FullProviders()), MAAS: MAASConfig{FourNIC: true}, Logger: testLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	if _, err := l.AddRack(1, 1); err != nil {
		t.Fatal(err)
	}
	if err := l.AddStorageHosts(1); err != nil {
		t.Fatal(err)
	}
	charts, err := l.ServeCharts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"STORAGE_GATE": "None"}
	for _, source := range chartSources {
		variables[source] = charts.URL()
	}
	spec := TopologySpec{Flavor: "four-nic", Storage: 1, Addons: true, ClusterSpec: ClusterSpec{
		Namespace: "default", Name: "vmo", Workers: 1, Variables: variables,
	}}
	s := topologyStory{story: story{t: t, lab: l, cluster: spec.ClusterSpec}, spec: spec}
	a := addonStory{story: s.story, charts: charts}
	if err := a.fillRepository(); err != nil {
		t.Fatal(err)
	}
	s.step("Class", s.class)
	s.step("Refused", s.refused)
	s.step("Create", s.create)
	s.step("Network", s.network)
	s.step("Addons", func(ctx context.Context) error { return s.addons(ctx, &a) })
	s.step("AppliedTwice", s.appliedTwice)
	s.step("Delete", s.remove)
}

type topologyStory struct {
	story
	spec TopologySpec
}

// class applies the class and waits until Cluster API has read its variables.
func (s *topologyStory) class(ctx context.Context) error {
	objects, err := ReadClass(s.spec.Namespace)
	if err != nil {
		return err
	}
	if err := s.lab.Apply(ctx, s.spec.Namespace, objects); err != nil {
		return err
	}
	return s.classReady(ctx, objects[0])
}

func (s *topologyStory) classReady(ctx context.Context, class *unstructured.Unstructured) error {
	return WaitFor(ctx, "the class to be reconciled", patience, func(ctx context.Context) error {
		class := class.DeepCopy()
		if err := s.lab.Client().Get(ctx, client.ObjectKeyFromObject(class), class); err != nil {
			return err
		}
		if !hasCondition(class, "VariablesReady") || !hasCondition(class, "RefVersionsUpToDate") {
			return fmt.Errorf("it is not: %s", conditionsOf(class))
		}
		return nil
	})
}

// refused wants a mistake to be refused when it is made, by the real webhook, with the reason.
func (s *topologyStory) refused(ctx context.Context) error {
	spec := s.spec
	spec.Variables = map[string]string{"MGMT_CIDR": "100.64.0.0/22", "CONTROL_PLANE_ENDPOINT_HOST": "100.64.1.1"}
	objects, err := RenderTopology(spec)
	if err != nil {
		return err
	}
	err = s.lab.Client().Create(ctx, byKind(objects, "Cluster")[0], client.DryRunAll)
	if want := "networks overlap: pods 100.64.0.0/18"; err == nil || !strings.Contains(err.Error(), want) {
		return fmt.Errorf("got %w, want %q", err, want)
	}
	return nil
}

func (s *topologyStory) create(ctx context.Context) error {
	if err := s.lab.CreateTopology(ctx, s.spec); err != nil {
		return err
	}
	return s.available(ctx)
}

func (s *topologyStory) available(ctx context.Context) error {
	if err := s.waitControlPlane(ctx, 1, KubernetesVersion); err != nil {
		return err
	}
	if err := s.waitNodes(ctx, KubernetesVersion, "cp-1", "worker-1", "storage-1"); err != nil {
		return err
	}
	return WaitFor(ctx, "the Cluster to be available", patience, func(ctx context.Context) error {
		cluster := &unstructured.Unstructured{}
		cluster.SetGroupVersionKind(clusterKind)
		if err := s.lab.Client().Get(ctx, s.cluster.Key(), cluster); err != nil {
			return err
		}
		for _, condition := range []string{"TopologyReconciled", "Available"} {
			if !hasCondition(cluster, condition) {
				return fmt.Errorf("it is not: %s", conditionsOf(cluster))
			}
		}
		return s.checkNodes(ctx)
	})
}

// checkNodes wants Nodes to have the address of the management network, the class's label and, for storage, its taint.
func (s *topologyStory) checkNodes(ctx context.Context) error {
	nodes, err := s.lab.ReadyNodes(ctx, s.cluster.Key())
	if err != nil {
		return err
	}
	for name, class := range map[string]string{"worker-1": "vm", "storage-1": "storage"} {
		node := nodes[name]
		if node == nil {
			return fmt.Errorf("node %s is not ready", name)
		}
		if got := node.Labels["node.cluster.x-k8s.io/class"]; got != class {
			return fmt.Errorf("node %s is of class %q, want %q", name, got, class)
		}
		tainted := false
		for _, taint := range node.Spec.Taints {
			tainted = tainted || taint.Key == "node.cluster.x-k8s.io/class"
		}
		if want := class == "storage"; tainted != want {
			return fmt.Errorf("node %s has taints %v", name, node.Spec.Taints)
		}
	}
	return nil
}

// network wants servers to have addresses of the three networks in MAAS, and workers to have been told to let the VLANs of virtual machines through.
func (s *topologyStory) network(context.Context) error {
	for _, name := range []string{"cp-1", "worker-1", "storage-1"} {
		host, _ := s.lab.MAAS().MachineByHostname(name)
		for _, cidr := range []string{"192.168.0.0/22", "172.16.0.0/22", "10.20.0.0/16"} {
			network := netip.MustParsePrefix(cidr)
			if !slices.ContainsFunc(host.IPAddresses, func(a string) bool { return network.Contains(netip.MustParseAddr(a)) }) {
				return fmt.Errorf("%s has no address of %s, it has %v", name, cidr, host.IPAddresses)
			}
		}
		if name == "cp-1" {
			continue // it runs no virtual machines
		}
		for file, want := range map[string]string{
			"etc/vmo/bridge-vlans": "ARGUMENTS=br0 bond_data none 21-100", "run/systemctl.log": "enable --now vmo-bridge-vlans.service",
		} {
			raw, err := os.ReadFile(filepath.Join(s.lab.diskDir(name, "sda"), file))
			if err != nil {
				return err
			}
			if !strings.Contains(string(raw), want) {
				return fmt.Errorf("%s of %s has no %q:\n%s", file, name, want, raw)
			}
		}
	}
	return nil
}

// addons wants every addon to be installed that the Cluster has the labels of, and no other.
func (s *topologyStory) addons(ctx context.Context, a *addonStory) error {
	objects, err := RenderTopology(s.spec)
	if err != nil {
		return err
	}
	labels := byKind(objects, "Cluster")[0].GetLabels()
	want := map[string]release{}
	for _, o := range byKind(objects, "HelmChartProxy") {
		selector, _, _ := unstructured.NestedStringMap(o.Object, "spec", "clusterSelector", "matchLabels")
		selected := true
		for k, v := range selector {
			selected = selected && labels[k] == v
		}
		if version, _, _ := unstructured.NestedString(o.Object, "spec", "version"); selected {
			want[strings.TrimPrefix(o.GetName(), s.cluster.Name+"-")] = release{version, "deployed"}
		}
	}
	if len(want) < 15 {
		return fmt.Errorf("the template wants these addons only: %v", want)
	}
	return a.waitReleases(ctx, want, DefineForOperators)
}

// appliedTwice wants a second server-side apply of everything to change nothing.
func (s *topologyStory) appliedTwice(ctx context.Context) error {
	class, err := ReadClass(s.spec.Namespace)
	if err != nil {
		return err
	}
	objects, err := RenderTopology(s.spec)
	if err != nil {
		return err
	}
	for _, o := range append(class, objects...) {
		before, err := s.applied(ctx, o)
		if err != nil {
			return err
		}
		after, err := s.applied(ctx, o)
		if err != nil {
			return err
		}
		if before.GetGeneration() != after.GetGeneration() {
			return fmt.Errorf("%s %s has generation %d after it was applied once more, %d before", o.GetKind(), o.GetName(), after.GetGeneration(), before.GetGeneration())
		}
	}
	return nil
}

func (s *topologyStory) applied(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if err := applyAll(ctx, s.lab.Client(), []*unstructured.Unstructured{o}); err != nil {
		return nil, err
	}
	live := o.DeepCopy()
	return live, s.lab.Client().Get(ctx, client.ObjectKeyFromObject(o), live)
}
