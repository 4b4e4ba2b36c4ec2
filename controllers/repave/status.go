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
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// shownMachines bounds the lists of the status.
const shownMachines = 100

// setStatus writes the whole status from the facts of the scope.
func setStatus(s *scope) {
	s.gate.Status.ObservedGeneration = s.gate.Generation
	for _, c := range []metav1.Condition{ready(s), storageWhole(s), guarded(s), movable(s)} {
		c.ObservedGeneration = s.gate.Generation
		conditions.Set(s.gate, c)
	}
	if s.cluster == nil || s.otherGate != "" {
		return
	}
	status := &s.gate.Status
	status.Open = ptr.To(int32(len(s.open())))
	setWaiting(s)
	setStorage(s)
	status.VirtualMachines = nil
	for _, vm := range s.vms {
		if vm.stuck != "" && len(status.VirtualMachines) < shownMachines {
			status.VirtualMachines = append(status.VirtualMachines, infrav1.StuckVirtualMachine{
				Namespace: vm.namespace, Name: vm.name, Node: vm.node, Reason: vm.stuck,
			})
		}
	}
}

func setWaiting(s *scope) {
	var waiting []infrav1.HeldMachine
	for _, v := range s.verdicts {
		if v.Admitted {
			continue
		}
		node := ""
		if m := s.machine(v.Machine); m != nil {
			node = nodeName(m)
		}
		waiting = append(waiting, infrav1.HeldMachine{
			Machine: v.Machine, Node: node, Reason: string(v.Reason), Message: persist.Cut(v.Message, maxMessage),
			SinceTime: asTime(since(s.gate.Status.Waiting, v.Machine, string(v.Reason), s.now)),
		})
	}
	slices.SortFunc(waiting, func(a, b infrav1.HeldMachine) int {
		if c := a.SinceTime.Compare(b.SinceTime.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Machine, b.Machine)
	})
	s.gate.Status.Held = ptr.To(int32(len(waiting)))
	s.gate.Status.Waiting = waiting[:min(len(waiting), shownMachines)]
}

// maxMessage is as many characters as the API server takes for the message of a Machine that waits: what a storage says may be long.
const maxMessage = 1024

// setStorage sums up what the storage said. What was known stays while it cannot be asked; observedTime tells its age.
func setStorage(s *scope) {
	if s.report == nil {
		return
	}
	s.gate.Status.ObservedTime = asTime(s.report.At)
	summary := infrav1.StorageSummary{Nodes: ptr.To(int32(len(s.report.Nodes)))}
	var online int32
	for i := range s.report.Nodes {
		if s.report.Nodes[i].State == storagehealth.Online {
			online++
		}
	}
	summary.Online = ptr.To(online)
	if s.report.Placed {
		summary.Volumes = ptr.To(int32(len(s.report.Volumes)))
		summary.Degraded = ptr.To(degraded(s.report))
	}
	if s.report.Progress >= 0 && s.report.Progress <= 100 {
		summary.RebuiltPercent = ptr.To(s.report.Progress)
	}
	s.gate.Status.Storage = summary
}

// degraded counts the volumes that lack a copy in sync.
func degraded(report *storagehealth.Report) int32 {
	var n int32
	for i := range report.Volumes {
		v := &report.Volumes[i]
		var inSync int32
		for _, r := range v.Replicas {
			if r.InSync {
				inSync++
			}
		}
		if inSync < v.Wanted {
			n++
		}
	}
	return n
}

func condition(kind string, status metav1.ConditionStatus, reason, format string, args ...any) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// ready tells whether the gate can judge, and whether somebody waits for it.
func ready(s *scope) metav1.Condition {
	no := func(reason, format string, args ...any) metav1.Condition {
		return condition(infrav1.ReadyCondition, metav1.ConditionFalse, reason, format, args...)
	}
	switch {
	case s.deleting() && s.remaining != "":
		return no(infrav1.OpenRepavesReason, "%s", s.remaining)
	case s.deleting():
		return no(infrav1.DeletingReason, "The hooks are being taken off the Machines")
	case s.cluster == nil:
		return no(infrav1.ClusterNotFoundReason, "spec.clusterName: there is no Cluster %s", s.gate.Spec.ClusterName)
	case s.otherGate != "":
		return no(infrav1.AnotherGateReason, "RepaveGate %s is older and gates Cluster %s", s.otherGate, s.cluster.Name)
	case s.invalid != "":
		return no(infrav1.StorageInvalidReason, "%s", s.invalid)
	case s.report == nil && s.gate.Spec.Storage.Type != infrav1.StorageNone && !s.clusterDeleting():
		return no(infrav1.StorageNotAskedReason, "%s", s.reportError)
	}
	for _, v := range s.verdicts {
		if !v.Admitted {
			return condition(infrav1.ReadyCondition, metav1.ConditionTrue, infrav1.HeldReason, "Machine %s waits: %s", v.Machine, v.Message)
		}
	}
	return condition(infrav1.ReadyCondition, metav1.ConditionTrue, infrav1.ReadyReason, "")
}

func storageWhole(s *scope) metav1.Condition {
	say := func(status metav1.ConditionStatus, reason, format string, args ...any) metav1.Condition {
		return condition(infrav1.StorageWholeCondition, status, reason, format, args...)
	}
	switch {
	case s.gate.Spec.Storage.Type == infrav1.StorageNone:
		return say(metav1.ConditionUnknown, infrav1.NotGatedReason, "spec.storage.type is None: nothing is protected")
	case s.report == nil:
		return say(metav1.ConditionUnknown, infrav1.StorageNotAskedReason, "%s", s.reportError)
	case s.report.Placed:
		if n := degraded(s.report); n > 0 {
			return say(metav1.ConditionFalse, infrav1.StorageDegradedReason, "%d of %d volumes lack a copy in sync", n, len(s.report.Volumes))
		}
	case s.report.Whole == storagehealth.No:
		return say(metav1.ConditionFalse, infrav1.StorageDegradedReason, "%s", s.report.Detail)
	case s.report.Whole != storagehealth.Yes:
		return say(metav1.ConditionUnknown, infrav1.StorageNotAskedReason, "%s", s.report.Detail)
	}
	return say(metav1.ConditionTrue, infrav1.StorageWholeReason, "")
}

func guarded(s *scope) metav1.Condition {
	if len(s.unguarded) > 0 {
		messages := make([]string, 0, len(s.unguarded))
		for _, f := range s.unguarded {
			messages = append(messages, f.message)
		}
		return condition(infrav1.MachinesGuardedCondition, metav1.ConditionFalse, s.unguarded[0].reason, "%s", strings.Join(messages, ". "))
	}
	return condition(infrav1.MachinesGuardedCondition, metav1.ConditionTrue, infrav1.MachinesGuardedReason, "")
}

// movable tells beforehand whether the virtual machines of every node could leave it.
func movable(s *scope) metav1.Condition {
	say := func(status metav1.ConditionStatus, reason, format string, args ...any) metav1.Condition {
		return condition(infrav1.VirtualMachinesMovableCondition, status, reason, format, args...)
	}
	stuck := 0
	for _, vm := range s.vms {
		if vm.stuck != "" {
			stuck++
		}
	}
	crowded := s.crowded()
	switch {
	case s.workload == nil || s.report == nil && s.gate.Spec.Storage.Type != infrav1.StorageNone:
		return say(metav1.ConditionUnknown, infrav1.StorageNotAskedReason, "%s", s.reportError)
	case stuck > 0:
		return say(metav1.ConditionFalse, infrav1.VirtualMachinesStuckReason, "%d virtual machines cannot be live-migrated; status.virtualMachines lists them", stuck)
	case len(crowded) > 0:
		return say(metav1.ConditionFalse, infrav1.VirtualMachinesCrowdedReason, "The virtual machines of %s would find no place on the other nodes", some(crowded))
	}
	return say(metav1.ConditionTrue, infrav1.VirtualMachinesMovableReason, "")
}

// since keeps the time from which a Machine waits for the same reason.
func since(held []infrav1.HeldMachine, machine, reason string, now time.Time) time.Time {
	for _, h := range held {
		if h.Machine == machine && h.Reason == reason {
			return h.SinceTime.Time
		}
	}
	return now
}
