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

package main

import (
	"fmt"
	"slices"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

// upgradeView is what the screen says above the machines while they are upgraded.
type upgradeView struct {
	version string
	// done of so many Machines have the version and are content.
	done, want int
	// online of so many nodes of Portworx.
	online, nodes int
	// degraded of so many volumes lack a copy; the others are out of reach now, or lost.
	degraded, volumes, outOfReach, lost int
	// open repaves, and Machines that the gate holds.
	open, held int
}

func (u upgradeView) headline(elapsed time.Duration) string {
	return fmt.Sprintf("Upgrade to %s: %d/%d machines, repaves open %d, held by the gate %d, %s", u.version, u.done, u.want, u.open, u.held, clock(elapsed))
}

func (u upgradeView) storage() string {
	text := fmt.Sprintf("Portworx: nodes online %d/%d, volumes whole %d/%d", u.online, u.nodes, u.volumes-u.degraded, u.volumes)
	if u.outOfReach > 0 {
		text += fmt.Sprintf(", out of reach %d", u.outOfReach)
	}
	return text + fmt.Sprintf(", lost %d", u.lost)
}

// counts is the storage's line for those who do not look at a terminal.
func (u upgradeView) counts() string {
	return fmt.Sprintf("%s; machines %d/%d, repaves open %d, held %d", u.storage(), u.done, u.want, u.open, u.held)
}

func (u upgradeView) style() string {
	switch {
	case u.lost > 0 || u.outOfReach > 0:
		return styleRed
	case u.degraded > 0:
		return styleYellow
	}
	return styleGreen
}

// upgradeView looks at the objects, and at the storage itself for how the data is.
func (s snapshot) upgradeView(want int, storage *pxsim.Sim) upgradeView {
	u := upgradeView{version: lab.KubernetesVersion, want: want}
	u.done = s.upgraded(false)
	for i := range s.repaves {
		if s.repaves[i].Spec.Outcome == "" {
			u.open++
		}
	}
	if s.gate != nil {
		u.held = len(s.gate.Status.Waiting)
	}
	for _, p := range storage.Placements() {
		u.volumes++
		if len(p.InSync) < p.Wanted {
			u.degraded++
		}
		if len(p.InSync) == 0 {
			u.outOfReach++
		}
	}
	u.lost = len(storage.Losses())
	return u
}

func upToDate(m *clusterv1.Machine) bool {
	return m.DeletionTimestamp.IsZero() && slices.ContainsFunc(m.Status.Conditions, isTrue(clusterv1.MachineUpToDateCondition)) &&
		slices.ContainsFunc(m.Status.Conditions, isTrue(clusterv1.MachineAvailableCondition))
}

// withGate completes what Machines say of themselves with what the gate knows.
func (s snapshot) withGate(m *clusterv1.Machine, before state) state {
	switch before.phase {
	case draining:
		if _, hooked := m.Annotations[infrav1.RepaveHookAnnotation]; !hooked || s.gate == nil {
			return before
		}
		for _, h := range s.gate.Status.Waiting {
			if h.Machine == m.Name {
				return state{held, h.Reason, h.Message}
			}
		}
		return state{phase: held, why: "The gate has not looked yet"}
	case joining:
		for i := range s.repaves {
			r := &s.repaves[i]
			if r.Spec.Outcome != "" || r.Spec.NodeName != m.Status.NodeRef.Name {
				continue
			}
			// A node without a part in the storage has nothing to rebuild.
			if r.Spec.Before.NodeID == "" {
				return before
			}
			switch r.Status.Step {
			case infrav1.RepaveRebuilding:
				return state{rebuilding, string(r.Status.Step), rebuilt(&r.Status)}
			case infrav1.RepaveSettling:
				return state{settling, string(r.Status.Step), "Its data is whole, and not long enough yet"}
			default:
			}
		}
	default:
	}
	return before
}

// rebuilt says how far the data of a node is.
func rebuilt(r *infrav1.RepaveStatus) string {
	text := "Portworx brings its copies up to date"
	if r.RebuiltPercent != nil {
		text = fmt.Sprintf("%d %% of its copies are up to date", *r.RebuiltPercent)
	}
	if r.PendingBytes != nil {
		text += fmt.Sprintf(", %.1f GiB to go", float64(*r.PendingBytes)/(1<<30))
	}
	return text
}
