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

package maascluster

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// clusterWithSet is a Cluster that means an addon set, or none.
func clusterWithSet(name, set, kind string) *clusterv1.Cluster {
	c := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name}}
	if set != "" {
		c.Labels = map[string]string{infrav1.AddonSetLabel: set}
	}
	c.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: kind, Name: name + "-infra"}
	return c
}

func TestAddonWatchWakesTheClustersOfASet(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := clusterv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		clusterWithSet("vmo", "vmo", "MaasCluster"), clusterWithSet("other", "other", "MaasCluster"),
		clusterWithSet("foreign", "foreign", "MetalCluster"), clusterWithSet("bare", "", "MaasCluster")).Build()}
	handlers := map[string]handler.EventHandler{}
	fail := true
	r.addonWatch.start = func(kind *metav1.PartialObjectMetadata, h handler.EventHandler) error {
		if fail {
			return errors.New("no")
		}
		if handlers[kind.Kind] != nil {
			t.Errorf("%s is watched twice", kind.Kind)
		}
		handlers[kind.Kind] = h
		return nil
	}
	if r.ensureAddonWatch() == nil {
		t.Error("a watch that does not start is an error")
	}
	fail = false
	for range 2 {
		if err := r.ensureAddonWatch(); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct{ kind, label, value, want string }{
		"chart of the set":            {"HelmChartProxy", infrav1.AddonSetLabel, "vmo", "vmo-infra"},
		"chart of no set":             {"HelmChartProxy", "app", "vmo", ""},
		"chart of a set of nobody's":  {"HelmChartProxy", infrav1.AddonSetLabel, "gone", ""},
		"chart for another provider":  {"HelmChartProxy", infrav1.AddonSetLabel, "foreign", ""},
		"release of the cluster":      {"HelmReleaseProxy", clusterv1.ClusterNameLabel, "vmo", "vmo-infra"},
		"release of a cluster gone":   {"HelmReleaseProxy", clusterv1.ClusterNameLabel, "gone", ""},
		"release without a set":       {"HelmReleaseProxy", clusterv1.ClusterNameLabel, "bare", ""},
		"release without a cluster":   {"HelmReleaseProxy", "app", "vmo", ""},
		"release of another provider": {"HelmReleaseProxy", clusterv1.ClusterNameLabel, "foreign", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "x", Labels: map[string]string{test.label: test.value}}}
			q := &queueOfTest{}
			handlers[test.kind].Create(context.Background(), event.TypedCreateEvent[client.Object]{Object: o}, q)
			handlers[test.kind].Update(context.Background(), event.TypedUpdateEvent[client.Object]{ObjectOld: o, ObjectNew: o}, q)
			handlers[test.kind].Delete(context.Background(), event.TypedDeleteEvent[client.Object]{Object: o}, q)
			if test.want == "" {
				if len(q.names) != 0 {
					t.Errorf("woke %v, want nobody", q.names)
				}
				return
			}
			if len(q.names) != 3 || q.names[0] != test.want || q.names[2] != test.want {
				t.Errorf("woke %v, want %s at each of three events", q.names, test.want)
			}
		})
	}
}

// queueOfTest notes whom it is asked to wake later.
type queueOfTest struct {
	workqueue.TypedRateLimitingInterface[ctrl.Request]
	names []string
}

func (q *queueOfTest) AddAfter(r ctrl.Request, after time.Duration) {
	if after == addonsSettle {
		q.names = append(q.names, r.Name)
	}
}
