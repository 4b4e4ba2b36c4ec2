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

package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/cluster-api/core/webhooks/admission"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestGenerated wants the files in the tree to be those that their parts make.
func TestGenerated(t *testing.T) {
	files, err := Render(templates)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(templates, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("templates/%s is not what its parts make: run make generate", name)
		}
	}
}

// TestClassIsAdmitted asks Cluster API's webhook, which checks schemas, rules and their cost, defaults and patches.
func TestClassIsAdmitted(t *testing.T) {
	if _, err := (&admission.ClusterClass{}).ValidateCreate(t.Context(), readClass(t).object); err != nil {
		t.Error(strings.ReplaceAll(err.Error(), ", spec", "\nspec"))
	}
}

// TestFlavors expands every flavour with Cluster API's own engine, and compares what the Cluster is made of with testdata.
func TestFlavors(t *testing.T) {
	c := readClass(t)
	for _, layout := range layouts {
		for _, profile := range profiles {
			name := flavor(layout, profile)
			t.Run(name, func(t *testing.T) {
				cluster, others := readCluster(t, "cluster-template-"+name+".yaml", values())
				for _, o := range others {
					if o.GetKind() != "HelmChartProxy" {
						strict(t, o)
						continue
					}
					for _, why := range refusals(t, o) {
						t.Errorf("HelmChartProxy %s: %s", o.GetName(), why)
					}
				}
				if errs := c.admit(t.Context(), cluster); len(errs) > 0 {
					t.Fatal(errs.ToAggregate())
				}
				objects, err := c.expand(t.Context(), cluster)
				if err != nil {
					t.Fatal(err)
				}
				var text bytes.Buffer
				for _, o := range objects {
					strict(t, o)
					raw, err := yaml.Marshal(o.Object)
					if err != nil {
						t.Fatal(err)
					}
					text.WriteString("---\n")
					text.Write(raw)
				}
				golden(t, name+".yaml", text.Bytes())
			})
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	have, wanted := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(have), len(wanted)) {
		if have[i] != wanted[i] {
			t.Fatalf("testdata/%s, line %d: got %q, want %q (go test ./hack/class -update writes it anew)", name, i+1, have[i], wanted[i])
		}
	}
	t.Fatalf("testdata/%s has %d lines, got %d", name, len(wanted), len(have))
}
