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

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/gomega"
)

// template is a cluster template of the release, of which the flavors that some specs want are made.
type template struct {
	name      string
	documents []string
}

func readTemplate(folder, name string) *template {
	raw, err := os.ReadFile(filepath.Join(folder, name))
	Expect(err).NotTo(HaveOccurred())
	return &template{name: name, documents: strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n---\n")}
}

func (t *template) write(folder, file string) {
	text := strings.Join(t.documents, "\n---\n") + "\n"
	Expect(os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600)).To(Succeed())
}

// find returns where the one document of the kind is.
func (t *template) find(kind string) int {
	at := -1
	for i, document := range t.documents {
		if strings.Contains("\n"+document, "\nkind: "+kind+"\n") {
			Expect(at).To(Equal(-1), "%s has one %s", t.name, kind)
			at = i
		}
	}
	Expect(at).NotTo(Equal(-1), "%s has a %s", t.name, kind)
	return at
}

// insert adds lines after a place in the one document of the kind.
func (t *template) insert(kind, after, lines string) {
	i := t.find(kind)
	Expect(strings.Count(t.documents[i], after)).To(Equal(1), "%s of %s has one place %q", kind, t.name, after)
	t.documents[i] = strings.Replace(t.documents[i], after, after+lines, 1)
}

// take takes the one document of the kind out.
func (t *template) take(kind string) string {
	i := t.find(kind)
	document := t.documents[i]
	t.documents = slices.Delete(t.documents, i, i+1)
	return document
}

func (t *template) add(documents string) { t.documents = append(t.documents, documents) }

// makeFlavors writes the flavors next to the release's template.
func makeFlavors(folder string) {
	makeRemediationFlavor(folder)
	makeGatedFlavor(folder)
	makeGatedTopologyFlavor(folder)
	makeClassFlavor(folder)
}
