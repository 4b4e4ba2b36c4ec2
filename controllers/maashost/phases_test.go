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

package maashost

import (
	"testing"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// TestOwnersComeBack: whatever a restore from a backup or a careless hand has left of a lease's owners, both are there again, and no one else's are lost.
func TestOwnersComeBack(t *testing.T) {
	t.Parallel()
	cluster := &infrav1.MaasCluster{ObjectMeta: metav1.ObjectMeta{Name: "c", UID: "c-uid"}}
	pool := &infrav1.MaasHostPool{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "p-uid"}}
	current := infrav1.GroupVersion.String()
	ofCluster := metav1.OwnerReference{APIVersion: current, Kind: "MaasCluster", Name: "c", UID: "c-uid"}
	ofPool := metav1.OwnerReference{APIVersion: current, Kind: "MaasHostPool", Name: "p", UID: "p-uid"}
	other := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "o", UID: "o-uid"}
	old, former := ofPool, ofCluster
	old.APIVersion, former.UID = infrav1.GroupVersion.Group+"/v1alpha1", "c-uid-before"
	type owners = []metav1.OwnerReference
	for _, tt := range []struct {
		name    string
		owners  owners
		cluster *infrav1.MaasCluster
		pool    *infrav1.MaasHostPool
		want    owners
	}{
		{"complete", owners{ofCluster, ofPool}, cluster, pool, owners{ofCluster, ofPool}},
		{"all lost", nil, cluster, pool, owners{ofCluster, ofPool}},
		{"pool lost", owners{ofCluster}, cluster, pool, owners{ofCluster, ofPool}},
		{"cluster lost", owners{ofPool}, cluster, pool, owners{ofPool, ofCluster}},
		{"an empty lease has no cluster", nil, nil, pool, owners{ofPool}},
		{"a machine without a pool", nil, cluster, nil, owners{ofCluster}},
		{"nobody is known", owners{ofCluster}, nil, nil, owners{ofCluster}},
		{"of an older API version", owners{ofCluster, old}, cluster, pool, owners{ofCluster, ofPool}},
		{"restored under another UID", owners{former, ofPool}, cluster, pool, owners{ofCluster, ofPool}},
		{"somebody else's", owners{other, ofCluster}, cluster, pool, owners{other, ofCluster, ofPool}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := ownersOf(tt.owners, tt.cluster, tt.pool); !apiequality.Semantic.DeepEqual(got, tt.want) {
				t.Errorf("got owners %v, want %v", got, tt.want)
			}
		})
	}
}
