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
	"fmt"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	capie2e "sigs.k8s.io/cluster-api/test/e2e"
	"sigs.k8s.io/cluster-api/test/framework"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// The storage of the cluster is a ConfigMap that says how it is. It stops being whole before the rollout, and is whole again when the gate has held the worker.
var _ = Describe("Rolling out with the repave gate on", Label("gate-rollout"), takesAWhile, func() {
	var held *atomic.Bool

	capie2e.KCPAndMachineDeploymentRolloutSpec(ctx, func() capie2e.KCPAndMachineDeploymentRolloutSpecInput {
		held = &atomic.Bool{}
		return capie2e.KCPAndMachineDeploymentRolloutSpecInput{
			E2EConfig:              e2eConfig,
			ClusterctlConfigPath:   clusterctlConfigPath,
			BootstrapClusterProxy:  management,
			ArtifactFolder:         *artifactFolder,
			SkipCleanup:            *skipCleanup,
			InfrastructureProvider: infrastructureProvider(),
			Flavor:                 "gated",
			PostNamespaceCreated:   postNamespaceCreated,
			ControlPlaneWaiters: controlPlaneWaiters(func(cluster *clusterv1.Cluster, workload framework.ClusterProxy) {
				storage := &corev1.ConfigMap{
					ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "storage"}, Data: map[string]string{"whole": "true"},
				}
				Expect(workload.GetClient().Create(ctx, storage)).To(Succeed())
				inBackground(func(ctx context.Context) { breakUntilHeld(ctx, cluster, workload.GetClient(), storage, held) })
			}),
		}
	})

	JustAfterEach(func() {
		if CurrentSpecReport().Failed() {
			return
		}
		Expect(held.Load()).To(BeTrue(), "The gate let the worker go while the storage was not whole")
		expectRepaves(infrav1.RepaveWhole)
	})
})

// expectRepaves waits until there is one Repave with each of the outcomes.
func expectRepaves(outcomes ...infrav1.RepaveOutcome) {
	By("Checking that the gate admitted the nodes, and saw each through to its end")
	Eventually(func(g Gomega) {
		repaves := &infrav1.RepaveList{}
		g.Expect(management.GetClient().List(ctx, repaves, client.InNamespace(specNamespace))).To(Succeed())
		var got []infrav1.RepaveOutcome
		for i := range repaves.Items {
			spec := &repaves.Items[i].Spec
			g.Expect(spec.ConfirmedTime.IsZero()).To(BeFalse(), "Repave %s was never confirmed", repaves.Items[i].Name)
			got = append(got, spec.Outcome)
		}
		g.Expect(got).To(ConsistOf(outcomes))
	}, e2eConfig.GetIntervals("default", "wait-repave")...).Should(Succeed())
}

// inBackground runs something until the spec ends.
func inBackground(run func(context.Context)) {
	background, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(ended)
		run(background)
	}()
	DeferCleanup(func() {
		cancel()
		<-ended
	})
}

// poll asks until the answer is yes or the spec ends. Errors are answers that did not come.
func poll(ctx context.Context, ask func() bool) bool {
	return wait.PollUntilContextCancel(ctx, time.Second, true, func(context.Context) (bool, error) { return ask(), nil }) == nil
}

// breakUntilHeld lets the storage be less than whole, once the worker's data has been whole for the first time, until the gate says that it holds a Machine for it.
func breakUntilHeld(ctx context.Context, cluster *clusterv1.Cluster, workload client.Client, storage *corev1.ConfigMap, held *atomic.Bool) {
	set := func(whole bool) func() bool {
		return func() bool {
			patch := fmt.Sprintf(`{"data":{"whole":"%t"}}`, whole)
			return workload.Patch(ctx, storage.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch))) == nil
		}
	}
	if !poll(ctx, func() bool { return storageWasReady(ctx, cluster) }) || !poll(ctx, set(false)) {
		return
	}
	if !poll(ctx, func() bool { return waitingFor(ctx, cluster, "StorageDegraded") != "" }) {
		return
	}
	held.Store(true)
	poll(ctx, set(true))
}

// storageWasReady tells whether the storage of a worker has been whole.
func storageWasReady(ctx context.Context, cluster *clusterv1.Cluster) bool {
	machines := &clusterv1.MachineList{}
	if management.GetClient().List(ctx, machines, client.InNamespace(cluster.Namespace), client.HasLabels{clusterv1.MachineDeploymentNameLabel}) != nil {
		return false
	}
	for i := range machines.Items {
		if !conditions.IsTrue(&machines.Items[i], infrav1.StorageReadyCondition) {
			return false
		}
	}
	return len(machines.Items) > 0
}

// waitingFor returns the Machine that the gate of the cluster holds for the reason, "" for none.
func waitingFor(ctx context.Context, cluster *clusterv1.Cluster, reason string) string {
	gate := &infrav1.RepaveGate{}
	if management.GetClient().Get(ctx, client.ObjectKeyFromObject(cluster), gate) != nil {
		return ""
	}
	for _, w := range gate.Status.Waiting {
		if w.Reason == reason {
			return w.Machine
		}
	}
	return ""
}

// What the spec looks for in the templates.
const (
	taints = `      taints:
      - {key: pre-existing-on-initialization-taint, value: on-initialization-value, effect: PreferNoSchedule, propagation: OnInitialization}
      - {key: pre-existing-always-taint, value: always-value, effect: PreferNoSchedule, propagation: Always}
`
	storageReadinessGate = `      readinessGates:
      - conditionType: ` + infrav1.StorageReadyCondition + `
`
	configMapGate = `apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: RepaveGate
metadata:
  name: "${CLUSTER_NAME}"
  namespace: "${NAMESPACE}"
spec:
  clusterName: "${CLUSTER_NAME}"
  stablePeriodSeconds: 1
  storage:
    type: CEL
    cel: {apiVersion: v1, kind: ConfigMap, namespace: default, name: storage, whole: "object.data.whole == 'true'"}`
)

// makeGatedFlavor writes the flavor with a gate and with the taints that the spec expects.
func makeGatedFlavor(folder string) {
	t := readTemplate(folder, "cluster-template.yaml")
	t.insert("KubeadmControlPlane", "\n  machineTemplate:\n    spec:\n", taints)
	t.insert("MachineDeployment", "\n  template:\n    spec:\n", taints+storageReadinessGate)
	t.add(configMapGate)
	t.write(folder, "cluster-template-gated.yaml")
}
