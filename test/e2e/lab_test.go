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
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// Servers of the lab, enough for the specs that run at the same time. Only those that are installed cost anything.
const (
	controlPlaneServers = 9
	workerServers       = 12
)

// processes is how many specs run at the same time. Much of a spec is waiting, but two cores start no more than three control planes at once in time.
const processes = 3

// runOnLab starts the lab and, inside of it, processes that run the specs on it as they do on hardware: the lab is a management cluster that
// is there already and a MAAS.
func runOnLab(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Config{
		Artifacts: filepath.Join(*artifactFolder, "lab"),
		Providers: lab.FullProviders(),
		Variables: map[string]string{"EXP_MACHINE_TAINT_PROPAGATION": "true"},
		MAAS:      lab.MAASConfig{Timings: timings()},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	if _, err := l.AddRack(controlPlaneServers, workerServers); err != nil {
		t.Fatal(err)
	}
	for hostname, pool := range map[string]string{"quick-start-cp": "quick-start-control-plane", "quick-start-worker": "quick-start-workers"} {
		if _, err := l.AddHost(maassim.MachineSpec{Hostname: hostname, Pool: pool, Zone: "az1"}); err != nil {
			t.Fatal(err)
		}
	}
	environment, err := environmentOf(l)
	if err != nil {
		t.Fatal(err)
	}
	specs, err := specProcesses(t)
	if err != nil {
		t.Fatal(err)
	}
	specs.Env = append(os.Environ(), environment...)
	if err := specs.Run(); err != nil {
		t.Fatalf("the specs failed: %v; the output above tells, and %s has more", err, *artifactFolder)
	}
	if *skipCleanup {
		return
	}
	var left []string
	if wait.PollUntilContextTimeout(t.Context(), time.Second, time.Minute, true, func(context.Context) (bool, error) {
		left = unreturned(l)
		return len(left) == 0, nil
	}) != nil {
		t.Errorf("servers are not back after the specs:\n%s", strings.Join(left, "\n"))
	}
}

// specProcesses is Ginkgo's command line tool, which runs this program several times and hands out the specs. Flags of Ginkgo are handed on.
func specProcesses(t *testing.T) (*exec.Cmd, error) {
	ginkgo := filepath.Join(t.TempDir(), "ginkgo")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", ginkgo, "github.com/onsi/ginkgo/v2/ginkgo")
	build.Dir = filepath.Join(lab.Repository(), "test", "e2e")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building ginkgo: %w: %s", err, said)
	}
	config, err1 := filepath.Abs(*configPath)
	artifacts, err2 := filepath.Abs(*artifactFolder)
	self, err3 := os.Executable()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	args := []string{fmt.Sprintf("--procs=%d", processes)}
	if deadline, ok := t.Deadline(); ok {
		// Sooner than go's own, which would only tell of this process.
		args = append(args, fmt.Sprintf("--timeout=%s", time.Until(deadline)-time.Minute))
	}
	for _, arg := range os.Args[1:] {
		if _, flag, ok := strings.Cut(arg, "-ginkgo."); ok {
			args = append(args, "--"+flag)
		}
	}
	args = append(args, self, "--",
		"-"+existingClusterArg, "-e2e.config="+config, "-e2e.artifacts-folder="+artifacts,
		"-e2e.clusterctl-config="+*clusterctlConfig, fmt.Sprintf("-e2e.skip-resource-cleanup=%t", *skipCleanup))
	specs := exec.CommandContext(t.Context(), ginkgo, args...)
	specs.Stdout, specs.Stderr = os.Stdout, os.Stderr
	return specs, nil
}

// timings are those of servers that are installed in seconds. They still take their time in the order and proportion that they do.
func timings() maassim.Timings {
	return maassim.Timings{
		PowerOn: 500 * time.Millisecond, PowerOff: 500 * time.Millisecond,
		NetBoot: time.Second, Install: 2 * time.Second, Boot: time.Second,
	}
}

// environmentOf is the environment that config/hardware.yaml asks for, of the lab.
func environmentOf(l *lab.Lab) ([]string, error) {
	credentials := l.Credentials("", "").StringData
	kubeconfig, ca := filepath.Join(*artifactFolder, "management.kubeconfig"), filepath.Join(*artifactFolder, "maas-ca.crt")
	if err := os.WriteFile(ca, []byte(credentials["ca.crt"]), 0o600); err != nil {
		return nil, err
	}
	if err := writeKubeconfig(kubeconfig, l); err != nil {
		return nil, err
	}
	return []string{
		"KUBECONFIG=" + kubeconfig, "MAAS_CA_FILE=" + ca,
		"MAAS_ENDPOINT=" + credentials["endpoint"], "MAAS_API_KEY=" + credentials["apiKey"],
	}, nil
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

// unreturned tells of each server that is not free, why not.
func unreturned(l *lab.Lab) []string {
	var out []string
	for _, m := range l.MAAS().Machines() {
		processes := len(l.HostProcesses(m.SystemID))
		if m.Status != maassim.StatusReady || m.Owner != "" || m.PoweredOn || processes > 0 {
			out = append(out, fmt.Sprintf("%s is %s, owner %q, powered on: %t, %d processes", m.Hostname, m.StatusName, m.Owner, m.PoweredOn, processes))
		}
	}
	return out
}
