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

// Package repave is the gate: it keeps a pre-drain hook on every Machine of a cluster and takes it off when pkg/repave says that the node may go,
// after it has written the claim down as a Repave. It needs Cluster API's objects and the workload cluster only; whose infrastructure the Machines
// have does not matter.
package repave

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// How often a gate looks: at the storage while something waits or is under way, and when nothing does. Each look is a bounded number of calls
// whatever the number of Machines.
const (
	busyInterval = 10 * time.Second
	idleInterval = time.Minute
)

// NewProber makes the prober of a gate's storage in a workload cluster. An error is about the gate's spec.
type NewProber func(storage *infrav1.RepaveStorage, cluster workload.Cluster) (storagehealth.Prober, error)

// Reconciler reconciles RepaveGates.
type Reconciler struct {
	Client client.Client
	// APIReader reads past the cache, for what the budget and an admission depend on.
	APIReader client.Reader
	Workloads workload.Clusters
	NewProber NewProber
	Recorder  events.EventRecorder
	Clock     clock.PassiveClock
	Metrics   *Metrics
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string

	looks   looks
	written persist.Versions
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=repavegates;repaves,verbs=get;list;watch;create;update;patch;delete
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=repavegates/status;repaves/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachines;maashosts;maashostpools,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters;machinesets;machinedeployments;machinehealthchecks,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=machinesets,verbs=patch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=machines,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=machines/status,verbs=get;patch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=machinedrainrules,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=controlplane.cluster.x-k8s.io,resources=kubeadmcontrolplanes,verbs=get
// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := ctrl.LoggerFrom(ctx)
	err := ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.RepaveGate{}, builder.WithPredicates(r.written.Predicate())).
		Named("repavegate").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilterValue)).
		Watches(&infrav1.Repave{}, handler.EnqueueRequestsFromMapFunc(gateOfRepave)).
		Watches(&clusterv1.Machine{}, handler.EnqueueRequestsFromMapFunc(r.gatesOfObject)).
		Watches(&infrav1.MaasMachine{}, handler.EnqueueRequestsFromMapFunc(r.gatesOfObject)).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(r.gatesOfCluster)).
		Complete(reconciletime.Measure("repavegate",
			watchfilter.Reconciler(mgr.GetClient(), &infrav1.RepaveGate{}, r.WatchFilterValue, r)))
	if err != nil {
		return fmt.Errorf("building the RepaveGate controller: %w", err)
	}
	return nil
}

// Reconcile looks after one gate.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, reterr error) {
	gate := &infrav1.RepaveGate{}
	if err := r.Client.Get(ctx, req.NamespacedName, gate); err != nil {
		if apierrors.IsNotFound(err) {
			r.looks.forget(req.NamespacedName)
			r.Metrics.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.written.Behind(gate) {
		return persist.Retry(nil)
	}
	ctx = ctrl.LoggerInto(ctx, ctrl.LoggerFrom(ctx).WithValues("Cluster", klog.KRef(gate.Namespace, gate.Spec.ClusterName)))
	patcher := persist.NewPatcher(r.Client, &r.written, gate)
	if err := patcher.EnsureFinalizer(ctx, infrav1.GateFinalizer); err != nil {
		return persist.Retry(err)
	}
	s := &scope{gate: gate, now: r.Clock.Now()}
	if err := r.findCluster(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if stop, err := persist.StopIfPaused(ctx, r.Client, s.cluster, gate); err != nil || stop {
		return ctrl.Result{}, err
	}
	waiting := gate.Status.Waiting
	defer func() {
		result, reterr = patcher.Finish(ctx, func() {
			if reterr != nil && !s.judged {
				// What was found before stays, for those that were held then are held still.
				return
			}
			setStatus(s)
			r.Metrics.observe(s, waiting)
		}, result, reterr)
	}()
	return r.reconcile(ctx, s)
}

// phase is a part of a reconcile. It sets facts of the scope.
type phase func(ctx context.Context, s *scope) error

func (r *Reconciler) reconcile(ctx context.Context, s *scope) (ctrl.Result, error) {
	if s.cluster == nil {
		return r.withoutCluster(ctx, s)
	}
	for _, p := range []phase{r.adopt, r.findOtherGate, r.listMachines, r.listRepaves, r.readOwners} {
		if err := p(ctx, s); err != nil {
			return ctrl.Result{}, err
		}
	}
	if s.otherGate != "" {
		if s.deleting() {
			// The hooks are the other's.
			controllerutil.RemoveFinalizer(s.gate, infrav1.GateFinalizer)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{RequeueAfter: idleInterval}, nil
	}
	if s.deleting() {
		if s.remaining = r.awaited(s); s.remaining == "" {
			return ctrl.Result{}, r.reconcileDelete(ctx, s)
		}
	}
	for _, p := range []phase{r.ensureHooks, r.look, r.track, r.admit} {
		if err := p(ctx, s); err != nil {
			return ctrl.Result{}, err
		}
	}
	// None of these rests on another: a virtual machine that cannot be stopped keeps no Machine from being ready.
	var errs []error
	for _, p := range []phase{
		r.stopVirtualMachines, r.remindHealthChecks, r.unblockRollouts, r.unblockReplacements, r.reportStorageReady, r.ensureDrainRules,
	} {
		errs = append(errs, p(ctx, s))
	}
	if err := kerrors.NewAggregate(errs); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: s.nextLook()}, nil
}
