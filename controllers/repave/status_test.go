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
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

var errNoAnswer = errors.New("no answer")

// deaf is an API server that lists no Repaves.
type deaf struct{ client.Reader }

func (d deaf) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if _, ok := list.(*infrav1.RepaveList); ok {
		return errNoAnswer
	}
	return d.Reader.List(ctx, list, options...)
}

// TestStatusAfterAnError keeps saying who is held, and since when, while the gate cannot find out more.
func TestStatusAfterAnError(t *testing.T) {
	t.Parallel()
	w := stuckRollout(t)
	before := w.gate().Status
	w.r.APIReader = deaf{w.Client}
	w.pass(busyInterval)
	_, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: ns, Name: "gate"}})
	if !errors.Is(err, errNoAnswer) {
		t.Fatalf("want the error that the Repaves could not be listed, got %v", err)
	}
	w.wantHeld("m0", "StorageQuorumAtRisk")
	w.r.APIReader = w.Client
	w.look(1)
	if after := w.gate().Status; !slices.EqualFunc(after.Waiting, before.Waiting, func(a, b infrav1.HeldMachine) bool {
		return a.Machine == b.Machine && a.SinceTime.Equal(&b.SinceTime)
	}) {
		t.Errorf("held are %+v, want those of before, since then: %+v", after.Waiting, before.Waiting)
	}
}
