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

// point is the nth call of a name in a chapter. How often the provider reads varies a little from life to life, what it changes does not.
type point struct {
	name string
	nth  int
}

// isRead tells calls that leave MAAS as it was: being killed before or after one comes to the same.
func (p point) isRead() bool {
	return slices.Contains([]string{"machines.list", sharedRead, "machine.get_curtin_config", "interfaces.list"}, p.name)
}

// killedAtEachCall lives a life undisturbed, and then once for each MAAS call in it, with the manager killed at that call: before MAAS acts, and in
// other lives after it acted and before its answer arrives. A life has its point in every chapter. The lives are lived in squads: whoever has come to
// its point waits there until all have, and one kill hits them all. Only calls of a name that begins with only are counted.
func killedAtEachCall(t *testing.T, only string, live func(*life)) {
	t.Helper()
	var points [maxChapters][]point
	t.Run("undisturbed", func(t *testing.T) {
		live(&life{T: t, squad: newSquad(t.Context(), 1), only: only, seen: &points})
	})
	if len(slices.Concat(points[:]...)) == 0 {
		t.Error("want calls to be killed at, got none")
	}
	killedAt(t, only, maassim.Before, squadSize, pick(points, func(p point) bool { return p.name != sharedRead }), live)
	killedAt(t, only, maassim.Before, 1, pick(points, func(p point) bool { return p.name == sharedRead }), live)
	killedAt(t, only, maassim.After, squadSize, pick(points, func(p point) bool { return !p.isRead() }), live)
}

// sharedRead is also how the look at MAAS that all lives share reads a machine. A life that waits there has to live alone.
const sharedRead = "machine.read"

func pick(points [maxChapters][]point, want func(point) bool) (picked [maxChapters][]point) {
	for i := range points {
		picked[i] = slices.DeleteFunc(slices.Clone(points[i]), func(p point) bool { return !want(p) })
	}
	return picked
}

// killedAt lives as many lives as the longest chapter has points, in squads of a size.
func killedAt(t *testing.T, only string, phase maassim.Phase, most int, chapters [maxChapters][]point, live func(*life)) {
	t.Helper()
	longest := 0
	for _, points := range chapters {
		longest = max(longest, len(points))
	}
	for first := 0; first < longest; first += most {
		size := min(most, longest-first)
		t.Run(fmt.Sprintf("%d killed %s MAAS acts", size, phaseName(phase)), func(t *testing.T) {
			s := newSquad(t.Context(), size)
			for n := first; n < first+size; n++ {
				t.Run(fmt.Sprintf("point %d", n+1), func(t *testing.T) {
					t.Parallel()
					l := &life{T: t, squad: s, phase: phase, only: only}
					for i, points := range chapters {
						if n < len(points) {
							l.points[i] = points[n]
						}
					}
					defer l.leave()
					live(l)
				})
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
	kills [maxChapters]*kill
}

func newSquad(ctx context.Context, size int) *squad {
	s := &squad{}
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
	// points are where the manager is killed in each chapter, the zero value for nowhere.
	points  [maxChapters]point
	only    string
	chapter int
	// seen gets the calls of an undisturbed life.
	seen *[maxChapters][]point
}

// crash tells a chapter of a life on the servers of a world, and goes on when the manager is back.
func (l *life) crash(w *world, tell func()) {
	l.Helper()
	trap := &trap{w: w, life: l, kill: l.squad.kills[l.chapter], at: l.points[l.chapter], count: map[string]int{}}
	l.chapter++
	remove := w.sim().Intercept(trap.intercept)
	func() {
		defer trap.disarm()
		defer remove()
		tell()
	}()
	<-trap.kill.back
	switch {
	case trap.kill.err != nil:
		l.Fatalf("restarting the manager: %v", trap.kill.err)
	case l.seen != nil:
		l.seen[l.chapter-1] = trap.seen
		l.Logf("chapter %d: %v", l.chapter, trap.seen)
	case trap.sprung:
		l.Logf("chapter %d: killed at %v", l.chapter, trap.at)
	case trap.at != point{} && !trap.at.isRead():
		l.Errorf("chapter %d: want the manager killed at %v, which did not come", l.chapter, trap.at)
	}
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

	at point

	mu    sync.Mutex
	count map[string]int
	seen  []point
	seq   uint64
	// over is set when it cannot spring any more, sprung when it has.
	over, sprung bool
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
		tr.count[c.Name]++
		now := point{c.Name, tr.count[c.Name]}
		tr.seen = append(tr.seen, now)
		if now == tr.at {
			tr.seq = c.Seq
		}
	}
	if p != tr.life.phase || tr.seq == 0 || c.Seq != tr.seq {
		return false
	}
	tr.over, tr.sprung = true, true
	return true
}

// concerns tells the calls about the world's servers from those of the shared look at MAAS and of other worlds.
func (tr *trap) concerns(c *maassim.Call) bool {
	switch {
	case !strings.HasPrefix(c.Name, tr.life.only):
		return false
	case c.Name == "machines.list":
		return len(c.Form["agent_name"]) > 0 && tr.w.leased(c.Form["agent_name"])
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
}
