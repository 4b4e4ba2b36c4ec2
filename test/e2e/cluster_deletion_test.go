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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	capie2e "sigs.k8s.io/cluster-api/test/e2e"
)

var _ = Describe("Deleting a cluster", Label("cluster-deletion"), func() {
	capie2e.ClusterDeletionSpec(ctx, func() capie2e.ClusterDeletionSpecInput {
		return capie2e.ClusterDeletionSpecInput{
			E2EConfig:              e2eConfig,
			ClusterctlConfigPath:   clusterctlConfigPath,
			BootstrapClusterProxy:  management,
			ArtifactFolder:         *artifactFolder,
			SkipCleanup:            *skipCleanup,
			InfrastructureProvider: infrastructureProvider(),
			ControlPlaneWaiters:    controlPlaneWaiters(),
			PostNamespaceCreated:   postNamespaceCreated,
			ClusterDeletionPhases:  deletionPhases(),
		}
	})
})

// deletionPhases are what goes together. In each phase the spec holds some objects back with a finalizer of its own, waits until that is
// the only one, and checks that nothing of later phases is being deleted yet.
func deletionPhases() []capie2e.ClusterDeletionPhase {
	return []capie2e.ClusterDeletionPhase{
		// Workers. Their Machines are held: by then MaasMachines and leases are gone.
		{
			ObjectFilter: func(object corev1.ObjectReference, owners []metav1.OwnerReference) bool {
				return isKind(object, "MachineDeployment", "MachineSet") || isKind(object, "Machine") && ownedBy(owners, "MachineSet")
			},
			BlockingObjectFilter: func(object corev1.ObjectReference, _ []metav1.OwnerReference) bool { return isKind(object, "Machine") },
		},
		// The control plane. Its MaasMachines are held: Machines wait for them, after this provider has let go.
		{
			ObjectFilter: func(object corev1.ObjectReference, owners []metav1.OwnerReference) bool {
				return isKind(object, "KubeadmControlPlane") || isKind(object, "Machine") && ownedBy(owners, "KubeadmControlPlane") ||
					isKind(object, maasMachineKind) && strings.Contains(object.Name, "-control-plane-")
			},
			BlockingObjectFilter: func(object corev1.ObjectReference, _ []metav1.OwnerReference) bool {
				return isKind(object, maasMachineKind)
			},
		},
		// The MaasCluster, when no Machine is left.
		{
			ObjectFilter: func(object corev1.ObjectReference, _ []metav1.OwnerReference) bool {
				return isKind(object, maasClusterKind)
			},
			BlockingObjectFilter: func(object corev1.ObjectReference, _ []metav1.OwnerReference) bool {
				return isKind(object, maasClusterKind)
			},
		},
	}
}

func isKind(object corev1.ObjectReference, kinds ...string) bool {
	return slices.Contains(kinds, object.Kind)
}

func ownedBy(owners []metav1.OwnerReference, kind string) bool {
	return slices.ContainsFunc(owners, func(o metav1.OwnerReference) bool { return o.Kind == kind })
}
