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
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// The servers of these tests have a boot disk and data disks that are files, with somebody's data on them. The simulated MAAS wipes what the real
// one would.

const (
	bootDiskName = "sda"
	somebodys    = "a volume that someone needs"
)

var dataDiskNames = []string{"nvme0n1", "nvme1n1"}

// writeData puts data on disks of a server, all of its data disks when none is named.
func (w *world) writeData(id string, disks ...string) {
	w.Helper()
	if len(disks) == 0 {
		disks = dataDiskNames
	}
	for _, d := range disks {
		if err := w.sim().WritePattern(id, d, somebodys); err != nil {
			w.Fatal(err)
		}
	}
}

// dataOn reads back what is left on a disk.
func (w *world) dataOn(id, disk string) maassim.Contents {
	w.Helper()
	c, err := w.sim().FindPattern(id, disk, somebodys)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// expectData asserts that nothing is lost on disks of a server, all of its data disks when none is named.
func (w *world) expectData(when, id string, disks ...string) {
	w.Helper()
	if len(disks) == 0 {
		disks = dataDiskNames
	}
	for _, d := range disks {
		if c := w.dataOn(id, d); !c.Intact() {
			w.Errorf("%s: want the data on %s of %s intact, got %+v", when, d, id, c)
		}
	}
}

// inventory are the disks that MAAS knows of a server.
func (w *world) inventory(id string) []string {
	w.Helper()
	var names []string
	for _, d := range w.view(id).Disks {
		if d.DeviceID != 0 {
			names = append(names, d.Name)
		}
	}
	return names
}

// repave replaces the machine on the world's server.
func (w *world) repave(from, to string, change ...func(*infrav1.MaasMachineSpec)) {
	w.Helper()
	w.deleteMachine(from)
	w.awaitGone(from)
	w.machine(to, change...)
	w.awaitProvisioned(to)
}

func dataDisks(policy infrav1.DataDisksPolicy) func(*infrav1.MaasMachineSpec) {
	return func(s *infrav1.MaasMachineSpec) { s.Storage.DataDisks = policy }
}

// awaitDisks waits until the lease on a server gives a reason for what it does about the disks, and returns the message.
func (w *world) awaitDisks(id, reason string) string {
	w.Helper()
	var message string
	w.await("the lease on "+id+" to report "+reason+" of its disks", func() (bool, string) {
		h := &infrav1.MaasHost{}
		if err := w.Get(w.ctx, client.ObjectKey{Namespace: w.ns, Name: id}, h); err != nil {
			return false, err.Error()
		}
		ok, seen := w.condition(h, infrav1.DisksReadyCondition, reason)
		message = seen
		return ok, seen
	})
	return message
}

// nudge wakes the lease, as its slow recheck would.
func (w *world) nudge(id string) {
	w.Helper()
	h := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: id}}
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{"nudge":%q}}}`, time.Now()))
	if err := client.IgnoreNotFound(w.Patch(w.ctx, h, patch)); err != nil {
		w.Fatal(err)
	}
}

// callsOn counts the calls of a name for a server.
func (w *world) callsOn(id, name string) int {
	n := 0
	for _, c := range w.sim().Calls() {
		if c.Name == name && c.SystemID == id {
			n++
		}
	}
	return n
}

// slowBoot gives a server firmware that takes longer than anybody waits: what is to happen before anything runs on it happens, however busy the computer is.
func (w *world) slowBoot(id string) {
	w.Helper()
	if err := w.sim().SetHostFault(id, maassim.HostFault{SlowBoot: 2 * patience}); err != nil {
		w.Fatal(err)
	}
}
