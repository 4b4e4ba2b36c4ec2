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

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	capilabels "sigs.k8s.io/cluster-api/util/labels/format"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// admit judges the Machines that wait and lets go those that may: first the claim, then everything read afresh and judged again, then the store's own word,
// then the hook. A crash anywhere in between leaves a claim with the hook on, which is judged again.
func (r *Reconciler) admit(ctx context.Context, s *scope) error {
	in, err := r.input(ctx, s)
	if err != nil {
		return err
	}
	s.candidates = in.Candidates
	if len(in.Candidates) == 0 {
		return nil
	}
	s.verdicts = repave.Decide(in)
	for i := range s.verdicts {
		v := &s.verdicts[i]
		if !v.Admitted {
			continue
		}
		machine := s.machine(v.Machine)
		if machine == nil {
			continue
		}
		if passesWithoutRecord(v.Reason) {
			if err := r.letGo(ctx, s, machine, nil, *v); err != nil {
				return err
			}
			continue
		}
		if err := r.claimAndConfirm(ctx, s, machine, v); err != nil {
			return err
		}
	}
	return nil
}

// passesWithoutRecord tells what takes nothing down that data could be on.
func passesWithoutRecord(reason repave.Reason) bool {
	return reason == repave.NeverHadANode || reason == repave.ClusterGoesAway
}

func (r *Reconciler) claimAndConfirm(ctx context.Context, s *scope, machine *clusterv1.Machine, v *repave.Verdict) error {
	claim := s.openOf(machine.Name)
	if claim == nil {
		var err error
		if claim, err = r.claim(ctx, s, machine, *v); err != nil {
			return err
		}
	}
	again, err := r.confirm(ctx, s, machine.Name)
	if err != nil {
		return err
	}
	if !again.Admitted {
		*v = again
		// What was let go before stays on the books: its hook may be off already.
		if claim.Spec.ConfirmedTime.IsZero() {
			return r.drop(ctx, claim)
		}
		return nil
	}
	if again.Reason != repave.AlreadyInProcess {
		*v = again
	}
	return r.letGo(ctx, s, machine, claim, *v)
}

// confirm reads the storage, the Repaves and the Machine afresh, judges again and asks the store itself.
func (r *Reconciler) confirm(ctx context.Context, s *scope, name string) (repave.Verdict, error) {
	if s.workload != nil && s.prober != nil {
		r.probe(ctx, s, 0)
	}
	if err := r.listRepaves(ctx, s); err != nil {
		return repave.Verdict{}, err
	}
	in, err := r.input(ctx, s)
	if err != nil {
		return repave.Verdict{}, err
	}
	v, ok := repave.Recheck(in, name)
	if !ok {
		return repave.Verdict{Machine: name, Reason: repave.StorageUnknown, Message: "The Machine waits no longer"}, nil
	}
	if !v.Admitted || !asksStore(v.Reason) || s.prober == nil {
		return v, nil
	}
	return r.askStore(ctx, s, v, in)
}

// asksStore tells which admissions rest on what the storage said of a living node.
func asksStore(reason repave.Reason) bool {
	return reason == repave.Whole || reason == repave.DataElsewhere
}

func (r *Reconciler) askStore(ctx context.Context, s *scope, v repave.Verdict, in repave.Input) (repave.Verdict, error) {
	machine := s.machine(v.Machine)
	if machine == nil {
		return v, nil
	}
	var without []string
	for _, f := range in.Flights {
		if f.Machine != v.Machine && f.Node != nodeName(machine) {
			without = append(without, f.Node)
		}
	}
	answer, words, err := s.prober.Confirm(ctx, nodeName(machine), without)
	switch {
	case err != nil:
		return repave.Verdict{Machine: v.Machine, Reason: repave.StorageUnknown,
			Message: fmt.Sprintf("The storage could not be asked whether %s may go: %s", nodeName(machine), err)}, nil
	case answer != storagehealth.Yes:
		return repave.Verdict{Machine: v.Machine, Reason: repave.ConfirmationRefused,
			Message: fmt.Sprintf("The storage itself says that %s may not go now: %s. It ends when it says otherwise", nodeName(machine), words)}, nil
	}
	return v, nil
}

// claim writes the admission down before anything is done.
func (r *Reconciler) claim(ctx context.Context, s *scope, machine *clusterv1.Machine, v repave.Verdict) (*infrav1.Repave, error) {
	purpose := infrav1.RepaveReplacement
	for i := range s.candidates {
		if s.candidates[i].Machine == machine.Name && s.candidates[i].Purpose == repave.ScaleIn {
			purpose = infrav1.RepaveScaleIn
		}
	}
	claim := &infrav1.Repave{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: machine.Namespace, Name: machine.Name,
			Labels:          map[string]string{clusterv1.ClusterNameLabel: s.cluster.Name, nodeLabel: capilabels.MustFormatValue(nodeName(machine))},
			OwnerReferences: []metav1.OwnerReference{clusterOwner(s.cluster)},
		},
		Spec: infrav1.RepaveSpec{
			GateName: s.gate.Name, ClusterName: s.cluster.Name, MachineName: machine.Name, NodeName: nodeName(machine), Purpose: purpose,
			AdmittedTime: asTime(r.Clock.Now()), AdmittedReason: string(v.Reason), Before: identity(s.report, nodeName(machine)),
		},
	}
	if value, ok := s.gate.Labels[clusterv1.WatchLabel]; ok {
		claim.Labels[clusterv1.WatchLabel] = value
	}
	if v.Reason == repave.Overridden {
		claim.Spec.Override = s.overrideOf(machine)
	}
	if err := r.Client.Create(ctx, claim); err != nil {
		return nil, fmt.Errorf("writing down the claim for Machine %s: %w", machine.Name, err)
	}
	s.repaves = append(s.repaves, claim)
	return claim, nil
}

// nodeLabel is on Repaves, to find a node's history.
const nodeLabel = "repave.infrastructure.cluster.x-k8s.io/node"

func (s *scope) overrideOf(machine *clusterv1.Machine) infrav1.RepaveOverride {
	if o := machineOverride(machine); o != nil && s.now.Before(o.Until) {
		return infrav1.RepaveOverride{Reason: o.Reason, By: o.By, UntilTime: asTime(o.Until)}
	}
	return s.gate.Spec.Override
}

func identity(report *storagehealth.Report, node string) infrav1.StorageIdentity {
	id := infrav1.StorageIdentity{}
	if report == nil {
		return id
	}
	for i := range report.Nodes {
		n := &report.Nodes[i]
		if n.Name != node {
			continue
		}
		id.NodeID, id.Pools, id.DriveSets = n.Identity, n.Pools, n.DriveSets
		if report.Placed {
			id.Volumes = ptr.To(volumesOn(report, int32(i)))
		}
	}
	return id
}

func volumesOn(report *storagehealth.Report, node int32) int32 {
	var n int32
	for i := range report.Volumes {
		for _, replica := range report.Volumes[i].Replicas {
			if replica.Node == node {
				n++
				break
			}
		}
	}
	return n
}

func (r *Reconciler) drop(ctx context.Context, claim *infrav1.Repave) error {
	if err := r.Client.Delete(ctx, claim, client.Preconditions{UID: &claim.UID}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("taking back the claim for Machine %s: %w", claim.Spec.MachineName, err)
	}
	return nil
}

// letGo notes the confirmation and takes the hook off.
func (r *Reconciler) letGo(ctx context.Context, s *scope, machine *clusterv1.Machine, claim *infrav1.Repave, v repave.Verdict) error {
	if claim != nil && claim.Spec.ConfirmedTime.IsZero() {
		before := claim.DeepCopy()
		claim.Spec.ConfirmedTime = asTime(r.Clock.Now())
		if err := r.Client.Patch(ctx, claim, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return fmt.Errorf("confirming the claim for Machine %s: %w", machine.Name, err)
		}
		r.Metrics.admitted(s, machine, v)
	}
	if err := r.shutDown(ctx, s, machine); err != nil {
		return err
	}
	if hooked(machine) && !machine.DeletionTimestamp.IsZero() {
		if err := r.setHook(ctx, machine, ""); client.IgnoreNotFound(unwrapped(err)) != nil {
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
