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

package provider

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/persist"
)

// TestPersist writes with pkg/persist to a real API server. Somebody else manages the object, so no controller writes to it meanwhile.
func TestPersist(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, 0)
	created := &infrav1.MaasCluster{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.ns, Name: clusterName, Finalizers: []string{"example.com/theirs"},
			Annotations: map[string]string{clusterv1.ManagedByAnnotation: "somebody-else"},
		},
		Spec: infrav1.MaasClusterSpec{
			CredentialsRef: infrav1.CredentialsReference{Name: credentialsName}, Endpoint: infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointExternal},
		},
	}
	w.create(created)
	conditions.Set(created, metav1.Condition{Type: clusterv1.PausedCondition, Status: metav1.ConditionTrue, Reason: clusterv1.PausedReason})
	if err := w.Status().Update(w.ctx, created); err != nil {
		t.Fatal(err)
	}
	versions := &persist.Versions{}
	write := func(m *infrav1.MaasCluster, main, status func()) ctrl.Result {
		t.Helper()
		p := persist.NewPatcher(w, versions, m)
		main()
		result, err := p.Finish(w.ctx, status, ctrl.Result{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	nothing := func() {}
	endpoint := infrav1.APIEndpoint{Host: "172.16.3.10", Port: 6443}

	m := w.maasCluster()
	before := m.ResourceVersion
	write(m, nothing, func() { conditions.Set(m, *conditions.Get(m, clusterv1.PausedCondition)) })
	if got := w.maasCluster().ResourceVersion; got != before {
		t.Errorf("want nothing written where nothing changed, got version %s after %s", got, before)
	}

	ready := func(m *infrav1.MaasCluster) func() {
		return func() {
			m.Status.MAAS.User = "capmaas"
			conditions.Set(m, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: "Waiting",
				ObservedGeneration: m.Generation})
		}
	}
	stale := m.DeepCopy()
	write(m, func() { m.Spec.ControlPlaneEndpoint = endpoint }, ready(m))
	got := w.maasCluster()
	c := conditions.Get(got, infrav1.ReadyCondition)
	if got.Spec.ControlPlaneEndpoint != endpoint || got.Status.MAAS.User != "capmaas" || c == nil || c.ObservedGeneration != got.Generation {
		t.Errorf("want spec and status written, the status about the new generation; got %+v", got)
	}
	if conditions.Get(got, clusterv1.PausedCondition) == nil {
		t.Error("want the condition kept that this writer did not touch")
	}
	if got.ResourceVersion != m.ResourceVersion || !versions.Behind(stale) || versions.Behind(got) {
		t.Errorf("want version %s known as the own write, got %s", got.ResourceVersion, m.ResourceVersion)
	}

	if result := write(stale, func() { stale.Finalizers = append(stale.Finalizers, "example.com/ours") }, nothing); result.RequeueAfter == 0 {
		t.Error("want a write from an old version repeated")
	}
	if got := w.maasCluster(); got.ResourceVersion != m.ResourceVersion {
		t.Errorf("want nothing written from an old version, got %+v", got)
	}

	if err := w.Delete(w.ctx, m.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	m = w.maasCluster()
	left := m.DeepCopy()
	write(m, func() { m.Finalizers = nil }, ready(m))
	if err := w.Get(w.ctx, client.ObjectKeyFromObject(m), &infrav1.MaasCluster{}); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("want the object gone with its last finalizer, got %v", err)
	}
	if result := write(left, nothing, ready(left)); result.RequeueAfter != 0 {
		t.Error("want no repetition for an object that is gone")
	}
}
