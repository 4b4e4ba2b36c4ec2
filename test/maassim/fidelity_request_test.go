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
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
