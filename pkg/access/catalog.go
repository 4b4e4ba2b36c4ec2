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
	"sync"
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

// catalog is what one MAAS has. Its lock is held while MAAS is asked, so that many who want to know ask once.
type catalog struct {
	mu               sync.Mutex
	known            hostnetwork.Catalog
	asOf, routesAsOf time.Time
	// err is why the last attempt, at failed, gave nothing; nil when it did.
	err    error
	failed time.Time
}

// Networks returns the subnets and VLANs of the MAAS of a session, and its static routes where they are asked for, as they were at most a
// minute ago. Errors are those of maas.Networks.
func (r *Resolver) Networks(ctx context.Context, session *inventory.Session, routes bool) (hostnetwork.Catalog, error) {
	c := r.catalogOf(session.Identity())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil && r.clock.Since(c.failed) < catalogRetry {
		return hostnetwork.Catalog{}, c.err
	}
	err := c.refresh(ctx, r, session, routes)
	if ctx.Err() != nil {
		return hostnetwork.Catalog{}, ctx.Err()
	}
	if c.err = err; err != nil {
		c.failed = r.clock.Now()
		return hostnetwork.Catalog{}, err
	}
	return c.known, nil
}

func (c *catalog) refresh(ctx context.Context, r *Resolver, networks maas.Networks, routes bool) error {
	if c.asOf.IsZero() || r.clock.Since(c.asOf) >= catalogAge {
		asOf := r.clock.Now()
		subnets, err := networks.ListSubnets(ctx)
		if err != nil {
			return err
		}
		vlans, err := networks.ListVLANs(ctx)
		if err != nil {
			return err
		}
		c.known.Subnets, c.known.VLANs, c.asOf = subnets, vlans, asOf
	}
	if routes && (c.routesAsOf.IsZero() || r.clock.Since(c.routesAsOf) >= catalogAge) {
		asOf := r.clock.Now()
		list, err := networks.ListStaticRoutes(ctx)
		if err != nil {
			return err
		}
		c.known.Routes, c.routesAsOf = list, asOf
	}
	return nil
}

// catalogOf returns the catalog of a session. There are as many as there were credentials since the manager started.
func (r *Resolver) catalogOf(identity string) *catalog {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.catalogs[identity]
	if c == nil {
		c = &catalog{}
		r.catalogs[identity] = c
	}
	return c
}
