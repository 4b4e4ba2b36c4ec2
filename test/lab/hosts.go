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
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/hostagent"
	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

// hosts is the rack: what runs on the servers that MAAS switches.
type hosts struct {
	agent *hostagent.Agent
	vips  *vips
}

// startHosts prepares the host agent. Hosts end with MAAS, which switches their
// power off.
func (l *Lab) startHosts(ctx context.Context) error {
	if l.cfg.MAAS.Hollow {
		return nil
	}
	busybox, err := staticShell()
	if err != nil {
		return err
	}
	if err := requireTools("kubeadm", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"); err != nil {
		return err
	}
	stages, err := podStages()
	if err != nil {
		return err
	}
	h := &hosts{vips: newVIPs(ctx, l.bridge, l.log)}
	h.agent, err = hostagent.New(hostagent.Config{
		Bridge: l.bridge, Bits: managementNetwork.Bits(), Tools: filepath.Join(Repository(), "bin"), Busybox: busybox,
		Dir: l.dir, Logs: filepath.Join(l.cfg.Artifacts, "logs", "hosts"), KwokStages: stages, Endpoints: h.vips, Logger: l.log,
	})
	l.hosts = h
	return err
}

// noNodeStage never matches. Without any stage for nodes kwok does not look at
// nodes, and then not at their pods; but a node's state is the host agent's to
// tell.
const noNodeStage = `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: node-none
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchLabels: {no-node-has-this-label: ""}
  next: {}
`

// podEndStage ends the containers of a pod that somebody's finalizer keeps, as a
// kubelet does. kwok's own stages only delete, which leaves such a pod running.
const podEndStage = `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: pod-end
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: Exists}
    - {key: .metadata.finalizers, operator: Exists}
    - {key: .status.phase, operator: In, values: [Running]}
    - {key: '.metadata.annotations["` + corev1.MirrorPodAnnotationKey + `"]', operator: DoesNotExist}
  next:
    statusTemplate: |
      {{ $now := Now }}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        started: false
        state: {terminated: {exitCode: 0, reason: Completed, finishedAt: {{ $now | Quote }}, startedAt: {{ $now | Quote }}}}
      {{ end }}
      phase: Succeeded
`

// podStages are kwok's own stages for pods, but for mirror pods, which the host
// agent keeps, and for the deletion of pods that a finalizer keeps.
func podStages() ([]byte, error) {
	dir, err := moduleDir("kwok", "sigs.k8s.io/kwok")
	if err != nil {
		return nil, err
	}
	all := []byte(noNodeStage + "---\n" + podEndStage)
	for _, name := range []string{"pod-ready", "pod-complete", "pod-delete"} {
		stages, err := readObjects(filepath.Join(dir, "kustomize", "stage", "pod", "fast", name+".yaml"))
		if err != nil {
			return nil, err
		}
		for _, stage := range stages {
			path := []string{"spec", "selector", "matchExpressions"}
			expressions, _, _ := unstructured.NestedSlice(stage.Object, path...)
			expressions = append(expressions, map[string]any{
				"key": `.metadata.annotations["` + corev1.MirrorPodAnnotationKey + `"]`, "operator": "DoesNotExist",
			})
			if name == "pod-delete" {
				expressions = append(expressions, map[string]any{"key": ".metadata.finalizers", "operator": "DoesNotExist"})
			}
			if err := unstructured.SetNestedSlice(stage.Object, expressions, path...); err != nil {
				return nil, fmt.Errorf("reading kwok's stage %s: %w", name, err)
			}
			raw, err := yaml.Marshal(stage.Object)
			if err != nil {
				return nil, fmt.Errorf("writing kwok's stage %s: %w", name, err)
			}
			all = append(append(all, "---\n"...), raw...)
		}
	}
	return all, nil
}

// HostProcesses are the processes that run on a host now.
func (l *Lab) HostProcesses(systemID string) []*sandbox.Process {
	if l.hosts == nil {
		return nil
	}
	return l.hosts.agent.Processes(systemID)
}
