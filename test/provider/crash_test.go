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
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// TestKilledAtEveryCall kills the manager at every MAAS call of create and then of delete: once before MAAS acts, once after it acted and
// before its answer arrives. Whatever the moment, the machine comes up on one server, deployed once, and everything goes back.
func TestKilledAtEveryCall(t *testing.T) {
	for _, phase := range []maassim.Phase{maassim.Before, maassim.After} {
		for _, story := range []string{"create", "delete"} {
			t.Run(fmt.Sprintf("%s, killed %s MAAS acts", story, phaseName(phase)), func(t *testing.T) {
				for n := 1; ; n++ {
					if !killedAtCall(t, story, phase, n) {
						if n < 2 {
							t.Error("want at least one call to be killed at, got none")
						}
						t.Logf("killed at each of %d calls", n-1)
						return
					}
				}
			})
		}
	}
}

func phaseName(p maassim.Phase) string {
	if p == maassim.Before {
		return "before"
	}
	return "after"
}

// killedAtCall tells one life with the manager killed at the nth call of the story; false when there was no such call.
func killedAtCall(t *testing.T, story string, phase maassim.Phase, n int) bool {
	t.Helper()
	w := newWorld(t, 2)
	decoys := w.decoys()
	trap := newTrap(w, phase, n)
	defer trap.disarm()
	if story == "create" {
		trap.arm()
	}
	w.machine("m")
	w.awaitProvisioned("m")
	if story == "delete" {
		trap.arm()
	}
	if story == "create" && !trap.disarm() {
		w.deleteMachine("m")
		w.awaitGone("m")
		return false
	}
	if got := w.deploys(); got != 1 {
		t.Errorf("%s, call %d (%s): want exactly one deployment, got %d", story, n, trap.call, got)
	}
	w.deleteMachine("m")
	w.awaitGone("m")
	fired := trap.disarm()
	w.awaitAllFree()
	decoys()
	if got := w.deploys(); got != 1 {
		t.Errorf("%s, call %d (%s): want still one deployment at the end, got %d", story, n, trap.call, got)
	}
	return fired
}

// decoys are servers of the same MAAS pool that belong to others: another MAAS user, and our own user without a lease. The returned
// function asserts that nobody touched them.
func (w *world) decoys() (untouched func()) {
	w.Helper()
	own := len(w.ids)
	others, mine := w.server(w.ns+"-eve"), w.server(w.ns+"-mine")
	w.ids = w.ids[:own]
	if err := w.sim().Operator().TakeAs("eve", others); err != nil {
		w.Fatal(err)
	}
	if err := w.sim().Operator().TakeAs("capmaas", mine); err != nil {
		w.Fatal(err)
	}
	return func() {
		w.Helper()
		for id, owner := range map[string]string{others: "eve", mine: "capmaas"} {
			if v := w.view(id); v.Owner != owner || v.StatusName != "Allocated" || v.Deploys+v.Releases > 0 {
				w.Errorf("want %s's server %s left alone, got %s of %q, %d deployments, %d releases", owner, v.Hostname, v.StatusName, v.Owner, v.Deploys, v.Releases)
			}
		}
	}
}

// trap kills the manager at the nth MAAS call that concerns the world's machine.
type trap struct {
	w     *world
	phase maassim.Phase
	n     int
	// only restricts the trap to calls of such a name.
	only   string
	remove func()

	mu    sync.Mutex
	armed bool
	seen  int
	call  string
	seq   uint64
	ready chan error
}

func newTrap(w *world, phase maassim.Phase, n int) *trap {
	return &trap{w: w, phase: phase, n: n}
}

func (tr *trap) arm() {
	tr.mu.Lock()
	tr.armed = true
	tr.mu.Unlock()
	tr.remove = tr.w.sim().Intercept(tr.intercept)
}

func (tr *trap) intercept(c *maassim.Call, p maassim.Phase) maassim.Action {
	if !tr.concerns(c) {
		return maassim.Pass()
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if !tr.armed {
		return maassim.Pass()
	}
	if p == maassim.Before {
		tr.seen++
		if tr.seen == tr.n {
			tr.call, tr.seq = c.Name, c.Seq
		}
	}
	if p != tr.phase || tr.seq == 0 || c.Seq != tr.seq {
		return maassim.Pass()
	}
	tr.armed = false
	m := theLab.Manager(lab.MAAS)
	m.Kill()
	tr.ready = make(chan error, 1)
	go func() { tr.ready <- m.Restart(tr.w.ctx) }()
	return maassim.Drop()
}

// concerns tells the calls about the world's servers from those of the shared look at MAAS. A read leaves MAAS as it was, so being killed
// before or after it comes to the same.
func (tr *trap) concerns(c *maassim.Call) bool {
	if !strings.HasPrefix(c.Name, tr.only) {
		return false
	}
	switch c.Name {
	case "machines.list":
		return tr.phase == maassim.Before && len(c.Form["agent_name"]) > 0
	case "machine.read":
		return tr.phase == maassim.Before && slices.Contains(tr.w.ids, c.SystemID)
	}
	return slices.Contains(tr.w.ids, c.SystemID)
}

// disarm ends it, waits for the manager to be back and tells whether it was killed.
func (tr *trap) disarm() bool {
	if tr.remove != nil {
		tr.remove()
		tr.remove = nil
	}
	tr.mu.Lock()
	tr.armed = false
	ready := tr.ready
	tr.ready = nil
	fired := tr.seq != 0 && (ready != nil || tr.call != "")
	tr.mu.Unlock()
	if ready != nil {
		select {
		case err := <-ready:
			if err != nil {
				tr.w.Fatalf("restarting the manager: %v", err)
			}
		case <-time.After(patience):
			tr.w.Fatalf("the manager did not come back within %s", patience)
		}
	}
	return fired
}
