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
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// disaster loses the management cluster with all that is in it, installs another and puts the Cluster back from the files that "clusterctl move" had written. No
// server notices.
func (s *clusterctlStory) disaster(ctx context.Context) error {
	folder := s.path("saved")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	before := s.installations()
	if _, err := s.clusterctl(ctx, "move", "--namespace", s.cluster.Namespace, "--to-directory", folder); err != nil {
		return err
	}
	if err := s.loseManagement(ctx); err != nil {
		return err
	}
	if err := s.init(ctx); err != nil {
		return err
	}
	if _, err := s.clusterctl(ctx, "move", "--namespace", s.cluster.Namespace, "--from-directory", folder); err != nil {
		return err
	}
	if err := s.available(ctx); err != nil {
		return err
	}
	if after := s.installations(); after != before {
		return fmt.Errorf("servers were touched: %s before, %s after", before, after)
	}
	return nil
}

// loseManagement puts an empty management cluster in the place of the one that there is. Servers and MAAS run on.
func (s *clusterctlStory) loseManagement(ctx context.Context) error {
	if err := s.stopPlatform(); err != nil {
		return err
	}
	l := s.lab
	for _, m := range l.managers {
		m.Kill()
		m.netns.Close()
	}
	l.managers = nil
	l.api.Stop()
	for _, folder := range []string{"management", "managers"} {
		if err := os.RemoveAll(filepath.Join(l.dir, folder)); err != nil {
			return err
		}
	}
	if err := l.startManagement(ctx); err != nil {
		return err
	}
	s.startPlatform(s.t.Context())
	return l.api.WriteKubeconfig(s.path("kubeconfig"))
}

// installations tells how often each server was deployed and released.
func (s *clusterctlStory) installations() string {
	var out []string
	for _, m := range s.lab.MAAS().Machines() {
		out = append(out, fmt.Sprintf("%s %d/%d", m.Hostname, m.Deploys, m.Releases))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
