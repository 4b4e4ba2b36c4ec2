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

package addons_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// architecture is the reference architecture as variables of the class, in one of its layouts.
func architecture(layout, profile string) map[string]any {
	ingress := map[string]string{"current": "Gateway", "reference": "Nginx"}[profile]
	return map[string]any{
		"profile": profile,
		"network": map[string]any{
			"layout":       layout,
			"management":   map[string]any{"vid": int64(10), "cidr": "172.16.0.0/22"},
			"data":         map[string]any{"vid": int64(20), "cidr": "10.20.0.0/16"},
			"vmVLANs":      []any{map[string]any{"first": int64(21), "last": int64(100)}},
			"loadBalancer": map[string]any{"type": "L2", "pools": []any{map[string]any{"name": "default", "addresses": []any{"10.20.40.10-10.20.40.250"}, "autoAssign": true}}},
		},
		"storage": map[string]any{"provider": "Portworx", "portworx": map[string]any{"backend": "FlashArrayFC", "replicas": int64(2), "preferRemoteNodeOnly": true}},
		"ingress": map[string]any{"type": ingress},
		"addons":  map[string]any{},
	}
}

func with(variables map[string]any, name string, change func(map[string]any)) map[string]any {
	change(variables[name].(map[string]any))
	return variables
}

// TestVersions: profile reference has the versions of the reference architecture to the digit.
func TestVersions(t *testing.T) {
	want := map[string]map[string]string{
		"reference": {"cilium": "1.15.3", "metallb": "0.13.12", "ingress-nginx": "4.9.0", "kube-prometheus-stack": "55.8.3", "snapshot-controller": "2.0.3",
			"descheduler": "0.27.1", "portworx": "4.1.1"},
		"current": {"cilium": "1.19.6", "metallb": "0.16.1", "ingress-nginx": "4.15.1", "kube-prometheus-stack": "88.5.3", "snapshot-controller": "5.2.0",
			"snapshot-crds": "5.2.0", "descheduler": "0.35.1", "portworx": "9.1.1"},
	}
	images := map[string]map[string]string{
		"reference": {"multus": "v4.0.2-thick", "kubevirt": "virt-operator:v1.1.1", "cdi": "cdi-operator:v1.58.0", "portworx-objects": "oci-monitor:3.1.1"},
		"current":   {"multus": "v4.3.0-thick", "kubevirt": "virt-operator:v1.8.4", "cdi": "cdi-operator:v1.64.0", "portworx-objects": "oci-monitor:3.6.1"},
	}
	for _, profile := range profiles {
		set := proxies(t, profile)
		for name, p := range set {
			if !ours(p) && p.Spec.Version != want[profile][name] {
				t.Errorf("%s: chart of %s is %s, want %s", profile, name, p.Spec.Version, want[profile][name])
			}
		}
		for name, image := range images[profile] {
			text, err := yaml.Marshal(mustObjects(t, set[name], architecture("FourNIC", profile)))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), image) {
				t.Errorf("%s: %s does not run %s", profile, name, image)
			}
		}
	}
}

// TestNothingUninstalls: what the addon provider knows a release by is the same in both profiles, so that a switch upgrades; nothing follows the newest
// chart; few wait.
func TestNothingUninstalls(t *testing.T) {
	current, reference := proxies(t, "current"), proxies(t, "reference")
	for name, p := range reference {
		now, ok := current[name]
		if !ok {
			t.Errorf("%s would be uninstalled on the way to profile current", name)
			continue
		}
		before := []any{p.Spec.ChartName, p.Spec.RepoURL, p.Spec.ReleaseName, p.Spec.Namespace, p.Spec.ClusterSelector}
		after := []any{now.Spec.ChartName, now.Spec.RepoURL, now.Spec.ReleaseName, now.Spec.Namespace, now.Spec.ClusterSelector}
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%s would be uninstalled: %v in profile reference, %v in current", name, before, after)
		}
	}
	for profile, set := range map[string]map[string]proxy{"current": current, "reference": reference} {
		releases, waiting := map[string]string{}, 0
		for name, p := range set {
			if p.Spec.Version == "" {
				t.Errorf("%s: %s has no version and would follow the newest", profile, name)
			}
			key := p.Spec.Namespace + "/" + p.Spec.ReleaseName
			if other := releases[key]; other != "" {
				t.Errorf("%s: %s and %s are one release", profile, name, other)
			}
			releases[key] = name
			if p.Spec.Options.Wait {
				waiting++
			}
		}
		// The addon provider works on ten releases at a time.
		if waiting >= 10 {
			t.Errorf("%s: %d releases wait, which leaves nobody to install Cilium", profile, waiting)
		}
	}
}

// TestNothingHides: no chart of ours leaves something out because of what it finds in the cluster. The addon provider renders once for each change, so that what
// is left out then stays out; what fails is tried again.
func TestNothingHides(t *testing.T) {
	files, err := filepath.Glob("../../charts/*/templates/*")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files of charts: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"lookup ", ".Capabilities", ".Release.IsInstall", ".Release.IsUpgrade"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s has %s", file, word)
			}
		}
	}
}

// TestEveryClusterRenders: the values of every addon are there for any variables of the class, and our charts take them.
func TestEveryClusterRenders(t *testing.T) {
	for _, profile := range profiles {
		cases := map[string]map[string]any{"no topology": {"profile": profile}}
		for _, layout := range []string{"FourNIC", "TwoNIC", "TwoNICBridgeVLAN"} {
			cases[layout] = architecture(layout, profile)
		}
		for _, provider := range []string{"RookCeph", "Longhorn"} {
			cases[provider] = architecture("FourNIC", profile)
			cases[provider]["storage"] = map[string]any{"provider": provider}
		}
		cases["External"] = architecture("FourNIC", profile)
		cases["External"]["storage"] = map[string]any{"provider": "External", "external": map[string]any{"rwxMode": "Block", "provisioner": "csi-powerstore.dellemc.com"}}
		cases["LocalDisks"] = with(architecture("FourNIC", profile), "storage", func(s map[string]any) {
			s["portworx"] = map[string]any{"backend": "LocalDisks", "drives": []any{"/dev/disk/by-id/a"}}
		})
		for name, variables := range cases {
			for _, p := range proxies(t, profile) {
				values, err := p.values(cluster(variables))
				if err == nil && ours(p) {
					_, err = objects(p, values)
				}
				if err == nil && len(values) == 0 {
					// Helm would keep the values of before.
					err = fmt.Errorf("it has no values")
				}
				if err != nil {
					t.Errorf("%s, %s: %s: %v", profile, name, p.addon(), err)
				}
			}
		}
	}
}

// TestOtherSetIsHeld: a Cluster of one profile with the addon set of the other installs nothing.
func TestOtherSetIsHeld(t *testing.T) {
	for name, p := range proxies(t, "current") {
		if _, err := p.values(cluster(architecture("FourNIC", "reference"))); err == nil || !strings.Contains(err.Error(), "apply addons-reference.yaml") {
			t.Errorf("%s: %v, want a refusal that names the set to apply", name, err)
		}
	}
}

// TestValuesOfTheUser win over ours, false and null among them, and leave the rest.
func TestValuesOfTheUser(t *testing.T) {
	variables := architecture("FourNIC", "current")
	variables["addons"] = map[string]any{"cilium": map[string]any{"values": map[string]any{
		"hubble": map[string]any{"ui": map[string]any{"enabled": false}}, "operator": map[string]any{"replicas": int64(0)}, "devices": nil, "debug": map[string]any{"enabled": true},
	}}}
	values := mustValues(t, proxies(t, "current")["cilium"], variables)
	for path, want := range map[string]any{"hubble.ui.enabled": false, "hubble.relay.enabled": true, "operator.replicas": float64(0), "devices": nil, "debug.enabled": true} {
		if got := at(values, strings.Split(path, ".")...); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

// TestSelection: each addon is installed by its own label, with the objects that belong to it.
func TestSelection(t *testing.T) {
	const group = "addons.infrastructure.cluster.x-k8s.io/"
	alone := []string{"snapshot-crds", "storage-classes"}
	for _, profile := range profiles {
		for name, p := range proxies(t, profile) {
			want := map[string]string{group + "set": "vmo"}
			if name == "storage-profiles" {
				name = "cdi"
			}
			if !slices.Contains(alone, name) {
				want[group+strings.TrimSuffix(name, "-objects")] = "enabled"
			}
			if !reflect.DeepEqual(p.Spec.ClusterSelector.MatchLabels, want) {
				t.Errorf("%s: %s is selected by %v, want %v", profile, name, p.Spec.ClusterSelector.MatchLabels, want)
			}
		}
	}
}

// TestChartsHaveSchemas: each of our charts has a schema, is in a set, and has the version that the set asks for.
func TestChartsHaveSchemas(t *testing.T) {
	charts, err := filepath.Glob(filepath.Join(repository, "charts", "*", "Chart.yaml"))
	if err != nil || len(charts) == 0 {
		t.Fatalf("no charts: %v", err)
	}
	used := map[string]bool{}
	for _, profile := range profiles {
		for _, p := range proxies(t, profile) {
			used[p.Spec.ChartName] = true
			if ours(p) {
				raw, err := os.ReadFile(filepath.Join(repository, "charts", p.Spec.ChartName, "Chart.yaml"))
				if err != nil {
					t.Fatal(err)
				}
				var c struct{ Version string }
				if err := yaml.Unmarshal(raw, &c); err != nil || c.Version != p.Spec.Version {
					t.Errorf("%s installs version %s of %s, which is %s (%v)", p.addon(), p.Spec.Version, p.Spec.ChartName, c.Version, err)
				}
			}
		}
	}
	for _, file := range charts {
		dir := filepath.Dir(file)
		if _, err := os.Stat(filepath.Join(dir, "values.schema.json")); err != nil {
			t.Errorf("%s has no schema: %v", dir, err)
		}
		if !used[filepath.Base(dir)] {
			t.Errorf("%s is in no addon set", dir)
		}
	}
}
