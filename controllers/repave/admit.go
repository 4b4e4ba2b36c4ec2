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

package repave

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
)

// going is a Machine that may go by the first judgement.
type going struct {
	machine *clusterv1.Machine
	verdict *repave.Verdict
	claim   *infrav1.Repave
}

// admit judges the Machines that wait and lets go those that may: first the claims, then everything read afresh and judged again, then the store's own word,
// then the hooks. A crash anywhere in between leaves a claim with the hook on, which is judged again. However many go at once, the store is asked as
// often as for one.
func (r *Reconciler) admit(ctx context.Context, s *scope) error {
	in, err := r.input(ctx, s)
	if err != nil {
		return err
	}
	s.candidates, s.deadCandidates = in.Candidates, in.Dead
	s.verdicts = repave.Decide(in)
	var claimed []*going
	for i := range s.verdicts {
		g := &going{verdict: &s.verdicts[i], machine: s.machine(s.verdicts[i].Machine)}
		switch {
		case !g.verdict.Admitted || g.machine == nil:
			continue
		case passesWithoutRecord(g.verdict.Reason):
			if err := r.letGo(ctx, s, g); err != nil {
				return err
			}
			continue
		}
		if g.claim = s.openOf(g.machine.Name); g.claim == nil {
			if g.claim, err = r.claim(ctx, s, g.machine, *g.verdict); err != nil {
				return err
			}
		}
		claimed = append(claimed, g)
	}
	if len(claimed) > 0 {
		if err := r.confirm(ctx, s, claimed); err != nil {
			return err
		}
	}
	s.judged = true
	return nil
}

// passesWithoutRecord tells what takes nothing down that data could be on.
func passesWithoutRecord(reason repave.Reason) bool {
	return reason == repave.NeverHadANode || reason == repave.ClusterGoesAway
}

// confirm reads the storage and the Repaves afresh, judges each claim again beside all the others, asks the store itself and lets go.
func (r *Reconciler) confirm(ctx context.Context, s *scope, claimed []*going) error {
	if s.workload != nil && s.prober != nil {
		r.probe(ctx, s, 0)
	}
	if err := r.listRepaves(ctx, s); err != nil {
		return err
	}
	in, err := r.input(ctx, s)
	if err != nil {
		return err
	}
	for _, g := range claimed {
		// As it is now: another process, that leads or does not know yet that it leads no more, may have confirmed it.
		if claim := s.openOf(g.machine.Name); claim != nil {
			g.claim = claim
		}
		v, ok := repave.Recheck(in, g.machine.Name)
		if !ok {
			v = repave.Verdict{Machine: g.machine.Name, Reason: repave.StorageUnknown, Message: "The Machine waits no longer"}
		}
		*g.verdict = v
	}
	r.askStore(ctx, s, claimed, in)
	for _, g := range claimed {
		r.moveAttachments(ctx, s, g)
		if err := r.settle(ctx, s, g); err != nil {
			return err
		}
	}
	return nil
}

// settle carries out the second judgement.
func (r *Reconciler) settle(ctx context.Context, s *scope, g *going) error {
	switch {
	case g.verdict.Admitted:
		return r.letGo(ctx, s, g)
	case g.verdict.Reason == repave.AttachmentsMoving:
		// It goes when they are elsewhere; its claim keeps others from going meanwhile.
		return nil
	case g.claim.Spec.ConfirmedTime.IsZero():
		r.uncordonAttachments(ctx, s, g.claim.Spec.NodeName)
		return r.drop(ctx, g.claim)
	}
	// What was let go before stays on the books: its hook may be off already.
	return nil
}

// askStore has the store itself say which of those that rest on its report of a living node may go together. Besides those that were let go before, all
// count as away that it does not call whole.
func (r *Reconciler) askStore(ctx context.Context, s *scope, claimed []*going, in repave.Input) {
	var asked []*going
	var nodes []string
	for _, g := range claimed {
		if g.verdict.Admitted && g.verdict.Reason == repave.Whole {
			asked, nodes = append(asked, g), append(nodes, nodeName(g.machine))
		}
	}
	if len(asked) == 0 || s.prober == nil {
		return
	}
	without := repave.NotClean(s.report)
	for _, f := range in.Flights {
		without = append(without, f.Node)
	}
	slices.Sort(without)
	without = slices.DeleteFunc(slices.Compact(without), func(node string) bool { return node == "" || slices.Contains(nodes, node) })
	refused, err := s.prober.Confirm(ctx, nodes, without)
	for _, g := range asked {
		node := nodeName(g.machine)
		if err != nil {
			*g.verdict = repave.Verdict{Machine: g.machine.Name, Reason: repave.StorageUnknown,
				Message: fmt.Sprintf("The storage could not be asked whether %s may go: %s. It ends with the first answer", node, err)}
		} else if words, no := refused[node]; no {
			*g.verdict = repave.Verdict{Machine: g.machine.Name, Reason: repave.ConfirmationRefused,
				Message: fmt.Sprintf("The storage itself says that %s may not go now: %s. It ends when it says otherwise", node, words)}
		}
	}
}

// letGo notes the confirmation and takes the hook off.
func (r *Reconciler) letGo(ctx context.Context, s *scope, g *going) error {
	machine, claim, v := g.machine, g.claim, *g.verdict
	if claim != nil && claim.Spec.ConfirmedTime.IsZero() {
		before := claim.DeepCopy()
		claim.Spec.ConfirmedTime = asTime(r.Clock.Now())
		if err := r.Client.Patch(ctx, claim, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return fmt.Errorf("confirming the claim for Machine %s: %w", machine.Name, err)
		}
		r.Metrics.admitted(s, machine, v)
	}
	if hooked(machine) && !machine.DeletionTimestamp.IsZero() {
		if err := r.setHook(ctx, machine, ""); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	ctrl.LoggerFrom(ctx).Info("Let the node go", "Machine", machine.Name, "node", nodeName(machine), "reason", v.Reason)
	kind := corev1.EventTypeNormal
	if v.Reason == repave.Overridden {
		kind = corev1.EventTypeWarning
	}
	r.Recorder.Eventf(s.gate, machine, kind, string(v.Reason), "Admit", "Let node %s of Machine %s go: %s", nodeName(machine), machine.Name,
		strings.TrimSuffix(v.Message, "."))
	return nil
}
