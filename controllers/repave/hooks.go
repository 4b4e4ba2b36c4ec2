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

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	intstr "k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func hooked(m *clusterv1.Machine) bool {
	_, ok := m.Annotations[infrav1.RepaveHookAnnotation]
	return ok
}

// ensureHooks puts the hook on every Machine that is not being deleted. On one that is, its absence means that it was let go.
func (r *Reconciler) ensureHooks(ctx context.Context, s *scope) error {
	if s.clusterDeleting() {
		return nil
	}
	var bare []string
	for _, m := range s.machines {
		if !m.DeletionTimestamp.IsZero() || hooked(m) {
			continue
		}
		if err := r.setHook(ctx, m, s.gate.Name); err != nil {
			if apierrors.IsNotFound(err) {
				continue
			}
			bare = append(bare, m.Name)
		}
	}
	if len(bare) > 0 {
		s.unguarded = append(s.unguarded, finding{infrav1.HookMissingReason,
			fmt.Sprintf("The pre-drain hook could not be put on %s", some(bare))})
	}
	s.unguarded = append(s.unguarded, r.inspect(s)...)
	return nil
}

func (r *Reconciler) setHook(ctx context.Context, m *clusterv1.Machine, value string) error {
	before := m.DeepCopy()
	if value == "" {
		delete(m.Annotations, infrav1.RepaveHookAnnotation)
	} else {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, infrav1.RepaveHookAnnotation, value)
	}
	if err := r.Client.Patch(ctx, m, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("changing the hook of Machine %s: %w", m.Name, err)
	}
	return nil
}

// inspect reports settings of Machines that take from the gate what it is for.
func (r *Reconciler) inspect(s *scope) []finding {
	var timeouts, ungated, unreadable, surging []string
	for _, m := range s.machines {
		if _, ok := m.Annotations[infrav1.RepaveOverrideAnnotation]; ok && machineOverride(m) == nil {
			unreadable = append(unreadable, m.Name)
		}
		if !m.DeletionTimestamp.IsZero() {
			continue
		}
		if ptr.Deref(m.Spec.Deletion.NodeDrainTimeoutSeconds, 0) > 0 {
			timeouts = append(timeouts, m.Name)
		}
		if !isControlPlane(m) && !slices.ContainsFunc(m.Spec.ReadinessGates, func(g clusterv1.MachineReadinessGate) bool {
			return g.ConditionType == infrav1.StorageReadyCondition
		}) {
			ungated = append(ungated, m.Name)
		}
	}
	for _, md := range s.deployments {
		if surges(md) {
			surging = append(surging, md.Name)
		}
	}
	var found []finding
	if len(unreadable) > 0 {
		found = append(found, finding{infrav1.OverrideInvalidReason, fmt.Sprintf("Machines %s have an annotation %s that is not JSON with reason (%d characters at "+
			"most), by (%d) and untilTime, and overrides nothing", some(unreadable), infrav1.RepaveOverrideAnnotation, maxOverrideReason, maxOverrideBy)})
	}
	if len(timeouts) > 0 {
		found = append(found, finding{infrav1.DrainTimeoutReason, fmt.Sprintf("Machines %s have nodeDrainTimeoutSeconds: when it expires the node goes "+
			"whatever still runs on it", some(timeouts))})
	}
	if len(ungated) > 0 {
		found = append(found, finding{infrav1.ReadinessGateMissingReason, fmt.Sprintf("Machines %s lack the readiness gate %s", some(ungated),
			infrav1.StorageReadyCondition)})
	}
	if len(surging) > 0 {
		found = append(found, finding{infrav1.SurgeReason, fmt.Sprintf("MachineDeployments %s have maxSurge above 0: their nodes do not come back, and have to "+
			"be evacuated before they go", some(surging))})
	}
	return found
}

// surges tells whether a MachineDeployment makes the new Machine before it deletes the old one, which is also what it does when nobody says.
func surges(md *clusterv1.MachineDeployment) bool {
	strategy := md.Spec.Rollout.Strategy
	if strategy.Type == clusterv1.OnDeleteMachineDeploymentStrategyType {
		return false
	}
	surge := strategy.RollingUpdate.MaxSurge
	return surge == nil || surge.IntValue() != 0 || (surge.Type == intstr.String && surge.StrVal != "0%" && surge.StrVal != "0")
}

// some shortens a list of names.
func some(names []string) string {
	const shown = 3
	slices.Sort(names)
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
