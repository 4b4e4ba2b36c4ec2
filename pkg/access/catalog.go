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

	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// catalogAge is how long the subnets, VLANs and static routes of a MAAS are believed. It bounds how late a new one is noticed, and how often
// MAAS is asked however many servers are set up: two calls, and one more where routes are looked at.
const catalogAge = time.Minute

// catalogRetry is how long MAAS is left alone after it failed to answer.
const catalogRetry = 10 * time.Second

// Networks returns the subnets and VLANs of the MAAS of a session, and its static routes where they are asked for, as they were at most a
// minute ago. Errors are those of maas.Networks.
func (r *Resolver) Networks(ctx context.Context, session *inventory.Session, routes bool) (hostnetwork.Catalog, error) {
	known := r.answersOf(session.Identity())
	catalog, err := known.networks.get(ctx, question[hostnetwork.Catalog]{
		clock: r.clock, retry: catalogRetry, good: func(_ hostnetwork.Catalog, age time.Duration) bool { return age < catalogAge },
		ask: func(ctx context.Context) (c hostnetwork.Catalog, err error) {
			if c.Subnets, err = session.ListSubnets(ctx); err != nil {
				return c, err
			}
			c.VLANs, err = session.ListVLANs(ctx)
			return c, err
		},
	})
	if err != nil || !routes {
		return catalog, err
	}
	catalog.Routes, err = known.routes.get(ctx, question[[]maas.StaticRoute]{
		clock: r.clock, retry: catalogRetry, good: func(_ []maas.StaticRoute, age time.Duration) bool { return age < catalogAge },
		ask: session.ListStaticRoutes,
	})
	return catalog, err
}
