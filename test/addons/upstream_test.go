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
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// envCharts names a folder with what upstream charts have: CHART-VERSION/values.yaml, values.schema.json, crds; shared/charts beside this repository by default. It
// is not in the repository, because it is other projects' work.
const envCharts = "ADDON_CHARTS_DIR"

func chartsDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(envCharts)
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "charts")
		if _, err := os.Stat(dir); err != nil {
			t.Skipf("values and objects are not compared with the real charts: %s is not set, and there is no %s", envCharts, dir)
		}
	}
	return dir
}

// commented are keys that a chart knows and has in its values only as a comment.
var commented = map[string][]string{
	"cilium": {"devices", "kubeProxyReplacement", "socketLB.hostNamespaceOnly"},
	// Settings of the policy and of the command line are the descheduler's, not the chart's.
	"descheduler":           {"deschedulerPolicy", "cmdOptions"},
	"kube-prometheus-stack": {"prometheus.prometheusSpec.storageSpec", "grafana.sidecar"},
}

// TestValuesAreKnown: every value that we set exists in the chart, and fits its schema where it has one.
func TestValuesAreKnown(t *testing.T) {
	dir := chartsDir(t)
	for _, profile := range profiles {
		for name, p := range proxies(t, profile) {
			if ours(p) {
				continue
			}
			folder := filepath.Join(dir, p.Spec.ChartName+"-"+p.Spec.Version)
			raw, err := os.ReadFile(filepath.Join(folder, "values.yaml"))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			defaults := map[string]any{}
			if err := yaml.Unmarshal(raw, &defaults); err != nil {
				t.Fatal(err)
			}
			values := mustValues(t, p, architecture("FourNIC", profile))
			for _, path := range unknown(defaults, values, "") {
				if !slices.ContainsFunc(commented[p.Spec.ChartName], func(known string) bool { return path == known || strings.HasPrefix(path, known+".") }) {
					t.Errorf("%s: %s %s has no value %s", profile, p.Spec.ChartName, p.Spec.Version, path)
				}
			}
			schema, err := os.ReadFile(filepath.Join(folder, "values.schema.json"))
			if os.IsNotExist(err) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := chartutil.ValidateAgainstSingleSchema(chartutil.CoalesceTables(values, defaults), schema); err != nil {
				t.Errorf("%s: %s: %v", profile, name, err)
			}
		}
	}
}

// unknown are the paths of values that defaults have not. A default that is empty takes anything.
func unknown(defaults, values map[string]any, prefix string) []string {
	var paths []string
	for key, value := range values {
		ours, ok := defaults[key]
		inner, isMap := value.(map[string]any)
		theirs, theirsIsMap := ours.(map[string]any)
		switch {
		case !ok:
			paths = append(paths, prefix+key)
		case isMap && theirsIsMap && len(theirs) > 0:
			paths = append(paths, unknown(theirs, inner, prefix+key+".")...)
		}
	}
	return paths
}

// TestObjectsFitDefinitions: our objects fit the definitions that the operators of each profile bring, with no field that would be dropped.
func TestObjectsFitDefinitions(t *testing.T) {
	dir := chartsDir(t)
	sources := map[string][]string{
		"current":   {"cloudymax-kubevirt-0.7.1", "cloudymax-kubevirt-cdi-0.5.0", "portworx-9.1.1", "metallb-0.16.1", "kube-prometheus-stack-88.5.3", "snapshot-controller-2.0.3", "rke2-multus-v4.3.017"},
		"reference": {"suse-kubevirt-0.2.5", "suse-cdi-0.2.4", "portworx-4.1.1", "metallb-0.13.12", "kube-prometheus-stack-55.8.3", "snapshot-controller-2.0.3", "rke2-multus-v4.3.017"},
	}
	for _, profile := range profiles {
		definitions := map[string]*apiextensionsv1.CustomResourceDefinition{}
		for _, source := range sources[profile] {
			readDefinitions(t, filepath.Join(dir, source, "crds"), definitions)
		}
		bgp := with(architecture("FourNIC", profile), "network", func(network map[string]any) {
			network["loadBalancer"] = map[string]any{"type": "BGP", "pools": []any{map[string]any{"name": "default", "addresses": []any{"10.20.40.0/24"}}},
				"peers": []any{map[string]any{"address": "10.20.30.1", "asn": int64(64513), "myASN": int64(64512), "passwordSecret": "bgp"}}}
		})
		checked := map[string]int{}
		for name, p := range proxies(t, profile) {
			if !ours(p) {
				continue
			}
			for _, variables := range []map[string]any{architecture("TwoNIC", profile), bgp} {
				for _, u := range mustObjects(t, p, variables) {
					crd := definitions[u.GroupVersionKind().GroupKind().String()]
					if crd == nil {
						continue
					}
					checked[u.GetKind()]++
					if err := fits(crd, u); err != nil {
						t.Errorf("%s: %s: %s %s: %v", profile, name, u.GetKind(), u.GetName(), err)
					}
				}
			}
		}
		for _, kind := range []string{"KubeVirt", "CDI", "StorageCluster", "IPAddressPool", "L2Advertisement", "BGPAdvertisement", "BGPPeer", "ServiceMonitor",
			"PodMonitor", "VolumeSnapshotClass", "NetworkAttachmentDefinition"} {
			if checked[kind] == 0 {
				t.Errorf("%s: no %s was compared with its definition", profile, kind)
			}
		}
	}
}

func readDefinitions(t *testing.T, dir string, into map[string]*apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no definitions in %s: %v", dir, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split("\n"+string(raw), "\n---") {
			var crd apiextensionsv1.CustomResourceDefinition
			// Some files are templates of a chart with more than a definition in them.
			if err := yaml.Unmarshal([]byte(document), &crd); err == nil && crd.Kind == "CustomResourceDefinition" {
				into[crd.Spec.Names.Kind+"."+crd.Spec.Group] = &crd
			}
		}
	}
}

// fits judges an object as the API server would that refuses unknown fields.
func fits(crd *apiextensionsv1.CustomResourceDefinition, u *unstructured.Unstructured) error {
	for _, version := range crd.Spec.Versions {
		if version.Name != u.GroupVersionKind().Version || version.Schema == nil {
			continue
		}
		var internal apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &internal, nil); err != nil {
			return err
		}
		validator, _, err := validation.NewSchemaValidator(&internal)
		if err != nil {
			return err
		}
		if errs := validation.ValidateCustomResource(nil, u.Object, validator); len(errs) > 0 {
			return errs.ToAggregate()
		}
		structural, err := structuralschema.NewStructural(&internal)
		if err != nil {
			return err
		}
		options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
		if dropped := pruning.PruneWithOptions(u.DeepCopy().Object, structural, true, options); len(dropped) > 0 {
			return fmt.Errorf("would be dropped: %v", dropped)
		}
		return nil
	}
	return fmt.Errorf("version %s is not served", u.GroupVersionKind().Version)
}
