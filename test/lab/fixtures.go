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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// Versions a workload cluster may be declared with. One set of binaries serves
// both; see the package documentation.
const (
	KubernetesVersion         = "v1.36.3"
	PreviousKubernetesVersion = "v1.36.1"
)

const (
	controlPlanePool = "control-plane"
	workerPool       = "workers"
	credentialsName  = "maas-credentials"
)

// ImageFor is the name of the simulated MAAS's image with a Kubernetes version.
func ImageFor(version string) string { return "custom/" + imageName(version) }

func imageName(version string) string { return "ubuntu-24.04-k8s-" + version }

// AddRack adds servers for a control plane (cp-1, cp-2, …, spread over three
// zones) and workers (worker-1, …), each in its resource pool, and images for
// both Kubernetes versions. It returns the system ids by hostname.
func (l *Lab) AddRack(controlPlanes, workers int) (map[string]string, error) {
	for _, v := range []string{KubernetesVersion, PreviousKubernetesVersion} {
		l.MAAS().AddImage(imageName(v))
	}
	l.MAAS().AddPool(controlPlanePool, "")
	l.MAAS().AddPool(workerPool, "")
	ids := map[string]string{}
	add := func(prefix, pool string, count int) error {
		for i := 1; i <= count; i++ {
			name := prefix + strconv.Itoa(i)
			id, err := l.AddHost(maassim.MachineSpec{Hostname: name, Pool: pool, Zone: fmt.Sprintf("az%d", (i-1)%3+1)})
			if err != nil {
				return err
			}
			ids[name] = id
		}
		return nil
	}
	if err := add("cp-", controlPlanePool, controlPlanes); err != nil {
		return nil, err
	}
	return ids, add("worker-", workerPool, workers)
}

// ClusterSpec describes a workload cluster made from the repository's cluster
// template.
type ClusterSpec struct {
	Namespace     string
	Name          string
	Version       string // KubernetesVersion by default
	VIP           string // 172.16.3.1 by default
	ControlPlanes int    // 1 by default
	Workers       int
	// Variables of the template override what the above leads to.
	Variables map[string]string
}

// Key is the Cluster's.
func (s ClusterSpec) Key() client.ObjectKey {
	return client.ObjectKey{Namespace: s.Namespace, Name: s.Name}
}

func (s ClusterSpec) variables() map[string]string {
	or := func(v, d string) string {
		if v == "" {
			return d
		}
		return v
	}
	version := or(s.Version, KubernetesVersion)
	vars := map[string]string{
		"NAMESPACE": s.Namespace, "CLUSTER_NAME": s.Name, "KUBERNETES_VERSION": version,
		"CONTROL_PLANE_MACHINE_COUNT": strconv.Itoa(max(s.ControlPlanes, 1)),
		"WORKER_MACHINE_COUNT":        strconv.Itoa(s.Workers),
		"CONTROL_PLANE_ENDPOINT_HOST": or(s.VIP, "172.16.3.1"),
		"MAAS_CREDENTIALS_SECRET":     credentialsName,
		"MAAS_CP_RESOURCE_POOL":       controlPlanePool,
		"MAAS_WORKER_RESOURCE_POOL":   workerPool,
		"MAAS_IMAGE":                  ImageFor(version),
	}
	for k, v := range s.Variables {
		vars[k] = v
	}
	return vars
}

// RenderCluster fills in the cluster template of the repository. There is no pod
// network that DNS could answer on, so it is left out: its pods would only cost
// every control plane machine that goes a drain of twenty seconds.
func RenderCluster(s ClusterSpec) ([]*unstructured.Unstructured, error) {
	raw, err := os.ReadFile(filepath.Join(Repository(), "templates", "cluster-template.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster template: %w", err)
	}
	text, err := substitute(string(raw), s.variables())
	if err != nil {
		return nil, fmt.Errorf("filling in the cluster template: %w", err)
	}
	objects, err := ParseObjects([]byte(text))
	if err != nil {
		return nil, err
	}
	for _, u := range byKind(objects, controlPlane.Kind) {
		set(u, []any{"addon/coredns"}, "spec", "kubeadmConfigSpec", "initConfiguration", "skipPhases")
	}
	return objects, nil
}

// CreateCluster creates the namespace, the MAAS credentials and the objects of
// a workload cluster.
func (l *Lab) CreateCluster(ctx context.Context, s ClusterSpec) error {
	objects, err := RenderCluster(s)
	if err != nil {
		return err
	}
	return l.Apply(ctx, s.Namespace, objects)
}

// Apply makes the namespace with MAAS credentials in it, if it is not there,
// and applies objects.
func (l *Lab) Apply(ctx context.Context, namespace string, objects []*unstructured.Unstructured) error {
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		l.Credentials(namespace, credentialsName),
	} {
		if err := l.client.Create(ctx, o); client.IgnoreAlreadyExists(err) != nil {
			return fmt.Errorf("preparing namespace %s: %w", namespace, err)
		}
	}
	return applyAll(ctx, l.client, objects)
}
