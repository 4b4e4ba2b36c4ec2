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

package maascluster

import (
	"slices"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// recordStep is what to do about the DNS record.
type recordStep string

const (
	// recordKeep leaves it as it is, or as it is not.
	recordKeep recordStep = "Keep"
	// recordClaim writes down that the record of this name is the cluster's.
	recordClaim recordStep = "Claim"
	// recordCreate and recordUpdate give it the planned addresses.
	recordCreate recordStep = "Create"
	recordUpdate recordStep = "Update"
	// recordTaken leaves the record of somebody else alone.
	recordTaken recordStep = "Taken"
)

// member is a control plane machine as the record sees it.
type member struct {
	// addresses are those in the chosen subnet.
	addresses []string
	// leaving machines are being deleted.
	leaving bool
	// deployed machines have an address, whether it is known now or not.
	deployed bool
}

// planRecord decides what to do about the record, nil when there is none, and which addresses it is to have, sorted.
//
// A record that worked is never emptied. Machines on their way out count only while they are all there is, and no address is dropped while
// one that should stand beside it is not known: after a restore or a move the status of machines comes back one by one.
func planRecord(record *maas.DNSResource, claimed bool, members []member) (recordStep, []string) {
	staying, leaving, complete := addressesOf(members)
	if record != nil && !claimed {
		return judgeRecord(record, slices.Concat(staying, leaving), complete), nil
	}
	wanted := staying
	if len(wanted) == 0 {
		wanted = leaving
	}
	switch {
	case len(wanted) == 0:
		return recordKeep, nil
	case len(staying) == 0 && record != nil && slices.ContainsFunc(record.Addresses, func(a string) bool { return slices.Contains(leaving, a) }):
		// It is as good as it gets: those that it has lost have gone further.
		return recordKeep, nil
	case !claimed:
		return recordClaim, nil
	case record == nil:
		return recordCreate, sorted(wanted)
	}
	if !complete {
		wanted = slices.Concat(wanted, record.Addresses)
	}
	if wanted = sorted(wanted); !slices.Equal(record.Addresses, wanted) {
		return recordUpdate, wanted
	}
	return recordKeep, nil
}

// judgeRecord tells whose a record is that was never claimed: only what it points at can tell.
func judgeRecord(record *maas.DNSResource, ours []string, complete bool) recordStep {
	isForeign := func(address string) bool { return !slices.Contains(ours, address) }
	switch {
	case len(ours) > 0 && !slices.ContainsFunc(record.Addresses, isForeign):
		return recordClaim
	case complete:
		return recordTaken
	}
	return recordKeep
}

// addressesOf sums the machines up; complete is false while the address of a deployed one that stays is not known.
func addressesOf(members []member) (staying, leaving []string, complete bool) {
	complete = true
	for _, m := range members {
		if m.leaving {
			leaving = append(leaving, m.addresses...)
			continue
		}
		staying = append(staying, m.addresses...)
		complete = complete && (!m.deployed || len(m.addresses) > 0)
	}
	return staying, leaving, complete
}

func sorted(addresses []string) []string {
	addresses = slices.Clone(addresses)
	slices.Sort(addresses)
	return slices.Compact(addresses)
}
