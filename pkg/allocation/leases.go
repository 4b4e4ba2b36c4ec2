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

package allocation

import (
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Requester is who asks for a machine.
type Requester struct {
	// Name is the MaasMachine's.
	Name string
	// Cluster and Owner, as Kind/name of what makes the machines, decide whom a reservation is for. Without an owner there is none.
	Cluster, Owner string
}

// Lease is what stands for a machine, or against taking it.
type Lease struct {
	// Version changes with every change of the lease.
	Version string
	// Holder has the machine; "" for an empty lease.
	Holder string
	// Pool keeps an empty lease, as namespace/name.
	Pool string
	// Allocated is true when the machine was seen to be held for the lease.
	Allocated bool
	// Leaving is true when the lease ends or what is on the machine does.
	Leaving bool
	// Cordoned and Quarantined machines are given to nobody.
	Cordoned, Quarantined bool
	// Reservation is nil when there is none.
	Reservation *Reservation
}

// Reservation says for whom an empty machine is kept.
type Reservation struct {
	Cluster, Owner string
	// Predecessor is the MaasMachine that freed it, FailureDomain the one that it had asked for.
	Predecessor, FailureDomain string
	// Expires orders reservations by when the machine was freed.
	Expires time.Time
}

// Rank is the class of a machine that may be taken; lower classes come first.
type Rank int

// The classes, in their order.
const (
	// RankPredecessor is reserved for the requester's owner and was freed by a machine of the requester's name.
	RankPredecessor Rank = iota
	// RankFailureDomain is reserved for the requester's owner and was freed by a machine that had asked for the same failure domain.
	RankFailureDomain
	// RankReserved is reserved for the requester's owner.
	RankReserved
	// RankHeld is kept empty by the requester's pool, for anybody in it.
	RankHeld
	// RankFree is Ready in MAAS and nobody's.
	RankFree
)

func (in Input) rank(m *maas.Machine) Rank {
	lease, leased := in.Leases[m.SystemID]
	switch r := lease.Reservation; {
	case !leased:
		return RankFree
	case r == nil:
		return RankHeld
	case r.Predecessor == in.Request.Requester.Name:
		return RankPredecessor
	case r.FailureDomain == in.Request.Zone:
		return RankFailureDomain
	default:
		return RankReserved
	}
}

// less is the total order in which machines that may be taken are considered.
func (in Input) less(a, b *maas.Machine) bool {
	rankA, rankB := in.rank(a), in.rank(b)
	if rankA != rankB {
		return rankA < rankB
	}
	if rankA <= RankReserved {
		expiresA, expiresB := in.Leases[a.SystemID].Reservation.Expires, in.Leases[b.SystemID].Reservation.Expires
		if !expiresA.Equal(expiresB) {
			return expiresA.Before(expiresB)
		}
	}
	return Less(a, b)
}

// awaits tells whether the machine is reserved for the requester and fits, but for what it does at the moment.
func (in Input) awaits(m *maas.Machine, reasons []Reason) bool {
	lease := in.Leases[m.SystemID]
	return len(reasons) == 1 && lease.Reservation != nil && leaseAllows(in, m) == "" && isFree(in, m) == reasons[0]
}

// Entitled tells whether a reservation is for the requester.
func Entitled(r Reservation, who Requester) bool {
	return who.Owner != "" && r.Owner == who.Owner && r.Cluster == who.Cluster
}

// leaseAllows returns what the lease on a machine has against its being taken, "" when there is none or it is empty and the requester's.
func leaseAllows(in Input, m *maas.Machine) Reason {
	lease, leased := in.Leases[m.SystemID]
	switch {
	case !leased:
		return ""
	case lease.Holder != "":
		return "leased"
	case lease.Leaving:
		return "leaving its pool"
	case lease.Pool == "" || lease.Pool != in.Request.Pool:
		return "kept by another pool"
	case lease.Reservation != nil && !Entitled(*lease.Reservation, in.Request.Requester):
		return "reserved for another owner"
	case lease.Cordoned:
		return "cordoned"
	case lease.Quarantined:
		return "in quarantine"
	}
	return ""
}
