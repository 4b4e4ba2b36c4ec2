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
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// setNetwork reports the network, where one is described.
func setNetwork(s *scope) {
	if !access.HasNetwork(s.host.Spec.Network) {
		conditions.Delete(s.host, infrav1.NetworkConfiguredCondition)
		return
	}
	c := networkVerdict(s).condition(infrav1.NetworkConfiguredCondition)
	c.ObservedGeneration = s.host.Generation
	conditions.Set(s.host, c)
}

func networkVerdict(s *scope) verdict {
	m := s.observation.Machine
	switch {
	case s.network.refusal != nil:
		return networkTrouble(s)
	case s.step.Verb == lifecycle.PrepareNetwork && s.refusal != nil:
		return no(infrav1.ConfiguringNetworkReason, "%s. It is tried again", s.refusal)
	case s.network.matches:
		return yes(infrav1.NetworkConfiguredReason)
	case m != nil && s.observation.Ownership == lifecycle.OwnershipOurs && s.host.Spec.ConsumerRef.Name != "" &&
		(m.Status == maas.StatusDeploying || m.Status == maas.StatusDeployed):
		// Nothing is installed before the network is as it should be, and nothing is compared afterwards: MAAS keeps what was installed.
		return yes(infrav1.NetworkConfiguredReason)
	}
	return keep(s, infrav1.NetworkConfiguredCondition,
		no(infrav1.ConfiguringNetworkReason, "The network is set up before the installation"))
}

// networkTrouble says why the server is not installed for its network's sake.
func networkTrouble(s *scope) verdict {
	if s.network.refusal == nil {
		return no(infrav1.NetworkRefusedReason, "%s is not installed because its network cannot be as asked for", hostname(s))
	}
	return no(s.network.refusal.reason, "%s is not installed: %s", hostname(s), s.network.refusal.message)
}

// networkRefusal is the pair of conditions of a server that waits for its network.
func networkRefusal(s *scope) (allocated, deployed verdict) {
	v := networkTrouble(s)
	if s.observation.Ownership == lifecycle.OwnershipOurs {
		return yes(infrav1.AllocatedReason), v
	}
	return v, v
}
