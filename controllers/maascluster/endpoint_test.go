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
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func at(addresses ...string) member { return member{addresses: addresses, deployed: true} }
func gone(addresses ...string) member {
	return member{addresses: addresses, deployed: true, leaving: true}
}

func TestPlanRecord(t *testing.T) {
	t.Parallel()
	record := func(addresses ...string) *maas.DNSResource { return &maas.DNSResource{ID: 7, Addresses: addresses} }
	coming := member{}
	tests := []struct {
		name    string
		record  *maas.DNSResource
		claimed bool
		members []member
		step    recordStep
		want    []string
	}{
		{name: "no machine yet", step: recordKeep},
		{name: "machine without an address yet", members: []member{coming}, step: recordKeep},
		{name: "first address, not claimed yet", members: []member{at("10.0.0.1")}, step: recordClaim},
		{name: "first address", claimed: true, members: []member{at("10.0.0.1"), coming}, step: recordCreate, want: []string{"10.0.0.1"}},
		{name: "as it should be", record: record("10.0.0.1", "10.0.0.2"), claimed: true, members: []member{at("10.0.0.2"), at("10.0.0.1")}, step: recordKeep},
		{name: "another machine", record: record("10.0.0.1"), claimed: true, members: []member{at("10.0.0.2"), at("10.0.0.1")}, step: recordUpdate,
			want: []string{"10.0.0.1", "10.0.0.2"}},
		{name: "machine leaves", record: record("10.0.0.1", "10.0.0.2"), claimed: true, members: []member{gone("10.0.0.1"), at("10.0.0.2")},
			step: recordUpdate, want: []string{"10.0.0.2"}},
		{name: "machine leaves before its successor has an address", record: record("10.0.0.1"), claimed: true, members: []member{gone("10.0.0.1"), coming},
			step: recordKeep},
		{name: "last machine leaves", record: record("10.0.0.1"), claimed: true, members: []member{gone("10.0.0.1")}, step: recordKeep},
		{name: "all machines leave, one before the other", record: record("10.0.0.2"), claimed: true, members: []member{gone("10.0.0.1"), gone("10.0.0.2")},
			step: recordKeep},
		{name: "all machines leave and a hand changed the record", record: record("10.9.9.9"), claimed: true, members: []member{gone("10.0.0.1")},
			step: recordUpdate, want: []string{"10.0.0.1"}},
		{name: "last machine is gone", record: record("10.0.0.1"), claimed: true, step: recordKeep},
		{name: "all addresses are unknown", record: record("10.0.0.1"), claimed: true, members: []member{at(), at()}, step: recordKeep},
		{name: "one address is unknown", record: record("10.0.0.1", "10.0.0.2"), claimed: true, members: []member{at(), at("10.0.0.2")}, step: recordKeep},
		{name: "one address is unknown and one is new", record: record("10.0.0.1"), claimed: true, members: []member{at(), at("10.0.0.2")}, step: recordUpdate,
			want: []string{"10.0.0.1", "10.0.0.2"}},
		{name: "changed by hand", record: record("10.9.9.9"), claimed: true, members: []member{at("10.0.0.1")}, step: recordUpdate, want: []string{"10.0.0.1"}},
		{name: "emptied by hand", record: record(), claimed: true, members: []member{at("10.0.0.1")}, step: recordUpdate, want: []string{"10.0.0.1"}},
		{name: "deleted by hand", claimed: true, members: []member{at("10.0.0.1")}, step: recordCreate, want: []string{"10.0.0.1"}},
		{name: "somebody else's, before there is a machine", record: record("10.9.9.9"), step: recordTaken},
		{name: "somebody else's", record: record("10.9.9.9"), members: []member{at("10.0.0.1")}, step: recordTaken},
		{name: "somebody else's, with one of our addresses", record: record("10.0.0.1", "10.9.9.9"), members: []member{at("10.0.0.1")}, step: recordTaken},
		{name: "perhaps somebody else's", record: record("10.9.9.9"), members: []member{at(), at("10.0.0.1")}, step: recordKeep},
		{name: "ours by its addresses", record: record("10.0.0.1"), members: []member{at("10.0.0.1"), at("10.0.0.2")}, step: recordClaim},
		{name: "ours by a leaving machine", record: record("10.0.0.1"), members: []member{gone("10.0.0.1"), at("10.0.0.2")}, step: recordClaim},
		{name: "same address twice", claimed: true, members: []member{at("10.0.0.1"), at("10.0.0.1")}, step: recordCreate, want: []string{"10.0.0.1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			step, addresses := planRecord(tt.record, tt.claimed, tt.members)
			if step != tt.step || !slices.Equal(addresses, tt.want) {
				t.Errorf("want %s %v, got %s %v", tt.step, tt.want, step, addresses)
			}
		})
	}
}

// TestPlanRecordInvariants: over thousands of states of the world a record is never emptied, never loses the address of a machine
// that stays, is never changed without a claim, and is as it should be after one step.
func TestPlanRecordInvariants(t *testing.T) {
	t.Parallel()
	pool := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.9.9.9"}
	for seed := range uint64(5000) {
		random := rand.New(rand.NewPCG(seed, 1))
		some := func() []string {
			var out []string
			for _, a := range pool {
				if random.IntN(2) == 0 {
					out = append(out, a)
				}
			}
			return out
		}
		var record *maas.DNSResource
		if random.IntN(3) > 0 {
			record = &maas.DNSResource{ID: 1, Addresses: some()}
		}
		var members []member
		for range random.IntN(4) {
			m := member{leaving: random.IntN(3) == 0, deployed: random.IntN(3) > 0}
			if m.deployed && random.IntN(3) > 0 {
				m.addresses = []string{pool[random.IntN(3)]}
			}
			members = append(members, m)
		}
		claimed := random.IntN(2) == 0
		step, addresses := planRecord(record, claimed, members)
		if step != recordCreate && step != recordUpdate {
			continue
		}
		if !claimed {
			t.Fatalf("seed %d: want no write without a claim, got %s", seed, step)
		}
		if len(addresses) == 0 || !slices.IsSorted(addresses) {
			t.Fatalf("seed %d: want addresses, sorted, got %v", seed, addresses)
		}
		for _, m := range members {
			for _, a := range m.addresses {
				if !m.leaving && !slices.Contains(addresses, a) {
					t.Fatalf("seed %d: want %s of a machine that stays in %v", seed, a, addresses)
				}
			}
		}
		if again, _ := planRecord(&maas.DNSResource{ID: 1, Addresses: addresses}, true, members); again != recordKeep {
			t.Fatalf("seed %d: want nothing to do after %s %v, got %s", seed, step, addresses, again)
		}
	}
}

func TestChooseReservation(t *testing.T) {
	t.Parallel()
	subnet := netip.MustParsePrefix("10.0.0.0/24")
	none := netip.Addr{}
	a, b, other := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.10"), netip.MustParseAddr("10.0.1.5")
	tests := []struct {
		name         string
		held         []netip.Addr
		wanted, keep netip.Addr
		surplus      []netip.Addr
	}{
		{name: "nothing yet", wanted: none, keep: none},
		{name: "the wanted one is missing", wanted: a, keep: none},
		{name: "found again", held: []netip.Addr{b}, wanted: none, keep: b},
		{name: "as it should be", held: []netip.Addr{a}, wanted: a, keep: a},
		{name: "reserved twice", held: []netip.Addr{b, a}, wanted: none, keep: a, surplus: []netip.Addr{b}},
		{name: "reserved twice, one is the endpoint", held: []netip.Addr{b, a}, wanted: b, keep: b, surplus: []netip.Addr{a}},
		{name: "of the subnet before", held: []netip.Addr{other}, wanted: none, keep: none, surplus: []netip.Addr{other}},
		{name: "another than the endpoint", held: []netip.Addr{b}, wanted: a, keep: none, surplus: []netip.Addr{b}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			keep, surplus := chooseReservation(tt.held, tt.wanted, subnet)
			if keep != tt.keep || !slices.Equal(surplus, tt.surplus) {
				t.Errorf("want %s kept and %v given back, got %s and %v", tt.keep, tt.surplus, keep, surplus)
			}
		})
	}
}

func TestReservationName(t *testing.T) {
	t.Parallel()
	label := regexp.MustCompile("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
	const unique = "3f9a2b1c-7d44-4f0e-9b7a-000000000000"
	for _, cluster := range []string{"prod", "a.b", strings.Repeat("a", 63), strings.Repeat("a-", 31) + "a", "...", "PROD_1", ""} {
		if got := reservationName(cluster, unique); !label.MatchString(got) || !strings.HasSuffix(got, "vip-3f9a2b1c7d44") {
			t.Errorf("%q: want a host name of at most 63 characters that ends in what is unique, got %q", cluster, got)
		}
	}
}

func TestWaitingSince(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	before := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }
	tests := []struct {
		name      string
		condition *metav1.Condition
		deleted   time.Duration
		want      time.Duration
	}{
		{"never asked", nil, time.Hour, 0},
		{"answers until now", &metav1.Condition{Status: metav1.ConditionTrue, LastTransitionTime: before(time.Hour)}, time.Hour, 0},
		{"silent since the deletion began", &metav1.Condition{Status: metav1.ConditionFalse, LastTransitionTime: before(time.Minute)}, time.Hour, time.Minute},
		{"silent long before", &metav1.Condition{Status: metav1.ConditionFalse, LastTransitionTime: before(24 * time.Hour)}, time.Minute, time.Minute},
		{"connecting", &metav1.Condition{Status: metav1.ConditionUnknown, LastTransitionTime: before(time.Minute)}, time.Hour, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			deleted := before(tt.deleted)
			s := &scope{maasCluster: &infrav1.MaasCluster{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted}}}
			if tt.condition != nil {
				tt.condition.Type = infrav1.MaasAvailableCondition
				s.maasCluster.Status.Conditions = []metav1.Condition{*tt.condition}
			}
			if got := now.Sub(s.waitingSince(now)); got != tt.want {
				t.Errorf("want a wait of %s, got %s", tt.want, got)
			}
		})
	}
}
