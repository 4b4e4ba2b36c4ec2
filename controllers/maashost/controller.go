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

// Package maashost drives one leased MAAS machine: it allocates, deploys and releases, and reports what MAAS says. What to
// do next is decided in pkg/lifecycle.
package maashost

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
)

// Reconciler reconciles MaasHosts.
type Reconciler struct {
	Client client.Client
	// APIReader reads past the cache, for what an irreversible act depends on.
	APIReader client.Reader
	Access    *access.Resolver
	Recorder  events.EventRecorder
	Clock     clock.PassiveClock
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string

	refusals refusals
	written  persist.Versions
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashosts,verbs=get;list;watch;update;patch;delete
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashosts/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasclusters;maasmachines;maashostpools,verbs=get;list;watch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasremediations,verbs=get
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddressclaims,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddresses,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := ctrl.LoggerFrom(ctx)
	clusterToHosts, err := util.ClusterToTypedObjectsMapper(mgr.GetClient(), &infrav1.MaasHostList{}, mgr.GetScheme())
	if err != nil {
		return fmt.Errorf("mapping Clusters to MaasHosts: %w", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.MaasHost{}, builder.WithPredicates(r.written.Predicate())).
		Named("maashost").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilterValue)).
		Owns(&ipamv1.IPAddressClaim{}).
		Watches(&infrav1.MaasMachine{}, enqueueHostOfMachine(), builder.WithPredicates(consumerChanges())).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(clusterToHosts),
			builder.WithPredicates(predicates.ClusterPausedTransitions(mgr.GetScheme(), log))).
		WatchesRawSource(r.Access.Source(r.hostsOfMachines)).
		Complete(reconciletime.MeasureInTurns("maashost",
			watchfilter.Reconciler(mgr.GetClient(), &infrav1.MaasHost{}, r.WatchFilterValue, r)))
	if err != nil {
		return fmt.Errorf("building the MaasHost controller: %w", err)
	}
	return nil
}

// Reconcile brings one MaasHost a step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, reterr error) {
	host := &infrav1.MaasHost{}
	if err := r.Client.Get(ctx, req.NamespacedName, host); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.written.Behind(host) {
		return persist.Retry(nil)
	}
	if _, moved := host.Annotations[infrav1.DeleteForMoveAnnotation]; moved && !host.DeletionTimestamp.IsZero() {
		// The lease goes on in another management cluster. An empty one has no Cluster whose pause would say so.
		return ctrl.Result{}, nil
	}
	log := ctrl.LoggerFrom(ctx).WithValues("Cluster", klog.KRef(host.Namespace, host.Spec.ClusterName),
		"MaasMachine", klog.KRef(host.Namespace, host.Spec.ConsumerRef.Name))
	ctx = ctrl.LoggerInto(ctx, log)

	patcher := persist.NewPatcher(r.Client, &r.written, host)
	if err := patcher.EnsureFinalizer(ctx, infrav1.HostFinalizer); err != nil {
		return persist.Retry(err)
	}
	cluster, err := r.clusterOf(ctx, host)
	if err != nil {
		return ctrl.Result{}, err
	}
	if stop, err := persist.StopIfPaused(ctx, r.Client, cluster, host); err != nil || stop {
		return ctrl.Result{}, err
	}
	s := &scope{host: host, cluster: cluster, patcher: patcher, now: r.Clock.Now()}
	defer func() {
		result, reterr = patcher.Finish(ctx, func() { setStatus(s) }, result, reterr)
	}()
	result, err = r.reconcile(ctx, s)
	if apierrors.IsConflict(err) {
		return persist.Retry(err)
	}
	return result, err
}

// reconcile is the list of phases.
func (r *Reconciler) reconcile(ctx context.Context, s *scope) (ctrl.Result, error) {
	pool, err := access.PoolOf(ctx, r.Client, r.APIReader, s.host)
	if err != nil {
		return ctrl.Result{}, err
	}
	s.pool = pool
	if err := r.adopt(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.findConsumer(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if s.blocked() {
		return ctrl.Result{RequeueAfter: holdRecheck}, nil
	}
	if s.outlived() {
		return ctrl.Result{}, r.deleteLease(ctx, s)
	}
	if err := r.openSession(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if r.leaveBehind(ctx, s) {
		return ctrl.Result{}, nil
	}
	if s.session == nil {
		return ctrl.Result{RequeueAfter: access.ProblemRecheck}, nil
	}
	return r.drive(ctx, s)
}

// holdRecheck is how often a hold is looked at again although nothing woke the reconciler: a safety net, for each hold
// ends with an event.
const holdRecheck = 2 * time.Minute

// clusterOf returns the Cluster of the lease, nil when it is gone: a lease has to end without it as well.
func (r *Reconciler) clusterOf(ctx context.Context, host *infrav1.MaasHost) (*clusterv1.Cluster, error) {
	if host.Spec.ClusterName == "" {
		return nil, nil //nolint:nilnil // an empty lease has no Cluster
	}
	cluster := &clusterv1.Cluster{}
	key := client.ObjectKey{Namespace: host.Namespace, Name: host.Spec.ClusterName}
	if err := r.Client.Get(ctx, key, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil //nolint:nilnil // a missing Cluster is an answer here, not a failure
		}
		return nil, fmt.Errorf("getting Cluster %s: %w", key, err)
	}
	return cluster, nil
}
