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
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
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

// releaseVersion fits metadata.yaml and is no version that was released.
const releaseVersion = "v0.1.99"

// installed are the providers, by the label that clusterctl gives to their objects.
func installed() map[string]Provider {
	out := map[string]Provider{}
	for _, p := range WithAddons(FullProviders()) {
		out[map[string]string{
			ClusterAPI: "cluster-api", KubeadmBootstrap: "bootstrap-kubeadm", KubeadmControlPlane: "control-plane-kubeadm",
			MAAS: "infrastructure-maas", AddonProvider: "addon-helm",
		}[p.Name]] = p
	}
	return out
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

// release writes a clusterctl repository with this tree's release, the other providers' components, and cert-manager's CRDs.
func (s *clusterctlStory) release(ctx context.Context) error {
	if err := s.run(ctx, nil, "make", "-C", Repository(), "release", "VERSION="+releaseVersion, "OUT="+s.dir); err != nil {
		return err
	}
	repository := filepath.Join(s.dir, "repository")
	var config struct {
		Providers   []map[string]string `json:"providers"`
		CertManager map[string]string   `json:"cert-manager"`
	}
	for label, p := range installed() {
		kind, name, file := providerFiles(label)
		folder := filepath.Join(repository, label, releaseVersion)
		if label != "infrastructure-maas" {
			if err := writeComponents(ctx, p, folder, file); err != nil {
				return err
			}
		}
		config.Providers = append(config.Providers, map[string]string{"name": name, "type": kind, "url": filepath.Join(folder, file)})
	}
	const certManager = "v1.21.1"
	config.CertManager = map[string]string{"url": filepath.Join(repository, "cert-manager", certManager, "cert-manager.yaml"), "version": certManager}
	if err := writeCertManager(config.CertManager["url"]); err != nil {
		return err
	}
	raw, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("clusterctl.yaml"), raw, 0o600); err != nil {
		return err
	}
	return s.lab.api.WriteKubeconfig(s.path("kubeconfig"))
}

func (s *clusterctlStory) path(name string) string { return filepath.Join(s.dir, name) }

// providerFiles are the type and the name of a provider by its label, and the file with its components.
func providerFiles(label string) (kind, name, file string) {
	if label == "cluster-api" {
		return "CoreProvider", label, "core-components.yaml"
	}
	for prefix, kind := range map[string]string{
		"bootstrap": "BootstrapProvider", "control-plane": "ControlPlaneProvider", "infrastructure": "InfrastructureProvider", "addon": "AddonProvider",
	} {
		if name, ok := strings.CutPrefix(label, prefix+"-"); ok {
			return kind, name, prefix + "-components.yaml"
		}
	}
	panic("no such provider: " + label)
}

// writeComponents writes a provider's release, which its own repository would have: all are called the same version here.
func writeComponents(ctx context.Context, p Provider, folder, file string) error {
	source, err := p.Kustomization()
	if err != nil {
		return err
	}
	raw, err := output(exec.CommandContext(ctx, Tool("kustomize"), "build", source))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	metadata := "apiVersion: clusterctl.cluster.x-k8s.io/v1alpha3\nkind: Metadata\nreleaseSeries: [{major: 0, minor: 1, contract: v1beta2}]\n"
	if err := os.WriteFile(filepath.Join(folder, "metadata.yaml"), []byte(metadata), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, file), []byte(raw), 0o600)
}

// writeCertManager writes cert-manager's CRDs and its namespace. Its programs are the platform's part.
func writeCertManager(path string) error {
	module, err := moduleDir("cert-manager", "github.com/cert-manager/cert-manager")
	if err != nil {
		return err
	}
	all := []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: cert-manager}\n")
	crds, err := filepath.Glob(filepath.Join(module, "deploy", "crds", "cert-manager.io_*.yaml"))
	if err != nil || len(crds) == 0 {
		return fmt.Errorf("cert-manager has no CRDs in %s: %w", module, err)
	}
	for _, crd := range crds {
		raw, err := os.ReadFile(crd)
		if err != nil {
			return err
		}
		all = append(append(all, "---\n"...), raw...)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, all, 0o600)
}

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

// management fills in the management folder of the example repository and applies it: namespace, class, credentials.
func (s *clusterctlStory) management(ctx context.Context) error {
	generated, err := s.generate(ctx, "four-nic")
	if err != nil {
		return err
	}
	if !bytes.Contains(generated, []byte("kind: ClusterClass\n")) {
		return errors.New("clusterctl does not bring the class, which is not there yet")
	}
	if err := os.CopyFS(s.path("git"), os.DirFS(filepath.Join(Repository(), "docs", "gitops", "example"))); err != nil {
		return err
	}
	class, err := os.ReadFile(filepath.Join(s.dir, "repository", "infrastructure-maas", releaseVersion, "clusterclass-vmo.yaml"))
	if err != nil {
		return err
	}
	secret := s.lab.Credentials("", credentialsName)
	secret.Data = map[string][]byte{}
	for key, value := range secret.StringData {
		secret.Data[key] = []byte(value)
	}
	secret.Labels = map[string]string{"clusterctl.cluster.x-k8s.io/move": ""} // as docs/credentials.md has it
	secret.StringData = nil                                                   // is not kept, and would be a difference for ever
	credentials, err := yaml.Marshal(secret)
	if err != nil {
		return err
	}
	if err := s.commit("management/clusterclass-vmo.yaml", class); err != nil {
		return err
	}
	if err := s.commit("management/credentials.yaml", credentials); err != nil {
		return err
	}
	text, err := s.sync(ctx, "management")
	if err != nil {
		return err
	}
	objects, err := ParseObjects(text)
	if err != nil {
		return err
	}
	return s.classReady(ctx, byKind(objects, "ClusterClass")[0])
}

// commit writes a file of the example repository.
func (s *clusterctlStory) commit(path string, content []byte) error {
	return os.WriteFile(filepath.Join(s.path("git"), path), content, 0o600)
}

// sync applies a folder of the example repository with server-side apply, and returns what it holds.
func (s *clusterctlStory) sync(ctx context.Context, folder string, more ...string) ([]byte, error) {
	text, err := s.ask(ctx, nil, Tool("kustomize"), "build", filepath.Join(s.path("git"), folder))
	if err != nil {
		return nil, err
	}
	_, err = s.kubectl(ctx, text, append([]string{"apply", "--server-side", "-f", "-"}, more...)...)
	return text, err
}

// everyFlavor generates each flavour into the example repository and has the API server and all webhooks look at it. The class is there, and is not brought again.
func (s *clusterctlStory) everyFlavor(ctx context.Context) error {
	for _, flavor := range s.flavors() {
		generated, err := s.generate(ctx, flavor)
		if err != nil {
			return err
		}
		if bytes.Contains(generated, []byte("kind: ClusterClass\n")) {
			return fmt.Errorf("flavour %q brings the class, which is there", flavor)
		}
		if err := s.commit("prod/cluster.yaml", generated); err != nil {
			return err
		}
		if _, err := s.sync(ctx, "prod", "--dry-run=server"); err != nil {
			return fmt.Errorf("flavour %q: %w", flavor, err)
		}
	}
	return nil
}

// apply makes the Cluster, without addons: there is no chart repository here. TestAddons has one.
func (s *clusterctlStory) apply(ctx context.Context) error {
	generated, err := s.generate(ctx, "topology")
	if err != nil {
		return err
	}
	objects, err := ParseObjects(generated)
	if err != nil {
		return err
	}
	text, err := textOf(slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == "HelmChartProxy" }))
	if err != nil {
		return err
	}
	if err := s.commit("prod/cluster.yaml", text); err != nil {
		return err
	}
	if _, err := s.sync(ctx, "prod"); err != nil {
		return err
	}
	return s.available(ctx)
}

func textOf(objects []*unstructured.Unstructured) ([]byte, error) {
	var text bytes.Buffer
	for _, o := range objects {
		raw, err := yaml.Marshal(o.Object)
		if err != nil {
			return nil, err
		}
		text.WriteString("---\n")
		text.Write(raw)
	}
	return text.Bytes(), nil
}

// noDrift wants what Git holds, applied once more, to change nothing of what lives. Where a status is written between the two looks there is one more look.
func (s *clusterctlStory) noDrift(ctx context.Context) error {
	for _, folder := range []string{"management", "prod"} {
		text, err := s.ask(ctx, nil, Tool("kustomize"), "build", filepath.Join(s.path("git"), folder))
		if err != nil {
			return err
		}
		if err := WaitFor(ctx, "a server-side diff of "+folder+" to find nothing", 30*time.Second, func(ctx context.Context) error {
			_, err := s.kubectl(ctx, text, "diff", "--server-side", "-f", "-")
			return err
		}); err != nil {
			return err
		}
	}
	return nil
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

// disaster loses the management cluster with all that is in it, installs another and puts the Cluster back from the files that "clusterctl move" had written. No
// server notices.
func (s *clusterctlStory) disaster(ctx context.Context) error {
	folder := s.path("saved")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	before := s.installations()
	if _, err := s.clusterctl(ctx, "move", "--namespace", s.cluster.Namespace, "--to-directory", folder); err != nil {
		return err
	}
	if err := s.loseManagement(ctx); err != nil {
		return err
	}
	if err := s.init(ctx); err != nil {
		return err
	}
	if _, err := s.clusterctl(ctx, "move", "--namespace", s.cluster.Namespace, "--from-directory", folder); err != nil {
		return err
	}
	if err := s.available(ctx); err != nil {
		return err
	}
	if after := s.installations(); after != before {
		return fmt.Errorf("servers were touched: %s before, %s after", before, after)
	}
	return nil
}

// loseManagement puts an empty management cluster in the place of the one that there is. Servers and MAAS run on.
func (s *clusterctlStory) loseManagement(ctx context.Context) error {
	if err := s.stopPlatform(); err != nil {
		return err
	}
	l := s.lab
	for _, m := range l.managers {
		m.Kill()
		m.netns.Close()
	}
	l.managers = nil
	l.api.Stop()
	for _, folder := range []string{"management", "managers"} {
		if err := os.RemoveAll(filepath.Join(l.dir, folder)); err != nil {
			return err
		}
	}
	if err := l.startManagement(ctx); err != nil {
		return err
	}
	s.startPlatform(s.t.Context())
	return l.api.WriteKubeconfig(s.path("kubeconfig"))
}

// installations tells how often each server was deployed and released.
func (s *clusterctlStory) installations() string {
	var out []string
	for _, m := range s.lab.MAAS().Machines() {
		out = append(out, fmt.Sprintf("%s %d/%d", m.Hostname, m.Deploys, m.Releases))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
