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

package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

const storagePool = "storage"

// TopologySpec describes a workload cluster of ClusterClass vmo.
type TopologySpec struct {
	ClusterSpec
	// Flavor of the cluster template; topology by default, which leaves the network of the servers alone.
	Flavor string
	// Storage is the number of Machines of class storage.
	Storage int
	// Addons also makes the HelmChartProxies, which need the addon provider.
	Addons bool
}

// AddStorageHosts adds servers for Machines of class storage: storage-1, storage-2, ….
func (l *Lab) AddStorageHosts(count int) error {
	l.MAAS().AddPool(storagePool, "")
	for i := 1; i <= count; i++ {
		if _, err := l.AddHost(maassim.MachineSpec{Hostname: "storage-" + strconv.Itoa(i), Pool: storagePool, Zone: fmt.Sprintf("az%d", (i-1)%3+1)}); err != nil {
			return err
		}
	}
	return nil
}

// ReadClass reads ClusterClass vmo and its templates, for a namespace.
func ReadClass(namespace string) ([]*unstructured.Unstructured, error) {
	objects, err := readObjects(filepath.Join(Repository(), "templates", "clusterclass-vmo.yaml"))
	for _, o := range objects {
		o.SetNamespace(namespace)
	}
	return objects, err
}

// RenderTopology fills in a flavour of the cluster template: the Cluster and what stands beside it.
func RenderTopology(s TopologySpec) ([]*unstructured.Unstructured, error) {
	flavor := s.Flavor
	if flavor == "" {
		flavor = "topology"
	}
	raw, err := os.ReadFile(filepath.Join(Repository(), "templates", "cluster-template-"+flavor+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster template: %w", err)
	}
	variables := s.variables()
	for k, v := range map[string]string{
		"STORAGE_MACHINE_COUNT": strconv.Itoa(s.Storage), "MAAS_STORAGE_RESOURCE_POOL": storagePool,
		"MAAS_IMAGE": ImageFor("v{version}"),
	} {
		if _, ok := s.Variables[k]; !ok {
			variables[k] = v
		}
	}
	text, err := substitute(string(raw), variables)
	if err != nil {
		return nil, fmt.Errorf("filling in the cluster template: %w", err)
	}
	all, err := ParseObjects([]byte(text))
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, o := range all {
		if s.Addons || !strings.HasPrefix(o.GroupVersionKind().Group, "addons.") {
			objects = append(objects, o)
		}
	}
	return objects, nil
}

// CreateTopology creates the namespace, the MAAS credentials, the class and a workload cluster of it.
func (l *Lab) CreateTopology(ctx context.Context, s TopologySpec) error {
	class, err := ReadClass(s.Namespace)
	if err != nil {
		return err
	}
	objects, err := RenderTopology(s)
	if err != nil {
		return err
	}
	return l.Apply(ctx, s.Namespace, append(class, objects...))
}
