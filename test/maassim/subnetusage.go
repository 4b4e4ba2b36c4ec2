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

package maassim

import (
	"fmt"
	"math/big"
	"net/http"
	"net/netip"
	"slices"
)

var subnetUsageRoutes = []route{
	{"subnets/*/", http.MethodGet, "reserved_ip_ranges", "subnet.reserved_ip_ranges", users, subnetUsage(takenOnly)},
	{"subnets/*/", http.MethodGet, "unreserved_ip_ranges", "subnet.unreserved_ip_ranges", users, subnetUsage(freeOnly)},
	{"subnets/*/", http.MethodGet, "statistics", "subnet.statistics", users, subnetStatistics},
}

// stretch is a run of addresses that are used alike; nobody uses those without a
// purpose.
type stretch struct {
	lo, hi   netip.Addr
	purposes []string
}

func (t *stretch) size() int {
	lo, hi := new(big.Int).SetBytes(t.lo.AsSlice()), new(big.Int).SetBytes(t.hi.AsSlice())
	return int(hi.Sub(hi, lo).Int64()) + 1
}

// stretches divide a subnet, without its network and broadcast addresses, by
// what the addresses are used for.
func (sn *subnet) stretches() []stretch {
	var taken []stretch
	for _, r := range sn.ranges {
		taken = append(taken, stretch{r.lo, r.hi, []string{r.kind()}})
	}
	if sn.gateway.IsValid() {
		taken = append(taken, stretch{sn.gateway, sn.gateway, []string{"gateway-ip"}})
	}
	for a := range sn.used {
		taken = append(taken, stretch{a, a, []string{"assigned-ip"}})
	}
	slices.SortFunc(taken, func(a, b stretch) int { return a.lo.Compare(b.lo) })
	var out []stretch
	next := sn.cidr.Addr().Next()
	free := func(until netip.Addr) {
		if next.Less(until) {
			out = append(out, stretch{next, until.Prev(), nil})
		}
	}
	for _, t := range joined(taken) {
		free(t.lo)
		out = append(out, t)
		next = t.hi.Next()
	}
	free(lastAddr(sn.cidr))
	return out
}

// joined merges what overlaps, and what is adjacent and used alike.
func joined(sorted []stretch) []stretch {
	var out []stretch
	for _, t := range sorted {
		if len(out) == 0 {
			out = append(out, t)
			continue
		}
		last := &out[len(out)-1]
		overlaps := !last.hi.Less(t.lo)
		if !overlaps && (last.hi.Next() != t.lo || !slices.Equal(last.purposes, t.purposes)) {
			out = append(out, t)
			continue
		}
		if last.hi.Less(t.hi) {
			last.hi = t.hi
		}
		last.purposes = append(last.purposes, t.purposes...)
		slices.Sort(last.purposes)
		last.purposes = slices.Compact(last.purposes)
	}
	return out
}

func (t *stretch) json() obj {
	o := obj{"start": t.lo.String(), "end": t.hi.String(), "num_addresses": t.size()}
	if t.purposes != nil {
		o["purpose"] = t.purposes
	}
	return o
}

func takenOnly(t *stretch) bool { return t.purposes != nil }
func freeOnly(t *stretch) bool  { return t.purposes == nil }

func subnetUsage(which func(*stretch) bool) handler {
	return func(rq *request) *response {
		return rq.withSubnet(func(sn *subnet) *response {
			out := []obj{}
			for _, t := range sn.stretches() {
				if which(&t) {
					out = append(out, t.json())
				}
			}
			return ok(out)
		})
	}
}

func subnetStatistics(rq *request) *response {
	return rq.withSubnet(func(sn *subnet) *response {
		total, taken, largest := 0, 0, 0
		ranges := []obj{}
		for _, t := range sn.stretches() {
			n := t.size()
			total += n
			j := t.json()
			if takenOnly(&t) {
				taken += n
			} else {
				largest = max(largest, n)
				j["purpose"] = []string{"unused"}
			}
			ranges = append(ranges, j)
		}
		usage := float64(taken) / float64(total)
		percent := int(usage*100 + 0.5)
		version := 6
		if sn.cidr.Addr().Is4() {
			version = 4
		}
		o := obj{
			"num_available": total - taken, "largest_available": largest, "num_unavailable": taken, "total_addresses": total,
			"usage": usage, "usage_string": fmt.Sprintf("%d%%", percent), "available_string": fmt.Sprintf("%d%%", 100-percent),
			"first_address": sn.cidr.Addr().Next().String(), "last_address": lastAddr(sn.cidr).Prev().String(), "ip_version": version,
		}
		if isTrue(rq.get("include_ranges")) {
			o["ranges"] = ranges
		}
		if isTrue(rq.get("include_suggestions")) { // there is none
			o["suggested_gateway"], o["suggested_dynamic_range"] = nil, nil
		}
		return ok(o)
	})
}
