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
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	capie2e "sigs.k8s.io/cluster-api/test/e2e"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// classFlavor is a Cluster of class vmo without addons and without workers of class storage: the spec that rolls out counts the taints of
// all workers, and those have one of their own.
const classFlavor = "class"

var _ = Describe("Changing ClusterClass vmo", Label("clusterclass-changes"), takesLong, func() {
	capie2e.ClusterClassChangesSpec(ctx, func() capie2e.ClusterClassChangesSpecInput {
		return capie2e.ClusterClassChangesSpecInput{
			E2EConfig:              e2eConfig,
			ClusterctlConfigPath:   clusterctlConfigPath,
			BootstrapClusterProxy:  management,
			ArtifactFolder:         *artifactFolder,
			SkipCleanup:            *skipCleanup,
			InfrastructureProvider: infrastructureProvider(),
			Flavor:                 classFlavor,
			ControlPlaneWaiters:    controlPlaneWaiters(),
			PostNamespaceCreated:   postNamespaceCreated,
			// Fields that no variable of the class sets.
			ModifyControlPlaneFields:                                   map[string]any{"spec.kubeadmConfigSpec.verbosity": int64(4)},
			ModifyMachineDeploymentBootstrapConfigTemplateFields:       map[string]any{"spec.template.spec.verbosity": int64(4)},
			ModifyMachineDeploymentInfrastructureMachineTemplateFields: map[string]any{"spec.template.spec.selector.minCPUCount": int64(2)},
		}
	})
})

var _ = Describe("Rolling out by ClusterClass vmo", Label("clusterclass-rollout"), takesLong, func() {
	capie2e.ClusterClassRolloutSpec(ctx, func() capie2e.ClusterClassRolloutSpecInput {
		return capie2e.ClusterClassRolloutSpecInput{
			E2EConfig:                      e2eConfig,
			ClusterctlConfigPath:           clusterctlConfigPath,
			BootstrapClusterProxy:          management,
			ArtifactFolder:                 *artifactFolder,
			SkipCleanup:                    *skipCleanup,
			InfrastructureProvider:         infrastructureProvider(),
			Flavor:                         classFlavor,
			ControlPlaneWaiters:            controlPlaneWaiters(),
			PostNamespaceCreated:           postNamespaceCreated,
			FilterMetadataBeforeValidation: metadataOfTopology,
		}
	})
})

// metadataOfTopology is an object's metadata without the gate's hook where it is not the topology's: the spec takes all annotations of the
// topology away, the hook with them, and the gate puts it back on the Machines.
func metadataOfTopology(object client.Object) clusterv1.ObjectMeta {
	metadata := clusterv1.ObjectMeta{Labels: object.GetLabels(), Annotations: object.GetAnnotations()}
	machine, ok := object.(*clusterv1.Machine)
	if !ok {
		return metadata
	}
	cluster := &clusterv1.Cluster{}
	Expect(management.GetClient().Get(ctx, client.ObjectKey{Namespace: machine.Namespace, Name: machine.Spec.ClusterName}, cluster)).To(Succeed())
	if _, ok := cluster.Spec.Topology.ControlPlane.Metadata.Annotations[infrav1.RepaveHookAnnotation]; !ok {
		delete(metadata.Annotations, infrav1.RepaveHookAnnotation)
	}
	return metadata
}

// makeClassFlavor writes the flavor of the specs of the class, with the taints that one of them expects.
func makeClassFlavor(folder string) {
	t := readTemplate(folder, "cluster-template-topology.yaml")
	t.documents = slices.DeleteFunc(t.documents, func(document string) bool {
		return strings.Contains(document, "\nkind: HelmChartProxy\n") || strings.Contains(document, `name: "${CLUSTER_NAME}-storage"`)
	})
	i := t.find("Cluster")
	before, rest, found := strings.Cut(t.documents[i], "\n      - class: storage\n")
	Expect(found).To(BeTrue(), "%s has workers of class storage", t.name)
	_, after, found := strings.Cut(rest, "\n    variables:\n")
	Expect(found).To(BeTrue(), "%s has variables", t.name)
	t.documents[i] = before + "\n    variables:\n" + after
	t.insert("Cluster", "\n    controlPlane:\n", taints)
	t.insert("Cluster", "\n        name: vm\n", strings.ReplaceAll(taints, "      ", "        "))
	t.write(folder, "cluster-template-"+classFlavor+".yaml")
}
