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
	"slices"
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
)

func reserved(predecessors ...string) []hostpool.Reservation {
	var out []hostpool.Reservation
	for i, p := range predecessors {
		out = append(out, hostpool.Reservation{Host: "host-of-" + p, Predecessor: p, Expires: time.Unix(int64(i+1), 0)})
	}
	return out
}

func TestExpects(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		demand   hostpool.Demand
		reserved []hostpool.Reservation
		want     bool
	}{
		"replaced":                                {hostpool.Demand{Wanted: 3, Served: []string{"b", "c"}}, nil, true},
		"replaced, its own lease not marked yet":  {hostpool.Demand{Wanted: 3, Served: []string{"a", "b", "c"}}, nil, true},
		"scaled in":                               {hostpool.Demand{Wanted: 2, Served: []string{"b", "c"}}, nil, false},
		"replaced after the surge":                {hostpool.Demand{Wanted: 3, Served: []string{"b", "c", "d"}}, nil, false},
		"all at once":                             {hostpool.Demand{Wanted: 3}, reserved("b", "c"), true},
		"all at once, the others not marked yet":  {hostpool.Demand{Wanted: 3, Served: []string{"b", "c"}}, reserved("b", "c"), true},
		"scaled in by one while two are replaced": {hostpool.Demand{Wanted: 2}, reserved("b", "c"), false},
		"decided before":                          {hostpool.Demand{Wanted: 1}, reserved("a"), true},
		"deleted owner":                           {hostpool.Demand{}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := hostpool.Expects(tt.demand, "a", tt.reserved); got != tt.want {
				t.Errorf("want %t, got %t", tt.want, got)
			}
		})
	}
}

func TestExcess(t *testing.T) {
	t.Parallel()
	underway := hostpool.Reservation{Host: "host-of-z", Predecessor: "z"}
	for name, tt := range map[string]struct {
		demand   hostpool.Demand
		reserved []hostpool.Reservation
		want     []string
	}{
		"every successor is lacking":              {hostpool.Demand{Wanted: 3, Served: []string{"c"}}, reserved("a", "b"), nil},
		"scaled in by one: the latest goes":       {hostpool.Demand{Wanted: 2, Served: []string{"c"}}, reserved("a", "b"), []string{"host-of-b"}},
		"one not free yet is later than any":      {hostpool.Demand{Wanted: 2, Served: []string{"c"}}, append(reserved("a"), underway), []string{"host-of-z"}},
		"successor found another server":          {hostpool.Demand{Wanted: 1, Served: []string{"d"}}, reserved("a"), []string{"host-of-a"}},
		"deleted owner":                           {hostpool.Demand{}, reserved("a", "b"), []string{"host-of-a", "host-of-b"}},
		"more machines than wanted, for a moment": {hostpool.Demand{Wanted: 1, Served: []string{"c", "d"}}, reserved("a"), []string{"host-of-a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, r := range hostpool.Excess(tt.demand, tt.reserved) {
				got = append(got, r.Host)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("want %v, got %v", tt.want, got)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for name, tt := range map[string]struct {
		host hostpool.Host
		want hostpool.Verdict
	}{
		"held":                                   {hostpool.Host{PoolHolds: true, Matches: true}, hostpool.Keep},
		"not held":                               {hostpool.Host{Matches: true}, hostpool.LetGo},
		"held and moved out of the pool":         {hostpool.Host{PoolHolds: true}, hostpool.LetGo},
		"gone from MAAS":                         {hostpool.Host{PoolHolds: true, Matches: true, Absent: true, Reserved: true, Wanted: true}, hostpool.LetGo},
		"reserved in a pool that holds none":     {hostpool.Host{Matches: true, Reserved: true, Wanted: true, Expires: now.Add(1)}, hostpool.Keep},
		"reserved and not free yet":              {hostpool.Host{Matches: true, Reserved: true, Wanted: true}, hostpool.Keep},
		"reserved and moved out of the pool":     {hostpool.Host{PoolHolds: true, Reserved: true, Wanted: true, Expires: now.Add(1)}, hostpool.Keep},
		"expired":                                {hostpool.Host{PoolHolds: true, Matches: true, Reserved: true, Wanted: true, Expires: now}, hostpool.Unreserve},
		"no successor expected":                  {hostpool.Host{PoolHolds: true, Matches: true, Reserved: true, Expires: now.Add(1)}, hostpool.Unreserve},
		"cordoned in a pool that holds none":     {hostpool.Host{Matches: true, Cordoned: true}, hostpool.Keep},
		"quarantined in a pool that holds none":  {hostpool.Host{Matches: true, Quarantined: true}, hostpool.Keep},
		"pool deleted with a reserved server":    {hostpool.Host{PoolHolds: true, PoolDeleting: true, Matches: true, Reserved: true, Wanted: true}, hostpool.LetGo},
		"pool deleted with a quarantined server": {hostpool.Host{PoolDeleting: true, Quarantined: true}, hostpool.LetGo},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, why := hostpool.Judge(tt.host, now)
			if got != tt.want || why == "" {
				t.Errorf("want %s and why, got %s %q", tt.want, got, why)
			}
		})
	}
}

func TestQuarantineWait(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{
		0: 0, 1: 0, 2: 10 * time.Minute, 3: 20 * time.Minute, 9: 1280 * time.Minute, 10: 24 * time.Hour, 1000000: 24 * time.Hour,
	} {
		if got := hostpool.QuarantineWait(failures); got != want {
			t.Errorf("after %d failures: want %s, got %s", failures, want, got)
		}
	}
}
