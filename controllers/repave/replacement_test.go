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

package repave

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func controlPlane(wanted string, has ...any) *unstructured.Unstructured {
	status := map[string]any{}
	if len(has) == 1 {
		status["version"] = has[0]
	} else if len(has) > 1 {
		entries := make([]any, 0, len(has))
		for _, v := range has {
			entries = append(entries, map[string]any{"version": v})
		}
		status["versions"] = entries
	}
	return &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"version": wanted}, "status": status}}
}

// TestPreflight says what Cluster API would say.
func TestPreflight(t *testing.T) {
	t.Parallel()
	topology := func(version, step string) *clusterv1.Cluster {
		c := &clusterv1.Cluster{Spec: clusterv1.ClusterSpec{Topology: clusterv1.Topology{Version: version, ClassRef: clusterv1.ClusterClassRef{Name: "vmo"}}}}
		if step != "" {
			c.Annotations = map[string]string{clusterv1.ClusterTopologyUpgradeStepAnnotation: step}
		}
		return c
	}
	plain := &clusterv1.Cluster{}
	tests := map[string]struct {
		cp      *unstructured.Unstructured
		cluster *clusterv1.Cluster
		worker  string
		kubeadm bool
		skipped string
		want    string
	}{
		"no control plane object":                     {nil, plain, "v1.33.0", true, "", ""},
		"one without a version":                       {controlPlane(""), plain, "v1.33.0", true, "", ""},
		"all the same":                                {controlPlane("v1.34.0", "v1.34.0"), plain, "v1.34.0", true, "", ""},
		"it upgrades":                                 {controlPlane("v1.34.0", "v1.33.0"), plain, "v1.33.0", true, "", "goes from v1.33.0 to v1.34.0"},
		"it upgrades, in the newer words":             {controlPlane("v1.34.0", "v1.34.0", "v1.33.0"), plain, "v1.33.0", true, "", "goes from v1.33.0"},
		"workers lag by a patch":                      {controlPlane("v1.34.1", "v1.34.1"), plain, "v1.34.0", true, "", ""},
		"workers lag by a minor":                      {controlPlane("v1.34.0", "v1.34.0"), plain, "v1.33.9", true, "", "workers that are made are still to be at v1.33.9"},
		"workers lag by a minor, not kubeadm's":       {controlPlane("v1.34.0", "v1.34.0"), plain, "v1.33.9", false, "", ""},
		"workers lag by a patch in a topology":        {controlPlane("v1.34.1", "v1.34.1"), topology("v1.34.1", ""), "v1.34.0", true, "", "still to be at v1.34.0"},
		"the topology is ahead":                       {controlPlane("v1.34.0", "v1.34.0"), topology("v1.35.0", ""), "v1.34.0", true, "", "the Cluster is to be at v1.35.0"},
		"the topology is ahead and goes step by step": {controlPlane("v1.34.0", "v1.34.0"), topology("v1.35.0", "v1.34.0"), "v1.34.0", true, "", ""},
		"somebody skips all":                          {controlPlane("v1.34.0", "v1.33.0"), plain, "v1.33.0", true, "All", ""},
		"somebody skips one":                          {controlPlane("v1.34.0", "v1.33.0"), plain, "v1.33.0", true, "ControlPlaneIsStable", "still to be at v1.33.0"},
		"somebody skips both":                         {controlPlane("v1.34.0", "v1.33.0"), plain, "v1.33.0", true, "ControlPlaneIsStable, KubeadmVersionSkew", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scope{cluster: tt.cluster, controlPlane: tt.cp}
			if got := s.preflight(tt.worker, tt.kubeadm, tt.skipped); !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestReplacementIsUnblocked has a node away whose replacement the control plane keeps from being made: the checks are lifted, and put back afterwards.
func TestReplacementIsUnblocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	set := &clusterv1.MachineSet{ObjectMeta: objectMeta("ms"), Spec: clusterv1.MachineSetSpec{ClusterName: "c", Replicas: ptr.To(int32(2))}}
	set.Labels[clusterv1.MachineDeploymentNameLabel] = "md"
	set.Spec.Template.Spec.Version = "v1.33.0"
	w.create(set)
	open := &infrav1.Repave{ObjectMeta: objectMeta("m-old"), Spec: infrav1.RepaveSpec{GateName: "gate", ClusterName: "c", MachineName: "m-old", NodeName: "w9",
		Purpose: infrav1.RepaveReplacement, ConfirmedTime: metav1.NewTime(w.clock.Now())}}
	open.Labels[clusterv1.MachineDeploymentNameLabel] = "md"
	s := &scope{gate: w.gate(), cluster: &clusterv1.Cluster{ObjectMeta: objectMeta("c")}, repaves: []*infrav1.Repave{open}, controlPlane: controlPlane("v1.34.0", "v1.33.0")}
	unblock := func(wantSkip string, wantOurs bool, when string) {
		t.Helper()
		if err := w.r.unblockReplacements(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		w.Get1(set)
		_, ours := set.Annotations[infrav1.RepaveSkipsPreflightAnnotation]
		if got := set.Annotations[clusterv1.MachineSetSkipPreflightChecksAnnotation]; got != wantSkip || ours != wantOurs {
			t.Errorf("%s: skipped checks %q, ours %t; want %q, %t", when, got, ours, wantSkip, wantOurs)
		}
	}
	unblock(skippedChecks, true, "while the control plane moves")
	unblock(skippedChecks, true, "at the next look")
	s.controlPlane = controlPlane("v1.33.0", "v1.33.0")
	unblock("", false, "when it moves no longer")
	s.controlPlane = controlPlane("v1.34.0", "v1.33.0")
	open.Spec.Outcome = infrav1.RepaveWhole
	unblock("", false, "when no node is away")
	open.Spec.Outcome = ""
	set.Annotations = map[string]string{clusterv1.MachineSetSkipPreflightChecksAnnotation: "KubeadmVersionSkew"}
	if err := w.Update(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	unblock("KubeadmVersionSkew", false, "when somebody else skips checks")
}
