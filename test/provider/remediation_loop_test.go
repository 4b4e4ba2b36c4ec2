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
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// TestRemediationRunsItsCourse lets Cluster API's own MachineHealthCheck deal with a server that never gets well, under a RepaveGate: nothing while
// its lease is paused, two power cycles, the same server anew, and, as that does not help, quarantine and another server. The second removal takes
// copies away for good, and waits for the storage.
func TestRemediationRunsItsCourse(t *testing.T) {
	t.Parallel()
	w := newGatedWorld(t)
	w.changePool(held)
	w.server(w.ns + "-n01")
	w.server(w.ns + "-n02")
	w.awaitStates("two servers held", map[infrav1.HostState]int{infrav1.HostStateInUse: 1, infrav1.HostStateHeld: 2})
	ward := newWard(w.world)
	w.deployment("a", 1)
	first, bad := theOnly(t, w.awaitServers("a", 1, nil))
	w.awaitHealthy(first)
	hostname := w.maasMachine(first).Status.Hostname
	id := strings.TrimPrefix(bad, "maas:///")
	w.healthCheck("a", infrav1.RemediationPowerCycle{MaxAttempts: ptr.To[int32](2)})

	w.storage(false, false)
	w.changeHost(id, `{"metadata":{"annotations":{"`+clusterv1.PausedAnnotation+`":""}}}`)
	ward.fallSilent(hostname)
	w.awaitRemediation(first, infrav1.RemediationWaiting, infrav1.RemediationSkippedReason)
	if calls := w.sim().CallStats().ByMachineName[id]; calls["machine.power_off"] != 0 {
		t.Errorf("want nothing done while the lease is paused, got %v", calls)
	}
	steps := w.watchSteps()
	w.changeHost(id, `{"metadata":{"annotations":{"`+clusterv1.PausedAnnotation+`":null}}}`)
	for n := range int32(2) {
		w.await(fmt.Sprintf("power cycle %d to be done", n+1), func() (bool, string) {
			o := &infrav1.MaasRemediation{}
			if err := w.Get(w.ctx, w.key(first), o); err != nil {
				return false, err.Error()
			}
			_, seen := w.condition(o, infrav1.RemediatingCondition, "")
			return o.Status.Step == infrav1.RemediationWaitingForNode && ptr.Deref(o.Status.PowerCycles, 0) == n+1, string(o.Status.Step) + " " + seen
		})
		w.runOut(id)
	}

	// Its disks come back with it, so the gate lets the dead node go at once.
	second, server := theOnly(t, w.awaitServers("a", 1, map[string]string{first: bad}))
	if server != bad || w.maasMachine(second).Status.Hostname != hostname {
		t.Errorf("want the successor on the same server %s under the same name %s, got %s and %s", bad, hostname, server, w.maasMachine(second).Status.Hostname)
	}
	if calls := w.sim().CallStats().ByMachineName[id]; calls["machine.power_on"] != 2 {
		t.Errorf("want two power cycles, got %v", calls)
	}
	if v := w.view(id); v.Deploys != 2 {
		t.Errorf("want the server installed twice, got %d deployments", v.Deploys)
	}
	steps.want(first, infrav1.RemediationPowerCycling, infrav1.RemediationWaitingForNode, infrav1.RemediationPowerCycling,
		infrav1.RemediationWaitingForNode, infrav1.RemediationRedeploying, infrav1.RemediationHandedOver)

	// In quarantine it does not come back, and with it the copies on its disks: the gate holds until the storage can do without.
	w.await("the server in quarantine", func() (bool, string) {
		q := w.host(id).Spec.Quarantine
		return q.Cause == infrav1.QuarantineRequested && strings.Contains(q.Message, second), fmt.Sprintf("%+v", q)
	})
	w.awaitHeld(second, "LastReplica")
	if v := w.view(id); v.StatusName != "Deployed" {
		t.Errorf("want the server left as it is while the gate holds its Machine, it is %s", v.StatusName)
	}
	w.storage(true, true)
	third, other := theOnly(t, w.awaitServers("a", 1, map[string]string{first: bad, second: bad}))
	if other == bad {
		t.Errorf("want %s on another server than the one in quarantine", third)
	}
	steps.want(second, infrav1.RemediationQuarantining, infrav1.RemediationHandedOver)
	w.awaitStates("the bad server out of use", map[infrav1.HostState]int{infrav1.HostStateInUse: 2, infrav1.HostStateQuarantined: 1})
	if calls := w.sim().CallStats().ByMachineName[id]; calls["machine.power_on"] != 2 || w.view(id).Deploys != 2 {
		t.Errorf("want nothing more tried on the bad server, got %v", calls)
	}
	w.awaitHealthy(third)
	w.await("no remediation left", func() (bool, string) {
		list := &infrav1.MaasRemediationList{}
		if err := w.List(w.ctx, list, client.InNamespace(w.ns)); err != nil {
			return false, err.Error()
		}
		return len(list.Items) == 0, fmt.Sprintf("%d remediations", len(list.Items))
	})
}

func (w *world) awaitHealthy(machine string) {
	w.Helper()
	w.await("the Node of "+machine+" to be healthy", func() (bool, string) {
		return w.condition(w.capiMachine(machine), clusterv1.MachineNodeReadyCondition, clusterv1.MachineNodeReadyReason)
	})
}

// theOnly returns the one machine of a MachineDeployment and its server.
func theOnly(t *testing.T, servers map[string]string) (machine, server string) {
	t.Helper()
	if len(servers) != 1 {
		t.Fatalf("want one machine, got %v", servers)
	}
	machine = slices.Collect(maps.Keys(servers))[0]
	return machine, servers[machine]
}

func (w *world) host(name string) *infrav1.MaasHost {
	o := &infrav1.MaasHost{}
	if err := w.Get(w.ctx, w.key(name), o); err != nil {
		w.Logf("getting MaasHost %s: %v", name, err)
	}
	return o
}

// healthCheck has Cluster API look after the machines of a MachineDeployment, and the provider heal them.
func (w *world) healthCheck(deployment string, powerCycle infrav1.RemediationPowerCycle) {
	w.Helper()
	w.create(&infrav1.MaasRemediationTemplate{ObjectMeta: w.meta(deployment), Spec: infrav1.MaasRemediationTemplateSpec{
		Template: &infrav1.MaasRemediationTemplateResource{Spec: infrav1.MaasRemediationSpec{Strategy: infrav1.RemediationStrategy{PowerCycle: powerCycle}}},
	}})
	w.create(&clusterv1.MachineHealthCheck{ObjectMeta: w.meta(deployment), Spec: clusterv1.MachineHealthCheckSpec{
		ClusterName: clusterName, Selector: metav1.LabelSelector{MatchLabels: map[string]string{"md": deployment}},
		Checks: clusterv1.MachineHealthCheckChecks{
			NodeStartupTimeoutSeconds: ptr.To[int32](0),
			UnhealthyNodeConditions: []clusterv1.UnhealthyNodeCondition{
				{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, TimeoutSeconds: ptr.To[int32](1)},
			},
		},
		Remediation: clusterv1.MachineHealthCheckRemediation{TemplateRef: clusterv1.MachineHealthCheckRemediationTemplateReference{
			APIVersion: infrav1.GroupVersion.String(), Kind: "MaasRemediationTemplate", Name: deployment,
		}},
	}})
}

// awaitRemediation waits until the remediation of a machine is at a step for a reason.
func (w *world) awaitRemediation(name string, step infrav1.RemediationStep, reason string) {
	w.Helper()
	w.await(fmt.Sprintf("the remediation of %s to be at %s for %s", name, step, reason), func() (bool, string) {
		o := &infrav1.MaasRemediation{}
		if err := w.Get(w.ctx, w.key(name), o); err != nil {
			return false, err.Error()
		}
		ok, seen := w.condition(o, infrav1.RemediatingCondition, reason)
		return ok && o.Status.Step == step, string(o.Status.Step) + " " + seen
	})
}

// steps are those that a person sees who watches the MaasRemediations.
type steps struct {
	*world
	mu   sync.Mutex
	seen map[string][]infrav1.RemediationStep
}

func (w *world) watchSteps() *steps {
	w.Helper()
	s := &steps{world: w, seen: map[string][]infrav1.RemediationStep{}}
	watcher, err := w.Watch(w.ctx, &infrav1.MaasRemediationList{}, client.InNamespace(w.ns))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(watcher.Stop)
	go func() {
		for event := range watcher.ResultChan() {
			if o, ok := event.Object.(*infrav1.MaasRemediation); ok {
				s.note(o)
			}
		}
	}()
	return s
}

func (s *steps) note(o *infrav1.MaasRemediation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	step, seen := o.Status.Step, s.seen[o.Name]
	if step == "" || step == infrav1.RemediationWaiting || (len(seen) > 0 && seen[len(seen)-1] == step) {
		return
	}
	s.seen[o.Name] = append(seen, step)
}

// want compares the steps of one remediation, without those at which it waited.
func (s *steps) want(name string, want ...infrav1.RemediationStep) {
	s.Helper()
	s.await(fmt.Sprintf("the remediation of %s to have gone through %v", name, want), func() (bool, string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.Equal(s.seen[name], want), fmt.Sprint(s.seen[name])
	})
}

// ward plays the kubelets of the world: each registers its Node when its server is installed and reports, and those that fell silent never again.
type ward struct {
	*world
	mu     sync.Mutex
	silent map[string]bool
}

func newWard(w *world) *ward {
	w.Helper()
	d := &ward{world: w, silent: map[string]bool{}}
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			d.round(ctx)
			return false, nil
		})
	}()
	w.Cleanup(func() {
		cancel()
		<-ended
		for _, id := range w.ids {
			_ = w.Delete(context.WithoutCancel(ctx), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: w.view(id).Hostname}})
		}
	})
	return d
}

// fallSilent has a kubelet not report any more, whatever is installed.
func (d *ward) fallSilent(hostname string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent[hostname] = true
}

// speak has a kubelet report again.
func (d *ward) speak(hostname string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.silent, hostname)
}

// round lets each kubelet report once. What fails is tried again in the next one.
func (d *ward) round(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	machines := &infrav1.MaasMachineList{}
	if d.List(ctx, machines, client.InNamespace(d.ns), client.HasLabels{clusterv1.MachineDeploymentNameLabel}) != nil {
		return
	}
	for i := range machines.Items {
		m := &machines.Items[i]
		if !m.DeletionTimestamp.IsZero() || !ptr.Deref(m.Status.Initialization.Provisioned, false) {
			continue
		}
		status := corev1.ConditionTrue
		if d.silent[m.Status.Hostname] {
			status = corev1.ConditionUnknown
		}
		d.report(ctx, m, status)
	}
}

func (d *ward) report(ctx context.Context, m *infrav1.MaasMachine, status corev1.ConditionStatus) {
	node := &corev1.Node{}
	err := d.Get(ctx, client.ObjectKey{Name: m.Status.Hostname}, node)
	if client.IgnoreNotFound(err) == nil && err != nil {
		node = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: m.Status.Hostname}, Spec: corev1.NodeSpec{ProviderID: m.Spec.ProviderID}}
		err = d.Create(ctx, node)
	}
	if err != nil {
		return
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == status {
			return
		}
	}
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q,"reason":"Test","message":"","lastHeartbeatTime":null,"lastTransitionTime":%q}]}}`,
		status, time.Now().UTC().Format(time.RFC3339))
	_ = d.Status().Patch(ctx, node, client.RawPatch(types.StrategicMergePatchType, []byte(patch)))
}
