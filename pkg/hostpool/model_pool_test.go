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
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/succession"
)

// poolController judges the empty leases of the pool and holds what is free.
func (w *rack) poolController() func() {
	hosts := w.list()
	leases := access.Leases(hosts, w.now)
	var acts []func()
	for i := range hosts {
		read := &hosts[i]
		if read.Spec.ConsumerRef.Name != "" || !read.DeletionTimestamp.IsZero() {
			continue
		}
		r := read.Spec.Reservation
		reserved := succession.Reserved(ns, r.ClusterName, r.Owner, hosts)
		excess := hostpool.Excess(w.demand(r.ClusterName, r.Owner), reserved)
		verdict, why := hostpool.Judge(hostpool.Host{
			PoolHolds: w.holds, Matches: true, Reserved: r.ClusterName != "", Expires: r.ExpirationTime.Time,
			Wanted:      !slices.ContainsFunc(excess, func(e hostpool.Reservation) bool { return e.Host == read.Name }),
			Quarantined: read.Spec.Quarantine.InForce(w.now),
		}, w.now)
		changed := read.DeepCopy()
		switch verdict {
		case hostpool.Keep:
			continue
		case hostpool.Unreserve:
			changed.Spec.Reservation = infrav1.HostReservation{}
		case hostpool.LetGo:
			changed.DeletionTimestamp = &metav1.Time{Time: w.now}
		}
		acts = append(acts, func() {
			if w.write(read.Name, read, changed) {
				w.note("%s: %s, %s", read.Name, verdict, why)
			}
		})
	}
	for _, m := range w.snapshot() {
		if _, leased := leases[m.SystemID]; w.holds && !leased && m.Status == maas.StatusReady && m.Owner == "" {
			host := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: m.SystemID},
				Spec: infrav1.MaasHostSpec{SystemID: m.SystemID, LeaseID: w.name("lease"), HostPoolRef: infrav1.LocalObjectReference{Name: "pool"}}}
			acts = append(acts, func() { w.write(m.SystemID, nil, host) })
		}
	}
	if len(acts) == 0 {
		return nil
	}
	return func() {
		for _, act := range acts {
			act()
		}
	}
}

// ownerController is Cluster API with maxSurge 0: it makes a machine when an old one has gone, and deletes what is too much.
func (w *rack) ownerController(o *owner) {
	var mine []string
	for _, name := range slices.Sorted(maps.Keys(w.machines)) {
		if m := w.machines[name]; m.owner == o.ref && m.cluster == o.cluster {
			mine = append(mine, name)
		}
	}
	wanted := o.wanted
	if o.deleting {
		wanted = 0
	}
	switch {
	case len(mine) < wanted:
		name := w.name("m")
		w.machines[name] = &machine{name: name, cluster: o.cluster, owner: o.ref, zone: o.zone}
	case len(mine) > wanted:
		w.machines[mine[w.rng.IntN(len(mine))]].deleting = true
	}
}
