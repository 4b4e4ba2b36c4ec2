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

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
)

// machineSet is a set of Machines of which one replaces another: a MachineDeployment's, or the control plane's.
type machineSet struct {
	wanted  int
	staying int
	leaving []repave.Leaving
}

// setOf names the set of a Machine, or of the Machine of a Repave, "" for one that stands alone and is not replaced.
func setOf(o client.Object) string {
	labels := o.GetLabels()
	_, controlPlane := labels[clusterv1.MachineControlPlaneLabel]
	switch {
	case controlPlane:
		return "control plane"
	case labels[clusterv1.MachineDeploymentNameLabel] != "":
		return "MachineDeployment/" + labels[clusterv1.MachineDeploymentNameLabel]
	case labels[clusterv1.MachineSetNameLabel] != "":
		return "MachineSet/" + labels[clusterv1.MachineSetNameLabel]
	}
	return ""
}

// readSets reads how many Machines each set is to have.
func (r *Reconciler) readSets(ctx context.Context, s *scope) error {
	s.sets = map[string]*machineSet{}
	for _, m := range s.machines {
		name := setOf(m)
		if s.sets[name] == nil {
			wanted, err := r.wanted(ctx, s, m)
			if err != nil {
				return err
			}
			s.sets[name] = &machineSet{wanted: wanted}
		}
		set := s.sets[name]
		if m.DeletionTimestamp.IsZero() && !s.bypassed(m) {
			set.staying++
			continue
		}
		since := s.now
		if !m.DeletionTimestamp.IsZero() {
			since = m.DeletionTimestamp.Time
		}
		set.leaving = append(set.leaving, repave.Leaving{Machine: m.Name, Since: since, Open: s.openOf(m.Name) != nil})
	}
	return nil
}

func (r *Reconciler) wanted(ctx context.Context, s *scope, m *clusterv1.Machine) (int, error) {
	var err error
	var replicas *int32
	switch {
	case isControlPlane(m):
		if s.controlPlane == nil {
			return 0, nil
		}
		n, _, _ := unstructured.NestedInt64(s.controlPlane.Object, "spec", "replicas")
		return int(n), nil
	case m.Labels[clusterv1.MachineDeploymentNameLabel] != "":
		if md := s.deployments[m.Labels[clusterv1.MachineDeploymentNameLabel]]; md != nil && md.DeletionTimestamp.IsZero() {
			replicas = md.Spec.Replicas
		}
	case m.Labels[clusterv1.MachineSetNameLabel] != "":
		ms := &clusterv1.MachineSet{}
		err = r.Client.Get(ctx, client.ObjectKey{Namespace: m.Namespace, Name: m.Labels[clusterv1.MachineSetNameLabel]}, ms)
		replicas = ms.Spec.Replicas
	}
	if client.IgnoreNotFound(err) != nil {
		return 0, fmt.Errorf("getting the set of Machine %s: %w", m.Name, err)
	}
	return int(ptr.Deref(replicas, 0)), nil
}

// purposes tells for every Machine that leaves whether another takes its place.
func (r *Reconciler) purposes(s *scope) map[string]repave.Purpose {
	all := map[string]repave.Purpose{}
	for name, set := range s.sets {
		wanted := set.wanted
		if name == "" {
			wanted = 0
		}
		for machine, purpose := range repave.Purposes(wanted, set.staying, set.leaving) {
			all[machine] = purpose
		}
	}
	return all
}
