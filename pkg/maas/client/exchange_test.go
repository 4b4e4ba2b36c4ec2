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

package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestConnectionsAreKept(t *testing.T) {
	g := NewWithT(t)
	var conns atomic.Int32
	machine := testdata(t, "machine.json")
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte("no"))
			return
		}
		answerJSON(machine)(w, r)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c, err := New(Options{Endpoint: srv.URL, APIKey: testKey, QPS: -1})
	g.Expect(err).NotTo(HaveOccurred())
	for range 20 {
		_, err := c.GetMachine(t.Context(), "66s7qb")
		g.Expect(err).NotTo(HaveOccurred())
		_, err = c.Release(t.Context(), "66s7qb", maas.ReleaseRequest{})
		g.Expect(maas.IsConflict(err)).To(BeTrue())
	}
	g.Expect(conns.Load()).To(BeEquivalentTo(1))
}

// flaky fails the first n requests in the given way.
func flaky(n int32, calls *atomic.Int32, fail, then http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) <= n {
			fail(w, r)
			return
		}
		then(w, r)
	})
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func truncate(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
	}
}

func nonce(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte("Authorization Error: 'Nonce already used: 8079c8792e544b65bb3e9438c5e64d84'"))
}

func TestOnlyReadsAreRepeated(t *testing.T) {
	machine := testdata(t, "machine.json")
	for _, tc := range []struct {
		name string
		fail http.HandlerFunc
	}{
		{"502", status(502)},
		{"503", status(503)},
		{"504", status(504)},
		{"503 with Retry-After", status(503, "Retry-After", "1")},
		{"409 with Retry-After", status(409, "Retry-After", "1")},
		{"lost reply", hangUp},
		{"truncated", truncate(machine)},
		{"nonce used", nonce},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			var calls atomic.Int32
			c := newTestClient(t, flaky(1, &calls, tc.fail, answerJSON(machine)), nil)
			_, err := c.GetMachine(t.Context(), "66s7qb")
			g.Expect(err).NotTo(HaveOccurred())
			// net/http itself may have sent a GET again whose connection died.
			g.Expect(calls.Load()).To(BeEquivalentTo(2))

			calls.Store(0)
			_, err = c.Deploy(t.Context(), "66s7qb", maas.DeployRequest{})
			g.Expect(err).To(HaveOccurred())
			g.Expect(maas.IsAnswer(err)).To(BeFalse(), "%v", err)
			g.Expect(calls.Load()).To(BeEquivalentTo(1))
		})
	}
}

func TestRepetitionsAreBounded(t *testing.T) {
	g := NewWithT(t)
	var calls atomic.Int32
	c := newTestClient(t, flaky(100, &calls, status(503), nil), nil)
	_, err := c.GetMachine(t.Context(), "66s7qb")
	g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable))
	g.Expect(calls.Load()).To(BeEquivalentTo(maxAttempts))

	calls.Store(0)
	c = newTestClient(t, flaky(100, &calls, status(503, "Retry-After", "3600"), nil), nil)
	_, err = c.GetMachine(t.Context(), "66s7qb")
	g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable))
	g.Expect(calls.Load()).To(BeEquivalentTo(1), "nobody waits an hour")

	calls.Store(0)
	c = newTestClient(t, flaky(100, &calls, status(500), nil), nil)
	_, err = c.GetMachine(t.Context(), "66s7qb")
	g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable))
	g.Expect(calls.Load()).To(BeEquivalentTo(1), "MAAS's 500 is a fault that stays")
}

func TestEveryAttemptIsSignedAnew(t *testing.T) {
	g := NewWithT(t)
	var mu sync.Mutex
	seen := map[string]bool{}
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		for f := range strings.SplitSeq(r.Header.Get("Authorization"), ", ") {
			if strings.Contains(f, "oauth_nonce") {
				seen[f] = true
			}
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}), nil)
	_, err := c.GetMachine(t.Context(), "66s7qb")
	g.Expect(err).To(HaveOccurred())
	g.Expect(seen).To(HaveLen(maxAttempts))
}

func TestSlowServer(t *testing.T) {
	release := make(chan struct{})
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client has gone
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })

	t.Run("cancelled", func(t *testing.T) {
		g := NewWithT(t)
		c := newTestClient(t, slow, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := time.AfterFunc(20*time.Millisecond, func() { cancel(errors.New("changed my mind")) })
		defer stop.Stop()
		_, err := c.Deploy(ctx, "66s7qb", maas.DeployRequest{})
		g.Expect(err).To(MatchError(context.Canceled))
		g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable))
	})
	t.Run("caller's deadline", func(t *testing.T) {
		g := NewWithT(t)
		c := newTestClient(t, slow, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := c.GetMachine(ctx, "66s7qb")
		g.Expect(err).To(MatchError(context.DeadlineExceeded))
	})
	t.Run("own deadline", func(t *testing.T) {
		g := NewWithT(t)
		c := newTestClient(t, slow, func(o *Options) { o.Timeout = 20 * time.Millisecond })
		_, err := c.GetMachine(t.Context(), "66s7qb")
		g.Expect(err).To(MatchError(context.DeadlineExceeded))
		g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable))
	})
	t.Run("in the middle of a list", func(t *testing.T) {
		g := NewWithT(t)
		c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`[{"system_id": "aaaaaa"},`))
			_ = http.NewResponseController(w).Flush()
			slow(w, r)
		}), func(o *Options) { o.ListTimeout = 50 * time.Millisecond })
		_, err := c.ListMachines(t.Context(), maas.Filter{})
		g.Expect(err).To(MatchError(context.DeadlineExceeded))
	})
	t.Run("while waiting for Retry-After", func(t *testing.T) {
		g := NewWithT(t)
		var calls atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		refuse := status(503, "Retry-After", "5")
		c := newTestClient(t, flaky(100, &calls, func(w http.ResponseWriter, r *http.Request) {
			refuse(w, r)
			time.AfterFunc(50*time.Millisecond, cancel)
		}, nil), nil)
		_, err := c.GetMachine(ctx, "66s7qb")
		g.Expect(err).To(HaveOccurred())
		g.Expect(calls.Load()).To(BeEquivalentTo(1), "no second call, which would have come after five seconds")
	})
}

func TestUnreachable(t *testing.T) {
	g := NewWithT(t)
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, err := New(Options{Endpoint: srv.URL, APIKey: testKey})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = c.Version(t.Context())
	g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable))
	g.Expect(err.Error()).To(And(HavePrefix("get version: "), ContainSubstring("connection refused")))
}

func TestRateLimit(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, answerJSON(testdata(t, "machine.json")), func(o *Options) {
		o.QPS, o.Burst, o.Timeout = 0.001, 2, time.Minute
	})
	for range 2 {
		_, err := c.GetMachine(t.Context(), "66s7qb")
		g.Expect(err).NotTo(HaveOccurred())
	}
	_, err := c.GetMachine(t.Context(), "66s7qb")
	g.Expect(maas.KindOf(err)).To(Equal(maas.Throttled))
}

func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(answerJSON([]byte(`{"version": "3.4.1"}`)))
	defer srv.Close()
	srv.Config.ErrorLog = nil
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()

	version := func(endpoint string, ca []byte) error {
		c, err := New(Options{Endpoint: endpoint, APIKey: testKey, CABundle: ca})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Version(t.Context())
		return err
	}
	g := NewWithT(t)
	g.Expect(version(srv.URL, certPEM(srv))).To(Succeed())
	g.Expect(maas.KindOf(version(srv.URL, nil))).To(Equal(maas.Untrusted), "the system does not know this CA")
	g.Expect(maas.KindOf(version(srv.URL, otherCA(t)))).To(Equal(maas.Untrusted))
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	g.Expect(maas.KindOf(version("https://localhost:"+port, certPEM(srv)))).To(Equal(maas.Untrusted), "another name")
	g.Expect(maas.KindOf(version(strings.Replace(plain.URL, "http:", "https:", 1), nil))).To(Equal(maas.Untrusted))
}

func TestMetrics(t *testing.T) {
	g := NewWithT(t)
	reg := prometheus.NewPedanticRegistry()
	m, err := NewMetrics(reg)
	g.Expect(err).NotTo(HaveOccurred())
	var calls atomic.Int32
	c := newTestClient(t, flaky(1, &calls, status(503), answerJSON(testdata(t, "machine.json"))), func(o *Options) { o.Metrics = m })
	for _, id := range []string{"aaaaaa", "bbbbbb"} {
		_, err = c.GetMachine(t.Context(), id)
		g.Expect(err).NotTo(HaveOccurred())
	}
	_, _ = c.ListMachines(t.Context(), maas.Filter{})
	g.Expect(testutil.CollectAndCompare(m.requests, strings.NewReader(`
# HELP capmaas_maas_requests_total Requests to MAAS, each attempt counted, by operation and HTTP status or kind of failure.
# TYPE capmaas_maas_requests_total counter
capmaas_maas_requests_total{code="200",operation="get machine"} 2
capmaas_maas_requests_total{code="503",operation="get machine"} 1
capmaas_maas_requests_total{code="bad_answer",operation="list machines"} 1
`))).To(Succeed())
	g.Expect(testutil.CollectAndCount(m.duration)).To(Equal(2))
	_, err = NewMetrics(reg)
	g.Expect(err).To(HaveOccurred(), "registered twice")
}

func TestTruncatedListIsNoShorterList(t *testing.T) {
	g := NewWithT(t)
	full := string(testdata(t, "machines.json"))
	for _, body := range []string{"", "[", `[{"system_id":"a"}`, `[{"system_id":"a"},`, full[:len(full)-2], full[:len(full)/2]} {
		_, err := decodeMachines(strings.NewReader(body))
		g.Expect(err).To(MatchError(io.ErrUnexpectedEOF), "%.30q", body)
	}
	_, err := decodeMachines(strings.NewReader("[]"))
	g.Expect(err).NotTo(HaveOccurred())
}
