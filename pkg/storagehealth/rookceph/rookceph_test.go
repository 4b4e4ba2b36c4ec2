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

package rookceph

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func cephCluster(health, checked string, checks ...string) *unstructured.Unstructured {
	details := map[string]any{}
	for _, name := range checks {
		details[name] = map[string]any{"severity": "HEALTH_WARN", "message": "something about " + strings.ToLower(name)}
	}
	o := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{
		"phase": "Ready", "state": "Created",
		"ceph": map[string]any{"health": health, "lastChecked": checked, "details": details, "fsid": "f51d"},
	}}}
	o.SetGroupVersionKind(clusterKind)
	o.SetNamespace("rook-ceph")
	o.SetName("rook-ceph")
	return o
}

func deployment(app, name, host string, available int64) client.Object {
	o := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"replicas": int64(1), "template": map[string]any{"spec": map[string]any{
			"nodeSelector": map[string]any{"kubernetes.io/hostname": host},
		}}},
		"status": map[string]any{"availableReplicas": available},
	}}
	o.SetGroupVersionKind(deploymentKind)
	o.SetNamespace("rook-ceph")
	o.SetName(name)
	o.SetLabels(map[string]string{"app": app, "ceph-osd-id": strings.TrimPrefix(name, "rook-ceph-osd-"), "topology-location-rack": "r1"})
	return o
}

func probe(t *testing.T, objects ...client.Object) (*storagehealth.Report, error) {
	t.Helper()
	objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1.example", Labels: map[string]string{"kubernetes.io/hostname": "n1"}}})
	return New(workloadtest.New(t, &workloadtest.Services{}, objects...), Options{}, clocktesting.NewFakePassiveClock(now)).Probe(t.Context())
}

func TestHealth(t *testing.T) {
	t.Parallel()
	const yes, no, unknown = storagehealth.Yes, storagehealth.No, storagehealth.Unknown
	fresh := now.Add(-40 * time.Second).Format(time.RFC3339)
	draining := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "rook-ceph", Name: "rook-ceph-pdbstatemap"}, Data: map[string]string{"draining-failure-domain": "n2"},
	}
	settled := draining.DeepCopy()
	settled.Data = map[string]string{"draining-failure-domain": "", "set-no-out": ""}
	tests := map[string]struct {
		cluster          *unstructured.Unstructured
		others           []client.Object
		whole, available storagehealth.Answer
	}{
		"healthy":                          {cephCluster("HEALTH_OK", fresh), nil, yes, yes},
		"healthy, Rook's gate is open":     {cephCluster("HEALTH_OK", fresh), []client.Object{settled}, yes, yes},
		"harmless warnings":                {cephCluster("HEALTH_WARN", fresh, "POOL_APP_NOT_ENABLED", "RECENT_CRASH"), nil, yes, yes},
		"copies are missing":               {cephCluster("HEALTH_WARN", fresh, "PG_DEGRADED", "RECENT_CRASH"), nil, no, yes},
		"flags are set":                    {cephCluster("HEALTH_WARN", fresh, "OSDMAP_FLAGS"), nil, no, yes},
		"a check that nobody knows":        {cephCluster("HEALTH_WARN", fresh, "NEW_IN_U"), nil, no, yes},
		"data cannot be read":              {cephCluster("HEALTH_WARN", fresh, "PG_AVAILABILITY"), nil, no, no},
		"a warning without a name":         {cephCluster("HEALTH_WARN", fresh), nil, unknown, unknown},
		"healthy in spite of its details":  {cephCluster("HEALTH_OK", fresh, "PG_DEGRADED"), nil, no, yes},
		"an error":                         {cephCluster("HEALTH_ERR", fresh, "OSD_FULL"), nil, no, no},
		"no word":                          {cephCluster("", fresh), nil, unknown, unknown},
		"a word that nobody knows":         {cephCluster("HEALTH_FINE", fresh), nil, unknown, unknown},
		"yesterday it was healthy":         {cephCluster("HEALTH_OK", now.Add(-24*time.Hour).Format(time.RFC3339)), nil, unknown, unknown},
		"Rook guards the others":           {cephCluster("HEALTH_OK", fresh), []client.Object{draining}, no, yes},
		"healthy, and an OSD does not run": {cephCluster("HEALTH_OK", fresh), []client.Object{deployment("rook-ceph-osd", "rook-ceph-osd-3", "n1", 0)}, no, yes},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := probe(t, append([]client.Object{tt.cluster}, tt.others...)...)
			if err != nil {
				t.Fatal(err)
			}
			if report.Whole != tt.whole || report.Available != tt.available || (tt.whole != yes && report.Detail == "") || report.Placed {
				t.Errorf("whole %s, available %s (%s); expected %s and %s, and why", report.Whole, report.Available, report.Detail, tt.whole, tt.available)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	second := cephCluster("HEALTH_OK", now.Format(time.RFC3339))
	second.SetName("other")
	for name, objects := range map[string][]client.Object{
		"two clusters":         {cephCluster("HEALTH_OK", now.Format(time.RFC3339)), second},
		"never checked":        {cephCluster("HEALTH_OK", "")},
		"checked at some time": {cephCluster("HEALTH_OK", "at noon")},
	} {
		if report, err := probe(t, objects...); err == nil {
			t.Errorf("%s: the report is %+v, expected an error", name, report)
		}
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	updating := cephCluster("HEALTH_OK", now.Format(time.RFC3339))
	_ = unstructured.SetNestedField(updating.Object, "Progressing", "status", "phase")
	report, err := probe(t, updating,
		deployment("rook-ceph-osd", "rook-ceph-osd-0", "n1", 1), deployment("rook-ceph-osd", "rook-ceph-osd-1", "n1", 0),
		deployment("rook-ceph-mon", "rook-ceph-mon-a", "n1", 1), deployment("rook-ceph-mon", "rook-ceph-mon-b", "n2", 0),
		deployment("rook-ceph-osd", "rook-ceph-osd-2", "n3", 1))
	if err != nil {
		t.Fatal(err)
	}
	if report.Busy == "" {
		t.Error("a CephCluster that is Progressing is not busy")
	}
	want := []struct {
		name          string
		state         storagehealth.NodeState
		pools         string
		member, wells bool
	}{
		{"n1.example", storagehealth.Degraded, "osd.0 osd.1", true, true}, {"n2", storagehealth.Offline, "", true, false},
		{"n3", storagehealth.Online, "osd.2", false, false},
	}
	if len(report.Nodes) != len(want) {
		t.Fatalf("nodes %+v, expected %d", report.Nodes, len(want))
	}
	for i, w := range want {
		n := report.Nodes[i]
		if n.Name != w.name || n.State != w.state || strings.Join(n.Pools, " ") != w.pools || n.QuorumMember != w.member || n.QuorumHealthy != w.wells {
			t.Errorf("node %+v, expected %+v", n, w)
		}
	}
}

func FuzzJudge(f *testing.F) {
	text, _ := json.Marshal(cephCluster("HEALTH_OK", now.Format(time.RFC3339), "PG_DEGRADED").Object)
	f.Add(text)
	f.Add([]byte(`{"status":{"ceph":{"health":"HEALTH_OK","details":[]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o := &unstructured.Unstructured{}
		if json.Unmarshal(text, &o.Object) != nil || o.Object == nil {
			return
		}
		report := &storagehealth.Report{At: now}
		if judge(o, report) != nil {
			return
		}
		if report.Whole == storagehealth.Yes && !strings.Contains(string(text), "HEALTH_") && !strings.Contains(string(text), `\u`) {
			t.Errorf("whole by %s", text)
		}
		if report.Whole != storagehealth.Yes && report.Detail == "" {
			t.Errorf("%s, and not why: %s", report.Whole, text)
		}
	})
}
