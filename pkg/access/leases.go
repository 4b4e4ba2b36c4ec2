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

package access

import (
	"time"

	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
)

// Leases are leases as the allocator wants them, by system_id. Of two on one server, in two namespaces, one that is not empty counts.
func Leases(hosts []infrav1.MaasHost, now time.Time) map[string]allocation.Lease {
	leases := make(map[string]allocation.Lease, len(hosts))
	for i := range hosts {
		id := hosts[i].Spec.SystemID
		if known, ok := leases[id]; !ok || known.Holder == "" {
			leases[id] = lease(&hosts[i], now)
		}
	}
	return leases
}

func lease(host *infrav1.MaasHost, now time.Time) allocation.Lease {
	spec := &host.Spec
	l := allocation.Lease{
		Version:     host.ResourceVersion,
		Allocated:   !host.Status.AllocatedTime.IsZero(),
		Leaving:     !host.DeletionTimestamp.IsZero() || spec.Vacate.Purpose != "",
		Cordoned:    ptr.Deref(spec.Unschedulable, false),
		Quarantined: spec.Quarantine.InForce(now),
	}
	if spec.ConsumerRef.Name != "" {
		l.Holder = host.Namespace + "/" + spec.ConsumerRef.Name
	}
	if spec.HostPoolRef.Name != "" {
		l.Pool = host.Namespace + "/" + spec.HostPoolRef.Name
	}
	if r := &spec.Reservation; r.ClusterName != "" && (r.ExpirationTime.IsZero() || now.Before(r.ExpirationTime.Time)) {
		l.Reservation = &allocation.Reservation{
			Cluster: r.ClusterName, Owner: Owner(r.Owner), Predecessor: r.Predecessor, FailureDomain: r.FailureDomain, Expires: r.ExpirationTime.Time,
		}
	}
	return l
}

// Owner is the owner of Machines as the allocator wants it, "" for none.
func Owner(o infrav1.HostReservationOwner) string {
	if o.Kind == "" {
		return ""
	}
	return o.Kind + "/" + o.Name
}
