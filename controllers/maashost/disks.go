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

package maashost

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// installPatience is how long the installer's configuration may stay unread before the installation is aborted unread: less than the firmware of
// a server takes before anything of MAAS's runs on it.
const installPatience = 20 * time.Second

// installRetry is how soon a call that stands between a server and its data is repeated.
const installRetry = time.Second

// diskFacts are what was judged of the server's disks in this reconcile.
type diskFacts struct {
	input   hostdisks.Input
	verdict hostdisks.Verdict
	plan    hostdisks.Plan
	// judged tells that the above stand.
	judged bool
	// refusal is why something is not done for the disks' sake.
	refusal *hostdisks.Refusal
}

// refuseDisks notes that the disks stand in the way.
func (s *scope) refuseDisks(refusal *hostdisks.Refusal) {
	s.disks.refusal = refusal
}

// judgeDisks judges the disks of the observed machine, which is not nil.
func (s *scope) judgeDisks() {
	m := s.observation.Machine
	f := &s.disks
	f.input = hostdisks.Input{
		Wanted:     access.Disks(&s.host.Spec.Storage, s.pool),
		Known:      access.KnownDisks(&s.host.Spec.Disks),
		Devices:    m.BlockDevices,
		BootDiskID: m.BootDiskID,
		Shared:     s.shared,
	}
	f.verdict = hostdisks.Classify(&f.input)
	f.plan = hostdisks.NewPlan(&f.input, &f.verdict)
	f.judged = true
}

// findShared looks, once in a reconcile and only where disks matter, for disks that other servers have too.
func (r *Reconciler) findShared(ctx context.Context, s *scope) error {
	if m := s.observation.Machine; m == nil || !disksMatter(m.Status) {
		return nil
	}
	return r.loadShared(ctx, s)
}

// loadShared goes by MAAS's inventory, and by what leases remember, for where a shared disk was found out MAAS has it no longer.
func (r *Reconciler) loadShared(ctx context.Context, s *scope) error {
	if s.shared != nil {
		return nil
	}
	hosts := &infrav1.MaasHostList{}
	if err := r.Client.List(ctx, hosts, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing what leases remember of disks: %w", err)
	}
	s.shared = hostdisks.FindShared(access.WithKeptDisks(s.session.Snapshot().List(), hosts.Items))
	return nil
}

// rejudgeDisks judges the disks of a server that has a consumer where the status has lost what was said of them, as it does in a move.
func (r *Reconciler) rejudgeDisks(ctx context.Context, s *scope) error {
	if s.disks.judged || s.observation.Machine == nil || s.host.Spec.ConsumerRef.Name == "" || conditions.Has(s.host, infrav1.DisksReadyCondition) {
		return nil
	}
	if err := r.loadShared(ctx, s); err != nil {
		return err
	}
	s.judgeDisks()
	return nil
}

// disksMatter tells whether the disks of a machine of this status are judged: before an installation, and while one is checked.
func disksMatter(status maas.Status) bool {
	return status == maas.StatusReady || status == maas.StatusAllocated || status == maas.StatusDeploying
}

// disksWork compares the disks of the observed machine, which is not nil, to what the lease wants. It asks nobody. They matter before an
// installation only. Of an empty lease they are looked after once a consumer has said what it wants, while the server is free anyway.
func (s *scope) disksWork() lifecycle.Work {
	lease := s.lease()
	empty := lease.Empty
	s.refuseDisks(nil)
	switch status := s.observation.Machine.Status; {
	case status != maas.StatusReady && status != maas.StatusAllocated,
		// The installation was aborted. Until somebody ends that nothing is going to be installed, and why it was aborted is to stay on show.
		status == maas.StatusAllocated && lease.DeployStarted,
		empty && status == maas.StatusAllocated,
		empty && s.host.Spec.Disks.Boot == (infrav1.DiskIdentity{}):
		return lifecycle.WorkNone
	}
	s.judgeDisks()
	switch {
	case s.disks.verdict.Refusal != nil && empty:
		return lifecycle.WorkNone
	case s.disks.verdict.Refusal != nil:
		s.refuseDisks(s.disks.verdict.Refusal)
		return lifecycle.WorkRefused
	case s.disks.plan.Empty():
		return lifecycle.WorkNone
	default:
		// What a fresh read does not confirm is not to be seen in a condition; what it does confirm says why nothing goes on.
		if s.observation.Fresh && s.observation.Machine.Status == maas.StatusAllocated && lease.DiskRounds >= lifecycle.MaxDiskRounds {
			s.refuseDisks(hostdisks.RoundsSpent(&s.disks.verdict, &s.disks.plan, lease.DiskRounds))
		}
		return lifecycle.WorkDue
	}
}

// installWork tells whether the installation under way has to be checked. After a restart, or a move that lost the status, it is checked again.
func (s *scope) installWork() lifecycle.Work {
	if s.observation.Machine.Status != maas.StatusDeploying || !s.host.Status.InstallCheckedTime.IsZero() {
		return lifecycle.WorkNone
	}
	s.judgeDisks()
	if !hostdisks.NeedsCheck(&s.disks.input, &s.disks.verdict) {
		return lifecycle.WorkNone
	}
	return lifecycle.WorkDue
}

// prepareDisks does what is due, on a machine that a fresh read in this reconcile showed to be Ready and nobody's. It leaves what MAAS
// says then in the observation and tells whether another step may follow at once.
func (r *Reconciler) prepareDisks(ctx context.Context, s *scope) (bool, error) {
	if wait, refusal := r.refusals.pending(s.host.UID, r.Clock.Now()); wait > 0 {
		s.noteRefusal(refusal, wait)
		return false, nil
	}
	region, err := r.Access.Region(ctx, s.session)
	if err != nil {
		return false, err
	}
	plan := s.disks.plan
	if refusal := hostdisks.MayChange(&plan, region.Role == infrav1.MaasRoleAdministrator); refusal != nil {
		s.holdDisks(r, refusal)
		return false, nil
	}
	if err := r.rememberDisks(ctx, s); err != nil {
		return false, err
	}
	ctrl.LoggerFrom(ctx).Info("Preparing disks", "systemID", s.host.Spec.SystemID, "removing", len(plan.Remove), "calls", plan.Size())
	if err := r.carryOut(ctx, s, &plan); err != nil {
		return r.afterDiskCall(ctx, s, err)
	}
	m, err := s.session.GetMachine(ctx, s.host.Spec.SystemID)
	if err != nil {
		return false, err
	}
	s.observation = lifecycle.Observation{Known: true, Fresh: true, Machine: m, Ownership: lifecycle.OwnershipNotOurs}
	s.judgeDisks()
	if refusal := hostdisks.MayDeploy(&s.disks.verdict, &s.disks.plan); refusal != nil && m.Status == maas.StatusReady {
		// MAAS took every call and did not do it, or does not show it. To repeat it at once would not end.
		s.holdDisks(r, refusal)
		return false, nil
	}
	s.refuseDisks(nil)
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "DisksPrepared", "PrepareDisks", "Disks of %s: %s", m.Hostname,
		hostdisks.Summary(&s.disks.input, &s.disks.verdict))
	return true, nil
}

// goRound asks for the server to be released and to come back to its consumer: MAAS lets go of disks only while it is Ready. How often that
// was done stands with it, for it has to end.
func (r *Reconciler) goRound(ctx context.Context, s *scope) error {
	rounds := s.host.Spec.Vacate.DiskRounds + 1
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "DisksBack", "PrepareDisks",
		"MAAS has disks of %s again that are to be kept, or another boot disk or layout; it is released to be prepared anew (%d of %d times)", hostname(s), rounds, lifecycle.MaxDiskRounds)
	return r.askVacate(ctx, s, infrav1.HostVacate{Purpose: infrav1.VacateRedeploy, DiskRounds: rounds})
}

// rememberDisks writes down which disks are which before MAAS forgets them or an installation begins.
func (r *Reconciler) rememberDisks(ctx context.Context, s *scope) error {
	if !s.disks.plan.News {
		return nil
	}
	known := s.disks.plan.Remember
	err := r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.Spec.Disks = access.HostDisks(known) })
	if err == nil {
		s.disks.input.Known, s.disks.plan.News = known, false
	}
	return err
}

// carryOut makes the calls of a plan. A disk that is gone already is as good as removed.
func (r *Reconciler) carryOut(ctx context.Context, s *scope, plan *hostdisks.Plan) error {
	id := s.host.Spec.SystemID
	if plan.SetBootDisk != 0 {
		if err := s.session.SetBootDisk(ctx, id, plan.SetBootDisk); err != nil {
			return err
		}
	}
	if plan.Layout != nil {
		if _, err := s.session.SetStorageLayout(ctx, id, *plan.Layout); err != nil {
			return err
		}
	}
	for _, d := range plan.Remove {
		if err := s.session.DeleteBlockDevice(ctx, id, d.Device.ID); err != nil && !maas.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// afterDiskCall sorts out a failed call: somebody may have taken the machine, and what MAAS will not have waits for a person.
func (r *Reconciler) afterDiskCall(ctx context.Context, s *scope, err error) (bool, error) {
	switch maas.KindOf(err) {
	case maas.Conflict:
		return true, r.verify(ctx, s)
	case maas.Forbidden:
		s.holdDisks(r, &hostdisks.Refusal{Reason: hostdisks.NeedsAdministrator, Message: err.Error() + ". Use the key of a MAAS administrator"})
		return false, nil
	case maas.Invalid:
		s.holdDisks(r, &hostdisks.Refusal{Reason: hostdisks.DisksNotPrepared, Message: err.Error() + ". Correct spec.storage, or the server's disks in MAAS"})
		return false, nil
	}
	return false, err
}

// holdDisks waits, and remembers to: what was tried wakes the reconciler by its traces in MAAS.
func (s *scope) holdDisks(r *Reconciler, refusal *hostdisks.Refusal) {
	r.refusals.note(s.host.UID, heldBack{refusal}, r.Clock.Now().Add(holdRecheck))
	s.refuseDisks(refusal)
	s.retryAfter = holdRecheck
}

// heldBack is a judgement among the refusals.
type heldBack struct{ refusal *hostdisks.Refusal }

func (h heldBack) Error() string { return h.refusal.Message }

// noteRefusal reports what the reconciler still waits for.
func (s *scope) noteRefusal(err error, wait time.Duration) {
	s.retryAfter = wait
	if held, ok := err.(heldBack); ok { //nolint:errorlint // it is never wrapped
		s.refuseDisks(held.refusal)
		return
	}
	s.refusal = err
}

// guardDeploy returns why the server must not be deployed now, nil when it may. The inventory was read afresh in this reconcile.
func (r *Reconciler) guardDeploy(ctx context.Context, s *scope) (*hostdisks.Refusal, error) {
	s.judgeDisks()
	if refusal := hostdisks.MayDeploy(&s.disks.verdict, &s.disks.plan); refusal != nil {
		return refusal, nil
	}
	if s.disks.input.Wanted.Memory {
		region, err := r.Access.Region(ctx, s.session)
		if err != nil {
			return nil, err
		}
		if refusal := hostdisks.MayRunFromMemory(region.Version); refusal != nil {
			return refusal, nil
		}
	}
	return nil, r.rememberDisks(ctx, s)
}

// checkInstall reads what the installation under way wipes, aborts it when that must not be wiped, and tells whether another step may
// follow at once. It comes right after the deploy call, and first of all when the manager was killed in between: until something of MAAS's runs
// on the server its firmware has to start, and an abort switches it off again.
func (r *Reconciler) checkInstall(ctx context.Context, s *scope) (bool, error) {
	raw, err := s.session.InstallConfig(ctx, s.host.Spec.SystemID)
	var refusal *hostdisks.Refusal
	switch {
	case err == nil:
		refusal = hostdisks.CheckInstall(raw, &s.disks.input, &s.disks.verdict)
	case r.Clock.Since(s.host.Status.DeployStartTime.Time) < installPatience:
		s.refusal, s.retryAfter = err, installRetry
		return false, nil
	default:
		refusal = &hostdisks.Refusal{Reason: hostdisks.InstallUnreadable, Message: err.Error() + ", so that it is not known what the installation would wipe"}
	}
	if refusal == nil {
		s.host.Status.InstallCheckedTime = metav1.NewTime(r.Clock.Now())
		s.refuseDisks(nil)
		return true, nil
	}
	return r.abortInstall(ctx, s, refusal)
}

// abortInstall stops an installation. An abort that MAAS cannot carry out yet is repeated until it does.
func (r *Reconciler) abortInstall(ctx context.Context, s *scope, refusal *hostdisks.Refusal) (bool, error) {
	refusal = &hostdisks.Refusal{Reason: refusal.Reason, Message: refusal.Message + ". The installation was aborted"}
	s.refuseDisks(refusal)
	ctrl.LoggerFrom(ctx).Info("Aborting the installation", "systemID", s.host.Spec.SystemID, "reason", refusal.Reason, "why", refusal.Message)
	m, err := s.session.Abort(ctx, s.host.Spec.SystemID, string(refusal.Reason))
	if err != nil {
		s.retryAfter = installRetry
		if maas.IsConflict(err) {
			// There is nothing to stop any more.
			return false, nil
		}
		s.refusal = err
		return false, nil
	}
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "InstallAborted", "CheckInstall", "%s", refusal.Message)
	s.observation.Machine = m
	if m.Status == maas.StatusDeploying {
		// It is seen through until the server is off.
		s.retryAfter = installRetry
	}
	return false, nil
}

// guardRelease returns why the server must not be released now, nil when it may.
func (r *Reconciler) guardRelease(ctx context.Context, s *scope, erase maas.EraseMode) (*refusedAct, error) {
	policy, known := access.DataDisks(&s.host.Spec.Storage, s.pool), access.KnownDisks(&s.host.Spec.Disks)
	if !policy.Keeps() && len(known.Protected) == 0 {
		return nil, nil //nolint:nilnil // nothing against it
	}
	forced, err := s.session.ErasesOnRelease(ctx)
	if err != nil {
		return nil, err
	}
	refusal := hostdisks.MayRelease(policy, &known, erase, forced)
	if refusal == nil {
		return nil, nil //nolint:nilnil // nothing against it
	}
	s.refuseDisks(refusal)
	return &refusedAct{infrav1.ReleaseRefusedReason, refusal.Message}, nil
}

// keepsData tells whether a release must not erase the disks, whoever asks for it.
func (s *scope) keepsData() bool {
	known := access.KnownDisks(&s.host.Spec.Disks)
	return hostdisks.MayRelease(access.DataDisks(&s.host.Spec.Storage, s.pool), &known, maas.EraseNone, true) != nil
}

// stopErasing aborts the erasing of disks that are to be kept, which a release began although nobody asked for it: the setting changed between
// the look at it and the release. It comes right after the release call, and again whenever the erasing is seen: MAAS may not be able to abort
// it yet, or the manager may have been killed in between. The server has to start before anything is erased.
func (r *Reconciler) stopErasing(ctx context.Context, s *scope) (bool, error) {
	// It is seen through until the server is off.
	s.retryAfter = installRetry
	ctrl.LoggerFrom(ctx).Info("Aborting the erasing of disks", "systemID", s.host.Spec.SystemID)
	m, err := s.session.Abort(ctx, s.host.Spec.SystemID, string(hostdisks.EraseForced))
	message := "MAAS began to erase the disks, which are to be kept. The erasing is aborted"
	if err != nil {
		message += ", which MAAS could not do yet: " + err.Error()
	}
	s.refuseDisks(&hostdisks.Refusal{Reason: hostdisks.EraseForced, Message: message})
	if err != nil {
		return false, nil //nolint:nilerr // it is in the condition, and the next try is soon
	}
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "EraseAborted", "Release", "MAAS began to erase the disks of %s, which are to be kept", m.Hostname)
	return false, nil
}
