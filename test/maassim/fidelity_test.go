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
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// recording is one request to a real MAAS and its answer.
type recording struct {
	Line        int               `json:"line"`
	User        string            `json:"user"`
	Seq         int               `json:"seq"`
	Note        string            `json:"note"`
	Method      string            `json:"method"`
	Path        string            `json:"path"`
	Query       [][2]any          `json:"query"`
	Form        [][2]any          `json:"form"`
	JSON        json.RawMessage   `json:"json"`
	RawBody     string            `json:"raw_body"`
	ContentType string            `json:"request_content_type"`
	Headers     map[string]string `json:"extra_request_headers"`
	Trimmed     map[string]any    `json:"body_trimmed"`
	Status      int               `json:"status"`
	Kind        string            `json:"kind"`
	AnswerType  string            `json:"content_type"`
	Count       *int              `json:"count"`
	Hostnames   []string          `json:"hostnames"`
	Body        any               `json:"body"`
}

func (r *recording) op() string {
	for _, kv := range append(slices.Clone(r.Query), r.Form...) {
		if kv[0] == "op" {
			return fmt.Sprint(kv[1])
		}
	}
	return ""
}

func (r *recording) String() string {
	return fmt.Sprintf("line %d (%s #%d) %s %s %v %v", r.Line, r.User, r.Seq, r.Method, r.Path, r.Query, r.Form)
}

func loadRecordings(t *testing.T, file string) []recording {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []recording
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var r recording
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out = append(out, r)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Floors under what is replayed, so that nothing can be skipped into a pass.
const (
	minReplayed   = 658
	recordedTotal = 758
)

// TestFidelity replays what a real MAAS 3.4.1 was asked and compares the
// answers: status, error text, JSON keys, types, nullability and the values
// that do not depend on chance.
func TestFidelity(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/recordings/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in testdata: %v", err)
	}
	var replayed, skipped, dependent, total atomic.Int64
	t.Run("files", func(t *testing.T) {
		for _, f := range files {
			name := strings.TrimSuffix(filepath.Base(f), ".jsonl.gz")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newPlayer(t, name)
				defer p.s.Close()
				for _, r := range loadRecordings(t, f) {
					total.Add(1)
					if p.play(&r) {
						replayed.Add(1)
					} else {
						skipped.Add(1)
					}
				}
				t.Logf("%s: %d replayed, %d not served, %d dependent on what is not served", name, p.replayed, p.skipped, p.depends)
				dependent.Add(int64(p.depends))
			})
		}
	})
	t.Logf("recordings: %d, replayed: %d, skipped: %d (%d of them not served, the rest depend on one that is not)",
		total.Load(), replayed.Load(), skipped.Load(), skipped.Load()-dependent.Load())
	if total.Load() < recordedTotal {
		t.Errorf("%d recordings found, want %d", total.Load(), recordedTotal)
	}
	if replayed.Load() < minReplayed {
		t.Errorf("%d recordings replayed, want at least %d", replayed.Load(), minReplayed)
	}
}

// player replays one file against a simulator of its own.
type player struct {
	t        *testing.T
	file     string
	s        *Server
	clock    *ManualClock
	keys     map[string]string
	nonce    int
	lastSeq  map[string]int
	replayed int
	skipped  int
	depends  int
	// tainted are machines that a recording which is not served has changed:
	// what is recorded of them afterwards cannot be replayed.
	tainted map[string]bool
	tokens  map[string]string // recorded token part → simulated
	secret  string            // of the token that was created
}

func newPlayer(t *testing.T, file string) *player {
	t.Helper()
	clock := NewManualClock(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))
	s := New(Config{Clock: clock, Timings: Timings{PowerOn: time.Second, PowerOff: time.Second}})
	s.SeedRecordedRack()
	return &player{
		t: t, file: file, s: s, clock: clock, lastSeq: map[string]int{}, tokens: map[string]string{}, tainted: map[string]bool{"": false},
		keys: map[string]string{"admin": RecordedAdminKey, "capi": RecordedUserKey},
	}
}

// play replays one recording and tells whether it was compared.
func (p *player) play(r *recording) bool {
	rest, _ := strings.CutPrefix(collapseSlashes(r.Path), apiRoot)
	for _, h := range hints[fmt.Sprintf("%s %s %d", p.file, r.User, r.Seq)] {
		h(p, r)
	}
	if id := systemIDOf(rest, strings.Split(rest, "/")[1:], &request{}); p.tainted[id] {
		if notServedReason(r.Method, rest, r.op()) != "" && !served(r, rest) {
			p.skipped++
		} else {
			p.depends++
		}
		return false
	}
	gap := r.Seq > p.lastSeq[r.User]+1
	p.lastSeq[r.User] = r.Seq
	p.prepare(r, gap)
	req := p.request(r)
	w := httptest.NewRecorder()
	p.s.ServeHTTP(w, req)
	if w.Code == http.StatusNotImplemented {
		if notServedReason(r.Method, rest, r.op()) == "" && !strings.Contains(w.Body.String(), allAddressesReason) {
			p.t.Errorf("%s: 501 for an operation that NotServed does not list", r)
		}
		p.skipped++
		p.taint(r, rest)
		return false
	}
	p.replayed++
	p.compare(r, w)
	p.learn(r, w)
	return true
}

// taint marks what a recording that is not served changed or made.
func (p *player) taint(r *recording, rest string) {
	if isRead(r.Method) || r.Status >= http.StatusBadRequest {
		return
	}
	if id := systemIDOf(rest, strings.Split(rest, "/")[1:], &request{}); id != "" {
		p.tainted[id] = true
	}
	if body, isObj := r.Body.(map[string]any); isObj && body["system_id"] != nil {
		p.tainted[fmt.Sprint(body["system_id"])] = true
	}
}

func (p *player) authorization(r *recording) string {
	if h, given := r.Headers["Authorization"]; given {
		return p.shiftTime(h)
	}
	parts := strings.Split(p.keys[r.User], ":")
	if r.User == "other" {
		parts = p.otherKey(r)
	}
	if len(parts) != 3 {
		return ""
	}
	p.nonce++
	return fmt.Sprintf(`OAuth oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="%s", oauth_token="%s", `+
		`oauth_signature="%%26%s", oauth_nonce="n%d", oauth_timestamp="%d"`, parts[0], parts[1], parts[2], p.nonce, time.Now().Unix())
}

// otherKey is the key a recording with an odd one was made with.
func (p *player) otherKey(r *recording) []string {
	capi := strings.Split(RecordedUserKey, ":")
	switch {
	case strings.Contains(r.Note, "consumer"):
		return []string{"BadConsumer0000001", capi[1], capi[2]}
	case strings.Contains(r.Note, "token key"):
		return []string{capi[0], "BadToken0000000001", capi[2]}
	case strings.Contains(r.Note, "secret"):
		return []string{capi[0], capi[1], "wrong"}
	}
	return strings.Split(p.secret, ":")
}

const recordedNow = 1795355998

var stampShape = regexp.MustCompile(`oauth_timestamp="(\d+)"`)

func (p *player) shiftTime(h string) string {
	return stampShape.ReplaceAllStringFunc(h, func(m string) string {
		n, _ := strconv.ParseInt(stampShape.FindStringSubmatch(m)[1], 10, 64)
		return fmt.Sprintf(`oauth_timestamp="%d"`, time.Now().Unix()+n-recordedNow)
	})
}

// request rebuilds the recorded request.
func (p *player) request(r *recording) *http.Request {
	var body io.Reader
	contentType := r.ContentType
	form := url.Values{}
	var encoded []string
	for _, kv := range r.Form {
		k, v := fmt.Sprint(kv[0]), p.mapped(fmt.Sprint(kv[1]))
		form.Add(k, v)
		encoded = append(encoded, url.QueryEscape(k)+"="+url.QueryEscape(v))
	}
	switch {
	case r.RawBody != "":
		body = strings.NewReader(r.RawBody)
	case len(r.JSON) > 0:
		body, contentType = bytes.NewReader(r.JSON), "application/json"
	case strings.HasPrefix(contentType, "multipart"):
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for k, vs := range form {
			for _, v := range vs {
				_ = w.WriteField(k, v)
			}
		}
		_ = w.Close()
		body, contentType = &b, w.FormDataContentType()
	case r.Form != nil:
		body, contentType = strings.NewReader(strings.Join(encoded, "&")), "application/x-www-form-urlencoded"
	}
	var q []string
	for _, kv := range r.Query {
		q = append(q, url.QueryEscape(fmt.Sprint(kv[0]))+"="+url.QueryEscape(p.mapped(fmt.Sprint(kv[1]))))
	}
	req := httptest.NewRequest(r.Method, "http://maas/", body)
	req.URL.Path, req.URL.RawQuery = r.Path, strings.Join(q, "&")
	for k, v := range r.Headers {
		req.Header.Set(k, v)
	}
	if contentType != "" && r.Headers["Content-Type"] == "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Del("Authorization")
	if a := p.authorization(r); a != "" {
		req.Header.Set("Authorization", a)
	}
	return req
}

func (p *player) mapped(v string) string {
	if m, found := p.tokens[v]; found {
		return m
	}
	return v
}

// learn remembers what later recordings refer to.
func (p *player) learn(r *recording, w *httptest.ResponseRecorder) {
	if r.op() != "create_authorisation_token" {
		return
	}
	var got map[string]string
	recorded, _ := r.Body.(map[string]any)
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		p.t.Errorf("%s: %v", r, err)
		return
	}
	p.secret = got["consumer_key"] + ":" + got["token_key"] + ":" + got["token_secret"]
	p.tokens[fmt.Sprint(recorded["token_key"])] = got["token_key"]
}

// prepare brings the simulator to where the recorded MAAS was: requests that
// only tidied up or waited are not in the recordings.
func (p *player) prepare(r *recording, gap bool) {
	body, _ := r.Body.(map[string]any)
	op := r.op()
	switch {
	case op == "allocate" && gap:
		p.releaseAll()
	case op == "deploy" && r.Status != http.StatusConflict && gap:
		p.makeReady(machineOf(r.Path))
	}
	if op == "release" && body["power_state"] == "on" {
		id := fmt.Sprint(body["system_id"])
		p.until(r, func() bool { m, _ := p.s.Machine(id); return m.PowerState == "on" })
	}
	if r.Method == http.MethodGet && op == "" && body["status_name"] != nil {
		id := fmt.Sprint(body["system_id"])
		p.until(r, func() bool {
			m, _ := p.s.Machine(id)
			return m.StatusName == body["status_name"] && m.PowerState == body["power_state"]
		})
	}
}

func machineOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, apiRoot), "/")
	return parts[1]
}

// until lets simulated time pass until cond holds, for two hours at most.
func (p *player) until(r *recording, cond func() bool) {
	for range 14400 {
		if cond() {
			return
		}
		p.clock.Advance(500 * time.Millisecond)
	}
	p.t.Errorf("%s: two hours passed and the machine is not where it was recorded", r)
}

func (p *player) releaseAll() {
	for _, m := range p.s.Machines() {
		if m.Owner != "" {
			p.makeReady(m.SystemID)
		}
	}
}

func (p *player) makeReady(id string) {
	for range 100 {
		m, found := p.s.Machine(id)
		if !found || m.Status == StatusReady {
			return
		}
		_ = p.s.Operator().Unlock(id)
		_ = p.s.Operator().MarkFixed(id)
		_ = p.s.Operator().ReleaseByHand(id)
		p.clock.Advance(10 * time.Second)
	}
	p.t.Errorf("%s does not get Ready", id)
}

// hint is an event outside of MAAS's API, or a call that was not recorded.
type hint func(p *player, r *recording)

func fault(id string, f HostFault) hint {
	return func(p *player, _ *recording) {
		if err := p.s.SetHostFault(id, f); err != nil {
			p.t.Error(err)
		}
	}
}

func advance(d time.Duration) hint {
	return func(p *player, _ *recording) { p.clock.Advance(d) }
}

// deployedBy brings a machine to Deployed.
func deployedBy(user, id string) hint {
	return func(p *player, r *recording) {
		p.makeReady(id)
		if err := p.s.Operator().DeployAs(user, id, ""); err != nil {
			p.t.Errorf("%s: %v", r, err)
		}
		p.until(r, func() bool { m, _ := p.s.Machine(id); return m.Status == StatusDeployed })
	}
}

func deployingBy(user, id string) hint {
	return func(p *player, r *recording) {
		p.makeReady(id)
		if err := p.s.Operator().DeployAs(user, id, ""); err != nil {
			p.t.Errorf("%s: %v", r, err)
		}
	}
}

func takenBy(user, id string) hint {
	return func(p *player, r *recording) {
		p.makeReady(id)
		if err := p.s.Operator().TakeAs(user, id); err != nil {
			p.t.Errorf("%s: %v", r, err)
		}
	}
}

func readied(id string) hint {
	return func(p *player, _ *recording) { p.makeReady(id) }
}

// compare checks the answer against the recorded one.
func (p *player) compare(r *recording, w *httptest.ResponseRecorder) {
	if w.Code != r.Status {
		p.t.Errorf("%s: status %d, want %d; answer %.300s", r, w.Code, r.Status, w.Body)
		return
	}
	if want, _, _ := strings.Cut(r.AnswerType, ";"); want != "" {
		if got, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";"); got != want && r.Status < http.StatusInternalServerError {
			p.t.Errorf("%s: content type %s, want %s", r, got, want)
		}
	}
	if r.Kind != "json" {
		p.compareText(r, w.Body.String())
		return
	}
	var got any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		p.t.Errorf("%s: answer is not JSON: %v: %.200s", r, err, w.Body)
		return
	}
	if list, isList := got.([]any); isList {
		p.compareCount(r, list)
	}
	ds := diffShape("", r.Body, got)
	if shapeOnly[fmt.Sprintf("%s %s %d", p.file, r.User, r.Seq)] {
		ds = slices.DeleteFunc(ds, func(d string) bool { return strings.Contains(d, "].type is ") })
	}
	if len(ds) > maxDiffs {
		ds = append(ds[:maxDiffs], fmt.Sprintf("and %d differences more", len(ds)-maxDiffs))
	}
	for _, d := range ds {
		p.t.Errorf("%s: %s", r, d)
	}
}

func (p *player) compareCount(r *recording, got []any) {
	want := -1
	if n, trimmed := r.Trimmed["original_items"].(float64); trimmed {
		want = int(n)
	} else if r.Count != nil {
		want = *r.Count
	}
	if want >= 0 && len(got) != want && !uncounted[strings.TrimPrefix(r.Path, apiRoot)] {
		p.t.Errorf("%s: %d items, want %d", r, len(got), want)
	}
	if r.Hostnames == nil {
		return
	}
	var names []string
	for _, it := range got {
		o, _ := it.(map[string]any)
		names = append(names, fmt.Sprint(o["hostname"]))
	}
	if !slices.Equal(names, r.Hostnames) && len(names)+len(r.Hostnames) > 0 {
		p.t.Errorf("%s: machines %v, want %v", r, names, r.Hostnames)
	}
}

// uncounted are lists whose length is not of interest.
var uncounted = map[string]bool{}

// maxDiffs are reported of one recording.
const maxDiffs = 7

var digits = regexp.MustCompile(`\d{9,}`)

func (p *player) compareText(r *recording, got string) {
	want, _ := r.Body.(string)
	if r.Status == http.StatusOK && r.op() == "get_curtin_config" {
		p.compareCurtin(r, want, got)
		return
	}
	if r.Trimmed != nil {
		got = got[:min(len(want), len(got))]
	}
	if len(want) > 200 && r.Status >= http.StatusInternalServerError {
		want, got = want[:40], got[:min(40, len(got))]
	}
	got, want = digits.ReplaceAllString(got, "N"), digits.ReplaceAllString(want, "N")
	if got != want && !strings.Contains(r.Note, "domain with resources") {
		p.t.Errorf("%s: text %q, want %q", r, got, want)
	}
}

// compareCurtin compares the beginning; more was not recorded.
func (p *player) compareCurtin(r *recording, want, got string) {
	if first, _, _ := strings.Cut(want, "\n"); !strings.HasPrefix(got, first+"\n") {
		p.t.Errorf("%s: begins %.40q, want %q", r, got, first)
	}
}

// anyValue are keys whose values depend on time, chance or what ran before.
var anyValue = map[string]bool{
	"id": true, "created": true, "updated": true, "uuid": true, "resource_uri": true, "next_uri": true, "prev_uri": true,
	"token": true, "token_key": true, "token_secret": true, "consumer_key": true, "last_deployed": true, "sha256": true,
	"current_installation_result_id": true, "current_commissioning_result_id": true, "current_testing_result_id": true,
	"device_id": true, "resource_record_count": true, "count": true, "rrdata": true, "start": true, "end": true,
}

// opaque are objects whose keys are chance.
var opaque = map[string]bool{"files": true, "verbose_interfaces": true}

// diffShape lists where got differs from want.
func diffShape(path string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, isObj := got.(map[string]any)
		if !isObj {
			return []string{fmt.Sprintf("%s is %.80v, want an object", path, got)}
		}
		return diffObject(path, w, g)
	case []any:
		g, isList := got.([]any)
		if !isList {
			return []string{fmt.Sprintf("%s is %.80v, want a list", path, got)}
		}
		return diffList(path, w, g)
	}
	key := path[strings.LastIndex(path, ".")+1:]
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		return []string{fmt.Sprintf("%s is %v (%T), want %v (%T)", path, got, got, want, want)}
	}
	if want != got && !anyValue[strings.TrimRight(key, "[]0123456789")] {
		return []string{fmt.Sprintf("%s is %v, want %v", path, got, want)}
	}
	return nil
}

func diffObject(path string, w, g map[string]any) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(w)) {
		if _, there := g[k]; !there {
			out = append(out, path+"."+k+" is missing")
			continue
		}
		if !opaque[k] {
			out = append(out, diffShape(path+"."+k, w[k], g[k])...)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(g)) {
		if _, there := w[k]; !there {
			out = append(out, path+"."+k+" is there and was not recorded")
		}
	}
	return out
}

func diffList(path string, w, g []any) []string {
	if len(w) == 0 != (len(g) == 0) && path != "" {
		return []string{fmt.Sprintf("%s has %d items, want %d", path, len(g), len(w))}
	}
	var out []string
	w, g = sortedNumbers(w), sortedNumbers(g)
	for i := range min(len(w), len(g)) {
		out = append(out, diffShape(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
	}
	return out
}

// sortedNumbers sorts a list of numbers: MAAS gives ids in no order.
func sortedNumbers(l []any) []any {
	out := slices.Clone(l)
	for _, v := range l {
		if _, isNumber := v.(float64); !isNumber {
			return out
		}
	}
	slices.SortFunc(out, func(a, b any) int {
		x, _ := a.(float64)
		y, _ := b.(float64)
		return int(x - y)
	})
	return out
}

// served tells whether the simulator has the recorded operation.
func served(r *recording, rest string) bool {
	rs, _ := match(apiTable, rest)
	return rs != nil && slices.ContainsFunc(rs.routes, func(rt route) bool {
		return rt.method == r.Method && rt.op == r.op()
	})
}
