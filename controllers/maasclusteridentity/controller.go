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

// Package maasclusteridentity tells whether the credentials of a MaasClusterIdentity work, and lets their Secret move with it.
package maasclusteridentity

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/pkg/watchfilter"
)

// Reconciler reconciles MaasClusterIdentities.
type Reconciler struct {
	Client client.Client
	Access *access.Resolver
	// ManagerNamespace is the only namespace in which Secrets may be given an owner.
	ManagerNamespace string
	// WatchFilterValue restricts the objects to those with this watch filter label.
	WatchFilterValue string

	written persist.Versions
}

// Secrets are patched in the manager's own namespace only; admission may ask whoever gives an object an owner for the right to delete it.
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasclusteridentities,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=maasclusteridentities/status,verbs=get;update;patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;patch;delete,namespace=system
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get

// scope carries the facts of one reconcile.
type scope struct {
	identity *infrav1.MaasClusterIdentity
	problem  *access.Problem
}

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, options controller.Options) error {
	err := ctrl.NewControllerManagedBy(mgr).
		For(&infrav1.MaasClusterIdentity{}, builder.WithPredicates(r.written.Predicate())).
		Named("maasclusteridentity").
		WithOptions(options).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), ctrl.LoggerFrom(ctx), r.WatchFilterValue)).
		WatchesRawSource(r.Access.Source(r.identitiesOfMaas)).
		Complete(reconciletime.Measure("maasclusteridentity",
			watchfilter.Reconciler(mgr.GetClient(), &infrav1.MaasClusterIdentity{}, r.WatchFilterValue, r)))
	if err != nil {
		return fmt.Errorf("building the MaasClusterIdentity controller: %w", err)
	}
	return nil
}

// Reconcile brings the status of one MaasClusterIdentity up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, reterr error) {
	identity := &infrav1.MaasClusterIdentity{}
	if err := r.Client.Get(ctx, req.NamespacedName, identity); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.written.Behind(identity) {
		return persist.Retry(nil)
	}
	if !identity.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	patcher := persist.NewPatcher(r.Client, &r.written, identity)
	if stop, err := persist.StopIfPaused(ctx, r.Client, nil, identity); err != nil || stop {
		return ctrl.Result{}, err
	}
	s := &scope{identity: identity}
	defer func() {
		result, reterr = patcher.Finish(ctx, func() { setStatus(s) }, result, reterr)
	}()
	if err := r.connect(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if s.problem != nil {
		return ctrl.Result{RequeueAfter: access.ProblemRecheck}, nil
	}
	return ctrl.Result{}, r.ownSecret(ctx, s)
}

// connect opens the session with MAAS and learns what the region says of itself and of the key.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	session, problem, err := r.Access.OpenIdentity(ctx, s.identity)
	if err != nil {
		return err
	}
	if problem == nil {
		problem = access.Check(session)
	}
	if s.problem = problem; problem != nil {
		return nil
	}
	region, err := r.Access.Region(ctx, session)
	if err != nil {
		// The follower's health, not this call, decides whether MAAS is available.
		ctrl.LoggerFrom(ctx).Error(err, "Reading version and user of MAAS")
		return nil
	}
	s.identity.Status.MAAS = region
	return nil
}

// ownSecret makes the identity the owner of its Secret, by which "clusterctl move" finds it. clusterctl looks for Secrets in the
// namespaces that it moves and in that of the provider, so elsewhere it would be of no use.
func (r *Reconciler) ownSecret(ctx context.Context, s *scope) error {
	key := r.Access.SecretOf(s.identity)
	if key.Namespace != r.ManagerNamespace {
		return nil
	}
	secret := &corev1.Secret{}
	if err := r.Client.Get(ctx, key, secret); err != nil {
		return client.IgnoreNotFound(err)
	}
	before := secret.DeepCopy()
	secret.OwnerReferences = util.EnsureOwnerRef(secret.OwnerReferences, metav1.OwnerReference{
		APIVersion: infrav1.GroupVersion.String(), Kind: string(infrav1.CredentialsIdentity), Name: s.identity.Name, UID: s.identity.UID,
	})
	if len(secret.OwnerReferences) == len(before.OwnerReferences) {
		return nil
	}
	// The lock holds against whoever changes the list of owners at the same time.
	err := r.Client.Patch(ctx, secret, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsForbidden(err) {
		// Admission may ask for more rights than the provider has. The credentials work all the same.
		ctrl.LoggerFrom(ctx).Error(err, "Setting the owner of the Secret: it will not move with its MaasClusterIdentity", "Secret", key)
		return nil
	}
	return client.IgnoreNotFound(err)
}

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	s.identity.Status.ObservedGeneration = s.identity.Generation
	available := access.Condition(s.problem)
	ready := available
	ready.Type = infrav1.ReadyCondition
	if ready.Status == metav1.ConditionTrue {
		ready.Reason = infrav1.ReadyReason
	}
	for _, c := range []metav1.Condition{available, ready} {
		c.ObservedGeneration = s.identity.Generation
		conditions.Set(s.identity, c)
	}
}

// identitiesOfMaas wakes every identity when the health of a connection changed.
func (r *Reconciler) identitiesOfMaas(ctx context.Context, systemIDs []string) ([]ctrl.Request, error) {
	if systemIDs != nil {
		return nil, nil
	}
	identities := &infrav1.MaasClusterIdentityList{}
	if err := r.Client.List(ctx, identities, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing MaasClusterIdentities: %w", err)
	}
	requests := make([]ctrl.Request, 0, len(identities.Items))
	for i := range identities.Items {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&identities.Items[i])})
	}
	return requests, nil
}
