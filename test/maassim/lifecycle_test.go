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
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rig is a simulator whose time stands still until it is advanced, and a
// client of it.
type rig struct {
	t     *testing.T
	s     *Server
	clock *ManualClock
	nonce atomic.Int64
	key   string
	admin string
}

func newRig(t *testing.T, cfg Config) *rig {
	t.Helper()
	clock := NewManualClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	cfg.Clock = clock
	s := New(cfg)
	t.Cleanup(s.Close)
	return &rig{t: t, s: s, clock: clock, key: s.AddUser("capi", false), admin: s.AddUser("root", true)}
}

func authHeader(key string, nonce int64) string {
	p := strings.Split(key, ":")
	return fmt.Sprintf(`OAuth oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="%s", oauth_token="%s", `+
		`oauth_signature="%%26%s", oauth_nonce="%d", oauth_timestamp="%d"`, p[0], p[1], p[2], nonce, time.Now().Unix())
}

func (g *rig) do(key, method, path string, form url.Values) *httptest.ResponseRecorder {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, apiRoot+path, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", authHeader(key, g.nonce.Add(1)))
	w := httptest.NewRecorder()
	g.s.ServeHTTP(w, r)
	return w
}

// post expects a status of an operation on a machine.
func (g *rig) post(key, id, op string, form url.Values, want int) string {
	g.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	w := g.do(key, http.MethodPost, "machines/"+id+"/?op="+op, form)
	if w.Code != want {
		g.t.Fatalf("%s of %s: status %d (%.200s), want %d", op, id, w.Code, w.Body, want)
	}
	return w.Body.String()
}

func (g *rig) expect(id string, want Status) {
	g.t.Helper()
	m, found := g.s.Machine(id)
	if !found || m.Status != want {
		g.t.Fatalf("machine %s is %q, want %q; history %v", id, m.StatusName, want, m.History)
	}
}

// eventually waits in real time for what a chassis does in goroutines.
func (g *rig) eventually(what string, cond func() bool) {
	g.t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			g.t.Fatalf("%s: not within two minutes", what)
		}
	}
}

var userData = url.Values{"user_data": {base64.StdEncoding.EncodeToString([]byte("#cloud-config\n"))}}

func TestDeployTakesTimeAndReleaseGivesBack(t *testing.T) {
	t.Parallel()
	g := newRig(t, Config{})
	id := g.s.AddMachine(MachineSpec{})
	g.post(g.key, id, "deploy", userData, 200)
	g.expect(id, StatusDeploying)
	g.post(g.key, id, "abort", nil, 503)
	g.clock.Advance(10 * time.Second)
	if m, _ := g.s.Machine(id); m.PowerState != "on" || len(m.IPAddresses) != 1 {
		t.Fatalf("ten seconds after deploy: power %s, addresses %v, want on and one", m.PowerState, m.IPAddresses)
	}
	g.clock.Advance(6 * time.Minute)
	g.expect(id, StatusDeploying)
	g.clock.Advance(2 * time.Minute)
	g.expect(id, StatusDeployed)
	if m, _ := g.s.Machine(id); string(m.UserData) != "#cloud-config\n" || m.Deploys != 1 || m.Wipes != 1 {
		t.Errorf("deployed: data %q, deploys %d, wipes %d", m.UserData, m.Deploys, m.Wipes)
	}
	g.post(g.key, id, "deploy", nil, 409)
	g.post(g.key, id, "lock", nil, 200)
	g.post(g.admin, id, "release", nil, 403)
	g.post(g.key, id, "unlock", nil, 200)
	g.post(g.key, id, "release", nil, 200)
	g.expect(id, StatusReleasing)
	g.clock.Advance(10 * time.Second)
	g.expect(id, StatusReady)
	if m, _ := g.s.Machine(id); m.Owner != "" || m.Releases != 1 || m.PoweredOn || len(m.IPAddresses) != 0 {
		t.Errorf("released: %+v", m)
	}
	g.clock.Advance(time.Hour)
	if n := g.clock.Pending(); n != 0 {
		t.Errorf("%d timers wait an hour after the release, want none", n)
	}
}

// testChassis boots machines whose user data is fetched when the test says.
type testChassis struct {
	boots chan Boot
	mu    sync.Mutex
	runs  map[string]int
	offs  map[string]int
	wiped []string
}

func newTestChassis() *testChassis {
	return &testChassis{boots: make(chan Boot, 8), runs: map[string]int{}, offs: map[string]int{}}
}

func (c *testChassis) Boot(ctx context.Context, b Boot) {
	c.mu.Lock()
	c.runs[b.SystemID]++
	c.mu.Unlock()
	c.boots <- b
	<-ctx.Done()
	c.mu.Lock()
	c.runs[b.SystemID]--
	c.mu.Unlock()
}

func (c *testChassis) PowerOff(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs[id] != 0 {
		panic("power off while the system runs")
	}
	c.offs[id]++
}

func (c *testChassis) WipeDisks(_ string, disks []Disk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range disks {
		c.wiped = append(c.wiped, d.Name)
	}
}

func TestChassis(t *testing.T) {
	t.Parallel()
	c := newTestChassis()
	g := newRig(t, Config{Chassis: c})
	dirs := []string{t.TempDir(), t.TempDir()}
	spec := MachineSpec{}
	for i, d := range dirs {
		if err := os.WriteFile(filepath.Join(d, "data"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		spec.Disks = append(spec.Disks, Disk{Name: fmt.Sprintf("sd%c", 'a'+i), Dir: d})
	}
	id := g.s.AddMachine(spec)
	if w := g.do(g.key, http.MethodDelete, "nodes/"+id+"/blockdevices/2/", nil); w.Code != 403 {
		t.Fatalf("block device deleted by an ordinary user: %d, want 403", w.Code)
	}
	if w := g.do(g.admin, http.MethodDelete, "nodes/"+id+"/blockdevices/2/", nil); w.Code != 204 {
		t.Fatalf("block device deleted by an administrator: %d, want 204", w.Code)
	}
	g.post(g.key, id, "deploy", userData, 200)
	g.clock.Advance(8 * time.Minute)
	b := <-c.boots
	g.expect(id, StatusDeploying)
	if got, err := b.FetchUserData(); err != nil || string(got) != "#cloud-config\n" {
		t.Fatalf("user data %q, %v", got, err)
	}
	g.expect(id, StatusDeployed)
	if _, err := os.Stat(filepath.Join(dirs[0], "data")); !os.IsNotExist(err) {
		t.Error("the boot disk was not wiped")
	}
	if _, err := os.Stat(filepath.Join(dirs[1], "data")); err != nil {
		t.Error("a disk that MAAS did not know of was wiped")
	}
	powerCycleByHand(g, c, id)
	g.post(g.key, id, "release", nil, 200)
	g.clock.Advance(10 * time.Second)
	g.eventually("released", func() bool { m, _ := g.s.Machine(id); return m.Status == StatusReady })
	if _, err := b.FetchUserData(); !errors.Is(err, ErrNoUserData) {
		t.Errorf("a machine that is off fetched user data: %v", err)
	}
}

// powerCycleByHand expects another boot without a change of status.
func powerCycleByHand(g *rig, c *testChassis, id string) {
	g.t.Helper()
	if err := g.s.Operator().PowerOff(id); err != nil {
		g.t.Fatal(err)
	}
	g.clock.Advance(10 * time.Second)
	g.eventually("powered off", func() bool { m, _ := g.s.Machine(id); return m.PowerState == "off" })
	if err := g.s.Operator().PowerOn(id); err != nil {
		g.t.Fatal(err)
	}
	g.clock.Advance(3 * time.Minute)
	b := <-c.boots
	g.expect(id, StatusDeployed)
	if got, err := b.FetchUserData(); err != nil || len(got) == 0 {
		g.t.Errorf("user data after a reboot: %q, %v", got, err)
	}
}

func TestHostFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault HostFault
		want  Status
		after time.Duration
	}{
		"power on fails":  {HostFault{PowerOnFails: true}, StatusFailedDeployment, time.Minute},
		"bmc dead":        {HostFault{BMCDead: true}, StatusFailedDeployment, time.Minute},
		"install fails":   {HostFault{InstallFails: true}, StatusFailedDeployment, 10 * time.Minute},
		"install hangs":   {HostFault{InstallHangs: true}, StatusFailedDeployment, 31 * time.Minute},
		"hangs, not yet":  {HostFault{InstallHangs: true}, StatusDeploying, 29 * time.Minute},
		"slow power only": {HostFault{SlowPower: time.Minute}, StatusDeployed, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, Config{})
			id := g.s.AddMachine(MachineSpec{})
			if err := g.s.SetHostFault(id, tc.fault); err != nil {
				t.Fatal(err)
			}
			g.post(g.key, id, "deploy", nil, 200)
			g.clock.Advance(tc.after)
			g.expect(id, tc.want)
			if m, _ := g.s.Machine(id); m.Owner != "capi" {
				t.Errorf("owner %q, want capi", m.Owner)
			}
		})
	}
}

func TestHangingInstallGoesOnOnceMended(t *testing.T) {
	t.Parallel()
	g := newRig(t, Config{})
	id := g.s.AddMachine(MachineSpec{})
	set := func(f HostFault) {
		t.Helper()
		if err := g.s.SetHostFault(id, f); err != nil {
			t.Fatal(err)
		}
	}
	set(HostFault{InstallHangs: true})
	g.post(g.key, id, "deploy", nil, 200)
	g.clock.Advance(25 * time.Minute)
	g.expect(id, StatusDeploying)
	set(HostFault{})
	g.clock.Advance(4 * time.Minute)
	g.expect(id, StatusDeployed)

	set(HostFault{InstallHangs: true})
	g.post(g.key, id, "release", nil, 200)
	g.clock.Advance(time.Minute)
	g.post(g.key, id, "deploy", nil, 200)
	g.clock.Advance(10 * time.Minute)
	g.post(g.key, id, "abort", nil, 200)
	g.clock.Advance(time.Minute)
	set(HostFault{})
	g.clock.Advance(time.Hour)
	g.expect(id, StatusAllocated)
}

func TestEraseOnRelease(t *testing.T) {
	t.Parallel()
	g := newRig(t, Config{})
	id := g.s.AddMachine(MachineSpec{})
	g.s.SetConfig("enable_disk_erasing_on_release", true)
	g.post(g.key, id, "deploy", nil, 200)
	g.clock.Advance(9 * time.Minute)
	g.post(g.key, id, "release", nil, 200)
	g.expect(id, StatusDiskErasing)
	g.post(g.key, id, "release", nil, 409)
	g.clock.Advance(10 * time.Minute)
	g.expect(id, StatusReady)
	if m, _ := g.s.Machine(id); m.Erases != 1 || m.Disks[0].Wipes != 2 {
		t.Errorf("erases %d, disk wipes %d, want 1 and 2", m.Erases, m.Disks[0].Wipes)
	}
}

func TestOperatorBehindTheBack(t *testing.T) {
	t.Parallel()
	g := newRig(t, Config{})
	id := g.s.AddMachine(MachineSpec{})
	op := g.s.Operator()
	steps := []struct {
		what string
		do   func() error
		wait time.Duration
		want Status
	}{
		{"take", func() error { return op.TakeAs("eve", id) }, 0, StatusAllocated},
		{"release", func() error { return op.ReleaseByHand(id) }, 0, StatusReady},
		{"deploy", func() error { return op.DeployAs("capi", id, "") }, 9 * time.Minute, StatusDeployed},
		{"test", func() error { return op.StartTesting(id) }, time.Minute, StatusTesting},
		{"end test", func() error { return op.FinishTesting(id, false) }, 5 * time.Minute, StatusDeployed},
		{"rescue", func() error { return op.EnterRescue(id) }, 5 * time.Minute, StatusRescueMode},
		{"leave rescue", func() error { return op.ExitRescue(id) }, 5 * time.Minute, StatusDeployed},
		{"break", func() error { return op.MarkBroken(id, "smoke") }, time.Minute, StatusBroken},
		{"fix", func() error { return op.MarkFixed(id) }, time.Minute, StatusReady},
		{"commission", func() error { return op.Commission(id) }, 10 * time.Minute, StatusReady},
		{"rename", func() error { return op.Rename(id, "other") }, 0, StatusReady},
		{"zone", func() error { return op.SetZone(id, "z2") }, 0, StatusReady},
		{"pool", func() error { return op.SetPool(id, "p2") }, 0, StatusReady},
		{"tags", func() error { return op.SetTags(id, "a", "b") }, 0, StatusReady},
	}
	for _, st := range steps {
		if err := st.do(); err != nil {
			t.Fatalf("%s: %v", st.what, err)
		}
		g.clock.Advance(st.wait)
		if m, _ := g.s.Machine(id); m.Status != st.want {
			t.Fatalf("after %s: %s, want %s", st.what, m.StatusName, st.want)
		}
	}
	var refused *RefusedError
	if err := op.Lock(id); !errors.As(err, &refused) || refused.Status != 409 {
		t.Errorf("locking a Ready machine: %v, want a 409", err)
	}
	if m, _ := g.s.Machine(id); m.Hostname != "other" || m.Zone != "z2" || m.Pool != "p2" || len(m.Tags) != 2 {
		t.Errorf("after the changes: %+v", m)
	}
	if err := op.Delete(id); err != nil {
		t.Fatal(err)
	}
	if _, found := g.s.Machine(id); found {
		t.Error("the deleted machine is still there")
	}
}

func TestEventsSayEveryStatusChange(t *testing.T) {
	t.Parallel()
	g := newRig(t, Config{})
	id := g.s.AddMachine(MachineSpec{})
	last := g.s.Events()[len(g.s.Events())-1].ID
	g.post(g.key, id, "deploy", nil, 200)
	g.clock.Advance(9 * time.Minute)
	w := g.do(g.key, http.MethodGet, fmt.Sprintf("events/?op=query&after=%d&limit=1000&level=DEBUG", last), nil)
	var got struct {
		Events []struct{ Node, Type, Description string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var changes []string
	for _, e := range got.Events {
		if e.Type == "Node changed status" && e.Node == id {
			changes = append(changes, e.Description)
		}
	}
	want := "[From 'Deploying' to 'Deployed' From 'Allocated' to 'Deploying' From 'Ready' to 'Allocated' (to capi)]"
	if fmt.Sprint(changes) != want {
		t.Errorf("changes %v, want %s (newest first)", changes, want)
	}
}

func TestNotServedIsLoud(t *testing.T) {
	t.Parallel()
	g := newRig(t, Config{})
	id := g.s.AddMachine(MachineSpec{})
	for _, path := range []string{"machines/" + id + "/?op=details", "scripts/", "nodes/" + id + "/results/"} {
		if w := g.do(g.admin, http.MethodGet, path, nil); w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "does not serve") {
			t.Errorf("%s: %d %.100s, want a 501 that says so", path, w.Code, w.Body)
		}
	}
	if w := g.do(g.admin, http.MethodGet, "nothing/", nil); w.Code != http.StatusNotFound {
		t.Errorf("what MAAS has not either: %d, want 404", w.Code)
	}
}
