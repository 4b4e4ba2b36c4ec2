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

// Package longhorn reads Longhorn from its own objects: the replicas that the engines of attached volumes read and write, and what the replicas of the
// others say of themselves. A volume's robustness is not asked: it is unknown for every volume that is not attached.
package longhorn

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/internal/objects"
)

// DefaultNamespace is Longhorn's.
const DefaultNamespace = "longhorn-system"

func kind(name string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "longhorn.io", Version: "v1beta2", Kind: name}
}

// Options say where Longhorn is.
type Options struct {
	// Namespace it runs in; DefaultNamespace when empty.
	Namespace string
}

// Prober reads one Longhorn.
type Prober struct {
	reader    client.Reader
	namespace string
	clock     clock.PassiveClock
}

var _ storagehealth.Prober = (*Prober)(nil)

// New makes a Prober.
func New(reader client.Reader, options Options, clk clock.PassiveClock) *Prober {
	return &Prober{reader: reader, namespace: cmp.Or(options.Namespace, DefaultNamespace), clock: clk}
}

// Probe implements storagehealth.Prober. Volumes are read before replicas: a copy that vanishes in between is missed, never believed.
func (p *Prober) Probe(ctx context.Context) (*storagehealth.Report, error) {
	report := &storagehealth.Report{At: p.clock.Now(), Locality: storagehealth.Local, Placed: true}
	v := newView()
	for _, one := range []struct {
		kind  string
		visit func(*unstructured.Unstructured)
	}{{"Node", v.addNode}, {"Volume", v.addVolume}, {"Engine", v.addEngine}, {"Replica", v.addReplica}} {
		err := objects.Each(ctx, p.reader, kind(one.kind), p.namespace, func(o *unstructured.Unstructured) error {
			one.visit(o)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(v.nodes) == 0 {
		return nil, errors.New("Longhorn has no Node in namespace " + p.namespace + " (spec.storage.longhorn.namespace)")
	}
	v.finish(report)
	return report, nil
}

// Confirm implements storagehealth.Prober.
func (p *Prober) Confirm(context.Context, []string, []string) (map[string]string, error) {
	return nil, nil
}

// view collects the objects.
type view struct {
	nodes   []storagehealth.Node
	index   map[string]int32
	volumes map[string]*volume
	names   []string
}

// volume is what is known of a volume.
type volume struct {
	wanted   int32
	attached bool
	// moving is true while it is being attached or detached, so that neither account alone is right.
	moving   bool
	size     int64
	servedOn string
	// running is true when an engine says what it reads and writes; modes is what it says, by replica.
	running  bool
	modes    map[string]string
	progress map[string]int64
	replicas []replica
	// used is true once any copy was ever complete.
	used bool
}

type replica struct {
	name, node string
	// complete is what the replica says of itself.
	complete bool
}

func newView() *view { return &view{index: map[string]int32{}, volumes: map[string]*volume{}} }

func (v *view) addNode(o *unstructured.Unstructured) {
	n := storagehealth.Node{
		Name: o.GetName(), Identity: o.GetName(), Domain: objects.String(o.Object, "status", "zone"), State: storagehealth.StateUnknown,
		Detail: "it does not say that it is ready",
	}
	ready := objects.Condition(objects.Slice(o.Object, "status", "conditions"), "Ready")
	switch {
	case ready == nil:
	case ready["status"] == "True":
		n.State, n.Detail = storagehealth.Online, ""
	case ready["status"] == "False":
		n.State, n.Detail = storagehealth.Offline, objects.String(ready, "message")
	}
	for name := range objects.Map(o.Object, "status", "diskStatus") {
		disk := objects.Map(o.Object, "status", "diskStatus", name)
		if id := objects.String(disk, "diskUUID"); id != "" {
			n.Pools = append(n.Pools, id)
		}
		if state := objects.Condition(objects.Slice(disk, "conditions"), "Ready"); n.State == storagehealth.Online && (state == nil || state["status"] != "True") {
			n.State, n.Detail = storagehealth.Degraded, "disk "+name+" is not ready"
		}
	}
	slices.Sort(n.Pools)
	if objects.Bool(o.Object, "spec", "evictionRequested") && n.Detail == "" {
		n.Detail = "its replicas are being evicted"
	}
	v.add(n)
}

func (v *view) add(n storagehealth.Node) int32 {
	i := int32(len(v.nodes))
	v.index[n.Name] = i
	v.nodes = append(v.nodes, n)
	return i
}

func (v *view) addVolume(o *unstructured.Unstructured) {
	wanted, _ := objects.Int(o.Object, "spec", "numberOfReplicas")
	one := &volume{wanted: int32(min(max(wanted, 1), 100)), modes: map[string]string{}, progress: map[string]int64{}}
	switch objects.String(o.Object, "status", "state") {
	case "attached":
		one.attached = true
	case "detached":
	default:
		one.moving = true
	}
	one.size, _ = objects.Int(o.Object, "status", "actualSize")
	one.size = min(max(one.size, 0), 1<<50)
	if objects.String(o.Object, "spec", "accessMode") == "rwx" && one.attached {
		one.servedOn = objects.String(o.Object, "status", "currentNodeID")
	}
	v.volumes[o.GetName()] = one
	v.names = append(v.names, o.GetName())
}

// addEngine takes the account of the engine that runs. While a volume moves live there are two, and the account of the active one counts.
func (v *view) addEngine(o *unstructured.Unstructured) {
	one := v.volumes[objects.String(o.Object, "spec", "volumeName")]
	active, stated := objects.Map(o.Object, "spec")["active"].(bool)
	if one == nil || (stated && !active) || objects.String(o.Object, "status", "currentState") != "running" || !o.GetDeletionTimestamp().IsZero() {
		return
	}
	second := one.running
	one.running = true
	modes := map[string]string{}
	for name := range objects.Map(o.Object, "status", "replicaModeMap") {
		mode := objects.String(o.Object, "status", "replicaModeMap", name)
		if second && one.modes[name] != mode {
			// Two engines that both claim to be the one: only what both say counts.
			mode = ""
		}
		modes[name] = mode
	}
	one.modes = modes
	byAddress := objects.Map(o.Object, "status", "rebuildStatus")
	for name := range objects.Map(o.Object, "status", "currentReplicaAddressMap") {
		address := objects.String(o.Object, "status", "currentReplicaAddressMap", name)
		for key := range byAddress {
			status, _ := byAddress[key].(map[string]any)
			if strings.TrimPrefix(key, "tcp://") != address || !objects.Bool(status, "isRebuilding") {
				continue
			}
			percent, _ := objects.Int(status, "progress")
			one.progress[name] = min(max(percent, 0), 100)
		}
	}
}

func (v *view) addReplica(o *unstructured.Unstructured) {
	one := v.volumes[objects.String(o.Object, "spec", "volumeName")]
	if one == nil {
		return
	}
	healthy, failed := objects.String(o.Object, "spec", "healthyAt"), objects.String(o.Object, "spec", "failedAt")
	if healthy != "" || failed != "" || objects.String(o.Object, "spec", "lastHealthyAt") != "" {
		one.used = true
	}
	if active, stated := objects.Map(o.Object, "spec")["active"].(bool); stated && !active {
		// The other face, during a live migration, of a copy that is there already.
		return
	}
	node := objects.String(o.Object, "spec", "nodeID")
	if node == "" {
		return
	}
	one.replicas = append(one.replicas, replica{
		name: o.GetName(), node: node, complete: healthy != "" && failed == "" && o.GetDeletionTimestamp().IsZero(),
	})
}

// inSync tells whether a copy is complete and current: for an attached volume its engine has to read and write it, and in every case the copy itself has
// to have been complete and not have failed since.
func (one *volume) inSync(r replica) bool {
	switch {
	case !r.complete:
		return false
	case one.attached:
		return one.running && one.modes[r.name] == "RW"
	case one.running:
		mode, known := one.modes[r.name]
		return !known || mode == "RW"
	}
	return true
}

func (v *view) finish(report *storagehealth.Report) {
	slices.Sort(v.names)
	var pending, total int64
	for _, name := range v.names {
		one := v.volumes[name]
		if i, ok := v.index[one.servedOn]; ok {
			v.nodes[i].Servers++
		}
		if !one.used && !one.attached && !one.moving && one.size == 0 {
			// Nothing was ever written to it.
			continue
		}
		made := storagehealth.Volume{Name: name, Wanted: one.wanted, Quorum: 1, Replicas: make([]storagehealth.Replica, 0, len(one.replicas))}
		slices.SortFunc(one.replicas, func(a, b replica) int { return strings.Compare(a.name, b.name) })
		for _, r := range one.replicas {
			i, ok := v.index[r.node]
			if !ok {
				i = v.add(storagehealth.Node{
					Name: r.node, State: storagehealth.StateUnknown, Detail: "volumes have copies there and Longhorn does not list it",
				})
			}
			inSync := one.inSync(r)
			made.Replicas = append(made.Replicas, storagehealth.Replica{Node: i, InSync: inSync})
			if percent, rebuilds := one.progress[r.name]; rebuilds && !inSync {
				made.PendingBytes += one.size / 100 * (100 - percent)
				pending, total = pending+100-percent, total+100
			}
		}
		distinctNodes(&made)
		report.Volumes = append(report.Volumes, made)
	}
	report.Nodes, report.Progress = v.nodes, -1
	if total > 0 {
		report.Progress = int32(100 - pending*100/total)
	}
}

// distinctNodes counts copies on the same node as one: they go together.
func distinctNodes(v *storagehealth.Volume) {
	seen := map[int32]int{}
	out := v.Replicas[:0]
	for _, r := range v.Replicas {
		if at, ok := seen[r.Node]; ok {
			out[at].InSync = out[at].InSync || r.InSync
			continue
		}
		seen[r.Node] = len(out)
		out = append(out, r)
	}
	v.Replicas = out
}
