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

// notConstraints are parameters of allocate that do not choose machines.
var notConstraints = []string{"comment", "dry_run", "verbose", "bridge_all", "bridge_type", "bridge_fd", "bridge_stp"}

func allocate(rq *request) *response {
	s := rq.s
	if rq.json {
		return textResponse(http.StatusInternalServerError, "'dict' object has no attribute 'lists'")
	}
	for _, k := range []string{"name", "system_id"} {
		if rq.has(k) && rq.get(k) == "" {
			return textResponse(http.StatusInternalServerError, "sequence item 0: expected str instance, NoneType found")
		}
	}
	cs, refused := s.parseConstraints(rq, commonConstraints, allocateConstraints, notConstraints)
	if refused != nil {
		return refused
	}
	m := s.cheapest(cs)
	if m == nil {
		return noMachine(rq, cs)
	}
	if rq.get("dry_run") != "true" {
		s.acquire(m, rq.user, rq.get("agent_name"), rq.get("comment"))
		if rq.get("bridge_all") == "true" {
			s.addBridges(m, orString(rq.get("bridge_type"), "standard"))
		}
	}
	return s.allocated(rq, m)
}

// cheapest is the machine with the least processors and memory among those
// that are Ready and match.
func (s *Server) cheapest(cs []constraint) *machine {
	var best *machine
	for _, m := range s.order {
		if m.status != StatusReady || m.owner != nil || !matchesAll(m, cs) {
			continue
		}
		if best == nil || m.cost() < best.cost() {
			best = m
		}
	}
	return best
}

func (m *machine) cost() float64 { return float64(m.cpus) + float64(m.memory)/1024 }

func matchesAll(m *machine, cs []constraint) bool {
	return !slices.ContainsFunc(cs, func(c constraint) bool { return c.key != "agent_name" && !c.match(m) })
}

func noMachine(rq *request, cs []constraint) *response {
	if rq.has("system_id") {
		return conflict("No machine with system ID " + rq.get("system_id") + " available.")
	}
	if len(cs) == 0 {
		return conflict("No machine available.")
	}
	var asked, resolved []string
	for _, c := range cs {
		var vs []string
		for _, v := range rq.form[c.key] {
			vs = append(vs, "'"+v+"'")
		}
		asked = append(asked, fmt.Sprintf("('%s', [%s])", c.key, strings.Join(vs, ", ")))
		if c.resolved != "" {
			resolved = append(resolved, c.resolved)
		}
	}
	return conflict(fmt.Sprintf("No available machine matches constraints: [%s] (resolved to \"%s\")",
		strings.Join(asked, ", "), strings.Join(resolved, " ")))
}

// parseConstraints reads the parameters in the order in which they were given;
// form errors are reported together.
func (s *Server) parseConstraints(rq *request, a, b map[string]constraintParser, ignore []string) ([]constraint, *response) {
	var cs []constraint
	var unknown []string
	var first *response
	for _, k := range rq.keys() {
		if slices.Contains(ignore, k) {
			continue
		}
		p := a[k]
		if p == nil {
			p = b[k]
		}
		if p == nil {
			unknown = append(unknown, k)
			continue
		}
		values := rq.form[k]
		if (k == "tags" || k == "not_tags") && len(splitTags(values)) == 0 {
			continue
		}
		c, bad := p(s, k, values)
		if bad != nil {
			if first == nil {
				first = bad
			}
			continue
		}
		cs = append(cs, c)
	}
	if len(unknown) > 0 {
		o := obj{}
		for _, k := range unknown {
			o[k] = []string{"No such constraint."}
		}
		return nil, jsonResponse(http.StatusBadRequest, o)
	}
	return cs, first
}

// keys are the parameter names in the order in which they were sent.
func (rq *request) keys() []string {
	var out []string
	for _, k := range rq.order {
		if rq.has(k) && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	var rest []string
	for k := range rq.form {
		if !slices.Contains(out, k) {
			rest = append(rest, k)
		}
	}
	slices.Sort(rest)
	return append(out, rest...)
}

// allocated is the machine with what the labelled constraints matched.
func (s *Server) allocated(rq *request, m *machine) *response {
	o := s.machineJSON(m)
	by := obj{}
	if rq.has("interfaces") {
		by["interfaces"] = m.matchedInterfaces(rq.get("interfaces"))
	}
	if rq.has("storage") {
		by["storage"] = m.matchedDisks(rq.get("storage"))
	}
	if rq.get("verbose") == "true" {
		by["verbose_storage"], by["verbose_interfaces"] = obj{}, s.everyMatchedInterface(rq)
	}
	o["constraints_by_type"] = by
	return ok(o)
}

// everyMatchedInterface is, per label and machine, what verbose=true adds.
func (s *Server) everyMatchedInterface(rq *request) obj {
	out := obj{}
	if !rq.has("interfaces") {
		return out
	}
	for _, m := range s.order {
		for label, ids := range m.matchedInterfaces(rq.get("interfaces")) {
			per, isObj := out[label].(obj)
			if !isObj {
				per = obj{}
				out[label] = per
			}
			per[strconv.Itoa(m.id)] = ids
		}
	}
	return out
}

func (m *machine) matchedInterfaces(text string) obj {
	out := obj{}
	for part := range strings.SplitSeq(text, ";") {
		label, body, _ := strings.Cut(part, ":")
		ids := []int{}
		for _, f := range m.ifs {
			fits := true
			for kv := range strings.SplitSeq(body, ",") {
				k, v, _ := strings.Cut(kv, "=")
				if p := interfaceCondition(k, v); p != nil && !p(f) {
					fits = false
				}
			}
			if fits {
				ids = append(ids, f.id)
			}
		}
		out[label] = ids
	}
	return out
}

func (m *machine) matchedDisks(text string) obj {
	out := obj{}
	for i, part := range splitOutsideParens(text) {
		label, _, labelled := strings.Cut(part, ":")
		if labelled && i < len(m.bds) {
			out[label] = []int{m.bds[i].id}
		}
	}
	return out
}
