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
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/yaml"
)

// ChartRepository is a Helm repository over HTTP, from which the addon provider takes charts.
type ChartRepository struct {
	url string

	mu     sync.Mutex // guards the fields below
	charts []chartArchive
	down   bool
}

type chartArchive struct {
	name, version, digest string
	data                  []byte
}

// Chart is a chart made of files, by their path in it; Chart.yaml is added.
type Chart struct {
	Name, Version, Description string
	Files                      map[string]string
}

// ServeCharts starts an empty repository in the lab. It ends with the context.
func (l *Lab) ServeCharts(ctx context.Context) (*ChartRepository, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(labAddress.Addr().String(), "0"))
	if err != nil {
		return nil, fmt.Errorf("serving charts: %w", err)
	}
	r := &ChartRepository{url: "http://" + listener.Addr().String()}
	server := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return r, nil
}

// URL is what a HelmChartProxy names.
func (r *ChartRepository) URL() string { return r.url }

// SetDown has the repository answer with errors, or again as it should.
func (r *ChartRepository) SetDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// Add adds a chart.
func (r *ChartRepository) Add(c Chart) error {
	files := map[string]string{"Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\ndescription: %q\n", c.Name, c.Version, c.Description)}
	for name, text := range c.Files {
		files[name] = text
	}
	return r.add(c.Name, c.Version, files)
}

// AddFolder adds the chart in a folder.
func (r *ChartRepository) AddFolder(dir string) error {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		files[filepath.ToSlash(name)] = string(raw)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the chart in %s: %w", dir, err)
	}
	var meta struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if err := yaml.Unmarshal([]byte(files["Chart.yaml"]), &meta); err != nil || meta.Name == "" {
		return fmt.Errorf("reading Chart.yaml in %s: name %q: %w", dir, meta.Name, err)
	}
	return r.add(meta.Name, meta.Version, files)
}

func (r *ChartRepository) add(name, version string, files map[string]string) error {
	data, err := packChart(name, files)
	if err != nil {
		return fmt.Errorf("packing chart %s: %w", name, err)
	}
	r.addArchive(name, version, data)
	return nil
}

func (r *ChartRepository) addArchive(name, version string, data []byte) {
	sum := sha256.Sum256(data)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.charts = append(r.charts, chartArchive{name: name, version: version, digest: hex.EncodeToString(sum[:]), data: data})
}

func packChart(name string, files map[string]string) ([]byte, error) {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	names := make([]string, 0, len(files))
	for file := range files {
		names = append(names, file)
	}
	slices.Sort(names)
	for _, file := range names {
		header := &tar.Header{Name: path.Join(name, file), Mode: 0o644, Size: int64(len(files[file]))}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write([]byte(files[file])); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	err := zipped.Close()
	return out.Bytes(), err
}

// ServeHTTP implements http.Handler.
func (r *ChartRepository) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		http.Error(w, "the repository is down", http.StatusServiceUnavailable)
		return
	}
	if req.URL.Path == "/index.yaml" {
		raw, err := yaml.Marshal(r.index())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(raw)
		return
	}
	for _, c := range r.charts {
		if strings.TrimPrefix(req.URL.Path, "/") == c.file() {
			_, _ = w.Write(c.data)
			return
		}
	}
	http.NotFound(w, req)
}

func (c chartArchive) file() string { return c.name + "-" + c.version + ".tgz" }

func (r *ChartRepository) index() map[string]any {
	entries := map[string][]any{}
	for _, c := range r.charts {
		entries[c.name] = append(entries[c.name], map[string]any{
			"apiVersion": "v2", "name": c.name, "version": c.version, "digest": c.digest, "urls": []string{r.url + "/" + c.file()},
		})
	}
	return map[string]any{"apiVersion": "v1", "entries": entries}
}
