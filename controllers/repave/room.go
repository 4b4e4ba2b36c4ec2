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
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
)

// schedulableLabel is on the nodes that KubeVirt runs virtual machines on.
const schedulableLabel = "kubevirt.io/schedulable"

// measureRoom lists the Pods once, if there are virtual machines: what they ask for decides whether the other nodes can take those of one.
func (r *Reconciler) measureRoom(ctx context.Context, s *scope) error {
	if len(s.vms) == 0 {
		return nil
	}
	pods := &corev1.PodList{}
	if err := s.workload.List(ctx, pods); err != nil {
		return fmt.Errorf("listing the Pods of the cluster: %w", err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.Spec.NodeName != "" && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			s.pods = append(s.pods, p)
		}
	}
	return nil
}

// noRoom tells why the virtual machines of a node would find no place on the others, "" when they would.
func (s *scope) noRoom(node string) string {
	if node == "" || !slices.ContainsFunc(s.vms, func(vm virtualMachine) bool { return vm.node == node && vm.stuck == "" }) {
		return ""
	}
	free := s.freeRoom(node)
	var vms []repave.Room
	for _, p := range s.pods {
		asks := requests(p)
		if n, ok := free[p.Spec.NodeName]; ok {
			n.MilliCPU -= asks.MilliCPU
			n.MemoryBytes -= asks.MemoryBytes
		}
		if p.Spec.NodeName == node && p.Labels[launcherLabel] == launcherValue {
			vms = append(vms, asks)
		}
	}
	rooms := make([]repave.Room, 0, len(free))
	for _, n := range free {
		rooms = append(rooms, *n)
	}
	slices.SortFunc(rooms, func(a, b repave.Room) int { return strings.Compare(a.Name, b.Name) })
	return repave.Fits(vms, rooms)
}

// crowded names the nodes whose virtual machines would find no place if the node went now, each with why.
func (s *scope) crowded() []string {
	var all []string
	for name := range s.nodes {
		if why := s.noRoom(name); why != "" {
			all = append(all, name+" ("+why+")")
		}
	}
	slices.Sort(all)
	return all
}

// freeRoom is what the other nodes have that virtual machines may run on, before their Pods are taken off.
func (s *scope) freeRoom(without string) map[string]*repave.Room {
	labelled := false
	for _, n := range s.nodes {
		labelled = labelled || n.Labels[schedulableLabel] == "true"
	}
	free := map[string]*repave.Room{}
	for name, n := range s.nodes {
		takes := !labelled || n.Labels[schedulableLabel] == "true"
		if name != without && takes && !n.Spec.Unschedulable && !tainted(n) && isNodeReady(n) == corev1.ConditionTrue {
			free[name] = &repave.Room{Name: name, MilliCPU: n.Status.Allocatable.Cpu().MilliValue(), MemoryBytes: n.Status.Allocatable.Memory().Value()}
		}
	}
	return free
}

// tainted tells whether a node keeps off what does not tolerate it, as those of the control plane do.
func tainted(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
		return t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute
	})
}

func requests(p *corev1.Pod) repave.Room {
	room := repave.Room{Name: p.Namespace + "/" + p.Name}
	for i := range p.Spec.Containers {
		room.MilliCPU += p.Spec.Containers[i].Resources.Requests.Cpu().MilliValue()
		room.MemoryBytes += p.Spec.Containers[i].Resources.Requests.Memory().Value()
	}
	return room
}
