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
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var (
	chartProxies   = schema.GroupVersionKind{Group: "addons.cluster.x-k8s.io", Version: "v1alpha1", Kind: "HelmChartProxy"}
	releaseProxies = schema.GroupVersionKind{Group: "addons.cluster.x-k8s.io", Version: "v1alpha1", Kind: "HelmReleaseProxyList"}
	maasClusters   = schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2", Kind: "MaasCluster"}
	kubeVirts      = schema.GroupVersionKind{Group: "kubevirt.io", Version: "v1", Kind: "KubeVirt"}
)

// TestAddons is one story: the addon provider installs the reference's addons, brings them to the current ones although it is killed, tells of a repository that
// is down and of a chart that is not there, removes what is no longer asked for, and leaves the rest alone when the cluster moves. Charts of other projects are stand-ins.
func TestAddons(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	ctx := t.Context()
	l, err := Start(ctx, Config{Artifacts: artifacts(t), Providers: WithAddons(FullProviders()), Logger: testLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	if _, err := l.AddRack(1, 2); err != nil {
		t.Fatal(err)
	}
	charts, err := l.ServeCharts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a := &addonStory{story: story{t: t, lab: l, cluster: ClusterSpec{Namespace: "default", Name: "one", Workers: 2}}, charts: charts}
	if err := a.fillRepository(); err != nil {
		t.Fatal(err)
	}
	a.step("Install", a.install)
	a.step("Secret", a.secret)
	a.step("Rules", a.rules)
	a.step("UpgradeWhileTheProviderIsKilled", a.upgrade)
	a.step("RepositoryDown", a.repositoryDown)
	a.step("ChartThatIsNotThere", a.missingChart)
	a.step("Remove", a.remove)
	a.step("Replace", a.replace)
	a.step("Move", a.move)
}

type addonStory struct {
	story
	charts *ChartRepository
}

func (a *addonStory) set(profile string) ([]*unstructured.Unstructured, error) {
	return RenderAddons(a.cluster, profile, a.charts.URL())
}

// fillRepository adds our own charts, and a stand-in for every other.
func (a *addonStory) fillRepository() error {
	if err := a.charts.AddOwn(); err != nil {
		return err
	}
	facts := chartFacts(a.t)
	for _, profile := range []string{"reference", "current"} {
		objects, err := a.set(profile)
		if err != nil {
			return err
		}
		if err := a.charts.AddStandIns(objects, facts); err != nil {
			return err
		}
	}
	return nil
}

// chartFacts is a folder with the real charts' default values and schemas: ADDON_CHARTS_DIR, or shared/charts beside this repository.
func chartFacts(t *testing.T) string {
	if dir := os.Getenv("ADDON_CHARTS_DIR"); dir != "" {
		return dir
	}
	dir := filepath.Join(Repository(), "..", "shared", "charts")
	if _, err := os.Stat(dir); err != nil {
		t.Logf("The stand-ins have no schemas and take any values: ADDON_CHARTS_DIR is not set, and there is no %s", dir)
		return ""
	}
	return dir
}

func (a *addonStory) install(ctx context.Context) error {
	if err := a.lab.CreateCluster(ctx, a.cluster); err != nil {
		return err
	}
	if err := a.labelCluster(ctx, map[string]any{"set": a.cluster.Name}, "cilium", "multus", "vm-networks", "metallb", "ingress-nginx", "snapshot-controller", "portworx",
		"kube-prometheus-stack", "dashboards", "kubevirt", "cdi", "descheduler"); err != nil {
		return err
	}
	if err := a.apply(ctx, "reference"); err != nil {
		return err
	}
	err := WaitFor(ctx, "the workload cluster", patience, func(ctx context.Context) error {
		_, err := a.lab.WorkloadClient(ctx, a.cluster.Key())
		return err
	})
	if err != nil {
		return err
	}
	// What operators define when they run: here only their pods' records do.
	return a.waitSet(ctx, "reference", func(ctx context.Context, c client.Client) error {
		return DefineForOperators(ctx, c)
	})
}

func (a *addonStory) upgrade(ctx context.Context) error {
	c, err := a.lab.WorkloadClient(ctx, a.cluster.Key())
	if err != nil {
		return err
	}
	before, err := kubeVirtOf(ctx, c)
	if err != nil {
		return err
	}
	if err := a.apply(ctx, "current"); err != nil {
		return err
	}
	err = WaitFor(ctx, "the upgrade to begin", patience, func(ctx context.Context) error {
		got, err := a.releases(ctx)
		if err != nil {
			return err
		}
		if got["cilium"].version != "1.19.6" {
			return fmt.Errorf("Cilium is %s", got["cilium"].version)
		}
		return nil
	})
	if err != nil {
		return err
	}
	m := a.lab.Manager(AddonProvider)
	m.Kill()
	if err := m.Restart(ctx); err != nil {
		return err
	}
	if err := a.waitSet(ctx, "current", nil); err != nil {
		return err
	}
	// Its values change and its version does not: nothing but the object itself tells when they are there.
	return WaitFor(ctx, "the new settings of KubeVirt", patience, func(ctx context.Context) error {
		after, err := kubeVirtOf(ctx, c)
		if err != nil {
			return err
		}
		if before.GetUID() != after.GetUID() {
			return fmt.Errorf("KubeVirt was removed and made again")
		}
		if strategy, _, _ := unstructured.NestedString(after.Object, "spec", "configuration", "vmRolloutStrategy"); strategy != "LiveUpdate" {
			return fmt.Errorf("KubeVirt has vmRolloutStrategy %q", strategy)
		}
		return nil
	})
}

func kubeVirtOf(ctx context.Context, c client.Client) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kubeVirts)
	return u, c.Get(ctx, client.ObjectKey{Namespace: "kubevirt", Name: "kubevirt"}, u)
}

// repositoryDown: an upgrade that cannot get its chart is told of by name, and goes on when the repository is back.
func (a *addonStory) repositoryDown(ctx context.Context) error {
	a.charts.SetDown(true)
	defer a.charts.SetDown(false)
	if err := a.patchProxy(ctx, "descheduler", `{"spec":{"version":"0.27.1"}}`); err != nil {
		return err
	}
	if err := a.waitCondition(ctx, "False", "AddonsFailing", "one-descheduler: "); err != nil {
		return err
	}
	a.charts.SetDown(false)
	if err := a.patchProxy(ctx, "descheduler", `{"spec":{"version":"0.35.1"}}`); err != nil {
		return err
	}
	return a.waitSet(ctx, "current", nil)
}

func (a *addonStory) missingChart(ctx context.Context) error {
	if err := a.patchProxy(ctx, "descheduler", `{"spec":{"version":"9.9.9"}}`); err != nil {
		return err
	}
	if err := a.waitCondition(ctx, "False", "AddonsFailing", "9.9.9"); err != nil {
		return err
	}
	if err := a.patchProxy(ctx, "descheduler", `{"spec":{"version":"0.35.1"}}`); err != nil {
		return err
	}
	return a.waitSet(ctx, "current", nil)
}

// remove: labels that go take their releases along and nothing else; KubeVirt stays although its operator goes.
func (a *addonStory) remove(ctx context.Context) error {
	if err := a.labelCluster(ctx, map[string]any{"descheduler": nil, "kubevirt": nil}); err != nil {
		return err
	}
	gone := []string{"descheduler", "kubevirt", "kubevirt-objects"}
	err := WaitFor(ctx, "the releases to be gone", patience, func(ctx context.Context) error {
		got, err := a.releases(ctx)
		if err != nil {
			return err
		}
		for _, name := range gone {
			if _, there := got[name]; there {
				return fmt.Errorf("%s is still there", name)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c, err := a.lab.WorkloadClient(ctx, a.cluster.Key())
	if err != nil {
		return err
	}
	if _, err := kubeVirtOf(ctx, c); err != nil {
		return fmt.Errorf("KubeVirt went with its release: %w", err)
	}
	return a.waitSet(ctx, "current", nil, gone...)
}

func (a *addonStory) apply(ctx context.Context, profile string) error {
	objects, err := a.set(profile)
	if err != nil {
		return err
	}
	return applyAll(ctx, a.lab.Client(), objects)
}

// labelCluster gives the Cluster labels: values by name, and enabled ones. A value of nil takes the label away.
func (a *addonStory) labelCluster(ctx context.Context, values map[string]any, enabled ...string) error {
	labels := map[string]any{}
	for name, value := range values {
		labels[addonLabels+name] = value
	}
	for _, name := range enabled {
		labels[addonLabels+name] = "enabled"
	}
	raw, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": labels}})
	if err != nil {
		return err
	}
	cluster := &unstructured.Unstructured{}
	cluster.SetGroupVersionKind(clusterKind)
	cluster.SetNamespace(a.cluster.Namespace)
	cluster.SetName(a.cluster.Name)
	return a.lab.Client().Patch(ctx, cluster, client.RawPatch("application/merge-patch+json", raw))
}

func (a *addonStory) patchProxy(ctx context.Context, addon, patch string) error {
	return a.lab.Client().Patch(ctx, a.proxy(addon), client.RawPatch("application/merge-patch+json", []byte(patch)))
}

type release struct{ version, status string }

// releases are those that the addon provider keeps, by the name of the addon.
func (a *addonStory) releases(ctx context.Context) (map[string]release, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(releaseProxies)
	if err := a.lab.Client().List(ctx, list, client.InNamespace(a.cluster.Namespace)); err != nil {
		return nil, err
	}
	all := map[string]release{}
	for _, u := range list.Items {
		name := u.GetLabels()["helmreleaseproxy.addons.cluster.x-k8s.io/helmchartproxy-name"]
		var r release
		r.version, _, _ = unstructured.NestedString(u.Object, "spec", "version")
		r.status, _, _ = unstructured.NestedString(u.Object, "status", "status")
		all[strings.TrimPrefix(name, a.cluster.Name+"-")] = r
	}
	return all, nil
}

// waitSet waits until every addon of a profile is installed in its version, and MaasCluster says so. meanwhile is what happens in the workload cluster.
func (a *addonStory) waitSet(ctx context.Context, profile string, meanwhile func(context.Context, client.Client) error, without ...string) error {
	objects, err := a.set(profile)
	if err != nil {
		return err
	}
	want := map[string]release{}
	for _, o := range objects {
		version, _, _ := unstructured.NestedString(o.Object, "spec", "version")
		want[strings.TrimPrefix(o.GetName(), a.cluster.Name+"-")] = release{version, "deployed"}
	}
	for _, name := range without {
		delete(want, name)
	}
	return a.waitReleases(ctx, want, meanwhile)
}

// waitReleases waits until these releases are there and no others, and MaasCluster says so.
func (a *addonStory) waitReleases(ctx context.Context, want map[string]release, meanwhile func(context.Context, client.Client) error) error {
	err := WaitFor(ctx, "the addons", patience, func(ctx context.Context) error {
		if meanwhile != nil {
			c, err := a.lab.WorkloadClient(ctx, a.cluster.Key())
			if err == nil {
				err = meanwhile(ctx, c)
			}
			if err != nil {
				return err
			}
		}
		got, err := a.releases(ctx)
		if err != nil {
			return err
		}
		var bad []string
		for name, w := range want {
			if got[name] != w {
				bad = append(bad, fmt.Sprintf("%s %v", name, got[name]))
			}
		}
		if len(bad) > 0 || len(got) != len(want) {
			slices.Sort(bad)
			return fmt.Errorf("not as wanted: %v; there are %v", bad, slices.Sorted(maps.Keys(got)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.waitCondition(ctx, "True", "AddonsReady", "")
}

// waitCondition waits until MaasCluster says of the addons what it should.
func (a *addonStory) waitCondition(ctx context.Context, status, reason, message string) error {
	return WaitFor(ctx, "AddonsReady of the MaasCluster", patience, func(ctx context.Context) error {
		cluster := &unstructured.Unstructured{}
		cluster.SetGroupVersionKind(clusterKind)
		if err := a.lab.Client().Get(ctx, a.cluster.Key(), cluster); err != nil {
			return err
		}
		name, _, _ := unstructured.NestedString(cluster.Object, "spec", "infrastructureRef", "name")
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(maasClusters)
		if err := a.lab.Client().Get(ctx, client.ObjectKey{Namespace: a.cluster.Namespace, Name: name}, u); err != nil {
			return err
		}
		conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
		for _, item := range conditions {
			c, _ := item.(map[string]any)
			if c["type"] != "AddonsReady" {
				continue
			}
			if c["status"] == status && c["reason"] == reason && strings.Contains(fmt.Sprint(c["message"]), message) {
				return nil
			}
			return fmt.Errorf("%v %v: %v", c["status"], c["reason"], c["message"])
		}
		return fmt.Errorf("there is none")
	})
}
