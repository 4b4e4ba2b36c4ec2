package hostagent

import (
	"fmt"
	"os"
	"path/filepath"

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

// keepKwok starts kwok on the kubelet's port, as the node's user, when it does
// not run.
func (n *node) keepKwok() error {
	if n.kwok != nil && n.kwok.Running() {
		return nil
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
		"tls.crt": certPEM, "tls.key": keyPEM,
		"config.yaml": append([]byte(portForwards+"---\n"), n.host.cfg.KwokStages...),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	n.kwok, err = n.host.start("kwok", "/usr/local/bin/kwok", []string{
		"--config=" + kwokDir + "/config.yaml",
		"--kubeconfig=" + kubeletConf,
		"--manage-single-node=" + n.set.nodeName,
		// The lease is kept here: it must stop with the power, not with kwok.
		"--node-lease-duration-seconds=0",
		fmt.Sprintf("--node-port=%d", kubeletPort),
		fmt.Sprintf("--server-address=0.0.0.0:%d", kubeletPort),
		"--tls-cert-file=" + kwokDir + "/tls.crt", "--tls-private-key-file=" + kwokDir + "/tls.key",
	})
	return err
}
