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
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// management fills in the management folder of the example repository and applies it: namespace, class, credentials.
func (s *clusterctlStory) management(ctx context.Context) error {
	generated, err := s.generate(ctx, "four-nic")
	if err != nil {
		return err
	}
	if !bytes.Contains(generated, []byte("kind: ClusterClass\n")) {
		return errors.New("clusterctl does not bring the class, which is not there yet")
	}
	if err := os.CopyFS(s.path("git"), os.DirFS(filepath.Join(Repository(), "docs", "gitops", "example"))); err != nil {
		return err
	}
	class, err := os.ReadFile(filepath.Join(s.dir, "repository", "infrastructure-maas", releaseVersion, "clusterclass-vmo.yaml"))
	if err != nil {
		return err
	}
	secret := s.lab.Credentials("", credentialsName)
	secret.Data = map[string][]byte{}
	for key, value := range secret.StringData {
		secret.Data[key] = []byte(value)
	}
	secret.Labels = map[string]string{"clusterctl.cluster.x-k8s.io/move": ""} // as docs/credentials.md has it
	secret.StringData = nil                                                   // is not kept, and would be a difference for ever
	credentials, err := yaml.Marshal(secret)
	if err != nil {
		return err
	}
	if err := s.commit("management/clusterclass-vmo.yaml", class); err != nil {
		return err
	}
	if err := s.commit("management/credentials.yaml", credentials); err != nil {
		return err
	}
	text, err := s.sync(ctx, "management")
	if err != nil {
		return err
	}
	objects, err := ParseObjects(text)
	if err != nil {
		return err
	}
	return s.classReady(ctx, byKind(objects, "ClusterClass")[0])
}

// commit writes a file of the example repository.
func (s *clusterctlStory) commit(path string, content []byte) error {
	return os.WriteFile(filepath.Join(s.path("git"), path), content, 0o600)
}

// sync applies a folder of the example repository with server-side apply, and returns what it holds.
func (s *clusterctlStory) sync(ctx context.Context, folder string, more ...string) ([]byte, error) {
	text, err := s.ask(ctx, nil, Tool("kustomize"), "build", filepath.Join(s.path("git"), folder))
	if err != nil {
		return nil, err
	}
	_, err = s.kubectl(ctx, text, append([]string{"apply", "--server-side", "-f", "-"}, more...)...)
	return text, err
}

// everyFlavor generates each flavour into the example repository and has the API server and all webhooks look at it. The class is there, and is not brought again.
func (s *clusterctlStory) everyFlavor(ctx context.Context) error {
	for _, flavor := range s.flavors() {
		generated, err := s.generate(ctx, flavor)
		if err != nil {
			return err
		}
		if bytes.Contains(generated, []byte("kind: ClusterClass\n")) {
			return fmt.Errorf("flavour %q brings the class, which is there", flavor)
		}
		if err := s.commit("prod/cluster.yaml", generated); err != nil {
			return err
		}
		if _, err := s.sync(ctx, "prod", "--dry-run=server"); err != nil {
			return fmt.Errorf("flavour %q: %w", flavor, err)
		}
	}
	return nil
}

// apply makes the Cluster, without addons: there is no chart repository here. TestAddons has one.
func (s *clusterctlStory) apply(ctx context.Context) error {
	generated, err := s.generate(ctx, "topology")
	if err != nil {
		return err
	}
	objects, err := ParseObjects(generated)
	if err != nil {
		return err
	}
	text, err := textOf(slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == "HelmChartProxy" }))
	if err != nil {
		return err
	}
	if err := s.commit("prod/cluster.yaml", text); err != nil {
		return err
	}
	if _, err := s.sync(ctx, "prod"); err != nil {
		return err
	}
	return s.available(ctx)
}

func textOf(objects []*unstructured.Unstructured) ([]byte, error) {
	var text bytes.Buffer
	for _, o := range objects {
		raw, err := yaml.Marshal(o.Object)
		if err != nil {
			return nil, err
		}
		text.WriteString("---\n")
		text.Write(raw)
	}
	return text.Bytes(), nil
}

// noDrift wants what Git holds, applied once more, to change nothing of what lives. Where a status is written between the two looks there is one more look.
func (s *clusterctlStory) noDrift(ctx context.Context) error {
	for _, folder := range []string{"management", "prod"} {
		text, err := s.ask(ctx, nil, Tool("kustomize"), "build", filepath.Join(s.path("git"), folder))
		if err != nil {
			return err
		}
		if err := WaitFor(ctx, "a server-side diff of "+folder+" to find nothing", patience, func(ctx context.Context) error {
			_, err := s.kubectl(ctx, text, "diff", "--server-side", "-f", "-")
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
