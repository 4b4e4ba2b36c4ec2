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

package lab

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

var (
	kcpKind     = schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmControlPlane"}
	clusterKind = schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Cluster"}
)

// TestKubeadmControlPlane is one story told in steps, because a control plane
// takes its time: one member, three and a worker, one member again, nothing.
// TestRepaveGate upgrades one.
func TestKubeadmControlPlane(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	ctx := t.Context()
	l, err := Start(ctx, Config{Artifacts: artifacts(t), Providers: FullProviders(), Logger: testLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	if _, err := l.AddRack(3, 0); err != nil {
		t.Fatal(err)
	}
	// The worker is in a zone without a server for the control plane, which must not be given one there.
	if _, err := l.AddHost(maassim.MachineSpec{Hostname: "worker-1", Pool: workerPool, Zone: "az4"}); err != nil {
		t.Fatal(err)
	}
	s := story{t: t, lab: l, cluster: ClusterSpec{
		Namespace: "default", Name: "one", Version: PreviousKubernetesVersion,
		Variables: map[string]string{"CONTROL_PLANE_MAX_SURGE": "0"},
	}}
	s.step("OneControlPlane", s.oneControlPlane)
	s.step("ThreeControlPlanesAndWorker", s.threeAndWorker)
	s.step("RebootWorker", s.reboot)
	s.step("ScaleDownToOne", s.scaleDown)
	s.step("Delete", s.remove)
}

type story struct {
	t       *testing.T
	lab     *Lab
	cluster ClusterSpec
}

// step runs one step and ends the story when it fails.
func (s *story) step(name string, f func(ctx context.Context) error) {
	s.t.Helper()
	started := time.Now()
	ok := s.t.Run(name, func(t *testing.T) {
		if err := f(t.Context()); err != nil {
			t.Error(err)
			if err := s.lab.Dump(context.WithoutCancel(s.t.Context())); err != nil {
				t.Log("Not all resources are in the artifacts:", err)
			}
		}
	})
	s.t.Logf("%s: %s, %s", name, time.Since(started).Round(100*time.Millisecond), s.lab.memory())
	if !ok {
		s.t.FailNow()
	}
}

func (s *story) oneControlPlane(ctx context.Context) error {
	// maxSurge 0 is refused with fewer than three members.
	first := s.cluster
	first.Variables = map[string]string{"CONTROL_PLANE_MAX_SURGE": "1"}
	if err := s.lab.CreateCluster(ctx, first); err != nil {
		return err
	}
	if err := s.waitControlPlane(ctx, 1, PreviousKubernetesVersion); err != nil {
		return err
	}
	if err := s.checkZones(ctx, map[string]bool{"az1": true, "az2": true, "az3": true, "az4": false}); err != nil {
		return err
	}
	_, err := s.lab.WriteWorkloadKubeconfig(ctx, s.cluster.Key())
	return err
}

// checkZones looks at which zones are failure domains, and which of them are for the control plane.
func (s *story) checkZones(ctx context.Context, want map[string]bool) error {
	cluster := &unstructured.Unstructured{}
	cluster.SetGroupVersionKind(clusterKind)
	if err := s.lab.Client().Get(ctx, s.cluster.Key(), cluster); err != nil {
		return err
	}
	got := map[string]bool{}
	domains, _, _ := unstructured.NestedSlice(cluster.Object, "status", "failureDomains")
	for _, d := range domains {
		domain, _ := d.(map[string]any)
		name, _ := domain["name"].(string)
		got[name], _ = domain["controlPlane"].(bool)
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("want the failure domains, with those for the control plane, %v, got %v", want, got)
	}
	return nil
}

func (s *story) threeAndWorker(ctx context.Context) error {
	s.cluster.ControlPlanes, s.cluster.Workers = 3, 1
	if err := s.lab.CreateCluster(ctx, s.cluster); err != nil {
		return err
	}
	if err := s.waitControlPlane(ctx, 3, PreviousKubernetesVersion); err != nil {
		return err
	}
	return s.waitNodes(ctx, PreviousKubernetesVersion, "cp-1", "cp-2", "cp-3", "worker-1")
}

// reboot switches a worker off and on: everything on it ends, and it comes back
// as the same Node, without its user data being run again.
func (s *story) reboot(ctx context.Context) error {
	host, _ := s.lab.MAAS().MachineByHostname("worker-1")
	nodes, err := s.lab.ReadyNodes(ctx, s.cluster.Key())
	if err != nil || nodes["worker-1"] == nil {
		return fmt.Errorf("worker-1 is not ready: %w", err)
	}
	before := nodes["worker-1"]
	if err := s.lab.MAAS().Operator().ForcePower(host.SystemID, false); err != nil {
		return err
	}
	err = WaitFor(ctx, "the host to be off", patience, func(context.Context) error {
		if n := len(s.lab.HostProcesses(host.SystemID)); n > 0 {
			return fmt.Errorf("%d processes run", n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.lab.MAAS().Operator().ForcePower(host.SystemID, true); err != nil {
		return err
	}
	return WaitFor(ctx, "the Node to report the new boot", patience, func(ctx context.Context) error {
		nodes, err := s.lab.ReadyNodes(ctx, s.cluster.Key())
		if err != nil {
			return err
		}
		after := nodes["worker-1"]
		if after == nil || after.Status.NodeInfo.BootID == before.Status.NodeInfo.BootID {
			return fmt.Errorf("it has not")
		}
		if after.UID != before.UID {
			return fmt.Errorf("it is another Node")
		}
		return nil
	})
}

func (s *story) scaleDown(ctx context.Context) error {
	if err := s.patchKCP(ctx, `{"spec":{"replicas":1,"rollout":{"strategy":{"rollingUpdate":{"maxSurge":1}}}}}`); err != nil {
		return err
	}
	return s.waitControlPlane(ctx, 1, PreviousKubernetesVersion)
}

func (s *story) remove(ctx context.Context) error {
	cluster := &unstructured.Unstructured{}
	cluster.SetGroupVersionKind(clusterKind)
	cluster.SetNamespace(s.cluster.Namespace)
	cluster.SetName(s.cluster.Name)
	if err := s.lab.Client().Delete(ctx, cluster); err != nil {
		return err
	}
	return WaitFor(ctx, "the cluster to be gone", patience, func(ctx context.Context) error {
		if err := s.lab.Client().Get(ctx, s.cluster.Key(), cluster); err == nil {
			return fmt.Errorf("it is still there")
		} else if client.IgnoreNotFound(err) != nil {
			return err
		}
		for _, m := range s.lab.MAAS().Machines() {
			if m.PoweredOn || len(s.lab.HostProcesses(m.SystemID)) > 0 {
				return fmt.Errorf("host %s still runs", m.Hostname)
			}
		}
		return nil
	})
}

func (s *story) patchKCP(ctx context.Context, patch string) error {
	kcp := &unstructured.Unstructured{}
	kcp.SetGroupVersionKind(kcpKind)
	kcp.SetNamespace(s.cluster.Namespace)
	kcp.SetName(s.cluster.Name + "-control-plane")
	return s.lab.Client().Patch(ctx, kcp, client.RawPatch("application/merge-patch+json", []byte(patch)))
}

// waitControlPlane waits until the control plane provider is content: as many
// machines as wanted, all up to date, and etcd healthy with as many members.
func (s *story) waitControlPlane(ctx context.Context, replicas int64, version string) error {
	return WaitFor(ctx, fmt.Sprintf("%d control plane machines of %s", replicas, version), 10*time.Minute, func(ctx context.Context) error {
		kcp := &unstructured.Unstructured{}
		kcp.SetGroupVersionKind(kcpKind)
		key := client.ObjectKey{Namespace: s.cluster.Namespace, Name: s.cluster.Name + "-control-plane"}
		if err := s.lab.Client().Get(ctx, key, kcp); err != nil {
			return err
		}
		for _, field := range []string{"replicas", "readyReplicas", "availableReplicas", "upToDateReplicas"} {
			if n, _, _ := unstructured.NestedInt64(kcp.Object, "status", field); n != replicas {
				return fmt.Errorf("%s is %d; %s", field, n, conditionsOf(kcp))
			}
		}
		if v, _, _ := unstructured.NestedString(kcp.Object, "spec", "version"); v != version {
			return fmt.Errorf("version is %s", v)
		}
		for _, condition := range []string{"Available", "EtcdClusterHealthy", "ControlPlaneComponentsHealthy", "MachinesReady"} {
			if !hasCondition(kcp, condition) {
				return fmt.Errorf("not %s: %s", condition, conditionsOf(kcp))
			}
		}
		return s.checkEtcdPods(ctx, int(replicas), version)
	})
}

// checkEtcdPods looks at the workload cluster itself: as many etcd pods, and
// API servers of the version asked for.
func (s *story) checkEtcdPods(ctx context.Context, want int, version string) error {
	c, err := s.lab.WorkloadClient(ctx, s.cluster.Key())
	if err != nil {
		return err
	}
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace("kube-system")); err != nil {
		return err
	}
	etcd := 0
	for _, p := range pods.Items {
		if strings.HasPrefix(p.Name, "etcd-") {
			etcd++
		}
		if strings.HasPrefix(p.Name, "kube-apiserver-") && !strings.HasSuffix(p.Spec.Containers[0].Image, ":"+version) {
			return fmt.Errorf("%s has image %s", p.Name, p.Spec.Containers[0].Image)
		}
	}
	if etcd != want {
		return fmt.Errorf("%d etcd pods, want %d", etcd, want)
	}
	return nil
}

func (s *story) waitNodes(ctx context.Context, version string, names ...string) error {
	return WaitFor(ctx, fmt.Sprintf("nodes %v", names), patience, func(ctx context.Context) error {
		nodes, err := s.lab.ReadyNodes(ctx, s.cluster.Key())
		if err != nil {
			return err
		}
		for _, name := range names {
			node := nodes[name]
			if node == nil {
				return fmt.Errorf("ready nodes are %v", slices.Sorted(maps.Keys(nodes)))
			}
			host, _ := s.lab.MAAS().MachineByHostname(name)
			if want := "maas:///" + host.SystemID; node.Spec.ProviderID != want {
				return fmt.Errorf("node %s has providerID %s, want %s", name, node.Spec.ProviderID, want)
			}
			if got := node.Status.NodeInfo.KubeletVersion; got != version {
				return fmt.Errorf("node %s has kubelet %s, want %s", name, got, version)
			}
		}
		return nil
	})
}

// conditionsOf are the conditions that are not as they should be.
func conditionsOf(u *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	var out []string
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["message"] != "" && m["message"] != nil {
			out = append(out, fmt.Sprintf("%v=%v: %v", m["type"], m["status"], m["message"]))
		}
	}
	return strings.Join(out, "; ")
}
