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

// Package maasmachinetemplate tells the cluster autoscaler what a machine of a template would have, so that it can scale a group of machines up
// from none.
package maasmachinetemplate

import (
	"context"
	"fmt"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
)

// Reconciler reconciles the status of MaasMachineTemplates. It makes no call to MAAS: the shared snapshot knows the servers.
type Reconciler struct {
	Client client.Client
	Access *access.Resolver
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachinetemplates,verbs=get;list;watch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasmachinetemplates/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maashostpools;maasclusters;maashosts,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get

const (
	// settle makes one look of many changes in MAAS: what servers have changes seldom, what they do changes all the time.
	settle = 10 * time.Second
	// retry is when a template is looked at again while its servers cannot be.
	retry = time.Minute
)

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	log := ctrl.LoggerFrom(ctx)
	err := ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.MaasMachineTemplate{}).
		Named("maasmachinetemplate").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilterValue)).
		Watches(&infrav1.MaasHostPool{}, handler.EnqueueRequestsFromMapFunc(r.templatesOfPool)).
		WatchesRawSource(r.Access.DelayedSource(settle, r.allTemplates)).
		Complete(watchfilter.Reconciler(mgr.GetClient(), &infrav1.MaasMachineTemplate{}, r.WatchFilterValue, r))
	if err != nil {
		return fmt.Errorf("building the MaasMachineTemplate controller: %w", err)
	}
	return nil
}

// Reconcile brings the status of one MaasMachineTemplate up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	template := &infrav1.MaasMachineTemplate{}
	if err := r.Client.Get(ctx, req.NamespacedName, template); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !template.DeletionTimestamp.IsZero() || annotations.HasPaused(template) {
		return ctrl.Result{}, nil
	}
	cluster, err := ownerCluster(ctx, r.Client, template)
	if err != nil || (cluster != nil && annotations.IsPaused(cluster, template)) {
		return ctrl.Result{}, err
	}
	machines, known, err := r.machines(ctx, template, cluster)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !known {
		// What was known of the servers stays: it is more likely to be true than nothing.
		return ctrl.Result{RequeueAfter: retry}, nil
	}
	before := template.DeepCopy()
	template.Status.Capacity, template.Status.NodeInfo = smallest(machines)
	if apiequality.Semantic.DeepEqual(before.Status, template.Status) {
		return ctrl.Result{}, nil
	}
	if err := r.Client.Status().Patch(ctx, template, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("writing the status: %w", err)
	}
	return ctrl.Result{}, nil
}

// ownerCluster returns the Cluster that the template belongs to, nil for the template of a ClusterClass or of nobody.
func ownerCluster(ctx context.Context, reader client.Client, template *infrav1.MaasMachineTemplate) (*clusterv1.Cluster, error) {
	cluster, err := util.GetOwnerCluster(ctx, reader, template.ObjectMeta)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("getting the owner Cluster: %w", err)
	}
	return cluster, nil
}

// machines returns the servers that machines of the template could be on, whoever has them now. It is false while nobody can know.
func (r *Reconciler) machines(ctx context.Context, template *infrav1.MaasMachineTemplate, cluster *clusterv1.Cluster) ([]*maas.Machine, bool, error) {
	spec := &template.Spec.Template.Spec
	request := allocation.Request{}
	var credentials infrav1.CredentialsReference
	if spec.HostPoolRef.Name != "" {
		pool := &infrav1.MaasHostPool{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: template.Namespace, Name: spec.HostPoolRef.Name}, pool); err != nil {
			return nil, false, client.IgnoreNotFound(err)
		}
		request, credentials = access.PoolRequest(pool), pool.Spec.CredentialsRef
	} else {
		// Without a pool the cluster leads to the MAAS. The template of a ClusterClass belongs to none; its copies do.
		if cluster == nil || !cluster.Spec.InfrastructureRef.IsDefined() {
			return nil, false, nil
		}
		maasCluster := &infrav1.MaasCluster{}
		key := client.ObjectKey{Namespace: cluster.Namespace, Name: cluster.Spec.InfrastructureRef.Name}
		if err := r.Client.Get(ctx, key, maasCluster); err != nil {
			return nil, false, client.IgnoreNotFound(err)
		}
		credentials = maasCluster.Spec.CredentialsRef
	}
	request.Selectors = append(request.Selectors, access.Selector(spec.Selector))
	session, problem, err := r.Access.Open(ctx, template.Namespace, credentials)
	if err != nil || problem != nil || !session.Snapshot().Synced() {
		return nil, false, err
	}
	leases := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, leases, client.UnsafeDisableDeepCopy); err != nil {
		return nil, false, fmt.Errorf("listing MaasHosts: %w", err)
	}
	var machines []*maas.Machine
	for _, m := range access.WithKeptDisks(session.Snapshot().List(), leases.Items) {
		if allocation.Matches(request, m) {
			machines = append(machines, m)
		}
	}
	return machines, true, nil
}

// templatesOfPool wakes the templates whose servers come from the pool.
func (r *Reconciler) templatesOfPool(ctx context.Context, o client.Object) []ctrl.Request {
	requests, err := r.templates(ctx, func(t *infrav1.MaasMachineTemplate) bool {
		return t.Spec.Template.Spec.HostPoolRef.Name == o.GetName()
	}, client.InNamespace(o.GetNamespace()))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing the templates of a pool")
	}
	return requests
}

// allTemplates wakes every template: each looks at all servers of the snapshot and, most often, writes nothing.
func (r *Reconciler) allTemplates(ctx context.Context, _ []string) ([]ctrl.Request, error) {
	return r.templates(ctx, func(*infrav1.MaasMachineTemplate) bool { return true })
}

func (r *Reconciler) templates(ctx context.Context, due func(*infrav1.MaasMachineTemplate) bool, options ...client.ListOption) ([]ctrl.Request, error) {
	templates := &infrav1.MaasMachineTemplateList{}
	if err := r.Client.List(ctx, templates, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil, fmt.Errorf("listing MaasMachineTemplates: %w", err)
	}
	var requests []ctrl.Request
	for i := range templates.Items {
		if due(&templates.Items[i]) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&templates.Items[i])})
		}
	}
	return requests, nil
}
