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

package repave

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

const ns = "default"

// world is a gate with Portworx on the nodes w0, w1, …, whose Machines belong to one MachineDeployment.
type world struct {
	*testing.T
	client.Client

	r       *Reconciler
	clock   *clocktesting.FakePassiveClock
	sim     *pxsim.Sim
	cluster workload.Cluster
	events  *events.FakeRecorder
}

// told counts how often the storage was told to do something with what a node serves to others: disable, drain or enable.
func (w *world) told(act, node string) int {
	w.Helper()
	identity, ok := w.sim.Identity(node)
	if !ok {
		w.Fatalf("Portworx does not run on %s", node)
	}
	return w.sim.Calls()["/v1/nodes/attachments/"+act+"/"+identity.ID]
}

func (w *world) Get1(o client.Object) {
	w.Helper()
	if err := w.Get(w.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		w.Fatal(err)
	}
}

type theCluster struct{ workload.Cluster }

func (c theCluster) Get(context.Context, client.ObjectKey) (workload.Cluster, error) {
	return c.Cluster, nil
}

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, clusterv1.AddToScheme, infrav1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}

// newWorld makes one of n nodes in three zones, with volumes.
func newWorld(t *testing.T, n int, volumes ...pxsim.Volume) *world {
	t.Helper()
	w := &world{T: t, clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)), events: events.NewFakeRecorder(1000)}
	w.sim = pxsim.New(pxsim.Options{Clock: w.clock})
	for i := range n {
		w.sim.AddNode(pxsim.Node{Host: fmt.Sprintf("w%d", i), Zone: []string{"a", "b", "c"}[i%3]})
	}
	for _, v := range volumes {
		if err := w.sim.AddVolume(v); err != nil {
			t.Fatal(err)
		}
	}
	services := &workloadtest.Services{}
	services.Set("portworx/portworx-api:9021", w.sim)
	w.cluster = workloadtest.New(t, services)
	w.sync()
	w.Client = w.management()
	w.reconciler()
	w.create(&clusterv1.Cluster{ObjectMeta: objectMeta("c")})
	w.create(&infrav1.RepaveGate{ObjectMeta: objectMeta("gate"), Spec: infrav1.RepaveGateSpec{
		ClusterName: "c", Storage: infrav1.RepaveStorage{Type: infrav1.StoragePortworx}, StablePeriodSeconds: ptr.To(int32(30)),
	}})
	w.create(&clusterv1.MachineDeployment{ObjectMeta: objectMeta("md"), Spec: clusterv1.MachineDeploymentSpec{ClusterName: "c", Replicas: ptr.To(int32(n))}})
	for i := range n {
		w.machine(fmt.Sprintf("m%d", i), fmt.Sprintf("w%d", i))
	}
	return w
}

// management makes an empty management cluster.
func (w *world) management() client.Client {
	return fake.NewClientBuilder().WithScheme(newScheme(w.T)).WithStatusSubresource(&infrav1.RepaveGate{}, &infrav1.Repave{}, &clusterv1.Machine{}).Build()
}

// reconciler makes a gate's process: it remembers nothing.
func (w *world) reconciler() {
	metrics, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		w.Fatal(err)
	}
	w.r = &Reconciler{
		Client: w.Client, APIReader: w.Client, Workloads: theCluster{w.cluster}, NewProber: Storage(w.clock), Recorder: w.events, Clock: w.clock, Metrics: metrics,
	}
}

func objectMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: "c"}}
}

func (w *world) create(o client.Object) {
	w.Helper()
	if err := w.Create(w.Context(), o); err != nil {
		w.Fatalf("creating %T %s: %v", o, o.GetName(), err)
	}
}

func (w *world) machine(name, node string, change ...func(*clusterv1.Machine)) {
	w.Helper()
	m := &clusterv1.Machine{ObjectMeta: objectMeta(name), Spec: clusterv1.MachineSpec{ClusterName: "c",
		ReadinessGates: []clusterv1.MachineReadinessGate{{ConditionType: infrav1.StorageReadyCondition}}}}
	m.Labels[clusterv1.MachineDeploymentNameLabel] = "md"
	m.Finalizers = []string{clusterv1.MachineFinalizer}
	m.Status.NodeRef.Name = node
	for _, f := range change {
		f(m)
	}
	w.create(m)
	if err := w.Status().Update(w.Context(), m); err != nil {
		w.Fatal(err)
	}
	if node != "" {
		w.node(node, name)
	}
}

func (w *world) node(name, machine string) {
	w.Helper()
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{clusterv1.MachineAnnotation: machine}}}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	n.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("64Gi")}
	if err := w.cluster.Create(w.Context(), n); err != nil {
		w.Fatal(err)
	}
}

func (w *world) changeNode(name string, change func(*corev1.Node)) {
	w.Helper()
	n := &corev1.Node{}
	if err := w.cluster.Get(w.Context(), client.ObjectKey{Name: name}, n); err != nil {
		w.Fatal(err)
	}
	change(n)
	status := n.Status
	if err := w.cluster.Update(w.Context(), n); err != nil {
		w.Fatal(err)
	}
	n.Status = status
	if err := w.cluster.Status().Update(w.Context(), n); err != nil {
		w.Fatal(err)
	}
}

func (w *world) delete(machine string) {
	w.Helper()
	if err := w.Delete(w.Context(), &clusterv1.Machine{ObjectMeta: objectMeta(machine)}); err != nil {
		w.Fatal(err)
	}
}

// gone is the end of a Machine's deletion, which Cluster API brings about once the hook is off.
func (w *world) gone(machine string) {
	w.Helper()
	m := w.get(machine)
	if hooked(m) {
		w.Fatalf("Machine %s still has the hook", machine)
	}
	m.Finalizers = nil
	if err := w.Update(w.Context(), m); err != nil {
		w.Fatal(err)
	}
}

func (w *world) get(machine string) *clusterv1.Machine {
	w.Helper()
	m := &clusterv1.Machine{ObjectMeta: objectMeta(machine)}
	w.Get1(m)
	return m
}

func (w *world) gate() *infrav1.RepaveGate {
	w.Helper()
	g := &infrav1.RepaveGate{ObjectMeta: objectMeta("gate")}
	w.Get1(g)
	return g
}

func (w *world) changeGate(change func(*infrav1.RepaveGateSpec)) {
	w.Helper()
	g := w.gate()
	change(&g.Spec)
	if err := w.Update(w.Context(), g); err != nil {
		w.Fatal(err)
	}
}

// repave returns nil when there is none.
func (w *world) repave(machine string) *infrav1.Repave {
	w.Helper()
	r := &infrav1.Repave{}
	if err := w.Get(w.Context(), client.ObjectKey{Namespace: ns, Name: machine}, r); err != nil {
		if client.IgnoreNotFound(err) != nil {
			w.Fatal(err)
		}
		return nil
	}
	return r
}

func (w *world) sync() {
	w.Helper()
	if err := w.sim.Sync(w.Context(), w.cluster, "portworx"); err != nil {
		w.Fatal(err)
	}
}

func (w *world) pass(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

// look is some of the gate's reconciles, ten seconds apart.
func (w *world) look(times int) {
	w.Helper()
	for range times {
		w.pass(busyInterval)
		w.sync()
		if _, err := w.r.Reconcile(w.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: "gate"}}); err != nil {
			w.Fatalf("reconciling: %v", err)
		}
	}
}

// held is the reason why a Machine waits, "" when it does not.
func (w *world) held(machine string) string {
	w.Helper()
	for _, h := range w.gate().Status.Waiting {
		if h.Machine == machine {
			return h.Reason
		}
	}
	return ""
}

func (w *world) wantHeld(machine, reason string) {
	w.Helper()
	if got := w.held(machine); got != reason {
		w.Fatalf("Machine %s waits for %q, want %q; the gate says %+v", machine, got, reason, w.gate().Status)
	}
	if reason != "" && !hooked(w.get(machine)) {
		w.Fatalf("Machine %s is held for %s and its hook is off", machine, reason)
	}
}

func (w *world) wantGone(machine string) {
	w.Helper()
	if hooked(w.get(machine)) {
		w.Fatalf("Machine %s still has its hook; the gate says %+v", machine, w.gate().Status)
	}
}

const gib = 1 << 30

func shared(name string, nodes ...string) pxsim.Volume {
	return pxsim.Volume{Name: name, Nodes: nodes, Bytes: gib, WriteRate: 1 << 20}
}
