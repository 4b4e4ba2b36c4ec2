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
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	capie2e "sigs.k8s.io/cluster-api/test/e2e"
	"sigs.k8s.io/cluster-api/test/framework"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// The spec scales control plane and workers in at the same time, which takes a storage that shows where its data is: one that does not lets one node go at a
// time. The worker holds the only copy of a volume of Longhorn's, which is moved away when the gate has held the worker for it.
var _ = Describe("Draining nodes with the repave gate on", Label("gate-drain"), takesLong, func() {
	var held *atomic.Bool

	capie2e.NodeDrainTimeoutSpec(ctx, func() capie2e.NodeDrainTimeoutSpecInput {
		held = &atomic.Bool{}
		return capie2e.NodeDrainTimeoutSpecInput{
			E2EConfig:              e2eConfig,
			ClusterctlConfigPath:   clusterctlConfigPath,
			BootstrapClusterProxy:  management,
			ArtifactFolder:         *artifactFolder,
			SkipCleanup:            *skipCleanup,
			InfrastructureProvider: infrastructureProvider(),
			Flavor:                 ptr.To("gated-topology"),
			PostNamespaceCreated:   postNamespaceCreated,
			ControlPlaneWaiters: controlPlaneWaiters(func(_ *clusterv1.Cluster, workload framework.ClusterProxy) {
				installLonghorn(workload.GetClient())
			}),
			CreateAdditionalResources: func(_ context.Context, _ framework.ClusterProxy, cluster *clusterv1.Cluster) {
				workload := management.GetWorkloadCluster(ctx, cluster.Namespace, cluster.Name).GetClient()
				replica := keepDataOn(workload, cluster)
				inBackground(func(ctx context.Context) { evacuateWhenHeld(ctx, cluster, workload, replica, held) })
			},
		}
	})

	JustAfterEach(func() {
		if CurrentSpecReport().Failed() {
			return
		}
		Expect(held.Load()).To(BeTrue(), "The gate let the worker go with the only copy of a volume")
		expectRepaves(infrav1.RepaveRemoved, infrav1.RepaveRemoved, infrav1.RepaveRemoved)
	})
})

const longhornNamespace = "longhorn-system"

// installLonghorn makes the kinds of Longhorn's that the gate reads, and a node of it that is no server of the lab.
func installLonghorn(workload client.Client) {
	Expect(workload.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: longhornNamespace}})).To(Succeed())
	for plural, kind := range map[string]string{"nodes": "Node", "volumes": "Volume", "engines": "Engine", "replicas": "Replica"} {
		Expect(workload.Create(ctx, &apiextensionsv1.CustomResourceDefinition{
			ObjectMeta: metav1.ObjectMeta{Name: plural + ".longhorn.io"},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{
				Group: "longhorn.io", Scope: apiextensionsv1.NamespaceScoped,
				Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Kind: kind, ListKind: kind + "List"},
				Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
					Name: "v1beta2", Served: true, Storage: true,
					Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
						Type: "object", XPreserveUnknownFields: ptr.To(true),
					}},
				}},
			},
		})).To(Succeed())
	}
	createLonghorn(workload, longhorn("Node", "elsewhere", nil, readyStatus))
}

var readyStatus = map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}}

func longhorn(kind, name string, spec, status map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "longhorn.io/v1beta2", "kind": kind, "metadata": map[string]any{"namespace": longhornNamespace, "name": name},
	}}
	for field, content := range map[string]map[string]any{"spec": spec, "status": status} {
		if content != nil {
			o.Object[field] = content
		}
	}
	return o
}

// createLonghorn makes an object whose kind the API server may have heard of only now.
func createLonghorn(workload client.Client, o *unstructured.Unstructured) {
	Eventually(func() error { return client.IgnoreAlreadyExists(workload.Create(ctx, o.DeepCopy())) }, "4m", "500ms").Should(Succeed())
}

// keepDataOn puts the only copy of a volume on the worker.
func keepDataOn(workload client.Client, cluster *clusterv1.Cluster) *unstructured.Unstructured {
	nodes := workerProviderIDs(cluster)
	Expect(nodes).To(HaveLen(1))
	node := slices.Collect(maps.Keys(nodes))[0]
	createLonghorn(workload, longhorn("Node", node, nil, readyStatus))
	createLonghorn(workload, longhorn("Volume", "data", map[string]any{"numberOfReplicas": int64(1)}, map[string]any{"state": "detached", "actualSize": int64(1 << 30)}))
	replica := longhorn("Replica", "data-r-1", map[string]any{"volumeName": "data", "nodeID": node, "healthyAt": "2026-01-01T00:00:00Z"}, nil)
	createLonghorn(workload, replica)
	return replica
}

// evacuateWhenHeld moves the copy away when the gate says that it holds the worker for it.
func evacuateWhenHeld(ctx context.Context, cluster *clusterv1.Cluster, workload client.Client, replica *unstructured.Unstructured, held *atomic.Bool) {
	if !poll(ctx, func() bool {
		return waitingFor(ctx, cluster, "LastReplica") != "" || waitingFor(ctx, cluster, "DataNotEvacuated") != ""
	}) {
		return
	}
	held.Store(true)
	poll(ctx, func() bool {
		return workload.Patch(ctx, replica.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"spec":{"nodeID":"elsewhere"}}`))) == nil
	})
}

const longhornGate = `apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: RepaveGate
metadata:
  name: "${CLUSTER_NAME}"
  namespace: "${NAMESPACE}"
spec:
  clusterName: "${CLUSTER_NAME}"
  parallelism: NonOverlapping
  maxConcurrent: 3
  stablePeriodSeconds: 1
  storage:
    type: Longhorn`

// What makes a class of the release's template, and a Cluster of that class.
const (
	gatedClass = `apiVersion: cluster.x-k8s.io/v1beta2
kind: ClusterClass
metadata:
  name: gated
  namespace: "${NAMESPACE}"
spec:
  infrastructure:
    templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: MaasClusterTemplate, name: "${CLUSTER_NAME}"}
  controlPlane:
    templateRef: {apiVersion: controlplane.cluster.x-k8s.io/v1beta2, kind: KubeadmControlPlaneTemplate, name: "${CLUSTER_NAME}"}
    machineInfrastructure:
      templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: MaasMachineTemplate, name: "${CLUSTER_NAME}-control-plane"}
  workers:
    machineDeployments:
    - class: worker
      bootstrap:
        templateRef: {apiVersion: bootstrap.cluster.x-k8s.io/v1beta2, kind: KubeadmConfigTemplate, name: "${CLUSTER_NAME}-workers"}
      infrastructure:
        templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: MaasMachineTemplate, name: "${CLUSTER_NAME}-workers"}
      readinessGates:
      - conditionType: ` + infrav1.StorageReadyCondition + `
      rollout: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}}`
	classedCluster = `apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata:
  name: "${CLUSTER_NAME}"
  namespace: "${NAMESPACE}"
spec:
  clusterNetwork:
    pods: {cidrBlocks: [192.168.0.0/16]}
    services: {cidrBlocks: [10.96.0.0/12]}
  topology:
    classRef: {name: gated}
    version: "${KUBERNETES_VERSION}"
    controlPlane:
      replicas: ${CONTROL_PLANE_MACHINE_COUNT}
    workers:
      machineDeployments:
      - class: worker
        name: workers
        replicas: ${WORKER_MACHINE_COUNT}`
)

// makeGatedTopologyFlavor writes the flavor with a gate whose cluster is of a class, and the class, which clusterctl looks for in a file of its own.
func makeGatedTopologyFlavor(folder string) {
	t, class := readTemplate(folder, "cluster-template.yaml"), &template{}
	t.take("Cluster")
	t.take("MachineDeployment")
	class.add(gatedClass)
	class.add(templateOf("infrastructure.cluster.x-k8s.io/v1beta2", "MaasClusterTemplate") + deeper(t.take("MaasCluster"), "\nspec:\n"))
	class.add(templateOf("controlplane.cluster.x-k8s.io/v1beta2", "KubeadmControlPlaneTemplate") +
		"      kubeadmConfigSpec:\n" + deeper(t.take("KubeadmControlPlane"), "\n  kubeadmConfigSpec:\n"))
	class.add(t.take("KubeadmConfigTemplate"))
	t.add(classedCluster)
	t.add(longhornGate)
	class.write(folder, "clusterclass-gated.yaml")
	t.write(folder, "cluster-template-gated-topology.yaml")
}

// templateOf is the beginning of an object that is a template of another, up to the other's spec.
func templateOf(apiVersion, kind string) string {
	return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata:\n  name: \"${CLUSTER_NAME}\"\n  namespace: \"${NAMESPACE}\"\nspec:\n  template:\n    spec:\n"
}

// deeper is what follows after a place in a document, as deep as it is in a template of the same.
func deeper(document, after string) string {
	_, rest, found := strings.Cut(document, after)
	Expect(found).To(BeTrue(), "cluster-template.yaml has a place %q", after)
	return "    " + strings.ReplaceAll(rest, "\n", "\n    ")
}
