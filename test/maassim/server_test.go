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
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// client calls a served simulator over a real connection.
type client struct {
	t     testing.TB
	url   string
	key   string
	mu    sync.Mutex
	nonce int64
}

func (c *client) do(ctx context.Context, method, path string, form url.Values) (int, string, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+apiRoot+path, body)
	if err != nil {
		return 0, "", err
	}
	c.mu.Lock()
	c.nonce++
	r.Header.Set("Authorization", authHeader(c.key, c.nonce))
	c.mu.Unlock()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = rsp.Body.Close() }()
	b, err := io.ReadAll(rsp.Body)
	return rsp.StatusCode, string(b), err
}

func newServed(t *testing.T, cfg Config) (*Server, *client) {
	t.Helper()
	cfg.Clock = NewManualClock(time.Now())
	s := New(cfg)
	hs := httptest.NewServer(s)
	t.Cleanup(func() {
		hs.Close()
		s.Close()
	})
	return s, &client{t: t, url: hs.URL, key: s.AddUser("capi", false)}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s, c := newServed(t, Config{})
	id := s.AddMachine(MachineSpec{})
	alloc := url.Values{"system_id": {id}}

	s.FailNext("machines.allocate", 503, "come back")
	if code, body, _ := c.do(t.Context(), "POST", "machines/?op=allocate", alloc); code != 503 || body != "come back" {
		t.Errorf("failed call: %d %q, want 503", code, body)
	}
	if m, _ := s.Machine(id); m.Allocations != 0 {
		t.Error("the failed call did act")
	}
	s.LoseNextReply("machines.allocate")
	if code, _, err := c.do(t.Context(), "POST", "machines/?op=allocate", alloc); err == nil {
		t.Errorf("lost reply: answered %d", code)
	}
	if m, _ := s.Machine(id); m.Allocations != 1 || m.Owner != "capi" {
		t.Error("the call whose reply was lost did not act")
	}
	if code, body, _ := c.do(t.Context(), "POST", "machines/?op=allocate", alloc); code != 409 {
		t.Errorf("second allocation: %d %q, want 409", code, body)
	}
	remove := s.Intercept(func(call *Call, p Phase) Action {
		if p == After && call.SystemID == id && call.Status == 200 {
			return Reply(502, "bad gateway", map[string]string{"Retry-After": "1"})
		}
		return Pass()
	})
	if code, _, _ := c.do(t.Context(), "GET", "machines/"+id+"/", nil); code != 502 {
		t.Errorf("intercepted read: %d, want 502", code)
	}
	remove()
	s.Intercept(func(*Call, Phase) Action { return Delay(time.Hour) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if code, _, err := c.do(ctx, "GET", "machines/"+id+"/", nil); err == nil {
		t.Errorf("a delayed call answered %d before its context ended", code)
	}
	checkCallStats(t, s, id)
}

func checkCallStats(t *testing.T, s *Server, id string) {
	t.Helper()
	st := s.CallStats()
	if st.ByName["machines.allocate"] != 3 || st.ByMachineName[id]["machines.allocate"] != 3 || st.ByStatus[0] != 1 {
		t.Errorf("stats %+v, want three allocations and one call without an answer", st)
	}
	for _, call := range s.Calls() {
		if call.Name == "" || call.Method == "" || call.Time.IsZero() {
			t.Errorf("call %+v is not complete", call)
		}
	}
}

func TestRandomFaultsRepeat(t *testing.T) {
	t.Parallel()
	run := func() string {
		s, c := newServed(t, Config{})
		s.FailRandomly("", 7, 0.5, FaultUnavailable, FaultServerError)
		var got []string
		for range 40 {
			code, _, _ := c.do(t.Context(), "GET", "zones/", nil)
			got = append(got, fmt.Sprint(code))
		}
		return strings.Join(got, " ")
	}
	a, b := run(), run()
	if a != b || !strings.Contains(a, "503") || !strings.Contains(a, "200") {
		t.Errorf("the same seed gave\n%s and\n%s", a, b)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s, c := newServed(t, Config{})
	old := c.key
	c.key = s.RotateKey("capi")
	if code, _, _ := c.do(t.Context(), "GET", "users/?op=whoami", nil); code != 200 {
		t.Errorf("new key: %d, want 200", code)
	}
	good := c.key
	c.key = old
	if code, body, _ := c.do(t.Context(), "GET", "users/?op=whoami", nil); code != 401 {
		t.Errorf("old key: %d %s, want 401", code, body)
	}
	if !s.RevokeKey(good) || s.RevokeKey(good) {
		t.Error("a key is there once to be revoked")
	}
}

// TestOneMachineOneOwner has many clients allocate at once.
func TestOneMachineOneOwner(t *testing.T) {
	t.Parallel()
	s, c := newServed(t, Config{})
	for range 12 {
		s.AddMachine(MachineSpec{})
	}
	var mu sync.Mutex
	codes := map[int]int{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			code, _, err := c.do(context.Background(), "POST", "machines/?op=allocate", url.Values{})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			codes[code]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if codes[200] != 12 || codes[409] != 4 {
		t.Errorf("answers %v, want twelve 200 and four 409", codes)
	}
	for _, m := range s.Machines() {
		if m.Allocations != 1 {
			t.Errorf("%s was allocated %d times, want once", m.Hostname, m.Allocations)
		}
	}
}

// TestRealTime runs a rack in scaled time from deploy to release.
func TestRealTime(t *testing.T) {
	t.Parallel()
	s := New(Config{Speed: 5000})
	defer s.Close()
	var ids []string
	for range 50 {
		ids = append(ids, s.AddMachine(MachineSpec{}))
	}
	reach := func(want Status) {
		t.Helper()
		g := &rig{t: t, s: s}
		for _, id := range ids {
			g.eventually(id+" gets "+want.String(), func() bool { m, _ := s.Machine(id); return m.Status == want })
		}
	}
	for _, id := range ids {
		if err := s.Operator().DeployAs("capi", id, ""); err != nil {
			t.Fatal(err)
		}
	}
	reach(StatusDeployed)
	for _, id := range ids {
		if err := s.Operator().ReleaseByHand(id); err != nil {
			t.Fatal(err)
		}
	}
	reach(StatusReady)
	for _, m := range s.Machines() {
		if m.Deploys != 1 {
			t.Errorf("%s was deployed %d times, want once", m.Hostname, m.Deploys)
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) { //nolint:paralleltest // counts goroutines
	before := runtime.NumGoroutine()
	s := New(Config{Speed: 2000, Chassis: newTestChassis()})
	for range 5 {
		if err := s.Operator().DeployAs("capi", s.AddMachine(MachineSpec{}), ""); err != nil {
			t.Fatal(err)
		}
	}
	g := &rig{t: t, s: s}
	g.eventually("a machine boots", func() bool { return s.Machines()[0].Boots > 0 })
	s.Close()
	g.eventually("all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestBMCDeadBlocksTheQuery(t *testing.T) {
	t.Parallel()
	s, c := newServed(t, Config{})
	id := s.AddMachine(MachineSpec{})
	if err := s.SetHostFault(id, HostFault{BMCDead: true}); err != nil {
		t.Fatal(err)
	}
	clock, _ := s.clock.(*ManualClock)
	done := make(chan string, 1)
	go func() {
		_, body, err := c.do(context.Background(), "GET", "machines/"+id+"/?op=query_power_state", nil)
		if err != nil {
			body = err.Error()
		}
		done <- body
	}()
	(&rig{t: t, s: s}).eventually("the query waits", func() bool { return clock.Pending() == 1 })
	clock.Advance(36 * time.Second)
	if got := <-done; got != `{"state":"error"}` {
		t.Errorf("power state %s, want error", got)
	}
}

func TestDebugLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	var mu sync.Mutex
	s, c := newServed(t, Config{Logger: slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return b.Write(p)
	}), nil))})
	if _, _, err := c.do(t.Context(), "GET", "scripts/", nil); err != nil {
		t.Fatal(err)
	}
	_ = s
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(b.String(), "Not served by the MAAS simulator") {
		t.Errorf("log %q does not tell what is not served", b.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func bigRack(b *testing.B, n int) (*Server, string) {
	b.Helper()
	s := New(Config{Clock: NewManualClock(time.Now())})
	b.Cleanup(s.Close)
	s.SeedRecordedRack()
	for i := len(s.Machines()); i < n; i++ {
		s.AddMachine(MachineSpec{Pool: "capi-md"})
	}
	return s, s.AddUser("capi", false)
}

// discard is a ResponseWriter that keeps nothing.
type discard struct {
	h http.Header
	n int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }

func benchmarkGet(b *testing.B, s *Server, key, path string) {
	b.Helper()
	nonce := int64(0)
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		nonce++
		r := httptest.NewRequest(http.MethodGet, apiRoot+path, nil)
		r.Header.Set("Authorization", authHeader(key, nonce))
		w := &discard{h: http.Header{}}
		s.ServeHTTP(w, r)
		size = w.n
	}
	b.ReportMetric(float64(size), "bytes/answer")
}

func BenchmarkList1000(b *testing.B) {
	s, key := bigRack(b, 1000)
	benchmarkGet(b, s, key, "machines/")
}

// BenchmarkList1000AllChanged renders every machine anew.
func BenchmarkList1000AllChanged(b *testing.B) {
	s, key := bigRack(b, 1000)
	nonce := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		s.mu.Lock()
		s.touchAll()
		s.mu.Unlock()
		nonce++
		r := httptest.NewRequest(http.MethodGet, apiRoot+"machines/", nil)
		r.Header.Set("Authorization", authHeader(key, nonce))
		s.ServeHTTP(&discard{h: http.Header{}}, r)
	}
}

func BenchmarkReadOneOf1000(b *testing.B) {
	s, key := bigRack(b, 1000)
	benchmarkGet(b, s, key, "machines/"+recordedIDs[0]+"/")
}

func BenchmarkEventPoll(b *testing.B) {
	s, key := bigRack(b, 1000)
	last := s.Events()[len(s.Events())-1].ID
	benchmarkGet(b, s, key, fmt.Sprintf("events/?op=query&after=%d&limit=1000&level=DEBUG", last-100))
}
