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
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Floors under what is replayed, so that nothing can be skipped into a pass.
const (
	minReplayed   = 692
	recordedTotal = 758
)

// TestFidelity replays what a real MAAS 3.4.1 was asked and compares the
// answers: status, error text, JSON keys, types, nullability and the values
// that do not depend on chance.
func TestFidelity(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/recordings/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in testdata: %v", err)
	}
	var replayed, skipped, dependent, total atomic.Int64
	t.Run("files", func(t *testing.T) {
		for _, f := range files {
			name := strings.TrimSuffix(filepath.Base(f), ".jsonl.gz")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newPlayer(t, name)
				defer p.s.Close()
				for _, r := range loadRecordings(t, f) {
					total.Add(1)
					if p.play(&r) {
						replayed.Add(1)
					} else {
						skipped.Add(1)
					}
				}
				t.Logf("%s: %d replayed, %d not served, %d dependent on what is not served", name, p.replayed, p.skipped, p.depends)
				dependent.Add(int64(p.depends))
			})
		}
	})
	t.Logf("recordings: %d, replayed: %d, skipped: %d (%d of them not served, the rest depend on one that is not)",
		total.Load(), replayed.Load(), skipped.Load(), skipped.Load()-dependent.Load())
	if total.Load() < recordedTotal {
		t.Errorf("%d recordings found, want %d", total.Load(), recordedTotal)
	}
	if replayed.Load() < minReplayed {
		t.Errorf("%d recordings replayed, want at least %d", replayed.Load(), minReplayed)
	}
}

// player replays one file against a simulator of its own.
type player struct {
	t        *testing.T
	file     string
	s        *Server
	clock    *ManualClock
	keys     map[string]string
	nonce    int
	lastSeq  map[string]int
	replayed int
	skipped  int
	depends  int
	// tainted are machines that a recording which is not served has changed:
	// what is recorded of them afterwards cannot be replayed.
	tainted map[string]bool
	tokens  map[string]string // recorded token part → simulated
	secret  string            // of the token that was created
}

func newPlayer(t *testing.T, file string) *player {
	t.Helper()
	clock := NewManualClock(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))
	s := New(Config{Clock: clock, Timings: Timings{PowerOn: time.Second, PowerOff: time.Second}})
	s.SeedRecordedRack()
	return &player{
		t: t, file: file, s: s, clock: clock, lastSeq: map[string]int{}, tokens: map[string]string{}, tainted: map[string]bool{"": false},
		keys: map[string]string{"admin": RecordedAdminKey, "capi": RecordedUserKey},
	}
}

// play replays one recording and tells whether it was compared.
func (p *player) play(r *recording) bool {
	rest, _ := strings.CutPrefix(collapseSlashes(r.Path), apiRoot)
	for _, h := range hints[fmt.Sprintf("%s %s %d", p.file, r.User, r.Seq)] {
		h(p, r)
	}
	if id := systemIDOf(rest, strings.Split(rest, "/")[1:], &request{}); p.tainted[id] {
		if notServedReason(r.Method, rest, r.op()) != "" && !served(r, rest) {
			p.skipped++
		} else {
			p.depends++
		}
		return false
	}
	gap := r.Seq > p.lastSeq[r.User]+1
	p.lastSeq[r.User] = r.Seq
	p.prepare(r, gap)
	req := p.request(r)
	w := httptest.NewRecorder()
	p.s.ServeHTTP(w, req)
	if w.Code == http.StatusNotImplemented {
		if notServedReason(r.Method, rest, r.op()) == "" && !partlyServed(w.Body.String()) {
			p.t.Errorf("%s: 501 for an operation that NotServed does not list", r)
		}
		p.skipped++
		p.taint(r, rest)
		return false
	}
	p.replayed++
	p.compare(r, w)
	p.learn(r, w)
	return true
}

// taint marks what a recording that is not served changed or made.
func (p *player) taint(r *recording, rest string) {
	// Whatever a storage layout was, the one recorded next takes its place.
	if isRead(r.Method) || r.Status >= http.StatusBadRequest || r.op() == "set_storage_layout" {
		return
	}
	if id := systemIDOf(rest, strings.Split(rest, "/")[1:], &request{}); id != "" {
		p.tainted[id] = true
	}
	if body, isObj := r.Body.(map[string]any); isObj && body["system_id"] != nil {
		p.tainted[fmt.Sprint(body["system_id"])] = true
	}
}

// partlyServed tells whether a 501 is for some arguments of an operation.
func partlyServed(text string) bool {
	return strings.Contains(text, allAddressesReason) || strings.Contains(text, otherLayoutsReason)
}

// prepare brings the simulator to where the recorded MAAS was: requests that
// only tidied up or waited are not in the recordings.
func (p *player) prepare(r *recording, gap bool) {
	body, _ := r.Body.(map[string]any)
	op := r.op()
	switch {
	case op == "allocate" && gap:
		p.releaseAll()
	case op == "deploy" && r.Status != http.StatusConflict && gap:
		p.makeReady(machineOf(r.Path))
	}
	if op == "release" && body["power_state"] == "on" {
		id := fmt.Sprint(body["system_id"])
		p.until(r, func() bool { m, _ := p.s.Machine(id); return m.PowerState == "on" })
	}
	if r.Method == http.MethodGet && op == "" && body["status_name"] != nil {
		id := fmt.Sprint(body["system_id"])
		p.until(r, func() bool {
			m, _ := p.s.Machine(id)
			return m.StatusName == body["status_name"] && m.PowerState == body["power_state"]
		})
	}
}

func machineOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, apiRoot), "/")
	return parts[1]
}

// until lets simulated time pass until cond holds, for two hours at most.
func (p *player) until(r *recording, cond func() bool) {
	for range 14400 {
		if cond() {
			return
		}
		p.clock.Advance(500 * time.Millisecond)
	}
	p.t.Errorf("%s: two hours passed and the machine is not where it was recorded", r)
}

func (p *player) releaseAll() {
	for _, m := range p.s.Machines() {
		if m.Owner != "" {
			p.makeReady(m.SystemID)
		}
	}
}

func (p *player) makeReady(id string) {
	for range 100 {
		m, found := p.s.Machine(id)
		if !found || m.Status == StatusReady {
			return
		}
		_ = p.s.Operator().Unlock(id)
		_ = p.s.Operator().MarkFixed(id)
		_ = p.s.Operator().ReleaseByHand(id)
		p.clock.Advance(10 * time.Second)
	}
	p.t.Errorf("%s does not get Ready", id)
}
