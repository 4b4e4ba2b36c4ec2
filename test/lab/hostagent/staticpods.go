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
	"crypto/md5" //nolint:gosec // the kubelet's hash of a manifest, not a secret
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

const (
	podGrace       = 3 * time.Second
	restartBackoff = time.Second
)

// staticPods runs the manifests of a folder as processes.
type staticPods struct {
	host *host
	set  settings

	mu   sync.Mutex // guards pods
	pods map[string]*staticPod
}

// staticPod is one manifest and its containers.
type staticPod struct {
	manifest corev1.Pod
	hash     string

	mu         sync.Mutex // guards the fields below
	containers []*container
}

// container is one process of a pod.
type container struct {
	spec      corev1.Container
	process   *sandbox.Process
	virtual   bool // stood in for by the lab: it runs as long as the host
	started   time.Time
	restarts  int32
	notBefore time.Time // no restart earlier
}

func newStaticPods(h *host, set settings) *staticPods {
	return &staticPods{host: h, set: set, pods: map[string]*staticPod{}}
}

// run keeps the processes as the manifests say, until ctx ends. Ending them
// then is the power switch's business.
func (s *staticPods) run(ctx context.Context) {
	_ = wait.PollUntilContextCancel(ctx, fileInterval, true, func(context.Context) (bool, error) {
		if err := s.sync(); err != nil {
			s.host.log.Error("Running static pods", "error", err)
		}
		s.announce()
		return false, nil
	})
}

// snapshot is the pods as they are now, in order of name.
func (s *staticPods) snapshot() []*staticPod {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.pods), func(a, b *staticPod) int {
		return strings.Compare(a.manifest.Name, b.manifest.Name)
	})
}

func (s *staticPods) sync() error {
	wanted, err := s.read()
	if err != nil {
		return err
	}
	s.mu.Lock()
	var gone []*staticPod
	for file, pod := range s.pods {
		if w := wanted[file]; w == nil || w.hash != pod.hash {
			gone = append(gone, pod)
			delete(s.pods, file)
		}
	}
	s.mu.Unlock()
	for _, pod := range gone {
		pod.stop()
	}
	s.mu.Lock()
	for file, pod := range wanted {
		if s.pods[file] == nil {
			s.pods[file] = pod
		}
	}
	s.mu.Unlock()
	for _, pod := range s.snapshot() {
		if err := s.keep(pod); err != nil {
			return err
		}
	}
	return nil
}

// read reads the manifests. A file that cannot be read yet is being written.
func (s *staticPods) read() (map[string]*staticPod, error) {
	files, err := filepath.Glob(s.host.path(s.set.config.StaticPodPath) + "/*.yaml")
	if err != nil {
		return nil, err
	}
	pods := map[string]*staticPod{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pod := &staticPod{hash: hashOf(raw)}
		if err := yaml.Unmarshal(raw, &pod.manifest); err != nil || len(pod.manifest.Spec.Containers) == 0 {
			continue
		}
		for _, c := range pod.manifest.Spec.Containers {
			pod.containers = append(pod.containers, &container{spec: c, virtual: isKubeVIP(c), started: time.Now()})
		}
		pods[file] = pod
	}
	return pods, nil
}

func hashOf(raw []byte) string {
	sum := md5.Sum(raw) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// keep starts the containers that do not run.
func (s *staticPods) keep(pod *staticPod) error {
	pod.mu.Lock()
	defer pod.mu.Unlock()
	for _, c := range pod.containers {
		if c.runs() {
			continue
		}
		if c.process != nil && c.notBefore.IsZero() {
			c.notBefore = time.Now().Add(restartBackoff)
			c.restarts++
		}
		if time.Now().Before(c.notBefore) {
			continue
		}
		p, err := s.startContainer(pod, c.spec)
		if err != nil {
			return err
		}
		c.process, c.started, c.notBefore = p, time.Now(), time.Time{}
	}
	return nil
}

func (s *staticPods) startContainer(pod *staticPod, c corev1.Container) (*sandbox.Process, error) {
	command := slices.Concat(c.Command, c.Args)
	if len(command) == 0 {
		return nil, fmt.Errorf("container %s of %s has no command, and there is no image to take one from", c.Name, pod.manifest.Name)
	}
	path := command[0]
	if !filepath.IsAbs(path) {
		path = "/usr/local/bin/" + path
	}
	var env []string
	for _, e := range c.Env {
		env = append(env, e.Name+"="+e.Value)
	}
	return s.host.start(pod.manifest.Name, path, command[1:], env...)
}

func (p *staticPod) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.containers {
		if c.process != nil {
			c.process.Stop(podGrace)
		}
	}
}

// statuses are the containers' as a kubelet would report them.
func (p *staticPod) statuses() (statuses []corev1.ContainerStatus, ready bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ready = true
	for _, c := range p.containers {
		runs := c.runs()
		status := corev1.ContainerStatus{
			Name: c.spec.Name, Image: c.spec.Image, ImageID: c.spec.Image, RestartCount: c.restarts, Ready: runs, Started: &runs,
		}
		if runs {
			status.State.Running = &corev1.ContainerStateRunning{StartedAt: metaTime(c.started)}
		} else {
			status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "the process ended"}
			ready = false
		}
		statuses = append(statuses, status)
	}
	return statuses, ready
}

func (c *container) runs() bool { return c.virtual || (c.process != nil && c.process.Running()) }

// announce tells by which endpoint the API server of this host is reached: the
// address that kube-vip would hold, or else the one the cluster was made with.
func (s *staticPods) announce() {
	var serves bool
	var endpoint string
	for _, p := range s.snapshot() {
		serves = serves || p.manifest.Name == "kube-apiserver"
		for _, c := range p.manifest.Spec.Containers {
			if isKubeVIP(c) {
				endpoint = vipOf(c)
			}
		}
	}
	if !serves {
		return
	}
	if endpoint == "" {
		cfg, err := clientcmd.LoadFromFile(s.host.path(adminConf))
		if err != nil {
			return
		}
		for _, c := range cfg.Clusters {
			endpoint = strings.TrimPrefix(c.Server, "https://")
		}
	}
	s.host.cfg.Endpoints.Announce(endpoint, s.host.apiServerAddress())
}

// isKubeVIP recognises the one static pod that has no program here.
func isKubeVIP(c corev1.Container) bool { return strings.Contains(c.Image, "kube-vip") }

func vipOf(c corev1.Container) string {
	address, port := "", "6443"
	for _, e := range c.Env {
		switch e.Name {
		case "address", "vip_address":
			address = e.Value
		case "port":
			port = e.Value
		}
	}
	return net.JoinHostPort(address, port)
}
