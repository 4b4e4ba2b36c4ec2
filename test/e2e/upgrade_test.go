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
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	capie2e "sigs.k8s.io/cluster-api/test/e2e"
	"sigs.k8s.io/cluster-api/test/framework"
	"sigs.k8s.io/cluster-api/test/framework/clusterctl"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// On bare metal an upgrade installs servers anew. The framework's own upgrade specs leave the names of infrastructure templates to the
// configuration, before there is a cluster; here the templates differ from the cluster's by the image alone and are made from them.
var _ = Describe("Upgrading Kubernetes", Label("upgrade"), takesAWhile, func() {
	const specName = "upgrade"
	var (
		namespace     *corev1.Namespace
		cancelWatches context.CancelFunc
		cluster       *clusterctl.ApplyClusterTemplateAndWaitResult
	)

	BeforeEach(func() {
		cluster = &clusterctl.ApplyClusterTemplateAndWaitResult{}
		for _, name := range []string{capie2e.KubernetesVersionUpgradeTo, imageUpgradeTo} {
			if e2eConfig.GetVariableOrEmpty(name) == "" {
				Skip(name + " is not set")
			}
		}
		namespace, cancelWatches = framework.SetupSpecNamespace(ctx, specName, management, *artifactFolder, postNamespaceCreated)
	})

	AfterEach(func() {
		if cluster.Cluster == nil {
			return // Skipped.
		}
		framework.DumpSpecResourcesAndCleanup(ctx, specName, management, clusterctlConfigPath, *artifactFolder, namespace, cancelWatches,
			cluster.Cluster, e2eConfig.GetIntervals, *skipCleanup)
	})

	It("Should install each worker anew on the server that it had", func() {
		name := specName + "-" + util.RandomString(6)
		clusterctl.ApplyClusterTemplateAndWait(ctx, clusterctl.ApplyClusterTemplateAndWaitInput{
			ClusterProxy: management,
			ConfigCluster: clusterctl.ConfigClusterInput{
				LogFolder:                filepath.Join(*artifactFolder, "clusters", management.GetName()),
				ClusterctlConfigPath:     clusterctlConfigPath,
				KubeconfigPath:           management.GetKubeconfigPath(),
				InfrastructureProvider:   *infrastructureProvider(),
				Namespace:                namespace.Name,
				ClusterName:              name,
				KubernetesVersion:        e2eConfig.MustGetVariable(capie2e.KubernetesVersion),
				ControlPlaneMachineCount: ptr.To[int64](1),
				WorkerMachineCount:       ptr.To[int64](1),
			},
			ControlPlaneWaiters:          controlPlaneWaiters(),
			WaitForClusterIntervals:      e2eConfig.GetIntervals(specName, "wait-cluster"),
			WaitForControlPlaneIntervals: e2eConfig.GetIntervals(specName, "wait-control-plane"),
			WaitForMachineDeployments:    e2eConfig.GetIntervals(specName, "wait-worker-nodes"),
		}, cluster)
		before := workerProviderIDs(cluster.Cluster)

		version := e2eConfig.MustGetVariable(capie2e.KubernetesVersionUpgradeTo)
		By("Upgrading the control plane, which takes a spare server meanwhile")
		framework.UpgradeControlPlaneAndWaitForUpgrade(ctx, framework.UpgradeControlPlaneAndWaitForUpgradeInput{
			ClusterProxy:                management,
			Cluster:                     cluster.Cluster,
			ControlPlane:                cluster.ControlPlane,
			KubernetesUpgradeVersion:    version,
			UpgradeMachineTemplate:      nextTemplate(namespace.Name, cluster.ControlPlane.Spec.MachineTemplate.Spec.InfrastructureRef.Name),
			WaitForMachinesToBeUpgraded: e2eConfig.GetIntervals(specName, "wait-control-plane-upgrade"),
			WaitForKubeProxyUpgrade:     e2eConfig.GetIntervals(specName, "wait-control-plane-upgrade"),
		})
		By("Upgrading the workers in place")
		worker := cluster.MachineDeployments[0]
		framework.UpgradeMachineDeploymentsAndWait(ctx, framework.UpgradeMachineDeploymentsAndWaitInput{
			ClusterProxy:                management,
			Cluster:                     cluster.Cluster,
			UpgradeVersion:              version,
			UpgradeMachineTemplate:      nextTemplate(namespace.Name, worker.Spec.Template.Spec.InfrastructureRef.Name),
			MachineDeployments:          cluster.MachineDeployments,
			WaitForMachinesToBeUpgraded: e2eConfig.GetIntervals(specName, "wait-worker-upgrade"),
		})

		// The framework waits for Machines of the new version, not for what becomes of them.
		Eventually(workerProviderIDs, e2eConfig.GetIntervals(specName, "wait-worker-nodes")...).WithArguments(cluster.Cluster).
			Should(Equal(before), "The worker did not come back to its server")
		framework.VerifyMachinesReady(ctx, framework.VerifyMachinesReadyInput{Lister: management.GetClient(), Name: name, Namespace: namespace.Name})
		checkIdentity(management, namespace.Name, name)
		By("Checking that every Node runs the new version")
		nodes := &corev1.NodeList{}
		Expect(management.GetWorkloadCluster(ctx, namespace.Name, name).GetClient().List(ctx, nodes)).To(Succeed())
		Expect(nodes.Items).To(HaveLen(2), "Nodes of servers that left the cluster are there still")
		for _, node := range nodes.Items {
			Expect(node.Status.NodeInfo.KubeletVersion).To(Equal(version), node.Name)
		}
	})
})

// imageUpgradeTo is the variable with the image that has the version of KUBERNETES_VERSION_UPGRADE_TO.
const imageUpgradeTo = "MAAS_IMAGE_UPGRADE_TO"

// nextTemplate makes a copy of a MaasMachineTemplate that has the image to upgrade to, and returns its name.
func nextTemplate(namespace, name string) *string {
	template := &infrav1.MaasMachineTemplate{}
	Expect(management.GetClient().Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, template)).To(Succeed())
	next := &infrav1.MaasMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name + "-next"}, Spec: template.Spec}
	next.Spec.Template.Spec.Image.Name = e2eConfig.MustGetVariable(imageUpgradeTo)
	Expect(management.GetClient().Create(ctx, next)).To(Succeed())
	return &next.Name
}

// workerProviderIDs are the servers of the workers, by the names of their Nodes.
func workerProviderIDs(cluster *clusterv1.Cluster) map[string]string {
	machines := &clusterv1.MachineList{}
	Expect(management.GetClient().List(ctx, machines, client.InNamespace(cluster.Namespace),
		client.MatchingLabels{clusterv1.ClusterNameLabel: cluster.Name}, client.HasLabels{clusterv1.MachineDeploymentNameLabel})).To(Succeed())
	out := map[string]string{}
	for _, m := range machines.Items {
		out[m.Status.NodeRef.Name] = m.Spec.ProviderID
	}
	return out
}
