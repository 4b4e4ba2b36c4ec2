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
	"regexp"
	"slices"
	"strconv"
)

type zone struct {
	id                int
	name, description string
}

type pool struct {
	id                int
	name, description string
}

type tag struct {
	name, comment, definition, kernelOpts string
}

func (z *zone) json() obj {
	return obj{"id": z.id, "name": z.name, "description": z.description, "resource_uri": apiRoot + "zones/" + z.name + "/"}
}

func (p *pool) json() obj {
	return obj{"id": p.id, "name": p.name, "description": p.description, "resource_uri": fmt.Sprintf("%sresourcepool/%d/", apiRoot, p.id)}
}

func (t *tag) json() obj {
	return obj{
		"name": t.name, "definition": t.definition, "comment": t.comment, "kernel_opts": t.kernelOpts,
		"resource_uri": apiRoot + "tags/" + t.name + "/",
	}
}

// AddZone adds a zone unless it is there.
func (s *Server) AddZone(name, description string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensureZone(name, description)
}

// AddPool adds a resource pool unless it is there.
func (s *Server) AddPool(name, description string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensurePool(name, description)
}

// AddTag adds a tag unless it is there.
func (s *Server) AddTag(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensureTag(name)
}

func (s *Server) zone(name string) *zone {
	for _, z := range s.zones {
		if z.name == name {
			return z
		}
	}
	return nil
}

func (s *Server) pool(ref string) *pool {
	for _, p := range s.pools {
		if p.name == ref || strconv.Itoa(p.id) == ref {
			return p
		}
	}
	return nil
}

func (s *Server) tag(name string) *tag {
	for _, t := range s.tags {
		if t.name == name {
			return t
		}
	}
	return nil
}

func (s *Server) ensureZone(name, description string) *zone {
	if z := s.zone(name); z != nil {
		return z
	}
	z := &zone{s.ids.next("zone"), name, description}
	s.zones = append(s.zones, z)
	return z
}

func (s *Server) ensurePool(name, description string) *pool {
	if p := s.pool(name); p != nil {
		return p
	}
	p := &pool{s.ids.next("pool") - 1, name, description}
	s.pools = append(s.pools, p)
	return p
}

func (s *Server) ensureTag(name string) {
	if s.tag(name) == nil {
		s.tags = append(s.tags, &tag{name: name, comment: name})
	}
}

var groupRoutes = []route{
	{"zones/", http.MethodGet, "", "zones.list", users, listZones},
	{"zones/", http.MethodPost, "", "zones.create", admins, createZone},
	{"zones/*/", http.MethodGet, "", "zone.read", users, readZone},
	{"zones/*/", http.MethodPut, "", "zone.update", adminsRaw, updateZone},
	{"zones/*/", http.MethodDelete, "", "zone.delete", adminsRaw, deleteZone},
	{"resourcepools/", http.MethodGet, "", "resourcepools.list", users, listPools},
	{"resourcepools/", http.MethodPost, "", "resourcepools.create", adminsRaw, createPool},
	{"resourcepool/*/", http.MethodGet, "", "resourcepool.read", users, readPool},
	{"resourcepool/*/", http.MethodPut, "", "resourcepool.update", adminsRaw, updatePool},
	{"resourcepool/*/", http.MethodDelete, "", "resourcepool.delete", adminsRaw, deletePool},
	{"tags/", http.MethodGet, "", "tags.list", users, listTags},
	{"tags/", http.MethodPost, "", "tags.create", adminsRaw, createTag},
	{"tags/*/", http.MethodGet, "", "tag.read", users, readTag},
	{"tags/*/", http.MethodPut, "", "tag.update", adminsRaw, updateTag},
	{"tags/*/", http.MethodDelete, "", "tag.delete", adminsRaw, deleteTag},
	{"tags/*/", http.MethodPost, "update_nodes", "tag.update_nodes", users, updateTagNodes},
	{"tags/*/", http.MethodGet, "nodes", "tag.nodes", users, tagMachines},
	{"tags/*/", http.MethodGet, "machines", "tag.machines", users, tagMachines},
	{"tags/*/", http.MethodGet, "devices", "tag.devices", users, tagNothing},
	{"tags/*/", http.MethodGet, "rack_controllers", "tag.rack_controllers", users, tagNothing},
	{"tags/*/", http.MethodGet, "region_controllers", "tag.region_controllers", users, tagNothing},
}

var (
	nameShape = regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$`)
	zoneShape = regexp.MustCompile(`^[a-zA-Z0-9]([- \w]*[a-zA-Z0-9])?$`)
	tagShape  = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

// checkName is the form check of a new name.
func checkName(rq *request, shape *regexp.Regexp, kind string, taken bool) *response {
	switch name := rq.get("name"); {
	case name == "":
		return invalid("name", "This field is required.")
	case !shape.MatchString(name):
		return invalid("name", "Enter a valid value.")
	case taken:
		return invalid("name", kind+" with this Name already exists.")
	}
	return nil
}

func listZones(rq *request) *response {
	sorted := slices.Clone(rq.s.zones)
	slices.SortFunc(sorted, func(a, b *zone) int { return compareStrings(a.name, b.name) })
	out := []obj{}
	for _, z := range sorted {
		out = append(out, z.json())
	}
	return ok(out)
}

func compareStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func createZone(rq *request) *response {
	if bad := checkName(rq, zoneShape, "Physical zone", rq.s.zone(rq.get("name")) != nil); bad != nil {
		return bad
	}
	return ok(rq.s.ensureZone(rq.get("name"), rq.get("description")).json())
}

func readZone(rq *request) *response {
	z := rq.s.zone(rq.args[0])
	if z == nil {
		return notFound("Zone")
	}
	return ok(z.json())
}

func updateZone(rq *request) *response {
	z := rq.s.zone(rq.args[0])
	if z == nil {
		return notFound("Zone")
	}
	if rq.has("name") {
		if other := rq.s.zone(rq.get("name")); other != nil && other != z {
			return invalid("name", "Physical zone with this Name already exists.")
		}
		z.name = rq.get("name")
	}
	if rq.has("description") {
		z.description = rq.get("description")
	}
	rq.s.touchAll()
	return ok(z.json())
}

// deleteZone moves the zone's machines to the default zone; deleting what is
// not there succeeds.
func deleteZone(rq *request) *response {
	s := rq.s
	z := s.zone(rq.args[0])
	if z == nil {
		return empty(http.StatusNoContent)
	}
	if z == s.zones[0] {
		return badRequest("This zone is the default zone, it cannot be deleted.")
	}
	for _, m := range s.order {
		if m.zone == z {
			m.zone = s.zones[0]
			m.touch()
		}
	}
	s.zones = slices.DeleteFunc(s.zones, func(o *zone) bool { return o == z })
	return empty(http.StatusNoContent)
}

func listPools(rq *request) *response {
	sorted := slices.Clone(rq.s.pools)
	slices.SortFunc(sorted, func(a, b *pool) int { return compareStrings(a.name, b.name) })
	out := []obj{}
	for _, p := range sorted {
		out = append(out, p.json())
	}
	return ok(out)
}

func createPool(rq *request) *response {
	if bad := checkName(rq, nameShape, "Resource pool", rq.s.pool(rq.get("name")) != nil); bad != nil {
		return bad
	}
	return ok(rq.s.ensurePool(rq.get("name"), rq.get("description")).json())
}

func (rq *request) withPool(f func(*pool) *response) *response {
	p := rq.s.pool(rq.args[0])
	if p == nil {
		return notFound("ResourcePool")
	}
	return f(p)
}

func readPool(rq *request) *response {
	return rq.withPool(func(p *pool) *response { return ok(p.json()) })
}

func updatePool(rq *request) *response {
	return rq.withPool(func(p *pool) *response {
		if rq.has("name") {
			p.name = rq.get("name")
		}
		if rq.has("description") {
			p.description = rq.get("description")
		}
		rq.s.touchAll()
		return ok(p.json())
	})
}

func deletePool(rq *request) *response {
	return rq.withPool(func(p *pool) *response {
		if p.id == 0 {
			return badRequest("This is the default pool, it cannot be deleted.")
		}
		if slices.ContainsFunc(rq.s.order, func(m *machine) bool { return m.pool == p }) {
			return badRequest("Pool has machines in it, it cannot be deleted.")
		}
		rq.s.pools = slices.DeleteFunc(rq.s.pools, func(o *pool) bool { return o == p })
		return empty(http.StatusNoContent)
	})
}

func listTags(rq *request) *response {
	out := []obj{}
	for _, t := range rq.s.tags {
		out = append(out, t.json())
	}
	return ok(out)
}

func createTag(rq *request) *response {
	if bad := checkName(rq, tagShape, "Tag", rq.s.tag(rq.get("name")) != nil); bad != nil {
		return bad
	}
	if d := rq.get("definition"); len(d) > 0 && d[len(d)-1] == '[' {
		return invalid("definition", "Invalid xpath expression: Invalid expression")
	}
	t := &tag{rq.get("name"), rq.get("comment"), rq.get("definition"), rq.get("kernel_opts")}
	rq.s.tags = append(rq.s.tags, t)
	return ok(t.json())
}

func (rq *request) withTag(f func(*tag) *response) *response {
	t := rq.s.tag(rq.args[0])
	if t == nil {
		return notFound("Tag")
	}
	return f(t)
}

func readTag(rq *request) *response {
	return rq.withTag(func(t *tag) *response { return ok(t.json()) })
}

func updateTag(rq *request) *response {
	return rq.withTag(func(t *tag) *response {
		old := t.name
		for k, p := range map[string]*string{"name": &t.name, "comment": &t.comment, "definition": &t.definition, "kernel_opts": &t.kernelOpts} {
			if rq.has(k) {
				*p = rq.get(k)
			}
		}
		for _, m := range rq.s.order {
			if i := slices.Index(m.tags, old); i >= 0 {
				m.tags[i] = t.name
				m.touch()
			}
		}
		return ok(t.json())
	})
}

func deleteTag(rq *request) *response {
	return rq.withTag(func(t *tag) *response {
		for _, m := range rq.s.order {
			rq.s.untag(m, t.name)
		}
		rq.s.tags = slices.DeleteFunc(rq.s.tags, func(o *tag) bool { return o == t })
		return empty(http.StatusNoContent)
	})
}

func (s *Server) untag(m *machine, name string) {
	if i := slices.Index(m.tags, name); i >= 0 {
		m.tags = slices.Delete(slices.Clone(m.tags), i, i+1)
		m.touch()
	}
}

func updateTagNodes(rq *request) *response {
	return rq.withTag(func(t *tag) *response {
		if !rq.user.admin {
			return textResponse(http.StatusForbidden, "Must be a superuser or supply a rack_controller")
		}
		added, removed := 0, 0
		for _, id := range rq.form["add"] {
			if m := rq.s.machines[id]; m != nil {
				added++
				if !slices.Contains(m.tags, t.name) {
					m.tags = append(slices.Clone(m.tags), t.name)
					m.touch()
				}
			}
		}
		for _, id := range rq.form["remove"] {
			if m := rq.s.machines[id]; m != nil {
				removed++
				rq.s.untag(m, t.name)
			}
		}
		return ok(obj{"added": added, "removed": removed})
	})
}

func tagMachines(rq *request) *response {
	return rq.withTag(func(t *tag) *response {
		return rq.s.listMachines(rq, func(m *machine) bool { return slices.Contains(m.tags, t.name) })
	})
}

func tagNothing(rq *request) *response {
	return rq.withTag(func(*tag) *response { return ok([]obj{}) })
}
