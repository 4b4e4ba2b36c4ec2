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

package v1beta2_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func repaveGate(change func(*infrav1.RepaveGate)) client.Object {
	g := &infrav1.RepaveGate{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "RepaveGate"},
		ObjectMeta: metav1.ObjectMeta{Name: "g", Namespace: "default"},
		Spec:       infrav1.RepaveGateSpec{ClusterName: "c", Storage: infrav1.RepaveStorage{Type: infrav1.StoragePortworx}},
	}
	change(g)
	return g
}

func gateCases() []ruleCase {
	storage := func(s infrav1.RepaveStorage) client.Object {
		return repaveGate(func(g *infrav1.RepaveGate) { g.Spec.Storage = s })
	}
	role := func(r infrav1.RepaveRole) client.Object {
		return repaveGate(func(g *infrav1.RepaveGate) { g.Spec.Roles = []infrav1.RepaveRole{r} })
	}
	px := infrav1.PortworxStorage{Mode: infrav1.PortworxLocalDisks}
	ns := infrav1.NamespacedStorage{Namespace: "store"}
	cel := infrav1.CELStorage{APIVersion: "v1", Kind: "ConfigMap", Whole: "true"}
	prom := infrav1.PrometheusStorage{Namespace: "monitoring", Service: "prometheus", Whole: "vector(1)"}
	return []ruleCase{
		{name: "gate on Portworx", after: storage(infrav1.RepaveStorage{Type: infrav1.StoragePortworx, Portworx: px})},
		{name: "gate on Portworx with what is not said", after: repaveGate(func(*infrav1.RepaveGate) {})},
		{name: "Portworx for Longhorn", after: storage(infrav1.RepaveStorage{Type: infrav1.StorageLonghorn, Portworx: px}),
			refused: "storage.portworx is for type Portworx"},
		{name: "Ceph for Longhorn", after: storage(infrav1.RepaveStorage{Type: infrav1.StorageLonghorn, RookCeph: ns}),
			refused: "storage.rookCeph is for type RookCeph"},
		{name: "Longhorn for Ceph", after: storage(infrav1.RepaveStorage{Type: infrav1.StorageRookCeph, Longhorn: ns}),
			refused: "storage.longhorn is for type Longhorn"},
		{name: "CEL without an expression", after: storage(infrav1.RepaveStorage{Type: infrav1.StorageCEL}),
			refused: "set storage.cel when, and only when, type is CEL"},
		{name: "CEL", after: storage(infrav1.RepaveStorage{Type: infrav1.StorageCEL, CEL: cel})},
		{name: "Prometheus without a query", after: storage(infrav1.RepaveStorage{Type: infrav1.StoragePrometheus}),
			refused: "set storage.prometheus when, and only when, type is Prometheus"},
		{name: "Prometheus", after: storage(infrav1.RepaveStorage{Type: infrav1.StoragePrometheus, Prometheus: prom})},
		{name: "budgets of nobody", after: storage(infrav1.RepaveStorage{Type: infrav1.StoragePodDisruptionBudget}),
			refused: "set storage.podDisruptionBudget when, and only when, type is PodDisruptionBudget"},
		{name: "no storage", after: storage(infrav1.RepaveStorage{Type: infrav1.StorageNone})},
		{name: "gate changes its cluster", before: repaveGate(func(*infrav1.RepaveGate) {}),
			after: repaveGate(func(g *infrav1.RepaveGate) { g.Spec.ClusterName = "d" }), refused: "clusterName is immutable: make another RepaveGate"},
		{name: "role of a MachineDeployment", after: role(infrav1.RepaveRole{Name: "vm", Type: infrav1.RepaveRoleMachineDeployment, MachineDeployment: "vm"})},
		{name: "role of a MachineDeployment without its name", after: role(infrav1.RepaveRole{Name: "vm", Type: infrav1.RepaveRoleMachineDeployment}),
			refused: "set machineDeployment when, and only when, type is MachineDeployment"},
	}
}

func repave(change func(*infrav1.Repave)) client.Object {
	r := &infrav1.Repave{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "Repave"},
		ObjectMeta: metav1.ObjectMeta{Name: "m", Namespace: "default"},
		Spec: infrav1.RepaveSpec{GateName: "g", ClusterName: "c", MachineName: "m", NodeName: "n", Purpose: infrav1.RepaveReplacement,
			AdmittedTime: metav1.Time{Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, AdmittedReason: "StorageWhole"},
	}
	change(r)
	return r
}

func repaveCases() []ruleCase {
	changed := func(change func(*infrav1.RepaveSpec), refused string) ruleCase {
		return ruleCase{name: "repave: " + refused, before: repave(func(r *infrav1.Repave) { r.Spec.Outcome = infrav1.RepaveWhole }),
			after: repave(func(r *infrav1.Repave) {
				r.Spec.Outcome = infrav1.RepaveWhole
				change(&r.Spec)
			}), refused: refused}
	}
	return []ruleCase{
		{name: "repave", after: repave(func(*infrav1.Repave) {})},
		{name: "repave is closed", before: repave(func(*infrav1.Repave) {}), after: repave(func(r *infrav1.Repave) { r.Spec.Outcome = infrav1.RepaveWhole })},
		changed(func(s *infrav1.RepaveSpec) { s.GateName = "h" }, "gateName is immutable"),
		changed(func(s *infrav1.RepaveSpec) { s.ClusterName = "d" }, "clusterName is immutable"),
		changed(func(s *infrav1.RepaveSpec) { s.MachineName = "x" }, "machineName is immutable"),
		changed(func(s *infrav1.RepaveSpec) { s.NodeName = "x" }, "nodeName is immutable"),
		changed(func(s *infrav1.RepaveSpec) { s.Outcome = infrav1.RepaveGivenUp }, "outcome is set once"),
	}
}
