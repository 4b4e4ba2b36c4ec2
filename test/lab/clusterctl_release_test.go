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
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

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
