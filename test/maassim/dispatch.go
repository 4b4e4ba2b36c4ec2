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
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	apiRoot      = "/MAAS/api/2.0/"
	maxBodyBytes = 10 << 20
)

// request is what a handler gets; Server.mu is held while it runs.
type request struct {
	s      *Server
	user   *user
	method string
	op     string
	query  url.Values
	form   map[string][]string // query and body parameters
	order  []string            // parameter names as sent
	json   bool                // the body was JSON
	args   []string            // the variable parts of the path
	web    bool                // an act on MAAS's web page, not of the API
}

type handler func(*request) *response

func (rq *request) has(k string) bool { return len(rq.form[k]) > 0 }

// get is the last value of a parameter, "" when there is none.
func (rq *request) get(k string) string {
	if v := rq.form[k]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// access is who may call an operation at all.
type access int

const (
	users     access = iota
	anyone           // also without credentials
	admins           // others: 403 with the reserved-for-admins text
	adminsRaw        // others: 403 with an empty body
)

// route is one operation. Path parts of "*" are variable.
type route struct {
	path   string
	method string
	op     string // "" for plain calls
	name   string // as in Call.Name
	who    access
	h      handler
}

// routeTable is indexed by path pattern.
type resource struct {
	parts  []string
	routes []route
}

func buildTable(groups ...[]route) []resource {
	var out []resource
	byPath := map[string]int{}
	for _, g := range groups {
		for _, r := range g {
			i, ok := byPath[r.path]
			if !ok {
				i = len(out)
				byPath[r.path] = i
				out = append(out, resource{parts: strings.Split(r.path, "/")})
			}
			out[i].routes = append(out[i].routes, r)
		}
	}
	return out
}

// match returns the resource a path names; literal parts win over variable
// ones.
func match(table []resource, path string) (*resource, []string) {
	parts := strings.Split(path, "/")
	var best *resource
	var bestArgs []string
	for i := range table {
		r := &table[i]
		if args, ok := r.match(parts); ok && (best == nil || len(args) < len(bestArgs)) {
			best, bestArgs = r, args
		}
	}
	return best, bestArgs
}

func (r *resource) match(parts []string) ([]string, bool) {
	if len(parts) != len(r.parts) {
		return nil, false
	}
	var args []string
	for i, p := range r.parts {
		switch {
		case p == "*" && parts[i] != "":
			args = append(args, parts[i])
		case p != parts[i]:
			return nil, false
		}
	}
	return args, true
}

func (r *resource) hasMethod(method string) bool {
	return slices.ContainsFunc(r.routes, func(rt route) bool { return rt.method == method })
}

// serve runs one call from reading it to writing the answer.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	call := &Call{Seq: s.calls.number(), Time: start, Method: r.Method, Path: r.URL.Path}
	defer func() {
		call.Duration = time.Since(start)
		s.calls.add(*call)
		s.log.Debug("Answered", "method", call.Method, "path", call.Path, "op", call.Op,
			"user", call.User, "status", call.Status, "duration", call.Duration)
	}()
	rsp := s.answer(r, call)
	if rsp == nil {
		call.Status = 0
		panic(http.ErrAbortHandler)
	}
	call.Status = rsp.status
	s.wait(r.Context(), rsp.simulated)
	if rsp.list && s.cfg.ListDelayPerMachine > 0 {
		s.sleep(r, time.Duration(len(rsp.chunks))*s.cfg.ListDelayPerMachine)
	}
	rsp.write(w)
}

// sleep waits in wall clock time.
func (s *Server) sleep(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
}

// answer finds out what is called, asks the interceptors and lets the server
// act. Nil means that the connection is to be dropped.
func (s *Server) answer(r *http.Request, call *Call) *response {
	path := collapseSlashes(r.URL.Path)
	rest, inside := strings.CutPrefix(path, apiRoot)
	if !inside {
		if path == "/MAAS/api/" {
			return &response{status: http.StatusFound, header: map[string]string{"Location": apiRoot, "Content-Type": "text/html; charset=utf-8"}}
		}
		return unknownEndpoint(path)
	}
	rs, args := match(apiTable, rest)
	rq, refused := s.read(r, args)
	if refused != nil {
		return refused
	}
	call.Op, call.Form = rq.op, rq.form
	call.SystemID = systemIDOf(rest, args, rq)
	if rs == nil {
		return s.unserved(r, rest, rq, path)
	}
	u, refused := s.auth.authenticate(r)
	if refused != nil {
		return refused
	}
	rq.user = u
	rt, refused := s.resolve(rs, rest, rq)
	if rt != nil {
		call.Name = rt.name
	}
	if refused != nil {
		return refused
	}
	if u != nil {
		call.User = u.name
	}
	return s.act(r, rt, rq, call)
}

// act runs the handler between the interceptors.
func (s *Server) act(r *http.Request, rt *route, rq *request, call *Call) *response {
	if done, rsp := s.intercepted(r, call, Before); done {
		return rsp
	}
	if refused := checkAccess(rt, rq); refused != nil {
		call.Status = refused.status
		return refused
	}
	s.mu.Lock()
	rsp := rt.h(rq)
	s.mu.Unlock()
	call.Status = rsp.status
	if done, other := s.intercepted(r, call, After); done {
		return other
	}
	return rsp
}

func checkAccess(rt *route, rq *request) *response {
	admin := rq.user != nil && rq.user.admin
	switch {
	case rt.who == admins && !admin:
		return adminOnly()
	case rt.who == adminsRaw && !admin:
		return forbidden()
	}
	return nil
}

func (s *Server) intercepted(r *http.Request, call *Call, phase Phase) (bool, *response) {
	a := s.faults.decide(call, phase)
	if a.delay > 0 {
		s.sleep(r, a.delay)
	}
	switch a.kind {
	case actDrop:
		return true, nil
	case actReply:
		rsp := textResponse(a.status, a.body)
		maps.Copy(rsp.header, a.headers)
		return true, rsp
	default:
		return false, nil
	}
}

// resolve picks the operation, or says as MAAS does why there is none.
func (s *Server) resolve(rs *resource, rest string, rq *request) (*route, *response) {
	var plain *route
	for i := range rs.routes {
		rt := &rs.routes[i]
		if rt.method != rq.method {
			continue
		}
		if rt.op == rq.op {
			if rq.user == nil && rt.who != anyone {
				return rt, anonymous(rt, rq)
			}
			return rt, nil
		}
		plain = rt
	}
	if reason := notServedReason(rq.method, rest, rq.op); reason != "" {
		return plain, s.notServed(rq.method, rest, rq.op, reason)
	}
	if rq.op == "" && !rs.hasMethod(rq.method) && rq.method != http.MethodPost {
		r := empty(http.StatusMethodNotAllowed)
		r.header["Content-Type"] = "text/html; charset=utf-8"
		return nil, r
	}
	return nil, unrecognised(rq)
}

// anonymous refuses a call without credentials: plain reads of collections
// that have an anonymous handler are not recognised there, all else is
// forbidden.
func anonymous(rt *route, rq *request) *response {
	if rt.path == "machines/" && rq.op == "" {
		return unrecognised(rq)
	}
	return textResponse(http.StatusUnauthorized, "Forbidden")
}

func unrecognised(rq *request) *response {
	op := rq.op
	if op == "" {
		op = "None"
	}
	return badRequest("Unrecognised signature: method=" + rq.method + " op=" + op)
}

func unknownEndpoint(path string) *response {
	return textResponse(http.StatusNotFound, "Unknown API endpoint: "+path+".")
}

func collapseSlashes(p string) string {
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	return p
}

// systemIDOf finds the machine a call is about.
func systemIDOf(rest string, args []string, rq *request) string {
	if len(args) > 0 && (strings.HasPrefix(rest, "machines/") || strings.HasPrefix(rest, "nodes/")) {
		return args[0]
	}
	if rq.op == "allocate" {
		return rq.get("system_id")
	}
	return ""
}

// read parses the parameters of a request.
func (s *Server) read(r *http.Request, args []string) (*request, *response) {
	rq := &request{s: s, method: r.Method, query: r.URL.Query(), args: args}
	rq.op = rq.query.Get("op")
	rq.order = namesInOrder(r.URL.RawQuery)
	form, refused := readForm(r, rq)
	if refused != nil {
		return nil, refused
	}
	if rq.op == "" && rq.method == http.MethodPost && len(form["op"]) > 0 {
		rq.op = form["op"][0]
	}
	rq.form = map[string][]string{}
	for _, src := range []map[string][]string{rq.query, form} {
		for k, v := range src {
			if k != "op" {
				rq.form[k] = append(rq.form[k], v...)
			}
		}
	}
	if f := rq.query.Get("format"); f != "" {
		if f != "json" {
			return nil, badRequest("Invalid output format specified '" + f + "'.")
		}
		delete(rq.form, "format")
	}
	return rq, nil
}

func readForm(r *http.Request, rq *request) (map[string][]string, *response) {
	if r.Body == nil || isRead(r.Method) {
		return nil, nil
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxBodyBytes)
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	var err error
	var form map[string][]string
	switch strings.TrimSpace(kind) {
	case "application/json":
		rq.json = true
		form, err = readJSON(r.Body)
	case "multipart/form-data":
		if err = r.ParseMultipartForm(maxBodyBytes); err == nil {
			form = r.MultipartForm.Value
			for k, files := range r.MultipartForm.File {
				for _, f := range files {
					form[k] = append(form[k], readPart(f.Open()))
				}
			}
			_ = r.MultipartForm.RemoveAll()
		}
	default:
		var b []byte
		if b, err = io.ReadAll(r.Body); err == nil {
			form, err = url.ParseQuery(string(b))
			rq.order = append(rq.order, namesInOrder(string(b))...)
		}
	}
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return nil, tooLarge()
	case err != nil:
		return nil, badRequest("Bad Request")
	}
	return form, nil
}

// namesInOrder lists the names of an encoded query.
func namesInOrder(query string) []string {
	var out []string
	for part := range strings.SplitSeq(query, "&") {
		k, _, _ := strings.Cut(part, "=")
		if k, err := url.QueryUnescape(k); err == nil && k != "" {
			out = append(out, k)
		}
	}
	return out
}

func readPart(f io.ReadCloser, err error) string {
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(f)
	if err != nil {
		return ""
	}
	return string(b)
}

func tooLarge() *response {
	r := textResponse(http.StatusRequestEntityTooLarge, "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n"+
		"<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n")
	r.header["Content-Type"] = "text/html"
	return r
}

func readJSON(body io.Reader) (map[string][]string, error) {
	var v map[string]any
	if err := json.NewDecoder(body).Decode(&v); err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for k, e := range v {
		items, isList := e.([]any)
		if !isList {
			items = []any{e}
		}
		for _, it := range items {
			out[k] = append(out[k], scalar(it))
		}
	}
	return out, nil
}

func scalar(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
