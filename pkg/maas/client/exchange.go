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
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Answers other than success are read up to this size; drainLimit is what is read on of a decoded answer so that its
// connection can be used again.
const (
	maxErrorBody = 64 << 10
	drainLimit   = 64 << 10
)

// errThrottled marks a request that our own limit held back beyond its deadline.
var errThrottled = errors.New("too many requests at once: the client's own rate limit would exceed the call's deadline")

// answerError marks an answer of success that could not be read.
type answerError struct {
	contentType string
	err         error
}

func (e *answerError) Error() string {
	if errors.Is(e.err, io.ErrUnexpectedEOF) || errors.Is(e.err, io.EOF) {
		return "the answer broke off: " + e.err.Error()
	}
	return fmt.Sprintf("the answer (%s) is not what MAAS's API gives; does the endpoint lead to MAAS itself? %v",
		e.contentType, e.err)
}

func (e *answerError) Unwrap() error { return e.err }

// exchange is one attempt at a request and the transport it goes through. It lives for the duration of the attempt
// and is how the context reaches the SDK, which has no parameter for it.
type exchange struct {
	ctx     context.Context //nolint:containedctx // the SDK's only way to a context is its transport, made for each attempt
	client  *Client
	request *request

	status     int
	header     http.Header
	body       []byte
	retryAfter time.Duration
	err        error
}

// RoundTrip implements http.RoundTripper. It decodes an answer of success straight from the connection and hands the
// SDK an empty one, so that no list of machines is ever held as a whole.
func (x *exchange) RoundTrip(in *http.Request) (*http.Response, error) {
	if err := x.client.limiter.Wait(x.ctx); err != nil {
		if x.err = x.ctx.Err(); x.err == nil {
			x.err = errThrottled
		}
		x.client.metrics.observe(x.request.operation, x.code(), 0)
		return nil, x.err
	}
	start := time.Now()
	defer func() { x.client.metrics.observe(x.request.operation, x.code(), time.Since(start)) }()

	out := in.Clone(x.ctx)
	out.Close = false // the SDK sets it, which costs a connection for each call
	out.Header.Set("User-Agent", x.client.settings.userAgent)
	out.Header.Set("Accept", "application/json")
	if x.request.anonymous {
		out.Header.Del("Authorization")
	}
	resp, err := x.client.transport.RoundTrip(out)
	if err != nil {
		x.err = err
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	x.read(resp)
	resp.Body = http.NoBody
	return resp, nil
}

// read takes everything of use out of the answer.
func (x *exchange) read(resp *http.Response) {
	x.status, x.header = resp.StatusCode, resp.Header
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		x.retryAfter = time.Duration(s) * time.Second
	}
	// Left in, it makes the SDK sleep and repeat the call, writes included, without regard to the context.
	resp.Header.Del("Retry-After")

	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// A body that breaks off costs no more than a part of the message.
		x.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		return
	}
	if x.request.decode != nil {
		if err := x.request.decode(resp.Body); err != nil {
			x.err = &answerError{contentType: resp.Header.Get("Content-Type"), err: err}
			return
		}
	}
	_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
}
