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

package hostpool_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// hostController drives one lease.
func (w *rack) hostController(id string) func() {
	read := w.leases[id].DeepCopy()
	consumer := w.machines[read.Spec.ConsumerRef.Name]
	lease := leaseOf(read, consumer)
	lives := consumer != nil && !consumer.deleting
	switch {
	case !read.DeletionTimestamp.IsZero() || read.Spec.Vacate.Purpose == infrav1.VacateFree:
		if lives && lease.Allocated {
			return nil
		}
	case read.Spec.ConsumerRef.Name != "" && consumer == nil:
		return nil
	}
	o := w.look(read, false)
	step := lifecycle.Next(lease, o)
	if step.Verb == lifecycle.Verify {
		o = w.look(read, true)
		step = lifecycle.Next(lease, o)
	}
	noted := read.DeepCopy()
	if o.Ownership == lifecycle.OwnershipOurs && !lease.Vacate && o.Machine != nil {
		progress(noted, o.Machine.Status, w.now)
		if !equalProgress(read, noted) {
			return func() { w.write(id, read, noted) }
		}
	}
	return w.act(read, step)
}

func leaseOf(h *infrav1.MaasHost, consumer *machine) lifecycle.Lease {
	provisioned := consumer != nil && consumer.provisioned
	return lifecycle.Lease{
		ID: h.Spec.LeaseID, End: !h.DeletionTimestamp.IsZero(), Vacate: h.Spec.Vacate.Purpose != "", Empty: h.Spec.ConsumerRef.Name == "",
		Allocated: !h.Status.AllocatedTime.IsZero() || provisioned, DeployStarted: !h.Status.DeployStartTime.IsZero() || provisioned,
		Deployed: !h.Status.DeployedTime.IsZero() || provisioned,
	}
}

func progress(h *infrav1.MaasHost, status maas.Status, now time.Time) {
	set := func(t *metav1.Time) {
		if t.IsZero() {
			*t = metav1.NewTime(now)
		}
	}
	set(&h.Status.AllocatedTime)
	if h.Spec.ConsumerRef.Name == "" {
		return
	}
	switch status {
	case maas.StatusDeployed:
		set(&h.Status.DeployStartTime)
		set(&h.Status.DeployedTime)
		h.Spec.Quarantine = infrav1.HostQuarantine{}
	case maas.StatusDeploying:
		set(&h.Status.DeployStartTime)
	case maas.StatusFailedDeployment:
		if q := &h.Spec.Quarantine; q.LastFailure != h.Spec.ConsumerRef.Name {
			q.Cause, q.LastFailure = infrav1.QuarantineFailedDeploys, h.Spec.ConsumerRef.Name
			q.FailedDeploys++
			q.UntilTime = metav1.NewTime(now.Add(hostpool.QuarantineWait(int(q.FailedDeploys))))
		}
	}
}

func equalProgress(a, b *infrav1.MaasHost) bool {
	return a.Status.AllocatedTime.Equal(&b.Status.AllocatedTime) && a.Status.DeployStartTime.Equal(&b.Status.DeployStartTime) &&
		a.Status.DeployedTime.Equal(&b.Status.DeployedTime) && a.Spec.Quarantine == b.Spec.Quarantine
}

func (w *rack) look(h *infrav1.MaasHost, fresh bool) lifecycle.Observation {
	s := w.servers[h.Name]
	m := w.seen[h.Name]
	o := lifecycle.Observation{Known: true, Fresh: fresh, Machine: &m}
	if fresh {
		m = s.Machine
		o.Hidden = s.Owner == "eve"
	}
	if m.Owner == "eve" {
		o.Machine, o.Ownership = nil, lifecycle.OwnershipNotOurs
		return o
	}
	o.OurUser = m.Owner == user
	o.Annotated = m.Annotations["lease"] == h.Spec.LeaseID
	o.Ownership = lifecycle.OwnershipOf(&m, "lease", h.Spec.LeaseID)
	if fresh {
		o.Ownership = lifecycle.OwnershipNotOurs
		if s.agent == h.Spec.LeaseID && s.Owner == user {
			o.Ownership = lifecycle.OwnershipOurs
		}
	}
	return o
}

// act returns what a step does; nil for nothing.
func (w *rack) act(read *infrav1.MaasHost, step lifecycle.Step) func() {
	id, s := read.Name, w.servers[read.Name]
	changed := read.DeepCopy()
	switch step.Verb {
	case lifecycle.Allocate:
		return func() {
			if s.Status == maas.StatusReady && s.Owner == "" {
				s.Status, s.Owner, s.agent = maas.StatusAllocated, user, read.Spec.LeaseID
				w.note("%s allocated", id)
			}
		}
	case lifecycle.Annotate:
		return func() {
			if s.Owner == user {
				s.Annotations = map[string]string{"lease": read.Spec.LeaseID}
			}
		}
	case lifecycle.Deploy:
		return func() { w.deploy(read, s) }
	case lifecycle.Release:
		return func() { w.release(read, s) }
	case lifecycle.Vacated:
		changed.Status = infrav1.MaasHostStatus{}
		if changed.Spec.Reservation.ClusterName != "" {
			changed.Spec.Reservation.ExpirationTime = metav1.NewTime(w.now.Add(expiry))
		}
		changed.Spec.Vacate, changed.Spec.ConsumerRef, changed.Spec.ClusterName = infrav1.HostVacate{}, infrav1.LocalObjectReference{}, ""
	case lifecycle.GiveUp:
		if w.holds {
			changed.Spec.Vacate.Purpose = infrav1.VacateFree
		} else {
			changed.DeletionTimestamp = &metav1.Time{Time: w.now}
		}
	case lifecycle.Finish:
		changed = nil
	default:
		return nil
	}
	return func() {
		if w.write(id, read, changed) {
			w.note("%s: %s", id, step.Verb)
		}
	}
}

func (w *rack) deploy(read *infrav1.MaasHost, s *server) {
	if s.Owner == "eve" || (s.Status != maas.StatusAllocated && s.Status != maas.StatusReady) {
		return
	}
	if s.installedFor != "" {
		w.violated("%s is deployed for %s and %s is on it", read.Name, read.Spec.ConsumerRef.Name, s.installedFor)
	}
	if current := w.leases[read.Name]; current == nil || current.Spec.ConsumerRef.Name != read.Spec.ConsumerRef.Name {
		w.violated("%s is deployed for %s, whose lease it is not", read.Name, read.Spec.ConsumerRef.Name)
	}
	s.Status, s.Owner, s.agent, s.installedFor = maas.StatusDeploying, user, read.Spec.LeaseID, read.Spec.ConsumerRef.Name
	w.note("%s deploys for %s", read.Name, s.installedFor)
}

func (w *rack) release(read *infrav1.MaasHost, s *server) {
	if s.Owner != user {
		return
	}
	if m := w.machines[s.installedFor]; m != nil && !m.deleting {
		w.violated("%s is released while %s lives on it", read.Name, s.installedFor)
	}
	w.note("%s released", read.Name)
	w.free(s)
}

func (w *rack) free(s *server) {
	s.agent, s.Annotations, s.installedFor = "", nil, ""
	s.Status = maas.StatusReleasing
	if w.rng.IntN(2) == 0 {
		s.Status, s.Owner = maas.StatusReady, ""
	}
}
