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
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/test/framework"
	"sigs.k8s.io/cluster-api/test/framework/clusterctl"
)

// credentials are the Secret with which clusters of a namespace reach MAAS. They do not go through the configuration, which ends up among the artifacts.
func credentials(namespace, name string) *corev1.Secret {
	data := map[string]string{"endpoint": os.Getenv("MAAS_ENDPOINT"), "apiKey": os.Getenv("MAAS_API_KEY")}
	Expect(data["endpoint"]).NotTo(BeEmpty(), "MAAS_ENDPOINT is not set; see config/hardware.yaml")
	Expect(data["apiKey"]).NotTo(BeEmpty(), "MAAS_API_KEY is not set; see config/hardware.yaml")
	if path := os.Getenv("MAAS_CA_FILE"); path != "" {
		ca, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		data["ca.crt"] = string(ca)
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: data}
}

// controlPlaneWaiters install a network plugin as soon as there is an API server, where the configuration names one, and whatever else the
// workload cluster is to have. The simulated servers of the lab need no plugin.
func controlPlaneWaiters(installs ...func(cluster *clusterv1.Cluster, workload framework.ClusterProxy)) clusterctl.ControlPlaneWaiters {
	if path := e2eConfig.GetVariableOrEmpty("CNI"); path != "" {
		installs = append(installs, func(_ *clusterv1.Cluster, workload framework.ClusterProxy) {
			manifest, err := os.ReadFile(path)
			Expect(err).NotTo(HaveOccurred())
			Expect(workload.CreateOrUpdate(ctx, manifest)).To(Succeed())
		})
	}
	if len(installs) == 0 {
		return clusterctl.ControlPlaneWaiters{}
	}
	return clusterctl.ControlPlaneWaiters{WaitForControlPlaneInitialized: func(
		ctx context.Context, input clusterctl.ApplyCustomClusterTemplateAndWaitInput, result *clusterctl.ApplyCustomClusterTemplateAndWaitResult,
	) {
		result.ControlPlane = framework.DiscoveryAndWaitForControlPlaneInitialized(ctx, framework.DiscoveryAndWaitForControlPlaneInitializedInput{
			Lister: input.ClusterProxy.GetClient(), Cluster: result.Cluster,
		}, input.WaitForControlPlaneIntervals...)
		workload := input.ClusterProxy.GetWorkloadCluster(ctx, result.Cluster.Namespace, result.Cluster.Name)
		for _, install := range installs {
			install(result.Cluster, workload)
		}
	}}
}
