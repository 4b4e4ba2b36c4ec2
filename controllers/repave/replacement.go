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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/controllers/external"
	"sigs.k8s.io/cluster-api/util/collections"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
)

// readOwners reads the control plane object and the MachineDeployments: how many Machines there are to be, and whether Cluster API makes replacements now.
func (r *Reconciler) readOwners(ctx context.Context, s *scope) error {
	all := &clusterv1.MachineDeploymentList{}
	if err := r.Client.List(ctx, all, client.InNamespace(s.gate.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: s.cluster.Name}); err != nil {
		return fmt.Errorf("listing MachineDeployments: %w", err)
	}
	s.deployments = make(map[string]*clusterv1.MachineDeployment, len(all.Items))
	for i := range all.Items {
		s.deployments[all.Items[i].Name] = &all.Items[i]
	}
	if s.cluster.Spec.ControlPlaneRef.Name == "" {
		return nil
	}
	cp, err := external.GetObjectFromContractVersionedRef(ctx, r.Client, s.cluster.Spec.ControlPlaneRef, s.cluster.Namespace)
	if err != nil {
		// A control plane of another provider than kubeadm's may be none of the manager's business; its Machines are judged without it.
		if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			return nil
		}
		return fmt.Errorf("getting the control plane: %w", err)
	}
	s.controlPlane = cp
	return nil
}

// notReplaced says why Cluster API would make no replacement of a worker now, "" when it would: the preflight checks of MachineSets.
func (s *scope) notReplaced(m *clusterv1.Machine) string {
	wanted, bootstrap := m.Spec.Version, m.Spec.Bootstrap.ConfigRef.Kind
	skipped := ""
	if md := s.deployments[m.Labels[clusterv1.MachineDeploymentNameLabel]]; md != nil {
		wanted, skipped = md.Spec.Template.Spec.Version, md.Annotations[clusterv1.MachineSetSkipPreflightChecksAnnotation]
	}
	return s.preflight(wanted, strings.HasPrefix(bootstrap, "KubeadmConfig"), skipped)
}

// preflight says which of Cluster API's checks before the making of a worker of that version would fail, without those that are skipped.
func (s *scope) preflight(wanted string, kubeadm bool, skipped string) string {
	skips := strings.Split(strings.ReplaceAll(skipped, " ", ""), ",")
	runs := func(check clusterv1.MachineSetPreflightCheck) bool {
		return !slices.Contains(skips, string(check)) && !slices.Contains(skips, string(clusterv1.MachineSetPreflightCheckAll))
	}
	if s.controlPlane == nil {
		return ""
	}
	has, _, _ := unstructured.NestedString(s.controlPlane.Object, "spec", "version")
	if has == "" {
		return ""
	}
	if what := upheaval(s.controlPlane, s.cluster, has); what != "" && runs(clusterv1.MachineSetPreflightCheckControlPlaneIsStable) {
		return what
	}
	if wanted == "" || wanted == has {
		return ""
	}
	if s.cluster.Spec.Topology.IsDefined() && runs(clusterv1.MachineSetPreflightCheckControlPlaneVersionSkew) ||
		kubeadm && !sameMinor(wanted, has) && runs(clusterv1.MachineSetPreflightCheckKubeadmVersionSkew) {
		return fmt.Sprintf("is at %s, and the workers that are made are still to be at %s", has, wanted)
	}
	return ""
}

// upheaval says what the control plane, which is to be at a version, is about.
func upheaval(cp *unstructured.Unstructured, cluster *clusterv1.Cluster, wanted string) string {
	if step := cluster.Annotations[clusterv1.ClusterTopologyUpgradeStepAnnotation]; cluster.Spec.Topology.IsDefined() &&
		cluster.Spec.Topology.Version != wanted && step != wanted {
		return fmt.Sprintf("is at %s and the Cluster is to be at %s", wanted, cluster.Spec.Topology.Version)
	}
	for _, has := range versions(cp) {
		if has != wanted {
			return fmt.Sprintf("goes from %s to %s", has, wanted)
		}
	}
	return ""
}

// versions are those that the control plane's Machines have, in the words of either form of the contract.
func versions(cp *unstructured.Unstructured) []string {
	var all []string
	entries, _, _ := unstructured.NestedSlice(cp.Object, "status", "versions")
	for _, entry := range entries {
		if fields, ok := entry.(map[string]any); ok {
			if v, ok := fields["version"].(string); ok && v != "" {
				all = append(all, v)
			}
		}
	}
	if v, _, _ := unstructured.NestedString(cp.Object, "status", "version"); len(all) == 0 && v != "" {
		all = []string{v}
	}
	return all
}

func sameMinor(a, b string) bool {
	x, errX := version.ParseGeneric(a)
	y, errY := version.ParseGeneric(b)
	return errX == nil && errY == nil && x.Major() == y.Major() && x.Minor() == y.Minor()
}

// skippedChecks are those of Cluster API's checks that only save it the trouble to make a Machine twice.
var skippedChecks = strings.Join([]string{
	string(clusterv1.MachineSetPreflightCheckControlPlaneIsStable), string(clusterv1.MachineSetPreflightCheckControlPlaneVersionSkew),
	string(clusterv1.MachineSetPreflightCheckKubeadmVersionSkew),
}, ",")

// unblockReplacements has MachineSets make the replacement of a node that is away, and remediate one that is dead, although the control plane moves.
// Cluster API would wait for the control plane; the control plane, where the storage runs on its nodes too, waits for that node; and neither would end.
func (r *Reconciler) unblockReplacements(ctx context.Context, s *scope) error {
	if s.clusterDeleting() {
		return nil
	}
	sets := &clusterv1.MachineSetList{}
	if err := r.Client.List(ctx, sets, client.InNamespace(s.gate.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: s.cluster.Name}); err != nil {
		return fmt.Errorf("listing MachineSets: %w", err)
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		_, ours := set.Annotations[infrav1.RepaveSkipsPreflightAnnotation]
		_, has := set.Annotations[clusterv1.MachineSetSkipPreflightChecksAnnotation]
		wanted := (s.replacesFor(set) || s.remediatesFor(set)) && s.preflight(set.Spec.Template.Spec.Version, set.Spec.Template.Spec.Bootstrap.ConfigRef.Kind == "KubeadmConfigTemplate", "") != ""
		if wanted == ours || (wanted && has) {
			continue
		}
		if err := r.skipPreflight(ctx, set, wanted); err != nil {
			return err
		}
	}
	return nil
}

// replacesFor tells whether the set is short of a Machine, and a node of its MachineDeployment was let go and is not back.
func (s *scope) replacesFor(set *clusterv1.MachineSet) bool {
	has := 0
	for _, m := range s.machines {
		if metav1.IsControlledBy(m, set) {
			has++
		}
	}
	deployment := set.Labels[clusterv1.MachineDeploymentNameLabel]
	if !set.DeletionTimestamp.IsZero() || deployment == "" || has >= int(ptr.Deref(set.Spec.Replicas, 0)) {
		return false
	}
	return slices.ContainsFunc(s.open(), func(r *infrav1.Repave) bool {
		return r.Labels[clusterv1.MachineDeploymentNameLabel] == deployment && r.Spec.Purpose == infrav1.RepaveReplacement && s.machine(r.Spec.MachineName) == nil
	})
}

// remediatesFor tells whether the set puts the remediation of a dead Machine off while a control plane Machine waits for the gate.
func (s *scope) remediatesFor(set *clusterv1.MachineSet) bool {
	if !set.DeletionTimestamp.IsZero() || !slices.ContainsFunc(s.verdicts, func(v repave.Verdict) bool {
		m := s.machine(v.Machine)
		return !v.Admitted && m != nil && isControlPlane(m)
	}) {
		return false
	}
	return slices.ContainsFunc(s.machines, func(m *clusterv1.Machine) bool {
		return metav1.IsControlledBy(m, set) && m.DeletionTimestamp.IsZero() && s.dead(m) && collections.IsUnhealthyAndOwnerRemediated(m)
	})
}

func (r *Reconciler) skipPreflight(ctx context.Context, set *clusterv1.MachineSet, skip bool) error {
	before := set.DeepCopy()
	if skip {
		metav1.SetMetaDataAnnotation(&set.ObjectMeta, clusterv1.MachineSetSkipPreflightChecksAnnotation, skippedChecks)
		metav1.SetMetaDataAnnotation(&set.ObjectMeta, infrav1.RepaveSkipsPreflightAnnotation, "")
	} else {
		delete(set.Annotations, clusterv1.MachineSetSkipPreflightChecksAnnotation)
		delete(set.Annotations, infrav1.RepaveSkipsPreflightAnnotation)
	}
	if err := r.Client.Patch(ctx, set, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("changing the preflight checks of MachineSet %s: %w", set.Name, err)
	}
	return nil
}
