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

package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

const (
	gateName    = "gate"
	storageName = "storage"
)

// gatedWorld is a cluster whose workload cluster is the management cluster itself: Cluster API and the gate reach it by a kubeconfig like any other.
// Its storage is a ConfigMap that says how it is, asked by CEL.
type gatedWorld struct{ *world }

func newGatedWorld(t *testing.T, machines ...string) *gatedWorld {
	t.Helper()
	w := &gatedWorld{newWorld(t, len(machines)+1)}
	w.gateOfConfigMap(len(machines))
	// Without a control plane Machine Cluster API asks no hook: it takes the workload cluster for gone.
	w.gated("cp", func(m *clusterv1.Machine) {
		delete(m.Labels, clusterv1.MachineSetNameLabel)
		m.Labels[clusterv1.MachineControlPlaneLabel] = ""
	})
	for _, name := range machines {
		w.gated(name)
	}
	return w
}

// gateOfConfigMap makes the gate, the storage that it asks, and the set that its Machines are of.
func (w *gatedWorld) gateOfConfigMap(machines int) {
	w.Helper()
	w.create(&corev1.ConfigMap{ObjectMeta: w.meta(storageName), Data: map[string]string{"whole": "true", "available": "true"}})
	w.create(&corev1.Secret{ObjectMeta: w.meta(clusterName + "-kubeconfig"), Type: clusterv1.ClusterSecretType, Data: map[string][]byte{"value": w.kubeconfig()}})
	w.create(&infrav1.RepaveGate{ObjectMeta: w.meta(gateName), Spec: infrav1.RepaveGateSpec{
		ClusterName: clusterName, StablePeriodSeconds: ptr.To(int32(1)),
		Storage: infrav1.RepaveStorage{Type: infrav1.StorageCEL, CEL: infrav1.CELStorage{
			APIVersion: "v1", Kind: "ConfigMap", Namespace: w.ns, Name: storageName,
			Whole: "object.data.whole == 'true'", Available: "object.data.available == 'true'",
		}},
		Roles: []infrav1.RepaveRole{{Name: "all", Type: infrav1.RepaveRoleWorkers, Storage: infrav1.StorageExpected, VirtualMachines: infrav1.VirtualMachinesIgnore}},
	}})
	set := &clusterv1.MachineSet{ObjectMeta: w.meta("set"), Spec: clusterv1.MachineSetSpec{
		ClusterName: clusterName, Replicas: ptr.To(int32(machines)), Selector: metav1.LabelSelector{MatchLabels: map[string]string{"none": "none"}},
		Template: clusterv1.MachineTemplateSpec{ObjectMeta: clusterv1.ObjectMeta{Labels: map[string]string{"none": "none"}}, Spec: clusterv1.MachineSpec{
			ClusterName: clusterName, Bootstrap: clusterv1.Bootstrap{DataSecretName: ptr.To("none")},
			InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "MaasMachineTemplate", Name: "none"},
		}},
	}}
	// It only says how many there are to be: nobody makes Machines of a set that is paused.
	set.Annotations = map[string]string{clusterv1.PausedAnnotation: "true"}
	w.create(set)
}

func (w *world) kubeconfig() []byte {
	config := theLab.AdminConfig()
	data, err := clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: config.Host, CertificateAuthorityData: config.CAData, CertificateAuthority: config.CAFile}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, ClientCertificate: config.CertFile, ClientKey: config.KeyFile, Token: config.BearerToken}},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "x",
	})
	if err != nil {
		w.Fatal(err)
	}
	return data
}

// gated makes a Machine of the set and, once its server is deployed, the Node that its kubelet would register.
func (w *gatedWorld) gated(name string, change ...func(*clusterv1.Machine)) {
	w.Helper()
	w.machineOf(name, func(_ *infrav1.MaasMachine, m *clusterv1.Machine) {
		m.Labels[clusterv1.MachineSetNameLabel] = "set"
		m.Spec.ReadinessGates = []clusterv1.MachineReadinessGate{{ConditionType: infrav1.StorageReadyCondition}}
		for _, f := range change {
			f(m)
		}
	})
	w.awaitProvisioned(name)
	m := w.maasMachine(name)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: m.Status.Hostname}, Spec: corev1.NodeSpec{ProviderID: m.Spec.ProviderID}}
	w.create(node)
	w.Cleanup(func() { _ = client.IgnoreNotFound(w.Delete(context.WithoutCancel(w.ctx), node)) })
	w.nodeReady(node, corev1.ConditionTrue)
	w.await(name+" to have its Node", func() (bool, string) {
		machine := w.capiMachine(name)
		return machine.Status.NodeRef.Name == node.Name, fmt.Sprintf("nodeRef %q, hook %q", machine.Status.NodeRef.Name, machine.Annotations[infrav1.RepaveHookAnnotation])
	})
	if hook := w.capiMachine(name).Annotations[infrav1.RepaveHookAnnotation]; hook != gateName {
		w.Errorf("Machine %s got its Node with hook %q on, want %q: it could have been deleted past the gate", name, hook, gateName)
	}
}

func (w *gatedWorld) nodeReady(node *corev1.Node, status corev1.ConditionStatus) {
	w.Helper()
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q,"reason":"Test","message":"","lastHeartbeatTime":null,"lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`, status)
	if err := w.Status().Patch(w.ctx, node, client.RawPatch(types.StrategicMergePatchType, []byte(patch))); err != nil {
		w.Fatalf("patching Node %s: %v", node.Name, err)
	}
}

func (w *gatedWorld) capiMachine(name string) *clusterv1.Machine {
	m := &clusterv1.Machine{}
	if err := client.IgnoreNotFound(w.Get(w.ctx, w.key(name), m)); err != nil {
		w.Logf("getting Machine %s: %v", name, err)
	}
	return m
}

func (w *gatedWorld) storage(whole, available bool) {
	w.Helper()
	patch := fmt.Sprintf(`{"data":{"whole":"%t","available":"%t"}}`, whole, available)
	if err := w.Patch(w.ctx, &corev1.ConfigMap{ObjectMeta: w.meta(storageName)}, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		w.Fatal(err)
	}
}

// awaitHeld waits until the gate explains why a Machine waits.
func (w *gatedWorld) awaitHeld(name, reason string) {
	w.Helper()
	w.await(fmt.Sprintf("%s to be held for %s", name, reason), func() (bool, string) {
		g := w.gate()
		for _, h := range g.Status.Waiting {
			if h.Machine == name {
				return h.Reason == reason && h.Message != "" && !h.SinceTime.IsZero(), h.Reason + ": " + h.Message
			}
		}
		_, seen := w.condition(g, infrav1.ReadyCondition, "")
		return false, "not in status.waiting; gate " + seen
	})
}

func (w *gatedWorld) gate() *infrav1.RepaveGate {
	g := &infrav1.RepaveGate{}
	if err := w.Get(w.ctx, w.key(gateName), g); err != nil {
		w.Logf("getting the RepaveGate: %v", err)
	}
	return g
}

func (w *gatedWorld) repave(name string) *infrav1.Repave {
	r := &infrav1.Repave{}
	if err := client.IgnoreNotFound(w.Get(w.ctx, w.key(name), r)); err != nil {
		w.Logf("getting Repave %s: %v", name, err)
	}
	return r
}

// TestGateHoldsWhatIsNotSafe: a Machine that is deleted while the storage is not whole waits, with its Node uncordoned, until it is; the next one waits for the
// first to be whole again.
func TestGateHoldsWhatIsNotSafe(t *testing.T) {
	t.Parallel()
	w := newGatedWorld(t, "a", "b")
	w.storage(false, true)
	w.deleteMachine("a")
	w.awaitHeld("a", "StorageDegraded")
	if node := w.nodeOf("a"); node.Spec.Unschedulable {
		t.Errorf("Node %s is cordoned although the gate holds its Machine", node.Name)
	}
	if r := w.repave("a"); r.Name != "" {
		t.Errorf("there is a Repave for a Machine that is held: %+v", r.Spec)
	}
	w.storage(true, true)
	w.await("a Repave of a that is confirmed", func() (bool, string) {
		r := w.repave("a")
		return !r.Spec.ConfirmedTime.IsZero(), fmt.Sprintf("%+v", r.Spec)
	})
	w.awaitGone("a")
	w.deleteMachine("b")
	w.awaitHeld("b", "AnotherRepaveOpen")
}

// TestGateHoldsTheInfrastructure: deleting the MaasMachine, which bypasses Cluster API's hooks, does not bypass the gate.
func TestGateHoldsTheInfrastructure(t *testing.T) {
	t.Parallel()
	w := newGatedWorld(t, "a")
	w.storage(false, true)
	id := w.maasMachine("a").Status.HostRef.Name
	if err := w.Delete(w.ctx, &infrav1.MaasMachine{ObjectMeta: w.meta("a")}); err != nil {
		t.Fatal(err)
	}
	w.awaitReason("a", infrav1.WaitingForRepaveGateReason)
	w.awaitHeld("a", "StorageDegraded")
	if v := w.view(id); v.StatusName != "Deployed" {
		t.Errorf("the server is %s, want it Deployed as long as the gate holds it", v.StatusName)
	}
	w.storage(true, true)
	w.await("the server to be released", func() (bool, string) {
		v := w.view(id)
		return v.StatusName == "Ready", v.StatusName
	})
}

// TestGateLetsTheClusterGo: the deletion of the Cluster passes, whatever the storage says.
func TestGateLetsTheClusterGo(t *testing.T) {
	t.Parallel()
	w := newGatedWorld(t)
	w.server(w.ns + "-alone")
	// It belongs to the Cluster directly, for the set is not a real one.
	w.gated("a", func(m *clusterv1.Machine) { delete(m.Labels, clusterv1.MachineSetNameLabel) })
	w.storage(false, false)
	// The set that only says how many there are to be must be able to go as well.
	idle := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+clusterv1.PausedAnnotation+`":null}},"spec":{"replicas":0}}`))
	if err := w.Patch(w.ctx, &clusterv1.MachineSet{ObjectMeta: w.meta("set")}, idle); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(w.ctx, &clusterv1.Cluster{ObjectMeta: w.meta(clusterName)}); err != nil {
		t.Fatal(err)
	}
	w.await("the Cluster and its gate to be gone", func() (bool, string) {
		err := w.Get(w.ctx, w.key(clusterName), &clusterv1.Cluster{})
		return err != nil && client.IgnoreNotFound(err) == nil, fmt.Sprintf("%v", conditions.Get(w.gate(), infrav1.ReadyCondition))
	})
}

// TestGateIsOverridden: an override lets one Machine go, and says so.
func TestGateIsOverridden(t *testing.T) {
	t.Parallel()
	w := newGatedWorld(t, "a")
	w.storage(false, true)
	w.deleteMachine("a")
	w.awaitHeld("a", "StorageDegraded")
	note := `{"metadata":{"annotations":{"` + infrav1.RepaveOverrideAnnotation + `":"{\"reason\":\"a test\",\"by\":\"ann\",\"untilTime\":\"2100-01-01T00:00:00Z\"}"}}}`
	if err := w.Patch(w.ctx, &clusterv1.Machine{ObjectMeta: w.meta("a")}, client.RawPatch(types.MergePatchType, []byte(note))); err != nil {
		t.Fatal(err)
	}
	w.awaitGone("a")
	if r := w.repave("a"); r.Spec.AdmittedReason != "Overridden" || r.Spec.Override.By != "ann" {
		t.Errorf("the Repave says %q by %q, want Overridden by ann", r.Spec.AdmittedReason, r.Spec.Override.By)
	}
}

// gateSurvivesItsProcess: killed while it holds and again right after it let go, the manager neither forgets a hold nor an admission.
func gateSurvivesItsProcess(t *testing.T) {
	w := newGatedWorld(t, "a", "b")
	w.storage(false, true)
	w.deleteMachine("a", "b")
	w.awaitHeld("a", "StorageDegraded")
	w.awaitHeld("b", "StorageDegraded")
	w.killManager(func() { w.storage(true, true) })
	var first string
	w.await("one of the two to be let go", func() (bool, string) {
		for _, name := range []string{"a", "b"} {
			if !w.repave(name).Spec.ConfirmedTime.IsZero() {
				first = name
			}
		}
		return first != "", fmt.Sprintf("waiting: %+v", w.gate().Status.Waiting)
	})
	w.killManager()
	w.awaitGone(first)
	other := strings.Trim("ab", first)
	w.awaitHeld(other, "AnotherRepaveOpen")
	if r := w.repave(other); r.Name != "" {
		t.Errorf("both were admitted at once: %+v", r.Spec)
	}
}

func (w *gatedWorld) nodeOf(name string) *corev1.Node {
	node := &corev1.Node{}
	if err := w.Get(w.ctx, types.NamespacedName{Name: w.capiMachine(name).Status.NodeRef.Name}, node); err != nil {
		w.Fatalf("getting the Node of %s: %v", name, err)
	}
	return node
}
