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
	"slices"
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, version, want, problem string }{
		{name: "ubuntu/jammy", want: "ubuntu/jammy"},
		{name: "ubuntu/jammy", version: "nonsense", want: "ubuntu/jammy"},
		{name: "custom/ubuntu-2204-k8s-{version}", version: "v1.34.2", want: "custom/ubuntu-2204-k8s-1.34.2"},
		{name: "custom/u-2204-k-{major}{minor}{patch}", version: "v1.28.4", want: "custom/u-2204-k-1284"},
		{name: "custom/k-{major}.{minor}", version: "1.34.2", want: "custom/k-1.34"},
		{name: "{version}", version: "v1.34.2", want: "1.34.2"},
		{name: "custom/k-{version}", version: "v1.35.0-beta.1", want: "custom/k-1.35.0-beta.1"},
		{name: "custom/k-{version}", version: "v1.34.2+rke2r1", want: "custom/k-1.34.2-rke2r1"},
		{name: "custom/k-{minor}-{minor}", version: "v1.34.2", want: "custom/k-34-34"},
		{name: "custom/k-{version}", problem: "no spec.version"},
		{name: "custom/k-{version}", version: "stable", problem: `"stable", is none`},
		{name: "custom/k-{version}", version: "v1.34", problem: "is none"},
		{name: "custom/k-{version}", version: "v1.034.2", problem: "is none"},
		{name: "custom/k-{release}", version: "v1.34.2", problem: "unknown placeholder"},
		{name: "custom/k-{version", version: "v1.34.2", problem: "unknown placeholder"},
		{name: strings.Repeat("a", 250) + "{version}", version: "v1.34.2+build", problem: "longer than 256"},
	} {
		got, err := Resolve(tc.name, tc.version)
		if tc.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tc.problem) {
				t.Errorf("Resolve(%q, %q) = %q, %v, want an error with %q", tc.name, tc.version, got, err, tc.problem)
			}
			continue
		}
		if err != nil || got != tc.want {
			t.Errorf("Resolve(%q, %q) = %q, %v, want %q", tc.name, tc.version, got, err, tc.want)
		}
	}
}

// Whatever stands in the two fields, a resolved name has no placeholder left and nothing that the API refuses in a MaasHost.
func FuzzResolve(f *testing.F) {
	f.Add("custom/u-2204-k-{major}{minor}{patch}", "v1.28.4")
	f.Add("custom/k-{version}", "v1.34.2+rke2r1")
	f.Add("{{version}}", "v1.0.0")
	f.Fuzz(func(t *testing.T, name, kubernetesVersion string) {
		got, err := Resolve(name, kubernetesVersion)
		if err != nil {
			return
		}
		if strings.Contains(got, "{") {
			t.Errorf("Resolve(%q, %q) = %q with a placeholder left", name, kubernetesVersion, got)
		}
		if name != got && len(got) > maxName {
			t.Errorf("Resolve(%q, %q) is %d characters long", name, kubernetesVersion, len(got))
		}
		literal := strings.NewReplacer("{version}", "", "{major}", "", "{minor}", "", "{patch}", "").Replace(name)
		if !unfit.MatchString(strings.ReplaceAll(literal, "/", "")) && unfit.MatchString(strings.ReplaceAll(got, "/", "")) {
			t.Errorf("Resolve(%q, %q) = %q with characters that names cannot have", name, kubernetesVersion, got)
		}
	})
}

// resources are what a MAAS might have.
var resources = []maas.BootResource{
	{Name: "ubuntu/focal", Architecture: "amd64/ga-20.04", Type: "Synced"},
	{Name: "ubuntu/jammy", Architecture: "amd64/ga-22.04", Type: "Synced"},
	{Name: "ubuntu/jammy", Architecture: "amd64/ga-22.04-lowlatency", Type: "Synced"},
	{Name: "ubuntu/jammy", Architecture: "amd64/hwe-22.04", Type: "Synced"},
	{Name: "ubuntu/jammy", Architecture: "arm64/ga-22.04", Type: "Synced"},
	{Name: "ubuntu/jammy", Architecture: "ppc64el/ga-22.04", Type: "Synced"},
	{Name: "custom/u-2204-k-1284", Architecture: "amd64/generic", Type: "Uploaded"},
	{Name: "custom/u-2204-k-1285", Architecture: "arm64/generic", Type: "Uploaded"},
	{Name: "rhel/9.1", Architecture: "amd64/generic", Type: "Uploaded"},
}

func TestFind(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		want    Wanted
		on      string
		missing string
	}{
		"an image of MAAS":                  {want: Wanted{Name: "ubuntu/jammy"}, on: "amd64 arm64 ppc64le"},
		"its series alone":                  {want: Wanted{Name: "jammy"}, on: "amd64 arm64 ppc64le"},
		"for one architecture":              {want: Wanted{Name: "ubuntu/jammy", Architecture: "arm64"}, on: "arm64"},
		"by the name that Kubernetes has":   {want: Wanted{Name: "ubuntu/jammy", Architecture: "ppc64le"}, on: "ppc64le"},
		"an uploaded image":                 {want: Wanted{Name: "custom/u-2204-k-1284"}, on: "amd64"},
		"an uploaded image by its name":     {want: Wanted{Name: "u-2204-k-1284"}, on: "amd64"},
		"an uploaded image of another kind": {want: Wanted{Name: "rhel/9.1"}, on: "amd64"},
		"a kernel narrows architectures":    {want: Wanted{Name: "ubuntu/jammy", Kernel: "hwe-22.04"}, on: "amd64"},
		"the GA kernel":                     {want: Wanted{Name: "ubuntu/jammy", Kernel: "ga-22.04"}, on: "amd64 arm64 ppc64le"},
		"no such image": {want: Wanted{Name: "custom/u-2204-k-1286"},
			missing: "MAAS has no image custom/u-2204-k-1286; nearest of 5: custom/u-2204-k-1284, custom/u-2204-k-1285, "},
		"another system's series":      {want: Wanted{Name: "custom/jammy"}, missing: "MAAS has no image custom/jammy"},
		"the beginning of a name":      {want: Wanted{Name: "ubuntu/jam"}, missing: "MAAS has no image ubuntu/jam; nearest of 5: ubuntu/jammy"},
		"not for the architecture":     {want: Wanted{Name: "custom/u-2204-k-1284", Architecture: "arm64"}, missing: "MAAS has image custom/u-2204-k-1284 for amd64, not for arm64"},
		"a kernel of another release":  {want: Wanted{Name: "ubuntu/jammy", Kernel: "ga-20.04"}, missing: "without kernel ga-20.04; it has ga-22.04, ga-22.04-lowlatency, hwe-22.04"},
		"a kernel that does not exist": {want: Wanted{Name: "ubuntu/focal", Kernel: "hwe-20.04"}, missing: "MAAS has image ubuntu/focal without kernel hwe-20.04; it has ga-20.04"},
		"a kernel not for the architecture": {want: Wanted{Name: "ubuntu/jammy", Kernel: "hwe-22.04", Architecture: "arm64"},
			missing: "MAAS has image ubuntu/jammy without kernel hwe-22.04; it has ga-22.04"},
		"an image brings its kernel": {want: Wanted{Name: "custom/u-2204-k-1284", Kernel: "ga-22.04"}, missing: "brings its own kernel"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Find(resources, tc.want)
			if strings.Join(got.Architectures, " ") != tc.on {
				t.Errorf("it is for %q, want %q", got.Architectures, tc.on)
			}
			if (got.Missing == "") != (tc.missing == "") || !strings.Contains(got.Missing, tc.missing) {
				t.Errorf("missing is %q, want %q", got.Missing, tc.missing)
			}
			reversed := slices.Clone(resources)
			slices.Reverse(reversed)
			if again := Find(reversed, tc.want); again.Missing != got.Missing || !slices.Equal(again.Architectures, got.Architectures) {
				t.Errorf("in another order the answer is %+v, want %+v", again, got)
			}
		})
	}
}

func TestFindInAMaasWithoutImages(t *testing.T) {
	t.Parallel()
	if got := Find(nil, Wanted{Name: "ubuntu/jammy"}).Missing; !strings.Contains(got, "no image at all") {
		t.Errorf("missing is %q, want to hear that there is none at all", got)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"ab", "ba", 2}} {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("from %q to %q it is %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
