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

package lab

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

// mishaps come in the middle of the upgrade, one after the other: a worker loses its power while the last of the control plane is on its way, so that the
// time until the cluster notices passes meanwhile, and the manager is killed.
type mishaps struct {
	*gateStory
	victim string
	// killed is set once the manager was killed.
	killed bool
}

func (m *mishaps) next(ctx context.Context) error {
	if m.victim != "" && m.killed {
		return nil
	}
	repaves, err := m.repaves(ctx)
	if err != nil {
		return err
	}
	open := map[string]bool{}
	closed, controlPlane := 0, 0
	for i := range repaves {
		r := &repaves[i]
		if !slices.Contains(m.workers, r.Spec.NodeName) {
			controlPlane++
			continue
		}
		if r.Spec.Outcome == "" {
			open[r.Spec.NodeName] = true
		} else {
			closed++
		}
	}
	switch {
	case m.victim == "" && controlPlane == m.cluster.ControlPlanes:
		return m.die(ctx, open)
	case !m.killed && closed >= 5 && len(open) > 0:
		m.t.Logf("the manager is killed while the repaves of %v are open", slices.Sorted(maps.Keys(open)))
		m.killed = true
		return m.lab.Manager(MAAS).Restart(ctx)
	}
	return nil
}

// die takes the power from a worker whose turn has not come, whose class may take no more away, and that shares no volume with one that is away: two at a
// time are more than a storage with two copies can bear. The rollout does not get to it by itself: it counts as away together with those that the gate
// holds because it is dead, and a health check leaves it to the rollout.
func (m *mishaps) die(ctx context.Context, open map[string]bool) error {
	staying, err := m.stayingInFullClasses(ctx)
	if err != nil {
		return err
	}
	placements := m.storage.Sim.Placements()
	for _, host := range staying {
		if strings.HasPrefix(host, "wiped-") || slices.ContainsFunc(slices.Collect(maps.Keys(open)), func(other string) bool {
			return shares(placements, host, other)
		}) {
			continue
		}
		view, _ := m.lab.MAAS().MachineByHostname(host)
		m.t.Logf("%s loses its power while the repaves of %v are open", host, slices.Sorted(maps.Keys(open)))
		m.victim = host
		return m.lab.MAAS().Operator().ForcePower(view.SystemID, false)
	}
	return nil
}

// stayingInFullClasses are the workers that nobody has deleted, of classes of which as many are deleted as may be.
func (m *mishaps) stayingInFullClasses(ctx context.Context) ([]string, error) {
	machines := &clusterv1.MachineList{}
	if err := m.client.List(ctx, machines, client.InNamespace(m.cluster.Namespace)); err != nil {
		return nil, err
	}
	leaving, nodes := map[string]int{}, map[string][]string{}
	for i := range machines.Items {
		one := &machines.Items[i]
		deployment := one.Labels[clusterv1.MachineDeploymentNameLabel]
		if one.DeletionTimestamp.IsZero() {
			nodes[deployment] = append(nodes[deployment], one.Status.NodeRef.Name)
		} else {
			leaving[deployment]++
		}
	}
	var staying []string
	for _, c := range classes {
		if name := m.cluster.Name + "-" + c.Name; leaving[name] >= c.MaxUnavailable {
			slices.Sort(nodes[name])
			staying = append(staying, nodes[name]...)
		}
	}
	return staying, nil
}

// auditor compares each hold with the truth.
type auditor struct {
	*gateStory

	mu sync.Mutex // guards the fields below
	// last is when a reason to hold a node was last true, by reason and node.
	last  map[string]time.Time
	wrong []string
	held  map[string]int // observations by reason
	most  int            // repaves of workers that were open at once
}

const (
	// tolerance is how old what the gate goes by may be when it has just asked the storage: the rest of it comes from watches.
	tolerance = 20 * time.Second
	// longestSilence is how long the gate may go without an answer of the storage, with the API server of the workload cluster on its way from one
	// server to the next.
	longestSilence = 2 * time.Minute
)

func newAuditor(g *gateStory) *auditor {
	return &auditor{gateStory: g, last: map[string]time.Time{}, held: map[string]int{}}
}

func (a *auditor) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := a.look(ctx); err != nil && ctx.Err() == nil {
				a.t.Logf("looking at the gate: %v", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(250 * time.Millisecond):
			}
		}
	}()
	return func() { cancel(); <-done }
}

func (a *auditor) look(ctx context.Context) error {
	repaves, err := a.repaves(ctx)
	if err != nil {
		return err
	}
	moving, err := a.controlPlaneMoves(ctx)
	if err != nil {
		return err
	}
	gate, err := a.gate(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noteTruth(repaves, moving)
	a.judge(gate)
	return nil
}

func (a *auditor) controlPlaneMoves(ctx context.Context) (bool, error) {
	list := &clusterv1.ClusterList{}
	if err := a.client.List(ctx, list, client.InNamespace(a.cluster.Namespace)); err != nil {
		return false, err
	}
	for i := range list.Items {
		c := list.Items[i].Status.ControlPlane
		if c == nil || c.UpToDateReplicas == nil || c.Replicas == nil || *c.UpToDateReplicas != 3 || *c.Replicas != 3 {
			return true, nil
		}
	}
	return false, nil
}

// noteTruth notes which reasons are true now.
func (a *auditor) noteTruth(repaves []infrav1.Repave, moving bool) {
	now := time.Now()
	placements := a.storage.Sim.Placements()
	running := a.storage.Hosts()
	servers := []string{a.storage.Sim.Server("pvc-00"), a.storage.Sim.Server("pvc-20")}
	open, budget := map[string]bool{}, 0
	for i := range repaves {
		if r := &repaves[i]; r.Spec.Outcome == "" {
			budget++ // that of the control plane counts as well
			if slices.Contains(a.workers, r.Spec.NodeName) {
				open[r.Spec.NodeName] = true
			}
		}
	}
	a.most = max(a.most, len(open))
	for _, host := range a.workers {
		note := func(reason string, is bool) {
			if is {
				a.last[reason+" "+host] = now
			}
		}
		lacking, last := copiesOf(placements, host)
		near := slices.ContainsFunc(slices.Collect(maps.Keys(open)), func(o string) bool { return o != host && shares(placements, host, o) })
		note("SharesDataWithOpenRepave", near)
		note("StorageRefused", near || lacking)
		note("VolumeNotWhole", lacking)
		note("LastReplica", last)
		note("BudgetExhausted", budget >= 4)
		note("StorageQuorumAtRisk", len(running) < len(a.workers) || len(open) > 0)
		note("StorageDegraded", !slices.Contains(running, host))
		note("ControlPlaneMoving", moving)
		note("AttachmentsMoving", slices.Contains(servers, host))
	}
	// The gateway's pod on a server that is off counts as an endpoint until the cluster has noticed, and an API server that starts lets requests wait.
	if moving || len(running) < len(a.workers) {
		for _, host := range append([]string{"cp-1", "cp-2", "cp-3"}, a.workers...) {
			a.last["StorageUnknown "+host] = now
		}
	}
}

// copiesOf tells whether a volume of the host lacks a copy elsewhere, and whether one has no other at all.
func copiesOf(placements []pxsim.Placement, host string) (lacking, last bool) {
	for _, p := range placements {
		if !slices.Contains(p.Hosts, host) {
			continue
		}
		others := len(p.InSync)
		if slices.Contains(p.InSync, host) {
			others--
		}
		lacking = lacking || others < p.Wanted-1
		last = last || others == 0
	}
	return lacking, last
}

func shares(placements []pxsim.Placement, a, b string) bool {
	return slices.ContainsFunc(placements, func(p pxsim.Placement) bool { return slices.Contains(p.Hosts, a) && slices.Contains(p.Hosts, b) })
}

// judge takes a hold for wrong that was not true lately when the gate last looked. A control plane Machine, on which Portworx does not run, may
// wait for no other than that nobody knows that.
func (a *auditor) judge(gate *infrav1.RepaveGate) {
	looked := gate.Status.ObservedTime.Time
	if silence := time.Since(looked); silence > longestSilence {
		a.complain(fmt.Sprintf("the gate has not asked the storage since %s", looked.Format(time.TimeOnly)))
	}
	for _, h := range gate.Status.Waiting {
		a.held[h.Reason]++
		if looked.Sub(a.last[h.Reason+" "+h.Node]) > tolerance {
			a.complain(fmt.Sprintf("%s (%s): %s: %s", h.Machine, h.Node, h.Reason, h.Message))
		}
	}
}

func (a *auditor) complain(text string) {
	if !slices.Contains(a.wrong, text) {
		a.wrong = append(a.wrong, text)
	}
}

func (a *auditor) summary() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprintf("up to %d workers were away or not whole at once; holds seen: %v", a.most, a.held)
}
