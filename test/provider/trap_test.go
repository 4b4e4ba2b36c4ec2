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

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// squadSize is how many lives are lived at the same time: no more than tests run in parallel, and fewer than the manager reconciles at once, for
// each keeps a worker waiting.
const squadSize = 12

// maxChapters is the most chapters that a life has.
const maxChapters = 2

// point is the nth call of a name in a chapter. How often the provider reads varies a little from life to life, what it changes does not.
type point struct {
	name string
	nth  int
}

// isRead tells calls that leave MAAS as it was: being killed before or after one comes to the same.
func (p point) isRead() bool {
	return slices.Contains([]string{"machines.list", "machine.read", "machine.get_curtin_config", "interfaces.list"}, p.name)
}

// killedAtEachCall lives a life undisturbed, and then once for each MAAS call in it, with the manager killed at that call: before MAAS acts, and in
// other lives after it acted and before its answer arrives. A life has its point in every chapter. The lives are lived in squads: whoever has come to
// its point waits there until all have, and one kill hits them all. Each life has a MAAS user of its own: a life that waits where the provider takes
// its look at MAAS keeps only itself from seeing anything. Only calls of a name that begins with only are counted.
func killedAtEachCall(t *testing.T, only string, live func(*life)) {
	t.Helper()
	var points [maxChapters][]point
	t.Run("undisturbed", func(t *testing.T) {
		live(&life{T: t, squad: newSquad(t.Context(), 1), only: only, seen: &points})
	})
	if len(slices.Concat(points[:]...)) == 0 {
		t.Error("want calls to be killed at, got none")
	}
	var moments [maxChapters][]moment
	for i := range points {
		for _, p := range points[i] {
			moments[i] = append(moments[i], moment{p, maassim.Before})
			if !p.isRead() {
				moments[i] = append(moments[i], moment{p, maassim.After})
			}
		}
	}
	killedAt(t, only, moments, live)
}

// killedAt lives as many lives as the longest chapter has moments, in squads.
func killedAt(t *testing.T, only string, chapters [maxChapters][]moment, live func(*life)) {
	t.Helper()
	longest := 0
	for _, moments := range chapters {
		longest = max(longest, len(moments))
	}
	for first := 0; first < longest; first += squadSize {
		size := min(squadSize, longest-first)
		t.Run(fmt.Sprintf("squad of %d", size), func(t *testing.T) {
			s := newSquad(t.Context(), size)
			for n := first; n < first+size; n++ {
				t.Run(fmt.Sprintf("life %d", n+1), func(t *testing.T) {
					t.Parallel()
					l := &life{T: t, squad: s, only: only}
					for i, moments := range chapters {
						if n < len(moments) {
							l.moments[i] = moments[n]
						}
					}
					defer l.leave()
					live(l)
				})
			}
		})
	}
}

// moment is when a life has the manager killed: at a point, before MAAS acts or after it acted. The zero value is never.
type moment struct {
	point
	phase maassim.Phase
}

func (m moment) String() string {
	if m.phase == maassim.Before {
		return fmt.Sprintf("before %s %d", m.name, m.nth)
	}
	return fmt.Sprintf("after %s %d", m.name, m.nth)
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
	// moments are when the manager is killed in each chapter.
	moments [maxChapters]moment
	only    string
	chapter int
	// seen gets the calls of an undisturbed life.
	seen *[maxChapters][]point
}

// crash tells a chapter of a life on the servers of a world, and goes on when the manager is back.
func (l *life) crash(w *world, tell func()) {
	l.Helper()
	trap := &trap{w: w, life: l, kill: l.squad.kills[l.chapter], at: l.moments[l.chapter], count: map[string]int{}}
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
		l.Logf("chapter %d: killed %v", l.chapter, trap.at)
	case trap.at.point != point{} && !trap.at.isRead():
		l.Errorf("chapter %d: want the manager killed %v, which did not come", l.chapter, trap.at)
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

	at moment

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
		if now == tr.at.point {
			tr.seq = c.Seq
		}
	}
	if p != tr.at.phase || tr.seq == 0 || c.Seq != tr.seq {
		return false
	}
	tr.over, tr.sprung = true, true
	return true
}

// concerns tells the world's calls about its servers from those about all servers, and from those of other worlds.
func (tr *trap) concerns(c *maassim.Call) bool {
	switch {
	case c.User != tr.w.user || !strings.HasPrefix(c.Name, tr.life.only):
		return false
	case c.Name == "machines.list":
		return len(c.Form["agent_name"]) > 0
	}
	return slices.Contains(tr.w.ids, c.SystemID)
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
