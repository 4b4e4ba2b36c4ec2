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
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

const (
	storageNamespace = "portworx"
	// gatewayPort is that of the SDK's REST gateway on every node.
	gatewayPort     = 9021
	storageInterval = 500 * time.Millisecond
	// storageMembers is how many nodes have Portworx's own database.
	storageMembers = 3
)

//go:embed portworx.yaml
var portworxObjects []byte

// Storage is a simulated Portworx on the workers of a workload cluster. It runs
// on a server while that is switched on, has joined and has Portworx's pod. Its
// identity lies on the server's data disks: what MAAS wipes it has lost. The
// REST gateway listens on each of these servers, so the API server's proxy
// reaches it the way it does in production: by Service, endpoints and pods.
type Storage struct {
	Sim *pxsim.Sim

	lab     *Lab
	cluster client.ObjectKey
	log     *slog.Logger
	stop    context.CancelFunc
	stopped chan struct{}

	mu       sync.Mutex           // guards gateways and known
	gateways map[string]io.Closer // by the host Portworx runs on
	known    map[string]bool      // hosts it has ever run on
}

// StartStorage installs Portworx in a workload cluster and returns when it runs
// on so many nodes. It ends with the lab.
func (l *Lab) StartStorage(ctx context.Context, cluster client.ObjectKey, options pxsim.Options, nodes int) (*Storage, error) {
	if l.hosts == nil {
		return nil, errors.New("starting Portworx: the servers are hollow")
	}
	if err := l.installStorage(ctx, cluster); err != nil {
		return nil, fmt.Errorf("installing Portworx: %w", err)
	}
	if options.Disks == nil {
		options.Disks = dataDisks{maas: l.maas.sim, log: l.log}
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Storage{
		Sim: pxsim.New(options), lab: l, cluster: cluster, log: l.log.With("storage", cluster.Name), stop: stop, stopped: make(chan struct{}),
		gateways: map[string]io.Closer{}, known: map[string]bool{},
	}
	l.mu.Lock()
	l.storages = append(l.storages, s)
	l.mu.Unlock()
	go s.run(running)
	return s, WaitFor(ctx, fmt.Sprintf("Portworx on %d nodes", nodes), 2*time.Minute, func(context.Context) error {
		if n := len(s.Hosts()); n < nodes {
			return fmt.Errorf("it runs on %d", n)
		}
		return nil
	})
}

func (l *Lab) installStorage(ctx context.Context, cluster client.ObjectKey) error {
	objects, err := ParseObjects(portworxObjects)
	if err != nil {
		return err
	}
	cfg, err := l.workloadConfig(ctx, cluster)
	if err != nil {
		return err
	}
	if err := applyCRDs(ctx, cfg, objects); err != nil {
		return err
	}
	// A new client, for it learns of kinds once.
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		return err
	}
	return applyAll(ctx, c, byKind(objects, "Namespace", "Service", "DaemonSet"))
}

// Hosts are the hosts that Portworx runs on.
func (s *Storage) Hosts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	hosts := make([]string, 0, len(s.gateways))
	for host := range s.gateways {
		hosts = append(hosts, host)
	}
	return hosts
}

func (s *Storage) run(ctx context.Context) {
	defer close(s.stopped)
	last := ""
	_ = wait.PollUntilContextCancel(ctx, storageInterval, true, func(ctx context.Context) (bool, error) {
		text := ""
		if err := s.sync(ctx); err != nil && ctx.Err() == nil {
			text = err.Error()
		}
		if text != "" && text != last {
			s.log.Info("Keeping Portworx", "reason", text)
		}
		last = text
		return false, nil
	})
}

// sync starts Portworx where its pod has become ready, and brings the
// operator's objects up to date.
func (s *Storage) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := s.lab.WorkloadClient(ctx, s.cluster)
	if err != nil {
		return err
	}
	nodes, pods := &corev1.NodeList{}, &corev1.PodList{}
	if err := c.List(ctx, nodes); err != nil {
		return fmt.Errorf("listing Nodes: %w", err)
	}
	if err := c.List(ctx, pods, client.InNamespace(storageNamespace), client.MatchingLabels{"name": "portworx"}); err != nil {
		return fmt.Errorf("listing Portworx's pods: %w", err)
	}
	hasPod := map[string]bool{}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.DeletionTimestamp.IsZero() && isReady(p) {
			hasPod[p.Spec.NodeName] = true
		}
	}
	for i := range nodes.Items {
		if n := &nodes.Items[i]; hasPod[n.Name] {
			if err := s.up(ctx, n); err != nil {
				return err
			}
		}
	}
	return s.Sim.Sync(ctx, c, storageNamespace)
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// up starts Portworx on a host, unless it runs or the Node is of an earlier boot:
// a pod outlives the server that it ran on.
func (s *Storage) up(ctx context.Context, n *corev1.Node) error {
	host, ok := s.lab.maas.sim.MachineByHostname(n.Name)
	if !ok || n.Status.NodeInfo.BootID != s.lab.hosts.agent.BootID(host.SystemID) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gateways[n.Name] != nil {
		return nil
	}
	ln, err := s.lab.hosts.agent.Listen(ctx, host.SystemID, gatewayPort)
	if err != nil {
		return fmt.Errorf("opening the gateway on %s: %w", n.Name, err)
	}
	server := &http.Server{Handler: s.Sim, ReadHeaderTimeout: 10 * time.Second}
	s.gateways[n.Name] = server
	go func() { _ = server.Serve(ln) }()
	if s.known[n.Name] {
		s.Sim.Up(n.Name)
	} else {
		s.Sim.AddNode(pxsim.Node{Host: n.Name, Zone: host.Zone, KVDB: len(s.known) < storageMembers})
		s.known[n.Name] = true
	}
	identity, _ := s.Sim.Identity(n.Name)
	s.log.Info("Portworx is up", "host", n.Name, "id", identity.ID)
	return nil
}

// down is the end of Portworx on a host that was switched off.
func (s *Storage) down(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gateway := s.gateways[host]
	if gateway == nil {
		return
	}
	delete(s.gateways, host)
	s.Sim.Down(host)
	_ = gateway.Close()
	s.log.Info("Portworx is down", "host", host)
}

// storageDown tells all storages that a host was switched off.
func (l *Lab) storageDown(host string) {
	l.mu.Lock()
	storages := l.storages
	l.mu.Unlock()
	for _, s := range storages {
		s.down(host)
	}
}

func (l *Lab) stopStorages() {
	l.mu.Lock()
	storages := l.storages
	l.storages = nil
	l.mu.Unlock()
	for _, s := range storages {
		s.stop()
		<-s.stopped
		for _, host := range s.Hosts() {
			s.down(host)
		}
	}
}
