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

package maas

import (
	"context"
	"sync/atomic"
	"time"
)

type callTimeKey struct{}

// CountCallTime lets calls made with the returned context add up the time they take. The function tells the sum so far; calls that run at
// the same time count each.
func CountCallTime(ctx context.Context) (context.Context, func() time.Duration) {
	sum := &atomic.Int64{}
	return context.WithValue(ctx, callTimeKey{}, sum), func() time.Duration { return time.Duration(sum.Load()) }
}

// AddCallTime is for clients: it adds the time of one call, with its waits and repetitions, to what the context counts.
func AddCallTime(ctx context.Context, took time.Duration) {
	if sum, ok := ctx.Value(callTimeKey{}).(*atomic.Int64); ok {
		sum.Add(int64(took))
	}
}
