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
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
)

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
