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
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	clusterctlcluster "sigs.k8s.io/cluster-api/cmd/clusterctl/client/cluster"
	clusterctlconfig "sigs.k8s.io/cluster-api/cmd/clusterctl/client/config"
	"sigs.k8s.io/cluster-api/test/framework"
	"sigs.k8s.io/cluster-api/test/framework/clusterctl"
	"sigs.k8s.io/cluster-api/test/framework/ginkgoextensions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

const (
	providerName       = "maas"
	existingClusterArg = "e2e.use-existing-cluster"

	// The variable with the addresses of control planes, one for each process that runs specs.
	controlPlaneEndpointHost = "CONTROL_PLANE_ENDPOINT_HOST"
)

// The suite's flags, which other providers' suites have as well.
var (
	configPath         = flag.String("e2e.config", "config/maas.yaml", "e2e configuration file")
	artifactFolder     = flag.String("e2e.artifacts-folder", filepath.Join(lab.Repository(), "_artifacts", "e2e"), "folder for logs and dumps")
	clusterctlConfig   = flag.String("e2e.clusterctl-config", "", "clusterctl configuration file; without it a local repository is made from this tree")
	useExistingCluster = flag.Bool(existingClusterArg, false, "use the management cluster of $KUBECONFIG and the MAAS of the environment instead of the lab")
	skipCleanup        = flag.Bool("e2e.skip-resource-cleanup", false, "leave what the specs made")
)

// Specs that take longer begin earlier, so that none runs alone in the end.
const (
	takesLong   = SpecPriority(2) // about four minutes on the lab
	takesAWhile = SpecPriority(1) // about two; the others take half of that
)

// What the specs share.
var (
	ctx = context.Background()

	e2eConfig            *clusterctl.E2EConfig
	clusterctlConfigPath string
	management           framework.ClusterProxy
	specNamespace        string // of the spec that runs
)

func TestMain(m *testing.M) {
	// Flags cannot be parsed yet: the same program is started in other roles, with arguments of their own.
	existing := slices.ContainsFunc(os.Args[1:], func(arg string) bool {
		name, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		return name == existingClusterArg && value != "false"
	})
	if !existing {
		lab.Enter()
	}
	os.Exit(m.Run())
}

func TestE2E(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	if err := os.MkdirAll(*artifactFolder, 0o755); err != nil {
		t.Fatal(err)
	}
	if !*useExistingCluster {
		runOnLab(t)
		return
	}
	ctrl.SetLogger(klog.Background())
	RegisterFailHandler(Fail)
	log, err := ginkgoextensions.EnableFileLogging(filepath.Join(*artifactFolder, fmt.Sprintf("ginkgo-log.%d.txt", GinkgoParallelProcess())))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	RunSpecs(t, "cluster-api-provider-maas")
}

// Once for all processes.
var _ = SynchronizedBeforeSuite(func() []byte {
	// First, for the configuration is not read without the files that it names.
	By("Building the provider's release")
	makeRelease()
	loadConfig()
	path := *clusterctlConfig
	if path == "" {
		By("Making a clusterctl repository")
		path = clusterctl.CreateRepository(ctx, clusterctl.CreateRepositoryInput{
			E2EConfig: e2eConfig, RepositoryFolder: filepath.Join(*artifactFolder, "repository"),
		})
	}
	installInventory(path)
	return []byte(path)
}, func(path []byte) {
	loadConfig()
	clusterctlConfigPath = string(path)
	management = framework.NewClusterProxy(e2eConfig.ManagementClusterName, "", scheme())
})

var _ = SynchronizedAfterSuite(func() {
	if management != nil {
		management.Dispose(ctx)
	}
}, func() {})

// After a spec everything is as it was before: a spec that leaves a server behind fails. A lease ends when MAAS has its server back.
var _ = AfterEach(func() {
	if *skipCleanup || CurrentSpecReport().State != types.SpecStatePassed {
		return
	}
	By("Checking that no lease is left and the namespace goes")
	Eventually(func(g Gomega) {
		err := management.GetClient().Get(ctx, client.ObjectKey{Name: specNamespace}, &corev1.Namespace{})
		g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "Namespace %s is left: something in it has a finalizer still (%v)", specNamespace, err)
		hosts := &infrav1.MaasHostList{}
		g.Expect(management.GetClient().List(ctx, hosts, client.InNamespace(specNamespace))).To(Succeed())
		g.Expect(hosts.Items).To(BeEmpty(), "Leases are left")
	}, e2eConfig.GetIntervals("default", "wait-servers-returned")...).Should(Succeed())
})

// loadConfig reads the configuration. What it names without a value has to be in the environment.
func loadConfig() {
	e2eConfig = clusterctl.LoadE2EConfig(ctx, clusterctl.LoadE2EConfigInput{ConfigPath: *configPath})
	for name := range e2eConfig.Variables {
		Expect(e2eConfig.GetVariableOrEmpty(name)).NotTo(BeEmpty(), "%s is not set; see %s", name, *configPath)
	}
	addresses := strings.Split(e2eConfig.MustGetVariable(controlPlaneEndpointHost), ",")
	process := GinkgoParallelProcess()
	Expect(process).To(BeNumerically("<=", len(addresses)), "%s has an address for each process", controlPlaneEndpointHost)
	// The framework and clusterctl ask the environment first.
	Expect(os.Setenv(controlPlaneEndpointHost, addresses[process-1])).To(Succeed())
}

// makeRelease builds what a release consists of from this tree, as the version the configuration files name.
func makeRelease() {
	raw, err := os.ReadFile(filepath.Join(lab.Repository(), "clusterctl-settings.json"))
	Expect(err).NotTo(HaveOccurred())
	var settings struct {
		Config struct{ NextVersion string }
	}
	Expect(json.Unmarshal(raw, &settings)).To(Succeed())
	timeout, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	out := filepath.Join(lab.Repository(), "out", "e2e")
	release := exec.CommandContext(timeout, "make", "release", "VERSION="+settings.Config.NextVersion, "OUT="+out)
	release.Dir = lab.Repository()
	said, err := release.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(said))
	makeFlavors(filepath.Join(out, "repository", "infrastructure-maas", settings.Config.NextVersion))
}

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	framework.TryAddDefaultSchemes(s)
	Expect(infrav1.AddToScheme(s)).To(Succeed())
	return s
}

// installInventory installs the CRD in which clusterctl keeps what it has installed. "clusterctl init" does it first of all; the lab
// installs providers by itself, yet what clusterctl has to say about owners asks for the inventory.
func installInventory(clusterctlConfigPath string) {
	config, err := clusterctlconfig.New(ctx, clusterctlConfigPath)
	Expect(err).NotTo(HaveOccurred())
	cluster := clusterctlcluster.New(clusterctlcluster.Kubeconfig{}, config)
	Expect(cluster.ProviderInventory().EnsureCustomResourceDefinitions(ctx)).To(Succeed())
}

// infrastructureProvider is how clusterctl finds the templates: with its version, for the lab keeps no inventory of providers.
func infrastructureProvider() *string {
	versions := e2eConfig.GetProviderVersions(providerName)
	Expect(versions).To(HaveLen(1))
	name := providerName + ":" + versions[0]
	return &name
}

// postNamespaceCreated puts the MAAS credentials where the templates look for them.
func postNamespaceCreated(proxy framework.ClusterProxy, namespace string) {
	specNamespace = namespace
	secret := credentials(namespace, e2eConfig.MustGetVariable("MAAS_CREDENTIALS_SECRET"))
	Expect(proxy.GetClient().Create(ctx, secret)).To(Succeed())
}
