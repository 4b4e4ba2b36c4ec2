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

package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

const releaseVersion = "v0.1.0"

// released makes a release and returns how clusterctl is told of it.
func released(t *testing.T) (folder string, env []string) {
	t.Helper()
	repository, settings := t.TempDir(), t.TempDir()
	kustomize, err := filepath.Abs(tool(t, "kustomize", "tools-gen"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, nil, "../hack/release.sh", kustomize, "registry.example/capmaas", releaseVersion, repository)
	folder = filepath.Join(repository, "infrastructure-maas", releaseVersion)
	if err := os.MkdirAll(filepath.Join(settings, "cluster-api"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("providers:\n- name: maas\n  type: InfrastructureProvider\n  url: file://%s/infrastructure-components.yaml\n", folder)
	if err := os.WriteFile(filepath.Join(settings, "cluster-api", "clusterctl.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder, []string{"XDG_CONFIG_HOME=" + settings, "CLUSTERCTL_DISABLE_VERSIONCHECK=true", "GOPROXY=off", "KUBECONFIG=/dev/null"}
}

func TestContractRepository(t *testing.T) {
	if testing.Short() {
		t.Skip("needs clusterctl (make tools-lab)")
	}
	folder, env := released(t)
	for _, file := range []string{"metadata.yaml", "infrastructure-components.yaml", "cluster-template.yaml", "SHA256SUMS"} {
		if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
			t.Error(err)
		}
	}
	checkCharts(t, folder)
	description := run(t, env, tool(t, "clusterctl", "tools-lab"), "generate", "provider", "--infrastructure", "maas:"+releaseVersion, "--describe")
	for _, want := range []string{"TargetNamespace:    " + namespace, "CAPMAAS_DIAGNOSTICS_ADDRESS", "registry.example/capmaas:" + releaseVersion} {
		if !strings.Contains(description, want) {
			t.Errorf("clusterctl does not see %q in:\n%s", want, description)
		}
	}
	components := run(t, env, tool(t, "clusterctl", "tools-lab"), "generate", "provider", "--infrastructure", "maas:"+releaseVersion)
	if strings.Contains(components, "${") {
		t.Error("variables without a value are left in the components")
	}
}

// checkCharts looks for an archive of each of our charts, with its digest among those of the release.
func checkCharts(t *testing.T, folder string) {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	charts, err := filepath.Glob("../charts/*/Chart.yaml")
	if err != nil || len(charts) == 0 {
		t.Fatalf("there are no charts: %v", err)
	}
	for _, chart := range charts {
		raw, err := os.ReadFile(chart)
		if err != nil {
			t.Fatal(err)
		}
		var meta struct{ Name, Version string }
		if err := yaml.Unmarshal(raw, &meta); err != nil {
			t.Fatal(err)
		}
		archive := filepath.Join("charts", meta.Name+"-"+meta.Version+".tgz")
		if files := run(t, nil, "tar", "-tzf", filepath.Join(folder, archive)); !strings.Contains(files, meta.Name+"/Chart.yaml\n") || !strings.Contains(files, meta.Name+"/templates/") {
			t.Errorf("%s has\n%s", archive, files)
		}
		if !strings.Contains(string(sums), archive) {
			t.Errorf("SHA256SUMS has no %s", archive)
		}
	}
}

// TestContractClusterTemplate fills in the template as clusterctl does and checks it against the kinds, field by field.
func TestContractClusterTemplate(t *testing.T) {
	if testing.Short() {
		t.Skip("needs clusterctl (make tools-lab)")
	}
	_, env := released(t)
	env = append(env, "CONTROL_PLANE_ENDPOINT_HOST=10.0.0.5", "MAAS_CP_RESOURCE_POOL=cp", "MAAS_WORKER_RESOURCE_POOL=workers", "MAAS_IMAGE=custom/ubuntu")
	text := run(t, env, tool(t, "clusterctl", "tools-lab"), "generate", "cluster", "prod", "--infrastructure", "maas:"+releaseVersion,
		"--target-namespace", "team", "--kubernetes-version", "v1.36.3", "--control-plane-machine-count", "3", "--worker-machine-count", "2")
	if strings.Contains(text, "${") {
		t.Error("variables are left")
	}

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clusterv1.AddToScheme, bootstrapv1.AddToScheme, controlplanev1.AddToScheme, infrav1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	all := objects(t, text)
	known := map[string]bool{}
	for _, o := range all {
		typed, err := scheme.New(o.GroupVersionKind())
		if err != nil {
			t.Errorf("%s: %v", name(o), err)
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, typed, true); err != nil {
			t.Errorf("%s: %v", name(o), err)
		}
		if o.GetNamespace() != "team" {
			t.Errorf("%s is not in the target namespace", name(o))
		}
		known[o.GroupVersionKind().Group+"/"+o.GetKind()+"/"+o.GetName()] = true
	}
	for _, o := range all {
		checkReferences(t, o, o.Object, known)
	}
	checkIdentity(t, all)
}

// TestFlavorsOfRelease has clusterctl make each flavour from a release: it finds the class by itself, and leaves no variable.
func TestFlavorsOfRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("needs clusterctl (make tools-lab)")
	}
	folder, env := released(t)
	env = append(env, "CONTROL_PLANE_ENDPOINT_HOST=172.16.3.1", "MAAS_IMAGE=custom/ubuntu-2404-k8s-{version}",
		"MAAS_CP_RESOURCE_POOL=cp", "MAAS_WORKER_RESOURCE_POOL=vm", "MAAS_STORAGE_RESOURCE_POOL=storage")
	flavors, err := filepath.Glob(filepath.Join(folder, "cluster-template-*.yaml"))
	if err != nil || len(flavors) == 0 {
		t.Fatalf("no flavours in %s: %v", folder, err)
	}
	for _, path := range flavors {
		flavor := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "cluster-template-"), ".yaml")
		t.Run(flavor, func(t *testing.T) {
			t.Parallel()
			generate := []string{
				"generate", "cluster", "prod", "--infrastructure", "maas:" + releaseVersion, "--flavor", flavor, "--target-namespace", "team",
				"--kubernetes-version", "v1.35.2", "--control-plane-machine-count", "3", "--worker-machine-count", "10",
			}
			text := run(t, env, tool(t, "clusterctl", "tools-lab"), generate...)
			all := objects(t, text)
			for kind, want := range map[string]int{"ClusterClass": 1, "Cluster": 1, "RepaveGate": 1, "MaasHostPool": 3} {
				if got := len(only(all, kind)); got != want {
					t.Errorf("%d %ss, want %d", got, kind, want)
				}
			}
			for _, o := range all {
				if o.GetNamespace() != "team" {
					t.Errorf("%s is not in the target namespace", name(o))
				}
			}
			if i := strings.Index(text, "${"); i >= 0 {
				t.Errorf("a variable is left: %.60q", text[i:])
			}
			variables := run(t, env, tool(t, "clusterctl", "tools-lab"), append(generate, "--list-variables")...)
			for _, want := range []string{"MGMT_CIDR", "STORAGE_MACHINE_COUNT", "PORTWORX_BACKEND"} {
				if !strings.Contains(variables, want) {
					t.Errorf("clusterctl does not list %s", want)
				}
			}
		})
	}
}

// checkReferences looks for apiGroup/kind/name anywhere in an object and wants their object in the template.
func checkReferences(t *testing.T, o *unstructured.Unstructured, value any, known map[string]bool) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		if group, ok := value["apiGroup"]; ok {
			if key := fmt.Sprintf("%v/%v/%v", group, value["kind"], value["name"]); !known[key] {
				t.Errorf("%s refers to %s, which is not in the template", name(o), key)
			}
		}
		if pool, ok := value["hostPoolRef"].(map[string]any); ok {
			if key := fmt.Sprintf("%s/MaasHostPool/%v", infrav1.GroupVersion.Group, pool["name"]); !known[key] {
				t.Errorf("%s refers to %s, which is not in the template", name(o), key)
			}
		}
		for _, v := range value {
			checkReferences(t, o, v, known)
		}
	case []any:
		for _, v := range value {
			checkReferences(t, o, v, known)
		}
	}
}

// checkIdentity wants every kubelet to register under the server's own name with the providerID that the provider reports.
func checkIdentity(t *testing.T, all []*unstructured.Unstructured) {
	t.Helper()
	var registrations []bootstrapv1.NodeRegistrationOptions
	for _, o := range only(all, "KubeadmControlPlane") {
		spec := as[controlplanev1.KubeadmControlPlane](t, o).Spec.KubeadmConfigSpec
		registrations = append(registrations, spec.InitConfiguration.NodeRegistration, spec.JoinConfiguration.NodeRegistration)
	}
	for _, o := range only(all, "KubeadmConfigTemplate") {
		registrations = append(registrations, as[bootstrapv1.KubeadmConfigTemplate](t, o).Spec.Template.Spec.JoinConfiguration.NodeRegistration)
	}
	if len(registrations) != 3 {
		t.Fatalf("%d ways to register a Node, want 3", len(registrations))
	}
	for _, r := range registrations {
		if r.Name != "{{ v1.local_hostname }}" {
			t.Errorf("a Node is called %q", r.Name)
		}
		if len(r.KubeletExtraArgs) != 1 || r.KubeletExtraArgs[0].Name != "provider-id" ||
			*r.KubeletExtraArgs[0].Value != infrav1.ProviderIDPrefix+"{{ v1.instance_id }}" {
			t.Errorf("a kubelet has the arguments %v", r.KubeletExtraArgs)
		}
	}
}
