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

package hostpool_test

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
	"github.com/capmaas/cluster-api-provider-maas/pkg/succession"
)

// machineController takes a server for a machine, or lets go of it.
func (w *rack) machineController(name string) func() {
	m := w.machines[name]
	lease := w.leaseOf(name)
	switch {
	case m.deleting && lease == nil:
		return func() { delete(w.machines, name) }
	case m.deleting && (!lease.DeletionTimestamp.IsZero() || lease.Spec.Vacate.Purpose == infrav1.VacateFree):
		return nil
	case m.deleting:
		return w.vacate(m, lease)
	case lease != nil:
		if !lease.Status.DeployedTime.IsZero() {
			m.provisioned = true
		}
		return nil
	case m.provisioned:
		return nil
	}
	decision := w.choose(m)
	if decision.Machine == nil {
		return nil
	}
	id := decision.Machine.SystemID
	read := w.leases[id]
	changed := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: id},
		Spec: infrav1.MaasHostSpec{SystemID: id, LeaseID: w.name("lease"), HostPoolRef: infrav1.LocalObjectReference{Name: "pool"}}}
	if decision.Leased {
		if read == nil {
			return nil
		}
		changed = read.DeepCopy()
	} else if read != nil {
		return nil
	}
	reservation := changed.Spec.Reservation
	changed.Spec.ConsumerRef.Name, changed.Spec.ClusterName, changed.Spec.Reservation = name, m.cluster, infrav1.HostReservation{}
	return func() {
		if !w.write(id, read, changed) {
			return
		}
		w.note("%s takes %s", name, id)
		inForce := reservation.ClusterName != "" && w.now.Before(reservation.ExpirationTime.Time)
		if inForce && (reservation.ClusterName != m.cluster || reservation.Owner != m.owner) {
			w.violated("%s of %s/%s took %s, which is reserved for %s/%s", name, m.cluster, m.owner.Name, id, reservation.ClusterName, reservation.Owner.Name)
		}
		if m.zone != "" && w.servers[id].Zone != m.zone {
			w.violated("%s asked for zone %s and took %s", name, m.zone, id)
		}
	}
}

func (w *rack) choose(m *machine) allocation.Decision {
	return allocation.Choose(allocation.Input{
		Request: allocation.Request{Pool: pool, Zone: m.zone, Requester: allocation.Requester{Name: m.name, Cluster: m.cluster, Owner: access.Owner(m.owner)}},
		Leases:  access.Leases(w.list(), w.now), Machines: w.snapshot(),
	})
}

func (w *rack) vacate(m *machine, read *infrav1.MaasHost) func() {
	reserved := succession.Reserved(ns, m.cluster, m.owner, w.list())
	changed := read.DeepCopy()
	if hostpool.Expects(w.demand(m.cluster, m.owner), m.name, reserved) {
		changed.Spec.Reservation = infrav1.HostReservation{ClusterName: m.cluster, Owner: m.owner, Predecessor: m.name, FailureDomain: m.zone}
	} else if !w.holds && !read.Spec.Quarantine.InForce(w.now) && read.Spec.Unschedulable == nil {
		changed.DeletionTimestamp = &metav1.Time{Time: w.now}
	}
	if changed.DeletionTimestamp.IsZero() {
		changed.Spec.Vacate = infrav1.HostVacate{Purpose: infrav1.VacateFree}
	}
	return func() {
		if w.write(read.Name, read, changed) {
			w.note("%s leaves %s, reserved %t, ends %t", m.name, read.Name, changed.Spec.Reservation.ClusterName != "", !changed.DeletionTimestamp.IsZero())
		}
	}
}
