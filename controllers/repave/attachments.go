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
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// drainInterval is how often a store is told again to serve elsewhere what a node serves.
const drainInterval = 2 * time.Minute

// moveAttachments has the store serve elsewhere what a living node serves to others, and holds the node until that is so. An override passes.
func (r *Reconciler) moveAttachments(ctx context.Context, s *scope, g *going) {
	node := nodeName(g.machine)
	servers := s.serversOn(node)
	drainer, ok := s.prober.(storagehealth.AttachmentDrainer)
	if !ok || !g.verdict.Admitted || g.verdict.Reason == repave.Overridden || s.dead(g.machine) || servers == 0 || !g.claim.Spec.ConfirmedTime.IsZero() {
		return
	}
	last := r.looks.of(client.ObjectKeyFromObject(s.gate))
	if told, before := last.drains[node]; !before || r.Clock.Now().Sub(told).Abs() >= drainInterval {
		can, err := drainer.DrainAttachments(ctx, node)
		switch {
		case err != nil:
			*g.verdict = repave.Verdict{Machine: g.machine.Name, Reason: repave.AttachmentsMoving,
				Message: fmt.Sprintf("The storage could not be told to serve elsewhere the %d volumes that %s serves: %s. It ends when it can", servers, node, err)}
			return
		case !can:
			// The store fails over by itself when the node goes.
			return
		}
		if last.drains == nil {
			last.drains = map[string]time.Time{}
		}
		last.drains[node] = r.Clock.Now()
	}
	*g.verdict = repave.Verdict{Machine: g.machine.Name, Reason: repave.AttachmentsMoving,
		Message: fmt.Sprintf("%s still serves %d volumes to other nodes, which the storage moves. It ends when it serves none", node, servers)}
}

// uncordonAttachments lets the store serve from a node again. What fails is told again with the node's next repave, and by the store's own tools.
func (r *Reconciler) uncordonAttachments(ctx context.Context, s *scope, node string) {
	last := r.looks.of(client.ObjectKeyFromObject(s.gate))
	delete(last.drains, node)
	drainer, ok := s.prober.(storagehealth.AttachmentDrainer)
	if !ok || s.report == nil || s.stateOf(node) != storagehealth.Online {
		return
	}
	if err := drainer.UncordonAttachments(ctx, node); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Letting the storage attach volumes on the node again", "node", node)
	}
}

func (s *scope) serversOn(node string) int32 {
	if s.report == nil {
		return 0
	}
	for i := range s.report.Nodes {
		if s.report.Nodes[i].Name == node {
			return s.report.Nodes[i].Servers
		}
	}
	return 0
}
