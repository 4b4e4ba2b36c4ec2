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
	"slices"
	"strconv"
	"strings"
)

var fabricRoutes = []route{
	{"fabrics/", http.MethodGet, "", "fabrics.list", users, listFabrics},
	{"fabrics/*/", http.MethodGet, "", "fabric.read", users, readFabric},
	{"fabrics/*/vlans/", http.MethodGet, "", "vlans.list", users, listVLANs},
	{"fabrics/*/vlans/", http.MethodPost, "", "vlans.create", admins, createVLAN},
	{"fabrics/*/vlans/*/", http.MethodGet, "", "vlan.read", users, readVLAN},
	{"fabrics/*/vlans/*/", http.MethodPut, "", "vlan.update", admins, updateVLAN},
	{"fabrics/*/vlans/*/", http.MethodDelete, "", "vlan.delete", admins, deleteVLAN},
	{"vlans/*/", http.MethodGet, "", "vlan.read", users, readVLAN},
	{"vlans/*/", http.MethodPut, "", "vlan.update", admins, updateVLAN},
	{"vlans/*/", http.MethodDelete, "", "vlan.delete", admins, deleteVLAN},
	{"spaces/", http.MethodGet, "", "spaces.list", users, listSpaces},
}

func (s *Server) fabricJSON(f *fabric) obj {
	return obj{
		"id": f.id, "name": f.name, "class_type": nil, "vlans": s.vlansJSON(f),
		"resource_uri": fmt.Sprintf("%sfabrics/%d/", apiRoot, f.id),
	}
}

func (s *Server) vlansJSON(f *fabric) []obj {
	sorted := slices.Clone(s.vlans)
	slices.SortStableFunc(sorted, func(a, b *vlan) int { return strings.Compare(a.name, b.name) })
	out := []obj{}
	for _, v := range sorted {
		if v.fabric == f {
			out = append(out, v.json())
		}
	}
	return out
}

func listFabrics(rq *request) *response {
	out := []obj{}
	for _, f := range rq.s.fabrics {
		out = append(out, rq.s.fabricJSON(f))
	}
	return ok(out)
}

func (rq *request) withFabric(f func(*fabric) *response) *response {
	for _, fb := range rq.s.fabrics {
		if strconv.Itoa(fb.id) == rq.args[0] || fb.name == rq.args[0] {
			return f(fb)
		}
	}
	return notFound("Fabric")
}

func readFabric(rq *request) *response {
	return rq.withFabric(func(f *fabric) *response { return ok(rq.s.fabricJSON(f)) })
}
func listVLANs(rq *request) *response {
	return rq.withFabric(func(f *fabric) *response { return ok(rq.s.vlansJSON(f)) })
}

func (s *Server) vlanByID(id string) *vlan {
	for _, v := range s.vlans {
		if strconv.Itoa(v.id) == id {
			return v
		}
	}
	return nil
}

// withVLAN finds the VLAN by its fabric and VID, or by its id alone.
func (rq *request) withVLAN(f func(*vlan) *response) *response {
	if len(rq.args) == 1 {
		if v := rq.s.vlanByID(rq.args[0]); v != nil {
			return f(v)
		}
		return textResponse(http.StatusNotFound, "VLAN with specified ID does not exist.")
	}
	return rq.withFabric(func(fb *fabric) *response {
		for _, v := range rq.s.vlans {
			if v.fabric == fb && strconv.Itoa(v.vid) == rq.args[1] {
				return f(v)
			}
		}
		return notFound("VLAN")
	})
}

func readVLAN(rq *request) *response {
	return rq.withVLAN(func(v *vlan) *response { return ok(v.json()) })
}

func createVLAN(rq *request) *response {
	return rq.withFabric(func(f *fabric) *response {
		v := &vlan{mtu: 1500, fabric: f, space: "undefined"}
		if !rq.has("vid") {
			return invalid("vid", required)
		}
		if bad := rq.s.readVLAN(rq, v); bad != nil {
			return bad
		}
		v.id = rq.s.ids.next("vlan")
		v.name = orString(v.name, strconv.Itoa(v.vid))
		rq.s.vlans = append(rq.s.vlans, v)
		return ok(v.json())
	})
}

func updateVLAN(rq *request) *response {
	return rq.withVLAN(func(v *vlan) *response {
		changed := *v
		if bad := rq.s.readVLAN(rq, &changed); bad != nil {
			return bad
		}
		*v = changed
		rq.s.touchAll()
		return ok(v.json())
	})
}

// readVLAN takes what the form says into v and checks it.
func (s *Server) readVLAN(rq *request, v *vlan) *response {
	errs := formErrors{}
	if rq.has("vid") {
		n, err := strconv.Atoi(rq.get("vid"))
		switch {
		case err != nil:
			errs.add("vid", "Enter a whole number.")
		case n < 0 || n > 4094:
			errs.add("vid", "VID must be between 0 and 4094.")
		case slices.ContainsFunc(s.vlans, func(o *vlan) bool { return o.id != v.id && o.fabric == v.fabric && o.vid == n }):
			errs.add("__all__", "A VLAN with the specified VID already exists in the destination fabric.")
		}
		v.vid = n
	}
	if n, given := errs.number(rq, "mtu", 552); given {
		v.mtu = n
	}
	v.name = orString(rq.get("name"), v.name)
	return errs.response()
}

func deleteVLAN(rq *request) *response {
	return rq.withVLAN(func(v *vlan) *response {
		s := rq.s
		used := slices.ContainsFunc(s.subnets, func(sn *subnet) bool { return sn.vlan == v }) ||
			slices.ContainsFunc(s.order, func(m *machine) bool {
				return m.anyInterface(func(f *iface) bool { return f.vlan == v })
			})
		if used {
			return rq.s.notServed(rq.method, "vlans/*/", "", "what MAAS does with a VLAN in use is not recorded")
		}
		s.vlans = slices.DeleteFunc(s.vlans, func(o *vlan) bool { return o == v })
		return empty(http.StatusNoContent)
	})
}

func listSpaces(rq *request) *response {
	out := []obj{}
	for i, name := range append(slices.Clone(rq.s.spaceNames()), "undefined") {
		o := obj{"id": i + 1, "name": name, "description": "", "vlans": []obj{}, "subnets": []obj{}}
		o["resource_uri"] = fmt.Sprintf("%sspaces/%v/", apiRoot, o["id"])
		if name == "undefined" {
			o["id"], o["resource_uri"] = -1, apiRoot+"spaces/undefined/"
			o["description"] = "Backward compatibility object to ensure objects not associated with a space can be found."
		}
		var vs, ss []obj
		for _, v := range rq.s.vlans {
			if v.space == name {
				vs = append(vs, v.json())
			}
		}
		for _, sn := range rq.s.subnets {
			if sn.vlan.space == name {
				ss = append(ss, sn.json())
			}
		}
		if vs != nil {
			o["vlans"] = vs
		}
		if ss != nil {
			o["subnets"] = ss
		}
		out = append(out, o)
	}
	return ok(out)
}

func (s *Server) spaceNames() []string {
	var out []string
	for _, v := range s.vlans {
		if v.space != "undefined" && !slices.Contains(out, v.space) {
			out = append(out, v.space)
		}
	}
	return out
}
