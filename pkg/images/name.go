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

// Package images says which image of MAAS a machine gets, and for which architectures MAAS has it. It is pure: the list of images comes in
// as a value.
package images

import (
	"fmt"
	"regexp"
	"strings"
)

// version of Kubernetes as Cluster API writes it, such as v1.34.2 or v1.34.2+build.1.
var version = regexp.MustCompile(`^v?((0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)([-+][0-9A-Za-z.+-]+)?)$`)

// unfit are the characters of a version that names of images cannot have.
var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// maxName is the length that the API allows the name of an image.
const maxName = 256

// Resolve puts the Kubernetes version into the placeholders of an image's name: {version} is the whole version without its v, in which
// characters that a name cannot have become dashes; {major}, {minor} and {patch} are its numbers. A name without placeholders is the answer
// itself and needs no version. The error is for people: it says what is missing.
func Resolve(name, kubernetesVersion string) (string, error) {
	if !strings.Contains(name, "{") {
		return name, nil
	}
	if kubernetesVersion == "" {
		return "", fmt.Errorf("image name %q depends on the Kubernetes version, and the Machine has no spec.version", name)
	}
	parts := version.FindStringSubmatch(kubernetesVersion)
	if parts == nil {
		return "", fmt.Errorf("image name %q depends on the Kubernetes version, and spec.version of the Machine, %q, is none", name, kubernetesVersion)
	}
	resolved := strings.NewReplacer(
		"{version}", unfit.ReplaceAllString(parts[1], "-"), "{major}", parts[2], "{minor}", parts[3], "{patch}", parts[4],
	).Replace(name)
	if strings.ContainsAny(resolved, "{}") {
		return "", fmt.Errorf("image name %q has an unknown placeholder; known are {version}, {major}, {minor} and {patch}", name)
	}
	if len(resolved) > maxName {
		return "", fmt.Errorf("image name %q is longer than %d characters with version %s", name, maxName, kubernetesVersion)
	}
	return resolved, nil
}
