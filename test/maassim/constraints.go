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
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// constraint is one understood condition on machines.
type constraint struct {
	key      string
	resolved string // "" leaves it out of "resolved to"
	match    func(*machine) bool
}

// constraintParser understands the values of one parameter.
type constraintParser func(s *Server, key string, values []string) (constraint, *response)

// commonConstraints are what both the list and allocate take.
var commonConstraints = map[string]constraintParser{
	"arch":        parseArch,
	"cpu_count":   parseCPU,
	"mem":         parseMemory,
	"tags":        parseTags,
	"not_tags":    parseNotTags,
	"zone":        parseZone,
	"not_in_zone": parseZone,
	"pool":        parsePool,
	"not_in_pool": parsePool,
	"fabrics":     parseFabrics,
	"not_fabrics": parseFabrics,
	"subnets":     parseSubnets,
	"not_subnets": parseSubnets,
	"vlans":       parseVLANs,
	"not_vlans":   parseVLANs,
	"link_speed":  parseLinkSpeed,
	"interfaces":  parseInterfaces,
	"storage":     parseStorage,
	"agent_name":  parseAgent,
}

// listConstraints are those of the list only.
var listConstraints = map[string]constraintParser{
	"id":              oneOf(func(m *machine) string { return m.systemID }),
	"hostname":        oneOf(func(m *machine) string { return m.hostname }),
	"domain":          oneOf(func(m *machine) string { return m.domain.name }),
	"owner":           oneOf(ownerName),
	"power_state":     oneOf(func(m *machine) string { return m.power }),
	"status":          parseStatus,
	"not_status":      parseStatus,
	"mac_address":     parseMAC,
	"not_id":          noneOf(func(m *machine) string { return m.systemID }),
	"not_hostname":    noneOf(func(m *machine) string { return m.hostname }),
	"not_domain":      noneOf(func(m *machine) string { return m.domain.name }),
	"not_owner":       noneOf(ownerName),
	"not_power_state": noneOf(func(m *machine) string { return m.power }),
	"not_agent_name":  noneOf(func(m *machine) string { return m.agentName }),
}

// allocateConstraints are those of allocate only.
var allocateConstraints = map[string]constraintParser{
	"name":      parseName,
	"system_id": oneOf(func(m *machine) string { return m.systemID }),
}

func ownerName(m *machine) string {
	if m.owner == nil {
		return ""
	}
	return m.owner.name
}

func oneOf(of func(*machine) string) constraintParser {
	return func(_ *Server, key string, values []string) (constraint, *response) {
		return constraint{key, key + "=" + strings.Join(values, ","), func(m *machine) bool {
			return slices.Contains(values, of(m))
		}}, nil
	}
}

func noneOf(of func(*machine) string) constraintParser {
	return func(_ *Server, key string, values []string) (constraint, *response) {
		return constraint{key, key + "=" + strings.Join(values, ","), func(m *machine) bool {
			return !slices.Contains(values, of(m))
		}}, nil
	}
}

func parseAgent(_ *Server, key string, values []string) (constraint, *response) {
	return constraint{key, "", func(m *machine) bool { return slices.Contains(values, m.agentName) }}, nil
}

func parseName(_ *Server, key string, values []string) (constraint, *response) {
	return constraint{key, key + "=" + strings.Join(values, ","), func(m *machine) bool {
		return slices.Contains(values, m.hostname) || slices.Contains(values, m.fqdn())
	}}, nil
}

func parseStatus(_ *Server, key string, values []string) (constraint, *response) {
	var want []Status
	for _, v := range values {
		st, known := statusByFilter(v)
		if !known {
			return constraint{}, invalid(key, "Select a valid choice. "+v+" is not one of the available choices.")
		}
		want = append(want, st)
	}
	negated := key == "not_status"
	return constraint{key, key, func(m *machine) bool { return slices.Contains(want, m.status) != negated }}, nil
}

var macShape = regexp.MustCompile(`^([0-9a-fA-F]{1,2}[:-]){5}[0-9a-fA-F]{1,2}$`)

func parseMAC(s *Server, key string, values []string) (constraint, *response) {
	var want []string
	for _, v := range values {
		if !macShape.MatchString(v) {
			return constraint{}, invalid(key, "'"+v+"' is not a valid MAC address.")
		}
		want = append(want, strings.ToLower(v))
	}
	return constraint{key, key, func(m *machine) bool { return s.hasMAC(m, want) }}, nil
}

func parseArch(_ *Server, key string, values []string) (constraint, *response) {
	for _, v := range values {
		if v != "amd64" && !strings.HasPrefix(v, "amd64/") {
			return constraint{}, invalid(key, "Architecture not recognised.")
		}
	}
	return constraint{key, key + "=" + strings.Join(values, ","), func(m *machine) bool {
		return slices.ContainsFunc(values, func(v string) bool { return m.arch == v || strings.HasPrefix(m.arch, v+"/") })
	}}, nil
}

func parseCPU(_ *Server, key string, values []string) (constraint, *response) {
	n, err := strconv.ParseFloat(values[len(values)-1], 64)
	if err != nil {
		return constraint{}, invalid(key, "Invalid CPU count: number required.")
	}
	return constraint{key, key + "=" + pyFloat(n), func(m *machine) bool { return float64(m.cpus) >= n }}, nil
}

func parseMemory(_ *Server, key string, values []string) (constraint, *response) {
	n, err := strconv.ParseFloat(values[len(values)-1], 64)
	if err != nil {
		return constraint{}, invalid(key, "Invalid memory: number of MiB required.")
	}
	return constraint{key, key + "=" + pyFloat(n), func(m *machine) bool { return float64(m.memory) >= n }}, nil
}

// pyFloat writes a number the way Python does.
func pyFloat(n float64) string {
	s := strconv.FormatFloat(n, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// splitTags accepts repeated values and lists separated by comma or space.
func splitTags(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return out
}

func (s *Server) unknownTags(key string, want []string) *response {
	var unknown []string
	for _, t := range want {
		if s.tag(t) == nil {
			unknown = append(unknown, "'"+t+"'")
		}
	}
	if len(unknown) > 0 {
		return invalid(key, "No such tag(s): "+strings.Join(unknown, ", ")+".")
	}
	return nil
}

func parseTags(s *Server, key string, values []string) (constraint, *response) {
	want := splitTags(values)
	if bad := s.unknownTags(key, want); bad != nil {
		return constraint{}, bad
	}
	slices.Sort(want)
	return constraint{key, key + "=" + strings.Join(want, ","), func(m *machine) bool {
		return !slices.ContainsFunc(want, func(t string) bool { return !slices.Contains(m.tags, t) })
	}}, nil
}

func parseNotTags(s *Server, key string, values []string) (constraint, *response) {
	want := splitTags(values)
	if bad := s.unknownTags(key, want); bad != nil {
		return constraint{}, bad
	}
	slices.Sort(want)
	return constraint{key, key + "=" + strings.Join(want, ","), func(m *machine) bool {
		return !slices.ContainsFunc(want, func(t string) bool { return slices.Contains(m.tags, t) })
	}}, nil
}

func parseZone(s *Server, key string, values []string) (constraint, *response) {
	for _, v := range values {
		if s.zone(v) == nil {
			return constraint{}, invalid(key, "No such zone(s): "+v+".")
		}
	}
	negated := strings.HasPrefix(key, "not_")
	return constraint{key, key + "=" + strings.Join(values, ","), func(m *machine) bool {
		return slices.Contains(values, m.zone.name) != negated
	}}, nil
}

func parsePool(s *Server, key string, values []string) (constraint, *response) {
	for _, v := range values {
		if !slices.ContainsFunc(s.pools, func(p *pool) bool { return p.name == v }) {
			return constraint{}, invalid(key, "No such pool(s): "+v+".")
		}
	}
	negated := strings.HasPrefix(key, "not_")
	return constraint{key, key + "=" + strings.Join(values, ","), func(m *machine) bool {
		return slices.Contains(values, m.pool.name) != negated
	}}, nil
}

func parseFabrics(_ *Server, key string, values []string) (constraint, *response) {
	negated := strings.HasPrefix(key, "not_")
	return constraint{key, key + "=" + strings.Join(values, ","), func(m *machine) bool {
		return m.anyInterface(func(f *iface) bool { return slices.Contains(values, f.lan().fabric.name) }) != negated
	}}, nil
}

func (m *machine) anyInterface(p func(*iface) bool) bool { return slices.ContainsFunc(m.ifs, p) }

func parseSubnets(s *Server, key string, values []string) (constraint, *response) {
	var want []*subnet
	var ids []string
	for _, v := range values {
		sn := s.subnet(v)
		if sn == nil {
			return constraint{}, invalid(key, "No matching subnets found.")
		}
		want = append(want, sn)
		ids = append(ids, strconv.Itoa(sn.id))
	}
	negated := strings.HasPrefix(key, "not_")
	return constraint{key, key + "=" + strings.Join(ids, ","), func(m *machine) bool {
		return m.anyInterface(func(f *iface) bool {
			return slices.ContainsFunc(f.links, func(l *link) bool { return slices.Contains(want, l.subnet) })
		}) != negated
	}}, nil
}

func parseVLANs(s *Server, key string, values []string) (constraint, *response) {
	var want []*vlan
	var ids []string
	for _, v := range values {
		kind, ref, typed := strings.Cut(v, ":")
		if !typed {
			kind, ref = "name", v
		}
		i := slices.IndexFunc(s.vlans, func(o *vlan) bool {
			return kind == "vid" && strconv.Itoa(o.vid) == ref || kind == "name" && (o.name == ref || strconv.Itoa(o.id) == ref)
		})
		if i < 0 {
			return constraint{}, invalid(key, "No matching VLANs found.")
		}
		want = append(want, s.vlans[i])
		ids = append(ids, strconv.Itoa(s.vlans[i].id))
	}
	negated := strings.HasPrefix(key, "not_")
	return constraint{key, key + "=" + strings.Join(ids, ","), func(m *machine) bool {
		return m.anyInterface(func(f *iface) bool { return slices.Contains(want, f.vlan) }) != negated
	}}, nil
}

func parseLinkSpeed(_ *Server, key string, values []string) (constraint, *response) {
	n, err := strconv.Atoi(values[len(values)-1])
	if err != nil {
		return constraint{}, invalid(key, "Enter a whole number.")
	}
	return constraint{key, key, func(m *machine) bool {
		return m.anyInterface(func(f *iface) bool { return f.speed >= n })
	}}, nil
}

// parseInterfaces understands "label:key=value,key=value;label:…".
func parseInterfaces(_ *Server, key string, values []string) (constraint, *response) {
	text := strings.Join(values, ";")
	var conds []func(*iface) bool
	for part := range strings.SplitSeq(text, ";") {
		_, body, labelled := strings.Cut(part, ":")
		if !labelled {
			return constraint{}, invalid(key, "Malformed constraint: "+part)
		}
		all := []func(*iface) bool{}
		for kv := range strings.SplitSeq(body, ",") {
			k, v, _ := strings.Cut(kv, "=")
			p := interfaceCondition(k, v)
			if p == nil {
				return constraint{}, invalid(key, "Unknown interfaces constraint: '"+k)
			}
			all = append(all, p)
		}
		conds = append(conds, func(f *iface) bool {
			return !slices.ContainsFunc(all, func(p func(*iface) bool) bool { return !p(f) })
		})
	}
	return constraint{key, key + "=" + text, func(m *machine) bool {
		return !slices.ContainsFunc(conds, func(p func(*iface) bool) bool { return !m.anyInterface(p) })
	}}, nil
}

func interfaceCondition(k, v string) func(*iface) bool {
	n, _ := strconv.Atoi(v)
	prefix, _ := netip.ParsePrefix(v)
	linked := func(p func(*subnet) bool) func(*iface) bool {
		return func(f *iface) bool {
			return slices.ContainsFunc(f.links, func(l *link) bool { return l.subnet != nil && p(l.subnet) })
		}
	}
	switch k {
	case "name":
		return func(f *iface) bool { return f.name == v }
	case "mac_address":
		return func(f *iface) bool { return f.mac == strings.ToLower(v) }
	case "vid":
		return func(f *iface) bool { return f.lan().vid == n }
	case "vlan":
		return func(f *iface) bool { return f.lan().name == v }
	case "fabric":
		return func(f *iface) bool { return f.lan().fabric.name == v }
	case "space":
		return func(f *iface) bool { return f.lan().space == v }
	case "link_speed":
		return func(f *iface) bool { return f.speed >= n }
	case "mode":
		return func(f *iface) bool {
			return slices.ContainsFunc(f.links, func(l *link) bool { return string(l.mode) == v })
		}
	case "subnet":
		return linked(func(sn *subnet) bool { return sn.name == v || strconv.Itoa(sn.id) == v })
	case "subnet_cidr":
		return linked(func(sn *subnet) bool { return sn.cidr == prefix.Masked() })
	}
	return nil
}

var storageShape = regexp.MustCompile(`^(?:([a-zA-Z0-9]+):)?(\d+(?:\.\d+)?)(?:\(([a-zA-Z0-9_,-]+)\))?$`)

// parseStorage understands "label:size(tag,tag),…": the first is the boot
// disk, sizes are in GB.
func parseStorage(_ *Server, key string, values []string) (constraint, *response) {
	type want struct {
		bytes float64
		tags  []string
	}
	text := strings.Join(values, ",")
	var wants []want
	for _, part := range splitOutsideParens(text) {
		g := storageShape.FindStringSubmatch(part)
		if g == nil {
			return constraint{}, invalid(key, fmt.Sprintf("Malformed storage constraint, %q.", text))
		}
		gb, _ := strconv.ParseFloat(g[2], 64)
		wants = append(wants, want{gb * 1e9, splitTags([]string{g[3]})})
	}
	fits := func(d Disk, w want) bool {
		return float64(d.SizeBytes) >= w.bytes && !slices.ContainsFunc(w.tags, func(t string) bool { return !slices.Contains(d.Tags, t) })
	}
	return constraint{key, key + "=" + text, func(m *machine) bool {
		used := map[int]bool{}
		for i, w := range wants {
			found := -1
			for j, b := range m.bds {
				if !used[j] && fits(b.disk, w) && (i > 0 || j == 0) {
					found = j
					break
				}
			}
			if found < 0 {
				return false
			}
			used[found] = true
		}
		return true
	}}, nil
}

func splitOutsideParens(v string) []string {
	depth := 0
	return strings.FieldsFunc(v, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		return r == ',' && depth == 0
	})
}
