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
)

var _ = Describe("Replacing unhealthy machines of a MachineDeployment", Label("remediation"), func() {
	capie2e.MachineDeploymentRemediationSpec(ctx, func() capie2e.MachineDeploymentRemediationSpecInput {
		return capie2e.MachineDeploymentRemediationSpecInput{
			E2EConfig:              e2eConfig,
			ClusterctlConfigPath:   clusterctlConfigPath,
			BootstrapClusterProxy:  management,
			ArtifactFolder:         *artifactFolder,
			SkipCleanup:            *skipCleanup,
			InfrastructureProvider: infrastructureProvider(),
			ControlPlaneWaiters:    controlPlaneWaiters(),
			PostNamespaceCreated:   postNamespaceCreated,
		}
	})
})

// healthCheck calls a worker unhealthy ten seconds after the spec has put its condition on the Node.
const healthCheck = `apiVersion: cluster.x-k8s.io/v1beta2
kind: MachineHealthCheck
metadata:
  name: "${CLUSTER_NAME}-workers"
  namespace: "${NAMESPACE}"
spec:
  clusterName: "${CLUSTER_NAME}"
  selector:
    matchLabels:
      e2e.remediation.label: ""
  checks:
    unhealthyNodeConditions:
    - {type: e2e.remediation.condition, status: "False", timeoutSeconds: 10}`

// makeRemediationFlavor writes the flavor that the spec generates its cluster from, with a label on the workers and a health check.
func makeRemediationFlavor(folder string) {
	t := readTemplate(folder, "cluster-template.yaml")
	t.insert("MachineDeployment", "\n  template:\n", "    metadata:\n      labels:\n        e2e.remediation.label: \"\"\n")
	t.add(healthCheck)
	t.write(folder, "cluster-template-md-remediation.yaml")
}
