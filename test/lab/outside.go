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
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

// serveOutside is an HTTP proxy on a loopback port of the machine the lab was
// started on: kubeconfigs name it as their proxy-url and keep the lab's own
// addresses, so one port leads to every cluster, and to MAAS.
func (l *Lab) serveOutside(ctx context.Context) {
	ln := sandbox.OutsideListener()
	server := &http.Server{Handler: proxyHandler(), ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		// A copy of the socket: a later lab in the same sandbox uses it again.
		file, err := ln.(*net.TCPListener).File()
		if err != nil {
			l.log.Error("Serving the outside", "error", err)
			return
		}
		defer file.Close()
		copied, err := net.FileListener(file)
		if err == nil {
			err = server.Serve(copied)
		}
		if ctx.Err() == nil {
			l.log.Error("Serving the outside", "error", err)
		}
	}()
	<-ctx.Done()
	_ = server.Close()
	<-stopped
}

// ProxyURL is the HTTP proxy through which the lab is reached from outside.
func ProxyURL() string {
	if ln := sandbox.OutsideListener(); ln != nil {
		return "http://" + ln.Addr().String()
	}
	return ""
}

func proxyHandler() http.Handler {
	forward := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			tunnel(w, r)
		case r.URL.IsAbs():
			forward.ServeHTTP(w, r)
		default:
			http.Error(w, "this is a proxy into the lab: use it as proxy-url or http_proxy", http.StatusBadRequest)
		}
	})
}

func tunnel(w http.ResponseWriter, r *http.Request) {
	var d net.Dialer
	server, err := d.DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		http.Error(w, "connection cannot be taken over", http.StatusInternalServerError)
		return
	}
	peer, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer peer.Close()
	if _, err := io.WriteString(peer, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	splice(peer, server)
}

// splice copies both ways until both sides are done.
func splice(a, b net.Conn) {
	var wg sync.WaitGroup
	copyHalf := func(dst, src net.Conn) {
		_, _ = io.Copy(dst, src)
		if tcp, ok := dst.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	wg.Go(func() { copyHalf(a, b) })
	wg.Go(func() { copyHalf(b, a) })
	wg.Wait()
}

// ManagementKubeconfig is the path of the kubeconfig for use from outside.
func (l *Lab) ManagementKubeconfig() string {
	return filepath.Join(l.cfg.Artifacts, "management.kubeconfig")
}

func (l *Lab) writeManagementKubeconfig() error {
	return writeKubeconfig(l.ManagementKubeconfig(), l.api.AdminConfig(), ProxyURL())
}

// WriteWorkloadKubeconfig writes the kubeconfig of a workload cluster for use
// from outside and returns its path.
func (l *Lab) WriteWorkloadKubeconfig(ctx context.Context, cluster client.ObjectKey) (string, error) {
	raw, err := l.WorkloadKubeconfig(ctx, cluster)
	if err != nil {
		return "", err
	}
	cfg, err := withProxy(raw, ProxyURL())
	if err != nil {
		return "", err
	}
	path := filepath.Join(l.cfg.Artifacts, cluster.Namespace+"-"+cluster.Name+".kubeconfig")
	return path, writeConfig(path, cfg)
}

// WorkloadKubeconfig is the kubeconfig that Cluster API keeps of a workload
// cluster, for use inside the lab.
func (l *Lab) WorkloadKubeconfig(ctx context.Context, cluster client.ObjectKey) ([]byte, error) {
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: cluster.Namespace, Name: cluster.Name + "-kubeconfig"}
	if err := l.client.Get(ctx, key, &secret); err != nil {
		return nil, fmt.Errorf("getting the kubeconfig of cluster %s: %w", cluster, err)
	}
	return secret.Data["value"], nil
}
