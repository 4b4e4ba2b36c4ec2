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
	"time"

	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// dataKept tells whether the Machine's server comes back with its data disks as they are: only this provider's own hosts say. It is optional input;
// Machines of other providers are judged without it.
func (r *Reconciler) dataKept(ctx context.Context, s *scope, m *clusterv1.Machine) storagehealth.Answer {
	infra := s.infra(m)
	if infra == nil || infra.Status.HostRef.Name == "" {
		return storagehealth.Unknown
	}
	host := &infrav1.MaasHost{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: m.Namespace, Name: infra.Status.HostRef.Name}, host); err != nil {
		return storagehealth.Unknown
	}
	pool := &infrav1.MaasHostPool{}
	if host.Spec.HostPoolRef.Name != "" {
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: m.Namespace, Name: host.Spec.HostPoolRef.Name}, pool); err != nil {
			return storagehealth.Unknown
		}
	}
	return keepsData(host, pool, s.now)
}

// keepsData reads the policies. A pool without a name in it is none: its server goes back to MAAS. A server that is given to nobody keeps its disks, but
// the successor comes up on another one, without them.
func keepsData(host *infrav1.MaasHost, pool *infrav1.MaasHostPool, now time.Time) storagehealth.Answer {
	preserves := host.Spec.Storage.DataDisks == infrav1.DataDisksPreserve || pool.Spec.DataDisks == infrav1.DataDisksPreserve
	wipes := host.Spec.Storage.DataDisks == infrav1.DataDisksWipe || pool.Spec.DataDisks == infrav1.DataDisksWipe
	switch {
	case wipes && !preserves:
		return storagehealth.No
	case pool.Name == "" || pool.Spec.Reuse == infrav1.ReuseAny || !pool.DeletionTimestamp.IsZero():
		return storagehealth.Unknown
	case !host.DeletionTimestamp.IsZero(), ptr.Deref(host.Spec.Unschedulable, false), host.Spec.Quarantine.InForce(now):
		return storagehealth.Unknown
	}
	return storagehealth.Yes
}
