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

// Package rookceph judges a Ceph that Rook runs by what Rook writes into Kubernetes: the CephCluster with Ceph's named health checks, the state of Rook's
// own disruption budgets, and the Deployments of OSDs and monitors. Where the placement groups lie is not there, so it answers for all data at once.
package rookceph

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/internal/objects"
)

// DefaultNamespace is Rook's.
const DefaultNamespace = "rook-ceph"

// The kinds that are read.
var (
	clusterKind    = schema.GroupVersionKind{Group: "ceph.rook.io", Version: "v1", Kind: "CephCluster"}
	deploymentKind = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	nodeKind       = schema.GroupVersionKind{Version: "v1", Kind: "Node"}
)

// Options say where Rook is.
type Options struct {
	// Namespace of the CephCluster; DefaultNamespace when empty.
	Namespace string
}

// Prober reads one CephCluster.
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

// Probe implements storagehealth.Prober.
func (p *Prober) Probe(ctx context.Context) (*storagehealth.Report, error) {
	report := &storagehealth.Report{At: p.clock.Now(), Locality: storagehealth.Local, Progress: -1}
	var clusters []*unstructured.Unstructured
	err := objects.Each(ctx, p.reader, clusterKind, p.namespace, func(o *unstructured.Unstructured) error {
		clusters = append(clusters, o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(clusters) != 1 {
		return nil, fmt.Errorf("there are %d CephClusters in namespace %s and there has to be one (spec.storage.rookCeph.namespace)", len(clusters), p.namespace)
	}
	if err := judge(clusters[0], report); err != nil {
		return nil, err
	}
	if err := p.readDraining(ctx, report); err != nil {
		return nil, err
	}
	if report.Nodes, err = p.readNodes(ctx, objects.String(clusters[0].Object, "status", "ceph", "fsid")); err != nil {
		return nil, err
	}
	judgeNodes(report)
	return report, nil
}

// Confirm implements storagehealth.Prober.
func (p *Prober) Confirm(context.Context, []string, []string) (map[string]string, error) {
	return nil, nil
}

// harmless are Ceph's health checks that say nothing about copies of data. Every other one holds, also one that later versions bring.
var harmless = []string{
	"AUTH_INSECURE_GLOBAL_ID_RECLAIM", "AUTH_INSECURE_GLOBAL_ID_RECLAIM_ALLOWED", "BLUESTORE_SLOW_OP_ALERT", "DASHBOARD_DEBUG", "LARGE_OMAP_OBJECTS",
	"MGR_MODULE_DEPENDENCY", "MGR_MODULE_ERROR", "OSD_UPGRADE_FINISHED", "PG_NOT_DEEP_SCRUBBED", "PG_NOT_SCRUBBED", "POOL_APP_NOT_ENABLED",
	"POOL_PG_NUM_NOT_POWER_OF_TWO", "POOL_TOO_FEW_PGS", "POOL_TOO_MANY_PGS", "RECENT_CRASH", "RECENT_MGR_MODULE_CRASH", "TELEMETRY_CHANGED",
	"TOO_FEW_PGS", "TOO_MANY_PGS",
}

// unavailable are the checks that say that some data cannot be read now.
var unavailable = []string{"PG_AVAILABILITY", "OBJECT_UNFOUND", "PG_DAMAGED", "OSD_FULL", "POOL_FULL", "MON_DISK_CRIT"}

// judge reads what Ceph says of itself, by the names of its checks: HEALTH_WARN is common for harmless reasons, and a HEALTH_OK can be of
// yesterday, so that what counts is when it was checked.
func judge(cluster *unstructured.Unstructured, report *storagehealth.Report) error {
	if !cluster.GetDeletionTimestamp().IsZero() {
		report.Busy = "the CephCluster is being deleted"
	} else if phase := objects.String(cluster.Object, "status", "phase"); phase != "Ready" {
		report.Busy = fmt.Sprintf("Rook says that the CephCluster is %q", phase)
	}
	ceph := objects.Map(cluster.Object, "status", "ceph")
	checked, err := time.Parse(time.RFC3339, objects.String(ceph, "lastChecked"))
	if err != nil {
		return fmt.Errorf("CephCluster %s does not say when Ceph was last checked: %w", cluster.GetName(), err)
	}
	if report.At.Sub(checked) > 2*pollInterval(cluster) {
		// The gate says how old it is.
		report.At, report.Whole, report.Available = checked, storagehealth.Unknown, storagehealth.Unknown
		report.Detail = "Rook has not asked Ceph since " + checked.UTC().Format(time.RFC3339)
		return nil
	}
	judgeHealth(objects.String(ceph, "health"), objects.Map(ceph, "details"), report)
	return nil
}

// judgeHealth judges by the names of the checks.
func judgeHealth(health string, details map[string]any, report *storagehealth.Report) {
	var serious, lost []string
	for name := range details {
		if slices.Contains(unavailable, name) {
			lost = append(lost, name)
		}
		if !slices.Contains(harmless, name) {
			serious = append(serious, say(name, objects.String(details, name, "message")))
		}
	}
	slices.Sort(serious)
	report.Whole, report.Available, report.Detail = storagehealth.Unknown, storagehealth.Unknown, fmt.Sprintf("Ceph says %q", health)
	switch {
	case health == "HEALTH_ERR":
		report.Whole, report.Available = storagehealth.No, storagehealth.No
	case health == "HEALTH_WARN" && len(details) == 0:
		report.Detail = "Ceph says HEALTH_WARN and not why"
	case health == "HEALTH_WARN" || health == "HEALTH_OK":
		report.Whole, report.Available = storagehealth.Yes, storagehealth.Yes
		if len(serious) > 0 {
			report.Whole = storagehealth.No
		}
		if len(lost) > 0 {
			report.Available = storagehealth.No
		}
	}
	if len(serious) > 0 {
		report.Detail = objects.Shortened(serious)
	} else if report.Whole == storagehealth.Yes {
		report.Detail = ""
	}
}

// pollInterval is how often Rook asks Ceph. An answer of the last two rounds is as fresh as any that Rook gives; what went since shows at the Deployments.
func pollInterval(cluster *unstructured.Unstructured) time.Duration {
	const standard, most = time.Minute, 5 * time.Minute
	interval, err := time.ParseDuration(objects.String(cluster.Object, "spec", "healthCheck", "daemonHealth", "status", "interval"))
	if err != nil || interval <= 0 {
		return standard
	}
	return min(max(interval, standard/2), most)
}

func say(name, message string) string {
	if message == "" {
		return name
	}
	return name + ": " + message
}

// drainState is the ConfigMap in which Rook remembers that it guards the other failure domains while one is drained.
const drainState = "rook-ceph-pdbstatemap"

// readDraining asks Rook's own gate. Without managed disruption budgets there is none.
func (p *Prober) readDraining(ctx context.Context, report *storagehealth.Report) error {
	state := &corev1.ConfigMap{}
	err := p.reader.Get(ctx, client.ObjectKey{Namespace: p.namespace, Name: drainState}, state)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("getting ConfigMap %s/%s: %w", p.namespace, drainState, err)
	}
	if domain := state.Data["draining-failure-domain"]; domain != "" {
		report.Whole = storagehealth.No
		report.Detail = strings.TrimSuffix(fmt.Sprintf("Rook guards the others while failure domain %s is away; %s", domain, report.Detail), "; ")
	}
	return nil
}

// readNodes finds the nodes by the Deployments that Rook ties to them.
func (p *Prober) readNodes(ctx context.Context, fsid string) ([]storagehealth.Node, error) {
	names, err := p.hostnames(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*tally{}
	for _, app := range []string{"rook-ceph-osd", "rook-ceph-mon"} {
		err := objects.Each(ctx, p.reader, deploymentKind, p.namespace, func(o *unstructured.Unstructured) error {
			host := objects.String(o.Object, "spec", "template", "spec", "nodeSelector", corev1.LabelHostname)
			if host == "" {
				// It can run anywhere.
				return nil
			}
			name := cmp.Or(names[host], host)
			if byName[name] == nil {
				byName[name] = &tally{}
			}
			byName[name].add(o, app)
			return nil
		}, client.MatchingLabels{"app": app})
		if err != nil {
			return nil, err
		}
	}
	nodes := make([]storagehealth.Node, 0, len(byName))
	for name, t := range byName {
		nodes = append(nodes, t.node(name, fsid))
	}
	slices.SortFunc(nodes, func(a, b storagehealth.Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes, nil
}

// hostnames finds the names of Nodes by their label, which is what Rook goes by.
func (p *Prober) hostnames(ctx context.Context) (map[string]string, error) {
	names := map[string]string{}
	return names, objects.Each(ctx, p.reader, nodeKind, "", func(o *unstructured.Unstructured) error {
		if host := o.GetLabels()[corev1.LabelHostname]; host != "" {
			names[host] = o.GetName()
		}
		return nil
	})
}

// tally counts what Rook runs on a node.
type tally struct {
	domain            string
	osds, up          int
	pools, down       []string
	monitor, quorumOK bool
}

func (t *tally) add(o *unstructured.Unstructured, app string) {
	available, _ := objects.Int(o.Object, "status", "availableReplicas")
	wanted, stated := objects.Int(o.Object, "spec", "replicas")
	runs := available > 0 && (!stated || wanted > 0)
	if app == "rook-ceph-mon" {
		t.monitor, t.quorumOK = true, runs
		return
	}
	labels := o.GetLabels()
	t.domain = cmp.Or(t.domain, labels["topology-location-rack"], labels["topology-location-zone"])
	osd := "osd." + cmp.Or(labels["ceph-osd-id"], strings.TrimPrefix(o.GetName(), "rook-ceph-osd-"))
	t.osds++
	t.pools = append(t.pools, osd)
	if runs {
		t.up++
	} else {
		t.down = append(t.down, osd)
	}
}

func (t *tally) node(name, fsid string) storagehealth.Node {
	slices.Sort(t.pools)
	slices.Sort(t.down)
	n := storagehealth.Node{
		Name: name, Domain: t.domain, Identity: fsid, Pools: t.pools, State: storagehealth.Online, QuorumMember: t.monitor, QuorumHealthy: t.quorumOK,
	}
	switch {
	case t.osds == 0 && !t.quorumOK, t.osds > 0 && t.up == 0:
		n.State, n.Detail = storagehealth.Offline, "nothing of Ceph runs there"
	case t.up < t.osds:
		n.State, n.Detail = storagehealth.Degraded, strings.Join(t.down, ", ")+" down"
	}
	return n
}

// judgeNodes does not believe a healthy Ceph of which parts do not run: its last check was before they went.
func judgeNodes(report *storagehealth.Report) {
	for i := range report.Nodes {
		n := &report.Nodes[i]
		if n.State == storagehealth.Online || report.Whole != storagehealth.Yes {
			continue
		}
		report.Whole, report.Detail = storagehealth.No, fmt.Sprintf("Ceph says that it is healthy, and on %s %s", n.Name, n.Detail)
	}
}
