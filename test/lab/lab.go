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
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

// The management network of the reference architecture and who is where on it.
// Hosts and virtual addresses use the rest of it.
var (
	managementNetwork = netip.MustParsePrefix("172.16.0.0/22")
	labAddress        = netip.MustParsePrefix("172.16.0.1/22") // API server, and the hosts' gateway
	maasAddress       = netip.MustParsePrefix("172.16.0.2/22")
)

const (
	managementBridge    = "br-mgmt"
	managementAddress   = "172.16.0.1:6443"
	firstManagerAddress = 16 // 172.16.0.16 and on
)

// Config says what Start starts. The zero value is a management cluster
// without any provider.
type Config struct {
	// Artifacts is the folder for logs and kubeconfigs, which stays;
	// _artifacts/lab in the repository by default.
	Artifacts string
	// Providers to install: BareProviders, KubeadmProviders, FullProviders.
	Providers []Provider
	// Variables of the providers' components; ClusterTopology is on unless
	// CLUSTER_TOPOLOGY says otherwise.
	Variables map[string]string
	// ExtraArgs are added to a manager's command line, by provider name.
	ExtraArgs map[string][]string
	// Nice is how much managers give way to everything else, from 0 to 19, by provider name.
	Nice map[string]int
	// MAAS says what the simulated MAAS is like.
	MAAS MAASConfig
	// Logger gets what the lab itself does. Nil discards.
	Logger *slog.Logger
}

// Lab is a running management cluster with what belongs to it. It exists once
// in a sandbox at a time, because its addresses do.
type Lab struct {
	cfg       Config
	dir       string // data, removed by Stop
	log       *slog.Logger
	bridge    *sandbox.Bridge
	api       *APIServer
	client    client.Client
	clientset kubernetes.Interface
	managers  []*Manager
	maas      *maasServer
	hosts     *hosts

	mu       sync.Mutex // guards storages
	storages []*Storage

	stop     context.CancelFunc // ends what runs in goroutines
	stopOnce sync.Once
}

// Start starts a lab and returns when every manager is ready. The context
// bounds the start only; the lab runs until Stop.
func Start(ctx context.Context, cfg Config) (*Lab, error) {
	if err := sandbox.Err(); err != nil {
		return nil, fmt.Errorf("starting the lab: no sandbox: %w", err)
	}
	l := &Lab{cfg: cfg, log: cfg.Logger}
	if err := l.start(ctx); err != nil {
		l.Stop()
		return nil, fmt.Errorf("starting the lab: %w", err)
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context) error {
	if err := l.prepare(); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	var err error
	if l.bridge, err = sandbox.NewBridge(managementBridge, labAddress); err != nil {
		return err
	}
	if err := l.bridge.AddAddress(maasAddress); err != nil {
		return err
	}
	go l.serveOutside(running)
	if err := l.startManagement(ctx); err != nil {
		return err
	}
	if err := l.startHosts(running); err != nil {
		return err
	}
	if err := l.startMAAS(running); err != nil {
		return err
	}
	if err := l.installProviders(ctx); err != nil {
		return err
	}
	return l.writeManagementKubeconfig()
}

// prepare fills in defaults and makes the folders.
func (l *Lab) prepare() error {
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.cfg.Artifacts == "" {
		l.cfg.Artifacts = filepath.Join(Repository(), "_artifacts", "lab")
	}
	variables := map[string]string{"CLUSTER_TOPOLOGY": "true"}
	for k, v := range l.cfg.Variables {
		variables[k] = v
	}
	l.cfg.Variables = variables
	logs := filepath.Join(l.cfg.Artifacts, "logs")
	// Logs are appended to over restarts; those of an earlier lab would only
	// confuse.
	if err := os.RemoveAll(logs); err != nil {
		return err
	}
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	var err error
	l.dir, err = os.MkdirTemp(sandbox.TempDir(), "lab-")
	return err
}

func (l *Lab) startManagement(ctx context.Context) error {
	var err error
	l.api, err = StartAPIServer(ctx, APIServerConfig{
		Dir: filepath.Join(l.dir, "management"), Logs: filepath.Join(l.cfg.Artifacts, "logs", "management"),
		Address: labAddress.Addr().String(), Port: 6443, ControllerManager: true,
	})
	if err != nil {
		return err
	}
	if l.clientset, err = kubernetes.NewForConfig(l.api.AdminConfig()); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	if l.client, err = client.New(l.api.AdminConfig(), client.Options{}); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	return nil
}

// Stop ends everything the lab started and removes its data; logs and
// kubeconfigs stay.
func (l *Lab) Stop() {
	l.stopOnce.Do(func() {
		for _, m := range l.managers {
			m.Kill()
		}
		l.stopStorages()
		l.stopMAAS()
		if l.stop != nil {
			l.stop()
		}
		if l.api != nil {
			l.api.Stop()
		}
		for _, m := range l.managers {
			m.netns.Close()
		}
		if l.bridge != nil {
			_ = l.bridge.Close()
		}
		if l.dir != "" {
			_ = os.RemoveAll(l.dir)
		}
	})
}

// Manager is the manager of a provider; nil when it is not installed.
func (l *Lab) Manager(provider string) *Manager {
	for _, m := range l.managers {
		if m.name == provider {
			return m
		}
	}
	return nil
}

// Managers are all managers.
func (l *Lab) Managers() []*Manager { return l.managers }

// AdminConfig is a client configuration of the management cluster's
// administrator.
func (l *Lab) AdminConfig() *rest.Config { return l.api.AdminConfig() }

// APIServer is the management cluster's.
func (l *Lab) APIServer() *APIServer { return l.api }

// Client is a client of the management cluster's administrator that knows the
// built-in kinds, and others as unstructured objects.
func (l *Lab) Client() client.Client { return l.client }

// Artifacts is the folder with logs and kubeconfigs.
func (l *Lab) Artifacts() string { return l.cfg.Artifacts }
