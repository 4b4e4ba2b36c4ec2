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
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// scope carries the facts of one reconcile. Phases set them; status.go turns them into the status.
type scope struct {
	gate *infrav1.RepaveGate
	now  time.Time
	// cluster is nil when there is none of the name.
	cluster *clusterv1.Cluster
	// otherGate is the name of an older gate of the same Cluster.
	otherGate string
	machines  []*clusterv1.Machine
	// repaves are all of this gate, closed ones included.
	repaves []*infrav1.Repave
	// maasMachines of the Cluster by name, for what only this provider knows.
	maasMachines map[string]*infrav1.MaasMachine

	// workload is nil while the workload cluster cannot be reached.
	workload workload.Cluster
	nodes    map[string]*corev1.Node
	// report is nil when the storage could not be asked; reportError then says why.
	report      *storagehealth.Report
	prober      storagehealth.Prober
	reportError string
	// invalid is what is wrong with spec.storage.
	invalid    string
	wholeSince time.Time
	vms        []virtualMachine
	// pods are those that are bound to nodes, read only where there are virtual machines.
	pods []*corev1.Pod
	sets map[string]*machineSet
	// deployments by name; controlPlane is nil where there is none to be read.
	deployments  map[string]*clusterv1.MachineDeployment
	controlPlane *unstructured.Unstructured
	// healthChecks are read only while something waits or is under way, nil before.
	healthChecks []*clusterv1.MachineHealthCheck

	// judged is true once the verdicts are complete, and those that may go have been let go.
	judged     bool
	verdicts   []repave.Verdict
	candidates []repave.Candidate
	// deadCandidates are Machines that are dead and that nobody has deleted, gathered while something waits or is under way.
	deadCandidates []repave.Candidate
	// unguarded are findings about Machines that the gate does not fully protect.
	unguarded []finding
	progress  map[string]repave.Progress
	// remaining is what the deletion of the gate waits for.
	remaining string
}

// finding is something to report about the cluster's settings.
type finding struct{ reason, message string }

func (s *scope) deleting() bool { return !s.gate.DeletionTimestamp.IsZero() }

func (s *scope) clusterDeleting() bool {
	return s.cluster != nil && !s.cluster.DeletionTimestamp.IsZero()
}

// busy tells whether something waits or is under way.
func (s *scope) busy() bool {
	return len(s.candidates) > 0 || len(s.open()) > 0 || s.report == nil
}

// nextLook is when to look again: while something waits or is under way soon, while data is rebuilt or moved as soon as the storage may be asked again, and no later
// than what is whole has been so for the stable period. A look that comes earlier than that asks the storage no more often than any other.
func (s *scope) nextLook() time.Duration {
	if !s.busy() {
		return idleInterval
	}
	next := busyInterval
	until := func(whole time.Time) {
		if !whole.IsZero() {
			// Times are kept in whole seconds.
			next = min(next, max(whole.Add(s.rules().StablePeriod).Sub(s.now), time.Second))
		}
	}
	for _, open := range s.open() {
		switch p := s.progress[open.Name]; p.Step {
		case repave.Joining, repave.Rebuilding:
			// The end of it is the storage's to say.
			next = min(next, minProbeInterval)
		case repave.Settling:
			until(p.WholeSince)
		case repave.Draining, repave.Reinstalling, repave.Closed:
		}
	}
	for _, v := range s.verdicts {
		if v.Reason == repave.AttachmentsMoving {
			next = min(next, minProbeInterval)
		}
	}
	if len(s.candidates) > 0 && s.report != nil && !s.report.Placed && s.now.Sub(s.wholeSince) < s.rules().StablePeriod {
		until(s.wholeSince)
	}
	return next
}

// open are the repaves that are not closed.
func (s *scope) open() []*infrav1.Repave {
	var open []*infrav1.Repave
	for _, r := range s.repaves {
		if r.Spec.Outcome == "" {
			open = append(open, r)
		}
	}
	return open
}

func (s *scope) openOf(machine string) *infrav1.Repave {
	for _, r := range s.open() {
		if r.Spec.MachineName == machine {
			return r
		}
	}
	return nil
}

func (s *scope) openOn(node string) *infrav1.Repave {
	for _, r := range s.open() {
		if r.Spec.NodeName == node {
			return r
		}
	}
	return nil
}

func (s *scope) machine(name string) *clusterv1.Machine {
	for _, m := range s.machines {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// rules are the gate's settings with what they are when they are left out.
func (s *scope) rules() repave.Rules {
	spec := &s.gate.Spec
	rules := repave.Rules{
		MaxConcurrent: int(max(spec.MaxConcurrent, 1)), Parallelism: repave.Serial, StablePeriod: defaultStablePeriod,
		MaxReportAge: maxReportAge, AdmitDeadOnUnknown: spec.UnknownHealth == infrav1.UnknownHealthAdmitDeadNodes,
		Ungated: spec.Storage.Type == infrav1.StorageNone,
	}
	if spec.Parallelism == infrav1.RepaveNonOverlapping {
		rules.Parallelism = repave.NonOverlapping
	}
	if spec.StablePeriodSeconds != nil {
		rules.StablePeriod = time.Duration(*spec.StablePeriodSeconds) * time.Second
	}
	return rules
}

const (
	defaultStablePeriod = 2 * time.Minute
	// maxReportAge is well beyond busyInterval and the time a probe takes.
	maxReportAge = time.Minute
)

func isControlPlane(m *clusterv1.Machine) bool {
	_, ok := m.Labels[clusterv1.MachineControlPlaneLabel]
	return ok
}

func nodeName(m *clusterv1.Machine) string { return m.Status.NodeRef.Name }

func isNodeReady(n *corev1.Node) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status
		}
	}
	return corev1.ConditionUnknown
}

func override(o infrav1.RepaveOverride) *repave.Override {
	if o.UntilTime.IsZero() {
		return nil
	}
	return &repave.Override{Reason: o.Reason, By: o.By, Until: o.UntilTime.Time}
}

func asTime(t time.Time) metav1.Time { return metav1.NewTime(t) }
