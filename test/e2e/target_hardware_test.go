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
	"os"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/test/framework"
	"sigs.k8s.io/cluster-api/test/framework/clusterctl"
)

// hardware is a management cluster that is there already and a real MAAS.
type hardware struct {
	data map[string]string // of the Secret
}

var _ target = (*hardware)(nil)

func newHardware() *hardware {
	for _, name := range []string{
		"MAAS_ENDPOINT", "MAAS_API_KEY", "MAAS_IMAGE", "MAAS_CP_RESOURCE_POOL", "MAAS_WORKER_RESOURCE_POOL",
		"CONTROL_PLANE_ENDPOINT_HOST", "KUBERNETES_VERSION", "CNI",
	} {
		Expect(e2eConfig.GetVariableOrEmpty(name)).NotTo(BeEmpty(), "%s is not set; see config/hardware.yaml", name)
	}
	// Not through the configuration, which ends up among the artifacts.
	h := &hardware{data: map[string]string{"endpoint": os.Getenv("MAAS_ENDPOINT"), "apiKey": os.Getenv("MAAS_API_KEY")}}
	if path := os.Getenv("MAAS_CA_FILE"); path != "" {
		ca, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		h.data["ca.crt"] = string(ca)
	}
	return h
}

func (h *hardware) kubeconfig() string { return "" }

func (h *hardware) credentials(namespace, name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: h.data}
}

// unreturned has nothing to tell: a lease ends when MAAS has its server back, and that no lease is left is checked already.
func (h *hardware) unreturned() []string { return nil }

// controlPlaneWaiters install a network plugin as soon as there is an API server, where the configuration names one. The simulated
// servers of the lab need none.
func controlPlaneWaiters() clusterctl.ControlPlaneWaiters {
	path := e2eConfig.GetVariableOrEmpty("CNI")
	if path == "" {
		return clusterctl.ControlPlaneWaiters{}
	}
	return clusterctl.ControlPlaneWaiters{WaitForControlPlaneInitialized: func(
		ctx context.Context, input clusterctl.ApplyCustomClusterTemplateAndWaitInput, result *clusterctl.ApplyCustomClusterTemplateAndWaitResult,
	) {
		result.ControlPlane = framework.DiscoveryAndWaitForControlPlaneInitialized(ctx, framework.DiscoveryAndWaitForControlPlaneInitializedInput{
			Lister: input.ClusterProxy.GetClient(), Cluster: result.Cluster,
		}, input.WaitForControlPlaneIntervals...)
		manifest, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		workload := input.ClusterProxy.GetWorkloadCluster(ctx, result.Cluster.Namespace, result.Cluster.Name)
		Expect(workload.CreateOrUpdate(ctx, manifest)).To(Succeed())
	}}
}
