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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// TestKeepsData: only a server that keeps its disks and comes back itself counts as coming back with its data.
func TestKeepsData(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(d)) }
	for _, tt := range []struct {
		name   string
		change func(*infrav1.MaasHost, *infrav1.MaasHostPool)
		want   storagehealth.Answer
	}{
		{"a server of a pool", func(*infrav1.MaasHost, *infrav1.MaasHostPool) {}, storagehealth.Yes},
		{"without a pool", func(_ *infrav1.MaasHost, p *infrav1.MaasHostPool) { p.Name = "" }, storagehealth.Unknown},
		{"given to whoever comes", func(_ *infrav1.MaasHost, p *infrav1.MaasHostPool) { p.Spec.Reuse = infrav1.ReuseAny }, storagehealth.Unknown},
		{"the pool goes", func(_ *infrav1.MaasHost, p *infrav1.MaasHostPool) { p.DeletionTimestamp = ptr.To(at(0)) }, storagehealth.Unknown},
		{"the lease ends", func(h *infrav1.MaasHost, _ *infrav1.MaasHostPool) { h.DeletionTimestamp = ptr.To(at(0)) }, storagehealth.Unknown},
		{"cordoned", func(h *infrav1.MaasHost, _ *infrav1.MaasHostPool) { h.Spec.Unschedulable = ptr.To(true) }, storagehealth.Unknown},
		{"in quarantine until somebody ends it", func(h *infrav1.MaasHost, _ *infrav1.MaasHostPool) {
			h.Spec.Quarantine.Cause = infrav1.QuarantineRequested
		}, storagehealth.Unknown},
		{"in quarantine for an hour", func(h *infrav1.MaasHost, _ *infrav1.MaasHostPool) {
			h.Spec.Quarantine = infrav1.HostQuarantine{Cause: infrav1.QuarantineFailedDeploys, FailedDeploys: 4, UntilTime: at(time.Hour)}
		}, storagehealth.Unknown},
		{"the quarantine is over", func(h *infrav1.MaasHost, _ *infrav1.MaasHostPool) {
			h.Spec.Quarantine = infrav1.HostQuarantine{Cause: infrav1.QuarantineFailedDeploys, FailedDeploys: 2, UntilTime: at(-time.Minute)}
		}, storagehealth.Yes},
		{"one installation failed", func(h *infrav1.MaasHost, _ *infrav1.MaasHostPool) {
			h.Spec.Quarantine = infrav1.HostQuarantine{Cause: infrav1.QuarantineFailedDeploys, FailedDeploys: 1}
		}, storagehealth.Yes},
		{"the pool wipes", func(_ *infrav1.MaasHost, p *infrav1.MaasHostPool) { p.Spec.DataDisks = infrav1.DataDisksWipe }, storagehealth.No},
		{"the machine wipes and the pool does not say", func(h *infrav1.MaasHost, _ *infrav1.MaasHostPool) {
			h.Spec.Storage.DataDisks = infrav1.DataDisksWipe
		}, storagehealth.No},
		{"the machine wipes and the pool forbids it", func(h *infrav1.MaasHost, p *infrav1.MaasHostPool) {
			h.Spec.Storage.DataDisks, p.Spec.DataDisks = infrav1.DataDisksWipe, infrav1.DataDisksPreserve
		}, storagehealth.Yes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			host, pool := &infrav1.MaasHost{}, &infrav1.MaasHostPool{}
			pool.Name = "pool"
			tt.change(host, pool)
			if got := keepsData(host, pool, now); got != tt.want {
				t.Errorf("want %s, got %s", tt.want, got)
			}
		})
	}
}
