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
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestClusterctl is the story of a person with a release and clusterctl: init on a management cluster that has nothing, from the folder that "make release"
// writes; the example repository filled in with every flavour, each admitted by all webhooks; a Cluster of class vmo from it, which is looked at for drift, described,
// survives the loss of its management cluster, and is deleted.
func TestClusterctl(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	l, err := Start(t.Context(), Config{Artifacts: artifacts(t), Logger: testLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	if _, err := l.AddRack(1, 1); err != nil {
		t.Fatal(err)
	}
	if err := l.AddStorageHosts(1); err != nil {
		t.Fatal(err)
	}
	spec := TopologySpec{Storage: 1, ClusterSpec: ClusterSpec{
		Namespace: "clusters", Name: "prod", Workers: 1, Variables: map[string]string{"STORAGE_GATE": "None"},
	}}
	s := clusterctlStory{topologyStory: topologyStory{story: story{t: t, lab: l, cluster: spec.ClusterSpec}, spec: spec}, dir: t.TempDir()}
	s.startPlatform(t.Context())
	defer func() {
		if err := s.stopPlatform(); err != nil {
			t.Error(err)
		}
	}()
	s.step("Release", s.release)
	s.step("Init", s.init)
	s.step("ListVariables", s.listVariables)
	s.step("Management", s.management)
	s.step("EveryFlavor", s.everyFlavor)
	s.step("Apply", s.apply)
	s.step("NoDrift", s.noDrift)
	s.step("Describe", s.describe)
	s.step("Disaster", s.disaster)
	s.step("Delete", s.remove)
}

type clusterctlStory struct {
	topologyStory

	stopPlatform func() error
	dir          string
}

// startPlatform runs what a real cluster would have, until stopPlatform.
func (s *clusterctlStory) startPlatform(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	p := &platform{lab: s.lab, providers: installed(), running: map[client.ObjectKey]*Manager{}}
	go func() { ended <- p.run(ctx) }()
	s.stopPlatform = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
}

func (s *clusterctlStory) path(name string) string { return filepath.Join(s.dir, name) }

// run runs a program and has all that it said in the error.
func (s *clusterctlStory) run(ctx context.Context, stdin []byte, name string, args ...string) error {
	_, err := s.ask(ctx, stdin, name, args...)
	return err
}

// ask runs a program, with what a person has in the environment, and returns its output.
func (s *clusterctlStory) ask(ctx context.Context, stdin []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.path("kubeconfig"), "XDG_CONFIG_HOME="+s.dir, "HOME="+s.dir,
		// Nothing is looked up outside.
		"CLUSTERCTL_DISABLE_VERSIONCHECK=true", "CLUSTER_TOPOLOGY=true", "EXP_CLUSTER_RESOURCE_SET=true")
	for k, v := range s.spec.variables() {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, "MAAS_STORAGE_RESOURCE_POOL="+storagePool, "STORAGE_MACHINE_COUNT=1", "MAAS_IMAGE="+ImageFor("v{version}"))
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, tail(stdout.String()), tail(stderr.String()))
	}
	return stdout.Bytes(), nil
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

func (s *clusterctlStory) clusterctl(ctx context.Context, args ...string) ([]byte, error) {
	return s.ask(ctx, nil, Tool("clusterctl"), append(args, "--config", s.path("clusterctl.yaml"))...)
}

func (s *clusterctlStory) kubectl(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	return s.ask(ctx, stdin, Tool("kubectl"), args...)
}

func (s *clusterctlStory) init(ctx context.Context) error {
	if _, err := s.clusterctl(ctx, "init", "--infrastructure", "maas", "--addon", "helm", "--wait-providers"); err != nil {
		return err
	}
	providers, err := s.kubectl(ctx, nil, "get", "providers", "-A", "-o", "name")
	if err != nil {
		return err
	}
	if got := strings.Fields(string(providers)); len(got) != len(installed()) {
		return fmt.Errorf("installed are %v", got)
	}
	return nil
}

// listVariables wants the variables of every flavour listed: those without a default are what a person has to set.
func (s *clusterctlStory) listVariables(ctx context.Context) error {
	required := []string{"CONTROL_PLANE_ENDPOINT_HOST", "MAAS_CP_RESOURCE_POOL", "MAAS_IMAGE", "MAAS_WORKER_RESOURCE_POOL"}
	for _, flavor := range s.flavors() {
		said, err := s.clusterctl(ctx, "generate", "cluster", s.cluster.Name, "--list-variables", "--infrastructure", "maas", "--flavor", flavor)
		if err != nil {
			return err
		}
		wanted := required
		if flavor != "" {
			wanted = append([]string{"MAAS_STORAGE_RESOURCE_POOL"}, required...)
		}
		text, optional, _ := strings.Cut(string(said), "Optional Variables:")
		for _, name := range wanted {
			if !regexp.MustCompile(`(?m)^\s*- ` + name + `$`).MatchString(text) {
				return fmt.Errorf("flavour %q does not list %s as required:\n%s", flavor, name, said)
			}
		}
		if !strings.Contains(optional, "MAAS_CREDENTIALS_SECRET") {
			return fmt.Errorf("flavour %q does not list what is optional:\n%s", flavor, said)
		}
	}
	return nil
}

func (s *clusterctlStory) flavors() []string { return append([]string{""}, flavors(s.t)...) }

func (s *clusterctlStory) generate(ctx context.Context, flavor string) ([]byte, error) {
	return s.clusterctl(ctx, "generate", "cluster", s.cluster.Name, "--infrastructure", "maas", "--flavor", flavor, "--target-namespace", s.cluster.Namespace,
		"--kubernetes-version", KubernetesVersion, "--control-plane-machine-count", "1", "--worker-machine-count", "1")
}

func (s *clusterctlStory) describe(ctx context.Context) error {
	said, err := s.clusterctl(ctx, "describe", "cluster", s.cluster.Name, "--namespace", s.cluster.Namespace, "--show-conditions", "all", "--grouping=false", "--echo")
	if err != nil {
		return err
	}
	for _, want := range []string{"Cluster clusters/prod", "MaasCluster clusters/prod", "KubeadmControlPlane clusters/prod-control-plane",
		"MachineDeployment clusters/prod-vm", "MachineDeployment clusters/prod-storage", "MaasMachine clusters/prod-vm-", "HostDeployed",
		"infrastructure.cluster.x-k8s.io/StorageReady"} {
		if !strings.Contains(string(said), want) {
			return fmt.Errorf("nothing is said of %s:\n%s", want, said)
		}
	}
	return nil
}
