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
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/client-go/util/cert"
)

const (
	kubeletPort = 10250
	kwokDir     = "/var/lib/kwok"
)

// portForwards leads the two ports that the control plane provider asks for to
// the processes of the host. Pods here are the host's, so their loopback is.
const portForwards = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterPortForward
metadata:
  name: control-plane
spec:
  selector:
    matchNamespaces: [kube-system]
  forwards:
  - ports: [2379]
    target: {address: 127.0.0.1, port: 2379}
  - ports: [6443]
    target: {address: 127.0.0.1, port: 6443}
`

// kwokKubeconfig is an administrator's: kwok lists all nodes when it starts,
// which no node's user may.
const kwokKubeconfig = kwokDir + "/kubeconfig"

// keepKwok starts kwok on the kubelet's port when it does not run.
func (n *node) keepKwok() error {
	if n.kwok != nil && n.kwok.Running() {
		return nil
	}
	admin, err := n.host.admins.of(n.host)
	if err != nil {
		return err
	}
	dir := n.host.path(kwokDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey(n.set.nodeName, nil, []string{n.host.server.Address.String()})
	if err != nil {
		return fmt.Errorf("making the kubelet's serving certificate: %w", err)
	}
	for name, content := range map[string][]byte{
		"tls.crt": certPEM, "tls.key": keyPEM, "kubeconfig": admin,
		"config.yaml": append([]byte(portForwards+"---\n"), n.host.cfg.KwokStages...),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	n.kwok, err = n.host.start("kwok", "/usr/local/bin/kwok", []string{
		"--config=" + kwokDir + "/config.yaml",
		"--kubeconfig=" + kwokKubeconfig,
		"--manage-single-node=" + n.set.nodeName,
		// The lease is kept here: it must stop with the power, not with kwok.
		"--node-lease-duration-seconds=0",
		fmt.Sprintf("--node-port=%d", kubeletPort),
		fmt.Sprintf("--server-address=0.0.0.0:%d", kubeletPort),
		"--tls-cert-file=" + kwokDir + "/tls.crt", "--tls-private-key-file=" + kwokDir + "/tls.key",
	})
	return err
}

// admins are the administrators' kubeconfigs of the clusters the hosts belong
// to. Control plane hosts have one; the others get it from them.
type admins struct {
	mu   sync.Mutex // guards byCA
	byCA map[string][]byte
}

// of is the kubeconfig of the cluster that the host has joined, known by its CA.
func (a *admins) of(h *host) ([]byte, error) {
	if raw, err := os.ReadFile(h.path(adminConf)); err == nil {
		cfg, err := h.clientConfig(adminConf)
		if err != nil {
			return nil, err
		}
		a.mu.Lock()
		a.byCA[string(cfg.CAData)] = raw
		a.mu.Unlock()
		return raw, nil
	}
	cfg, err := h.clientConfig(kubeletConf)
	if err != nil {
		return nil, err
	}
	if len(cfg.CAData) == 0 {
		if cfg.CAData, err = os.ReadFile(cfg.CAFile); err != nil {
			return nil, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if raw := a.byCA[string(cfg.CAData)]; raw != nil {
		return raw, nil
	}
	return nil, errors.New("no control plane host of this cluster is known yet")
}
