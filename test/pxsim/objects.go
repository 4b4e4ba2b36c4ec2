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

package pxsim

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Objects describe the simulated Portworx as its operator does: a StorageCluster, and a StorageNode for each host.
func (s *Sim) Objects(namespace string) []*unstructured.Unstructured {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	cluster := object("StorageCluster", namespace, clusterName)
	cluster.Object["spec"] = map[string]any{"security": map[string]any{"enabled": s.options.Token != ""}, "kvdb": map[string]any{"internal": true}}
	cluster.Object["status"] = map[string]any{
		"phase": "Running", "clusterUid": ClusterID, "clusterName": clusterName,
		"conditions": []any{map[string]any{"source": "Portworx", "type": "RuntimeState", "status": "Online"}},
	}
	all := []*unstructured.Unstructured{cluster}
	described := map[string]bool{}
	for _, n := range s.nodes {
		if other := s.living(n.Host); described[n.Host] || (other != nil && other != n) {
			continue
		}
		described[n.Host] = true
		all = append(all, s.describeStorageNode(namespace, n))
	}
	return all
}

func (s *Sim) describeStorageNode(namespace string, n *node) *unstructured.Unstructured {
	phase := "Online"
	if !n.up {
		phase = "Offline"
	}
	conditions := []any{map[string]any{"type": "NodeState", "status": phase}}
	if n.KVDB {
		conditions = append(conditions, map[string]any{"type": "NodeKVDB", "status": phase})
	}
	o := object("StorageNode", namespace, n.Host)
	o.Object["status"] = map[string]any{
		"nodeUid": n.identity.ID, "phase": phase, "geography": map[string]any{"zone": n.Zone},
		"nodeAttributes": map[string]any{"kvdb": n.KVDB, "storage": true}, "conditions": conditions,
	}
	return o
}

const (
	apiVersion = "core.libopenstorage.org/v1"
	// clusterName is that of the StorageCluster where nobody has declared one.
	clusterName = "px-cluster"
)

func object(kind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// declaredCluster is a StorageCluster that somebody else made.
func declaredCluster(has map[string]*unstructured.Unstructured) *unstructured.Unstructured {
	for _, o := range has {
		if o.GetKind() == "StorageCluster" && o.GetName() != clusterName {
			return o
		}
	}
	return nil
}

// Sync writes the objects into a cluster that serves their kinds, as the operator would: one list of each kind, and what has changed.
func (s *Sim) Sync(ctx context.Context, c client.Client, namespace string) error {
	has := map[string]*unstructured.Unstructured{}
	for _, kind := range []string{"StorageCluster", "StorageNode"} {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion(apiVersion)
		list.SetKind(kind)
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return fmt.Errorf("listing %ss: %w", kind, err)
		}
		for i := range list.Items {
			has[kind+"/"+list.Items[i].GetName()] = &list.Items[i]
		}
	}
	for _, wanted := range s.Objects(namespace) {
		if declared := declaredCluster(has); declared != nil && wanted.GetKind() == "StorageCluster" {
			// As the operator: somebody declared a StorageCluster, and it says how that one is.
			wanted.SetName(declared.GetName())
			wanted.SetLabels(declared.GetLabels())
			wanted.SetAnnotations(declared.GetAnnotations())
			wanted.Object["spec"] = declared.Object["spec"]
		}
		found := has[wanted.GetKind()+"/"+wanted.GetName()]
		var err error
		switch {
		case found == nil:
			err = c.Create(ctx, wanted)
		case !apiequality.Semantic.DeepEqual(found.Object["spec"], wanted.Object["spec"]) ||
			!apiequality.Semantic.DeepEqual(found.Object["status"], wanted.Object["status"]):
			wanted.SetResourceVersion(found.GetResourceVersion())
			err = c.Update(ctx, wanted)
		}
		if err != nil {
			return fmt.Errorf("writing %s %s: %w", wanted.GetKind(), wanted.GetName(), err)
		}
	}
	return nil
}
