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

// Package maasremediation fulfils the contract of external remediation: it tries to heal the server of a Machine that a MachineHealthCheck found
// unhealthy, and hands the Machine over to its owner when that fails. What to try is decided in pkg/remediation. It never talks to MAAS: it asks
// the MaasHost, whose controller is the only one that acts on a server.
package maasremediation

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
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
	"github.com/capmaas/cluster-api-provider-maas/pkg/remediation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
)

// Reconciler reconciles MaasRemediations.
type Reconciler struct {
	Client client.Client
	// APIReader reads past the cache, for what must not be switched off at the same time.
	APIReader client.Reader
	Access    *access.Resolver
	Recorder  events.EventRecorder
	Clock     clock.PassiveClock
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string

	written persist.Versions
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasremediations,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasremediations/status,verbs=get;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashosts,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachines;maashostpools;repavegates;repaves,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters;machines,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=machines/status,verbs=get;patch

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := ctrl.LoggerFrom(ctx)
	clusterToRemediations, err := util.ClusterToTypedObjectsMapper(mgr.GetClient(), &infrav1.MaasRemediationList{}, mgr.GetScheme())
	if err != nil {
		return fmt.Errorf("mapping Clusters to MaasRemediations: %w", err)
	}
	// One at a time: each has to see what the one before asked for, or two servers of one storage cluster would be switched off at once.
	options.MaxConcurrentReconciles = 1
	err = ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.MaasRemediation{}, builder.WithPredicates(r.written.Predicate())).
		Named("maasremediation").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilterValue)).
		Watches(&clusterv1.Machine{}, handler.EnqueueRequestsFromMapFunc(r.remediationOfMachine)).
		Watches(&infrav1.MaasHost{}, handler.EnqueueRequestsFromMapFunc(r.remediationsOfHost)).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(clusterToRemediations),
			builder.WithPredicates(predicates.ClusterPausedTransitions(mgr.GetScheme(), log))).
		Complete(reconciletime.Measure("maasremediation",
			watchfilter.Reconciler(mgr.GetClient(), &infrav1.MaasRemediation{}, r.WatchFilterValue, r)))
	if err != nil {
		return fmt.Errorf("building the MaasRemediation controller: %w", err)
	}
	return nil
}

// waitRecheck is how often a wait is looked at again although nothing woke the reconciler.
const waitRecheck = 30 * time.Second

// Reconcile takes the next step of one remediation. It has no finalizer: what it asked of the MaasHost is dropped there once it is gone.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, reterr error) {
	o := &infrav1.MaasRemediation{}
	if err := r.Client.Get(ctx, req.NamespacedName, o); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !o.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	if r.written.Behind(o) {
		return persist.Retry(nil)
	}
	patcher := persist.NewPatcher(r.Client, &r.written, o)
	s := &scope{remediation: o, now: r.Clock.Now()}
	if err := r.findOwners(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	ctx = ctrl.LoggerInto(ctx, s.logger(ctrl.LoggerFrom(ctx)))
	if stop, err := persist.StopIfPaused(ctx, r.Client, s.cluster, o); err != nil || stop {
		return ctrl.Result{}, err
	}
	s.start()
	// Before anything is tried: it tells this trouble from the last.
	if err := patcher.Write(ctx); err != nil {
		return persist.Retry(err)
	}
	defer func() {
		result, reterr = patcher.Finish(ctx, func() { setStatus(s) }, result, reterr)
	}()
	result, err := r.reconcile(ctx, s)
	if apierrors.IsConflict(err) {
		return persist.Retry(err)
	}
	return result, err
}

// reconcile is the list of phases.
func (r *Reconciler) reconcile(ctx context.Context, s *scope) (ctrl.Result, error) {
	for _, phase := range []func(context.Context, *scope) error{r.findHost, r.lookAtMaas, r.lookAtGate, r.plan, r.act} {
		if err := phase(ctx, s); err != nil {
			return ctrl.Result{}, err
		}
		if s.machine == nil {
			return ctrl.Result{}, nil
		}
	}
	switch {
	case s.took.Verb != remediation.Wait:
		return ctrl.Result{RequeueAfter: time.Second}, nil
	case s.took.Situation == remediation.HandedOver || s.took.Situation == remediation.Recovered:
		return ctrl.Result{}, nil
	case !s.took.Until.IsZero():
		// A little later: times are kept in whole seconds.
		return ctrl.Result{RequeueAfter: max(time.Second, s.took.Until.Sub(s.now)+time.Second)}, nil
	}
	return ctrl.Result{RequeueAfter: waitRecheck}, nil
}
