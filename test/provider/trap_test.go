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
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// squadSize is how many lives are lived at the same time: no more than tests run in parallel, and fewer than the manager reconciles at once, for
// each keeps a worker waiting.
const squadSize = 8

// maxChapters is the most chapters that a life has.
const maxChapters = 2

// killedAtEachCall lives a life once for each MAAS call of its longest chapter, with the manager killed at that call of every chapter: before MAAS
// acts, and in other lives after it acted and before its answer arrives. The lives are lived in squads: whoever has come to its call waits there
// until all have, and one kill hits them all. Only calls of a name that begins with only are counted; those named in calls must be among them.
func killedAtEachCall(t *testing.T, only string, calls []string, live func(*life)) {
	t.Helper()
	for _, phase := range []maassim.Phase{maassim.Before, maassim.After} {
		t.Run("killed "+phaseName(phase)+" MAAS acts", func(t *testing.T) {
			// The first life of all is not killed at a call: it counts them.
			killed, longest := map[string]bool{}, squadSize-1
			for first := 0; first <= longest; first += squadSize {
				s := newSquad(t.Context(), min(squadSize, longest-first+1))
				t.Run(fmt.Sprintf("from call %d", first), func(t *testing.T) {
					for n := first; n < first+s.size; n++ {
						t.Run(fmt.Sprintf("call %d", n), func(t *testing.T) {
							t.Parallel()
							l := &life{T: t, squad: s, phase: phase, n: n, only: only}
							defer l.leave()
							live(l)
						})
					}
				})
				if t.Failed() {
					return
				}
				if first == 0 {
					longest = s.counted
				}
				for _, name := range s.killed {
					killed[name] = true
				}
			}
			t.Logf("%d calls in the longest chapter", longest)
			for _, name := range calls {
				if !killed[name] {
					t.Errorf("want the manager killed at %s as well, it was at %v", name, killed)
				}
			}
		})
	}
}

func phaseName(p maassim.Phase) string {
	if p == maassim.Before {
		return "before"
	}
	return "after"
}

// squad is a number of lives that the same kills hit.
type squad struct {
	size  int
	kills [maxChapters]*kill

	mu      sync.Mutex
	counted int
	killed  []string
}

func newSquad(ctx context.Context, size int) *squad {
	s := &squad{size: size}
	for i := range s.kills {
		s.kills[i] = &kill{ctx: ctx, missing: size, done: make(chan struct{}), back: make(chan struct{})}
	}
	return s
}

// kill kills the manager when the last life of a squad has come to its call, or to the end of the chapter without it.
type kill struct {
	ctx  context.Context //nolint:containedctx // the context of the test, which outlives the lives
	done chan struct{}
	back chan struct{}
	err  error

	mu      sync.Mutex
	missing int
	wanted  bool
}

func (k *kill) arrive(wanted bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.missing--
	k.wanted = k.wanted || wanted
	switch {
	case k.missing > 0:
	case !k.wanted:
		close(k.done)
		close(k.back)
	default:
		m := theLab.Manager(lab.MAAS)
		m.Kill()
		close(k.done)
		go func() {
			defer close(k.back)
			k.err = m.Restart(k.ctx)
		}()
	}
}

// life is one of a squad.
type life struct {
	*testing.T

	squad *squad
	phase maassim.Phase
	// n is the call of each chapter at which the manager is killed, none for 0.
	n       int
	only    string
	chapter int
}

// crash tells a chapter of a life on the servers of a world, and goes on when the manager is back.
func (l *life) crash(w *world, tell func()) {
	l.Helper()
	k := l.squad.kills[l.chapter]
	l.chapter++
	trap := &trap{w: w, life: l, kill: k}
	remove := w.sim().Intercept(trap.intercept)
	func() {
		defer trap.disarm()
		defer remove()
		tell()
	}()
	<-k.back
	if k.err != nil {
		l.Fatalf("restarting the manager: %v", k.err)
	}
	l.Logf("chapter %d: killed at %q", l.chapter, trap.call)
}

// leave keeps nobody waiting for the chapters that this life has not come to.
func (l *life) leave() {
	for ; l.chapter < maxChapters; l.chapter++ {
		l.squad.kills[l.chapter].arrive(false)
	}
}

// trap keeps the call that the kill is to hit until it does.
type trap struct {
	w    *world
	life *life
	kill *kill

	mu   sync.Mutex
	seen int
	call string
	seq  uint64
	over bool
}

func (tr *trap) intercept(c *maassim.Call, p maassim.Phase) maassim.Action {
	if !tr.concerns(c) || !tr.springs(c, p) {
		return maassim.Pass()
	}
	tr.kill.arrive(true)
	<-tr.kill.done
	return maassim.Drop()
}

func (tr *trap) springs(c *maassim.Call, p maassim.Phase) bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.over {
		return false
	}
	if p == maassim.Before {
		tr.seen++
		if tr.seen == tr.life.n {
			tr.seq = c.Seq
		}
	}
	if p != tr.life.phase || tr.seq == 0 || c.Seq != tr.seq {
		return false
	}
	tr.over, tr.call = true, c.Name
	return true
}

// concerns tells the calls about the world's servers from those of the shared look at MAAS and of other worlds. A read leaves MAAS as it was, so
// being killed before or after it comes to the same.
func (tr *trap) concerns(c *maassim.Call) bool {
	if !strings.HasPrefix(c.Name, tr.life.only) {
		return false
	}
	switch c.Name {
	case "machines.list":
		return tr.life.phase == maassim.Before && len(c.Form["agent_name"]) > 0 && tr.w.leased(c.Form["agent_name"])
	case "machine.read", "machine.get_curtin_config":
		return tr.life.phase == maassim.Before && slices.Contains(tr.w.ids, c.SystemID)
	}
	return slices.Contains(tr.w.ids, c.SystemID)
}

// leased tells whether a lease of the world has one of the ids.
func (w *world) leased(ids []string) bool {
	list := &infrav1.MaasHostList{}
	if err := w.List(w.ctx, list, client.InNamespace(w.ns)); err != nil {
		return false
	}
	return slices.ContainsFunc(list.Items, func(h infrav1.MaasHost) bool { return slices.Contains(ids, h.Spec.LeaseID) })
}

// disarm ends it. Nobody is to wait for a life that did not come to its call.
func (tr *trap) disarm() {
	tr.mu.Lock()
	arrived := tr.over
	tr.over = true
	tr.mu.Unlock()
	if !arrived {
		tr.kill.arrive(false)
	}
	s := tr.life.squad
	s.mu.Lock()
	defer s.mu.Unlock()
	if arrived {
		s.killed = append(s.killed, tr.call)
	}
	if tr.life.n == 0 {
		s.counted = max(s.counted, tr.seen)
	}
}
