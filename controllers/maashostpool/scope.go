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

package maashostpool

import (
	"time"

	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// scope carries the facts of one reconcile. Phases set them; status.go turns them into the status.
type scope struct {
	pool    *infrav1.MaasHostPool
	now     time.Time
	problem *access.Problem
	// leases are all that the manager sees, members those of this pool. Both are shared with the cache.
	leases  []infrav1.MaasHost
	members []*infrav1.MaasHost
	// counted is true when there was a snapshot to count in; only then anything is held or let go.
	counted bool
	// matching are the servers of the pool by system_id; free those of them that nobody has. listed are all that MAAS shows.
	matching, listed                      map[string]*maas.Machine
	free                                  []*maas.Machine
	total, available, leased, unavailable int32
	// miss explains an empty pool, misfits the servers of the resource pool that do not match.
	miss, misfits allocation.Miss
	// wanted and surge are what is asked of the pool, set by sumUpDemand.
	wanted, surge int32
	// recheck is when to look again although nothing changes; 0 for not at all.
	recheck time.Duration
}

func (s *scope) deleting() bool { return !s.pool.DeletionTimestamp.IsZero() }

func (s *scope) isMember(host *infrav1.MaasHost) bool {
	return host.Namespace == s.pool.Namespace && host.Spec.HostPoolRef.Name == s.pool.Name
}

// lookAgain asks for another look at or before a moment.
func (s *scope) lookAgain(in time.Duration) {
	in = max(in, time.Second)
	if s.recheck == 0 || in < s.recheck {
		s.recheck = in
	}
}

// count goes through the servers once.
func (s *scope) count(machines []*maas.Machine) {
	s.counted = true
	s.matching, s.listed = map[string]*maas.Machine{}, make(map[string]*maas.Machine, len(machines))
	leases := access.Leases(s.leases, s.now)
	request := access.PoolRequest(s.pool)
	var misfits []*maas.Machine
	for _, m := range machines {
		s.listed[m.SystemID] = m
		if !allocation.Matches(request, m) {
			if request.ResourcePool != "" && m.Pool == request.ResourcePool {
				misfits = append(misfits, m)
			}
			continue
		}
		s.matching[m.SystemID] = m
		s.add(m, leases)
	}
	if s.total == 0 {
		s.miss = allocation.Nearest(request, machines)
	}
	s.misfits = allocation.Nearest(request, misfits)
}

func (s *scope) add(m *maas.Machine, leases map[string]allocation.Lease) {
	lease, leased := leases[m.SystemID]
	free := m.Status == maas.StatusReady && m.Owner == "" && !m.Locked
	s.total++
	switch {
	case !leased && free:
		s.available++
		s.free = append(s.free, m)
	case !leased, lease.Holder == "" && (lease.Cordoned || lease.Quarantined):
		s.unavailable++
	case isForAnybody(lease) && (free || m.Status == maas.StatusAllocated):
		s.available++
	default:
		s.leased++
	}
}

// isForAnybody tells whether any machine of the pool may claim the lease.
func isForAnybody(l allocation.Lease) bool {
	return l.Holder == "" && l.Reservation == nil && !l.Leaving
}

// states counts the members by what they do.
func (s *scope) states() map[infrav1.HostState]int32 {
	counts := map[infrav1.HostState]int32{}
	for _, host := range s.members {
		state := host.Status.State
		if state == "" {
			state = infrav1.HostStateUnknown
		}
		counts[state]++
	}
	return counts
}

func cordoned(host *infrav1.MaasHost) bool { return ptr.Deref(host.Spec.Unschedulable, false) }
