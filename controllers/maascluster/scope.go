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

package maascluster

import (
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hardware"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
)

// scope carries the facts of one reconcile. Phases set them; status.go turns them into conditions.
type scope struct {
	maasCluster *infrav1.MaasCluster
	// cluster is nil only when it is gone already.
	cluster *clusterv1.Cluster
	// session is set by connect; problem says why there is none, or why it does not work.
	session *inventory.Session
	problem *access.Problem
	// zones are the zones with machines, set by reportZones when known.
	zones []string
	// unsuitable are those wanted for the control plane that have no server for it; zonesWait says why that cannot be told yet.
	unsuitable []string
	zonesWait  string
	// endpointProblem is set by provideEndpoint.
	endpointProblem *access.Problem
	// findings are set by judgeHardware when MAAS could be looked at.
	findings *[]hardware.Finding
	// addons are set by lookAtAddons when the Cluster has an addon set that could be looked at.
	addons *addons
	// endpointRetry is set by provideEndpoint when MAAS refused something that it may grant later.
	endpointRetry bool
	// remaining is what deletion waits for.
	remaining string
}

func (s *scope) deleting() bool { return !s.maasCluster.DeletionTimestamp.IsZero() }

// recheck is when to look again although nothing woke the reconciler.
func (s *scope) recheck() time.Duration {
	after := s.recheckOfMaas()
	if s.addons != nil && s.addons.absent {
		after = min(after, providerRecheck)
	}
	return after
}

func (s *scope) recheckOfMaas() time.Duration {
	switch {
	case s.problem != nil:
		return access.ProblemRecheck
	case s.endpointRetry:
		return refusalRecheck
	case s.zonesWait != "" && len(s.maasCluster.Status.FailureDomains) == 0:
		return zonesRecheck
	case s.keepsEndpoint():
		return endpointRecheck
	}
	return recheck
}

// keepsEndpoint tells whether there is something in MAAS to keep as it should be.
func (s *scope) keepsEndpoint() bool {
	return s.maasCluster.Spec.Endpoint.Type == infrav1.EndpointDNS || s.maasCluster.Spec.Endpoint.VIP.SubnetCIDR != ""
}
