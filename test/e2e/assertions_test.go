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
	"fmt"
	"maps"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	clusterctlcluster "sigs.k8s.io/cluster-api/cmd/clusterctl/client/cluster"
	"sigs.k8s.io/cluster-api/test/framework"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// Kinds of this provider.
const (
	maasClusterKind         = "MaasCluster"
	maasMachineKind         = "MaasMachine"
	maasMachineTemplateKind = "MaasMachineTemplate"
	maasHostKind            = "MaasHost"
	maasHostPoolKind        = "MaasHostPool"
)

// ownerAssertions say by kind who owns the objects; see the framework.
type ownerAssertions = map[string]func(types.NamespacedName, []metav1.OwnerReference) error

var (
	clusterOwner      = metav1.OwnerReference{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster"}
	machineController = metav1.OwnerReference{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine", Controller: ptr.To(true)}
	maasClusterOwner  = metav1.OwnerReference{APIVersion: infrav1.GroupVersion.String(), Kind: maasClusterKind}
	maasHostPoolOwner = metav1.OwnerReference{APIVersion: infrav1.GroupVersion.String(), Kind: maasHostPoolKind}
)

// maasOwners are the owners of this provider's objects.
var maasOwners = ownerAssertions{
	maasClusterKind:         exactly(clusterOwner),
	maasMachineKind:         exactly(machineController),
	maasMachineTemplateKind: exactly(clusterOwner),
	// The lease is to outlive the MaasMachine, and to move with its cluster; without a consumer it stays with its pool.
	maasHostKind: exactly(maasClusterOwner, maasHostPoolOwner),
	// Pools are shared by the clusters of a namespace.
	maasHostPoolKind: exactly(),
}

func exactly(owners ...metav1.OwnerReference) func(types.NamespacedName, []metav1.OwnerReference) error {
	return func(_ types.NamespacedName, got []metav1.OwnerReference) error {
		return framework.HasExactOwners(got, owners...)
	}
}

// secretOwners are the framework's assertions, but for the credentials: those are the user's.
func secretOwners() ownerAssertions {
	out := maps.Clone(framework.KubernetesReferenceAssertions)
	made := out["Secret"]
	credentials := e2eConfig.MustGetVariable("MAAS_CREDENTIALS_SECRET")
	out["Secret"] = func(name types.NamespacedName, owners []metav1.OwnerReference) error {
		if name.Name == credentials {
			return framework.HasExactOwners(owners)
		}
		return made(name, owners)
	}
	return out
}

// maasFinalizers are the finalizers of this provider's objects.
var maasFinalizers = map[string]func(types.NamespacedName) []string{
	maasClusterKind:  func(types.NamespacedName) []string { return []string{infrav1.ClusterFinalizer} },
	maasMachineKind:  func(types.NamespacedName) []string { return []string{infrav1.MachineFinalizer} },
	maasHostKind:     func(types.NamespacedName) []string { return []string{infrav1.HostFinalizer} },
	maasHostPoolKind: func(types.NamespacedName) []string { return []string{infrav1.HostPoolFinalizer} },
}

// checkResilience takes away owner references and finalizers, as a restore from a backup or a careless hand does, and waits for the
// controllers to put them back; then it checks that they have come to rest.
func checkResilience(proxy framework.ClusterProxy, namespace, clusterName string) {
	ofCluster := clusterctlcluster.FilterClusterObjectsWithNameFilter(clusterName)
	owners := []ownerAssertions{
		framework.CoreOwnerReferenceAssertion,
		framework.ExpOwnerReferenceAssertions,
		framework.KubeadmBootstrapOwnerReferenceAssertions,
		framework.KubeadmControlPlaneOwnerReferenceAssertions(false),
		secretOwners(),
		maasOwners,
	}
	By("Checking that owner references come back")
	framework.ValidateOwnerReferencesResilience(ctx, proxy, namespace, clusterName, ofCluster, owners...)
	By("Checking that owner references get the current API version")
	framework.ValidateOwnerReferencesOnUpdate(ctx, proxy, namespace, clusterName, ofCluster, owners...)
	By("Checking that finalizers come back")
	framework.ValidateFinalizersResilience(ctx, proxy, namespace, clusterName, ofCluster,
		framework.CoreFinalizersAssertionWithLegacyClusters,
		framework.KubeadmControlPlaneFinalizersAssertion,
		framework.ExpFinalizersAssertion,
		maasFinalizers,
	)
	By("Checking that nothing writes for ever")
	framework.ValidateResourceVersionStable(ctx, framework.ValidateResourceVersionStableInput{
		ClusterProxy:             proxy,
		Namespace:                namespace,
		OwnerGraphFilterFunction: ofCluster,
		WaitToBecomeStable:       e2eConfig.GetIntervals("default", "wait-resource-versions-become-stable"),
		WaitToRemainStable:       e2eConfig.GetIntervals("default", "wait-resource-versions-remain-stable"),
	})
}

// checkIdentity checks that each Machine has one lease, on a server that MAAS says is deployed, and that its Node has the server's name.
func checkIdentity(proxy framework.ClusterProxy, namespace, clusterName string) {
	By("Checking that each Machine has a server, and its Node the name of that server")
	machines := &clusterv1.MachineList{}
	Expect(proxy.GetClient().List(ctx, machines, client.InNamespace(namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: clusterName})).To(Succeed())
	Expect(machines.Items).NotTo(BeEmpty())
	hosts := &infrav1.MaasHostList{}
	Expect(proxy.GetClient().List(ctx, hosts, client.InNamespace(namespace))).To(Succeed())
	Expect(hosts.Items).To(HaveLen(len(machines.Items)))
	byProviderID := map[string]*infrav1.MaasHost{}
	for i := range hosts.Items {
		byProviderID[fmt.Sprintf("maas:///%s", hosts.Items[i].Spec.SystemID)] = &hosts.Items[i]
	}
	for _, machine := range machines.Items {
		host := byProviderID[machine.Spec.ProviderID]
		Expect(host).NotTo(BeNil(), "Machine %s has providerID %q, which is no lease's", machine.Name, machine.Spec.ProviderID)
		Expect(host.Spec.ConsumerRef.Name).To(Equal(machine.Spec.InfrastructureRef.Name))
		Expect(host.Status.MAAS.State).To(Equal("Deployed"))
		Expect(machine.Status.NodeRef.Name).To(Equal(host.Status.MAAS.Hostname))
	}
}
