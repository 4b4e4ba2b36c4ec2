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

package maascluster

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

const addonOfTest = "addons.infrastructure.cluster.x-k8s.io/cilium"

// chartProxy declares version of an addon; conditions are type, status, reason, message.
func chartProxy(version string, conditions ...[4]string) unstructured.Unstructured {
	if len(conditions) == 0 {
		conditions = [][4]string{{"HelmReleaseProxySpecsUpToDate", "True", "UpToDate", ""}}
	}
	u := proxyObject("vmo-cilium", version, conditions)
	_ = unstructured.SetNestedStringMap(u.Object, map[string]string{addonOfTest: "enabled"}, "spec", "clusterSelector", "matchLabels")
	return u
}

func releaseProxy(version string, conditions ...[4]string) unstructured.Unstructured {
	u := proxyObject("cilium-vmo-x", version, conditions)
	u.SetLabels(map[string]string{chartProxyLabel: "vmo-cilium"})
	return u
}

func proxyObject(name, version string, conditions [][4]string) unstructured.Unstructured {
	u := unstructured.Unstructured{Object: map[string]any{}}
	u.SetName(name)
	u.SetGeneration(1)
	_ = unstructured.SetNestedField(u.Object, version, "spec", "version")
	var list []any
	for _, c := range conditions {
		list = append(list, map[string]any{"type": c[0], "status": c[1], "reason": c[2], "message": c[3], "observedGeneration": int64(1)})
	}
	_ = unstructured.SetNestedSlice(u.Object, list, "status", "conditions")
	return u
}

func TestAddonsCondition(t *testing.T) {
	good, bad := [4]string{"HelmReleaseReady", "True", "Ready", ""}, [4]string{"HelmReleaseReady", "False", "HelmInstallOrUpgradeFailed", "no\n such   chart"}
	gone := releaseProxy("1", good)
	gone.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)})
	stale := releaseProxy("1", good)
	stale.SetGeneration(2)
	changed := chartProxy("1")
	changed.SetGeneration(2)
	silent := chartProxy("1")
	unstructured.RemoveNestedField(silent.Object, "status", "conditions")
	type objects = []unstructured.Unstructured
	selected, unselected := map[string]string{addonOfTest: "enabled"}, map[string]string{addonOfTest: "disabled"}
	for name, test := range map[string]struct {
		charts, releases objects
		labels           map[string]string
		reason, message  string
	}{
		"no set":                       {nil, nil, selected, infrav1.AddonSetMissingReason, "apply the addon set"},
		"installed":                    {objects{chartProxy("1")}, objects{releaseProxy("1", good)}, selected, infrav1.AddonsReadyReason, "1 addons"},
		"not begun":                    {objects{chartProxy("1")}, nil, selected, infrav1.AddonsInstallingReason, "1 of 1 addons are not ready: vmo-cilium"},
		"nothing said yet":             {objects{chartProxy("1")}, objects{releaseProxy("1")}, selected, infrav1.AddonsInstallingReason, "vmo-cilium"},
		"upgrade not begun":            {objects{chartProxy("2")}, objects{releaseProxy("1", good)}, selected, infrav1.AddonsInstallingReason, "vmo-cilium"},
		"word of an older generation":  {objects{chartProxy("1")}, objects{stale}, selected, infrav1.AddonsInstallingReason, "vmo-cilium"},
		"new values not taken up":      {objects{changed}, objects{releaseProxy("1", good)}, selected, infrav1.AddonsInstallingReason, "vmo-cilium"},
		"declaration not looked at":    {objects{silent}, objects{releaseProxy("1", good)}, selected, infrav1.AddonsInstallingReason, "vmo-cilium"},
		"failing":                      {objects{chartProxy("1")}, objects{releaseProxy("1", bad)}, selected, infrav1.AddonsFailingReason, "vmo-cilium: HelmInstallOrUpgradeFailed: no such chart"},
		"values cannot be made":        {objects{chartProxy("1", [4]string{"HelmReleaseProxySpecsUpToDate", "False", "ValueParsingFailed", "apply addons-reference.yaml"})}, nil, selected, infrav1.AddonsFailingReason, "ValueParsingFailed: apply addons-reference.yaml"},
		"new values cannot be made":    {objects{chartProxy("1", [4]string{"HelmReleaseProxySpecsUpToDate", "False", "ValueParsingFailed", "x"})}, objects{releaseProxy("1", good)}, selected, infrav1.AddonsFailingReason, "vmo-cilium: ValueParsingFailed: x"},
		"not asked for":                {objects{chartProxy("1")}, nil, unselected, infrav1.AddonsReadyReason, "0 addons"},
		"being uninstalled":            {objects{chartProxy("1")}, objects{gone}, unselected, infrav1.AddonsInstallingReason, "vmo-cilium: Uninstalling"},
		"being uninstalled by mistake": {objects{chartProxy("1")}, objects{gone}, selected, infrav1.AddonsInstallingReason, "vmo-cilium"},
	} {
		t.Run(name, func(t *testing.T) {
			c := addonsCondition(&addons{declared: len(test.charts), states: addonStates(test.charts, test.releases, test.labels)})
			if c.Reason != test.reason || !strings.Contains(c.Message, test.message) {
				t.Errorf("%s: %q, want %s with %q", c.Reason, c.Message, test.reason, test.message)
			}
			if (c.Status == metav1.ConditionTrue) != (test.reason == infrav1.AddonsReadyReason) {
				t.Errorf("status %s with reason %s", c.Status, c.Reason)
			}
		})
	}
	if c := addonsCondition(&addons{absent: true}); c.Reason != infrav1.AddonProviderMissingReason {
		t.Errorf("without the addon provider: %s", c.Reason)
	}
}

// TestAddonsConditionIsBounded: twenty long complaints fit into a condition.
func TestAddonsConditionIsBounded(t *testing.T) {
	var states []addonState
	for range 40 {
		long := releaseProxy("1", [4]string{"HelmReleaseReady", "False", "Failed", strings.Repeat("ü", 30000)})
		states = append(states, addonState{name: "x", reason: "Failed", message: trouble(&long)})
	}
	if c := addonsCondition(&addons{declared: 40, states: states}); len(c.Message) > 8192 || !strings.Contains(c.Message, "and 32 more") {
		t.Errorf("%d bytes: %s", len(c.Message), c.Message)
	}
}
