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

package e2e

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// Servers of the lab. The control plane takes both of its own in an upgrade; the scale spec takes three workers.
const (
	controlPlaneServers = 2
	workerServers       = 3
)

// labTarget is the lab.
type labTarget struct {
	lab  *lab.Lab
	path string
}

var _ target = (*labTarget)(nil)

func startLab() *labTarget {
	l, err := lab.Start(ctx, lab.Config{
		Artifacts: filepath.Join(*artifactFolder, "lab"),
		Providers: lab.FullProviders(),
		MAAS:      lab.MAASConfig{Timings: timings()},
		Logger:    slog.New(slog.NewTextHandler(GinkgoWriter, nil)),
	})
	Expect(err).NotTo(HaveOccurred())
	t := &labTarget{lab: l, path: filepath.Join(*artifactFolder, "management.kubeconfig")}
	DeferCleanup(l.Stop)
	_, err = l.AddRack(controlPlaneServers, workerServers)
	Expect(err).NotTo(HaveOccurred())
	Expect(writeKubeconfig(t.path, l)).To(Succeed())
	return t
}

// timings are those of servers that are installed in seconds. They still take their time in the order and proportion that they do.
func timings() maassim.Timings {
	return maassim.Timings{
		PowerOn: 500 * time.Millisecond, PowerOff: 500 * time.Millisecond,
		NetBoot: time.Second, Install: 2 * time.Second, Boot: time.Second,
	}
}

// writeKubeconfig writes a kubeconfig for use inside the lab; the one that the lab writes is for the outside.
func writeKubeconfig(path string, l *lab.Lab) error {
	admin := l.AdminConfig()
	const name = "lab"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: admin.Host, CertificateAuthorityData: admin.CAData}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: admin.CertData, ClientKeyData: admin.KeyData, Token: admin.BearerToken,
	}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, path)
}

func (t *labTarget) kubeconfig() string { return t.path }

func (t *labTarget) credentials(namespace, name string) *corev1.Secret {
	return t.lab.Credentials(namespace, name)
}

func (t *labTarget) unreturned() []string {
	var out []string
	for _, m := range t.lab.MAAS().Machines() {
		processes := len(t.lab.HostProcesses(m.SystemID))
		if m.Status != maassim.StatusReady || m.Owner != "" || m.PoweredOn || processes > 0 {
			out = append(out, fmt.Sprintf("%s is %s, owner %q, powered on: %t, %d processes", m.Hostname, m.StatusName, m.Owner, m.PoweredOn, processes))
		}
	}
	return out
}
