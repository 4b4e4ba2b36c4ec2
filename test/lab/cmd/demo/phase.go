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
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// phase is how far a Machine has come.
type phase string

const (
	// Waiting has no server yet.
	waiting phase = "Waiting"
	// Leased has a MaasHost, which MAAS does not know of yet.
	leased phase = "Leased"
	// Allocated in MAAS.
	allocated phase = "Allocated"
	// Deploying is what MAAS says.
	deploying phase = "Deploying"
	// Booting is the installed system on its first boot: it runs its user data.
	booting phase = "Booting"
	// Joining has a Node that is not ready, or with which Cluster API is not
	// content yet.
	joining phase = "Joining"
	ready   phase = "Ready"
	// Halted is a surprise that the provider reports and waits out.
	halted phase = "Halted"

	// Held is a Machine that runs on until the gate lets its node go.
	held phase = "Held"
	// Rebuilding has a Node whose data is not whole yet.
	rebuilding phase = "Resyncing"
	// Settling has whole data, and not for long enough.
	settling phase = "Settling"

	draining  phase = "Draining"
	releasing phase = "Releasing"
	// Released has given its server back; the Machine is about to go.
	released phase = "Released"
	gone     phase = "Gone"
)

// state is a phase, and why it is not the next one.
type state struct {
	phase  phase
	reason string
	why    string
}

// derive tells from the conditions of a Machine and its infrastructure how far
// it has come. Either of the latter two may be nil.
func derive(m *clusterv1.Machine, mm *infrav1.MaasMachine, host *infrav1.MaasHost) state {
	if !m.DeletionTimestamp.IsZero() {
		return deriveDeletion(m, mm, host)
	}
	if mm == nil {
		return state{phase: waiting}
	}
	if s, done := deriveHost(mm, host); !done {
		return s
	}
	node := conditions.Get(m, clusterv1.MachineNodeReadyCondition)
	switch {
	case !m.Status.NodeRef.IsDefined():
		// What Cluster API says here is that it waits for the Node.
		return state{phase: booting, reason: string(booting), why: "Its user data runs kubeadm"}
	case node == nil || node.Status != metav1.ConditionTrue:
		return because(joining, node)
	}
	if c := conditions.Get(m, clusterv1.MachineReadyCondition); c == nil || c.Status != metav1.ConditionTrue {
		return because(joining, c)
	}
	return state{phase: ready}
}

// expected are reasons that belong to every machine's way; anything else holds
// it up.
var expected = []string{
	infrav1.NotAllocatedReason, infrav1.WaitingForAllocationReason, infrav1.DeployingReason, infrav1.WaitingForMaasReason,
}

// deriveHost goes as far as the deployed server.
func deriveHost(mm *infrav1.MaasMachine, host *infrav1.MaasHost) (s state, done bool) {
	c := conditions.Get(mm, infrav1.HostLeasedCondition)
	switch {
	case c == nil || c.Status != metav1.ConditionTrue:
		return because(waiting, c), false
	case host == nil:
		return state{phase: leased}, false
	}
	if c := conditions.Get(host, infrav1.AllocatedCondition); c == nil || c.Status != metav1.ConditionTrue {
		return unlessHalted(leased, c), false
	}
	if c := conditions.Get(host, infrav1.HostDeployedCondition); c == nil || c.Status != metav1.ConditionTrue {
		if host.Status.DeployStartTime.IsZero() {
			return unlessHalted(allocated, c), false
		}
		return unlessHalted(deploying, c), false
	}
	return state{}, true
}

func unlessHalted(p phase, c *metav1.Condition) state {
	switch {
	case c == nil || slices.Contains(expected, c.Reason):
	case c.Reason == infrav1.HostEmptyReason:
		// A server that its pool keeps says so a moment longer than it is true.
		return state{phase: p}
	default:
		p = halted
	}
	return because(p, c)
}

func deriveDeletion(m *clusterv1.Machine, mm *infrav1.MaasMachine, host *infrav1.MaasHost) state {
	switch {
	case mm == nil:
		s := because(released, conditions.Get(m, clusterv1.MachineDeletingCondition))
		s.reason = "" // what is left to delete is not worth a line each
		return s
	case mm.DeletionTimestamp.IsZero():
		return because(draining, conditions.Get(m, clusterv1.MachineDeletingCondition))
	case host != nil:
		return because(releasing, conditions.Get(host, infrav1.ReadyCondition))
	default:
		return because(releasing, conditions.Get(mm, infrav1.ReadyCondition))
	}
}

func because(p phase, c *metav1.Condition) state {
	if c == nil {
		return state{phase: p}
	}
	return state{phase: p, reason: c.Reason, why: oneLine(c.Message)}
}

// oneLine makes a sentence of a message, which may be a list.
func oneLine(message string) string {
	var parts []string
	for line := range strings.Lines(message) {
		if line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* ")); line != "" {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}

// brief shortens a reason to what fits: first by what the table says anyway,
// then by its end.
func brief(why string, width int) string {
	if len([]rune(why)) <= width {
		return why
	}
	if rest, ok := strings.CutPrefix(why, "MAAS installs "); ok && strings.HasSuffix(rest, ")") {
		// MAAS's own words stand at the end, in brackets.
		why = strings.TrimSuffix(rest[strings.Index(rest, "(")+1:], ")")
	}
	// The first of a list of conditions, and of that what follows its name.
	why, _, _ = strings.Cut(why, "; ")
	if _, message, ok := strings.Cut(why, ": "); ok && len([]rune(why)) > width {
		why = message
	}
	if rest, ok := strings.CutPrefix(why, "Waiting for "); ok {
		why = "for " + rest
	}
	return cut(why, width)
}

// cut ends a text that is too long with an ellipsis.
func cut(s string, width int) string {
	runes := []rune(s)
	switch {
	case len(runes) <= width:
		return s
	case width <= 0:
		return ""
	default:
		return strings.TrimRight(string(runes[:width-1]), " ") + "…"
	}
}
