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

package provider

import (
	"testing"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// TestSetAsideWithoutPool: a server that no pool keeps is remembered as long as it is to be given to nobody, and not longer than its Cluster.
func TestSetAsideWithoutPool(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	id, err := theLab.AddHost(maassim.MachineSpec{Hostname: w.ns + "-alone", Pool: w.ns, CPUs: 32, MemoryMiB: 131072, Tags: []string{w.ns}})
	if err != nil {
		t.Fatal(err)
	}
	w.ids = append(w.ids, id)
	withoutPool := func(spec *infrav1.MaasMachineSpec) {
		spec.HostPoolRef, spec.Selector = infrav1.LocalObjectReference{}, infrav1.HostSelector{Tags: []string{w.ns}}
	}
	w.machine("first", withoutPool)
	w.awaitProvisioned("first")
	w.changeHost(id, `{"spec":{"quarantine":{"cause":"Requested","message":"fan"}}}`)
	w.deleteMachine("first")
	w.awaitGone("first")
	w.awaitStates("the server in quarantine", map[infrav1.HostState]int{infrav1.HostStateQuarantined: 1})
	w.machine("second", withoutPool)
	w.awaitReason("second", infrav1.NoHostFitsReason)

	w.changeHost(id, `{"spec":{"quarantine":null}}`)
	w.awaitProvisioned("second")
	if n := len(w.hosts()); n != 1 {
		t.Errorf("want one lease on the one server, got %d", n)
	}

	w.changeHost(id, `{"spec":{"unschedulable":true}}`)
	w.deleteMachine("second")
	w.awaitGone("second")
	w.awaitStates("the server cordoned", map[infrav1.HostState]int{infrav1.HostStateCordoned: 1})
	if v := w.view(id); v.StatusName != "Allocated" || v.AgentName == "" {
		t.Errorf("want the server kept under its lease, it is %s under %q", v.StatusName, v.AgentName)
	}
	w.deleteCluster()
	w.awaitNo(w.clusterObject())
	w.awaitAllFree()
}
