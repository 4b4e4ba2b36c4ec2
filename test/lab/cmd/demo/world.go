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

package main

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// world is the management cluster as its watches tell.
type world struct {
	cache   cache.Cache
	cluster client.ObjectKey
	// changed has an element when something is different.
	changed chan struct{}
}

func scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	err := errors.Join(clientgoscheme.AddToScheme(s), clusterv1.AddToScheme(s), infrav1.AddToScheme(s))
	return s, err
}

// watch follows the kinds that the table is made of, until ctx ends.
func watch(ctx context.Context, cfg *rest.Config, cluster client.ObjectKey) (*world, error) {
	s, err := scheme()
	if err != nil {
		return nil, err
	}
	c, err := cache.New(cfg, cache.Options{Scheme: s, DefaultNamespaces: map[string]cache.Config{cluster.Namespace: {}}})
	if err != nil {
		return nil, fmt.Errorf("watching the management cluster: %w", err)
	}
	w := &world{cache: c, cluster: cluster, changed: make(chan struct{}, 1)}
	notify := func() {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
	handler := toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { notify() }, UpdateFunc: func(any, any) { notify() }, DeleteFunc: func(any) { notify() },
	}
	go func() { _ = c.Start(ctx) }()
	for _, kind := range []client.Object{
		&clusterv1.Cluster{}, &clusterv1.Machine{}, &infrav1.MaasMachine{}, &infrav1.MaasHost{}, &infrav1.RepaveGate{}, &infrav1.Repave{},
	} {
		informer, err := c.GetInformer(ctx, kind)
		if err != nil {
			return nil, fmt.Errorf("watching the management cluster: %w", err)
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, fmt.Errorf("watching the management cluster: %w", err)
		}
	}
	return w, nil
}

// look reads what the watches have brought.
func (w *world) look(ctx context.Context) (snapshot, error) {
	s := snapshot{maasMachines: map[string]*infrav1.MaasMachine{}, hosts: map[string]*infrav1.MaasHost{}}
	cluster := &clusterv1.Cluster{}
	switch err := w.cache.Get(ctx, w.cluster, cluster); {
	case err == nil:
		s.cluster = cluster
	case client.IgnoreNotFound(err) != nil:
		return s, err
	}
	var machines clusterv1.MachineList
	var maasMachines infrav1.MaasMachineList
	var hosts infrav1.MaasHostList
	var gates infrav1.RepaveGateList
	var repaves infrav1.RepaveList
	for _, list := range []client.ObjectList{&machines, &maasMachines, &hosts, &gates, &repaves} {
		if err := w.cache.List(ctx, list, client.InNamespace(w.cluster.Namespace)); err != nil {
			return s, err
		}
	}
	s.machines = machines.Items
	s.repaves = repaves.Items
	if len(gates.Items) > 0 {
		s.gate = &gates.Items[0]
	}
	for i := range maasMachines.Items {
		s.maasMachines[maasMachines.Items[i].Name] = &maasMachines.Items[i]
	}
	for i := range hosts.Items {
		s.hosts[hosts.Items[i].Name] = &hosts.Items[i]
	}
	return s, nil
}
