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

package repave

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// minProbeInterval bounds the calls to a storage, however often something wakes the gate.
const minProbeInterval = 5 * time.Second

// looks remembers for each gate the last look at its storage. All of it can be lost: an unknown history only makes the gate wait longer.
type looks struct {
	mu  sync.Mutex
	all map[client.ObjectKey]*lastLook
}

type lastLook struct {
	// report is nil when the storage did not answer, and err says why.
	report     *storagehealth.Report
	err        string
	at         time.Time
	wholeSince time.Time
	// drains are when the storage was told to serve elsewhere what a node serves.
	drains map[string]time.Time
}

func (l *looks) of(key client.ObjectKey) *lastLook {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[client.ObjectKey]*lastLook{}
	}
	if l.all[key] == nil {
		l.all[key] = &lastLook{}
	}
	return l.all[key]
}

func (l *looks) forget(key client.ObjectKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, key)
}

// look reads the workload cluster's Nodes and asks its storage, not more often than minProbeInterval.
func (r *Reconciler) look(ctx context.Context, s *scope) error {
	if s.clusterDeleting() {
		return nil
	}
	cluster, err := r.Workloads.Get(ctx, client.ObjectKeyFromObject(s.cluster))
	if err != nil {
		s.reportError = fmt.Sprintf("the workload cluster cannot be reached: %s", err)
		r.looks.of(client.ObjectKeyFromObject(s.gate)).wholeSince = time.Time{}
		return nil
	}
	s.workload = cluster
	s.prober, err = r.NewProber(&s.gate.Spec.Storage, cluster)
	if err != nil {
		s.invalid, s.reportError = err.Error(), err.Error()
		return nil //nolint:nilerr // what cannot be asked is a hold, which the status explains
	}
	probe := func(ctx context.Context, s *scope) error { r.probe(ctx, s, minProbeInterval); return nil }
	for _, read := range []phase{r.readNodes, probe, r.findVirtualMachines, r.measureRoom} {
		if failed := read(ctx, s); failed != nil {
			s.report, s.reportError = nil, failed.Error()
			break
		}
	}
	return nil
}

func (r *Reconciler) readNodes(ctx context.Context, s *scope) error {
	list := &corev1.NodeList{}
	if err := s.workload.List(ctx, list); err != nil {
		return fmt.Errorf("listing the workload cluster's Nodes: %w", err)
	}
	s.nodes = make(map[string]*corev1.Node, len(list.Items))
	for i := range list.Items {
		s.nodes[list.Items[i].Name] = &list.Items[i]
	}
	return nil
}

// probe asks the storage unless it was asked within the interval, whether it answered or not.
func (r *Reconciler) probe(ctx context.Context, s *scope, interval time.Duration) {
	last := r.looks.of(client.ObjectKeyFromObject(s.gate))
	now := r.Clock.Now()
	if since := now.Sub(last.at); !last.at.IsZero() && since >= 0 && since < interval {
		s.report, s.reportError, s.wholeSince = last.report, last.err, last.wholeSince
		return
	}
	report, err := s.prober.Probe(ctx)
	r.Metrics.probed(s, r.Clock.Now().Sub(now), err)
	if err != nil {
		s.report, s.reportError = nil, err.Error()
		last.report, last.err, last.at, last.wholeSince = nil, err.Error(), now, time.Time{}
		return
	}
	s.report, s.reportError = report, ""
	last.report, last.err, last.at = report, "", now
	switch {
	case report.Placed:
	case report.Whole != storagehealth.Yes:
		last.wholeSince = time.Time{}
	case last.wholeSince.IsZero():
		last.wholeSince = now
	}
	s.wholeSince = last.wholeSince
}
