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

package portworx

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/internal/objects"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// driveSetNamespace is where Portworx keeps its list of drive sets unless it is told otherwise.
const driveSetNamespace = "kube-system"

// driveSet is one entry of that list: array volumes that one node attaches.
type driveSet struct {
	NodeID            string
	SchedulerNodeName string
	State             string
}

var notAlphanumeric = regexp.MustCompile("[^a-z0-9]+")

// readUse finds what of Portworx is still on each server, and for cloud drives how many drive sets there are.
func (r *roster) readUse(ctx context.Context, p *Prober, objects *operatorView) (int32, error) {
	switch p.options.Mode {
	case FlashArrayCloudDrives:
		return r.readDriveSets(ctx, p.cluster, objects)
	case FlashArrayDirectAccess:
		return 0, r.readAttachments(ctx, p.cluster)
	case LocalDisks:
	}
	return 0, r.readPods(ctx, p)
}

// readPods finds the nodes that Portworx's Pods still run on: on local disks it is stopped in order by the end of its Pod. Its own word for a node that
// stopped comes a minute later and is not waited for.
func (r *roster) readPods(ctx context.Context, p *Prober) error {
	pods := &corev1.PodList{}
	if err := p.cluster.List(ctx, pods, client.InNamespace(p.options.Namespace), client.MatchingLabels{"name": "portworx"}); err != nil {
		return fmt.Errorf("listing the Pods of Portworx: %w", err)
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || staysThroughDrain(pod) {
			continue
		}
		r.use(pod.Spec.NodeName, "its Pod "+pod.Name+" still runs there")
	}
	return nil
}

// staysThroughDrain tells whether Cluster API's drain leaves a Pod alone, so that its end cannot be waited for: those of a DaemonSet, which Portworx was
// before it had an operator, and those that are labelled so.
func staysThroughDrain(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && owner.Kind == "DaemonSet" || strings.EqualFold(pod.Labels[drainLabel], "skip")
}

// drainLabel is Cluster API's, on Pods.
const drainLabel = "cluster.x-k8s.io/drain"

// readAttachments finds the nodes that array volumes are attached to.
func (r *roster) readAttachments(ctx context.Context, cluster workload.Cluster) error {
	attached := map[string]int{}
	err := objects.Each(ctx, cluster, storagev1.SchemeGroupVersion.WithKind("VolumeAttachment"), "", func(o *unstructured.Unstructured) error {
		if objects.String(o.Object, "spec", "attacher") == csiDriver {
			attached[objects.String(o.Object, "spec", "nodeName")]++
		}
		return nil
	})
	for node, n := range attached {
		r.use(node, fmt.Sprintf("%d volumes of the array are attached to it", n))
	}
	return err
}

// use notes what is on a server.
func (r *roster) use(node, what string) {
	for i := range r.nodes {
		if r.nodes[i].Name == node && r.nodes[i].InUse == "" {
			r.nodes[i].InUse = what
		}
	}
}

// readDriveSets finds which drive sets are attached where, and counts them all.
func (r *roster) readDriveSets(ctx context.Context, cluster workload.Cluster, view *operatorView) (int32, error) {
	list, err := findDriveSets(ctx, cluster, view)
	if err != nil {
		return 0, err
	}
	sets := map[string]driveSet{}
	if err := json.Unmarshal([]byte(list.Data["cloud-drive"]), &sets); err != nil {
		return 0, fmt.Errorf("reading Portworx's drive sets from ConfigMap %s/%s: %w", list.Namespace, list.Name, err)
	}
	for _, id := range slices.Sorted(maps.Keys(sets)) {
		set := sets[id]
		// A set that is not called available is attached, or may be.
		if strings.EqualFold(set.State, "Available") {
			continue
		}
		if set.NodeID == "" {
			set.NodeID = id
		}
		if i, ok := r.byID[set.NodeID]; ok {
			r.nodes[i].DriveSets = append(r.nodes[i].DriveSets, id)
			set.SchedulerNodeName = r.nodes[i].Name
		}
		r.use(set.SchedulerNodeName, "drive set "+id+" is attached to it")
	}
	return int32(len(sets)), nil
}

// findDriveSets gets the ConfigMap, which is named for the cluster's id without all that is neither letter nor digit.
func findDriveSets(ctx context.Context, cluster workload.Cluster, view *operatorView) (*corev1.ConfigMap, error) {
	tried := []string{}
	for _, id := range []string{view.clusterName, view.objectName, view.clusterUID} {
		name := "px-cloud-drive-" + notAlphanumeric.ReplaceAllString(strings.ToLower(id), "")
		if id == "" || slices.Contains(tried, name) {
			continue
		}
		list := &corev1.ConfigMap{}
		err := cluster.Get(ctx, client.ObjectKey{Namespace: driveSetNamespace, Name: name}, list)
		if err == nil {
			return list, nil
		}
		if !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("getting ConfigMap %s/%s with Portworx's drive sets: %w", driveSetNamespace, name, err)
		}
		tried = append(tried, name)
	}
	return nil, fmt.Errorf("portworx's list of drive sets was not found in namespace %s as ConfigMap %s; spec.storage.portworx.mode has to be %s only "+
		"where it has cloud drives", driveSetNamespace, strings.Join(tried, " or "), FlashArrayCloudDrives)
}
