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

package reconciletime

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

type requestTimeKey struct{}

// countRequestTime lets requests to the API server that are made with the returned context add up the time until they are answered.
func countRequestTime(ctx context.Context) (context.Context, func() time.Duration) {
	sum := &atomic.Int64{}
	return context.WithValue(ctx, requestTimeKey{}, sum), func() time.Duration { return time.Duration(sum.Load()) }
}

// Transport is for rest.Config.Wrap: it has a reconcile know how long it waited for the API server.
func Transport(inner http.RoundTripper) http.RoundTripper {
	return &transport{inner: inner, clock: clock.RealClock{}}
}

type transport struct {
	inner http.RoundTripper
	clock clock.PassiveClock
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	sum, ok := request.Context().Value(requestTimeKey{}).(*atomic.Int64)
	if !ok {
		return t.inner.RoundTrip(request)
	}
	start := t.clock.Now()
	defer func() { sum.Add(int64(t.clock.Since(start))) }()
	return t.inner.RoundTrip(request)
}

// WrappedRoundTripper lets Kubernetes' client libraries find the transport beneath, as for closing idle connections.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.inner }
