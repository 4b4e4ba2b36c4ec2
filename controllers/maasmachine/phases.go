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

package maasmachine

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	capilabels "sigs.k8s.io/cluster-api/util/labels/format"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/succession"
)

// findHost finds the lease made out to this machine in the cache.
func (r *Reconciler) findHost(ctx context.Context, s *scope) error {
	return r.findHostIn(ctx, r.Client, s)
}

// findHostLive looks past the cache: the last reconcile may have been killed, or have finished a moment ago, between making the lease
// and noting it.
func (r *Reconciler) findHostLive(ctx context.Context, s *scope) error {
	return r.findHostIn(ctx, r.APIReader, s)
}

// findUnseenHost is findHostLive where there can be such a lease. After it the machine is treated as one that may have one.
func (r *Reconciler) findUnseenHost(ctx context.Context, s *scope) error {
	if r.newcomers.remove(s.maasMachine.UID) {
		return nil
	}
	return r.findHostLive(ctx, s)
}

func (r *Reconciler) findHostIn(ctx context.Context, reader client.Reader, s *scope) error {
	hosts := &infrav1.MaasHostList{}
	if err := reader.List(ctx, hosts, client.InNamespace(s.maasMachine.Namespace),
		client.MatchingLabels{infrav1.ConsumerLabel: consumerLabel(s.maasMachine)}); err != nil {
		return fmt.Errorf("listing the leases of this machine: %w", err)
	}
	for i := range hosts.Items {
		if isConsumer(s, &hosts.Items[i]) {
			s.host = &hosts.Items[i]
			return nil
		}
	}
	return nil
}

func isConsumer(s *scope, host *infrav1.MaasHost) bool {
	return host.Spec.ConsumerRef.Name == s.maasMachine.Name
}

// consumerLabel is the value of ConsumerLabel: the name where a label can hold it, a hash of it otherwise.
func consumerLabel(m *infrav1.MaasMachine) string {
	return capilabels.MustFormatValue(m.Name)
}

// checkPreconditions says what has to be there before a server is taken. It never stands in the way of deletion.
func (r *Reconciler) checkPreconditions(_ context.Context, s *scope) error {
	switch {
	case s.host != nil:
	case s.maasMachine.Spec.ProviderID != "":
		s.waitFor(infrav1.HostLostReason, fmt.Sprintf("The lease on %s is gone although the machine was provisioned. Delete the Machine to "+
			"replace it", s.maasMachine.Spec.ProviderID))
	case s.machine == nil:
		s.waitFor(infrav1.WaitingForOwnerReason, "Waiting for Cluster API to set the owner Machine")
	case s.cluster == nil || s.maasCluster == nil || !ptr.Deref(s.cluster.Status.Initialization.InfrastructureProvisioned, false):
		s.waitFor(infrav1.WaitingForClusterReason, "Waiting for the MaasCluster to be provisioned")
	case s.machine.Spec.Bootstrap.DataSecretName == nil:
		s.waitFor(infrav1.WaitingForBootstrapDataReason, "Waiting for the bootstrap provider to make the user data")
	}
	return nil
}

// leaseHost chooses a server and writes the choice down by making a MaasHost, before anything is done in MAAS. The API
// server lets one MaasHost of a name be made, so two machines cannot choose the same.
func (r *Reconciler) leaseHost(ctx context.Context, s *scope) error {
	if s.host != nil || s.wait != nil {
		return nil
	}
	request, err := r.request(ctx, s)
	if err != nil || s.wait != nil {
		return err
	}
	session, err := r.openMaas(ctx, s)
	if err != nil || s.wait != nil {
		return err
	}
	hosts := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, hosts, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing MaasHosts: %w", err)
	}
	machines := access.WithKeptDisks(session.Snapshot().List(), hosts.Items)
	if err := r.narrow(ctx, s, session, machines, &request); err != nil || s.wait != nil {
		return err
	}
	return r.takeHost(ctx, s, request, machines, hosts.Items)
}

// narrow adds to the request what image, network and disks demand of a server, and waits for what no server could give.
func (r *Reconciler) narrow(ctx context.Context, s *scope, session *inventory.Session, machines []*maas.Machine, request *allocation.Request) error {
	if err := r.findImage(ctx, s, session, request); err != nil || s.wait != nil {
		return err
	}
	if err := r.addNetwork(ctx, s, session, request); err != nil || s.wait != nil {
		return err
	}
	return r.checkDisks(ctx, s, session, machines, request)
}

// takeHost claims or leases the first server that fits and that nobody was faster to take. The order is the allocator's.
func (r *Reconciler) takeHost(ctx context.Context, s *scope, request allocation.Request, machines []*maas.Machine, hosts []infrav1.MaasHost) error {
	leases := access.Leases(hosts, r.Clock.Now())
	// Once is enough, but not before there is a server to lease: machines may wait for one for long, and look at every change in MAAS.
	sure := false
	for {
		decision := r.choices.choose(request, machines, leases, r.Clock.Now())
		switch {
		case decision.Awaited != nil:
			s.waitFor(infrav1.WaitingForReservedHostReason, awaiting(decision.Awaited))
			return nil
		case decision.Machine == nil:
			s.waitFor(infrav1.NoHostFitsReason, decision.Miss.String())
			return nil
		}
		if !sure {
			if err := r.findUnseenHost(ctx, s); err != nil || s.host != nil {
				r.choices.drop(decision.Machine.SystemID)
				return err
			}
			sure = true
		}
		take := r.makeLease
		if decision.Leased {
			take = r.claimLease
		}
		if taken, err := take(ctx, s, decision.Machine); taken || err != nil {
			return err
		}
		leases[decision.Machine.SystemID] = allocation.Lease{Holder: "a machine that was faster"}
	}
}

func awaiting(m *maas.Machine) string {
	return fmt.Sprintf("%s is reserved for this machine and is %s in MAAS. It is waited for until that ends or the reservation does; cordon "+
		"the MaasHost %s to take another server at once", m.Hostname, m.Status, m.SystemID)
}

// openMaas opens the session with a MAAS whose servers are known.
func (r *Reconciler) openMaas(ctx context.Context, s *scope) (*inventory.Session, error) {
	session, problem, err := r.Access.Open(ctx, s.maasMachine.Namespace, s.maasCluster.Spec.CredentialsRef)
	if err != nil {
		return nil, err
	}
	if problem != nil {
		s.waitFor(infrav1.WaitingForMaasReason, problem.Message)
		return nil, nil //nolint:nilnil // the wait is the answer
	}
	if !session.Snapshot().Synced() {
		s.waitFor(infrav1.WaitingForMaasReason, "Waiting for the first look at MAAS")
	}
	return session, nil
}

// makeLease makes the MaasHost; false when there is one on the server already.
func (r *Reconciler) makeLease(ctx context.Context, s *scope, m *maas.Machine) (bool, error) {
	host := newHost(s, m.SystemID)
	err := r.Client.Create(ctx, host)
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	if err != nil {
		r.choices.drop(m.SystemID)
		return false, fmt.Errorf("making the lease on %s: %w", m.SystemID, err)
	}
	ctrl.LoggerFrom(ctx).Info("Leased server", "MaasHost", host.Name, "hostname", m.Hostname)
	r.Recorder.Eventf(s.maasMachine, host, corev1.EventTypeNormal, "Leased", "Lease", "Leased server %s (%s)", m.Hostname, m.SystemID)
	s.host = host
	s.maasMachine.Status.Hostname = m.Hostname
	return true, nil
}

// claimLease claims an empty lease; false when somebody was faster. The API server takes the first of several claims on one version.
func (r *Reconciler) claimLease(ctx context.Context, s *scope, m *maas.Machine) (bool, error) {
	host := &infrav1.MaasHost{}
	key := client.ObjectKey{Namespace: s.maasMachine.Namespace, Name: m.SystemID}
	if err := r.Client.Get(ctx, key, host); err != nil {
		r.choices.drop(m.SystemID)
		return false, client.IgnoreNotFound(err)
	}
	before := host.DeepCopy()
	if host.Spec.ConsumerRef.Name != "" || !host.DeletionTimestamp.IsZero() {
		return false, nil
	}
	occupy(s, host)
	err := r.Client.Patch(ctx, host, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		r.choices.drop(m.SystemID)
		return false, nil
	}
	if err != nil {
		r.choices.drop(m.SystemID)
		return false, fmt.Errorf("claiming the lease on %s: %w", m.SystemID, err)
	}
	ctrl.LoggerFrom(ctx).Info("Claimed server", "MaasHost", host.Name, "hostname", m.Hostname, "predecessor", before.Spec.Reservation.Predecessor)
	r.Recorder.Eventf(s.maasMachine, host, corev1.EventTypeNormal, "Leased", "Claim", "Claimed server %s (%s)", m.Hostname, m.SystemID)
	s.host = host
	s.maasMachine.Status.Hostname = m.Hostname
	return true, nil
}

// request gathers what the machine needs from its own spec, its pool and its failure domain.
func (r *Reconciler) request(ctx context.Context, s *scope) (allocation.Request, error) {
	spec := &s.maasMachine.Spec
	if spec.HostPoolRef.Name == "" {
		return narrowed(allocation.Request{}, s), nil
	}
	pool := &infrav1.MaasHostPool{}
	key := client.ObjectKey{Namespace: s.maasMachine.Namespace, Name: spec.HostPoolRef.Name}
	if err := r.Client.Get(ctx, key, pool); err != nil {
		if apierrors.IsNotFound(err) {
			s.waitFor(infrav1.PoolNotFoundReason, fmt.Sprintf("spec.hostPoolRef: there is no MaasHostPool %s", key))
			return allocation.Request{}, nil
		}
		return allocation.Request{}, fmt.Errorf("getting MaasHostPool %s: %w", key, err)
	}
	if !pool.DeletionTimestamp.IsZero() {
		s.waitFor(infrav1.PoolNotFoundReason, fmt.Sprintf("spec.hostPoolRef: MaasHostPool %s is being deleted", key))
		return allocation.Request{}, nil
	}
	if !pool.Spec.CredentialsRef.SameAs(s.maasCluster.Spec.CredentialsRef) {
		s.waitFor(infrav1.PoolMismatchReason, fmt.Sprintf("MaasHostPool %s has credentialsRef %s and MaasCluster %s has %s: "+
			"name the same credentials in both", pool.Name, pool.Spec.CredentialsRef, s.maasCluster.Name,
			s.maasCluster.Spec.CredentialsRef))
		return allocation.Request{}, nil
	}
	s.pool = pool
	return narrowed(access.PoolRequest(pool), s), nil
}

// narrowed adds what the machine itself asks for.
func narrowed(request allocation.Request, s *scope) allocation.Request {
	request.Zone = s.machine.Spec.FailureDomain
	request.Requester = allocation.Requester{Name: s.maasMachine.Name, Cluster: s.cluster.Name, Owner: access.Owner(succession.OwnerOf(s.machine))}
	request.Selectors = append(request.Selectors, access.Selector(s.maasMachine.Spec.Selector))
	return request
}

func newHost(s *scope, systemID string) *infrav1.MaasHost {
	host := &infrav1.MaasHost{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.maasMachine.Namespace, Name: systemID, Finalizers: []string{infrav1.HostFinalizer}},
		Spec: infrav1.MaasHostSpec{
			SystemID:       systemID,
			LeaseID:        infrav1.NewLeaseID(),
			CredentialsRef: s.maasCluster.Spec.CredentialsRef,
			HostPoolRef:    s.maasMachine.Spec.HostPoolRef,
		},
	}
	occupy(s, host)
	return host
}

// occupy makes a lease out to the machine.
func occupy(s *scope, host *infrav1.MaasHost) {
	if host.Labels == nil {
		host.Labels = map[string]string{}
	}
	host.Labels[clusterv1.ClusterNameLabel] = s.cluster.Name
	host.Labels[infrav1.ConsumerLabel] = consumerLabel(s.maasMachine)
	if v, ok := s.maasMachine.Labels[clusterv1.WatchLabel]; ok {
		host.Labels[clusterv1.WatchLabel] = v
	}
	// The owner puts the lease into the Cluster's graph for clusterctl move. It is not the MaasMachine, for the lease is to outlive that.
	host.OwnerReferences = util.EnsureOwnerRef(host.OwnerReferences, metav1.OwnerReference{
		APIVersion: infrav1.GroupVersion.String(), Kind: "MaasCluster", Name: s.maasCluster.Name, UID: s.maasCluster.UID,
	})
	if s.pool != nil {
		host.OwnerReferences = util.EnsureOwnerRef(host.OwnerReferences, infrav1.PoolOwner(s.pool))
	}
	host.Spec.ClusterName = s.cluster.Name
	host.Spec.ConsumerRef = infrav1.LocalObjectReference{Name: s.maasMachine.Name}
	host.Spec.Image = s.image
	host.Spec.Storage = claimedStorage(s)
	host.Spec.Network = s.maasMachine.Spec.Network
	host.Spec.UserDataSecretRef = infrav1.LocalObjectReference{Name: *s.machine.Spec.Bootstrap.DataSecretName}
	host.Spec.Reservation = infrav1.HostReservation{}
}

// reportProvisioned gives Cluster API the providerID once the server is deployed.
func (r *Reconciler) reportProvisioned(ctx context.Context, s *scope) error {
	if s.host == nil || s.host.Status.DeployedTime.IsZero() || s.maasMachine.Spec.ProviderID != "" {
		return nil
	}
	if wait, err := r.waitForHook(ctx, s); err != nil || wait {
		return err
	}
	s.maasMachine.Spec.ProviderID = infrav1.ProviderIDPrefix + s.host.Spec.SystemID
	ctrl.LoggerFrom(ctx).Info("Server is deployed", "providerID", s.maasMachine.Spec.ProviderID)
	r.Recorder.Eventf(s.maasMachine, s.host, corev1.EventTypeNormal, "Provisioned", "Deploy", "Server %s is deployed",
		s.host.Status.MAAS.Hostname)
	return nil
}
