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
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/certificate/csr"
	"k8s.io/client-go/util/keyutil"
	"sigs.k8s.io/yaml"
)

// Where kubeadm and the kubelet keep their files.
const (
	kubeletConfig    = "/var/lib/kubelet/config.yaml"
	kubeletFlags     = "/var/lib/kubelet/kubeadm-flags.env"
	kubeletConf      = "/etc/kubernetes/kubelet.conf"
	kubeletBootstrap = "/etc/kubernetes/bootstrap-kubelet.conf"
	kubeletPKI       = "/var/lib/kubelet/pki"
	kubeletCurrent   = kubeletPKI + "/kubelet-client-current.pem"
	adminConf        = "/etc/kubernetes/admin.conf"
	healthzAddress   = "127.0.0.1:10248"
)

const (
	fileInterval  = 250 * time.Millisecond
	retryInterval = 500 * time.Millisecond
	leaseInterval = 10 * time.Second
	leaseSeconds  = 40
)

// settings are what of the kubelet's configuration matters here.
type settings struct {
	nodeName   string
	providerID string
	nodeIP     string
	labels     string
	taints     string
	config     kubeletConfiguration
}

type kubeletConfiguration struct {
	StaticPodPath string `json:"staticPodPath"`
	ProviderID    string `json:"providerID"`
	MaxPods       int    `json:"maxPods"`
}

// runKubelet is the kubelet: it waits for its configuration, runs static pods,
// gets its identity and keeps its Node, until ctx ends.
func (h *host) runKubelet(ctx context.Context) {
	set, err := h.waitSettings(ctx)
	if err != nil {
		return
	}
	h.log.Info("Starting kubelet", "node", set.nodeName, "providerID", set.providerID)
	go h.serveHealthz(ctx)
	pods := newStaticPods(h, set)
	go pods.run(ctx)
	client, err := h.waitIdentity(ctx, set)
	if err != nil {
		return
	}
	newNode(h, set, client, pods).run(ctx)
}

// waitSettings waits until kubeadm has written the kubelet's configuration and
// would start it.
func (h *host) waitSettings(ctx context.Context) (settings, error) {
	var set settings
	err := wait.PollUntilContextCancel(ctx, fileInterval, true, func(context.Context) (bool, error) {
		var err error
		set, err = h.readSettings()
		return err == nil, nil
	})
	return set, err
}

func (h *host) readSettings() (settings, error) {
	set := settings{nodeName: h.server.Hostname}
	raw, err := os.ReadFile(h.path(kubeletConfig))
	if err != nil {
		return set, err
	}
	if err := yaml.Unmarshal(raw, &set.config); err != nil {
		return set, fmt.Errorf("reading %s: %w", kubeletConfig, err)
	}
	if set.config.StaticPodPath == "" {
		return set, errors.New("half-written configuration")
	}
	raw, err = os.ReadFile(h.path(kubeletFlags))
	if err != nil {
		return set, err
	}
	if !complete(string(raw)) {
		return set, errors.New("half-written flags")
	}
	flags := parseFlags(string(raw))
	if name := flags["hostname-override"]; name != "" {
		set.nodeName = name
	}
	set.providerID, set.nodeIP = flags["provider-id"], flags["node-ip"]
	if set.providerID == "" {
		set.providerID = set.config.ProviderID
	}
	set.labels, set.taints = flags["node-labels"], flags["register-with-taints"]
	return set, nil
}

// complete tells whether kubeadm has written all of the flags, whose end is a
// quotation mark.
func complete(env string) bool {
	_, args, ok := strings.Cut(strings.TrimSpace(env), "=")
	return ok && len(args) >= 2 && strings.HasPrefix(args, `"`) && strings.HasSuffix(args, `"`)
}

// parseFlags reads KUBELET_KUBEADM_ARGS="--a=b --c=d".
func parseFlags(env string) map[string]string {
	flags := map[string]string{}
	_, args, _ := strings.Cut(strings.TrimSpace(env), "=")
	for _, arg := range strings.Fields(strings.Trim(args, `"`)) {
		name, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		flags[name] = value
	}
	return flags
}

func (h *host) serveHealthz(ctx context.Context) {
	ln, err := h.netns.Listen(ctx, healthzAddress)
	if err != nil {
		h.log.Error("Serving healthz", "error", err)
		return
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	})}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	_ = server.Serve(ln)
}

// waitIdentity returns a client of the node's own user, which on a joining host
// is made by TLS bootstrap first.
func (h *host) waitIdentity(ctx context.Context, set settings) (kubernetes.Interface, error) {
	var client kubernetes.Interface
	var last string
	err := wait.PollUntilContextCancel(ctx, retryInterval, true, func(ctx context.Context) (bool, error) {
		var err error
		if client, err = h.identity(ctx, set); err != nil && !errors.Is(err, os.ErrNotExist) && err.Error() != last {
			last = err.Error()
			h.log.Info("Waiting for the kubelet's identity", "reason", last)
		}
		return err == nil, nil
	})
	return client, err
}

func (h *host) identity(ctx context.Context, set settings) (kubernetes.Interface, error) {
	if _, err := os.Stat(h.path(kubeletConf)); err != nil {
		if err := h.bootstrapTLS(ctx, set); err != nil {
			return nil, err
		}
	}
	cfg, err := h.clientConfig(kubeletConf)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(cfg)
}

// clientConfig reads one of the host's kubeconfigs, whose paths are the host's.
func (h *host) clientConfig(path string) (*rest.Config, error) {
	raw, err := os.ReadFile(h.path(path))
	if err != nil {
		return nil, err
	}
	cfg, err := clientcmd.Load(raw)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	for _, u := range cfg.AuthInfos {
		for _, p := range []*string{&u.ClientCertificate, &u.ClientKey} {
			if *p != "" {
				*p = h.path(*p)
			}
		}
	}
	for _, c := range cfg.Clusters {
		if c.CertificateAuthority != "" {
			c.CertificateAuthority = h.path(c.CertificateAuthority)
		}
	}
	return clientcmd.NewDefaultClientConfig(*cfg, nil).ClientConfig()
}

// bootstrapTLS gets a client certificate for the node with the bootstrap token
// and writes the kubelet's kubeconfig, as the kubelet does.
func (h *host) bootstrapTLS(ctx context.Context, set settings) error {
	cfg, err := h.clientConfig(kubeletBootstrap)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("reading %s: %w", kubeletBootstrap, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the node's key: %w", err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "system:node:" + set.nodeName, Organization: []string{"system:nodes"}},
	}, key)
	if err != nil {
		return fmt.Errorf("making the node's certificate request: %w", err)
	}
	request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request})
	usages := []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth}
	name, uid, err := csr.RequestCertificateWithContext(ctx, client, request, "", certificatesv1.KubeAPIServerClientKubeletSignerName, nil, usages, key)
	if err != nil {
		return fmt.Errorf("requesting the node's certificate: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cert, err := csr.WaitForCertificate(ctx, client, name, uid)
	if err != nil {
		return fmt.Errorf("waiting for the node's certificate: %w", err)
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return fmt.Errorf("writing the node's key: %w", err)
	}
	return h.writeIdentity(cfg, append(cert, keyPEM...))
}

// writeIdentity writes certificate and key, then the kubeconfig that names them:
// kubeadm waits for the latter.
func (h *host) writeIdentity(bootstrap *rest.Config, pair []byte) error {
	if err := os.MkdirAll(h.path(kubeletPKI), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(h.path(kubeletCurrent), pair, 0o600); err != nil {
		return err
	}
	const name = "default"
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters[name] = &clientcmdapi.Cluster{Server: bootstrap.Host, CertificateAuthorityData: bootstrap.CAData}
	cfg.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificate: kubeletCurrent, ClientKey: kubeletCurrent}
	cfg.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	cfg.CurrentContext = name
	raw, err := clientcmd.Write(*cfg)
	if err != nil {
		return err
	}
	// Whole or not at all: it is read as soon as it is there.
	tmp := h.path(filepath.Dir(kubeletConf) + "/.kubelet.conf.new")
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, h.path(kubeletConf))
}
