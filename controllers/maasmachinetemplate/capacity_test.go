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

package maasmachinetemplate

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestSmallest(t *testing.T) {
	t.Parallel()
	server := func(cpus int, memoryMiB int64, arch string) *maas.Machine {
		return &maas.Machine{CPUCount: cpus, MemoryMiB: memoryMiB, Architecture: arch}
	}
	for name, tc := range map[string]struct {
		machines []*maas.Machine
		want     string
	}{
		"no servers": {nil, "cpu 0 memory 0 arch  os "},
		"one server": {[]*maas.Machine{server(32, 262144, "amd64/generic")}, "cpu 32 memory 256Gi arch amd64 os linux"},
		"the least of each, from different servers": {
			[]*maas.Machine{server(64, 131072, "amd64/generic"), server(32, 262144, "amd64/generic")}, "cpu 32 memory 128Gi arch amd64 os linux"},
		"several architectures": {
			[]*maas.Machine{server(8, 4096, "arm64/generic"), server(8, 4096, "amd64/generic"), server(8, 4096, "amd64/generic")}, "cpu 8 memory 4Gi arch  os linux"},
		"the name that Kubernetes has": {[]*maas.Machine{server(8, 4096, "ppc64el/generic")}, "cpu 8 memory 4Gi arch ppc64le os linux"},
		"one that Cluster API has not": {[]*maas.Machine{server(8, 4096, "i386/generic")}, "cpu 8 memory 4Gi arch  os linux"},
		"servers that are not commissioned say nothing": {
			[]*maas.Machine{server(0, 0, "arm64/generic"), server(8, 4096, "amd64/generic"), server(4, 0, "amd64/generic")}, "cpu 8 memory 4Gi arch amd64 os linux"},
		"nothing but such": {[]*maas.Machine{server(0, 0, "amd64/generic")}, "cpu 0 memory 0 arch  os "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			capacity, info := smallest(tc.machines)
			cpu, memory := capacity[corev1.ResourceCPU], capacity[corev1.ResourceMemory]
			got := fmt.Sprintf("cpu %s memory %s arch %s os %s", cpu.String(), memory.String(), info.Architecture, info.OperatingSystem)
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
