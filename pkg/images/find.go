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

package images

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Wanted is the image that a machine is to get.
type Wanted struct {
	// Name is as a deploy takes it: OSYSTEM/SERIES, or SERIES alone.
	Name string
	// Kernel is MAAS's name of it, such as "hwe-22.04"; "" leaves the choice to MAAS.
	Kernel string
	// Architecture of the server by Kubernetes's name, "" for any.
	Architecture string
}

// Answer says for which architectures MAAS can install what is wanted, or why for none.
type Answer struct {
	// Architectures by Kubernetes's names, sorted; empty when it is missing.
	Architectures []string
	// Missing is a sentence for people without a full stop, "" when there are architectures.
	Missing string
}

// Find looks for the image among those that MAAS has. MAAS refuses a deploy of an image that it lacks, but only once the server is taken;
// a kernel of a name that it does not know it replaces by its own choice, without a word.
func Find(resources []maas.BootResource, want Wanted) Answer {
	kernels := map[string][]string{} // by architecture
	for _, r := range resources {
		if arch, kernel := split(r.Architecture); is(want.Name, r.Name) {
			kernels[arch] = append(kernels[arch], kernel)
		}
	}
	if len(kernels) == 0 {
		return Answer{Missing: fmt.Sprintf("MAAS has no image %s%s", want.Name, nearest(resources, want.Name))}
	}
	if want.Architecture != "" && kernels[want.Architecture] == nil {
		return Answer{Missing: fmt.Sprintf("MAAS has image %s for %s, not for %s", want.Name, list(keys(kernels)), want.Architecture)}
	}
	var answer Answer
	var known []string
	for _, arch := range keys(kernels) {
		if want.Architecture != "" && arch != want.Architecture {
			continue
		}
		if want.Kernel == "" || slices.Contains(kernels[arch], want.Kernel) {
			answer.Architectures = append(answer.Architectures, arch)
		}
		for _, kernel := range kernels[arch] {
			if isKernel(kernel) {
				known = append(known, kernel)
			}
		}
	}
	switch {
	case len(answer.Architectures) > 0:
	case len(known) == 0:
		answer.Missing = fmt.Sprintf("image %s brings its own kernel, so it cannot have kernel %s", want.Name, want.Kernel)
	default:
		answer.Missing = fmt.Sprintf("MAAS has image %s without kernel %s; it has %s", want.Name, want.Kernel, list(slices.Sorted(slices.Values(known))))
	}
	return answer
}

// is tells whether the name that a deploy is given means the image: "jammy" stands for ubuntu/jammy and for custom/jammy.
func is(name, image string) bool {
	if !strings.Contains(image, "/") {
		image = custom + image
	}
	return name == image || name == strings.TrimPrefix(image, ubuntu) || name == strings.TrimPrefix(image, custom)
}

const (
	ubuntu = "ubuntu/"
	custom = "custom/"
)

// isKernel tells kernels from other subarchitectures.
func isKernel(subarchitecture string) bool {
	return strings.HasPrefix(subarchitecture, "ga-") || strings.HasPrefix(subarchitecture, "hwe-")
}

// split parts MAAS's architecture into that of Kubernetes and the subarchitecture.
func split(architecture string) (string, string) {
	arch, subarchitecture, _ := strings.Cut(architecture, "/")
	if arch == "ppc64el" {
		arch = "ppc64le"
	}
	return arch, subarchitecture
}

// suggested is how many images a message names.
const suggested = 3

// nearest says which images MAAS has that have the most alike names.
func nearest(resources []maas.BootResource, name string) string {
	var names []string
	for _, r := range resources {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		return ", and no image at all: import or upload one"
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(distance(name, a), distance(name, b)), cmp.Compare(a, b))
	})
	if len(names) > suggested {
		return fmt.Sprintf("; nearest of %d: %s", len(names), strings.Join(names[:suggested], ", "))
	}
	return "; it has " + strings.Join(names, ", ")
}

// distance is the least number of characters to insert, delete or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func keys(m map[string][]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func list(names []string) string { return strings.Join(slices.Compact(names), ", ") }
