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

// Package addons_test renders the addons as the addon provider would, and checks them against what the charts take.
//
// It is a module of its own: Helm would double what the manager's module depends on.
package addons_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const repository = "../.."

var profiles = []string{"current", "reference"}

// proxy is what matters of a HelmChartProxy.
type proxy struct {
	Metadata struct {
		Name, Namespace string
	}
	Spec struct {
		ClusterSelector struct{ MatchLabels map[string]string }
		ChartName       string
		RepoURL         string
		ReleaseName     string
		Namespace       string
		Version         string
		Options         struct {
			Wait, DisableHooks, TakeOwnership bool
			Timeout                           string
		}
		ValuesTemplate string
	}
}

// addon is the name of the addon in the set.
func (p proxy) addon() string { return strings.TrimPrefix(p.Metadata.Name, "vmo-") }

var variable = regexp.MustCompile(`\$\{(\w+)(?::=([^}]*))?\}`)

// proxies reads a set as clusterctl gives it out for a Cluster named vmo.
func proxies(t *testing.T, profile string) map[string]proxy {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, "templates", "addons-"+profile+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := variable.ReplaceAllStringFunc(string(raw), func(reference string) string {
		m := variable.FindStringSubmatch(reference)
		if value, ok := map[string]string{"CLUSTER_NAME": "vmo", "NAMESPACE": "default"}[m[1]]; ok {
			return value
		}
		return m[2]
	})
	all := map[string]proxy{}
	reader := utilyaml.NewYAMLReader(newBuffer(text))
	for {
		document, err := reader.Read()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var p proxy
		if err := yaml.Unmarshal(document, &p); err != nil {
			t.Fatal(err)
		}
		if p.Metadata.Name != "" {
			all[p.addon()] = p
		}
	}
}

// cluster is a Cluster of the class, as its webhook would have filled in.
func cluster(variables map[string]any) map[string]any {
	var list []any
	for name, value := range variables {
		list = append(list, map[string]any{"name": name, "value": value})
	}
	return map[string]any{
		"metadata": map[string]any{"name": "vmo"},
		"spec": map[string]any{
			"controlPlaneEndpoint": map[string]any{"host": "172.16.3.1", "port": int64(6443)},
			"topology":             map[string]any{"variables": list},
		},
	}
}

// values renders the values of an addon as the addon provider does.
func (p proxy) values(cluster map[string]any) (map[string]any, error) {
	tmpl, err := template.New(p.Metadata.Name).Funcs(sprig.TxtFuncMap()).Parse(p.Spec.ValuesTemplate)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, map[string]any{"Cluster": cluster}); err != nil {
		return nil, fmt.Errorf("filling in: %w", err)
	}
	if strings.Contains(out.String(), "<no value>") {
		return nil, fmt.Errorf("a value is missing: %s", out.String())
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(out.Bytes(), &values); err != nil {
		return nil, fmt.Errorf("reading the values: %w\n%s", err, out.String())
	}
	return values, nil
}

func mustValues(t *testing.T, p proxy, variables map[string]any) map[string]any {
	t.Helper()
	values, err := p.values(cluster(variables))
	if err != nil {
		t.Fatalf("%s: %v", p.addon(), err)
	}
	return values
}

// objects renders one of our charts as Helm would install it.
func objects(p proxy, values map[string]any) ([]*unstructured.Unstructured, error) {
	c, err := loader.Load(filepath.Join(repository, "charts", p.Spec.ChartName))
	if err != nil {
		return nil, fmt.Errorf("loading the chart: %w", err)
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v1.35.0", Major: "1", Minor: "35"}
	render, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: p.Spec.ReleaseName, Namespace: p.Spec.Namespace, IsInstall: true}, capabilities)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	files, err := engine.Render(c, render)
	if err != nil {
		return nil, fmt.Errorf("rendering: %w", err)
	}
	var all []*unstructured.Unstructured
	for name, text := range files {
		reader := utilyaml.NewYAMLReader(newBuffer(text))
		for {
			document, err := reader.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(document, &u.Object); err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", name, err, document)
			}
			if u.GetKind() != "" {
				all = append(all, u)
			}
		}
	}
	return all, nil
}

func mustObjects(t *testing.T, p proxy, variables map[string]any) []*unstructured.Unstructured {
	t.Helper()
	all, err := objects(p, mustValues(t, p, variables))
	if err != nil {
		t.Fatalf("%s: %v", p.addon(), err)
	}
	return all
}

func ours(p proxy) bool { return p.Spec.RepoURL == "oci://ghcr.io/capmaas/charts" }

// at follows a path through maps; nil where there is nothing.
func at(o map[string]any, path ...string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(o, path...)
	return value
}

func find(all []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	for _, u := range all {
		if u.GetKind() == kind && (name == "" || u.GetName() == name) {
			return u
		}
	}
	return &unstructured.Unstructured{Object: map[string]any{}}
}

func newBuffer(text string) *bufio.Reader { return bufio.NewReader(strings.NewReader(text)) }
