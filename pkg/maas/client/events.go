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
	"net/http"
	"net/url"
	"strconv"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// maxEvents is the most that MAAS gives at once.
const maxEvents = 1000

// ListEvents implements maas.Events.
func (c *Client) ListEvents(ctx context.Context, query maas.EventQuery) ([]maas.Event, error) {
	const operation = "list events"
	if query.Limit < 1 || query.Limit > maxEvents {
		return nil, invalid(operation, "the limit must be 1 to 1000")
	}
	params := url.Values{"limit": {strconv.Itoa(query.Limit)}, "level": {"DEBUG"}}
	if query.After > 0 {
		params.Set("after", strconv.FormatInt(query.After, 10))
	}
	if query.Before > 0 {
		params.Set("before", strconv.FormatInt(query.Before, 10))
	}
	var events []maas.Event
	err := c.do(ctx, request{
		operation: operation, method: http.MethodGet, path: "events/", op: "query",
		params: params, decode: decodeInto(&events, decodeEvents),
	})
	if err != nil {
		return nil, err
	}
	return events, nil
}
