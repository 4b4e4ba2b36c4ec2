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
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

const (
	annotationHash   = "kubernetes.io/config.hash"
	annotationMirror = corev1.MirrorPodAnnotationKey
	annotationSource = "kubernetes.io/config.source"
	annotationSeen   = "kubernetes.io/config.seen"
)

// version numbers in image tags and image names.
var versionPattern = regexp.MustCompile(`v\d+\.\d+\.\d+`)

func versionIn(s string) string { return versionPattern.FindString(s) }

// syncMirrors makes the API server show the static pods: it creates their
// mirror pods, again when somebody deleted one, and reports their state.
func (n *node) syncMirrors(ctx context.Context) error {
	list, err := n.list(ctx)
	if err != nil {
		return err
	}
	mirrors := map[string]*corev1.Pod{}
	for i := range list.Items {
		if p := &list.Items[i]; p.Annotations[annotationMirror] != "" {
			mirrors[p.Name] = p
		}
	}
	for _, p := range n.pods.snapshot() {
		name := p.manifest.Name + "-" + n.set.nodeName
		if err := n.syncMirror(ctx, p, name, mirrors[name]); err != nil {
			return fmt.Errorf("mirroring pod %s: %w", name, err)
		}
		delete(mirrors, name)
	}
	for name, p := range mirrors {
		if err := n.deleteMirror(ctx, p); err != nil {
			return fmt.Errorf("removing mirror pod %s: %w", name, err)
		}
	}
	return nil
}

// list is the Node's pods.
func (n *node) list(ctx context.Context) (*corev1.PodList, error) {
	list, err := n.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("spec.nodeName", n.set.nodeName).String(),
	})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of Node %s: %w", n.set.nodeName, err)
	}
	return list, nil
}

func (n *node) syncMirror(ctx context.Context, p *staticPod, name string, got *corev1.Pod) error {
	pods := n.client.CoreV1().Pods(p.manifest.Namespace)
	switch {
	case got == nil:
		var err error
		if got, err = pods.Create(ctx, n.mirrorOf(p, name), metav1.CreateOptions{}); err != nil {
			return err
		}
	case got.Annotations[annotationMirror] != p.hash || got.DeletionTimestamp != nil || string(ownerUID(got)) != n.uid:
		// Of an older manifest, or of the Node of the same name before a repave.
		return n.deleteMirror(ctx, got)
	}
	status := n.mirrorStatus(p, got)
	if apiequality.Semantic.DeepEqual(status, got.Status) {
		return nil
	}
	got.Status = status
	_, err := pods.UpdateStatus(ctx, got, metav1.UpdateOptions{})
	return err
}

func (n *node) deleteMirror(ctx context.Context, p *corev1.Pod) error {
	err := n.client.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func ownerUID(p *corev1.Pod) types.UID {
	for _, o := range p.OwnerReferences {
		if o.Kind == "Node" {
			return o.UID
		}
	}
	return ""
}

func (n *node) mirrorOf(p *staticPod, name string) *corev1.Pod {
	pod := p.manifest.DeepCopy()
	pod.Name = name
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations[annotationHash] = p.hash
	pod.Annotations[annotationMirror] = p.hash
	pod.Annotations[annotationSource] = "file"
	pod.Annotations[annotationSeen] = time.Now().Format(time.RFC3339)
	pod.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "v1", Kind: "Node", Name: n.set.nodeName, UID: types.UID(n.uid), Controller: ptr.To(true),
	}}
	pod.Spec.NodeName = n.set.nodeName
	pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute})
	pod.Status = corev1.PodStatus{}
	return pod
}

func (n *node) mirrorStatus(p *staticPod, got *corev1.Pod) corev1.PodStatus {
	containers, ready := p.statuses()
	status := got.Status.DeepCopy()
	status.Phase = corev1.PodRunning
	status.ContainerStatuses = containers
	address := n.host.server.Address.String()
	status.HostIP, status.PodIP = address, address
	status.HostIPs, status.PodIPs = []corev1.HostIP{{IP: address}}, []corev1.PodIP{{IP: address}}
	if status.StartTime == nil {
		status.StartTime = ptr.To(metaTime(time.Now()))
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady} {
		want := corev1.ConditionTrue
		if !ready && kind != corev1.PodInitialized {
			want = corev1.ConditionFalse
		}
		setPodCondition(status, kind, want)
	}
	return *status
}

func setPodCondition(status *corev1.PodStatus, kind corev1.PodConditionType, want corev1.ConditionStatus) {
	for i := range status.Conditions {
		if c := &status.Conditions[i]; c.Type == kind {
			if c.Status != want {
				c.Status, c.LastTransitionTime = want, metaTime(time.Now())
			}
			return
		}
	}
	status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: want, LastTransitionTime: metaTime(time.Now())})
}

// metaTime has the precision the API keeps, so that comparing with what it
// returns works.
func metaTime(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }
