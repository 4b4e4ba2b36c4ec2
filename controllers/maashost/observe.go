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

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// observe looks at the shared snapshot, which costs MAAS nothing.
func (r *Reconciler) observe(s *scope) lifecycle.Observation {
	snapshot := s.session.Snapshot()
	o := lifecycle.Observation{Known: snapshot.Synced()}
	if record, ok := snapshot.Get(s.host.Spec.SystemID); ok {
		o.Machine = record.Machine
	}
	r.judge(s, &o)
	return o
}

func (r *Reconciler) judge(s *scope, o *lifecycle.Observation) {
	o.Ownership = lifecycle.OwnershipOf(o.Machine, infrav1.MaasAnnotationLease, s.host.Spec.LeaseID)
	o.Annotated = s.annotated(o.Machine)
}

// annotations are what MAAS is to say of the server; "" removes one.
func (s *scope) annotations() map[string]string {
	spec := &s.host.Spec
	cluster := ""
	if spec.ClusterName != "" {
		cluster = s.host.Namespace + "/" + spec.ClusterName
	}
	return map[string]string{
		infrav1.MaasAnnotationLease:   spec.LeaseID,
		infrav1.MaasAnnotationCluster: cluster,
		infrav1.MaasAnnotationMachine: spec.ConsumerRef.Name,
	}
}

func (s *scope) annotated(m *maas.Machine) bool {
	if m == nil {
		return false
	}
	for key, value := range s.annotations() {
		if m.Annotations[key] != value {
			return false
		}
	}
	return true
}

// compare adds to the observation how disks, network and a running installation compare to what is wanted. It asks nobody.
func (s *scope) compare() {
	s.observation.Disks, s.observation.Network, s.observation.Install = lifecycle.WorkNone, lifecycle.WorkNone, lifecycle.WorkNone
	if s.observation.Machine == nil {
		return
	}
	s.observation.Disks = s.disksWork()
	s.observation.Network = s.networkWork()
	if s.host.Spec.ConsumerRef.Name != "" {
		s.observation.Install = s.installWork()
	}
}

// verify asks MAAS for the machine by our agent name. When MAAS has none, it looks at what has become of the machine.
func (r *Reconciler) verify(ctx context.Context, s *scope) error {
	ours, err := s.session.ListMachines(ctx, maas.Filter{AgentName: s.host.Spec.LeaseID})
	if err != nil {
		return err
	}
	o := lifecycle.Observation{Known: true, Fresh: true, Ownership: lifecycle.OwnershipNotOurs}
	for i := range ours {
		if ours[i].SystemID == s.host.Spec.SystemID {
			o.Machine = &ours[i]
			o.Ownership = lifecycle.OwnershipOurs
			o.Annotated = s.annotated(o.Machine)
		}
	}
	if o.Machine == nil {
		o.Machine, err = s.session.GetMachine(ctx, s.host.Spec.SystemID)
		switch {
		case maas.IsNotFound(err):
			o.Machine = nil
		case maas.KindOf(err) == maas.Forbidden:
			o.Machine, o.Hidden = nil, true
		case err != nil:
			return err
		}
	}
	if o.Machine != nil && o.Machine.Owner != "" {
		region, err := r.Access.Region(ctx, s.session)
		if err != nil {
			return err
		}
		o.OurUser = o.Machine.Owner == region.User
	}
	s.observation = o
	return nil
}
