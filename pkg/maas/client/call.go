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

package client

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Retries of reads: few and short, for the inventory and the controllers have back-offs of their own.
const (
	maxAttempts   = 3
	firstBackoff  = 200 * time.Millisecond
	maxRetryAfter = 10 * time.Second
)

// settings are what calls need of the options.
type settings struct {
	timeout, listTimeout time.Duration
	userAgent            string
}

// request is one call of the API. Only GETs are ever repeated.
type request struct {
	// operation labels the metrics; object, when there is one, follows it in errors.
	operation, object string
	method            string
	// path is relative to the API's root and ends with a slash.
	path string
	// op is MAAS's name of the operation, "" for plain create, read, update and delete.
	op     string
	params url.Values
	// decode reads the answer; nil ignores it. It may run once for each attempt.
	decode func(io.Reader) error
	// anonymous leaves the credentials out.
	anonymous bool
	timeout   time.Duration
}

// name is what errors call it.
func (r *request) name() string {
	if r.object == "" {
		return r.operation
	}
	return r.operation + " " + r.object
}

// do carries a call out within its deadline, repeating it where that is safe and useful.
func (c *Client) do(ctx context.Context, r request) error {
	if r.timeout <= 0 {
		r.timeout = c.settings.timeout
	}
	defer maas.StartCall(ctx)()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		x := &exchange{ctx: ctx, client: c, request: &r}
		x.run()
		failure := x.failure()
		if failure == nil {
			return nil
		}
		if attempt == maxAttempts || !x.repeatable(failure) || !pause(ctx, backoff(attempt, x.retryAfter)) {
			return failure
		}
	}
}

// backoff doubles from attempt to attempt, half of it at random, and heeds what MAAS asked for.
func backoff(attempt int, retryAfter time.Duration) time.Duration {
	d := firstBackoff << (attempt - 1)
	d = d/2 + rand.N(d/2+1)
	return max(d, retryAfter)
}

// pause waits, and tells whether there is anything to go on for: a wait beyond the deadline ends at once.
func pause(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// run hands the request to the SDK, with the exchange as its transport.
func (x *exchange) run() {
	auth := x.client.sdk.AuthClient
	auth.HTTPClient = &http.Client{
		Transport: x,
		// A redirected POST becomes a GET, and its answer would pass for the write's.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r := x.request
	uri := &url.URL{Path: r.path}
	var err error
	switch r.method {
	case http.MethodGet:
		_, err = auth.Get(uri, r.op, cloneValues(r.params))
	case http.MethodPost:
		_, err = auth.Post(uri, r.op, r.params, nil)
	case http.MethodPut:
		_, err = auth.Put(uri, r.params, nil)
	case http.MethodDelete:
		err = auth.Delete(uri)
	}
	// What went wrong is in the exchange, unless the SDK never got as far as sending.
	if err != nil && x.err == nil && x.status == 0 {
		x.err = err
	}
}

// cloneValues copies parameters, for the SDK adds "op" to those of a GET and refuses them the second time.
func cloneValues(v url.Values) url.Values {
	out := make(url.Values, len(v)+1)
	for k, vs := range v {
		out[k] = vs
	}
	return out
}

// invalid is a refusal before any call.
func invalid(operation, message string) error {
	return &maas.Error{Kind: maas.Invalid, Op: operation, Message: message}
}
