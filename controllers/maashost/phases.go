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

package maashost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// maxSteps bounds the steps of one reconcile; the longest way, from a server to be vacated to a running installation, takes about ten.
const maxSteps = 16

// releaseRetry is the least time between two release calls for one server.
const releaseRetry = 20 * time.Second

// powerRetry is the least time between two orders to switch one server.
const powerRetry = 20 * time.Second

// switchOffPatience is how long a server that is vacated may take to shut down by itself. After that it is released while it runs, and MAAS
// switches it off the hard way.
const switchOffPatience = 2 * time.Minute

// adopt sees to it that MaasCluster and pool own the lease, which puts it into their graphs for clusterctl move. The lease is made with
// these owners; this brings them back after a restore from a backup, and keeps their API version current.
func (r *Reconciler) adopt(ctx context.Context, s *scope) error {
	if s.deleting() {
		return nil
	}
	maasCluster, err := r.maasClusterOf(ctx, s)
	if err != nil {
		return err
	}
	owners := ownersOf(s.host.OwnerReferences, maasCluster, s.pool)
	if apiequality.Semantic.DeepEqual(owners, s.host.OwnerReferences) {
		return nil
	}
	return r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.OwnerReferences = owners })
}

// maasClusterOf returns the MaasCluster of the lease's Cluster, nil when there is none.
func (r *Reconciler) maasClusterOf(ctx context.Context, s *scope) (*infrav1.MaasCluster, error) {
	if s.cluster == nil || s.cluster.Spec.InfrastructureRef.Name == "" {
		return nil, nil //nolint:nilnil // an empty lease has no Cluster
	}
	maasCluster := &infrav1.MaasCluster{}
	key := client.ObjectKey{Namespace: s.host.Namespace, Name: s.cluster.Spec.InfrastructureRef.Name}
	if err := r.Client.Get(ctx, key, maasCluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil //nolint:nilnil // it goes before its Cluster
		}
		return nil, fmt.Errorf("getting MaasCluster %s: %w", key, err)
	}
	return maasCluster, nil
}

// ownersOf adds to the owners of a lease those that it should have; either may be nil.
func ownersOf(owners []metav1.OwnerReference, maasCluster *infrav1.MaasCluster, pool *infrav1.MaasHostPool) []metav1.OwnerReference {
	owners = slices.Clone(owners)
	if maasCluster != nil {
		owners = util.EnsureOwnerRef(owners, metav1.OwnerReference{
			APIVersion: infrav1.GroupVersion.String(), Kind: "MaasCluster", Name: maasCluster.Name, UID: maasCluster.UID,
		})
	}
	if pool != nil {
		owners = util.EnsureOwnerRef(owners, infrav1.PoolOwner(pool))
	}
	return owners
}

// findConsumer learns what has become of the MaasMachine. That it is gone is believed only past the cache.
func (r *Reconciler) findConsumer(ctx context.Context, s *scope) error {
	if s.host.Spec.ConsumerRef.Name == "" {
		s.consumer = consumerNone
		return nil
	}
	key := client.ObjectKey{Namespace: s.host.Namespace, Name: s.host.Spec.ConsumerRef.Name}
	machine := &infrav1.MaasMachine{}
	err := r.Client.Get(ctx, key, machine)
	if apierrors.IsNotFound(err) {
		err = r.APIReader.Get(ctx, key, machine)
	}
	switch {
	case apierrors.IsNotFound(err):
		s.consumer = consumerGone
	case err != nil:
		return fmt.Errorf("getting MaasMachine %s: %w", key, err)
	case !machine.DeletionTimestamp.IsZero():
		s.consumer = consumerDeleting
		s.consumerProvisioned = machine.Spec.ProviderID != ""
	default:
		s.consumer = consumerLives
		s.consumerProvisioned = machine.Spec.ProviderID != ""
	}
	return nil
}

// openSession connects to the MAAS of the lease. A problem with the credentials is a fact for the status, not an error.
func (r *Reconciler) openSession(ctx context.Context, s *scope) error {
	open := r.Access.Open
	if s.deleting() {
		open = r.Access.OpenToFinish
	}
	session, problem, err := open(ctx, s.host.Namespace, s.host.Spec.CredentialsRef)
	if err != nil {
		return err
	}
	if problem != nil {
		s.accessProblem = problem.Message
		return nil
	}
	s.session = session
	return nil
}

// drive takes the steps that can be taken now.
func (r *Reconciler) drive(ctx context.Context, s *scope) (ctrl.Result, error) {
	s.observation = r.observe(s)
	for range maxSteps {
		if err := r.noteProgress(ctx, s); err != nil {
			return ctrl.Result{}, err
		}
		if err := r.loadNetwork(ctx, s); err != nil {
			return r.afterFailure(s, err)
		}
		if err := r.findShared(ctx, s); err != nil {
			return ctrl.Result{}, err
		}
		s.compare()
		s.step = lifecycle.Next(s.lease(), s.observation)
		again, err := r.act(ctx, s)
		if err != nil {
			return r.afterFailure(s, err)
		}
		if !again {
			break
		}
	}
	if err := r.rejudgeDisks(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.learnNodeSubnet(ctx, s); err != nil {
		return r.afterFailure(s, err)
	}
	if s.retryAfter > 0 {
		return ctrl.Result{RequeueAfter: s.retryAfter}, nil
	}
	if s.step.Verb == lifecycle.Hold || s.userDataMissing || s.refused != nil || s.network.refusal != nil || s.disks.refusal != nil {
		return ctrl.Result{RequeueAfter: holdRecheck}, nil
	}
	return ctrl.Result{RequeueAfter: r.untilQuarantineEnds(s)}, nil
}

// act takes one step and tells whether another may follow at once.
func (r *Reconciler) act(ctx context.Context, s *scope) (bool, error) {
	switch s.step.Verb {
	case lifecycle.Wait, lifecycle.Hold:
		return false, nil
	case lifecycle.Verify:
		return true, r.verify(ctx, s)
	case lifecycle.PrepareDisks:
		return r.prepareDisks(ctx, s)
	case lifecycle.Allocate:
		return true, r.allocate(ctx, s)
	case lifecycle.Annotate:
		return true, r.annotate(ctx, s)
	case lifecycle.PrepareNetwork:
		return r.prepareNetwork(ctx, s)
	case lifecycle.Deploy:
		return r.deploy(ctx, s)
	case lifecycle.CheckInstall:
		return r.checkInstall(ctx, s)
	case lifecycle.PowerOff, lifecycle.PowerOn:
		return r.switchPower(ctx, s)
	case lifecycle.AskVacate, lifecycle.ShutDown, lifecycle.Release, lifecycle.StopErasing, lifecycle.Vacated, lifecycle.GiveUp, lifecycle.Finish:
		return r.leave(ctx, s)
	}
	return false, fmt.Errorf("no act for step %q", s.step.Verb)
}

// leave is act for the steps by which a server is vacated and a lease ends.
func (r *Reconciler) leave(ctx context.Context, s *scope) (bool, error) {
	switch s.step.Verb {
	case lifecycle.AskVacate:
		return true, r.goRound(ctx, s)
	case lifecycle.ShutDown:
		return r.shutDown(ctx, s)
	case lifecycle.Release:
		return r.release(ctx, s)
	case lifecycle.StopErasing:
		return r.stopErasing(ctx, s)
	case lifecycle.Vacated:
		return r.vacated(ctx, s)
	case lifecycle.GiveUp:
		return false, r.giveUp(ctx, s)
	default:
		r.finish(ctx, s)
		return false, nil
	}
}

// noteProgress writes down what the observation proves, for the planner of later reconciles and for people. While the server is to be
// vacated it proves nothing about what is to come.
func (r *Reconciler) noteProgress(ctx context.Context, s *scope) error {
	if s.observation.Machine == nil {
		return nil
	}
	if err := r.noteRepair(ctx, s); err != nil {
		return err
	}
	if err := r.notePower(ctx, s); err != nil {
		return err
	}
	if s.observation.Ownership != lifecycle.OwnershipOurs || s.lease().Vacate {
		return nil
	}
	now := metav1.NewTime(r.Clock.Now())
	if s.host.Status.AllocatedTime.IsZero() {
		s.host.Status.AllocatedTime = now
	}
	if s.host.Spec.ConsumerRef.Name == "" {
		return nil
	}
	switch s.observation.Machine.Status {
	case maas.StatusFailedDeployment:
		return r.noteFailure(ctx, s)
	case maas.StatusDeployed:
		if s.host.Status.DeployedTime.IsZero() {
			if err := r.noteSuccess(ctx, s); err != nil {
				return err
			}
			s.host.Status.DeployedTime = now
		}
	case maas.StatusDeploying:
	default:
		return nil
	}
	if s.host.Status.DeployStartTime.IsZero() {
		s.host.Status.DeployStartTime = now
	}
	return nil
}

// afterFailure sorts out what a failed MAAS call means: a refusal is a fact for the status and is tried again slowly,
// anything else is retried with back-off.
func (r *Reconciler) afterFailure(s *scope, err error) (ctrl.Result, error) {
	if _, ok := errors.AsType[*maas.Error](err); !ok {
		return ctrl.Result{}, err
	}
	s.refusal = err
	if s.step.Verb == lifecycle.Deploy && (maas.KindOf(err) == maas.Invalid || maas.KindOf(err) == maas.Forbidden) {
		r.refusals.note(s.host.UID, err, r.Clock.Now().Add(holdRecheck))
		return ctrl.Result{RequeueAfter: holdRecheck}, nil
	}
	return ctrl.Result{}, err
}
