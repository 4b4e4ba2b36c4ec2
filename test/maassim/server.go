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
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Server is a simulated MAAS region. It is an http.Handler for requests under
// /MAAS/ and safe for concurrent use.
type Server struct {
	cfg   Config
	tm    Timings
	log   *slog.Logger
	clock Clock

	ctx    context.Context //nolint:containedctx // the life of the server, ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	calls  *callLog
	faults faultSet
	auth   authStore

	mu       sync.Mutex // guards everything below
	closed   bool
	timers   map[uint64]Timer
	timerSeq uint64
	machines map[string]*machine
	order    []*machine // in order of database id
	users    []*user
	zones    []*zone
	pools    []*pool
	tags     []*tag
	domains  []*domain
	dns      []*dnsResource
	reserved []*reservation
	fabrics  []*fabric
	vlans    []*vlan
	subnets  []*subnet
	routes   []*staticRoute
	images   []bootResource
	config   map[string]any
	events   eventLog
	ids      idCounters

	media media // has a lock of its own
}

// New returns a MAAS with the default zone, pool, domain, fabric and images,
// and neither users nor machines.
func New(cfg Config) *Server {
	if cfg.Clock == nil {
		cfg.Clock = NewScaledClock(cfg.Speed)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Version == "" {
		cfg.Version = recordedVersion
	}
	if cfg.MaxCalls <= 0 {
		cfg.MaxCalls = 100_000
	}
	if cfg.MaxEvents <= 0 {
		cfg.MaxEvents = 200_000
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		cfg: cfg, tm: cfg.Timings.withDefaults(), log: cfg.Logger, clock: cfg.Clock,
		ctx: ctx, cancel: cancel,
		calls:    newCallLog(cfg.MaxCalls),
		timers:   map[uint64]Timer{},
		machines: map[string]*machine{},
		config:   defaultSettings(),
		images:   defaultImages(),
		media:    media{dir: cfg.DiskDir, files: map[mediumKey]string{}},
	}
	s.auth.init()
	s.events.limit = cfg.MaxEvents
	s.seedDefaults()
	return s
}

// Close stops every timer, ends the context of every Boot and returns when all
// calls of the Chassis have. API calls after Close answer 503.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for id, t := range s.timers {
		t.Stop()
		delete(s.timers, id)
	}
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	s.media.close()
}

// Now is the current simulated time.
func (s *Server) Now() time.Time { return s.clock.Now() }

// after runs f under the lock, d of simulated time from now. The lock is held.
func (s *Server) after(d time.Duration, f func()) {
	if s.closed {
		return
	}
	s.timerSeq++
	id := s.timerSeq
	s.timers[id] = s.clock.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed {
			return
		}
		delete(s.timers, id)
		s.wg.Add(1) // f may let go of the lock to wipe a disk; Close waits for it
		defer s.wg.Done()
		f()
	})
}

// wait blocks for d of simulated time, or until ctx or the server ends.
func (s *Server) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	done := make(chan struct{})
	t := s.clock.AfterFunc(d, func() { close(done) })
	defer t.Stop()
	select {
	case <-done:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.ctx.Done():
		http.Error(w, "The simulator is closed.", http.StatusServiceUnavailable)
		return
	default:
	}
	s.serve(w, r)
}
