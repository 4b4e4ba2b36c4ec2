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

package portworx_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/portworx"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

const service = "portworx/portworx-api:9021"

// world is a simulated Portworx of six nodes in three racks, in a cluster.
type world struct {
	t       *testing.T
	clock   *clocktesting.FakePassiveClock
	disks   *pxsim.MemoryDisks
	sim     *pxsim.Sim
	cluster workload.Cluster
	prober  *portworx.Prober
}

func newWorld(t *testing.T, options pxsim.Options, volumes ...pxsim.Volume) *world {
	t.Helper()
	w := &world{t: t, clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)), disks: pxsim.NewMemoryDisks()}
	options.Clock, options.Disks = w.clock, w.disks
	w.sim = pxsim.New(options)
	for i, host := range []string{"w1", "w2", "w3", "w4", "w5", "w6"} {
		w.sim.AddNode(pxsim.Node{Host: host, Zone: []string{"a", "b", "c"}[i%3], KVDB: i < 3})
	}
	for _, v := range volumes {
		if err := w.sim.AddVolume(v); err != nil {
			t.Fatal(err)
		}
	}
	services := &workloadtest.Services{}
	services.Set(service, w.sim)
	w.cluster = workloadtest.New(t, services, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "portworx", Name: "px-user-token"}, Data: map[string][]byte{"auth-token": []byte("let-me-in\n")},
	})
	w.sync()
	var err error
	if w.prober, err = portworx.New(w.cluster, portworx.Options{}, w.clock); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) sync() {
	w.t.Helper()
	if err := w.sim.Sync(w.t.Context(), w.cluster, "portworx"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) pass(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

func (w *world) probe() *storagehealth.Report {
	w.t.Helper()
	w.sync()
	report, err := w.prober.Probe(w.t.Context())
	if err != nil {
		w.t.Fatalf("probing: %v", err)
	}
	return report
}

func node(t *testing.T, report *storagehealth.Report, name string) storagehealth.Node {
	t.Helper()
	for _, n := range report.Nodes {
		if n.Name == name {
			return n
		}
	}
	t.Fatalf("the report has no node %s: %+v", name, report.Nodes)
	return storagehealth.Node{}
}

// inSync lists the nodes whose copy of a volume counts.
func inSync(report *storagehealth.Report, volume string) string {
	var names []string
	for _, v := range report.Volumes {
		if v.Name != volume {
			continue
		}
		for _, r := range v.Replicas {
			if r.InSync {
				names = append(names, report.Nodes[r.Node].Name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

const gib = 1 << 30

func twoVolumes() []pxsim.Volume {
	return []pxsim.Volume{
		{Name: "db", Nodes: []string{"w1", "w2"}, Bytes: 100 * gib, WriteRate: 10 << 20},
		{Name: "logs", Nodes: []string{"w4", "w5", "w6"}, Bytes: 10 * gib, WriteRate: 1 << 20, ServedBy: "w5"},
	}
}

func TestWholePortworx(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{Token: "let-me-in"}, twoVolumes()...)
	report := w.probe()
	if !report.Placed || report.Locality != storagehealth.Local || report.Progress != -1 || report.Busy != "" {
		t.Errorf("the report is %+v; expected a placement of local data, nothing being rebuilt and nothing going on", report)
	}
	if !report.At.Equal(w.clock.Now()) {
		t.Errorf("the report is of %s, expected the time of the request, %s", report.At, w.clock.Now())
	}
	if got := inSync(report, "db"); got != "w1,w2" {
		t.Errorf("copies in sync of db: %s, expected w1,w2", got)
	}
	n := node(t, report, "w2")
	identity, _ := w.sim.Identity("w2")
	if n.Identity != identity.ID || !slices.Equal(n.Pools, identity.Pools) || n.Domain != "b" || !n.QuorumMember || !n.QuorumHealthy {
		t.Errorf("w2 is %+v, expected identity %+v, domain b and a healthy member of the database", n, identity)
	}
	if n := node(t, report, "w5"); n.Servers != 1 || n.QuorumMember {
		t.Errorf("w5 is %+v, expected one served volume and no member", n)
	}
	for path, n := range w.sim.Calls() {
		if n != 2 && n != 1 {
			t.Errorf("%s was called %d times", path, n)
		}
	}
}

// TestRepaveWithDiskKept follows a node whose disk survives: it is the same node, and only what was written meanwhile is copied.
func TestRepaveWithDiskKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{ResyncRate: 100 << 20}, twoVolumes()...)
	before := node(t, w.probe(), "w1")

	w.sim.Down("w1")
	w.pass(20 * time.Minute)
	report := w.probe()
	if n := node(t, report, "w1"); n.State != storagehealth.Offline || n.QuorumHealthy {
		t.Errorf("w1 is %+v while it is away, expected Offline and not well", n)
	}
	if got := inSync(report, "db"); got != "w2" {
		t.Errorf("copies in sync of db while w1 is away: %s, expected w2", got)
	}
	if got := inSync(report, "logs"); got != "w4,w5,w6" {
		t.Errorf("copies in sync of logs while w1 is away: %s, expected all", got)
	}

	w.sim.Up("w1")
	report = w.probe()
	if n := node(t, report, "w1"); n.State != storagehealth.Online || n.Identity != before.Identity {
		t.Errorf("w1 came back as %+v, expected to be who it was, %s", n, before.Identity)
	}
	if got := inSync(report, "db"); got != "w2" {
		t.Errorf("copies in sync of db while w1 catches up: %s, expected w2 although the volume says up", got)
	}
	pending := volume(t, report, "db").PendingBytes
	if pending < 11*gib || pending > 12*gib {
		t.Errorf("%d bytes are pending, expected the 20 minutes of writes, about 11.7 GiB", pending)
	}
	w.pass(time.Minute)
	report = w.probe()
	if next := volume(t, report, "db").PendingBytes; next >= pending || report.Progress <= 0 {
		t.Errorf("a minute later %d bytes are pending and %d%% are done, expected progress", next, report.Progress)
	}
	w.pass(2 * time.Minute)
	if got := inSync(w.probe(), "db"); got != "w1,w2" || !w.sim.Whole() {
		t.Errorf("copies in sync of db in the end: %s, expected both", got)
	}
	if losses := w.sim.Losses(); len(losses) > 0 {
		t.Errorf("data was lost: %v", losses)
	}
}

func volume(t *testing.T, report *storagehealth.Report, name string) storagehealth.Volume {
	t.Helper()
	for _, v := range report.Volumes {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("the report has no volume %s", name)
	return storagehealth.Volume{}
}

// TestRepaveWithDiskWiped follows a node whose disk was wiped: it is somebody else, its former self stays with its copies, and a new copy takes as long
// as all bytes take.
func TestRepaveWithDiskWiped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{ResyncRate: 100 << 20, ReplaceLost: true}, twoVolumes()...)
	before := node(t, w.probe(), "w1")
	w.sim.Down("w1")
	w.disks.Wipe("w1")
	w.pass(20 * time.Minute)
	w.sim.Up("w1")

	report := w.probe()
	if n := node(t, report, "w1"); n.Identity == before.Identity || n.State != storagehealth.Online {
		t.Errorf("w1 came back as %+v, expected somebody else than %s", n, before.Identity)
	}
	if n := node(t, report, before.Identity); n.State != storagehealth.Offline {
		t.Errorf("the former self of w1 is %+v, expected it to be listed by its id and offline", n)
	}
	if got := inSync(report, "db"); got != "w2" {
		t.Errorf("copies in sync of db: %s, expected w2", got)
	}
	if pending := volume(t, report, "db").PendingBytes; pending != 100*gib {
		t.Errorf("%d bytes are pending, expected the whole volume", pending)
	}
	w.pass(15 * time.Minute)
	if got := inSync(w.probe(), "db"); got != "w2" {
		t.Errorf("copies in sync of db after 15 of 17 minutes: %s, expected w2", got)
	}
	w.pass(3 * time.Minute)
	if got := inSync(w.probe(), "db"); got != "w1,w2" {
		t.Errorf("copies in sync of db in the end: %s, expected both", got)
	}
}

// TestSecondNodeEatsVolume shows that the simulator can lose data, and says so.
func TestSecondNodeEatsVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{}, twoVolumes()...)
	w.sim.Down("w1")
	w.disks.Wipe("w1")
	w.pass(time.Minute)
	w.sim.Up("w1")
	if losses := w.sim.Losses(); len(losses) != 0 {
		t.Fatalf("lost with a copy left: %v", losses)
	}
	w.sim.Down("w2")
	w.pass(time.Minute)
	if got := inSync(w.probe(), "db"); got != "" {
		t.Errorf("copies in sync of db: %s, expected none", got)
	}
	if len(w.sim.Outages()) != 1 {
		t.Errorf("outages: %v, expected db", w.sim.Outages())
	}
	w.disks.Wipe("w2")
	w.pass(time.Second)
	losses := w.sim.Losses()
	if len(losses) != 1 || losses[0].Volume != "db" {
		t.Errorf("losses: %v, expected db", losses)
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	old := pxsim.Faults{LacksOverlap: true}
	tests := map[string]struct {
		nodes   string
		without []string
		faults  pxsim.Faults
		refused string
		wantErr bool
	}{
		"nothing is away":                           {nodes: "w1"},
		"one that shares nothing is away":           {nodes: "w1", without: []string{"w4"}},
		"one that shares a volume is away":          {nodes: "w1", without: []string{"w4", "w2"}, refused: "w1"},
		"it is itself among those":                  {nodes: "w1", without: []string{"w1"}},
		"one that Portworx never had is away":       {nodes: "w1", without: []string{"cp1"}},
		"Portworx does not run on the node":         {nodes: "cp1", without: []string{"w2"}},
		"two that share nothing":                    {nodes: "w1,w4"},
		"two that share a volume":                   {nodes: "w1,w2,w4", refused: "w2"},
		"old version, nothing away":                 {nodes: "w1", faults: old},
		"old version, something away":               {nodes: "w1", without: []string{"w4"}, faults: old, refused: "w1"},
		"old version, two at once":                  {nodes: "w1,w4", faults: old, refused: "w1,w4"},
		"gateway down":                              {nodes: "w1", faults: pxsim.Faults{Status: 503}, wantErr: true},
		"gateway busy":                              {nodes: "w1", faults: pxsim.Faults{Status: 429}, wantErr: true},
		"answers cut off":                           {nodes: "w1", faults: pxsim.Faults{TruncateAt: 10}, wantErr: true},
		"gateway says not found to everything":      {nodes: "w1", faults: pxsim.Faults{Status: 404}, wantErr: true},
		"nothing is asked, and the gateway is down": {faults: pxsim.Faults{Status: 503}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pxsim.Options{}, twoVolumes()...)
			w.sim.SetFaults(tt.faults)
			refused, err := w.prober.Confirm(t.Context(), strings.FieldsFunc(tt.nodes, func(r rune) bool { return r == ',' }), tt.without)
			if got := strings.Join(slices.Sorted(maps.Keys(refused)), ","); got != tt.refused || (err != nil) != tt.wantErr {
				t.Errorf("Confirm(%s without %v) refused %q, %v; expected %q", tt.nodes, tt.without, got, err, tt.refused)
			}
			if n := w.sim.Calls()["/v1/nodes/filter-nonoverlapping"]; n > 1 {
				t.Errorf("Portworx was asked %d times, expected once for all nodes", n)
			}
		})
	}
}

func TestGatewayFailsAreErrors(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]pxsim.Faults{
		"down": {Status: 503}, "failing": {Status: 500}, "old": {Status: 501}, "forbidden": {Status: 403}, "cut off early": {TruncateAt: 20},
		"cut off late": {TruncateAt: 600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pxsim.Options{}, twoVolumes()...)
			w.sim.SetFaults(faults)
			if report, err := w.prober.Probe(t.Context()); err == nil {
				t.Errorf("the report is %+v, expected an error", report)
			}
		})
	}
}

// TestDeadEndpoints has a Service two of whose three endpoints are on nodes that have gone: the API server's proxy takes them in turn.
func TestDeadEndpoints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ dead, of int }{{0, 1}, {1, 2}, {2, 3}, {3, 4}} {
		w := newWorld(t, pxsim.Options{}, twoVolumes()...)
		calls := 0
		services := &workloadtest.Services{}
		services.Set(service, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if calls++; calls%tt.of != 0 {
				rw.Header().Set("Content-Type", "application/json")
				rw.WriteHeader(http.StatusServiceUnavailable)
				_, _ = rw.Write([]byte(`{"kind":"Status","message":"error trying to reach service: dial tcp 172.16.1.7:9021: connect: no route to host","code":503}`))
				return
			}
			w.sim.ServeHTTP(rw, r)
		}))
		cluster := workloadtest.WithClient(t, services, w.cluster)
		prober, err := portworx.New(cluster, portworx.Options{}, w.clock)
		if err != nil {
			t.Fatal(err)
		}
		report, err := prober.Probe(t.Context())
		if tt.dead < 3 && (err != nil || len(report.Nodes) != 6) {
			t.Errorf("with %d of %d endpoints dead: %v", tt.dead, tt.of, err)
		}
		if tt.dead == 3 && (err == nil || !strings.Contains(err.Error(), "no route to host")) {
			t.Errorf("with %d of %d endpoints dead the error is %v, expected the API server's own words", tt.dead, tt.of, err)
		}
	}
}

// TestLyingGateway has a gateway that calls everything clean; what it says of the nodes still speaks against it.
func TestLyingGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{}, twoVolumes()...)
	w.sim.Down("w1")
	w.pass(time.Minute)
	w.sim.SetFaults(pxsim.Faults{LieClean: true})
	report := w.probe()
	if n := node(t, report, "w1"); n.State != storagehealth.Offline {
		t.Errorf("w1 is %s, expected Offline, so that its copies do not count", n.State)
	}
}

func TestMaintenance(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]storagehealth.NodeState{
		"STATUS_OK": storagehealth.Online, "STATUS_MAINTENANCE": storagehealth.Maintenance, "STATUS_POOLMAINTENANCE": storagehealth.Maintenance,
		"STATUS_DECOMMISSION": storagehealth.Maintenance, "STATUS_STORAGE_DEGRADED": storagehealth.Degraded,
		"STATUS_STORAGE_REBALANCE": storagehealth.Degraded, "STATUS_STORAGE_DOWN": storagehealth.Offline, "STATUS_NOT_IN_QUORUM": storagehealth.Offline,
		"STATUS_INIT": storagehealth.Starting, "STATUS_NONE": storagehealth.StateUnknown, "STATUS_NEW_IN_4_0": storagehealth.StateUnknown,
	} {
		w := newWorld(t, pxsim.Options{})
		w.sim.SetStatus("w4", status)
		if got := node(t, w.probe(), "w4"); got.State != want || (want != storagehealth.Online && got.Detail == "") {
			t.Errorf("%s is %s (%s), expected %s with a detail", status, got.State, got.Detail, want)
		}
	}
}
