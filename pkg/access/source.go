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
	"time"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
)

// Source wakes a controller when MAAS machines change. The function names the objects concerned; nil ids mean that the health of a
// connection changed and concern them all.
func (r *Resolver) Source(requests func(ctx context.Context, systemIDs []string) ([]ctrl.Request, error)) source.Source {
	return r.DelayedSource(0, requests)
}

// DelayedSource wakes a controller after a delay, so that changes that come in quick succession wake it once.
func (r *Resolver) DelayedSource(delay time.Duration, requests func(ctx context.Context, systemIDs []string) ([]ctrl.Request, error)) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		unsubscribe := r.sessions.Subscribe(func(ctx context.Context, change inventory.Change) {
			due, err := requests(ctx, change.SystemIDs)
			if err != nil {
				// The objects come round again by their own recheck.
				ctrl.LoggerFrom(ctx).Error(err, "Waking objects after a change in MAAS")
				return
			}
			for _, request := range due {
				queue.AddAfter(request, delay)
			}
		})
		context.AfterFunc(ctx, unsubscribe)
		return nil
	})
}
