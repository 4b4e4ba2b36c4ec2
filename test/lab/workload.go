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
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// WaitFor polls until check says nil, and returns what it said last otherwise.
func WaitFor(ctx context.Context, what string, timeout time.Duration, check func(ctx context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, timeout, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", what, errors.Join(err, last))
	}
	return nil
}

// WorkloadClient is an administrator's client of a workload cluster.
func (l *Lab) WorkloadClient(ctx context.Context, cluster client.ObjectKey) (client.Client, error) {
	cfg, err := l.workloadConfig(ctx, cluster)
	if err != nil {
		return nil, err
	}
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("making a client of cluster %s: %w", cluster, err)
	}
	return c, nil
}

func (l *Lab) workloadConfig(ctx context.Context, cluster client.ObjectKey) (*rest.Config, error) {
	raw, err := l.WorkloadKubeconfig(ctx, cluster)
	if err != nil {
		return nil, err
	}
	cfg, err := clientcmd.RESTConfigFromKubeConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of cluster %s: %w", cluster, err)
	}
	cfg.QPS, cfg.Burst, cfg.Timeout = 50, 100, 10*time.Second
	return cfg, nil
}

// ReadyNodes are the workload cluster's Nodes that are Ready, by name.
func (l *Lab) ReadyNodes(ctx context.Context, cluster client.ObjectKey) (map[string]*corev1.Node, error) {
	c, err := l.WorkloadClient(ctx, cluster)
	if err != nil {
		return nil, err
	}
	var list corev1.NodeList
	if err := c.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("listing the Nodes of cluster %s: %w", cluster, err)
	}
	ready := map[string]*corev1.Node{}
	for i := range list.Items {
		for _, cond := range list.Items[i].Status.Conditions {
			if cond.Type == corev1.NodeReady && cond.Status == corev1.ConditionTrue {
				ready[list.Items[i].Name] = &list.Items[i]
			}
		}
	}
	return ready, nil
}
