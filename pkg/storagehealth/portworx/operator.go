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

package portworx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/internal/objects"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// The objects of Portworx's operator.
var (
	storageClusterKind = schema.GroupVersionKind{Group: "core.libopenstorage.org", Version: "v1", Kind: "StorageCluster"}
	storageNodeKind    = schema.GroupVersionKind{Group: "core.libopenstorage.org", Version: "v1", Kind: "StorageNode"}
)

// operatorView is what the operator knows of Portworx.
type operatorView struct {
	clusterUID, clusterName, objectName string
	// secured is true when Portworx's security is on.
	secured bool
	// external is true when Portworx's database is an etcd elsewhere.
	external bool
	// about are things the operator is at.
	about []string
	nodes map[string]operatorNode
	// names finds the Kubernetes name of a node by Portworx's id.
	names map[string]string
}

// operatorNode is what a StorageNode says.
type operatorNode struct {
	id, domain        string
	kvdb, kvdbHealthy bool
}

// busy are the operator's own undertakings that forbid disturbance, in a stable order.
func (o *operatorView) busy() []string {
	slices.Sort(o.about)
	return o.about
}

func readOperatorView(ctx context.Context, cluster workload.Cluster, namespace string) (*operatorView, error) {
	view := &operatorView{nodes: map[string]operatorNode{}, names: map[string]string{}}
	found := 0
	err := objects.Each(ctx, cluster, storageClusterKind, namespace, func(o *unstructured.Unstructured) error {
		found++
		view.readCluster(o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if found != 1 {
		return nil, fmt.Errorf("there are %d StorageClusters in namespace %s and there has to be one (spec.storage.portworx.namespace)", found, namespace)
	}
	return view, objects.Each(ctx, cluster, storageNodeKind, namespace, func(o *unstructured.Unstructured) error {
		view.readNode(o)
		return nil
	})
}

func (o *operatorView) readCluster(c *unstructured.Unstructured) {
	o.objectName = c.GetName()
	o.clusterUID = objects.String(c.Object, "status", "clusterUid")
	o.clusterName = objects.String(c.Object, "status", "clusterName")
	o.secured = objects.Bool(c.Object, "spec", "security", "enabled")
	o.external = len(objects.Slice(c.Object, "spec", "kvdb", "endpoints")) > 0 && !objects.Bool(c.Object, "spec", "kvdb", "internal")
	if !c.GetDeletionTimestamp().IsZero() {
		o.about = append(o.about, "the StorageCluster is being deleted")
	}
	conditions := objects.Slice(c.Object, "status", "conditions")
	for conditionType, what := range map[string]string{
		"Update": "Portworx's operator rolls out an update", "Migration": "Portworx's operator migrates the installation",
		"Delete": "Portworx is being uninstalled",
	} {
		if condition := objects.Condition(conditions, conditionType); condition != nil && condition["status"] == "InProgress" {
			o.about = append(o.about, what)
		}
	}
}

func (o *operatorView) readNode(n *unstructured.Unstructured) {
	node := operatorNode{id: objects.String(n.Object, "status", "nodeUid"), kvdb: objects.Bool(n.Object, "status", "nodeAttributes", "kvdb")}
	zone, rack := objects.String(n.Object, "status", "geography", "zone"), objects.String(n.Object, "status", "geography", "rack")
	node.domain = strings.Trim(zone+"/"+rack, "/")
	// The operator has the condition exactly while the node is a member.
	if kvdb := objects.Condition(objects.Slice(n.Object, "status", "conditions"), "NodeKVDB"); kvdb != nil {
		node.kvdb = true
		node.kvdbHealthy = kvdb["status"] == "Online"
	}
	if objects.String(n.Object, "status", "phase") == "Updating" {
		o.about = append(o.about, "Portworx's operator updates "+n.GetName())
	}
	o.nodes[n.GetName()] = node
	if node.id != "" {
		o.names[node.id] = n.GetName()
	}
}

// csiDriver is the name of Portworx's CSI driver.
const csiDriver = "pxd.portworx.com"

var errVolumeFound = errors.New("found")

// checkNoVolumes doubts a Portworx without volumes: what PersistentVolumes there are of it, it has to know.
func (p *Prober) checkNoVolumes(ctx context.Context) error {
	kind := corev1.SchemeGroupVersion.WithKind("PersistentVolume")
	var name string
	err := objects.Each(ctx, p.cluster, kind, "", func(o *unstructured.Unstructured) error {
		if objects.String(o.Object, "spec", "csi", "driver") == csiDriver || objects.Map(o.Object, "spec", "portworxVolume") != nil {
			name = o.GetName()
			return errVolumeFound
		}
		return nil
	})
	if errors.Is(err, errVolumeFound) {
		return fmt.Errorf("portworx lists no volume, and PersistentVolume %s is one of its", name)
	}
	return err
}
