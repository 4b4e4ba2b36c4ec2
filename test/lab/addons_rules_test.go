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
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// rules: what would uninstall by a slip of the hand is refused with the way out, and what does no harm passes.
func (a *addonStory) rules(ctx context.Context) error {
	const allow = `"metadata":{"annotations":{"addons.infrastructure.cluster.x-k8s.io/allow-reinstall":"true"}}`
	foreign := a.proxy("foreign")
	foreign.SetLabels(nil)
	set(foreign, map[string]any{"matchLabels": map[string]any{"nobody": "has-it"}}, "spec", "clusterSelector")
	set(foreign, "x", "spec", "chartName")
	set(foreign, a.charts.URL(), "spec", "repoURL")
	if err := a.lab.Client().Create(ctx, foreign); err != nil {
		return err
	}
	for _, test := range []struct{ addon, patch, refusal string }{
		{"cilium", `{"spec":{"repoURL":"https://mirror.example/charts"}}`, "allow-reinstall"},
		{"cilium", `{"spec":{"chartName":"cilium-renamed"}}`, "allow-reinstall"},
		{"cilium", `{"spec":{"releaseName":"renamed"}}`, "allow-reinstall"},
		{"cilium", `{"spec":{"releaseName":null}}`, "allow-reinstall"},
		{"cilium", `{"spec":{"namespace":"elsewhere"}}`, "allow-reinstall"},
		{"cilium", `{"spec":{"clusterSelector":{"matchLabels":{"another":"label"}}}}`, "change its label on the Cluster"},
		// The label cannot be taken away first, nor with it.
		{"cilium", `{"metadata":{"labels":null},"spec":{"chartName":"cilium-renamed"}}`, "allow-reinstall"},
		{"cilium", `{` + allow + `,"spec":{"repoURL":"https://mirror.example/charts"}}`, ""},
		{"cilium", `{"spec":{"version":"1.19.7","valuesTemplate":"a: b"}}`, ""},
		{"foreign", `{"spec":{"chartName":"y"}}`, ""},
	} {
		err := a.lab.Client().Patch(ctx, a.proxy(test.addon), client.RawPatch("application/merge-patch+json", []byte(test.patch)), client.DryRunAll)
		if err := expectRefusal(err, test.refusal); err != nil {
			return fmt.Errorf("%s %s: %w", test.addon, test.patch, err)
		}
	}
	for _, test := range []struct {
		length  int
		labels  map[string]string
		refusal string
	}{
		{33, map[string]string{addonLabels + "set": "x"}, ""},
		{34, map[string]string{addonLabels + "set": "x"}, "at most 33 characters, and this has 34"},
		{34, map[string]string{"other": "x"}, ""},
		{34, nil, ""},
	} {
		cluster := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
			"infrastructureRef": map[string]any{"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "MaasCluster", "name": "x"},
		}}}
		cluster.SetGroupVersionKind(clusterKind)
		cluster.SetNamespace(a.cluster.Namespace)
		cluster.SetName(strings.Repeat("c", test.length))
		cluster.SetLabels(test.labels)
		if err := expectRefusal(a.lab.Client().Create(ctx, cluster, client.DryRunAll), test.refusal); err != nil {
			return fmt.Errorf("a Cluster name of %d characters with labels %v: %w", test.length, test.labels, err)
		}
	}
	return a.lab.Client().Delete(ctx, foreign)
}

func (a *addonStory) proxy(addon string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(chartProxies)
	u.SetNamespace(a.cluster.Namespace)
	u.SetName(a.cluster.Name + "-" + addon)
	return u
}

// expectRefusal compares the outcome of a request with what is wanted: with "" it passes.
func expectRefusal(err error, want string) error {
	switch {
	case err == nil && want == "":
		return nil
	case err == nil:
		return fmt.Errorf("passed, and should be refused with %q", want)
	case want == "" || !strings.Contains(err.Error(), want):
		return fmt.Errorf("refused, want %q: %w", want, err)
	}
	return nil
}
