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

package hostagent

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

// host is one server while it is powered on.
type host struct {
	cfg    *Config
	base   string
	admins *admins
	server Server
	log    *slog.Logger
	logs   string
	netns  *sandbox.NetNS
	bootID string

	mu        sync.Mutex // guards the fields below
	off       bool
	processes map[*sandbox.Process]struct{}
	requested string // the Kubernetes version that the user data names
}

const searchPath = "PATH=/bin:/usr/local/bin"

func newHost(a *Agent, s Server, log *slog.Logger) (*host, error) {
	cfg := &a.cfg
	h := &host{
		cfg: cfg, base: a.base, admins: a.admins, server: s, log: log,
		logs:   filepath.Join(cfg.Logs, s.Hostname),
		bootID: uuid.NewString(), processes: map[*sandbox.Process]struct{}{},
	}
	if err := os.MkdirAll(h.logs, 0o755); err != nil {
		return nil, err
	}
	var err error
	h.netns, err = cfg.Bridge.NewNetNS(s.Hostname, netip.PrefixFrom(s.Address, cfg.Bits))
	if err != nil {
		return nil, err
	}
	if err := h.makeSkeleton(); err != nil {
		h.netns.Close()
		return nil, fmt.Errorf("preparing the root folder of %s: %w", s.Hostname, err)
	}
	return h, nil
}

// makeSkeleton makes the folders any system has and clears /run, which does not
// survive a boot.
func (h *host) makeSkeleton() error {
	if err := os.RemoveAll(h.path("/run")); err != nil {
		return err
	}
	for _, dir := range []string{"/bin", "/dev", "/etc", "/proc", "/run", "/tmp", "/root", "/usr/local/bin", "/var/lib", "/var/log"} {
		if err := os.MkdirAll(h.path(dir), 0o755); err != nil {
			return err
		}
	}
	files := map[string]string{
		"/etc/hostname": h.server.Hostname + "\n",
		"/etc/hosts":    fmt.Sprintf("127.0.0.1 localhost\n%s %s %s\n", h.server.Address, h.server.FQDN, h.server.Hostname),
		"/etc/passwd":   "root:x:0:0:root:/root:/bin/sh\n",
		"/etc/group":    "root:x:0:\n",
	}
	for path, content := range files {
		if err := os.WriteFile(h.path(path), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// path is where a file of the host is outside of its root.
func (h *host) path(p string) string { return filepath.Join(h.server.Root, p) }

// run is the boot: first-boot configuration and the kubelet, until power off.
func (h *host) run(ctx context.Context) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := h.cloudInit(ctx); err != nil && ctx.Err() == nil {
			// Like a real server: it stays up and has not joined.
			h.log.Error("Running user data", "error", err)
		}
		return nil
	})
	g.Go(func() error {
		h.runKubelet(ctx)
		return nil
	})
	_ = g.Wait()
	<-ctx.Done()
}

// start starts a program in the host's root and network.
func (h *host) start(logName, path string, args []string, env ...string) (*sandbox.Process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.off {
		return nil, fmt.Errorf("%s is powered off", h.server.Hostname)
	}
	p, err := sandbox.Start(sandbox.Command{
		Name: h.server.Hostname + "/" + logName, Path: path, Args: args,
		Env: append([]string{searchPath, "HOME=/root"}, env...),
		Log: filepath.Join(h.logs, logName+".log"), NetNS: h.netns, Hostname: h.server.Hostname,
		Root: h.server.Root,
		Mounts: []sandbox.Mount{
			{Source: filepath.Join(h.base, "bin"), Target: "/bin", ReadOnly: true},
			{Source: h.cfg.Tools, Target: "/usr/local/bin", ReadOnly: true},
		},
	})
	if err != nil {
		return nil, err
	}
	h.processes[p] = struct{}{}
	go func() {
		<-p.Done()
		h.mu.Lock()
		delete(h.processes, p)
		h.mu.Unlock()
	}()
	return p, nil
}

func (h *host) running() []*sandbox.Process {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*sandbox.Process, 0, len(h.processes))
	for p := range h.processes {
		out = append(out, p)
	}
	return out
}

// powerOff ends everything on the host without warning.
func (h *host) powerOff() {
	h.mu.Lock()
	h.off = true
	h.mu.Unlock()
	h.cfg.Endpoints.Withdraw(h.apiServerAddress())
	var g errgroup.Group
	for _, p := range h.running() {
		g.Go(func() error { p.Kill(); return nil })
	}
	_ = g.Wait()
	h.netns.Close()
}

func (h *host) apiServerAddress() string {
	return netip.AddrPortFrom(h.server.Address, 6443).String()
}
