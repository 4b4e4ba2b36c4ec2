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
	"strings"
	"testing"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
)

// TestLongMessages are cut to the 1024 characters that the API server takes: it refuses the whole status for one that is longer.
func TestLongMessages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ says, want string }{
		"short":        {says: "Held", want: "Held"},
		"just allowed": {says: strings.Repeat("ä", 1024), want: strings.Repeat("ä", 1024)},
		"too long":     {says: strings.Repeat("ä", 1025), want: strings.Repeat("ä", 1023) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scope{gate: &infrav1.RepaveGate{}, verdicts: []repave.Verdict{{Machine: "m", Reason: repave.StorageUnknown, Message: tt.says}}}
			setWaiting(s)
			if got := s.gate.Status.Waiting; len(got) != 1 || got[0].Message != tt.want {
				t.Errorf("want the message %q, got %+v", tt.want, got)
			}
		})
	}
}
