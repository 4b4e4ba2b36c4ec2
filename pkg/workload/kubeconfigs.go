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

package workload

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/cluster-api/util/kubeconfig"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kubeconfigs finds workload clusters by their kubeconfig Secrets, which Cluster API keeps. A connection is made anew when its Secret changed, so that
// rotated certificates are followed. It holds nothing but connections: no cache and no watch in the workload cluster.
type Kubeconfigs struct {
	// Reader reads the Secrets.
	Reader client.Reader
	// UserAgent is what workload clusters see in their audit log.
	UserAgent string

	mu    sync.Mutex
	known map[client.ObjectKey]*known
}

type known struct {
	kubeconfig []byte
	cluster    Cluster
}

// The rate at which one workload cluster is asked.
const (
	qps   = 20
	burst = 40
)

// Get implements Clusters.
func (k *Kubeconfigs) Get(ctx context.Context, key client.ObjectKey) (Cluster, error) {
	data, err := kubeconfig.FromSecret(ctx, k.Reader, key)
	if err != nil {
		if apierrors.IsNotFound(err) {
			k.forget(key)
			return nil, fmt.Errorf("%w: %w", ErrNoKubeconfig, err)
		}
		return nil, fmt.Errorf("reading the kubeconfig of Cluster %s: %w", key, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if has, ok := k.known[key]; ok && bytes.Equal(has.kubeconfig, data) {
		return has.cluster, nil
	}
	cluster, err := k.connect(data)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cluster %s: %w", key, err)
	}
	if k.known == nil {
		k.known = map[client.ObjectKey]*known{}
	}
	k.known[key] = &known{kubeconfig: data, cluster: cluster}
	return cluster, nil
}

func (k *Kubeconfigs) forget(key client.ObjectKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, key)
}

func (k *Kubeconfigs) connect(data []byte) (Cluster, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig(data)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS, config.Burst, config.UserAgent, config.Timeout = qps, burst, k.UserAgent, callTimeout
	live, err := client.New(config, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return New(live, config)
}
