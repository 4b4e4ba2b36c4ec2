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

package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReferenceArchitecture: reference-architecture.md has a row for each of the reference's, and the tests that it names exist.
func TestReferenceArchitecture(t *testing.T) {
	page, err := os.ReadFile("reference-architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, row := range []string{
		"Network adapters", "Storage adapters", "Local disk for the OS boot", "Control plane sizes", "2 nodes for sharedv4", "At least 10 workers",
		"Canonical MAAS | 3.4.1", "Ubuntu | 22.04", "multipath-tools | 0.9.4", "Kubernetes | 1.28.3", "Cilium | 1.15.3", "Multus | 4.0.2", "Portworx Enterprise CSI | 3.1.1",
		"Purity//FA 6.1.4", "KubeVirt | 1.1.1", "CDI | 1.58.0", "CSI snapshot controller | 6.3.2", "Descheduler | 0.27.1", "Prometheus and Grafana | 55.8.3", "Nginx | 1.9.5", "MetalLB | 0.13.12",
		"Bare metal deployment | native, 192.168.0.0/22", "Kubernetes hosts | VLAN 10, 172.16.0.0/22", "End-user access | VLAN 20, 10.20.30.0/16", "Pod overlay | 100.64.0.0/18",
		"Cluster Services | 100.64.64.0/18", "Existing VM VLANs | 21–100", "L2 or BGP", "`network.layout: FourNIC`", "`network.layout: TwoNIC`", "`network.layout: TwoNICBridgeVLAN`",
		"Portworx Enterprise | `Filesystem`", "Rook-Ceph | `Block`", "Longhorn | `Filesystem`", "NetApp Trident | `Filesystem`", "PowerFlex | `Block`", "PowerMax | `Block`", "PowerStore | `Block`",
	} {
		if !strings.Contains(text, row) {
			t.Errorf("there is no row for %q", row)
		}
	}
	tests := testFunctions(t)
	for _, name := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(text, -1) {
		if !tests[name[1]] {
			t.Errorf("there is no test %s", name[1])
		}
	}
}
