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
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
)

// track brings every open Repave up to date and closes those that are over.
func (r *Reconciler) track(ctx context.Context, s *scope) error {
	s.progress = map[string]repave.Progress{}
	for _, open := range s.open() {
		if s.clusterDeleting() {
			continue
		}
		if err := r.trackOne(ctx, s, open); err != nil {
			return err
		}
	}
	for _, f := range []phase{r.closeByHand, r.recallClosed} {
		if err := f(ctx, s); err != nil {
			return err
		}
	}
	return r.prune(ctx, s)
}

func (r *Reconciler) trackOne(ctx context.Context, s *scope, open *infrav1.Repave) error {
	p := repave.Track(record(open), s.sight(open))
	s.progress[open.Name] = p
	before := open.DeepCopy()
	recall(open)
	after := open.Status.After
	if s.report != nil {
		after = identity(s.report, open.Spec.NodeName)
	}
	setProgress(open, p, s.now, after)
	setDetached(open, s)
	if err := r.writeProgress(ctx, before, open); err != nil {
		return client.IgnoreNotFound(err)
	}
	if err := r.keepHistory(ctx, open); err != nil {
		return err
	}
	if !p.Done {
		return nil
	}
	r.uncordonAttachments(ctx, s, open.Spec.NodeName)
	before = open.DeepCopy()
	open.Spec.Outcome, open.Spec.ClosedTime = infrav1.RepaveWhole, asTime(s.now)
	if open.Spec.Purpose == infrav1.RepaveScaleIn {
		open.Spec.Outcome = infrav1.RepaveRemoved
	}
	if err := r.Client.Patch(ctx, open, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("closing Repave %s: %w", open.Name, err)
	}
	r.Metrics.closed(s, open)
	r.Recorder.Eventf(s.gate, open, corev1.EventTypeNormal, string(open.Spec.Outcome), "Close", "The repave of node %s is over after %s",
		open.Spec.NodeName, s.now.Sub(open.Spec.AdmittedTime.Time).Round(time.Second))
	return nil
}

// writeProgress writes what changed, if anything did.
func (r *Reconciler) writeProgress(ctx context.Context, before, after *infrav1.Repave) error {
	if apiequality.Semantic.DeepEqual(before.Status, after.Status) {
		return nil
	}
	return r.Client.Status().Patch(ctx, after, client.MergeFrom(before))
}

// closeByHand completes the records that a person gave up.
func (r *Reconciler) closeByHand(ctx context.Context, s *scope) error {
	for _, one := range s.repaves {
		if one.Spec.Outcome == "" || !one.Spec.ClosedTime.IsZero() {
			continue
		}
		r.uncordonAttachments(ctx, s, one.Spec.NodeName)
		before := one.DeepCopy()
		recall(one)
		enter(one, infrav1.RepaveClosed, s.now)
		conditions.Set(one, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.RepaveClosedReason})
		if err := r.writeProgress(ctx, before, one); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("closing Repave %s: %w", one.Name, err)
		}
		if err := r.keepHistory(ctx, one); err != nil {
			return err
		}
		before = one.DeepCopy()
		one.Spec.ClosedTime = asTime(s.now)
		if err := r.Client.Patch(ctx, one, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("closing Repave %s: %w", one.Name, err)
		}
		r.Metrics.closed(s, one)
		r.Recorder.Eventf(s.gate, one, corev1.EventTypeWarning, string(one.Spec.Outcome), "Close", "The repave of node %s was closed by hand after %s",
			one.Spec.NodeName, s.now.Sub(one.Spec.AdmittedTime.Time).Round(time.Second))
	}
	return nil
}

// setDetached says whether the storage has left a node that drains.
func setDetached(open *infrav1.Repave, s *scope) {
	m := s.machine(open.Spec.MachineName)
	if m == nil || open.Spec.ConfirmedTime.IsZero() {
		return
	}
	left, words := repave.Detached(open.Spec.NodeName, s.dead(m), s.report, s.reportError)
	c := metav1.Condition{Type: infrav1.StorageDetachedCondition, Status: metav1.ConditionTrue, Reason: infrav1.StorageDetachedReason}
	if o := s.activeOverride(m); !left && o == nil {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, infrav1.StorageInUseReason, words
	}
	conditions.Set(open, c)
}

func record(r *infrav1.Repave) repave.Record {
	purpose := repave.Replacement
	if r.Spec.Purpose == infrav1.RepaveScaleIn {
		purpose = repave.ScaleIn
	}
	return repave.Record{
		Machine: r.Spec.MachineName, Node: r.Spec.NodeName, Purpose: purpose, Identity: r.Spec.Before.NodeID, Pools: r.Spec.Before.Pools,
		DriveSets: r.Spec.Before.DriveSets, AllDriveSets: ptr.Deref(r.Spec.Before.AllDriveSets, 0), WholeSince: r.Status.WholeSinceTime.Time,
	}
}

func (s *scope) sight(open *infrav1.Repave) repave.Sight {
	sight := repave.Sight{Now: s.now, StablePeriod: s.rules().StablePeriod, Report: s.report}
	if m := s.machine(open.Spec.MachineName); m != nil {
		sight.MachineExists = true
		if c := conditions.Get(m, clusterv1.MachineDeletingCondition); c != nil && c.Status == metav1.ConditionTrue {
			sight.Deletion = strings.Join(strings.Fields(c.Message), " ")
		}
	}
	if node, ok := s.nodes[open.Spec.NodeName]; ok && node.Annotations[clusterv1.MachineAnnotation] != open.Spec.MachineName {
		sight.NodeExists = true
		sight.NodeReady = isNodeReady(node) == corev1.ConditionTrue
	}
	for _, other := range s.open() {
		if other.Name != open.Name {
			sight.Open = append(sight.Open, other.Spec.NodeName)
		}
	}
	return sight
}

// setProgress writes the status of a Repave.
func setProgress(r *infrav1.Repave, p repave.Progress, now time.Time, after infrav1.StorageIdentity) {
	enter(r, infrav1.RepaveStep(p.Step), now)
	r.Status.WholeSinceTime = metav1.Time{}
	if !p.WholeSince.IsZero() {
		r.Status.WholeSinceTime = asTime(p.WholeSince)
	}
	r.Status.RebuiltPercent, r.Status.PendingBytes = nil, nil
	if p.Percent >= 0 {
		r.Status.RebuiltPercent = ptr.To(p.Percent)
	}
	if p.PendingBytes > 0 {
		r.Status.PendingBytes = ptr.To(p.PendingBytes)
	}
	if p.Step == repave.Rebuilding || p.Step == repave.Settling || p.Step == repave.Closed {
		r.Status.After = after
	}
	condition := metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.InProgressReason, Message: p.Message}
	switch {
	case p.Done:
		condition.Reason = infrav1.RepaveClosedReason
	case p.Changed != "":
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, infrav1.IdentityChangedReason, p.Changed+". "+p.Message
	case r.Spec.ConfirmedTime.IsZero():
		condition.Reason = infrav1.ClaimedReason
	}
	conditions.Set(r, condition)
}

// enter moves on to a step and books on the one before the time since that was entered. Storages go back and forth between the last ones.
func enter(r *infrav1.Repave, step infrav1.RepaveStep, now time.Time) {
	if r.Status.Step == step {
		return
	}
	if last := stepRecord(r, r.Status.Step); last != nil {
		spent := max(int64(now.Sub(last.EnteredTime.Time).Seconds()), 0)
		last.Seconds = ptr.To(ptr.Deref(last.Seconds, 0) + spent)
	}
	if next := stepRecord(r, step); next != nil {
		next.EnteredTime = asTime(now)
	} else {
		r.Status.Steps = append(r.Status.Steps, infrav1.RepaveStepRecord{Name: step, StartTime: asTime(now), EnteredTime: asTime(now)})
	}
	r.Status.Step = step
}

func stepRecord(r *infrav1.Repave, step infrav1.RepaveStep) *infrav1.RepaveStepRecord {
	for i := range r.Status.Steps {
		if r.Status.Steps[i].Name == step {
			return &r.Status.Steps[i]
		}
	}
	return nil
}

// keptRepaves is how many closed Repaves of a gate are kept as history.
const keptRepaves = 200

// prune deletes the oldest closed Repaves beyond the history.
func (r *Reconciler) prune(ctx context.Context, s *scope) error {
	var closed []*infrav1.Repave
	for _, one := range s.repaves {
		if one.Spec.Outcome != "" {
			closed = append(closed, one)
		}
	}
	for len(closed) > keptRepaves {
		oldest := 0
		for i := range closed {
			if closed[i].Spec.ClosedTime.Before(&closed[oldest].Spec.ClosedTime) {
				oldest = i
			}
		}
		if err := r.Client.Delete(ctx, closed[oldest]); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting Repave %s: %w", closed[oldest].Name, err)
		}
		closed = append(closed[:oldest], closed[oldest+1:]...)
	}
	return nil
}
