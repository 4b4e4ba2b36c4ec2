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

package access

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
)

// Condition is MaasAvailableCondition for a problem, or for none.
func Condition(problem *Problem) metav1.Condition {
	c := metav1.Condition{Type: infrav1.MaasAvailableCondition, Status: metav1.ConditionTrue, Reason: infrav1.MaasAvailableReason}
	if problem == nil {
		return c
	}
	c.Status, c.Reason, c.Message = metav1.ConditionFalse, problem.Reason, problem.Message
	if problem.Reason == infrav1.ConnectingReason {
		c.Status = metav1.ConditionUnknown
	}
	return c
}

// PoolOf returns the pool of a lease, nil when it has none or the pool is gone. That it is gone is believed only past the cache.
func PoolOf(ctx context.Context, cache, live client.Reader, host *infrav1.MaasHost) (*infrav1.MaasHostPool, error) {
	if host.Spec.HostPoolRef.Name == "" {
		return nil, nil //nolint:nilnil // no pool is an answer here, not a failure
	}
	pool := &infrav1.MaasHostPool{}
	key := client.ObjectKey{Namespace: host.Namespace, Name: host.Spec.HostPoolRef.Name}
	err := cache.Get(ctx, key, pool)
	if apierrors.IsNotFound(err) {
		err = live.Get(ctx, key, pool)
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // as above
	case err != nil:
		return nil, fmt.Errorf("getting MaasHostPool %s: %w", key, err)
	}
	return pool, nil
}

// PoolRequest asks for any machine of a pool.
func PoolRequest(pool *infrav1.MaasHostPool) allocation.Request {
	return allocation.Request{
		Pool:         pool.Namespace + "/" + pool.Name,
		ResourcePool: pool.Spec.ResourcePool,
		Selectors:    []allocation.Selector{Selector(pool.Spec.Selector)},
	}
}

// Selector is a selector of the API as the allocator wants it.
func Selector(in infrav1.HostSelector) allocation.Selector {
	return allocation.Selector{
		Zones:        in.Zones,
		Tags:         in.Tags,
		NotTags:      in.NotTags,
		Architecture: string(in.Architecture),
		MinCPUCount:  int(in.MinCPUCount),
		MinMemoryMiB: in.MinMemoryMiB,
		MinDisks:     int(in.Disks.MinCount),
		MinDiskGB:    in.Disks.MinSizeGB,
		MinNICs:      int(in.NetworkAdapters.MinCount),
		MinNICMbps:   int(in.NetworkAdapters.MinSpeedMbps),
	}
}
