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

package inventory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// DefaultIdleTimeout is how long a session lives without being asked for.
const DefaultIdleTimeout = 15 * time.Minute

// ErrStopped means that the registry has been shut down.
var ErrStopped = errors.New("the inventory has been shut down")

// Credentials lead to a MAAS. Printing them does not show the API key.
type Credentials struct {
	// Endpoint is the address of MAAS, such as "http://maas.example.com:5240/MAAS".
	Endpoint string
	// APIKey is what `maas apikey` prints: "consumer:token:secret".
	APIKey string
	// CABundle holds PEM certificates to trust instead of the system's.
	CABundle []byte
}

// Identity is the same for the same credentials and does not tell them.
func (c Credentials) Identity() string {
	h := sha256.New()
	for _, part := range []string{
		strings.TrimRight(strings.TrimSpace(c.Endpoint), "/"), strings.TrimSpace(c.APIKey), string(c.CABundle),
	} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// String shows the credentials without the API key.
func (c Credentials) String() string { return fmt.Sprintf("MAAS %s (%s)", c.Endpoint, c.Identity()) }

// Format implements fmt.Formatter, so that no verb shows the API key.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// MarshalJSON implements json.Marshaler, for structured logs.
func (c Credentials) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// Options set up a Registry.
type Options struct {
	// NewClient makes the client of a session. It should check the form of the credentials and make no call.
	NewClient func(Credentials) (maas.Client, error)
	// Clock is the time; nil stands for the real one.
	Clock clock.WithTicker
	// Logger is used by the followers.
	Logger logr.Logger
	// Follower sets up the follower of each session.
	Follower FollowerOptions
	// IdleTimeout is how long a session lives without being asked for. Whoever relies on being woken has to call
	// Session more often than that, for instance by a SyncPeriod that is shorter.
	IdleTimeout time.Duration
}

// Registry holds a session for each set of credentials in use: two owners of the same credentials share one, and
// changed credentials are another set, whose predecessor ends when nobody asks for it any more.
//
// It is a runnable for controller-runtime's manager.
type Registry struct {
	opts Options
	hub  hub

	mu      sync.Mutex
	members map[string]*member
	// launch starts a follower; nil before Start and after shutdown.
	launch  func(*member)
	started bool
	stopped bool
}

type member struct {
	session *Session
	used    time.Time
	// stop ends the follower; nil while it has not been started.
	stop context.CancelFunc
}

// NewRegistry makes a registry. Its sessions follow MAAS once Start runs.
func NewRegistry(opts Options) *Registry {
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	if opts.IdleTimeout <= 0 {
		opts.IdleTimeout = DefaultIdleTimeout
	}
	return &Registry{opts: opts, members: map[string]*member{}}
}

// Session gives the session of these credentials, making it if there is none. It does not wait for MAAS: a new session's
// snapshot is not synced, and subscribers are told when it is. An error means that the credentials are malformed, or
// that the registry was shut down (ErrStopped).
func (r *Registry) Session(ctx context.Context, creds Credentials) (*Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	identity := creds.Identity()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil, ErrStopped
	}
	if m, ok := r.members[identity]; ok {
		m.used = r.opts.Clock.Now()
		return m.session, nil
	}
	client, err := r.opts.NewClient(creds)
	if err != nil {
		return nil, fmt.Errorf("make MAAS client: %w", err)
	}
	m := &member{used: r.opts.Clock.Now()}
	m.session = newSession(identity, client, r.opts.Clock, func(ids []string) { r.hub.publish(identity, ids) })
	r.members[identity] = m
	if r.launch != nil {
		r.launch(m)
	}
	return m.session, nil
}

// Subscribe calls f with the changes of all sessions until the returned function is called or the registry is shut
// down, which end f's context. Calls come one after another. A slow f holds up nobody and misses nothing: changes merge
// while it is busy.
func (r *Registry) Subscribe(f func(ctx context.Context, change Change)) (unsubscribe func()) {
	return r.hub.subscribe(f)
}

// Start follows every session's MAAS until the context ends, and then returns when all followers have.
func (r *Registry) Start(ctx context.Context) error {
	var wg sync.WaitGroup
	if err := r.begin(ctx, &wg); err != nil {
		return err
	}
	ticker := r.opts.Clock.NewTicker(max(r.opts.IdleTimeout/8, time.Second))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			r.shutdown()
			wg.Wait()
			return nil
		case <-ticker.C():
			r.sweep()
		}
	}
}

// begin starts the followers of sessions that were asked for already.
func (r *Registry) begin(ctx context.Context, wg *sync.WaitGroup) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started {
		return errors.New("the inventory was started twice")
	}
	r.started = true
	r.launch = func(m *member) {
		ctx, cancel := context.WithCancel(ctx)
		m.stop = cancel
		log := r.opts.Logger.WithValues("maasIdentity", m.session.identity)
		follower := NewFollower(m.session, r.opts.Clock, log, r.opts.Follower)
		wg.Go(func() {
			defer cancel()
			follower.Run(ctx)
			if c, ok := m.session.Client.(interface{ Close() }); ok {
				c.Close()
			}
		})
	}
	for _, m := range r.members {
		r.launch(m)
	}
	return nil
}

// sweep stops sessions that nobody asks for.
func (r *Registry) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for identity, m := range r.members {
		if r.opts.Clock.Since(m.used) >= r.opts.IdleTimeout {
			r.opts.Logger.Info("Stopping to follow an unused MAAS", "maasIdentity", identity)
			m.stop()
			delete(r.members, identity)
		}
	}
}

func (r *Registry) shutdown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped, r.launch = true, nil
	clear(r.members)
	r.hub.close()
}
