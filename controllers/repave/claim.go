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
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	capilabels "sigs.k8s.io/cluster-api/util/labels/format"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// claim writes the admission down before anything is done.
func (r *Reconciler) claim(ctx context.Context, s *scope, machine *clusterv1.Machine, v repave.Verdict) (*infrav1.Repave, error) {
	purpose := infrav1.RepaveReplacement
	for i := range s.candidates {
		if s.candidates[i].Machine == machine.Name && s.candidates[i].Purpose == repave.ScaleIn {
			purpose = infrav1.RepaveScaleIn
		}
	}
	claim := &infrav1.Repave{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: machine.Namespace, Name: machine.Name,
			Labels:          map[string]string{clusterv1.ClusterNameLabel: s.cluster.Name, nodeLabel: capilabels.MustFormatValue(nodeName(machine))},
			OwnerReferences: []metav1.OwnerReference{clusterOwner(s.cluster)},
		},
		Spec: infrav1.RepaveSpec{
			GateName: s.gate.Name, ClusterName: s.cluster.Name, MachineName: machine.Name, NodeName: nodeName(machine), Purpose: purpose,
			AdmittedTime: asTime(r.Clock.Now()), AdmittedReason: string(v.Reason), Before: identity(s.report, nodeName(machine)),
		},
	}
	if value, ok := s.gate.Labels[clusterv1.WatchLabel]; ok {
		claim.Labels[clusterv1.WatchLabel] = value
	}
	if value := machine.Labels[clusterv1.MachineDeploymentNameLabel]; value != "" {
		claim.Labels[clusterv1.MachineDeploymentNameLabel] = value
	}
	if o := s.activeOverride(machine); o != nil && v.Reason == repave.Overridden {
		claim.Spec.Override = infrav1.RepaveOverride{Reason: o.Reason, By: o.By, UntilTime: asTime(o.Until)}
	}
	if s.report != nil && s.report.DriveSets > 0 {
		claim.Spec.Before.AllDriveSets = ptr.To(s.report.DriveSets)
	}
	err := r.Client.Create(ctx, claim)
	if apierrors.IsAlreadyExists(err) {
		// An earlier Machine of the same name has a record, which is closed, or it would be this claim.
		if err = r.dropRecord(ctx, s, claim.Name); err == nil {
			err = r.Client.Create(ctx, claim)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("writing down the claim for Machine %s: %w", machine.Name, err)
	}
	s.repaves = append(s.repaves, claim)
	return claim, nil
}

// nodeLabel is on Repaves, to find a node's history.
const nodeLabel = "repave.infrastructure.cluster.x-k8s.io/node"

// activeOverride is the override that lets a Machine go now, nil when there is none.
func (s *scope) activeOverride(machine *clusterv1.Machine) *repave.Override {
	for _, o := range []*repave.Override{machineOverride(machine), override(s.gate.Spec.Override)} {
		if o != nil && s.now.Before(o.Until) {
			return o
		}
	}
	return nil
}

func identity(report *storagehealth.Report, node string) infrav1.StorageIdentity {
	id := infrav1.StorageIdentity{}
	if report == nil {
		return id
	}
	for i := range report.Nodes {
		n := &report.Nodes[i]
		if n.Name != node {
			continue
		}
		id.NodeID, id.Pools, id.DriveSets = n.Identity, n.Pools, n.DriveSets
		if report.Placed {
			id.Volumes = ptr.To(volumesOn(report, int32(i)))
		}
	}
	return id
}

func volumesOn(report *storagehealth.Report, node int32) int32 {
	var n int32
	for i := range report.Volumes {
		for _, replica := range report.Volumes[i].Replicas {
			if replica.Node == node {
				n++
				break
			}
		}
	}
	return n
}

func (r *Reconciler) drop(ctx context.Context, claim *infrav1.Repave) error {
	if err := r.Client.Delete(ctx, claim, client.Preconditions{UID: &claim.UID, ResourceVersion: &claim.ResourceVersion}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("taking back the claim for Machine %s: %w", claim.Spec.MachineName, err)
	}
	return nil
}

// dropRecord deletes the closed record of that name.
func (r *Reconciler) dropRecord(ctx context.Context, s *scope, name string) error {
	for _, record := range s.repaves {
		if record.Name == name && record.Spec.Outcome != "" {
			return client.IgnoreNotFound(r.Client.Delete(ctx, record, client.Preconditions{UID: &record.UID}))
		}
	}
	return errors.New("a Repave of that name belongs to another cluster, or is not seen yet")
}
