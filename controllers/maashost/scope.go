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
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
)

// consumerState is what is known of the MaasMachine that holds the lease.
type consumerState string

const (
	consumerLives    consumerState = "Lives"
	consumerDeleting consumerState = "Deleting"
	// consumerGone is set only after a read past the cache.
	consumerGone consumerState = "Gone"
	// consumerNone is what an empty lease has.
	consumerNone consumerState = "None"
)

// scope carries the facts of one reconcile. Phases set them; status.go turns them into conditions.
type scope struct {
	host *infrav1.MaasHost
	// now is when the reconcile began.
	now     time.Time
	patcher *persist.Patcher
	// cluster is nil when it is gone.
	cluster *clusterv1.Cluster
	// consumer is set by findConsumer.
	consumer consumerState
	// consumerProvisioned is set by findConsumer: the MaasMachine has its providerID, so the host was deployed for it.
	consumerProvisioned bool
	// session is set by openSession, nil when there is none; accessProblem says why.
	session       *inventory.Session
	accessProblem string
	// observation and step are set by drive.
	observation lifecycle.Observation
	step        lifecycle.Step
	// userDataMissing is set by drive when the Secret is not there.
	userDataMissing bool
	// network is set by drive.
	network networkFacts
	// pool is set before drive, nil when the lease has none or it is gone.
	pool *infrav1.MaasHostPool
	// disks are set by drive; shared by what judges them.
	disks  diskFacts
	shared hostdisks.Shared
	// refused says why an act was not taken although the plan asked for it.
	refused *refusedAct
	// noSwitchOff is set by drive when MAAS does not switch the server off for us.
	noSwitchOff bool
	// refusal is MAAS's refusal of the last call, set by drive.
	refusal error
	// retryAfter is set by drive when the refused call is not due again yet.
	retryAfter time.Duration
}

func (s *scope) deleting() bool { return !s.host.DeletionTimestamp.IsZero() }

// refusedAct is a reason of HostDeployedCondition with its message.
type refusedAct struct {
	reason, message string
}

// blocked tells that nothing may be done to the server whatever its state is.
// A lease that never got its server may end while its consumer lives: that is how it is given up.
func (s *scope) blocked() bool {
	if s.deleting() || s.host.Spec.Vacate.Purpose == infrav1.VacateFree {
		return s.consumer == consumerLives && s.lease().Allocated
	}
	return s.consumer == consumerGone
}

// lease is what the planner needs to know of the MaasHost.
func (s *scope) lease() lifecycle.Lease {
	status, vacate := &s.host.Status, s.host.Spec.Vacate
	// The consumer of a server that is installed anew was provisioned by the installation before.
	provisioned := s.consumerProvisioned && vacate.ReleasedTime.IsZero()
	return lifecycle.Lease{
		ID:            s.host.Spec.LeaseID,
		End:           s.deleting(),
		Vacate:        vacate.Purpose != "" && vacate.ReleasedTime.IsZero(),
		SwitchOff:     !s.noSwitchOff && s.now.Before(vacate.RequestedTime.Add(switchOffPatience)),
		KeepsData:     s.keepsData(),
		Empty:         s.host.Spec.ConsumerRef.Name == "",
		Allocated:     !status.AllocatedTime.IsZero() || provisioned,
		DeployStarted: !status.DeployStartTime.IsZero() || provisioned,
		Deployed:      !status.DeployedTime.IsZero() || provisioned,
		DiskRounds:    int(vacate.DiskRounds),
		PowerCycle:    s.powerCycle(),
	}
}
