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

package maasmachine

import (
	"context"
	"fmt"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// addNetwork makes the request pass over servers that cannot carry the network of the machine.
func (r *Reconciler) addNetwork(ctx context.Context, s *scope, session *inventory.Session, request *allocation.Request) error {
	if !access.HasNetwork(s.maasMachine.Spec.Network) {
		return nil
	}
	network := access.Network(s.maasMachine.Spec.Network)
	catalog, err := r.Access.Networks(ctx, session, len(network.Routes) > 0)
	if maas.KindOf(err) != "" {
		s.waitFor(infrav1.WaitingForMaasReason, fmt.Sprintf("Reading which networks MAAS has: %s", err))
		return nil
	}
	if err != nil {
		return err
	}
	request.Fits = func(m *maas.Machine) allocation.Reason {
		problems := hostnetwork.Fit(network, m.Interfaces, catalog)
		if len(problems) == 0 {
			return ""
		}
		return allocation.Reason("unfit for the network: " + problems[0].Message)
	}
	return nil
}
