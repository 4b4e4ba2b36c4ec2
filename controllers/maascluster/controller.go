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

// Package maascluster fulfils the InfraCluster contract: the connection to MAAS, the control plane endpoint and the failure domains.
package maascluster

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
)

// Reconciler reconciles MaasClusters.
type Reconciler struct {
	Client client.Client
	// APIReader reads past the cache: that no lease is left must not be believed of a cache.
	APIReader client.Reader
	Access    *access.Resolver
	Recorder  events.EventRecorder
	Clock     clock.PassiveClock
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string

	written    persist.Versions
	addonWatch addonWatch
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasclusters,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasclusters/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachines,verbs=get;list;watch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashosts,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters,verbs=get;list;watch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachinetemplates;maashostpools,verbs=get;list;watch
// +kubebuilder:rbac:groups=controlplane.cluster.x-k8s.io,resources=kubeadmcontrolplanes,verbs=get
// +kubebuilder:rbac:groups=addons.cluster.x-k8s.io,resources=helmchartproxies;helmreleaseproxies,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := ctrl.LoggerFrom(ctx)
	c, err := ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.MaasCluster{}, builder.WithPredicates(
			predicates.ResourceIsNotExternallyManaged(mgr.GetScheme(), log), r.written.Predicate())).
		Named("maascluster").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilterValue)).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(util.ClusterToInfrastructureMapFunc(ctx,
			infrav1.GroupVersion.WithKind("MaasCluster"), mgr.GetClient(), &infrav1.MaasCluster{}))).
		Watches(&infrav1.MaasMachine{}, handler.EnqueueRequestsFromMapFunc(r.clusterOfControlPlaneMachine)).
		Watches(&infrav1.MaasHost{}, handler.EnqueueRequestsFromMapFunc(r.clusterOfEndingHost)).
		Watches(&infrav1.MaasClusterIdentity{}, handler.EnqueueRequestsFromMapFunc(r.clustersOfIdentity)).
		WatchesRawSource(r.Access.Source(r.clustersOfMaas)).
		Build(reconciletime.Measure("maascluster",
			watchfilter.Reconciler(mgr.GetClient(), &infrav1.MaasCluster{}, r.WatchFilterValue, r)))
	if err != nil {
		return fmt.Errorf("building the MaasCluster controller: %w", err)
	}
	r.addonWatch.start = func(kind *metav1.PartialObjectMetadata, h handler.EventHandler) error {
		return c.Watch(source.Kind[client.Object](mgr.GetCache(), kind, h))
	}
	return nil
}

const (
	// recheck is how often zones are looked at although nothing woke the reconciler.
	recheck = 10 * time.Minute
	// endpointRecheck is how often the DNS record or the reserved address is looked at: nothing in MAAS tells that a hand changed them. It
	// costs one call.
	endpointRecheck = 2 * time.Minute
	// refusalRecheck is how often MAAS is asked again for what it refused.
	refusalRecheck = 30 * time.Second
	// zonesRecheck is how often the objects of the control plane are looked for that the cluster names. It costs no call to MAAS.
	zonesRecheck = 2 * time.Second
)

// Reconcile brings one MaasCluster a step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, reterr error) {
	maasCluster := &infrav1.MaasCluster{}
	if err := r.Client.Get(ctx, req.NamespacedName, maasCluster); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.written.Behind(maasCluster) {
		return persist.Retry(nil)
	}
	if annotations.IsExternallyManaged(maasCluster) {
		// Somebody else sets its status.
		return ctrl.Result{}, nil
	}
	cluster, err := r.ownerOf(ctx, maasCluster)
	if err != nil || (cluster == nil && maasCluster.DeletionTimestamp.IsZero()) {
		// Without an error: Cluster API sets the owner and thereby wakes us.
		return ctrl.Result{}, err
	}
	ctx = ctrl.LoggerInto(ctx, ctrl.LoggerFrom(ctx).WithValues("Cluster", klog.KRef(maasCluster.Namespace, nameOf(cluster))))
	patcher := persist.NewPatcher(r.Client, &r.written, maasCluster)
	if err := patcher.EnsureFinalizer(ctx, infrav1.ClusterFinalizer); err != nil {
		return persist.Retry(err)
	}
	if stop, err := persist.StopIfPaused(ctx, r.Client, cluster, maasCluster); err != nil || stop {
		return ctrl.Result{}, err
	}
	s := &scope{maasCluster: maasCluster, cluster: cluster}
	defer func() {
		result, reterr = patcher.Finish(ctx, func() { setStatus(s) }, result, reterr)
	}()
	if s.deleting() {
		return r.reconcileDelete(ctx, s)
	}
	return r.reconcileNormal(ctx, s)
}

// ownerOf returns the Cluster, nil when there is none (any more).
func (r *Reconciler) ownerOf(ctx context.Context, maasCluster *infrav1.MaasCluster) (*clusterv1.Cluster, error) {
	cluster, err := util.GetOwnerCluster(ctx, r.Client, maasCluster.ObjectMeta)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // a missing Cluster is an answer here, not a failure
	}
	if err != nil {
		return nil, fmt.Errorf("getting the owner Cluster: %w", err)
	}
	return cluster, nil
}

func nameOf(cluster *clusterv1.Cluster) string {
	if cluster == nil {
		return ""
	}
	return cluster.Name
}

// reconcileNormal is the list of phases.
func (r *Reconciler) reconcileNormal(ctx context.Context, s *scope) (ctrl.Result, error) {
	var errs []error
	for _, phase := range []func(context.Context, *scope) error{
		r.connect,
		r.reportZones,
		r.provideEndpoint,
		r.judgeHardware,
		r.lookAtAddons,
	} {
		// Every phase runs: an unreachable MAAS does not keep a given endpoint from being known.
		if err := phase(ctx, s); err != nil {
			errs = append(errs, err)
		}
	}
	return ctrl.Result{RequeueAfter: s.recheck()}, kerrors.NewAggregate(errs)
}
