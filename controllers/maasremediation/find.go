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

package maasremediation

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	capilabels "sigs.k8s.io/cluster-api/util/labels/format"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
)

// findOwners finds the objects above.
func (r *Reconciler) findOwners(ctx context.Context, s *scope) error {
	machine, err := util.GetOwnerMachine(ctx, r.Client, s.remediation.ObjectMeta)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("getting the owner Machine: %w", err)
	case machine == nil:
		return nil
	}
	if !machine.Status.NodeRef.IsDefined() {
		// That it never had a Node has its server installed anew, and is believed only past the cache.
		key := client.ObjectKeyFromObject(machine)
		if err := r.APIReader.Get(ctx, key, machine); err != nil {
			if apierrors.IsNotFound(err) {
				return nil
			}
			return fmt.Errorf("getting Machine %s: %w", key, err)
		}
	}
	s.machine = machine
	cluster := &clusterv1.Cluster{}
	key := client.ObjectKey{Namespace: machine.Namespace, Name: machine.Spec.ClusterName}
	if err := r.Client.Get(ctx, key, cluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("getting Cluster %s: %w", key, err)
	}
	s.cluster = cluster
	return nil
}

// findHost finds the MaasMachine and the lease of the Machine.
func (r *Reconciler) findHost(ctx context.Context, s *scope) error {
	if s.machine == nil || s.machine.Spec.InfrastructureRef.Kind != "MaasMachine" {
		return nil
	}
	maasMachine := &infrav1.MaasMachine{}
	key := client.ObjectKey{Namespace: s.machine.Namespace, Name: s.machine.Spec.InfrastructureRef.Name}
	if err := r.Client.Get(ctx, key, maasMachine); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("getting MaasMachine %s: %w", key, err)
	}
	s.maasMachine = maasMachine
	hosts := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, hosts, client.InNamespace(key.Namespace),
		client.MatchingLabels{infrav1.ConsumerLabel: capilabels.MustFormatValue(key.Name)}); err != nil {
		return fmt.Errorf("listing the leases of MaasMachine %s: %w", key, err)
	}
	for i := range hosts.Items {
		if hosts.Items[i].Spec.ConsumerRef.Name == key.Name {
			s.host = &hosts.Items[i]
		}
	}
	if s.host != nil {
		pool, err := access.PoolOf(ctx, r.Client, r.APIReader, s.host)
		if err != nil {
			return err
		}
		s.pool = pool
	}
	return nil
}

// lookAtMaas learns whether MAAS can be asked at all: what it said last is no ground to count an attempt that cannot be made.
func (r *Reconciler) lookAtMaas(ctx context.Context, s *scope) error {
	if s.host == nil {
		return nil
	}
	session, problem, err := r.Access.Open(ctx, s.host.Namespace, s.host.Spec.CredentialsRef)
	switch {
	case err != nil:
		return err
	case problem != nil:
		s.maasProblem = problem.Message
	case !session.Snapshot().Synced():
		s.maasProblem = "Waiting for the first look at MAAS"
	default:
		if health := session.Snapshot().Health(); health.Err != nil {
			s.maasProblem = health.Err.Error()
		}
	}
	return nil
}

// lookAtGate learns whether a gate guards the Cluster's data, and what of the Cluster is away.
func (r *Reconciler) lookAtGate(ctx context.Context, s *scope) error {
	gates := &infrav1.RepaveGateList{}
	if err := r.Client.List(ctx, gates, client.InNamespace(s.remediation.Namespace)); err != nil {
		return fmt.Errorf("listing RepaveGates: %w", err)
	}
	s.guarded = slices.ContainsFunc(gates.Items, func(g infrav1.RepaveGate) bool { return g.Spec.ClusterName == s.machine.Spec.ClusterName })
	if !s.guarded {
		return nil
	}
	return r.findAway(ctx, r.Client, s)
}

// findAway lists what else of the Cluster is away: nodes on their way through the gate, and servers that are being power-cycled.
func (r *Reconciler) findAway(ctx context.Context, reader client.Reader, s *scope) error {
	s.away = nil
	repaves := &infrav1.RepaveList{}
	if err := reader.List(ctx, repaves, client.InNamespace(s.remediation.Namespace)); err != nil {
		return fmt.Errorf("listing Repaves: %w", err)
	}
	for i := range repaves.Items {
		spec := &repaves.Items[i].Spec
		if spec.ClusterName == s.machine.Spec.ClusterName && spec.Outcome == "" && !s.own(spec) {
			s.away = append(s.away, fmt.Sprintf("node %s (Repave %s)", spec.NodeName, repaves.Items[i].Name))
		}
	}
	remediations := &infrav1.MaasRemediationList{}
	if err := reader.List(ctx, remediations, client.InNamespace(s.remediation.Namespace)); err != nil {
		return fmt.Errorf("listing MaasRemediations: %w", err)
	}
	hosts := &infrav1.MaasHostList{}
	if err := reader.List(ctx, hosts, client.InNamespace(s.remediation.Namespace)); err != nil {
		return fmt.Errorf("listing MaasHosts: %w", err)
	}
	for i := range hosts.Items {
		spec := &hosts.Items[i].Spec
		by := spec.PowerCycle.RemediationRef.Name
		if spec.ClusterName != s.machine.Spec.ClusterName || by == "" || by == s.remediation.Name || !s.now.Before(spec.PowerCycle.ExpirationTime.Time) {
			continue
		}
		if slices.ContainsFunc(remediations.Items, func(o infrav1.MaasRemediation) bool { return o.Name == by }) {
			s.away = append(s.away, fmt.Sprintf("server %s (MaasRemediation %s)", hosts.Items[i].Name, by))
		}
	}
	slices.Sort(s.away)
	return nil
}

// own tells whether a Repave is that of the Machine's own node: its own, or that of its predecessor, which stays open until the node is well.
func (s *scope) own(repave *infrav1.RepaveSpec) bool {
	return repave.MachineName == s.machine.Name || repave.NodeName == s.machine.Status.NodeRef.Name
}
