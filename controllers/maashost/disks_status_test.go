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

package maashost

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func judged(policy infrav1.DataDisksPolicy, devices ...maas.BlockDevice) func(*scope) {
	return func(s *scope) {
		s.host.Spec.Storage.DataDisks = policy
		s.observation.Machine = &maas.Machine{Hostname: "n1", Status: maas.StatusReady, BlockDevices: devices, BootDiskID: 1}
		s.judgeDisks()
	}
}

func disksInTheWay(r hostdisks.Reason) func(*scope) {
	return func(s *scope) { s.refuseDisks(&hostdisks.Refusal{Reason: r, Message: "it would wipe D1"}) }
}

func TestDisksConditions(t *testing.T) {
	t.Parallel()
	boot := maas.BlockDevice{ID: 1, Name: "sda", Physical: true, Model: "SSD", Serial: "B1", SizeBytes: 1, Partitions: []maas.Partition{{SizeBytes: 1, MountPoint: "/"}}}
	data := maas.BlockDevice{ID: 2, Name: "sdb", Physical: true, Model: "SSD", Serial: "D1", SizeBytes: 1}
	aborted := func(s *scope) {
		conditions.Set(s.host, metav1.Condition{Type: infrav1.DisksReadyCondition, Status: metav1.ConditionFalse, Reason: infrav1.InstallWouldWipeReason, Message: "D1"})
	}
	tests := []struct {
		name  string
		facts []func(*scope)
		// want are the reasons of DisksReady and Ready, summary what kubectl shows.
		want    [2]string
		summary string
	}{
		{"not looked at", []func(*scope){step(lifecycle.Deployed), ours(maas.StatusDeployed, "")}, [2]string{"", "Ready"}, ""},
		{"nothing to keep", []func(*scope){judged("", boot), step(lifecycle.NotAllocated)}, [2]string{"DisksReady", "NotAllocated"}, "none"},
		{"to be prepared", []func(*scope){judged("", boot, data), step(lifecycle.Preparing)}, [2]string{"DisksPreparing", "NotAllocated"}, "1 protected, 1 exposed"},
		{"found again on a deployed server", []func(*scope){judged("", boot, data), step(lifecycle.Deployed), ours(maas.StatusDeployed, "")},
			[2]string{"DisksReady", "Ready"}, "1 protected, 1 exposed"},
		{"to be wiped", []func(*scope){judged("Wipe", boot, data), step(lifecycle.NotAllocated)}, [2]string{"DataDisksWiped", "NotAllocated"}, "1 wiped"},
		{"MAAS keeps a disk", []func(*scope){judged("", boot, data), step(lifecycle.Preparing), disksInTheWay(hostdisks.DisksExposed)},
			[2]string{"DisksExposed", "DisksRefused"}, "1 protected, 1 exposed"},
		{"refused while ours", []func(*scope){ours(maas.StatusAllocated, ""), step(lifecycle.DisksRefused), disksInTheWay(hostdisks.BootDiskChanged)},
			[2]string{"BootDiskChanged", "DisksRefused"}, ""},
		{"aborted by us", []func(*scope){aborted, ours(maas.StatusAllocated, ""), step(lifecycle.DeployAborted)}, [2]string{"InstallWouldWipe", "DisksRefused"}, ""},
		{"aborted by somebody", []func(*scope){ours(maas.StatusAllocated, ""), step(lifecycle.DeployAborted)}, [2]string{"", "DeployAborted"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scope{host: &infrav1.MaasHost{Spec: infrav1.MaasHostSpec{SystemID: "abc123", ConsumerRef: infrav1.LocalObjectReference{Name: "m"}}}}
			for _, fact := range tt.facts {
				fact(s)
			}
			setStatus(s)
			for i, conditionType := range []string{infrav1.DisksReadyCondition, infrav1.ReadyCondition} {
				got := ""
				if c := conditions.Get(s.host, conditionType); c != nil {
					got = c.Reason
				}
				if got != tt.want[i] {
					t.Errorf("%s: want reason %q, got %q", conditionType, tt.want[i], got)
				}
			}
			if s.host.Status.DataDisks != tt.summary {
				t.Errorf("want the summary %q, got %q", tt.summary, s.host.Status.DataDisks)
			}
		})
	}
}

// TestReasonsOfTheAPI keeps the words of judgements and of the API one.
func TestReasonsOfTheAPI(t *testing.T) {
	t.Parallel()
	for judged, documented := range map[hostdisks.Reason]string{
		hostdisks.BootDiskNotFound: infrav1.BootDiskNotFoundReason, hostdisks.BootDiskProtected: infrav1.BootDiskProtectedReason,
		hostdisks.BootDiskAmbiguous: infrav1.BootDiskAmbiguousReason, hostdisks.BootDiskChanged: infrav1.BootDiskChangedReason,
		hostdisks.DisksExposed: infrav1.DisksExposedReason, hostdisks.DisksNotPrepared: infrav1.DisksNotPreparedReason,
		hostdisks.NeedsAdministrator: infrav1.DisksNeedAdministratorReason, hostdisks.InstallWouldWipe: infrav1.InstallWouldWipeReason,
		hostdisks.InstallUnreadable: infrav1.InstallUnreadableReason, hostdisks.EraseForced: infrav1.EraseForcedReason,
		hostdisks.EraseAsked: infrav1.EraseAskedReason, hostdisks.MemoryUnsupported: infrav1.MemoryUnsupportedReason,
	} {
		if string(judged) != documented {
			t.Errorf("hostdisks says %q where the API says %q", judged, documented)
		}
	}
}
