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

// Package succession finds out who makes the successor of a Machine and whether one is going to be made. It reads Cluster API's objects;
// what follows from them is decided in pkg/hostpool.
package succession

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
)

// Kinds of owners that the provider reads. Any other is a control plane, of which the Cluster tells the replicas.
const (
	machineDeployment = "MachineDeployment"
	machineSet        = "MachineSet"
)

// Reader reads from a cache, and past it before it believes that something is gone.
type Reader struct {
	Cache, Live client.Reader
}

// OwnerOf names what makes the Machine and would make its successor; the zero value for a Machine that somebody made by hand.
func OwnerOf(machine *clusterv1.Machine) infrav1.HostReservationOwner {
	if name := machine.Labels[clusterv1.MachineDeploymentNameLabel]; name != "" {
		return infrav1.HostReservationOwner{Kind: machineDeployment, Name: name}
	}
	owner := metav1.GetControllerOf(machine)
	if owner == nil || owner.Kind == "Cluster" {
		return infrav1.HostReservationOwner{}
	}
	return infrav1.HostReservationOwner{Kind: owner.Kind, Name: owner.Name}
}

// Expectation is what an owner of Machines wants.
type Expectation struct {
	hostpool.Demand
	// Paused is true while the Cluster is paused, in which case nothing is concluded: its objects may be on their way to another management
	// cluster. Unknown is true when Cluster API does not say how many Machines there are to be.
	Paused, Unknown bool
}

// Of finds out what an owner wants. Hosts are all leases of the namespace.
func (r Reader) Of(ctx context.Context, namespace, clusterName string, owner infrav1.HostReservationOwner, hosts []infrav1.MaasHost) (Expectation, error) {
	cluster := &clusterv1.Cluster{}
	found, err := r.get(ctx, client.ObjectKey{Namespace: namespace, Name: clusterName}, cluster)
	switch {
	case err != nil:
		return Expectation{}, err
	case found && annotations.IsPaused(cluster, cluster):
		return Expectation{Paused: true}, nil
	case !found || !cluster.DeletionTimestamp.IsZero():
		return Expectation{}, nil
	}
	e, err := r.wanted(ctx, cluster, owner)
	if err != nil || (e.Wanted == 0 && !e.Unknown) {
		return e, err
	}
	e.Served, err = r.served(ctx, cluster, owner, hosts)
	return e, err
}

func (r Reader) wanted(ctx context.Context, cluster *clusterv1.Cluster, owner infrav1.HostReservationOwner) (Expectation, error) {
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: owner.Name}
	switch owner.Kind {
	case machineDeployment:
		md := &clusterv1.MachineDeployment{}
		found, err := r.get(ctx, key, md)
		return replicas(found && md.DeletionTimestamp.IsZero(), md.Spec.Replicas), err
	case machineSet:
		ms := &clusterv1.MachineSet{}
		found, err := r.get(ctx, key, ms)
		return replicas(found && ms.DeletionTimestamp.IsZero(), ms.Spec.Replicas), err
	}
	if cluster.Spec.ControlPlaneRef.Name != owner.Name {
		return Expectation{}, nil
	}
	if cluster.Status.ControlPlane == nil || cluster.Status.ControlPlane.DesiredReplicas == nil {
		return Expectation{Unknown: true}, nil
	}
	return replicas(true, cluster.Status.ControlPlane.DesiredReplicas), nil
}

// replicas is 1 where Cluster API says nothing, which is its default.
func replicas(lives bool, n *int32) Expectation {
	if !lives {
		return Expectation{}
	}
	return Expectation{Demand: hostpool.Demand{Wanted: int(ptr.Deref(n, 1))}}
}

// served lists the MaasMachines of the owner that have a server and keep it.
func (r Reader) served(ctx context.Context, cluster *clusterv1.Cluster, owner infrav1.HostReservationOwner, hosts []infrav1.MaasHost) ([]string, error) {
	has := map[string]bool{}
	for i := range hosts {
		spec := &hosts[i].Spec
		leaving := spec.Vacate.Purpose == infrav1.VacateFree || !hosts[i].DeletionTimestamp.IsZero()
		if hosts[i].Namespace == cluster.Namespace && spec.ClusterName == cluster.Name && !leaving {
			has[spec.ConsumerRef.Name] = true
		}
	}
	machines := &clusterv1.MachineList{}
	if err := r.Cache.List(ctx, machines, client.InNamespace(cluster.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: cluster.Name},
		client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the Machines of Cluster %s: %w", cluster.Name, err)
	}
	var served []string
	for i := range machines.Items {
		m := &machines.Items[i]
		if m.DeletionTimestamp.IsZero() && OwnerOf(m) == owner && has[m.Spec.InfrastructureRef.Name] {
			served = append(served, m.Spec.InfrastructureRef.Name)
		}
	}
	return served, nil
}

// Expects tells whether the owner is going to make a successor of a machine that leaves its server.
func (e Expectation) Expects(leaving string, reserved []hostpool.Reservation) bool {
	if e.Paused {
		return false
	}
	return e.Unknown || hostpool.Expects(e.Demand, leaving, reserved)
}

// Excess returns the reservations that no successor is going to come for, as far as is known.
func (e Expectation) Excess(reserved []hostpool.Reservation) []hostpool.Reservation {
	if e.Paused || e.Unknown {
		return nil
	}
	return hostpool.Excess(e.Demand, reserved)
}

// Reserved lists the reservations for an owner.
func Reserved(namespace, clusterName string, owner infrav1.HostReservationOwner, hosts []infrav1.MaasHost) []hostpool.Reservation {
	var reserved []hostpool.Reservation
	for i := range hosts {
		r := &hosts[i].Spec.Reservation
		if hosts[i].Namespace != namespace || r.ClusterName != clusterName || r.Owner != owner || !hosts[i].DeletionTimestamp.IsZero() {
			continue
		}
		var expires time.Time
		if !r.ExpirationTime.IsZero() {
			expires = r.ExpirationTime.Time
		}
		reserved = append(reserved, hostpool.Reservation{Host: hosts[i].Name, Predecessor: r.Predecessor, Expires: expires})
	}
	return reserved
}

// get tells whether the object exists.
func (r Reader) get(ctx context.Context, key client.ObjectKey, o client.Object) (bool, error) {
	err := r.Cache.Get(ctx, key, o)
	if apierrors.IsNotFound(err) {
		err = r.Live.Get(ctx, key, o)
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("getting %T %s: %w", o, key, err)
	}
	return err == nil, nil
}
