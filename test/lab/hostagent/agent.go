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
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

// Config is what all hosts share.
type Config struct {
	// Bridge is the network the hosts are on, Bits its prefix length.
	Bridge *sandbox.Bridge
	Bits   int
	// Tools is the folder with the Kubernetes binaries.
	Tools string
	// Busybox is a static busybox, the userland of the hosts.
	Busybox string
	// Dir is for the files the agent itself needs.
	Dir string
	// Logs gets a folder per host.
	Logs string
	// KwokStages is the YAML of kwok's stages for pods.
	KwokStages []byte
	// Endpoints is told which host serves which control plane endpoint.
	Endpoints Endpoints
	Logger    *slog.Logger
}

// Endpoints stands in for what announces a control plane's virtual address.
type Endpoints interface {
	// Announce says that the API server at backend serves the endpoint;
	// repeating it is harmless.
	Announce(endpoint, backend string)
	// Withdraw takes a backend out of all endpoints.
	Withdraw(backend string)
}

// Server is one start of one server.
type Server struct {
	SystemID string
	Hostname string
	FQDN     string
	Zone     string
	// Image is the name of the image MAAS installed.
	Image string
	// Address is the server's address on the management network.
	Address netip.Addr
	// Root is the folder with the contents of the boot disk. An empty one is a
	// fresh installation.
	Root string
	// CPUs and MemoryMiB are reported by the Node; 0 for an ordinary server.
	CPUs          int
	MemoryMiB     int
	FetchUserData func() ([]byte, error)
}

// Agent runs hosts.
type Agent struct {
	cfg  Config
	base string // folder with the userland

	admins *admins

	mu    sync.Mutex // guards hosts
	hosts map[string]*host
}

// New prepares the hosts' userland.
func New(cfg Config) (*Agent, error) {
	a := &Agent{cfg: cfg, base: filepath.Join(cfg.Dir, "base"), hosts: map[string]*host{}, admins: &admins{byCA: map[string][]byte{}}}
	if err := a.makeBase(); err != nil {
		return nil, fmt.Errorf("making the userland of the hosts: %w", err)
	}
	return a, nil
}

// Programs of a server that busybox does not have.
const (
	// What bootstrap commands ask of an operating system that is not here is written down in /var/log/not-here.log, and taken for done.
	notHere = "#!/bin/sh\necho \"$(basename \"$0\") $*\" >> /var/log/not-here.log\n"
	// The kubelet here starts by itself, when it has its configuration.
	systemctl = "#!/bin/sh\necho \"$@\" >> /run/systemctl.log\n"
	// kubeadm's preflight checks look for a container runtime, kernel modules
	// and much else that no simulated server has.
	kubeadm = "#!/bin/sh\ncase \"$1\" in\ninit|join) exec /usr/local/bin/kubeadm \"$@\" --ignore-preflight-errors=all ;;\n*) exec /usr/local/bin/kubeadm \"$@\" ;;\nesac\n"
)

func (a *Agent) makeBase() error {
	bin := filepath.Join(a.base, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	raw, err := os.ReadFile(a.cfg.Busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bin, "busybox"), raw, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command(filepath.Join(bin, "busybox"), "--install", "-s", bin).CombinedOutput(); err != nil {
		return fmt.Errorf("installing busybox: %w: %s", err, out)
	}
	if err := relink(bin); err != nil {
		return err
	}
	scripts := map[string]string{"systemctl": systemctl, "kubeadm": kubeadm}
	for _, name := range []string{"apt-get", "bridge", "dpkg", "modprobe", "udevadm"} {
		scripts[name] = notHere
	}
	for name, script := range scripts {
		path := filepath.Join(bin, name)
		// Writing to busybox's link would write to busybox.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// relink makes busybox's links relative, so that they hold in any root.
func relink(bin string) error {
	entries, err := os.ReadDir(bin)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink == 0 {
			continue
		}
		path := filepath.Join(bin, e.Name())
		if err := os.Remove(path); err != nil {
			return err
		}
		if err := os.Symlink("busybox", path); err != nil {
			return err
		}
	}
	return nil
}

// Boot runs a server until ctx ends, which is power off: everything on it then
// stops at once.
func (a *Agent) Boot(ctx context.Context, s Server) {
	log := a.cfg.Logger.With("host", s.Hostname)
	h, err := newHost(a, s, log)
	if err != nil {
		log.Error("Booting", "error", err)
		<-ctx.Done()
		return
	}
	a.mu.Lock()
	a.hosts[s.SystemID] = h
	a.mu.Unlock()
	log.Info("Booting", "address", s.Address)
	h.run(ctx)
	h.powerOff()
	a.mu.Lock()
	delete(a.hosts, s.SystemID)
	a.mu.Unlock()
	log.Info("Powered off")
}

// Processes are those that run on a host now.
func (a *Agent) Processes(systemID string) []*sandbox.Process {
	h := a.host(systemID)
	if h == nil {
		return nil
	}
	return h.running()
}

// host is nil when the server is off.
func (a *Agent) host(systemID string) *host {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hosts[systemID]
}

// BootID names a host's present boot, as its Node does; "" when it is off.
func (a *Agent) BootID(systemID string) string {
	if h := a.host(systemID); h != nil {
		return h.bootID
	}
	return ""
}

// Listen opens a TCP port on a host, for a program that runs in the lab itself
// instead of on the host. The caller closes it when the host goes off.
func (a *Agent) Listen(ctx context.Context, systemID string, port int) (net.Listener, error) {
	h := a.host(systemID)
	if h == nil {
		return nil, fmt.Errorf("%s is powered off", systemID)
	}
	return h.netns.Listen(ctx, netip.AddrPortFrom(h.server.Address, uint16(port)).String())
}
