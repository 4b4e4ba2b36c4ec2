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
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// addonsSettle joins what the addon provider writes in quick succession. A set that is being installed changes many times in a second, and each look at it
// looks at the endpoint as well, which costs a call of MAAS.
const addonsSettle = 3 * time.Second

// addonWatch wakes clusters when their addons change. It begins when the kinds of the addon provider are there, which can be installed at any time: a watch
// of a kind that is not there would hold up the start of the manager.
type addonWatch struct {
	// start starts the watch of a kind; nil until the controller is set up.
	start func(kind *metav1.PartialObjectMetadata, h handler.EventHandler) error

	mu      sync.Mutex // guards the field below
	started map[string]bool
}

// ensureAddonWatch starts the watch of both kinds once. Only the metadata is kept: values are large, and what is judged is read past the cache.
func (r *Reconciler) ensureAddonWatch() error {
	w := &r.addonWatch
	w.mu.Lock()
	defer w.mu.Unlock()
	for kind, clusters := range map[string]func(context.Context, client.Object) []clusterv1.Cluster{
		"HelmChartProxy": r.clustersOfChart, "HelmReleaseProxy": r.clustersOfRelease,
	} {
		if w.started[kind] || w.start == nil {
			continue
		}
		o := &metav1.PartialObjectMetadata{}
		o.SetGroupVersionKind(addonsVersion.WithKind(kind))
		if err := w.start(o, wakeLater(clusters)); err != nil {
			return fmt.Errorf("watching %s: %w", kind, err)
		}
		if w.started == nil {
			w.started = map[string]bool{}
		}
		w.started[kind] = true
	}
	return nil
}

// clustersOfChart are those that mean the set of a HelmChartProxy.
func (r *Reconciler) clustersOfChart(ctx context.Context, o client.Object) []clusterv1.Cluster {
	set := o.GetLabels()[infrav1.AddonSetLabel]
	if set == "" {
		return nil
	}
	clusters := &clusterv1.ClusterList{}
	if err := r.Client.List(ctx, clusters, client.InNamespace(o.GetNamespace()), client.MatchingLabels{infrav1.AddonSetLabel: set}); err != nil {
		// They come round again by their own recheck.
		ctrl.LoggerFrom(ctx).Error(err, "Waking the clusters of a HelmChartProxy")
		return nil
	}
	return clusters.Items
}

// clustersOfRelease is the one that a HelmReleaseProxy is of.
func (r *Reconciler) clustersOfRelease(ctx context.Context, o client.Object) []clusterv1.Cluster {
	name := o.GetLabels()[clusterv1.ClusterNameLabel]
	cluster := &clusterv1.Cluster{}
	if name == "" || r.Client.Get(ctx, client.ObjectKey{Namespace: o.GetNamespace(), Name: name}, cluster) != nil {
		return nil
	}
	return []clusterv1.Cluster{*cluster}
}

// wakeLater wakes the MaasClusters of Clusters with an addon set, each once for all that happens within addonsSettle.
func wakeLater(clusters func(context.Context, client.Object) []clusterv1.Cluster) handler.EventHandler {
	wake := func(ctx context.Context, o client.Object, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) {
		for _, cluster := range clusters(ctx, o) {
			if ref := cluster.Spec.InfrastructureRef; ref.Kind == "MaasCluster" && hasAddonSet(&cluster) {
				queue.AddAfter(ctrl.Request{NamespacedName: client.ObjectKey{Namespace: cluster.Namespace, Name: ref.Name}}, addonsSettle)
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
			wake(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
			wake(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
			wake(ctx, e.Object, q)
		},
	}
}
