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

package persist

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/cluster-api/util/paused"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// StopIfPaused tells whether the reconcile has to stop because the object or its Cluster (nil if there is none) is paused, and keeps the
// Paused condition as Cluster API does. Only a change between paused and not is written by itself, before anything is done: Paused=True
// has to mean that nothing is under way. That an object was never paused goes with the first write of its status.
func StopIfPaused(ctx context.Context, c client.Client, cluster *clusterv1.Cluster, o paused.ConditionSetter) (bool, error) {
	isPaused := annotations.HasPaused(o) || (cluster != nil && annotations.IsPaused(cluster, o))
	if !isPaused && conditions.Get(o, clusterv1.PausedCondition) == nil {
		conditions.Set(o, metav1.Condition{
			Type: clusterv1.PausedCondition, Status: metav1.ConditionFalse, Reason: clusterv1.NotPausedReason,
			ObservedGeneration: o.GetGeneration(),
		})
		return false, nil
	}
	isPaused, written, err := paused.EnsurePausedCondition(ctx, c, cluster, o)
	return isPaused || written, err
}
