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

// Package maashostpool shows the fleet of a MaasHostPool at a glance.
package maashostpool

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
)

// Reconciler reconciles MaasHostPools.
type Reconciler struct {
	Client client.Client
	Access *access.Resolver
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string

	written persist.Versions
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashostpools,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashostpools/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashosts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	err := ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.MaasHostPool{}, builder.WithPredicates(r.written.Predicate())).
		Named("maashostpool").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), ctrl.LoggerFrom(ctx), r.WatchFilterValue)).
		Watches(&infrav1.MaasHost{}, delayed(poolOfHost)).
		WatchesRawSource(r.Access.DelayedSource(countDelay, r.allPools)).
		Complete(reconciletime.Measure("maashostpool",
			watchfilter.Reconciler(mgr.GetClient(), &infrav1.MaasHostPool{}, r.WatchFilterValue, r)))
	if err != nil {
		return fmt.Errorf("building the MaasHostPool controller: %w", err)
	}
	return nil
}

// Reconcile brings the status of one MaasHostPool up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, reterr error) {
	pool := &infrav1.MaasHostPool{}
	if err := r.Client.Get(ctx, req.NamespacedName, pool); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.written.Behind(pool) {
		return persist.Retry(nil)
	}
	if !pool.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	patcher := persist.NewPatcher(r.Client, &r.written, pool)
	if stop, err := persist.StopIfPaused(ctx, r.Client, nil, pool); err != nil || stop {
		return ctrl.Result{}, err
	}
	s := &scope{pool: pool}
	defer func() {
		result, reterr = patcher.Finish(ctx, func() { setStatus(s) }, result, reterr)
	}()
	if err := r.takeStock(ctx, s); err != nil || s.problem == nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: access.ProblemRecheck}, nil
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
	if session == nil || !session.Snapshot().Synced() {
		return nil
	}
	leases := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, leases, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing MaasHosts: %w", err)
	}
	leased := make(map[string]bool, len(leases.Items))
	for i := range leases.Items {
		leased[leases.Items[i].Spec.SystemID] = true
	}
	request := access.PoolRequest(s.pool)
	s.counted = true
	machines := access.WithKeptDisks(session.Snapshot().List(), leases.Items)
	for _, m := range machines {
		if allocation.Matches(request, m) {
			s.count(m, leased[m.SystemID])
		}
	}
	if s.total == 0 {
		s.miss = allocation.Nearest(request, machines)
	}
	return nil
}

// countDelay makes one count of many changes: 200 servers that are installed at once change several times a second.
const countDelay = time.Second

// delayed wakes the pool of a lease that comes or goes, a moment later.
func delayed(poolOf func(client.Object) (ctrl.Request, bool)) handler.Funcs {
	enqueue := func(o client.Object, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
		if pool, ok := poolOf(o); ok {
			q.AddAfter(pool, countDelay)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
			enqueue(e.Object, q)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q workqueue.TypedRateLimitingInterface[ctrl.Request]) {
			enqueue(e.Object, q)
		},
	}
}

func poolOfHost(o client.Object) (ctrl.Request, bool) {
	host, ok := o.(*infrav1.MaasHost)
	if !ok || host.Spec.HostPoolRef.Name == "" {
		return ctrl.Request{}, false
	}
	return ctrl.Request{NamespacedName: client.ObjectKey{Namespace: host.Namespace, Name: host.Spec.HostPoolRef.Name}}, true
}

// allPools wakes every pool: counting one costs a walk over the snapshot and no call to MAAS.
func (r *Reconciler) allPools(ctx context.Context, _ []string) ([]ctrl.Request, error) {
	pools := &infrav1.MaasHostPoolList{}
	if err := r.Client.List(ctx, pools, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing MaasHostPools: %w", err)
	}
	requests := make([]ctrl.Request, 0, len(pools.Items))
	for i := range pools.Items {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&pools.Items[i])})
	}
	return requests, nil
}
