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
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

const (
	readyTimeout = 2 * time.Minute
	pollInterval = 100 * time.Millisecond
	stopGrace    = 5 * time.Second
)

// APIServerConfig says what StartAPIServer starts. The zero value is an API
// server with etcd on loopback ports, which needs no sandbox.
type APIServerConfig struct {
	// Dir holds data, certificates and logs; by default a temporary folder
	// that Stop removes.
	Dir string
	// Logs is the folder for logs, Dir by default.
	Logs string
	// CRDs are files and folders with CustomResourceDefinitions to install.
	CRDs []string
	// ControllerManager also starts the controllers that a management cluster
	// cannot do without: garbage collection, namespace deletion, aggregation of
	// ClusterRoles, default service accounts and the root CA.
	ControllerManager bool
	// Address is what the API server listens on, 127.0.0.1 by default.
	Address string
	// Port is the API server's port; by default a free one.
	Port int
}

// APIServer is a kube-apiserver with RBAC on, and its etcd.
type APIServer struct {
	cfg       APIServerConfig
	ca        *authority
	admin     keyPair
	url       string
	temporary bool
	processes []*sandbox.Process
}

// controllers are those of kube-controller-manager that do not need nodes.
const controllers = "garbage-collector-controller,namespace-controller,clusterrole-aggregation-controller," +
	"serviceaccount-controller,root-ca-certificate-publisher-controller"

// StartAPIServer starts etcd and kube-apiserver, installs the CRDs and returns
// when they are served, which takes about three seconds.
func StartAPIServer(ctx context.Context, cfg APIServerConfig) (*APIServer, error) {
	if err := requireTools("etcd", "kube-apiserver"); err != nil {
		return nil, err
	}
	s := &APIServer{cfg: cfg}
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("starting an API server: %w", err)
	}
	return s, nil
}

func (s *APIServer) start(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	if err := s.startEtcd(ctx); err != nil {
		return err
	}
	if err := s.waitReady(ctx); err != nil {
		return err
	}
	if s.cfg.ControllerManager {
		if err := s.startControllerManager(); err != nil {
			return err
		}
	}
	if len(s.cfg.CRDs) == 0 {
		return nil
	}
	objects, err := readObjects(s.cfg.CRDs...)
	if err != nil {
		return err
	}
	return applyCRDs(ctx, s.AdminConfig(), objects)
}

// prepare makes folders, ports and certificates.
func (s *APIServer) prepare() error {
	var err error
	if s.cfg.Dir == "" {
		s.temporary = true
		if s.cfg.Dir, err = os.MkdirTemp(sandbox.TempDir(), "capmaas-apiserver-"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o755); err != nil {
		return err
	}
	if s.cfg.Logs == "" {
		s.cfg.Logs = s.cfg.Dir
	}
	if err := os.MkdirAll(s.cfg.Logs, 0o755); err != nil {
		return err
	}
	if s.cfg.Address == "" {
		s.cfg.Address = "127.0.0.1"
	}
	if s.cfg.Port == 0 {
		if s.cfg.Port, err = freePort(s.cfg.Address); err != nil {
			return err
		}
	}
	s.url = "https://" + net.JoinHostPort(s.cfg.Address, strconv.Itoa(s.cfg.Port))
	if s.ca, err = newAuthority("management-ca"); err != nil {
		return err
	}
	s.admin, err = s.ca.issue(pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}})
	if err != nil {
		return err
	}
	serving, err := s.ca.issue(pkix.Name{CommonName: "kube-apiserver"},
		s.cfg.Address, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.0.0.1")
	if err != nil {
		return err
	}
	if err := serving.write(s.path("pki/apiserver")); err != nil {
		return err
	}
	account, err := s.ca.issue(pkix.Name{CommonName: "service-accounts"})
	if err != nil {
		return err
	}
	if err := account.write(s.path("pki/sa")); err != nil {
		return err
	}
	return os.WriteFile(s.path("pki/ca.crt"), s.ca.pem, 0o644)
}

func (s *APIServer) path(p string) string { return filepath.Join(s.cfg.Dir, p) }

// startEtcd starts etcd and, without waiting for it, the API server, which
// retries until etcd answers.
func (s *APIServer) startEtcd(ctx context.Context) error {
	client, err := freePort("127.0.0.1")
	if err != nil {
		return err
	}
	peer, err := freePort("127.0.0.1")
	if err != nil {
		return err
	}
	clientURL, peerURL := "http://127.0.0.1:"+strconv.Itoa(client), "http://127.0.0.1:"+strconv.Itoa(peer)
	if err := s.run("etcd", []string{
		"--data-dir=" + s.path("etcd"),
		"--listen-client-urls=" + clientURL, "--advertise-client-urls=" + clientURL,
		"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL,
		"--initial-cluster=default=" + peerURL,
		// Nothing here has to survive a power cut.
		"--unsafe-no-fsync", "--log-level=warn",
	}); err != nil {
		return err
	}
	if err := waitTCP(ctx, "127.0.0.1:"+strconv.Itoa(client)); err != nil {
		return fmt.Errorf("waiting for etcd: %w", err)
	}
	return s.run("kube-apiserver", []string{
		"--etcd-servers=" + clientURL,
		"--bind-address=" + s.cfg.Address, "--advertise-address=" + s.cfg.Address,
		"--secure-port=" + strconv.Itoa(s.cfg.Port),
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		// Webhooks behind a Service are called at its endpoints: there is no service network.
		"--enable-aggregator-routing",
		"--tls-cert-file=" + s.path("pki/apiserver/tls.crt"), "--tls-private-key-file=" + s.path("pki/apiserver/tls.key"),
		"--client-ca-file=" + s.path("pki/ca.crt"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=" + s.url,
		"--service-account-key-file=" + s.path("pki/sa/tls.crt"),
		"--service-account-signing-key-file=" + s.path("pki/sa/tls.key"),
		"--allow-privileged=true",
		// Owner references with blockOwnerDeletion need the permission that
		// some distributions ask for; being strict here finds missing rules.
		"--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
		"--disable-admission-plugins=ServiceAccount",
		"--v=0",
	})
}

// startControllerManager starts kube-controller-manager with few controllers,
// each under its own service account as in production.
func (s *APIServer) startControllerManager() error {
	if err := requireTools("kube-controller-manager"); err != nil {
		return err
	}
	user, err := s.ca.issue(pkix.Name{CommonName: "system:kube-controller-manager"})
	if err != nil {
		return err
	}
	kubeconfig := s.path("kube-controller-manager.kubeconfig")
	if err := writeKubeconfig(kubeconfig, s.kubeconfigFor(user), ""); err != nil {
		return err
	}
	return s.run("kube-controller-manager", []string{
		"--kubeconfig=" + kubeconfig,
		"--controllers=" + controllers,
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + s.path("pki/sa/tls.key"),
		"--root-ca-file=" + s.path("pki/ca.crt"),
		"--leader-elect=false", "--secure-port=0",
		"--kube-api-qps=100", "--kube-api-burst=200",
	})
}

func (s *APIServer) run(name string, args []string) error {
	p, err := sandbox.Start(sandbox.Command{
		Path: Tool(name), Args: args, Log: filepath.Join(s.cfg.Logs, name+".log"), Dir: s.cfg.Dir,
		// Go's default collects garbage during a quarter of the time of an API server that is written to all the time; memory there is.
		Env: []string{"HOME=" + s.cfg.Dir, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "GOGC=300"},
	})
	if err != nil {
		return err
	}
	s.processes = append(s.processes, p)
	return nil
}

// waitReady waits for /readyz, or for a process to end before its time.
func (s *APIServer) waitReady(ctx context.Context) error {
	client, err := rest.HTTPClientFor(s.AdminConfig())
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, pollInterval, readyTimeout, true, func(ctx context.Context) (bool, error) {
		for _, p := range s.processes {
			if !p.Running() {
				return false, fmt.Errorf("%s ended: %w\n%s", p.Name(), p.Wait(ctx), p.LogTail(10))
			}
		}
		last = getOK(ctx, client, s.url+"/readyz")
		return last == nil, nil
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("waiting for the API server: %w", errors.Join(err, last))
	}
	return err
}

// AdminConfig is a client configuration of a cluster administrator.
func (s *APIServer) AdminConfig() *rest.Config { return s.kubeconfigFor(s.admin) }

func (s *APIServer) kubeconfigFor(user keyPair) *rest.Config {
	return &rest.Config{
		Host:            s.url,
		TLSClientConfig: rest.TLSClientConfig{CAData: s.ca.pem, CertData: user.cert, KeyData: user.key},
		QPS:             200, Burst: 400,
	}
}

// WriteKubeconfig writes an administrator's kubeconfig.
func (s *APIServer) WriteKubeconfig(path string) error {
	return writeKubeconfig(path, s.AdminConfig(), "")
}

// Processes are etcd, the API server and, if started, the controller manager.
func (s *APIServer) Processes() []*sandbox.Process { return s.processes }

// Stop ends all processes at once, for nothing of them is kept.
func (s *APIServer) Stop() {
	var g errgroup.Group
	for _, p := range s.processes {
		g.Go(func() error { p.Kill(); return nil })
	}
	_ = g.Wait()
	if s.temporary {
		_ = os.RemoveAll(s.cfg.Dir)
	}
}

func freePort(address string) (int, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

func waitTCP(ctx context.Context, addr string) error {
	var d net.Dialer
	return wait.PollUntilContextTimeout(ctx, pollInterval/5, readyTimeout, true, func(ctx context.Context) (bool, error) {
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return false, nil //nolint:nilerr // not listening yet
		}
		return true, conn.Close()
	})
}

func getOK(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
