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
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const addonLabels = "addons.infrastructure.cluster.x-k8s.io/"

// chartSources are the variables of an addon set that name where charts come from: ours first.
var chartSources = []string{"ADDON_CHARTS", "CILIUM_CHARTS", "METALLB_CHARTS", "INGRESS_NGINX_CHARTS", "PROMETHEUS_COMMUNITY_CHARTS", "DESCHEDULER_CHARTS", "PIRAEUS_CHARTS", "PORTWORX_CHARTS"}

// RenderAddons fills in the addon set of a profile for a cluster. All charts come from one repository; with "" each from its own.
func RenderAddons(s ClusterSpec, profile, repository string) ([]*unstructured.Unstructured, error) {
	raw, err := os.ReadFile(filepath.Join(Repository(), "templates", "addons-"+profile+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the addon set: %w", err)
	}
	variables := map[string]string{"CLUSTER_NAME": s.Name, "NAMESPACE": s.Namespace}
	if repository != "" {
		for _, source := range chartSources {
			variables[source] = repository
		}
	}
	text, err := substitute(string(raw), variables)
	if err != nil {
		return nil, fmt.Errorf("filling in the addon set: %w", err)
	}
	return ParseObjects([]byte(text))
}

// AddonLabels are those of a Cluster that is to have all addons of a set.
func AddonLabels(set []*unstructured.Unstructured) map[string]string {
	labels := map[string]string{}
	for _, o := range set {
		selector, _, _ := unstructured.NestedStringMap(o.Object, "spec", "clusterSelector", "matchLabels")
		for k, v := range selector {
			labels[k] = v
		}
	}
	return labels
}

// AddOwn adds the charts of this tree.
func (r *ChartRepository) AddOwn() error {
	folders, err := filepath.Glob(filepath.Join(Repository(), "charts", "*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err := r.AddFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// AddStandIns adds a stand-in for every chart that a set needs and that is not there. facts is a folder with the real charts' default values and schemas, in
// folders NAME-VERSION, which the stand-ins then have as well; it can be "".
func (r *ChartRepository) AddStandIns(set []*unstructured.Unstructured, facts string) error {
	for _, o := range set {
		name, _, _ := unstructured.NestedString(o.Object, "spec", "chartName")
		version, _, _ := unstructured.NestedString(o.Object, "spec", "version")
		if r.has(name, version) {
			continue
		}
		if err := r.Add(standIn(name, version, facts)); err != nil {
			return err
		}
	}
	return nil
}

func (r *ChartRepository) has(name, version string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.charts, func(c chartArchive) bool { return c.name == name && c.version == version })
}

// DefineForOperators defines in a workload cluster what operators define there when they run: on simulated servers only their pods' records do.
func DefineForOperators(ctx context.Context, c client.Client) error {
	for _, operator := range []string{"portworx at run time", "cdi at run time"} {
		for _, d := range definitions[operator] {
			if err := c.Create(ctx, openDefinition(d)); client.IgnoreAlreadyExists(err) != nil {
				return fmt.Errorf("defining %s: %w", d, err)
			}
		}
	}
	return nil
}

// definitions are those that our charts need of others: of charts, and of operators at run time.
var definitions = map[string][]string{
	"metallb":               {"metallb.io/v1beta1/IPAddressPool", "metallb.io/v1beta1/L2Advertisement", "metallb.io/v1beta1/BGPAdvertisement", "metallb.io/v1beta2/BGPPeer"},
	"kube-prometheus-stack": {"monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PodMonitor"},
	"snapshot-controller":   {"snapshot.storage.k8s.io/v1/VolumeSnapshotClass"},
	"portworx":              {"core.libopenstorage.org/v1/StorageCluster"},
	"portworx at run time":  {"portworx.io/v1beta2/VolumePlacementStrategy"},
	"cdi at run time":       {"cdi.kubevirt.io/v1beta1/StorageProfile"},
}

// standIn is a chart with the name, the version and, where the folder facts has them, the default values and the schema of one of another project. It is a Deployment that stands
// for what the chart would start, and the definitions that others need of it.
func standIn(name, version, facts string) Chart {
	files := map[string]string{"values.yaml": "{}\n", "templates/deployment.yaml": fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s-stand-in, namespace: {{ .Release.Namespace }}, annotations: {stand-in-for: "%[1]s %[2]s"}}
spec:
  replicas: 1
  selector: {matchLabels: {stand-in: {{ .Release.Name }}}}
  template:
    metadata: {labels: {stand-in: {{ .Release.Name }}}}
    spec: {containers: [{name: stand-in, image: "%[1]s:%[2]s"}]}
`, name, version)}
	folder := "crds"
	if name == "metallb" {
		folder = "templates"
	}
	for _, d := range definitions[name] {
		crd, _ := json.Marshal(openDefinition(d).Object)
		text := string(crd)
		if name == "snapshot-controller" && version == "5.2.0" {
			// As the real one: definitions are part of the release, and can be left out.
			folder, text = "templates", "{{ if .Values.installCRDs }}\n"+text+"\n{{ end }}\n"
		}
		files[folder+"/"+filepath.Base(d)+".yaml"] = text
	}
	if name == "snapshot-controller" && version == "5.2.0" {
		files["templates/deployment.yaml"] = "{{ if ne (dig \"enabled\" true (.Values.controller | default dict)) false }}\n" + files["templates/deployment.yaml"] + "{{ end }}\n"
	}
	if facts != "" {
		for _, file := range []string{"values.yaml", "values.schema.json"} {
			if text, err := os.ReadFile(filepath.Join(facts, name+"-"+version, file)); err == nil {
				files[file] = string(text)
			}
		}
	}
	return Chart{Name: name, Version: version, Description: "Stand-in of the lab for " + name, Files: files}
}

// openDefinition is a CustomResourceDefinition that takes anything, of group/version/kind.
func openDefinition(of string) *unstructured.Unstructured {
	parts := strings.Split(of, "/")
	group, version, kind := parts[0], parts[1], parts[2]
	plural := strings.ToLower(kind) + "s"
	switch {
	case strings.HasSuffix(kind, "Class"):
		plural = strings.ToLower(kind) + "es"
	case strings.HasSuffix(kind, "Strategy"):
		plural = strings.TrimSuffix(strings.ToLower(kind), "y") + "ies"
	}
	scope := "Cluster"
	if slices.Contains([]string{"metallb.io", "monitoring.coreos.com", "core.libopenstorage.org"}, group) {
		scope = "Namespaced"
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		// Groups of the Kubernetes project need the word on who approved them.
		"metadata": map[string]any{"name": plural + "." + group, "annotations": map[string]any{"api-approved.kubernetes.io": "unapproved, a stand-in of the lab"}},
		"spec": map[string]any{
			"group": group, "scope": scope,
			"names": map[string]any{"kind": kind, "plural": plural, "singular": strings.ToLower(kind)},
			"versions": []any{map[string]any{"name": version, "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}},
		},
	}}
}
