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

package maassim

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

// staticRoute goes to every machine with an address in source.
type staticRoute struct {
	id                  int
	source, destination *subnet
	gateway             netip.Addr
	metric              int
}

var staticRouteRoutes = []route{
	{"static-routes/", http.MethodGet, "", "static-routes.list", users, listStaticRoutes},
	{"static-routes/", http.MethodPost, "", "static-routes.create", admins, createStaticRoute},
	{"static-routes/*/", http.MethodGet, "", "static-route.read", users, readStaticRoute},
	{"static-routes/*/", http.MethodPut, "", "static-route.update", admins, updateStaticRoute},
	{"static-routes/*/", http.MethodDelete, "", "static-route.delete", admins, deleteStaticRoute},
}

// AddStaticRoute adds a route between subnets that are named as AddSubnet or
// the API names them. It panics when there is no such subnet.
func (s *Server) AddStaticRoute(source, destination, gateway string, metric int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := s.subnet(source), s.subnet(destination)
	if from == nil || to == nil {
		panic("maassim: no subnet for the route from " + source + " to " + destination)
	}
	r := &staticRoute{s.ids.next("static-route"), from, to, netip.MustParseAddr(gateway), metric}
	s.routes = append(s.routes, r)
	return r.id
}

func (r *staticRoute) json() obj {
	return obj{
		"id": r.id, "source": r.source.json(), "destination": r.destination.json(), "gateway_ip": r.gateway.String(),
		"metric": r.metric, "resource_uri": fmt.Sprintf("%sstatic-routes/%d/", apiRoot, r.id),
	}
}

func listStaticRoutes(rq *request) *response {
	out := []obj{}
	for _, r := range rq.s.routes {
		out = append(out, r.json())
	}
	return ok(out)
}

func (rq *request) withStaticRoute(f func(*staticRoute) *response) *response {
	for _, r := range rq.s.routes {
		if strconv.Itoa(r.id) == rq.args[0] {
			return f(r)
		}
	}
	return notFound("StaticRoute")
}

func readStaticRoute(rq *request) *response {
	return rq.withStaticRoute(func(r *staticRoute) *response { return ok(r.json()) })
}

func createStaticRoute(rq *request) *response {
	r := &staticRoute{}
	if bad := rq.s.readStaticRoute(rq, r); bad != nil {
		return bad
	}
	r.id = rq.s.ids.next("static-route")
	rq.s.routes = append(rq.s.routes, r)
	return ok(r.json())
}

func updateStaticRoute(rq *request) *response {
	return rq.withStaticRoute(func(r *staticRoute) *response {
		changed := *r
		if bad := rq.s.readStaticRoute(rq, &changed); bad != nil {
			return bad
		}
		*r = changed
		return ok(r.json())
	})
}

func deleteStaticRoute(rq *request) *response {
	return rq.withStaticRoute(func(r *staticRoute) *response {
		rq.s.routes = slices.DeleteFunc(rq.s.routes, func(o *staticRoute) bool { return o == r })
		return empty(http.StatusNoContent)
	})
}

// readStaticRoute takes what the form says into r and checks it.
func (s *Server) readStaticRoute(rq *request, r *staticRoute) *response {
	errs := formErrors{}
	for field, to := range map[string]**subnet{"source": &r.source, "destination": &r.destination} {
		if rq.has(field) {
			if *to = s.subnet(rq.get(field)); *to == nil {
				errs.add(field, noChoice)
			}
		} else if *to == nil {
			errs.add(field, required)
		}
	}
	errs.address(rq, "gateway_ip", &r.gateway)
	if n, given := errs.number(rq, "metric", 0); given {
		r.metric = n
	}
	if len(errs) == 0 && !r.source.cidr.Contains(r.gateway) {
		errs.add("gateway_ip", "Enter an IP address in "+r.source.cidr.String()+".")
		errs.add("__all__", "gateway_ip must be with in the source subnet.")
	}
	return errs.response()
}
