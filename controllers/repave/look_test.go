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
	"testing"
	"time"

	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// TestNextLook has the gate look when the stable period of something ends, and otherwise at its intervals.
func TestNextLook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	placed, opaque := &storagehealth.Report{Placed: true}, &storagehealth.Report{Whole: storagehealth.Yes}
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	settling := func(d time.Duration) repave.Progress {
		return repave.Progress{Step: repave.Settling, WholeSince: ago(d)}
	}
	tests := map[string]struct {
		report     *storagehealth.Report
		wholeSince time.Time
		waiting    int
		verdicts   []repave.Verdict
		progress   []repave.Progress
		want       time.Duration
	}{
		"nothing happens":                      {report: placed, want: idleInterval},
		"the storage does not answer":          {want: busyInterval},
		"something waits":                      {report: placed, waiting: 1, want: busyInterval},
		"data is rebuilt":                      {report: placed, progress: []repave.Progress{{Step: repave.Rebuilding}}, want: minProbeInterval},
		"the storage is to come up":            {report: placed, progress: []repave.Progress{{Step: repave.Joining}}, want: minProbeInterval},
		"the server is installed":              {report: placed, progress: []repave.Progress{{Step: repave.Reinstalling}}, want: busyInterval},
		"volumes move":                         {report: placed, waiting: 1, verdicts: []repave.Verdict{{Reason: repave.AttachmentsMoving}}, want: minProbeInterval},
		"whole for a while":                    {report: placed, progress: []repave.Progress{settling(27 * time.Second)}, want: 3 * time.Second},
		"whole just now":                       {report: placed, progress: []repave.Progress{settling(0)}, want: busyInterval},
		"the first of two":                     {report: placed, progress: []repave.Progress{settling(22 * time.Second), settling(26 * time.Second)}, want: 4 * time.Second},
		"long enough, and closed a moment ago": {report: placed, progress: []repave.Progress{settling(31 * time.Second)}, want: time.Second},
		"a storage without placement settles":  {report: opaque, wholeSince: ago(25 * time.Second), waiting: 1, want: 5 * time.Second},
		"it has settled, and something waits":  {report: opaque, wholeSince: ago(40 * time.Second), waiting: 1, want: busyInterval},
		"it settles, and nobody waits":         {report: opaque, wholeSince: ago(25 * time.Second), want: idleInterval},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scope{gate: &infrav1.RepaveGate{Spec: infrav1.RepaveGateSpec{StablePeriodSeconds: ptr.To(int32(30))}}, now: now, report: tt.report,
				wholeSince: tt.wholeSince, verdicts: tt.verdicts, candidates: make([]repave.Candidate, tt.waiting), progress: map[string]repave.Progress{}}
			for i, p := range tt.progress {
				r := &infrav1.Repave{}
				r.Name = string(rune('a' + i))
				s.repaves, s.progress[r.Name] = append(s.repaves, r), p
			}
			if got := s.nextLook(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
