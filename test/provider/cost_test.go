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

package provider

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// bound is a line of testdata/cost.yaml.
type bound struct {
	Name     string  `json:"name"`
	Unit     string  `json:"unit"`
	Max      float64 `json:"max"`
	Measured float64 `json:"measured"`
	// Timing marks what depends on how fast and how busy the computer is.
	Timing bool `json:"timing,omitempty"`
	// Got is what this run measured.
	Got float64 `json:"got"`
}

// ranges are the bounds by name, and which of them were measured.
type ranges struct {
	t      *testing.T
	bounds map[string]*bound
	seen   map[string]bool
}

func loadRanges(t *testing.T) *ranges {
	t.Helper()
	raw, err := os.ReadFile("testdata/cost.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list []*bound
	if err := yaml.UnmarshalStrict(raw, &list); err != nil {
		t.Fatalf("testdata/cost.yaml: %v", err)
	}
	r := &ranges{t: t, bounds: map[string]*bound{}, seen: map[string]bool{}}
	for _, b := range list {
		r.bounds[b.Name] = b
	}
	return r
}

func (r *ranges) check(name string, got float64) {
	r.t.Helper()
	b, ok := r.bounds[name]
	if !ok {
		r.t.Fatalf("testdata/cost.yaml has no bound %q", name)
	}
	b.Got, r.seen[name] = got, true
	r.t.Logf("%-28s %8.2f %s (at most %g, usually %g)", name, got, b.Unit, b.Max, b.Measured)
	if got > b.Max && (*costTiming || !b.Timing) {
		r.t.Errorf("%s: want at most %g %s, got %g", name, b.Max, b.Unit, got)
	}
}

// write keeps the figures with the other artifacts and fails for a bound that nothing measured.
func (r *ranges) write() {
	r.t.Helper()
	var out []*bound
	for _, name := range slices.Sorted(maps.Keys(r.bounds)) {
		if !r.seen[name] {
			r.t.Errorf("testdata/cost.yaml: nothing measures %q", name)
		}
		out = append(out, r.bounds[name])
	}
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lab.Repository(), "_artifacts", "cost.json"), raw, 0o644); err != nil {
		r.t.Error(err)
	}
}

// Flags of "make bench", which has the machine to itself. Elsewhere what takes time is measured and not judged.
var (
	costMachines = flag.Int("cost.machines", 50, "machines that TestCost provisions at once")
	costTiming   = flag.Bool("cost.timing", false, "let TestCost fail for what takes too long or too much memory")
)

// managerNice lets the managers give way to the API server where time is judged. The promises are about the provider; an API server that
// Cluster API's managers leave no CPU is not its fault.
func managerNice() int {
	if *costTiming {
		return 5
	}
	return 0
}

// TestCost measures what testdata/cost.yaml bounds, first with 10 machines, then with many at once.
func TestCost(t *testing.T) {
	r := loadRanges(t)
	few := newWorld(t, 10)
	proofs := few.countProofs()
	latest := few.watchProvisioned()
	names := few.bringUpMany(10)
	few.noteLeases()
	r.check("deployed-to-provisioned", few.slowest(latest()).Seconds())
	quietFew := few.callsWhileQuiet()

	many := newWorld(t, *costMachines)
	before := many.managerFigures()
	manyNames := many.bringUpMany(*costMachines)
	r.check("manager-peak-memory", float64(many.managerPeakKiB())/1024)
	r.checkFigures(many.managerFigures().minus(before), *costMachines)
	quietMany := many.callsWhileQuiet()
	r.check("steady-state-calls-ratio", float64(quietMany)/float64(quietFew))

	few.deleteMachine(names...)
	few.awaitGone(names...)
	few.awaitAllFree()
	many.deleteMachine(manyNames...)
	many.awaitGone(manyNames...)
	many.awaitAllFree()
	r.check("maas-calls-per-worker", few.callsPerWorker(proofs()))
	r.check("disk-calls-per-host", few.diskCallsPerHost())
	networkCost(t, r)
	r.write()
}

func (w *world) bringUpMany(n int) []string {
	w.Helper()
	names := make([]string, n)
	started := time.Now()
	for i := range n {
		names[i] = fmt.Sprintf("m%03d", i)
		w.machine(names[i])
	}
	w.awaitAll(n, func(m *infrav1.MaasMachine) bool { return ptr.Deref(m.Status.Initialization.Provisioned, false) })
	w.Logf("%d machines provisioned within %s", n, time.Since(started).Round(time.Millisecond))
	return names
}

// awaitAll waits until n machines fulfil a predicate, with more patience than for one.
func (w *world) awaitAll(n int, done func(*infrav1.MaasMachine) bool) {
	w.Helper()
	deadline := time.Now().Add(4 * time.Minute)
	for {
		list := &infrav1.MaasMachineList{}
		if err := w.List(w.ctx, list, client.InNamespace(w.ns)); err != nil {
			w.Fatal(err)
		}
		count := 0
		for i := range list.Items {
			if done(&list.Items[i]) {
				count++
			}
		}
		if count == n {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("want %d machines provisioned within four minutes, got %d", n, count)
		}
		select {
		case <-w.ctx.Done():
			w.Fatal(w.ctx.Err())
		case <-time.After(time.Second): // a list of 200 is a load of its own
		}
	}
}

// watchProvisioned notes when each machine is first seen provisioned.
func (w *world) watchProvisioned() func() map[string]time.Time {
	w.Helper()
	events, err := w.Watch(w.ctx, &infrav1.MaasMachineList{}, client.InNamespace(w.ns))
	if err != nil {
		w.Fatal(err)
	}
	seen := map[string]time.Time{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range events.ResultChan() {
			m, ok := e.Object.(*infrav1.MaasMachine)
			if !ok || !ptr.Deref(m.Status.Initialization.Provisioned, false) {
				continue
			}
			if _, ok := seen[m.Status.HostRef.Name]; !ok {
				seen[m.Status.HostRef.Name] = time.Now()
			}
		}
	}()
	return func() map[string]time.Time {
		events.Stop()
		<-done
		return seen
	}
}

// slowest is the longest time between Deployed in MAAS and provisioned in the API.
func (w *world) slowest(provisioned map[string]time.Time) time.Duration {
	w.Helper()
	var slowest time.Duration
	for _, id := range w.ids {
		at, ok := provisioned[id]
		if !ok {
			w.Fatalf("want every machine seen provisioned, missed the one on %s", id)
		}
		for _, transition := range w.view(id).History {
			if transition.StatusName == "Deployed" {
				slowest = max(slowest, at.Sub(transition.Time))
				break
			}
		}
	}
	return slowest
}

// quiet is how long nothing happens while calls are counted.
const quiet = 20 * time.Second

func (w *world) callsWhileQuiet() int {
	w.Helper()
	// Let what is under way settle: no call about a machine for three seconds.
	last, since := -1, time.Now()
	w.await("MAAS to be left alone", func() (bool, string) {
		now := 0
		for _, n := range w.sim().CallStats().ByMachine {
			now += n
		}
		if now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 3*time.Second, fmt.Sprintf("%d calls", now)
	})
	before := w.sim().CallStats().Total
	select {
	case <-w.ctx.Done():
	case <-time.After(quiet):
	}
	got := w.sim().CallStats().Total - before
	w.Logf("%d calls in %s with %d servers", got, quiet, len(w.ids))
	return got
}

// countProofs counts the lists by agent name, which name no server, from now on.
func (w *world) countProofs() func() int {
	w.Helper()
	var mu sync.Mutex
	byLease := map[string]int{}
	remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "machines.list" && len(c.Form["agent_name"]) > 0 {
			mu.Lock()
			defer mu.Unlock()
			byLease[c.Form["agent_name"][0]]++
		}
		return maassim.Pass()
	})
	return func() int {
		remove()
		count := 0
		for lease := range w.leases {
			count += byLease[lease]
		}
		return count
	}
}

// noteLeases remembers the leases that there are now.
func (w *world) noteLeases() {
	w.Helper()
	w.leases = map[string]bool{}
	for _, host := range w.hosts() {
		w.leases[host.Spec.LeaseID] = true
	}
}

// callsPerWorker is the mean of the calls that concern a server of the world. Reads of one server belong to the shared look at MAAS,
// except for one: when a lease ends, the provider reads the server itself a last time.
func (w *world) callsPerWorker(proofs int) float64 {
	w.Helper()
	stats := w.sim().CallStats().ByMachineName
	calls := proofs + len(w.ids)
	for _, id := range w.ids {
		for name, n := range stats[id] {
			if name != "machine.read" && name != takesDiskOut {
				calls += n
			}
		}
	}
	return float64(calls) / float64(len(w.ids))
}

// takesDiskOut is the call that takes a data disk out of MAAS's inventory, once in a server's life and not at every repave.
const takesDiskOut = "blockdevice.delete"

// diskCallsPerHost is the mean of the calls that prepare the disks of a server of the world.
func (w *world) diskCallsPerHost() float64 {
	w.Helper()
	stats, calls := w.sim().CallStats().ByMachineName, 0
	for _, id := range w.ids {
		calls += stats[id][takesDiskOut]
	}
	return float64(calls) / float64(len(w.ids))
}

// managerPeakKiB is the manager's peak resident memory since it started.
func (w *world) managerPeakKiB() int {
	w.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", theLab.Manager(lab.MAAS).PID()))
	if err != nil {
		w.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib
		}
	}
	w.Fatal("want VmHWM in the process's status")
	return 0
}

// figures are counters of the manager.
type figures struct {
	// reconciles by controller, and the sum of their durations outside MAAS in seconds.
	reconciles map[string]uint64
	seconds    map[string]float64
	// within is how many reconciles ended within so many seconds outside MAAS, cumulative.
	within map[float64]uint64
	// writes are requests to the API server that are no reads.
	writes float64
}

// minus is what happened since.
func (f figures) minus(earlier figures) figures {
	for controller := range f.reconciles {
		f.reconciles[controller] -= earlier.reconciles[controller]
		f.seconds[controller] -= earlier.seconds[controller]
	}
	for le := range f.within {
		f.within[le] -= earlier.within[le]
	}
	f.writes -= earlier.writes
	return f
}

// p99 is the bucket in which the 99th percentile of all reconciles lies.
func (f figures) p99() time.Duration {
	total := f.within[math.Inf(1)]
	for _, le := range slices.Sorted(maps.Keys(f.within)) {
		if !math.IsInf(le, 1) && float64(f.within[le]) >= 0.99*float64(total) {
			return time.Duration(le * float64(time.Second))
		}
	}
	return time.Hour
}

// managerFigures reads the manager's own metrics.
func (w *world) managerFigures() figures {
	w.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.metrics())
	if err != nil {
		w.Fatal(err)
	}
	f := figures{reconciles: map[string]uint64{}, seconds: map[string]float64{}, within: map[float64]uint64{}}
	const histogram, requests = reconciletime.MetricName, "rest_client_requests_total"
	if families[histogram] == nil || families[requests] == nil {
		w.Fatalf("want the manager to have the metrics %s and %s", histogram, requests)
	}
	for _, m := range families[histogram].GetMetric() {
		controller := m.GetLabel()[0].GetValue()
		f.reconciles[controller] = m.GetHistogram().GetSampleCount()
		f.seconds[controller] = m.GetHistogram().GetSampleSum()
		for _, b := range m.GetHistogram().GetBucket() {
			f.within[b.GetUpperBound()] += b.GetCumulativeCount()
		}
	}
	for _, m := range families[requests].GetMetric() {
		for _, label := range m.GetLabel() {
			if label.GetName() == "method" && label.GetValue() != http.MethodGet {
				f.writes += m.GetCounter().GetValue()
			}
		}
	}
	return f
}

// checkFigures judges what the manager did to bring up n machines.
func (r *ranges) checkFigures(f figures, n int) {
	r.t.Helper()
	reconciles := 0.0
	for _, controller := range slices.Sorted(maps.Keys(f.reconciles)) {
		count := f.reconciles[controller]
		r.t.Logf("%s: %d reconciles, %.1f s outside MAAS", controller, count, f.seconds[controller])
		reconciles += float64(count)
	}
	r.check("reconcile-p99", f.p99().Seconds()*1000)
	r.check("reconciles-per-machine", reconciles/float64(n))
	r.check("api-writes-per-machine", f.writes/float64(n))
}

// metrics reads the manager's metrics as Prometheus would: with the token of a ServiceAccount that may. Nobody else may.
func (w *world) metrics() io.Reader {
	w.Helper()
	if status, _ := w.scrape(""); status != http.StatusUnauthorized {
		w.Errorf("want metrics refused without a token, got %d", status)
	}
	status, body := w.scrape(w.metricsToken())
	if status != http.StatusOK {
		w.Fatalf("want metrics with a token that may read them, got %d", status)
	}
	return body
}

// metricsToken is of a ServiceAccount of the world that may read metrics.
func (w *world) metricsToken() string {
	w.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "prometheus"}}
	for _, o := range []client.Object{
		account,
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: w.ns}, Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: w.ns},
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: w.ns},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.ns, Name: account.Name}}},
	} {
		if err := w.WithWatch.Create(w.ctx, o); err != nil && !apierrors.IsAlreadyExists(err) {
			w.Fatalf("creating %T %s: %v", o, o.GetName(), err)
		}
	}
	request := &authenticationv1.TokenRequest{}
	if err := w.SubResource("token").Create(w.ctx, account, request); err != nil {
		w.Fatal(err)
	}
	return request.Status.Token
}

func (w *world) scrape(token string) (int, io.Reader) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+theLab.Manager(lab.MAAS).Address()+":8443/metrics", nil)
	if err != nil {
		w.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// The manager makes the certificate of its metrics itself.
	insecure := &tls.Config{InsecureSkipVerify: true, RootCAs: x509.NewCertPool()} //nolint:gosec // self-signed, on the lab's own network
	res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: insecure, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res.StatusCode, bytes.NewReader(body)
}
