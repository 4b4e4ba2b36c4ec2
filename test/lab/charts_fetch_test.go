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
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestAddonSources: without a repository for all, charts come from where their projects keep them.
func TestAddonSources(t *testing.T) {
	want := []string{
		"https://helm.cilium.io/", "https://kubernetes-sigs.github.io/descheduler/", "https://kubernetes.github.io/ingress-nginx", "https://metallb.github.io/metallb",
		"https://piraeus.io/helm-charts/", "https://prometheus-community.github.io/helm-charts", "https://raw.githubusercontent.com/portworx/helm/master/stable",
		"oci://ghcr.io/capmaas/charts",
	}
	for _, profile := range []string{"current", "reference"} {
		set, err := RenderAddons(ClusterSpec{Namespace: "default", Name: "demo"}, profile, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range set {
			source, _, _ := unstructured.NestedString(o.Object, "spec", "repoURL")
			got = append(got, source)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("profile %s takes charts from %v, want %v", profile, got, want)
		}
		all, err := RenderAddons(ClusterSpec{Namespace: "default", Name: "demo"}, profile, "http://one.example")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			if source, _, _ := unstructured.NestedString(o.Object, "spec", "repoURL"); source != "http://one.example" {
				t.Errorf("profile %s: %s comes from %s", profile, o.GetName(), source)
			}
		}
		if labels := AddonLabels(set); labels[addonLabels+"set"] != "demo" || labels[addonLabels+"kubevirt"] != "enabled" || len(labels) < 12 {
			t.Errorf("labels %v", labels)
		}
	}
}

// chartProxyOf declares one chart.
func chartProxyOf(repository, name, version string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	for field, value := range map[string]string{"repoURL": repository, "chartName": name, "version": version} {
		set(o, value, "spec", field)
	}
	return o
}

func TestFetchCharts(t *testing.T) {
	r := &ChartRepository{}
	server := httptest.NewServer(r)
	defer server.Close()
	r.url = server.URL
	if err := r.Add(Chart{Name: "one", Version: "1.0.0"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Add(Chart{Name: "two", Version: "v2.0.0"}); err != nil {
		t.Fatal(err)
	}
	wanted := []*unstructured.Unstructured{
		chartProxyOf(server.URL+"/", "one", "1.0.0"), chartProxyOf(server.URL, "two", "2.0.0"), chartProxyOf("oci://ghcr.io/capmaas/charts", "ours", "0.1.0"),
	}
	dir := filepath.Join(t.TempDir(), "charts")
	lines := 0
	say := func(string, ...any) { lines++ }
	if err := FetchCharts(t.Context(), dir, wanted, say); err != nil {
		t.Fatal(err)
	}
	if lines != 2 {
		t.Errorf("%d charts were fetched, want 2", lines)
	}
	// What is there is not fetched again.
	r.SetDown(true)
	if err := FetchCharts(t.Context(), dir, wanted, say); err != nil || lines != 2 {
		t.Errorf("fetched again: %v", err)
	}
	served := &ChartRepository{}
	if err := served.AddArchives(dir, wanted[:2]); err != nil || !served.has("one", "1.0.0") {
		t.Errorf("serving what was fetched: %v", err)
	}
	if err := served.AddArchives(dir, wanted); err == nil {
		t.Error("a chart that was not fetched is served")
	}
}

func TestFetchChartsRefuses(t *testing.T) {
	index := "entries:\n  one:\n  - {version: 1.0.0, digest: abc, urls: [one.tgz]}\n  two:\n  - {version: 1.0.0, urls: [one.tgz]}\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/index.yaml":
			_, _ = w.Write([]byte(index))
		case "/one.tgz":
			_, _ = w.Write([]byte("not what it was"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for name, test := range map[string]struct {
		chart *unstructured.Unstructured
		want  string
	}{
		"another digest":  {chartProxyOf(server.URL, "one", "1.0.0"), "in the index"},
		"no digest":       {chartProxyOf(server.URL, "two", "1.0.0"), "in the index"},
		"no such version": {chartProxyOf(server.URL, "one", "2.0.0"), "has none"},
		"no repository":   {chartProxyOf(server.URL+"/elsewhere", "one", "1.0.0"), "404"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			err := FetchCharts(context.Background(), dir, []*unstructured.Unstructured{test.chart}, t.Logf)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if files, _ := os.ReadDir(dir); len(files) != 0 {
				t.Errorf("it left %s behind", files[0].Name())
			}
		})
	}
}
