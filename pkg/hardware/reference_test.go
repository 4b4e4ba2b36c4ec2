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

package hardware

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The reference's tables, copied by hand and never derived from the code.
const (
	referenceHosts = `role          level       cores  memory  NICs      FC
control plane minimum     4      8       0x0       0x0
worker        minimum     8      24      2x10      2x16
worker        recommended 8      256     4x10      2x16
`
	referenceSizing = `workers namespaces cores memory
10      100        4     8
25      500        4     16
100     1000       8     32
250     2000       16    64
500     4000       32    128
`
)

func TestRequirementsAreTheReferences(t *testing.T) {
	t.Parallel()
	got := "role          level       cores  memory  NICs      FC\n"
	row := func(role Role, level string, r Requirements) {
		got += strings.TrimRight(fmt.Sprintf("%-13s %-11s %-6d %-7d %-9s %s", role, level, r.Cores, r.MemoryGB,
			fmt.Sprintf("%dx%d", r.NICs, r.NICGbps), fmt.Sprintf("%dx%d", r.FCPorts, r.FCGbps)), " ") + "\n"
	}
	row(ControlPlane, "minimum", Minimum(ControlPlane))
	row(Worker, "minimum", Minimum(Worker))
	row(Worker, "recommended", Recommended(Worker))
	if got != referenceHosts {
		t.Errorf("requirements are\n%s\nthe reference has\n%s", got, referenceHosts)
	}
}

func TestSizingIsTheReferences(t *testing.T) {
	t.Parallel()
	got := "workers namespaces cores memory\n"
	for _, s := range sizings {
		got += fmt.Sprintf("%-7d %-10d %-5d %d\n", s.Workers, s.Namespaces, s.Cores, s.MemoryGB)
	}
	if got != referenceSizing {
		t.Errorf("the sizing is\n%s\nthe reference has\n%s", got, referenceSizing)
	}
}

// What the documentation shows is what the code judges by.
func TestDocumentationHasTheTables(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/hardware.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(string(page)), " ")
	want := []string{
		fmt.Sprintf("at least %d workers", MinWorkers), fmt.Sprintf("at least %d hosts", MinFailoverHosts),
		fmt.Sprintf("at least %d control plane", MinControlPlanes),
		fmt.Sprintf("| Cores | %d | %d | %d |", Minimum(ControlPlane).Cores, Minimum(Worker).Cores, Recommended(Worker).Cores),
		fmt.Sprintf("| Memory | %d GB | %d GB | %d GB |", Minimum(ControlPlane).MemoryGB, Minimum(Worker).MemoryGB, Recommended(Worker).MemoryGB),
		fmt.Sprintf("| Network adapters | any | %d × %d Gbps | %d × %d Gbps |", Minimum(Worker).NICs, Minimum(Worker).NICGbps,
			Recommended(Worker).NICs, Recommended(Worker).NICGbps),
		fmt.Sprintf("| Fibre Channel ports | none | %d × %d Gbps | %d × %d Gbps |", Minimum(Worker).FCPorts, Minimum(Worker).FCGbps,
			Recommended(Worker).FCPorts, Recommended(Worker).FCGbps),
	}
	for _, s := range sizings {
		want = append(want, fmt.Sprintf("| %d | %d | %d | %d GB |", s.Workers, s.Namespaces, s.Cores, s.MemoryGB))
	}
	for _, w := range want {
		if !strings.Contains(words, w) {
			t.Errorf("docs/hardware.md lacks %q", w)
		}
	}
}
