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
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Provider is one Cluster API provider, installed from its components YAML as
// clusterctl would.
type Provider struct {
	// Name is how [Lab.Manager] finds it.
	Name string
	// Kustomization is the folder the components are built from.
	Kustomization func() (string, error)
	// Binary is what the container named manager runs.
	Binary func(ctx context.Context, l *Lab) (string, error)
}

// envManager names a manager to run instead of one built from the tree, such as
// one built with the race detector.
const envManager = "LAB_MANAGER"

// Names of the providers.
const (
	ClusterAPI          = "cluster-api"
	KubeadmBootstrap    = "kubeadm-bootstrap"
	KubeadmControlPlane = "kubeadm-control-plane"
	MAAS                = "maas"
	AddonProvider       = "addon-provider"
)

// BareProviders are Cluster API core and this repository's provider: enough for
// Machines that bring their own bootstrap data.
func BareProviders() []Provider {
	return []Provider{capiProvider(ClusterAPI, "core", "capi-core"), maasProvider()}
}

// KubeadmProviders are Cluster API core and the kubeadm providers.
func KubeadmProviders() []Provider {
	return []Provider{
		capiProvider(ClusterAPI, "core", "capi-core"),
		capiProvider(KubeadmBootstrap, "bootstrap/kubeadm", "capi-kubeadm-bootstrap"),
		capiProvider(KubeadmControlPlane, "controlplane/kubeadm", "capi-kubeadm-control-plane"),
	}
}

// FullProviders are all that a management cluster runs.
func FullProviders() []Provider { return append(KubeadmProviders(), maasProvider()) }

// WithAddons adds the addon provider, which installs HelmChartProxies into workload clusters.
func WithAddons(providers []Provider) []Provider {
	return append(providers, Provider{
		Name: AddonProvider,
		Kustomization: func() (string, error) {
			dir, err := moduleDir("addon-provider", "sigs.k8s.io/cluster-api-addon-provider-helm")
			return filepath.Join(dir, "config", "default"), err
		},
		Binary: func(context.Context, *Lab) (string, error) {
			return Tool("addon-provider"), requireTools("addon-provider")
		},
	})
}

func capiProvider(name, folder, binary string) Provider {
	return Provider{
		Name: name,
		Kustomization: func() (string, error) {
			dir, err := moduleDir("cluster-api", "sigs.k8s.io/cluster-api")
			return filepath.Join(dir, folder, "config", "default"), err
		},
		Binary: func(context.Context, *Lab) (string, error) { return Tool(binary), requireTools(binary) },
	}
}

func maasProvider() Provider {
	return Provider{
		Name:          MAAS,
		Kustomization: func() (string, error) { return filepath.Join(Repository(), "config", "default"), nil },
		Binary: func(ctx context.Context, l *Lab) (string, error) {
			if path := os.Getenv(envManager); path != "" {
				return path, nil
			}
			// Built here, so that what is tested is what is in the tree.
			path := filepath.Join(l.dir, "manager")
			cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, ".")
			cmd.Dir = Repository()
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			if _, err := output(cmd); err != nil {
				return "", fmt.Errorf("building the manager: %w", err)
			}
			return path, nil
		},
	}
}

// components is what a provider's YAML holds.
type components struct {
	objects     []*unstructured.Unstructured
	services    []corev1.Service
	deployments []appsv1.Deployment
	// certificates are the DNS names by the secret that cert-manager would
	// put the certificate into.
	certificates map[string][]string
}

// loadComponents builds a provider's YAML and fills in its variables.
func loadComponents(p Provider, variables map[string]string) (*components, error) {
	dir, err := p.Kustomization()
	if err != nil {
		return nil, err
	}
	if err := requireTools("kustomize"); err != nil {
		return nil, err
	}
	raw, err := output(exec.Command(Tool("kustomize"), "build", dir))
	if err != nil {
		return nil, fmt.Errorf("building the components of %s: %w", p.Name, err)
	}
	text, err := substitute(raw, variables)
	if err != nil {
		return nil, fmt.Errorf("filling in variables of %s: %w", p.Name, err)
	}
	objects, err := ParseObjects([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("reading the components of %s: %w", p.Name, err)
	}
	return sortComponents(p.Name, objects)
}

func sortComponents(provider string, objects []*unstructured.Unstructured) (*components, error) {
	c := &components{certificates: map[string][]string{}}
	for _, u := range objects {
		var err error
		switch u.GetKind() {
		case "Deployment":
			var d appsv1.Deployment
			err = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &d)
			c.deployments = append(c.deployments, d)
		case "Service":
			var s corev1.Service
			err = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &s)
			c.services = append(c.services, s)
			c.objects = append(c.objects, u)
		case "Certificate":
			secret, _, _ := unstructured.NestedString(u.Object, "spec", "secretName")
			names, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "dnsNames")
			c.certificates[secret] = names
		case "Issuer", "ClusterIssuer", "ServiceMonitor", "PodMonitor", "PrometheusRule":
			// Kinds of operators that are not here.
		default:
			c.objects = append(c.objects, u)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s %s of %s: %w", u.GetKind(), u.GetName(), provider, err)
		}
		labels := u.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels["clusterctl.cluster.x-k8s.io"] = ""
		u.SetLabels(labels)
	}
	if len(c.deployments) == 0 {
		return nil, fmt.Errorf("the components of %s have no Deployment", provider)
	}
	return c, nil
}

// variablePattern is the part of envsubst that components use: ${NAME},
// ${NAME:=default}, ${NAME:-default}, ${NAME=default}.
var variablePattern = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:?[=-]([^}]*))?\}`)

func substitute(text string, variables map[string]string) (string, error) {
	var missing []string
	out := variablePattern.ReplaceAllStringFunc(text, func(ref string) string {
		m := variablePattern.FindStringSubmatch(ref)
		if v, ok := variables[m[1]]; ok {
			return v
		}
		if m[2] == "" {
			missing = append(missing, m[1])
		}
		return m[3]
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("no value and no default for %s", strings.Join(missing, ", "))
	}
	return out, nil
}

// deploymentOf is the Deployment a Service leads to.
func (c *components) deploymentOf(namespace, service string) (*corev1.Service, *appsv1.Deployment, error) {
	for i := range c.services {
		s := &c.services[i]
		if s.Namespace != namespace || s.Name != service {
			continue
		}
		for j := range c.deployments {
			d := &c.deployments[j]
			if d.Namespace == namespace && selects(s.Spec.Selector, d.Spec.Template.Labels) {
				return s, d, nil
			}
		}
		return nil, nil, fmt.Errorf("service %s/%s selects no Deployment", namespace, service)
	}
	return nil, nil, fmt.Errorf("there is no service %s/%s", namespace, service)
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}
