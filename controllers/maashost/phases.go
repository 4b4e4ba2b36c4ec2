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
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// maxSteps bounds the steps of one reconcile; the longest way, from a lease to a running installation, takes five.
const maxSteps = 8

// releaseRetry is the least time between two release calls for one server.
const releaseRetry = 20 * time.Second

// adopt sees to it that the MaasCluster owns the lease, which puts it into the Cluster's graph for clusterctl move. The lease is made with
// that owner; this brings it back after a restore from a backup, and keeps its API version current.
func (r *Reconciler) adopt(ctx context.Context, s *scope) error {
	if s.deleting() || s.cluster == nil || s.cluster.Spec.InfrastructureRef.Name == "" {
		return nil
	}
	maasCluster := &infrav1.MaasCluster{}
	key := client.ObjectKey{Namespace: s.host.Namespace, Name: s.cluster.Spec.InfrastructureRef.Name}
	if err := r.Client.Get(ctx, key, maasCluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("getting MaasCluster %s: %w", key, err)
	}
	s.host.OwnerReferences = util.EnsureOwnerRef(s.host.OwnerReferences, metav1.OwnerReference{
		APIVersion: infrav1.GroupVersion.String(), Kind: "MaasCluster", Name: maasCluster.Name, UID: maasCluster.UID,
	})
	return nil
}

// findConsumer learns what has become of the MaasMachine. That it is gone is believed only past the cache.
func (r *Reconciler) findConsumer(ctx context.Context, s *scope) error {
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
		r.noteProgress(s)
		s.step = lifecycle.Next(s.lease(), s.observation)
		again, err := r.act(ctx, s)
		if err != nil {
			return r.afterFailure(s, err)
		}
		if !again {
			break
		}
	}
	if s.retryAfter > 0 {
		return ctrl.Result{RequeueAfter: s.retryAfter}, nil
	}
	if s.step.Verb == lifecycle.Hold || s.userDataMissing {
		return ctrl.Result{RequeueAfter: holdRecheck}, nil
	}
	return ctrl.Result{}, nil
}

// act takes one step and tells whether another may follow at once.
func (r *Reconciler) act(ctx context.Context, s *scope) (bool, error) {
	switch s.step.Verb {
	case lifecycle.Wait, lifecycle.Hold:
		return false, nil
	case lifecycle.Verify:
		return true, r.verify(ctx, s)
	case lifecycle.Allocate:
		return true, r.allocate(ctx, s)
	case lifecycle.Annotate:
		return true, r.annotate(ctx, s)
	case lifecycle.Deploy:
		return r.deploy(ctx, s)
	case lifecycle.Release:
		return r.release(ctx, s)
	case lifecycle.GiveUp:
		return false, r.giveUp(ctx, s)
	case lifecycle.Finish:
		r.finish(ctx, s)
		return false, nil
	}
	return false, fmt.Errorf("no act for step %q", s.step.Verb)
}

// observe looks at the shared snapshot, which costs MAAS nothing.
func (r *Reconciler) observe(s *scope) lifecycle.Observation {
	snapshot := s.session.Snapshot()
	o := lifecycle.Observation{Known: snapshot.Synced()}
	if record, ok := snapshot.Get(s.host.Spec.SystemID); ok {
		o.Machine = record.Machine
	}
	r.judge(s, &o)
	return o
}

func (r *Reconciler) judge(s *scope, o *lifecycle.Observation) {
	o.Ownership = lifecycle.OwnershipOf(o.Machine, infrav1.MaasAnnotationLease, s.host.Spec.LeaseID)
	o.Annotated = o.Machine != nil && o.Machine.Annotations[infrav1.MaasAnnotationLease] == s.host.Spec.LeaseID
}

// verify asks MAAS for the machine by our agent name. When MAAS has none, it looks at what has become of the machine.
func (r *Reconciler) verify(ctx context.Context, s *scope) error {
	ours, err := s.session.ListMachines(ctx, maas.Filter{AgentName: s.host.Spec.LeaseID})
	if err != nil {
		return err
	}
	o := lifecycle.Observation{Known: true, Fresh: true, Ownership: lifecycle.OwnershipNotOurs}
	for i := range ours {
		if ours[i].SystemID == s.host.Spec.SystemID {
			o.Machine = &ours[i]
			o.Ownership = lifecycle.OwnershipOurs
			o.Annotated = ours[i].Annotations[infrav1.MaasAnnotationLease] == s.host.Spec.LeaseID
		}
	}
	if o.Machine == nil {
		o.Machine, err = s.session.GetMachine(ctx, s.host.Spec.SystemID)
		switch {
		case maas.IsNotFound(err):
			o.Machine = nil
		case maas.KindOf(err) == maas.Forbidden:
			o.Machine, o.Hidden = nil, true
		case err != nil:
			return err
		}
	}
	if o.Machine != nil && o.Machine.Owner != "" {
		region, err := r.Access.Region(ctx, s.session)
		if err != nil {
			return err
		}
		o.OurUser = o.Machine.Owner == region.User
	}
	s.observation = o
	return nil
}

func (r *Reconciler) allocate(ctx context.Context, s *scope) error {
	log := ctrl.LoggerFrom(ctx)
	log.Info("Allocating server in MAAS", "systemID", s.host.Spec.SystemID)
	m, err := s.session.Allocate(ctx, maas.AllocateRequest{
		SystemID:  s.host.Spec.SystemID,
		AgentName: s.host.Spec.LeaseID,
		Comment:   fmt.Sprintf("%s/%s", s.host.Namespace, s.host.Spec.ConsumerRef.Name),
	})
	if maas.IsConflict(err) {
		// Someone was faster, or an earlier call of ours got through and its answer did not.
		return r.verify(ctx, s)
	}
	if err != nil {
		return err
	}
	s.observation = lifecycle.Observation{Known: true, Fresh: true, Machine: m, Ownership: lifecycle.OwnershipOurs}
	return nil
}

func (r *Reconciler) annotate(ctx context.Context, s *scope) error {
	m, err := s.session.Annotate(ctx, s.host.Spec.SystemID, map[string]string{
		infrav1.MaasAnnotationLease:   s.host.Spec.LeaseID,
		infrav1.MaasAnnotationCluster: s.host.Namespace + "/" + s.host.Spec.ClusterName,
		infrav1.MaasAnnotationMachine: s.host.Spec.ConsumerRef.Name,
	})
	if err != nil {
		return err
	}
	s.observation.Machine, s.observation.Annotated = m, true
	return nil
}

// deploy is irreversible: it wipes disks. It comes only after a fresh read in this reconcile that showed the allocation to be ours.
func (r *Reconciler) deploy(ctx context.Context, s *scope) (bool, error) {
	if wait, refusal := r.refusals.pending(s.host.UID, r.Clock.Now()); wait > 0 {
		s.refusal, s.retryAfter = refusal, wait
		return false, nil
	}
	userData, err := r.userData(ctx, s)
	if err != nil || s.userDataMissing {
		return false, err
	}
	ctrl.LoggerFrom(ctx).Info("Deploying server", "systemID", s.host.Spec.SystemID, "image", s.host.Spec.Image.Name)
	m, err := s.session.Deploy(ctx, s.host.Spec.SystemID, maas.DeployRequest{
		AgentName:    s.host.Spec.LeaseID,
		DistroSeries: s.host.Spec.Image.Name,
		Kernel:       s.host.Spec.Image.Kernel,
		UserData:     userData,
		Comment:      fmt.Sprintf("%s/%s", s.host.Namespace, s.host.Spec.ConsumerRef.Name),
	})
	if err != nil {
		return false, err
	}
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "Deploying", "Deploy",
		"Installing %s on %s", s.host.Spec.Image.Name, m.Hostname)
	s.observation = lifecycle.Observation{Known: true, Machine: m, Ownership: lifecycle.OwnershipOurs, Annotated: true}
	return true, nil
}

func (r *Reconciler) userData(ctx context.Context, s *scope) ([]byte, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: s.host.Namespace, Name: s.host.Spec.UserDataSecretRef.Name}
	err := r.Client.Get(ctx, key, secret)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("getting bootstrap data Secret %s: %w", key, err)
	}
	s.userDataMissing = len(secret.Data["value"]) == 0
	return secret.Data["value"], nil
}

// release gives the server back, after a fresh read in this reconcile that showed the allocation to be ours, or a release of ours to
// have failed. A failed one is repeated at a pace that lets people see it.
func (r *Reconciler) release(ctx context.Context, s *scope) (bool, error) {
	if s.blocked() {
		// The fresh read found an allocation that the status did not know of, and a consumer lives on it.
		return false, nil
	}
	if s.step.Situation == lifecycle.ReleaseFailed {
		if wait, _ := r.refusals.pending(s.host.UID, r.Clock.Now()); wait > 0 {
			s.retryAfter = wait
			return false, nil
		}
	}
	ctrl.LoggerFrom(ctx).Info("Releasing server", "systemID", s.host.Spec.SystemID)
	m, err := s.session.Release(ctx, s.host.Spec.SystemID,
		maas.ReleaseRequest{Comment: fmt.Sprintf("%s/%s", s.host.Namespace, s.host.Spec.ConsumerRef.Name)})
	if err != nil {
		return false, err
	}
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "Releasing", "Release", "Giving %s back to MAAS", m.Hostname)
	// MAAS has dropped the agent name. A server that was off is Ready and nobody's at once.
	s.observation = lifecycle.Observation{Known: true, Machine: m, Fresh: true, Ownership: lifecycle.OwnershipNotOurs, OurUser: m.Owner != ""}
	r.refusals.note(s.host.UID, nil, r.Clock.Now().Add(releaseRetry))
	return true, nil
}

// giveUp deletes a lease that never got its server; the MaasMachine then chooses another.
func (r *Reconciler) giveUp(ctx context.Context, s *scope) error {
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "GaveUp", "Allocate",
		"Server %s cannot be allocated any more; another will be chosen for %s", s.host.Spec.SystemID, s.host.Spec.ConsumerRef.Name)
	uid, version := s.host.UID, s.host.ResourceVersion
	// The precondition holds against a consumer or a clusterctl move that changed the lease meanwhile.
	err := r.Client.Delete(ctx, s.host, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the lease on %s: %w", s.host.Spec.SystemID, err)
	}
	return nil
}

// finish lets the lease go: MAAS holds nothing under it.
func (r *Reconciler) finish(ctx context.Context, s *scope) {
	if s.observation.Hidden {
		r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "LeftBehind", "Release",
			"Server %s belongs to another MAAS user now and was not released", s.host.Spec.SystemID)
	}
	r.refusals.forget(s.host.UID)
	ctrl.LoggerFrom(ctx).Info("Lease ended", "systemID", s.host.Spec.SystemID)
	controllerutil.RemoveFinalizer(s.host, infrav1.HostFinalizer)
}

// noteProgress writes down what the observation proves, for the planner of later reconciles and for people.
func (r *Reconciler) noteProgress(s *scope) {
	if s.observation.Ownership != lifecycle.OwnershipOurs || s.observation.Machine == nil {
		return
	}
	now := metav1.NewTime(r.Clock.Now())
	status := &s.host.Status
	if status.AllocatedTime.IsZero() {
		status.AllocatedTime = now
	}
	started := s.observation.Machine.Status == maas.StatusDeploying || s.observation.Machine.Status == maas.StatusDeployed
	if started && status.DeployStartTime.IsZero() {
		status.DeployStartTime = now
	}
	if s.observation.Machine.Status == maas.StatusDeployed && status.DeployedTime.IsZero() {
		status.DeployedTime = now
	}
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
