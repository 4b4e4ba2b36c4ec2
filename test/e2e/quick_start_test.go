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
	. "github.com/onsi/ginkgo/v2"
	capie2e "sigs.k8s.io/cluster-api/test/e2e"
	"sigs.k8s.io/cluster-api/test/framework"
)

var _ = Describe("Following the Cluster API quick-start", Label("quick-start"), func() {
	capie2e.QuickStartSpec(ctx, func() capie2e.QuickStartSpecInput {
		return capie2e.QuickStartSpecInput{
			E2EConfig:              e2eConfig,
			ClusterctlConfigPath:   clusterctlConfigPath,
			BootstrapClusterProxy:  management,
			ArtifactFolder:         *artifactFolder,
			SkipCleanup:            *skipCleanup,
			InfrastructureProvider: infrastructureProvider(),
			ControlPlaneWaiters:    controlPlaneWaiters(),
			PostNamespaceCreated:   postNamespaceCreated,
			ClusterctlVariables:    poolsOfItsOwn(),
			PostMachinesProvisioned: func(proxy framework.ClusterProxy, namespace, clusterName string) {
				checkIdentity(proxy, namespace, clusterName)
				checkResilience(proxy, namespace, clusterName)
			},
		}
	})
})

// poolsOfItsOwn are resource pools that no other spec takes servers of, where the configuration names some. This spec wants no object to be written for a
// while, and a MaasHostPool tells how many servers are left.
func poolsOfItsOwn() map[string]string {
	variables := map[string]string{}
	for own, variable := range map[string]string{
		"MAAS_CP_RESOURCE_POOL_OF_QUICK_START": "MAAS_CP_RESOURCE_POOL", "MAAS_WORKER_RESOURCE_POOL_OF_QUICK_START": "MAAS_WORKER_RESOURCE_POOL",
	} {
		if pool := e2eConfig.GetVariableOrEmpty(own); pool != "" {
			variables[variable] = pool
		}
	}
	return variables
}
