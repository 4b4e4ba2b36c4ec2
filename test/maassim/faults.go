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
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Phase says when an interceptor is asked.
type Phase int

const (
	// Before is after authentication and before the server acts.
	Before Phase = iota
	// After is when the server has acted and not yet answered.
	After
)

// Action is what an interceptor wants done. The zero value passes.
type Action struct {
	kind    actionKind
	status  int
	body    string
	headers map[string]string
	delay   time.Duration
}

type actionKind int

const (
	actPass actionKind = iota
	actReply
	actDrop
)

// Pass lets the call go on.
func Pass() Action { return Action{} }

// Reply answers with the given status, text body and headers. In phase Before
// the server does not act; in phase After it has acted.
func Reply(status int, body string, headers map[string]string) Action {
	return Action{kind: actReply, status: status, body: body, headers: headers}
}

// Drop closes the connection without an answer. In phase After the act was
// done: a lost reply.
func Drop() Action { return Action{kind: actDrop} }

// Delay waits d of wall clock time, or until the client has gone, then passes.
func Delay(d time.Duration) Action { return Action{delay: d} }

// AfterDelay returns a with a wait of d of wall clock time before it.
func (a Action) AfterDelay(d time.Duration) Action {
	a.delay = d
	return a
}

// Interceptor looks at a call and may change its outcome. In phase After
// c.Status is the status the server is about to answer.
type Interceptor func(c *Call, phase Phase) Action

// faultSet holds interceptors and host faults.
type faultSet struct {
	mu   sync.RWMutex
	next int
	list []numbered
}

type numbered struct {
	id int
	f  Interceptor
}

// Intercept asks f before and after each authenticated call. The first
// interceptor, in order of registration, that does not pass decides. The
// returned func removes it.
func (s *Server) Intercept(f Interceptor) (remove func()) {
	fs := &s.faults
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.next++
	id := fs.next
	fs.list = append(fs.list, numbered{id, f})
	return func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		fs.list = slices.DeleteFunc(slices.Clone(fs.list), func(n numbered) bool { return n.id == id })
	}
}

func (fs *faultSet) decide(c *Call, phase Phase) Action {
	fs.mu.RLock()
	list := fs.list
	fs.mu.RUnlock()
	for _, n := range list {
		if a := n.f(c, phase); a.kind != actPass || a.delay > 0 {
			return a
		}
	}
	return Pass()
}

// FailNext answers the next call of the named operation (Call.Name, such as
// "machine.deploy", or "" for any) with status and body; the server does not
// act. The returned func takes it back.
func (s *Server) FailNext(name string, status int, body string) (remove func()) {
	return s.nextCall(name, Before, Reply(status, body, nil))
}

// LoseNextReply lets the next call of the named operation act and drops its
// answer.
func (s *Server) LoseNextReply(name string) (remove func()) {
	return s.nextCall(name, After, Drop())
}

func (s *Server) nextCall(name string, phase Phase, a Action) func() {
	var once sync.Once
	return s.Intercept(func(c *Call, p Phase) Action {
		out := Pass()
		if p == phase && (name == "" || c.Name == name) {
			once.Do(func() { out = a })
		}
		return out
	})
}

// FaultKind is one kind of fault of FailRandomly.
type FaultKind int

const (
	// FaultUnavailable answers 503 without acting.
	FaultUnavailable FaultKind = iota
	// FaultServerError answers 500 without acting.
	FaultServerError
	// FaultDropped closes the connection without acting.
	FaultDropped
	// FaultLostReply acts and closes the connection.
	FaultLostReply
	// FaultSlow adds up to two seconds of latency.
	FaultSlow
)

// FailRandomly makes a share (rate, 0 to 1) of the calls of a user, of all
// users for "", fail in one of the given ways, all of them when none is given.
// The same seed and order of calls give the same faults. The returned func ends
// it.
func (s *Server) FailRandomly(user string, seed uint64, rate float64, kinds ...FaultKind) (remove func()) {
	if len(kinds) == 0 {
		kinds = []FaultKind{FaultUnavailable, FaultServerError, FaultDropped, FaultLostReply, FaultSlow}
	}
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)) //nolint:gosec // reproducible faults, not secrets
	lost := map[uint64]bool{}
	return s.Intercept(func(c *Call, p Phase) Action {
		if user != "" && c.User != user {
			return Pass()
		}
		mu.Lock()
		defer mu.Unlock()
		if p == After {
			if lost[c.Seq] {
				delete(lost, c.Seq)
				return Drop()
			}
			return Pass()
		}
		if rnd.Float64() >= rate {
			return Pass()
		}
		switch kinds[rnd.IntN(len(kinds))] {
		case FaultServerError:
			return Reply(http.StatusInternalServerError, "Internal server error", nil)
		case FaultDropped:
			return Drop()
		case FaultLostReply:
			lost[c.Seq] = true
			return Pass()
		case FaultSlow:
			return Delay(time.Duration(rnd.Int64N(int64(2 * time.Second))))
		default:
			return Reply(http.StatusServiceUnavailable, "Service unavailable", nil)
		}
	})
}

// HostFault is what is wrong with one machine. The zero value is a sound one.
type HostFault struct {
	// PowerOnFails and PowerOffFails make the BMC refuse; MAAS retries for
	// Timings.PowerRetry and gives up.
	PowerOnFails  bool
	PowerOffFails bool
	// BMCDead makes query_power_state block for Timings.PowerRetry and report
	// an error, and makes both power actions fail.
	BMCDead bool
	// InstallFails makes the installer report failure at the end of Install.
	InstallFails bool
	// InstallHangs makes the installer wait until that is mended, or until
	// NodeTimeout strikes.
	InstallHangs bool
	// EraseFails makes erasing the disks on release fail.
	EraseFails bool
	// TestFails makes tests and commissioning fail.
	TestFails bool
	// SlowPower is added to PowerOn and PowerOff.
	SlowPower time.Duration
	// SlowBoot is added to NetBoot: firmware that takes its time.
	SlowBoot time.Duration
}

// SetHostFault replaces what is wrong with the machine; the zero HostFault
// repairs it.
func (s *Server) SetHostFault(systemID string, f HostFault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machines[systemID]
	if m == nil {
		return refuse(http.StatusNotFound, "No Machine matches the given query.")
	}
	m.fault = f
	if goOn := m.installHeld; goOn != nil && !f.InstallHangs {
		m.installHeld = nil
		goOn()
	}
	return nil
}
