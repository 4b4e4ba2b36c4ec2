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
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	intstr "k8s.io/apimachinery/pkg/util/intstr"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
)

// TestStorage makes the prober of each storage, and names the field of what cannot work.
func TestStorage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spec infrav1.RepaveStorage
		want string
	}{
		"Portworx":                   {infrav1.RepaveStorage{Type: infrav1.StoragePortworx}, ""},
		"Portworx, named port":       {infrav1.RepaveStorage{Type: infrav1.StoragePortworx, Portworx: infrav1.PortworxStorage{Port: ptr.To(intstr.FromString("px-rest"))}}, ""},
		"Portworx, another mode":     {infrav1.RepaveStorage{Type: infrav1.StoragePortworx, Portworx: infrav1.PortworxStorage{Mode: "Tape"}}, "spec.storage.portworx.mode"},
		"Portworx, another scheme":   {infrav1.RepaveStorage{Type: infrav1.StoragePortworx, Portworx: infrav1.PortworxStorage{Scheme: "ftp"}}, "spec.storage.portworx.scheme"},
		"Rook-Ceph":                  {infrav1.RepaveStorage{Type: infrav1.StorageRookCeph}, ""},
		"Longhorn":                   {infrav1.RepaveStorage{Type: infrav1.StorageLonghorn}, ""},
		"CEL":                        {infrav1.RepaveStorage{Type: infrav1.StorageCEL, CEL: infrav1.CELStorage{APIVersion: "v1", Kind: "ConfigMap", Whole: "true"}}, ""},
		"CEL that does not compile":  {infrav1.RepaveStorage{Type: infrav1.StorageCEL, CEL: infrav1.CELStorage{APIVersion: "v1", Kind: "ConfigMap", Whole: "object."}}, "spec.storage.cel.whole"},
		"CEL that gives no truth":    {infrav1.RepaveStorage{Type: infrav1.StorageCEL, CEL: infrav1.CELStorage{APIVersion: "v1", Kind: "ConfigMap", Whole: "1"}}, "spec.storage.cel.whole"},
		"Prometheus":                 {infrav1.RepaveStorage{Type: infrav1.StoragePrometheus, Prometheus: infrav1.PrometheusStorage{Namespace: "m", Service: "p", Whole: "1"}}, ""},
		"Prometheus without a query": {infrav1.RepaveStorage{Type: infrav1.StoragePrometheus, Prometheus: infrav1.PrometheusStorage{Namespace: "m", Service: "p"}}, "spec.storage.prometheus.whole"},
		"budgets":                    {infrav1.RepaveStorage{Type: infrav1.StoragePodDisruptionBudget, PodDisruptionBudget: infrav1.PodDisruptionBudgetStorage{Namespace: "s"}}, ""},
		"budgets with a selector that cannot be": {infrav1.RepaveStorage{Type: infrav1.StoragePodDisruptionBudget, PodDisruptionBudget: infrav1.PodDisruptionBudgetStorage{Namespace: "s",
			Selector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}}}, "spec.storage.podDisruptionBudget.selector"},
		"none":    {infrav1.RepaveStorage{Type: infrav1.StorageNone}, ""},
		"another": {infrav1.RepaveStorage{Type: "Floppy"}, "spec.storage.type"},
	}
	cluster := workloadtest.New(t, &workloadtest.Services{})
	make1 := Storage(clocktesting.NewFakePassiveClock(time.Now()))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prober, err := make1(&tt.spec, cluster)
			switch {
			case tt.want == "" && (err != nil || prober == nil):
				t.Errorf("got %v, want a prober", err)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
				t.Errorf("got %v, want an error that names %s", err, tt.want)
			}
		})
	}
}
