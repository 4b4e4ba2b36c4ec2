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

package longhorn

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
)

func object(kindName, name string, spec, status map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec, "status": status}}
	o.SetGroupVersionKind(kind(kindName))
	o.SetNamespace("longhorn-system")
	o.SetName(name)
	return o
}

func longhornNode(name, ready string) client.Object {
	return object("Node", name, map[string]any{"allowScheduling": true}, map[string]any{
		"zone": "z-" + name, "conditions": []any{map[string]any{"type": "Ready", "status": ready, "message": "kubelet is silent"}},
		"diskStatus": map[string]any{"default": map[string]any{
			"diskUUID": "disk-of-" + name, "conditions": []any{map[string]any{"type": "Ready", "status": "True"}},
		}},
	})
}

func volumeObject(state, robustness string, wanted int64) client.Object {
	return object("Volume", "v", map[string]any{"numberOfReplicas": wanted, "accessMode": "rwx"}, map[string]any{
		"state": state, "robustness": robustness, "actualSize": int64(1000), "currentNodeID": "n1",
	})
}

func engine(modes map[string]any, rebuilds map[string]any) client.Object {
	addresses := map[string]any{}
	for name := range modes {
		addresses[name] = "10.0.0.1:" + name
	}
	return object("Engine", "v-e-0", map[string]any{"volumeName": "v", "active": true}, map[string]any{
		"currentState": "running", "replicaModeMap": modes, "currentReplicaAddressMap": addresses, "rebuildStatus": rebuilds,
	})
}

func replicaObject(name, node, healthyAt, failedAt string) client.Object {
	return object("Replica", name, map[string]any{"volumeName": "v", "nodeID": node, "healthyAt": healthyAt, "failedAt": failedAt}, nil)
}

const then = "2026-11-20T00:00:00Z"

func TestProbe(t *testing.T) {
	t.Parallel()
	whole := []client.Object{replicaObject("r1", "n1", then, ""), replicaObject("r2", "n2", then, "")}
	deleted := object("Engine", "v-e-1", map[string]any{"volumeName": "v"}, map[string]any{
		"currentState": "stopped", "replicaModeMap": map[string]any{"r1": "RW", "r2": "RW"},
	})
	rival := object("Engine", "v-e-1", map[string]any{"volumeName": "v"}, map[string]any{
		"currentState": "running", "replicaModeMap": map[string]any{"r1": "RW", "r2": "ERR"},
	})
	tests := map[string]struct {
		objects  []client.Object
		inSync   string
		volumes  int
		progress int32
	}{
		"attached and whole": {
			append(slices.Clone(whole), volumeObject("attached", "healthy", 2), engine(map[string]any{"r1": "RW", "r2": "RW"}, nil)), "n1,n2", 1, -1,
		},
		"attached, one copy is rebuilt": {
			append(slices.Clone(whole), volumeObject("attached", "degraded", 2), engine(map[string]any{"r1": "RW", "r2": "WO"},
				map[string]any{"tcp://10.0.0.1:r2": map[string]any{"isRebuilding": true, "progress": int64(30)}})), "n1", 1, 30,
		},
		"attached, the volume lies": {
			append(slices.Clone(whole), volumeObject("attached", "healthy", 2), engine(map[string]any{"r1": "RW", "r2": "ERR"}, nil)), "n1", 1, -1,
		},
		"attached and no engine":           {append(slices.Clone(whole), volumeObject("attached", "healthy", 2)), "", 1, -1},
		"attached, the engine has stopped": {append(slices.Clone(whole), volumeObject("attached", "healthy", 2), deleted), "", 1, -1},
		"attached, two engines disagree": {
			append(slices.Clone(whole), volumeObject("attached", "healthy", 2), engine(map[string]any{"r1": "RW", "r2": "RW"}, nil), rival), "n1", 1, -1,
		},
		"detached and whole": {append(slices.Clone(whole), volumeObject("detached", "unknown", 2)), "n1,n2", 1, -1},
		"detached, one copy failed": {
			[]client.Object{volumeObject("detached", "unknown", 2), replicaObject("r1", "n1", then, ""), replicaObject("r2", "n2", then, then)}, "n1", 1, -1,
		},
		"detached, one copy was never complete": {
			[]client.Object{volumeObject("detached", "unknown", 2), replicaObject("r1", "n1", then, ""), replicaObject("r2", "n2", "", "")}, "n1", 1, -1,
		},
		"a copy on a node that is gone": {
			[]client.Object{volumeObject("detached", "unknown", 2), replicaObject("r1", "n1", then, ""), replicaObject("r2", "n9", then, "")}, "n1,n9", 1, -1,
		},
		"a copy without a place": {
			[]client.Object{volumeObject("detached", "unknown", 2), replicaObject("r1", "n1", then, ""), replicaObject("r2", "", then, "")}, "n1", 1, -1,
		},
		"two copies on one node": {
			[]client.Object{volumeObject("detached", "unknown", 2), replicaObject("r1", "n1", then, ""), replicaObject("r2", "n1", then, "")}, "n1", 1, -1,
		},
		"never written to": {
			[]client.Object{
				object("Volume", "v", map[string]any{"numberOfReplicas": int64(2)}, map[string]any{"state": "detached", "robustness": "unknown"}),
				replicaObject("r1", "n1", "", ""),
			}, "", 0, -1,
		},
		"no word about anything": {[]client.Object{object("Volume", "v", nil, nil), replicaObject("r1", "n1", "", "")}, "", 1, -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := append([]client.Object{longhornNode("n1", "True"), longhornNode("n2", "True")}, tt.objects...)
			prober := New(workloadtest.New(t, &workloadtest.Services{}, objects...), Options{}, clocktesting.NewFakePassiveClock(time.Unix(1e9, 0)))
			report, err := prober.Probe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Volumes) != tt.volumes || report.Progress != tt.progress || !report.Placed {
				t.Fatalf("the report is %+v; expected %d volumes and progress %d", report, tt.volumes, tt.progress)
			}
			if got := inSync(report); got != tt.inSync {
				t.Errorf("copies in sync: %q, expected %q", got, tt.inSync)
			}
		})
	}
}

func inSync(report *storagehealth.Report) string {
	var names []string
	for i := range report.Volumes {
		for _, r := range report.Volumes[i].Replicas {
			if r.InSync {
				names = append(names, report.Nodes[r.Node].Name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func TestNodes(t *testing.T) {
	t.Parallel()
	cluster := workloadtest.New(t, &workloadtest.Services{}, longhornNode("n1", "True"), longhornNode("n2", "False"), longhornNode("n3", "Unknown"),
		object("Node", "n4", nil, nil), volumeObject("attached", "healthy", 1))
	report, err := New(cluster, Options{}, clocktesting.NewFakePassiveClock(time.Unix(1e9, 0))).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []storagehealth.NodeState{storagehealth.Online, storagehealth.Offline, storagehealth.StateUnknown, storagehealth.StateUnknown}
	for i, n := range report.Nodes {
		if n.State != want[i] || (n.State != storagehealth.Online && n.Detail == "") {
			t.Errorf("%s is %s (%s), expected %s with a detail", n.Name, n.State, n.Detail, want[i])
		}
	}
	if n := report.Nodes[0]; n.Servers != 1 || n.Domain != "z-n1" || !slices.Equal(n.Pools, []string{"disk-of-n1"}) {
		t.Errorf("n1 is %+v, expected its zone, its disk and one served volume", n)
	}
	empty := workloadtest.New(t, &workloadtest.Services{}, volumeObject("attached", "healthy", 1))
	if report, err := New(empty, Options{Namespace: "elsewhere"}, clocktesting.NewFakePassiveClock(time.Unix(1e9, 0))).Probe(t.Context()); err == nil {
		t.Errorf("without a Longhorn the report is %+v, expected an error", report)
	}
}

// FuzzView gives the reader any objects: a copy counts only if somebody said that it was complete.
func FuzzView(f *testing.F) {
	for _, o := range []client.Object{volumeObject("attached", "healthy", 2), engine(map[string]any{"r1": "RW"}, nil), replicaObject("r1", "n1", then, "")} {
		text, _ := json.Marshal(o.(*unstructured.Unstructured).Object)
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		v := newView()
		v.addNode(longhornNode("n1", "True").(*unstructured.Unstructured))
		for _, text := range [][]byte{first, second} {
			o := &unstructured.Unstructured{}
			if json.Unmarshal(text, &o.Object) != nil || o.Object == nil {
				return
			}
			v.addNode(o)
			v.addVolume(o)
			v.addEngine(o)
			v.addReplica(o)
		}
		report := &storagehealth.Report{}
		v.finish(report)
		for i := range report.Volumes {
			for _, r := range report.Volumes[i].Replicas {
				if int(r.Node) >= len(report.Nodes) || r.Node < 0 {
					t.Fatalf("a copy on node %d of %d", r.Node, len(report.Nodes))
				}
				if r.InSync && !strings.Contains(string(first)+string(second), "ealthyAt") && !strings.Contains(string(first)+string(second), `\u`) {
					t.Errorf("in sync by %s and %s", first, second)
				}
			}
		}
	})
}
