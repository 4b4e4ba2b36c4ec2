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
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// Flags of "make bench", which has the machine to itself. Elsewhere what takes time is measured and not judged.
var (
	costMachines = flag.Int("cost.machines", 50, "machines that TestCost provisions at once")
	costTiming   = flag.Bool("cost.timing", false, "let TestCost fail for what takes too long or too much memory")
)

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
	logLoad(t)
	manyNames := many.bringUpMany(*costMachines)
	r.check("manager-peak-memory", float64(many.managerPeakKiB())/1024)
	r.checkFigures(many.managerFigures().minus(before), *costMachines)
	logLoad(t)
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

// logLoad tells how busy the computer is, for figures that depend on it mean nothing without.
func logLoad(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("load average on %d cores: %s", runtime.NumCPU(), raw)
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
