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

// Package maasmachine fulfils the InfraMachine contract: it claims a server for a Machine by making a MaasHost out to it, and
// reports what becomes of it. It changes nothing in MAAS; controllers/maashost does.
package maasmachine

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
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
)

// Reconciler reconciles MaasMachines.
type Reconciler struct {
	Client client.Client
	// APIReader reads past the cache: a second lease must not be made because the cache has not seen the first.
	APIReader client.Reader
	Access    *access.Resolver
	Recorder  events.EventRecorder
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string
	Clock            clock.PassiveClock

	choices   choices
	newcomers newcomers
	written   persist.Versions
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachines,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachines/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashosts,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasclusters;maashostpools,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters;machines;machinedeployments;machinesets,verbs=get;list;watch

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := ctrl.LoggerFrom(ctx)
	clusterToMachines, err := util.ClusterToTypedObjectsMapper(mgr.GetClient(), &infrav1.MaasMachineList{}, mgr.GetScheme())
	if err != nil {
		return fmt.Errorf("mapping Clusters to MaasMachines: %w", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.MaasMachine{}, builder.WithPredicates(r.written.Predicate())).
		Named("maasmachine").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilterValue)).
		Watches(&clusterv1.Machine{}, handler.EnqueueRequestsFromMapFunc(
			util.MachineToInfrastructureMapFunc(infrav1.GroupVersion.WithKind("MaasMachine"))), builder.WithPredicates(machineChanges())).
		Watches(&infrav1.MaasHost{}, handler.EnqueueRequestsFromMapFunc(r.machinesOfHost), builder.WithPredicates(hostChanges())).
		Watches(&infrav1.MaasHost{}, handler.EnqueueRequestsFromMapFunc(r.machinesAfterHost), builder.WithPredicates(onlyDeletions())).
		Watches(&infrav1.MaasHostPool{}, handler.EnqueueRequestsFromMapFunc(r.machinesOfPool)).
		Watches(&infrav1.Repave{}, handler.EnqueueRequestsFromMapFunc(r.machineOfRepave)).
		Watches(&infrav1.MaasCluster{}, handler.EnqueueRequestsFromMapFunc(r.machinesOfCluster)).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(clusterToMachines),
			builder.WithPredicates(predicates.ClusterPausedTransitionsOrInfrastructureProvisioned(mgr.GetScheme(), log))).
		WatchesRawSource(r.Access.Source(r.machinesOfMaas)).
		Complete(reconciletime.MeasureInTurns("maasmachine",
			watchfilter.Reconciler(mgr.GetClient(), &infrav1.MaasMachine{}, r.WatchFilterValue, r)))
	if err != nil {
		return fmt.Errorf("building the MaasMachine controller: %w", err)
	}
	return nil
}

// waitRecheck is how often a wait is looked at again although nothing woke the reconciler: a safety net, for each wait
// ends with an event.
const waitRecheck = 30 * time.Second

// Reconcile brings one MaasMachine a step further.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, reterr error) {
	maasMachine := &infrav1.MaasMachine{}
	if err := r.Client.Get(ctx, req.NamespacedName, maasMachine); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.written.Behind(maasMachine) {
		return persist.Retry(nil)
	}
	patcher := persist.NewPatcher(r.Client, &r.written, maasMachine)
	isNew := !controllerutil.ContainsFinalizer(maasMachine, infrav1.MachineFinalizer)
	if err := patcher.EnsureFinalizer(ctx, infrav1.MachineFinalizer); err != nil {
		return persist.Retry(err)
	}
	s := &scope{maasMachine: maasMachine}
	if err := r.findOwners(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	ctx = ctrl.LoggerInto(ctx, s.logger(ctrl.LoggerFrom(ctx)))
	if stop, err := persist.StopIfPaused(ctx, r.Client, s.cluster, maasMachine); err != nil || stop {
		return ctrl.Result{}, err
	}
	// What clusterctl moves comes paused, and may have a lease that comes with it.
	if isNew && !s.deleting() && maasMachine.Status.HostRef.Name == "" {
		r.newcomers.add(maasMachine.UID)
	}
	defer func() {
		result, reterr = patcher.Finish(ctx, func() { setStatus(s) }, result, reterr)
	}()
	if s.deleting() {
		if err := r.reconcileDelete(ctx, s); err != nil {
			return persist.Retry(err)
		}
		if s.wait != nil {
			return ctrl.Result{RequeueAfter: waitRecheck}, nil
		}
		return ctrl.Result{}, nil
	}
	return r.reconcileNormal(ctx, s)
}

// reconcileNormal is the list of phases.
func (r *Reconciler) reconcileNormal(ctx context.Context, s *scope) (ctrl.Result, error) {
	for _, phase := range []func(context.Context, *scope) error{
		r.findHost,
		r.checkPreconditions,
		r.leaseHost,
		r.reportProvisioned,
	} {
		if err := phase(ctx, s); err != nil {
			return ctrl.Result{}, err
		}
	}
	if s.wait != nil {
		return ctrl.Result{RequeueAfter: waitRecheck}, nil
	}
	return ctrl.Result{}, nil
}

// findOwners finds the objects above. Missing ones are facts: deletion has to work without them.
func (r *Reconciler) findOwners(ctx context.Context, s *scope) error {
	machine, err := util.GetOwnerMachine(ctx, r.Client, s.maasMachine.ObjectMeta)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("getting the owner Machine: %w", err)
	}
	s.machine = machine
	name := s.maasMachine.Labels[clusterv1.ClusterNameLabel]
	if machine != nil {
		name = machine.Spec.ClusterName
	}
	if name == "" {
		return nil
	}
	cluster := &clusterv1.Cluster{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.maasMachine.Namespace, Name: name}, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("getting Cluster %s: %w", name, err)
	}
	s.cluster = cluster
	if !cluster.Spec.InfrastructureRef.IsDefined() {
		return nil
	}
	maasCluster := &infrav1.MaasCluster{}
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: cluster.Spec.InfrastructureRef.Name}
	if err := r.Client.Get(ctx, key, maasCluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("getting MaasCluster %s: %w", key, err)
	}
	s.maasCluster = maasCluster
	return nil
}
