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
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

const vipCheckInterval = time.Second

// vips stands in for kube-vip: for every virtual address that control plane
// hosts announce it forwards connections to one of them that is ready.
type vips struct {
	bridge *sandbox.Bridge
	log    *slog.Logger
	client *http.Client
	// parent is the lab's life, handed to what runs in goroutines.
	parent func() context.Context

	mu  sync.Mutex // guards all
	all map[string]*vip
}

// vip is one virtual address.
type vip struct {
	endpoint netip.AddrPort
	cancel   context.CancelFunc

	mu       sync.Mutex // guards the fields below
	backends []string
	ready    []string
	conns    map[net.Conn]string // by backend
}

func newVIPs(ctx context.Context, bridge *sandbox.Bridge, log *slog.Logger) *vips {
	return &vips{
		bridge: bridge, log: log, parent: func() context.Context { return ctx }, all: map[string]*vip{},
		client: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
			// Every cluster has a CA of its own; only readiness is asked for.
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
			DisableKeepAlives: true,
		}},
	}
}

// Announce implements hostagent.Endpoints.
func (v *vips) Announce(endpoint, backend string) {
	address, err := netip.ParseAddrPort(endpoint)
	if err != nil || endpoint == backend || !managementNetwork.Contains(address.Addr()) {
		return // a DNS name, the host itself, or somebody else's load balancer
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	one := v.all[endpoint]
	if one == nil {
		if one, err = v.open(address); err != nil {
			v.log.Error("Holding a virtual address", "endpoint", endpoint, "error", err)
			return
		}
		v.all[endpoint] = one
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	if !slices.Contains(one.backends, backend) {
		v.log.Info("Control plane host serves endpoint", "endpoint", endpoint, "backend", backend)
		one.backends = append(one.backends, backend)
	}
}

// Withdraw implements hostagent.Endpoints. Connections to the backend are cut,
// as they are when a virtual address moves.
func (v *vips) Withdraw(backend string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for endpoint, one := range v.all {
		one.mu.Lock()
		is := func(b string) bool { return b == backend }
		one.backends = slices.DeleteFunc(one.backends, is)
		one.ready = slices.DeleteFunc(slices.Clone(one.ready), is)
		for conn, b := range one.conns {
			if b == backend {
				_ = conn.Close()
			}
		}
		empty := len(one.backends) == 0
		one.mu.Unlock()
		if empty {
			one.cancel()
			delete(v.all, endpoint)
			if err := v.bridge.RemoveAddress(hostPrefix(one.endpoint.Addr())); err != nil {
				v.log.Error("Giving up a virtual address", "error", err)
			}
		}
	}
}

func hostPrefix(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// open takes the address and serves it until it is cancelled.
func (v *vips) open(endpoint netip.AddrPort) (*vip, error) {
	if err := v.bridge.AddAddress(hostPrefix(endpoint.Addr())); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(v.parent())
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", endpoint.String())
	if err != nil {
		cancel()
		return nil, err
	}
	one := &vip{endpoint: endpoint, cancel: cancel, conns: map[net.Conn]string{}}
	go func() {
		<-ctx.Done()
		_ = ln.Close()
	}()
	go func() {
		_ = wait.PollUntilContextCancel(ctx, vipCheckInterval, true, func(ctx context.Context) (bool, error) {
			one.check(ctx, v.client)
			return false, nil
		})
	}()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go one.serve(ctx, conn)
		}
	}()
	return one, nil
}

// check asks every backend whether it is ready.
func (o *vip) check(ctx context.Context, client *http.Client) {
	o.mu.Lock()
	backends := slices.Clone(o.backends)
	o.mu.Unlock()
	var ready []string
	for _, b := range backends {
		if getOK(ctx, client, "https://"+b+"/readyz") == nil {
			ready = append(ready, b)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	// Some may have gone meanwhile.
	o.ready = slices.DeleteFunc(ready, func(b string) bool { return !slices.Contains(o.backends, b) })
}

// serve forwards one connection to the first ready backend: like a virtual
// address it has one holder at a time.
func (o *vip) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	o.mu.Lock()
	ready := slices.Clone(o.ready)
	o.mu.Unlock()
	dialer := net.Dialer{Timeout: time.Second}
	for _, backend := range ready {
		server, err := dialer.DialContext(ctx, "tcp", backend)
		if err != nil {
			continue
		}
		o.track(server, backend)
		splice(conn, server)
		_ = server.Close()
		o.mu.Lock()
		delete(o.conns, server)
		o.mu.Unlock()
		return
	}
}

func (o *vip) track(conn net.Conn, backend string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conns[conn] = backend
}
