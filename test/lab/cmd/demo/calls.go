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

package main

import (
	"sync"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// stage is what the demo is at, to which calls are counted.
type stage string

const (
	creating  stage = "create"
	upgrading stage = "upgrade"
	steady    stage = "steady"
	deleting  stage = "delete"
)

// ledger counts calls of the MAAS API by machine. Not counted to any are the
// event log and full lists, which serve all machines together. A list by agent
// name is the machine's that was allocated under it.
type ledger struct {
	mu     sync.Mutex // guards the fields below
	stage  stage
	total  int
	events int
	leases map[string]string // system ids by agent name
	// counts are by system id, or agent name as long as it is that of no
	// allocation.
	counts map[string]map[stage]map[string]int
}

func newLedger() *ledger {
	return &ledger{stage: creating, leases: map[string]string{}, counts: map[string]map[stage]map[string]int{}}
}

// observe is a [maassim.Interceptor] that only looks.
func (l *ledger) observe(c *maassim.Call, p maassim.Phase) maassim.Action {
	if p == maassim.Before {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.add(c)
	}
	return maassim.Pass()
}

func (l *ledger) add(c *maassim.Call) {
	l.total++
	agent := ""
	if v := c.Form["agent_name"]; len(v) > 0 {
		agent = v[0]
	}
	switch {
	case c.Name == "events.query":
		l.events++
	case c.SystemID != "":
		if agent != "" {
			l.leases[agent] = c.SystemID
		}
		l.count(c.SystemID, c.Name)
	case agent != "":
		l.count(agent, c.Name+" by agent_name")
	default:
		// A batch is made for each machine that it names.
		for _, id := range c.Form["id"] {
			l.count(id, c.Name+" by id")
		}
	}
}

func (l *ledger) count(who, operation string) {
	stages := l.counts[who]
	if stages == nil {
		stages = map[stage]map[string]int{}
		l.counts[who] = stages
	}
	if stages[l.stage] == nil {
		stages[l.stage] = map[string]int{}
	}
	stages[l.stage][operation]++
}

// enter begins a stage and returns the number of calls before it.
func (l *ledger) enter(s stage) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stage = s
	return l.total
}

func (l *ledger) totals() (calls, events int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, l.events
}

// of sums up the calls for one machine.
func (l *ledger) of(systemID string) machineCalls {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := machineCalls{ByOperation: map[string]int{}}
	for who, stages := range l.counts {
		if who != systemID && l.leases[who] != systemID {
			continue
		}
		for s, operations := range stages {
			for name, n := range operations {
				out.Total += n
				out.ByOperation[name] += n
				switch s {
				case creating:
					out.Create += n
				case deleting:
					out.Delete += n
				}
			}
		}
	}
	return out
}
