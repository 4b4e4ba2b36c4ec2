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

package hostagent

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

// node keeps the Node, its lease, the mirror pods and kwok.
type node struct {
	host   *host
	set    settings
	client kubernetes.Interface
	pods   *staticPods
	kwok   *sandbox.Process
	uid    string
	lease  time.Time
	last   string // last error that was logged
}

func newNode(h *host, set settings, client kubernetes.Interface, pods *staticPods) *node {
	return &node{host: h, set: set, client: client, pods: pods}
}

// run registers the Node and keeps everything up to date until ctx ends.
func (n *node) run(ctx context.Context) {
	_ = wait.PollUntilContextCancel(ctx, 2*retryInterval, true, func(ctx context.Context) (bool, error) {
		err := n.sync(ctx)
		text := ""
		if err != nil && ctx.Err() == nil {
			text = err.Error()
		}
		if text != "" && text != n.last {
			n.host.log.Info("Keeping the Node", "reason", text)
		}
		n.last = text
		return false, nil
	})
}

func (n *node) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if n.uid == "" {
		if err := n.register(ctx); err != nil {
			return err
		}
	}
	if err := n.keepKwok(); err != nil {
		return err
	}
	if err := n.syncMirrors(ctx); err != nil {
		return err
	}
	if time.Since(n.lease) < leaseInterval {
		return nil
	}
	if err := n.renewLease(ctx); err != nil {
		return err
	}
	n.lease = time.Now()
	return n.keepReady(ctx)
}

// register creates the Node. One that is there already is taken over, as the
// kubelet does when a server reboots.
func (n *node) register(ctx context.Context) error {
	nodes := n.client.CoreV1().Nodes()
	want := n.object(n.version(ctx))
	got, err := nodes.Create(ctx, want, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		if got, err = nodes.Get(ctx, want.Name, metav1.GetOptions{}); err == nil {
			got.Status = want.Status
			got, err = nodes.UpdateStatus(ctx, got, metav1.UpdateOptions{})
		}
	}
	if err != nil {
		return fmt.Errorf("registering Node %s: %w", want.Name, err)
	}
	if err := n.restartPods(ctx); err != nil {
		return err
	}
	n.uid = string(got.UID)
	n.host.log.Info("Registered", "node", got.Name)
	return nil
}

// restartPods forgets what was said of the Node's pods before this boot: a
// kubelet that starts runs none of them yet. A pod that is bound to a Node by
// its name outlives a repave, after which the server may have another address.
// kwok takes it from there.
func (n *node) restartPods(ctx context.Context) error {
	list, err := n.list(ctx)
	if err != nil {
		return err
	}
	for i := range list.Items {
		p := &list.Items[i]
		if p.Annotations[annotationMirror] != "" || p.DeletionTimestamp != nil {
			continue
		}
		p.Status = corev1.PodStatus{Phase: corev1.PodPending}
		if _, err := n.client.CoreV1().Pods(p.Namespace).UpdateStatus(ctx, p, metav1.UpdateOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("restarting pod %s/%s: %w", p.Namespace, p.Name, err)
		}
	}
	return nil
}

// version is the kubelet's. On a real server it is the image's, and so it is
// here where the image's name holds a version, although there is one set of
// binaries only. Otherwise it is what the user data asks for, or on a joining
// host, whose user data names no version, that of its own control plane or of
// the cluster it joins.
func (n *node) version(ctx context.Context) string {
	if v := versionIn(n.host.server.Image); v != "" {
		return v
	}
	n.host.mu.Lock()
	requested := n.host.requested
	n.host.mu.Unlock()
	if requested != "" {
		return requested
	}
	for _, p := range n.pods.snapshot() {
		if p.manifest.Name == "kube-apiserver" {
			if v := versionIn(p.manifest.Spec.Containers[0].Image); v != "" {
				return v
			}
		}
	}
	cm, err := n.client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, "kubeadm-config", metav1.GetOptions{})
	if err == nil {
		if m := kubernetesVersion.FindStringSubmatch(cm.Data["ClusterConfiguration"]); m != nil {
			return m[1]
		}
	}
	return "v0.0.0"
}

func (n *node) object(version string) *corev1.Node {
	s := n.host.server
	cpus, memory := s.CPUs, s.MemoryMiB
	if cpus == 0 {
		cpus, memory = 8, 32768
	}
	pods := n.set.config.MaxPods
	if pods == 0 {
		pods = 110
	}
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewQuantity(int64(cpus), resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(int64(memory)<<20, resource.BinarySI),
		corev1.ResourceEphemeralStorage: resource.MustParse("400Gi"),
		corev1.ResourcePods:             *resource.NewQuantity(int64(pods), resource.DecimalSI),
	}
	address := s.Address.String()
	if n.set.nodeIP != "" {
		address = n.set.nodeIP
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.set.nodeName, Labels: n.labels()},
		Spec:       corev1.NodeSpec{ProviderID: n.set.providerID, Taints: parseTaints(n.set.taints)},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: address},
				{Type: corev1.NodeHostName, Address: s.Hostname},
			},
			Conditions:      conditions(),
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
			NodeInfo: corev1.NodeSystemInfo{
				MachineID: strings.ReplaceAll(s.SystemID, "-", ""), SystemUUID: s.SystemID, BootID: n.host.bootID,
				KernelVersion: "6.8.0-lab", OSImage: "Ubuntu 24.04 LTS (simulated)", ContainerRuntimeVersion: "containerd://2.1.4",
				KubeletVersion: version, OperatingSystem: "linux", Architecture: runtime.GOARCH,
			},
		},
	}
}

func (n *node) labels() map[string]string {
	labels := map[string]string{
		corev1.LabelHostname: n.set.nodeName, corev1.LabelOSStable: "linux", corev1.LabelArchStable: runtime.GOARCH,
		"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": runtime.GOARCH,
	}
	for _, l := range strings.Split(n.set.labels, ",") {
		if k, v, ok := strings.Cut(l, "="); ok {
			labels[k] = v
		}
	}
	return labels
}

// parseTaints reads key=value:effect,key:effect.
func parseTaints(flag string) []corev1.Taint {
	var taints []corev1.Taint
	for _, t := range strings.Split(flag, ",") {
		kv, effect, ok := strings.Cut(t, ":")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(kv, "=")
		taints = append(taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
	}
	return taints
}

func conditions() []corev1.NodeCondition {
	now := metav1.Now()
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now,
		}
	}
	return []corev1.NodeCondition{
		condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"),
	}
}

// renewLease is the heartbeat: without it the workload cluster's own controller
// says that the node is lost.
func (n *node) renewLease(ctx context.Context) error {
	leases := n.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	spec := coordinationv1.LeaseSpec{
		HolderIdentity: &n.set.nodeName, LeaseDurationSeconds: ptr.To[int32](leaseSeconds), RenewTime: &metav1.MicroTime{Time: time.Now()},
	}
	lease, err := leases.Get(ctx, n.set.nodeName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		_, err = leases.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: n.set.nodeName}, Spec: spec}, metav1.CreateOptions{})
	case err == nil:
		lease.Spec = spec
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("renewing the lease of Node %s: %w", n.set.nodeName, err)
	}
	return nil
}

// keepReady says Ready again where the node controller has said Unknown. A Node
// that was deleted is not made again, for a kubelet does that at its start only.
func (n *node) keepReady(ctx context.Context) error {
	nodes := n.client.CoreV1().Nodes()
	got, err := nodes.Get(ctx, n.set.nodeName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("getting Node %s: %w", n.set.nodeName, err)
	}
	ready := slices.ContainsFunc(got.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
	if ready {
		return nil
	}
	got.Status.Conditions = conditions()
	if _, err := nodes.UpdateStatus(ctx, got, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("reporting Node %s ready: %w", n.set.nodeName, err)
	}
	return nil
}
