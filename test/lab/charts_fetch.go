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
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	fetchTimeout = 2 * time.Minute
	// Bounds of what is taken from a server: an index has all versions of all its charts.
	maxIndexBytes, maxArchiveBytes = 64 << 20, 16 << 20
)

// FetchCharts fetches the archives of the charts that a set takes from repositories over HTTPS into a folder, unless they are there. An archive must have the
// digest that the repository's index has of it. It has to be called outside the sandbox, in which there is no network; ours are not fetched.
func FetchCharts(ctx context.Context, dir string, set []*unstructured.Unstructured, say func(format string, args ...any)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("fetching charts: %w", err)
	}
	indices := map[string]chartIndex{}
	for _, o := range set {
		repository, _, _ := unstructured.NestedString(o.Object, "spec", "repoURL")
		name, _, _ := unstructured.NestedString(o.Object, "spec", "chartName")
		version, _, _ := unstructured.NestedString(o.Object, "spec", "version")
		path := filepath.Join(dir, name+"-"+version+".tgz")
		if _, err := os.Stat(path); err == nil || strings.HasPrefix(repository, "oci://") {
			continue
		}
		index, ok := indices[repository]
		if !ok {
			raw, err := fetch(ctx, strings.TrimSuffix(repository, "/")+"/index.yaml", maxIndexBytes)
			if err != nil {
				return fmt.Errorf("fetching the index of the charts of %s: %w", repository, err)
			}
			if err := yaml.Unmarshal(raw, &index); err != nil {
				return fmt.Errorf("reading the index of the charts of %s: %w", repository, err)
			}
			indices[repository] = index
		}
		raw, err := index.fetch(ctx, repository, name, version)
		if err != nil {
			return fmt.Errorf("fetching chart %s %s of %s: %w", name, version, repository, err)
		}
		if err := os.WriteFile(path+".new", raw, 0o644); err != nil {
			return fmt.Errorf("keeping chart %s: %w", name, err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("keeping chart %s: %w", name, err)
		}
		say("%s %s, sha256:%x", name, version, sha256.Sum256(raw))
	}
	return nil
}

// chartIndex is what index.yaml of a repository has.
type chartIndex struct {
	Entries map[string][]struct {
		Version string   `json:"version"`
		Digest  string   `json:"digest"`
		URLs    []string `json:"urls"`
	} `json:"entries"`
}

func (i chartIndex) fetch(ctx context.Context, repository, name, version string) ([]byte, error) {
	for _, e := range i.Entries[name] {
		// Some have a leading v in the index that users leave out.
		if strings.TrimPrefix(e.Version, "v") != strings.TrimPrefix(version, "v") || len(e.URLs) == 0 {
			continue
		}
		base, err := url.Parse(strings.TrimSuffix(repository, "/") + "/")
		if err != nil {
			return nil, err
		}
		at, err := base.Parse(e.URLs[0])
		if err != nil {
			return nil, err
		}
		raw, err := fetch(ctx, at.String(), maxArchiveBytes)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(raw)
		if got, want := hex.EncodeToString(sum[:]), strings.TrimPrefix(e.Digest, "sha256:"); got != want {
			return nil, fmt.Errorf("it has digest %s, and %q in the index", got, want)
		}
		return raw, nil
	}
	return nil, errors.New("the repository has none")
}

func fetch(ctx context.Context, address string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, response.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err == nil && int64(len(raw)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", address, limit)
	}
	return raw, err
}

// AddArchives adds the fetched archives of the charts of a set.
func (r *ChartRepository) AddArchives(dir string, set []*unstructured.Unstructured) error {
	for _, o := range set {
		name, _, _ := unstructured.NestedString(o.Object, "spec", "chartName")
		version, _, _ := unstructured.NestedString(o.Object, "spec", "version")
		if r.has(name, version) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, name+"-"+version+".tgz"))
		if err != nil {
			return fmt.Errorf("reading a fetched chart: %w", err)
		}
		r.addArchive(name, version, data)
	}
	return nil
}
