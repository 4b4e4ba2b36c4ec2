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

package maascluster

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
)

// TestGiveBackIsBounded: with the credentials gone the deletion says what it waits for and until when, and then leaves it behind and says so.
// A person's word ends it at once, and what a cluster never had it does not wait for.
func TestGiveBackIsBounded(t *testing.T) {
	t.Parallel()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, infrav1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	const nothing, waits, leaves = "nothing", "waits", "leaves"
	holdings := map[string]string{infrav1.DNSRecordAnnotation: "api.example", infrav1.VIPReservationAnnotation: "c-vip-1"}
	with := func(key, value string) map[string]string {
		return map[string]string{infrav1.DNSRecordAnnotation: "api.example", key: value}
	}
	tests := []struct {
		name        string
		annotations map[string]string
		ago         time.Duration
		want        string
	}{
		{"nothing in MAAS", nil, 0, nothing},
		{"just deleted", holdings, 0, waits},
		{"nearly over", holdings, leaveBehindAfter - time.Second, waits},
		{"over", holdings, leaveBehindAfter, leaves},
		{"a person says so", with(infrav1.LeaveBehindAnnotation, "the rack is scrapped"), 0, leaves},
		{"a person gives no reason", with(infrav1.LeaveBehindAnnotation, " "), 0, waits},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
			deleted := metav1.NewTime(now.Add(-tt.ago))
			clk := clocktesting.NewFakePassiveClock(now)
			recorder := events.NewFakeRecorder(10)
			r := &Reconciler{
				Clock: clk, Recorder: recorder,
				Access: access.NewResolver(fake.NewClientBuilder().WithScheme(scheme).Build(), nil, clk, ""),
			}
			c := &infrav1.MaasCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "c", Annotations: tt.annotations, DeletionTimestamp: &deleted}}
			c.Spec.CredentialsRef.Name = "secret"
			c.Status.Conditions = []metav1.Condition{{Type: infrav1.MaasAvailableCondition, Status: metav1.ConditionFalse, LastTransitionTime: deleted}}
			s := &scope{maasCluster: c}
			if err := r.giveBack(context.Background(), s); err != nil {
				t.Fatal(err)
			}
			event := ""
			select {
			case event = <-recorder.Events:
			default:
			}
			switch tt.want {
			case nothing:
				if s.remaining != "" || event != "" {
					t.Errorf("want nothing to wait for, got %q and event %q", s.remaining, event)
				}
			case waits:
				until := deleted.Add(leaveBehindAfter).Format(time.RFC3339)
				if !strings.Contains(s.remaining, "api.example") || !strings.Contains(s.remaining, until) || !strings.Contains(s.remaining, "n/secret") {
					t.Errorf("want what is waited for, until %s, and what would end it, got %q", until, s.remaining)
				}
			case leaves:
				if s.remaining != "" || !strings.Contains(event, "api.example") || !strings.Contains(event, "LeftBehind") {
					t.Errorf("want the record left behind and an event that says so, got %q and event %q", s.remaining, event)
				}
			}
		})
	}
}
