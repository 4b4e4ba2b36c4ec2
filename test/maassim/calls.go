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
	"net/http"
	"sync"
	"time"
)

// Call is one API request.
type Call struct {
	Seq    uint64
	Time   time.Time // wall clock
	User   string    // "" when the request was not authenticated
	Method string
	Path   string
	// Op is the value of op=, "" for plain reads and writes.
	Op string
	// Name is the operation's name, such as "machines.allocate",
	// "machine.deploy", "machines.list", "machine.read", "events.query".
	Name     string
	SystemID string
	// Form holds the query and body parameters. Handlers and interceptors must
	// not change it. It is nil in the call log.
	Form     map[string][]string
	Status   int // 0 when no answer was given
	Duration time.Duration
}

// CallStats counts calls since the start or the last ResetCalls.
type CallStats struct {
	Total int
	// ByName counts per operation name, ByMachine per system id, ByStatus per
	// HTTP status (0 for calls that got no answer).
	ByName    map[string]int
	ByMachine map[string]int
	ByStatus  map[int]int
	// ByMachineName counts per system id, then per operation name.
	ByMachineName map[string]map[string]int
}

// callLog is a bounded log with counters.
type callLog struct {
	mu    sync.Mutex
	seq   uint64
	limit int
	calls []Call // ring once full
	next  int
	stats CallStats
}

func newCallLog(limit int) *callLog {
	l := &callLog{limit: limit}
	l.stats = emptyStats()
	return l
}

func emptyStats() CallStats {
	return CallStats{
		ByName: map[string]int{}, ByMachine: map[string]int{}, ByStatus: map[int]int{},
		ByMachineName: map[string]map[string]int{},
	}
}

func (l *callLog) number() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	return l.seq
}

func (l *callLog) add(c Call) {
	c.Form = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) < l.limit {
		l.calls = append(l.calls, c)
	} else {
		l.calls[l.next] = c
		l.next = (l.next + 1) % l.limit
	}
	l.stats.Total++
	l.stats.ByName[c.Name]++
	l.stats.ByStatus[c.Status]++
	if c.SystemID == "" {
		return
	}
	l.stats.ByMachine[c.SystemID]++
	per := l.stats.ByMachineName[c.SystemID]
	if per == nil {
		per = map[string]int{}
		l.stats.ByMachineName[c.SystemID] = per
	}
	per[c.Name]++
}

// Calls returns the logged calls, in the order in which they ended.
func (s *Server) Calls() []Call {
	l := s.calls
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Call, 0, len(l.calls))
	out = append(out, l.calls[l.next:]...)
	return append(out, l.calls[:l.next]...)
}

// CallStats returns the counters of calls.
func (s *Server) CallStats() CallStats {
	l := s.calls
	l.mu.Lock()
	defer l.mu.Unlock()
	out := emptyStats()
	out.Total = l.stats.Total
	for k, v := range l.stats.ByName {
		out.ByName[k] = v
	}
	for k, v := range l.stats.ByMachine {
		out.ByMachine[k] = v
	}
	for k, v := range l.stats.ByStatus {
		out.ByStatus[k] = v
	}
	for k, m := range l.stats.ByMachineName {
		per := make(map[string]int, len(m))
		for n, v := range m {
			per[n] = v
		}
		out.ByMachineName[k] = per
	}
	return out
}

// ResetCalls empties the call log and its counters.
func (s *Server) ResetCalls() {
	l := s.calls
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.next, l.stats = nil, 0, emptyStats()
}

// isRead tells calls that change nothing.
func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }
