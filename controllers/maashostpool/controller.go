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

// Package maashostpool holds the free servers of a MaasHostPool, lets go of those that it has no use for, and shows the fleet at a glance. It
// never talks to MAAS; controllers/maashost does.
package maashostpool

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
)

// Reconciler reconciles MaasHostPools.
type Reconciler struct {
	Client client.Client
	// APIReader reads past the cache, before it is believed that something is gone.
	APIReader client.Reader
	Access    *access.Resolver
	Recorder  events.EventRecorder
	Clock     clock.PassiveClock
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string

	written persist.Versions
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashostpools,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashostpools/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashosts,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachinetemplates,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters;machines;machinedeployments;machinesets,verbs=get;list;watch
// +kubebuilder:rbac:groups=controlplane.cluster.x-k8s.io,resources=kubeadmcontrolplanes,verbs=get
// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	err := ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.MaasHostPool{}, builder.WithPredicates(r.written.Predicate())).
		Named("maashostpool").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), ctrl.LoggerFrom(ctx), r.WatchFilterValue)).
		Watches(&infrav1.MaasHost{}, delayed(poolsOfHost)).
		Watches(&clusterv1.MachineDeployment{}, delayed(r.poolsOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&clusterv1.Cluster{}, delayed(r.poolsOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(r.Access.DelayedSource(countDelay, r.allPools)).
		Complete(reconciletime.Measure("maashostpool",
			watchfilter.Reconciler(mgr.GetClient(), &infrav1.MaasHostPool{}, r.WatchFilterValue, r)))
	if err != nil {
		return fmt.Errorf("building the MaasHostPool controller: %w", err)
	}
	return nil
}

// Reconcile holds and lets go of the servers of one MaasHostPool and brings its status up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, reterr error) {
	pool := &infrav1.MaasHostPool{}
	if err := r.Client.Get(ctx, req.NamespacedName, pool); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.written.Behind(pool) {
		return persist.Retry(nil)
	}
	if _, moved := pool.Annotations[infrav1.DeleteForMoveAnnotation]; moved && !pool.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	patcher := persist.NewPatcher(r.Client, &r.written, pool)
	if err := patcher.EnsureFinalizer(ctx, infrav1.HostPoolFinalizer); err != nil {
		return persist.Retry(err)
	}
	if stop, err := persist.StopIfPaused(ctx, r.Client, nil, pool); err != nil || stop {
		return ctrl.Result{}, err
	}
	s := &scope{pool: pool, now: r.Clock.Now()}
	defer func() {
		result, reterr = patcher.Finish(ctx, func() { setStatus(s) }, result, reterr)
	}()
	return r.reconcile(ctx, s)
}

// reconcile is the list of phases.
func (r *Reconciler) reconcile(ctx context.Context, s *scope) (ctrl.Result, error) {
	for _, phase := range []func(context.Context, *scope) error{
		r.takeStock,
		r.judgeEmpty,
		r.holdFree,
		r.finish,
		r.sumUpDemand,
	} {
		if err := phase(ctx, s); err != nil {
			return ctrl.Result{}, err
		}
	}
	if s.problem != nil {
		return ctrl.Result{RequeueAfter: access.ProblemRecheck}, nil
	}
	return ctrl.Result{RequeueAfter: s.recheck}, nil
}

// takeStock looks at the shared snapshot and at the leases.
func (r *Reconciler) takeStock(ctx context.Context, s *scope) error {
	session, problem, err := r.Access.Open(ctx, s.pool.Namespace, s.pool.Spec.CredentialsRef)
	if err != nil {
		return err
	}
	if problem == nil {
		problem = access.Check(session)
	}
	s.problem = problem
	leases := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, leases, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing MaasHosts: %w", err)
	}
	s.leases = leases.Items
	for i := range s.leases {
		if s.isMember(&s.leases[i]) {
			s.members = append(s.members, &s.leases[i])
		}
	}
	if session == nil || !session.Snapshot().Synced() {
		return nil
	}
	s.count(access.WithKeptDisks(session.Snapshot().List(), s.leases))
	return nil
}

// countDelay makes one count of many changes: 200 servers that are installed at once change several times a second.
const countDelay = time.Second

// delayed wakes pools a moment later.
func delayed(poolsOf func(context.Context, client.Object) []ctrl.Request) handler.Funcs {
	enqueue := func(ctx context.Context, o client.Object, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
		for _, pool := range poolsOf(ctx, o) {
			q.AddAfter(pool, countDelay)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
			enqueue(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
			if !sameForPool(e.ObjectOld, e.ObjectNew) {
				enqueue(ctx, e.ObjectNew, q)
			}
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
			enqueue(ctx, e.Object, q)
		},
	}
}

// sameForPool tells whether nothing changed that a pool counts or decides by.
func sameForPool(before, after client.Object) bool {
	a, ok := before.(*infrav1.MaasHost)
	b, ok2 := after.(*infrav1.MaasHost)
	return ok && ok2 && a.Generation == b.Generation && a.Status.State == b.Status.State && a.DeletionTimestamp.IsZero() == b.DeletionTimestamp.IsZero()
}

func poolsOfHost(_ context.Context, o client.Object) []ctrl.Request {
	host, ok := o.(*infrav1.MaasHost)
	if !ok || host.Spec.HostPoolRef.Name == "" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: host.Namespace, Name: host.Spec.HostPoolRef.Name}}}
}

// poolsOf wakes the pools of the namespace of a Cluster or MachineDeployment: what it wants may have changed.
func (r *Reconciler) poolsOf(ctx context.Context, o client.Object) []ctrl.Request {
	requests, err := r.pools(ctx, client.InNamespace(o.GetNamespace()))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Waking the pools of a namespace")
	}
	return requests
}

// allPools wakes every pool: counting one costs a walk over the snapshot and no call to MAAS.
func (r *Reconciler) allPools(ctx context.Context, _ []string) ([]ctrl.Request, error) {
	return r.pools(ctx)
}

func (r *Reconciler) pools(ctx context.Context, options ...client.ListOption) ([]ctrl.Request, error) {
	pools := &infrav1.MaasHostPoolList{}
	if err := r.Client.List(ctx, pools, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil, fmt.Errorf("listing MaasHostPools: %w", err)
	}
	requests := make([]ctrl.Request, 0, len(pools.Items))
	for i := range pools.Items {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&pools.Items[i])})
	}
	return requests, nil
}
