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
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

type level int

// markingFailed is the type of the event of a machine that MAAS gives up.
const markingFailed = "Marking node failed"

// Python's logging levels, which MAAS uses.
const (
	levelAudit    level = 0
	levelDebug    level = 10
	levelInfo     level = 20
	levelWarning  level = 30
	levelError    level = 40
	levelCritical level = 50
)

var levelNames = map[level]string{
	levelAudit: "AUDIT", levelDebug: "DEBUG", levelInfo: "INFO", levelWarning: "WARNING",
	levelError: "ERROR", levelCritical: "CRITICAL",
}

const (
	defaultEventLimit = 100
	maxEventLimit     = 1000
	noUser            = "unknown"
)

// event is one entry of the log.
type event struct {
	id          int64
	level       level
	user        string
	systemID    string
	hostname    string
	zone        string
	agent       string
	typ         string
	description string
	created     time.Time
}

// eventLog holds the newest events in order of id.
type eventLog struct {
	limit  int
	lastID int64
	list   []event
}

// Event is an entry of MAAS's event log.
type Event struct {
	ID                                              int64
	Level, User, SystemID, Hostname, Type, Describe string
	Created                                         time.Time
}

// Events returns the event log, oldest first.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Event, 0, len(s.events.list))
	for i := range s.events.list {
		e := &s.events.list[i]
		out = append(out, Event{e.id, levelNames[e.level], e.user, e.systemID, e.hostname, e.typ, e.description, e.created})
	}
	return out
}

// event logs. What is of level INFO or above becomes the machine's
// status_message.
func (s *Server) event(m *machine, user string, lv level, typ, description string) {
	l := &s.events
	l.lastID++
	e := event{
		id: l.lastID, level: lv, user: orString(user, noUser), typ: typ, description: description,
		systemID: m.systemID, hostname: m.hostname, zone: m.zone.name, agent: m.agentName, created: s.clock.Now(),
	}
	if len(l.list) >= l.limit {
		l.list = append(l.list[:0:0], l.list[len(l.list)-l.limit*3/4:]...)
	}
	l.list = append(l.list, e)
	if lv >= levelInfo {
		msg := typ
		if description != "" {
			msg += " - " + description
		}
		m.statusMessage, m.statusAction = &msg, nil
		if typ == markingFailed {
			m.statusAction = ptr("mark_failed")
		}
		m.touch()
	}
}

var eventRoutes = []route{
	{"events/", http.MethodGet, "query", "events.query", users, queryEvents},
}

// eventQuery is what op=query asks for.
type eventQuery struct {
	after, before *int64
	limit         int
	level         level
	match         func(*event) bool
}

func queryEvents(rq *request) *response {
	q, refused := parseEventQuery(rq)
	if refused != nil {
		return refused
	}
	found := rq.s.selectEvents(rq, q)
	b := make([]byte, 0, 256*len(found)+512)
	b = append(b, `{"count":`...)
	b = strconv.AppendInt(b, int64(len(found)), 10)
	b = append(b, `,"events":[`...)
	for i, e := range found {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.appendJSON(b)
	}
	next, prev := eventURIs(rq, found)
	b = append(b, `],"next_uri":`...)
	b = appendURI(b, next)
	b = append(b, `,"prev_uri":`...)
	b = appendURI(b, prev)
	return rawJSON(http.StatusOK, append(b, '}'))
}

func appendURI(b []byte, uri string) []byte {
	if uri == "" {
		return append(b, "null"...)
	}
	return appendString(b, uri)
}

func (e *event) appendJSON(b []byte) []byte {
	b = append(b, `{"username":`...)
	b = appendString(b, e.user)
	b = append(b, `,"node":`...)
	b = appendString(b, e.systemID)
	b = append(b, `,"hostname":`...)
	b = appendString(b, e.hostname)
	b = append(b, `,"id":`...)
	b = strconv.AppendInt(b, e.id, 10)
	b = append(b, `,"level":`...)
	b = appendString(b, levelNames[e.level])
	b = append(b, `,"created":`...)
	b = appendString(b, eventTime(e.created))
	b = append(b, `,"type":`...)
	b = appendString(b, e.typ)
	b = append(b, `,"description":`...)
	b = appendString(b, e.description)
	return append(b, '}')
}

// eventTime is the way MAAS writes the time of an event.
func eventTime(t time.Time) string { return t.UTC().Format("Mon, 02 Jan. 2006 15:04:05") }

// selectEvents returns newest first. With after these are the oldest of the
// newer events, without it the newest.
func (s *Server) selectEvents(rq *request, q *eventQuery) []*event {
	list := s.events.list
	lo, hi := 0, len(list)
	if q.after != nil {
		lo = sort.Search(len(list), func(i int) bool { return list[i].id > *q.after })
	}
	if q.before != nil {
		hi = sort.Search(len(list), func(i int) bool { return list[i].id >= *q.before })
	}
	var found []*event
	take := func(e *event) bool {
		if e.level >= q.level && q.match(e) && s.mayReadEvent(rq.user, e) {
			found = append(found, e)
		}
		return len(found) < q.limit
	}
	if q.limit <= 0 {
		return nil
	}
	if q.after != nil {
		for i := lo; i < hi && take(&list[i]); i++ {
		}
		slices.Reverse(found)
		return found
	}
	for i := hi - 1; i >= lo && take(&list[i]); i-- {
	}
	return found
}

// mayReadEvent hides events of machines that belong to others.
func (s *Server) mayReadEvent(u *user, e *event) bool {
	if u.admin {
		return true
	}
	m := s.machines[e.systemID]
	return m == nil || m.owner == nil || m.owner == u
}

func parseEventQuery(rq *request) (*eventQuery, *response) {
	q := &eventQuery{limit: defaultEventLimit, level: levelInfo}
	for k, p := range map[string]**int64{"after": &q.after, "before": &q.before} {
		if !rq.has(k) {
			continue
		}
		n, err := strconv.ParseInt(rq.get(k), 10, 64)
		if err != nil {
			return nil, invalid(k, "Please enter an integer value")
		}
		*p = &n
	}
	if rq.has("limit") {
		n, err := strconv.Atoi(rq.get("limit"))
		if err != nil {
			return nil, invalid("limit", "Please enter an integer value")
		}
		if n > maxEventLimit {
			return nil, badRequest(fmt.Sprintf("Requested number of events %d is greater than limit: %d", n, maxEventLimit))
		}
		q.limit = n
	}
	if rq.has("level") {
		lv, found := levelByName(rq.get("level"))
		if !found {
			return nil, badRequest("Unrecognised log level: " + rq.get("level"))
		}
		q.level = lv
	}
	q.match = rq.s.eventMatch(rq)
	return q, nil
}

func levelByName(name string) (level, bool) {
	for lv, n := range levelNames {
		if n == name {
			return lv, true
		}
	}
	return 0, false
}

func (s *Server) eventMatch(rq *request) func(*event) bool {
	type cond struct {
		values []string
		of     func(*event) string
	}
	var conds []cond
	for k, of := range map[string]func(*event) string{
		"id":         func(e *event) string { return e.systemID },
		"hostname":   func(e *event) string { return e.hostname },
		"zone":       func(e *event) string { return e.zone },
		"agent_name": func(e *event) string { return e.agent },
		"owner":      func(e *event) string { return e.user },
		"domain":     s.eventDomain,
	} {
		if rq.has(k) {
			conds = append(conds, cond{rq.form[k], of})
		}
	}
	macs := rq.form["mac_address"]
	return func(e *event) bool {
		for _, c := range conds {
			if !slices.Contains(c.values, c.of(e)) {
				return false
			}
		}
		return len(macs) == 0 || s.hasMAC(s.machines[e.systemID], macs)
	}
}

func (s *Server) eventDomain(e *event) string {
	if m := s.machines[e.systemID]; m != nil {
		return m.domain.name
	}
	return ""
}

func (s *Server) hasMAC(m *machine, macs []string) bool {
	if m == nil {
		return false
	}
	return slices.ContainsFunc(m.ifs, func(i *iface) bool { return slices.Contains(macs, i.mac) })
}

// eventURIs are the links to what is newer and to what is older.
func eventURIs(rq *request, found []*event) (next, prev string) {
	base := []string{"op=query"}
	keys := make([]string, 0, len(rq.query))
	for k := range rq.query {
		if k != "op" && k != "after" && k != "before" {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		for _, v := range rq.query[k] {
			base = append(base, url.QueryEscape(k)+"="+url.QueryEscape(v))
		}
	}
	uri := apiRoot + "events/?" + strings.Join(base, "&")
	if len(found) == 0 {
		if before := rq.get("before"); before != "" {
			return uri + "&after=" + decrement(before), ""
		}
		if after := rq.get("after"); after != "" {
			return uri + "&after=" + after, ""
		}
		return uri, ""
	}
	return uri + "&after=" + strconv.FormatInt(found[0].id, 10),
		uri + "&before=" + strconv.FormatInt(found[len(found)-1].id, 10)
}

func decrement(n string) string {
	v, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return n
	}
	return strconv.FormatInt(v-1, 10)
}

// commissioningScripts are those whose results MAAS logs.
var commissioningScripts = []string{
	"20-maas-01-install-lldpd", "20-maas-02-dhcp-unconfigured-ifaces", "20-maas-03-machine-resources",
	"50-maas-01-commissioning",
}

func (s *Server) seedCommissioningEvents(m *machine) {
	if m.status != StatusReady {
		return
	}
	s.scriptEvents(m)
	s.event(m, "", levelDebug, "Node changed status", "From 'Commissioning' to 'Ready'")
}

func (s *Server) scriptEvents(m *machine) {
	for _, name := range commissioningScripts {
		s.event(m, "", levelDebug, "Script result", name+" changed status from 'Pending' to 'Passed'")
	}
}
