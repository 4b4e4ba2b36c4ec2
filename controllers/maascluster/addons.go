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
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
)

// The kinds of the addon provider, which need not be installed: they are read without types and past the cache, which would want to watch them.
var addonsVersion = schema.GroupVersion{Group: "addons.cluster.x-k8s.io", Version: "v1alpha1"}

const (
	chartProxyLabel = "helmreleaseproxy.addons.cluster.x-k8s.io/helmchartproxy-name"
	// providerRecheck is how often to look whether the addon provider has been installed: nothing tells.
	providerRecheck = time.Minute
	// problemLength bounds what of Helm's words goes into the condition, and problemCount how many addons are told of.
	problemLength = 200
	problemCount  = 8
)

// addons are what is to be known of the addon set of the Cluster.
type addons struct {
	// absent: the addon provider is not installed.
	absent bool
	// declared is how many HelmChartProxies the set has, and states are those that are installed or to be.
	declared int
	states   []addonState
}

// addonState is one HelmChartProxy that selects the Cluster.
type addonState struct {
	name string
	// ready: it is installed as declared.
	ready bool
	// reason is the provider's own; empty while it has not said anything.
	reason  string
	message string
}

// lookAtAddons reads how far the addon set of the Cluster is. A Cluster without the label of a set costs nothing.
func (r *Reconciler) lookAtAddons(ctx context.Context, s *scope) error {
	if !hasAddonSet(s.cluster) {
		return nil
	}
	set := s.cluster.Labels[infrav1.AddonSetLabel]
	charts, err := r.listAddons(ctx, "HelmChartProxyList", client.InNamespace(s.cluster.Namespace), client.MatchingLabels{infrav1.AddonSetLabel: set})
	if meta.IsNoMatchError(err) {
		s.addons = &addons{absent: true}
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.ensureAddonWatch(); err != nil {
		return err
	}
	releases, err := r.listAddons(ctx, "HelmReleaseProxyList", client.InNamespace(s.cluster.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: s.cluster.Name})
	if err != nil {
		return err
	}
	s.addons = &addons{declared: len(charts), states: addonStates(charts, releases, s.cluster.Labels)}
	return nil
}

func hasAddonSet(cluster *clusterv1.Cluster) bool { return cluster.Labels[infrav1.AddonSetLabel] != "" }

func (r *Reconciler) listAddons(ctx context.Context, kind string, options ...client.ListOption) ([]unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(addonsVersion.WithKind(kind))
	if err := r.APIReader.List(ctx, list, options...); err != nil {
		return nil, fmt.Errorf("listing the addons of the cluster: %w", err)
	}
	return list.Items, nil
}

// addonStates pairs what is declared with what is installed: releases that are on their way out as well, because they hold what comes in their place.
func addonStates(charts, releases []unstructured.Unstructured, clusterLabels map[string]string) []addonState {
	byChart := map[string]*unstructured.Unstructured{}
	for i := range releases {
		byChart[releases[i].GetLabels()[chartProxyLabel]] = &releases[i]
	}
	var states []addonState
	for i := range charts {
		chart := &charts[i]
		release := byChart[chart.GetName()]
		switch {
		case !selects(chart, clusterLabels):
			if release != nil {
				states = append(states, addonState{name: chart.GetName(), reason: "Uninstalling", message: trouble(release)})
			}
		case release == nil:
			// The values of its template cannot be made, most likely.
			states = append(states, addonState{name: chart.GetName(), reason: falseReason(chart), message: trouble(chart)})
		default:
			told := release
			if falseCondition(release) == nil {
				told = chart
			}
			states = append(states, addonState{name: chart.GetName(), ready: installed(chart, release), reason: falseReason(told), message: trouble(told)})
		}
	}
	slices.SortFunc(states, func(a, b addonState) int { return cmp.Compare(a.name, b.name) })
	return states
}

func selects(chart *unstructured.Unstructured, clusterLabels map[string]string) bool {
	raw, _, _ := unstructured.NestedMap(chart.Object, "spec", "clusterSelector")
	var selector metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &selector); err != nil {
		return false
	}
	parsed, err := metav1.LabelSelectorAsSelector(&selector)
	return err == nil && parsed.Matches(labels.Set(clusterLabels))
}

// installed tells whether a release is ready in the version that is declared, and the word for it is of both as they are now: values that changed
// are in the release once the provider has looked at the declaration.
func installed(chart, release *unstructured.Unstructured) bool {
	declared, _, _ := unstructured.NestedString(chart.Object, "spec", "version")
	version, _, _ := unstructured.NestedString(release.Object, "spec", "version")
	return declared == version && saidOfThis(chart, "HelmReleaseProxySpecsUpToDate") && saidOfThis(release, "HelmReleaseReady") && release.GetDeletionTimestamp() == nil &&
		falseCondition(release) == nil && falseCondition(chart) == nil
}

// saidOfThis tells whether a condition is of the object as it is now. status.observedGeneration does not: the provider writes it after the conditions, and never
// when it was killed between the two.
func saidOfThis(u *unstructured.Unstructured, kind string) bool {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, item := range conditions {
		if c, ok := item.(map[string]any); ok && c["type"] == kind {
			generation, _ := c["observedGeneration"].(int64)
			return generation == u.GetGeneration()
		}
	}
	return false
}

// falseCondition is the first condition that is not True, other than the sum of them.
func falseCondition(u *unstructured.Unstructured) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, item := range conditions {
		c, ok := item.(map[string]any)
		// What a HelmChartProxy says of its releases is told of them.
		if ok && c["type"] != clusterv1.ReadyCondition && c["type"] != "HelmReleaseProxiesReady" && c["status"] != string(metav1.ConditionTrue) {
			return c
		}
	}
	return nil
}

func falseReason(u *unstructured.Unstructured) string {
	reason, _ := falseCondition(u)["reason"].(string)
	return reason
}

// trouble is what the addon provider says, on one line and in bounds.
func trouble(u *unstructured.Unstructured) string {
	message, _ := falseCondition(u)["message"].(string)
	return persist.Cut(strings.Join(strings.Fields(message), " "), problemLength)
}

// addonsCondition sums up the addons. It takes no part in Ready: the servers are there without them.
func addonsCondition(a *addons) metav1.Condition {
	c := metav1.Condition{Type: infrav1.AddonsReadyCondition, Status: metav1.ConditionFalse}
	if a.absent {
		c.Reason, c.Message = infrav1.AddonProviderMissingReason, "The Cluster has an addon set, and the management cluster no addon provider: clusterctl init --addon helm"
		return c
	}
	var failing, waiting []string
	for _, state := range a.states {
		switch {
		case state.ready:
		case state.message != "":
			failing = append(failing, fmt.Sprintf("%s: %s: %s", state.name, state.reason, state.message))
		case state.reason != "":
			waiting = append(waiting, state.name+": "+state.reason)
		default:
			waiting = append(waiting, state.name)
		}
	}
	bad := slices.Concat(failing, waiting)
	switch {
	case a.declared == 0:
		c.Reason, c.Message = infrav1.AddonSetMissingReason, "No HelmChartProxy has label "+infrav1.AddonSetLabel+" of the Cluster: apply the addon set"
	case len(bad) == 0:
		c.Status, c.Reason = metav1.ConditionTrue, infrav1.AddonsReadyReason
		c.Message = fmt.Sprintf("%d addons", len(a.states))
	default:
		c.Reason = infrav1.AddonsInstallingReason
		if len(failing) > 0 {
			c.Reason = infrav1.AddonsFailingReason
		}
		c.Message = fmt.Sprintf("%d of %d addons are not ready: %s", len(bad), len(a.states), strings.Join(bad[:min(len(bad), problemCount)], "; "))
		if more := len(bad) - problemCount; more > 0 {
			c.Message += fmt.Sprintf("; and %d more", more)
		}
	}
	return c
}
