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

package repave

import (
	"fmt"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// Detached tells whether the storage has left a node, so that its server can be given away, and if not why. Of a dead node there is nothing to wait
// for: what is attached to it goes with its power.
func Detached(node string, dead bool, report *storagehealth.Report, reportError string) (bool, string) {
	switch {
	case dead:
		return true, ""
	case report == nil:
		return false, fmt.Sprintf("The storage could not be asked whether it has left %s: %s. It ends with the first answer", node, reportError)
	}
	for i := range report.Nodes {
		if n := &report.Nodes[i]; n.Name == node && n.InUse != "" {
			return false, fmt.Sprintf("The storage has not left %s: %s", node, n.InUse)
		}
	}
	return true, ""
}

// NotClean are the nodes, by name, on which the report does not show every copy in sync: what a store that is asked for overlaps has to take for down.
func NotClean(report *storagehealth.Report) []string {
	if report == nil || !report.Placed {
		return nil
	}
	behind := newSet(len(report.Nodes))
	for i := range report.Volumes {
		for _, r := range report.Volumes[i].Replicas {
			if !r.InSync && r.Node >= 0 && int(r.Node) < len(report.Nodes) {
				behind.add(r.Node)
			}
		}
	}
	var names []string
	for i := range report.Nodes {
		if behind.has(int32(i)) || report.Nodes[i].State != storagehealth.Online {
			names = append(names, report.Nodes[i].Name)
		}
	}
	return names
}
