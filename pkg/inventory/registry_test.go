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
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// closer is a fake client that can be closed.
type closer struct {
	*fakeMAAS
	closed atomic.Bool
}

func (c *closer) Close() { c.closed.Store(true) }

// hall is a registry with a client for each set of credentials.
type hall struct {
	*Registry
	clock *clocktesting.FakeClock

	mu      sync.Mutex
	clients map[string]*closer
}

func newHall() *hall {
	h := &hall{clock: clocktesting.NewFakeClock(time.Now()), clients: map[string]*closer{}}
	h.Registry = NewRegistry(Options{
		Clock: h.clock,
		NewClient: func(c Credentials) (maas.Client, error) {
			if c.APIKey == "" {
				return nil, errors.New("apiKey is empty")
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			client := &closer{fakeMAAS: newFake(h.clock.Now, "a", "b")}
			h.clients[c.APIKey] = client
			return client, nil
		},
	})
	return h
}

func (h *hall) client(key string) *closer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clients[key]
}

// start runs the registry until the test, or the returned function, ends it.
func (h *hall) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Start(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func key(k string) Credentials {
	return Credentials{Endpoint: "http://maas:5240/MAAS", APIKey: k}
}

func TestSameCredentialsShareASession(t *testing.T) {
	g := NewWithT(t)
	h := newHall()
	before, err := h.Session(t.Context(), key("k"))
	g.Expect(err).NotTo(HaveOccurred())
	stop := h.start(t)
	defer stop()
	g.Eventually(before.Snapshot().Synced).Should(BeTrue(), "asked for before the start")

	same := key(" k\n")
	same.Endpoint += "/"
	g.Expect(h.Session(t.Context(), same)).To(BeIdenticalTo(before))
	other, err := h.Session(t.Context(), key("k2"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(other).NotTo(BeIdenticalTo(before))
	g.Expect(other.Identity()).NotTo(Equal(before.Identity()))
	g.Eventually(other.Snapshot().Synced).Should(BeTrue(), "asked for after the start")

	ca := key("k")
	ca.CABundle = []byte("x")
	g.Expect(ca.Identity()).NotTo(Equal(before.Identity()))
}

func TestMalformedCredentials(t *testing.T) {
	g := NewWithT(t)
	h := newHall()
	_, err := h.Session(t.Context(), key(""))
	g.Expect(err).To(MatchError(ContainSubstring("apiKey is empty")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = h.Session(ctx, key("k"))
	g.Expect(err).To(MatchError(context.Canceled))
}

func TestUnusedSessionsEnd(t *testing.T) {
	g := NewWithT(t)
	h := newHall()
	stop := h.start(t)
	defer stop()
	old, err := h.Session(t.Context(), key("old"))
	g.Expect(err).NotTo(HaveOccurred())
	used, err := h.Session(t.Context(), key("used"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(old.Snapshot().Synced).Should(BeTrue())
	g.Eventually(used.Snapshot().Synced).Should(BeTrue())

	h.clock.Step(DefaultIdleTimeout / 2)
	g.Expect(h.Session(t.Context(), key("used"))).To(BeIdenticalTo(used))
	// The ticker drops ticks that nobody has taken yet, as the real one does.
	g.Eventually(func() bool {
		h.clock.Step(time.Minute)
		_, err := h.Session(t.Context(), key("used"))
		return err == nil && h.client("old").closed.Load()
	}).Should(BeTrue())
	g.Expect(h.client("used").closed.Load()).To(BeFalse())
	g.Expect(h.Session(t.Context(), key("used"))).To(BeIdenticalTo(used))
	again, err := h.Session(t.Context(), key("old"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).NotTo(BeIdenticalTo(old))
}

func TestShutdown(t *testing.T) {
	g := NewWithT(t)
	h := newHall()
	_, err := h.Session(t.Context(), key("k"))
	g.Expect(err).NotTo(HaveOccurred())
	ended := make(chan struct{})
	h.Subscribe(func(ctx context.Context, _ Change) {
		<-ctx.Done()
		close(ended)
	})
	stop := h.start(t)
	g.Eventually(func() int { return h.client("k").count()["list"] }).Should(Equal(1))
	stop()
	g.Eventually(ended).Should(BeClosed())
	g.Expect(h.client("k").closed.Load()).To(BeTrue(), "Start returns when the followers have ended")
	_, err = h.Session(t.Context(), key("k"))
	g.Expect(err).To(MatchError(ErrStopped))
	g.Expect(h.Start(t.Context())).NotTo(Succeed())
	h.Subscribe(func(context.Context, Change) { t.Error("called after the end") })
}

func TestSubscribersAreWoken(t *testing.T) {
	g := NewWithT(t)
	h := newHall()
	changes := make(chan Change, 100)
	defer h.Subscribe(func(_ context.Context, c Change) { changes <- c })()
	stop := h.start(t)
	defer stop()
	s, err := h.Session(t.Context(), key("k"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(changes).Should(Receive(Equal(Change{Identity: s.Identity()})), "everything is new")

	tick := func() bool {
		if h.clock.HasWaiters() {
			h.clock.Step(DefaultPollInterval)
		}
		return true
	}
	h.client("k").change("b")
	g.Eventually(func() *Change {
		tick()
		select {
		case c := <-changes:
			return &c
		default:
			return nil
		}
	}).Should(Equal(&Change{Identity: s.Identity(), SystemIDs: []string{"b"}}))
}

func TestHubMergesForTheSlow(t *testing.T) {
	g := NewWithT(t)
	var h hub
	got, proceed := make(chan Change), make(chan struct{})
	unsubscribe := h.subscribe(func(ctx context.Context, c Change) {
		select {
		case got <- c:
		case <-ctx.Done():
		}
		<-proceed
	})
	h.publish("x", []string{"b"})
	g.Eventually(got).Should(Receive(Equal(Change{Identity: "x", SystemIDs: []string{"b"}})))
	for range 1000 { // while the subscriber is busy
		h.publish("x", []string{"c", "a"})
		h.publish("x", []string{"b"})
		h.publish("y", []string{"a"})
	}
	h.publish("y", nil)
	h.publish("y", []string{"c"})
	proceed <- struct{}{}
	g.Eventually(got).Should(Receive(Equal(Change{Identity: "x", SystemIDs: []string{"a", "b", "c"}})))
	proceed <- struct{}{}
	g.Eventually(got).Should(Receive(Equal(Change{Identity: "y"})), "all of them")
	unsubscribe()
	h.publish("x", []string{"a"})
	close(proceed)
	g.Consistently(got, "50ms").ShouldNot(Receive())
}
