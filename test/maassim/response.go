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
	"net/http"
	"strconv"
	"time"
)

// obj is a JSON object.
type obj = map[string]any

// response is an answer before it is written.
type response struct {
	status int
	header map[string]string
	// body is written as it is; chunks, when set, are a JSON list.
	body   []byte
	chunks [][]byte
	list   bool
	// simulated is time the server takes, as a BMC makes it wait.
	simulated time.Duration
}

func (r *response) text() string { return string(r.body) }

func textResponse(status int, text string) *response {
	return &response{status: status, body: []byte(text), header: map[string]string{"Content-Type": "text/plain; charset=utf-8"}}
}

// empty is an answer without a body.
func empty(status int) *response { return textResponse(status, "") }

func jsonResponse(status int, v any) *response {
	b, err := json.Marshal(v)
	if err != nil {
		return textResponse(http.StatusInternalServerError, err.Error())
	}
	return rawJSON(status, b)
}

func rawJSON(status int, b []byte) *response {
	return &response{status: status, body: b, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}}
}

func ok(v any) *response { return jsonResponse(http.StatusOK, v) }

// listResponse joins JSON values that are rendered already.
func listResponse(chunks [][]byte) *response {
	r := rawJSON(http.StatusOK, nil)
	r.chunks, r.list = chunks, true
	return r
}

// invalid is a form error: 400 with {"field": ["message"]}.
func invalid(field, message string) *response {
	return jsonResponse(http.StatusBadRequest, obj{field: []string{message}})
}

func notFound(kind string) *response {
	return textResponse(http.StatusNotFound, "No "+kind+" matches the given query.")
}

func badRequest(text string) *response { return textResponse(http.StatusBadRequest, text) }
func conflict(text string) *response   { return textResponse(http.StatusConflict, text) }
func forbidden() *response             { return empty(http.StatusForbidden) }

// adminOnly is the refusal of operations whose permission is checked before
// anything else.
func adminOnly() *response {
	return textResponse(http.StatusForbidden, "This method is reserved for admin users.")
}

// apiHash is what MAAS 3.4.1 answers.
const apiHash = "dd669678ee341087b5f499585262589f7257680c"

func (r *response) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Vary", "Authorization, Cookie")
	h.Set("X-MAAS-API-Hash", apiHash)
	h.Set("X-Frame-Options", "DENY")
	for k, v := range r.header {
		h.Set(k, v)
	}
	if !r.list {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
		w.WriteHeader(r.status)
		_, _ = w.Write(r.body)
		return
	}
	n := 2
	for i, c := range r.chunks {
		n += len(c)
		if i > 0 {
			n++
		}
	}
	h.Set("Content-Length", strconv.Itoa(n))
	w.WriteHeader(r.status)
	writeList(w, r.chunks)
}

func writeList(w http.ResponseWriter, chunks [][]byte) {
	_, _ = w.Write([]byte{'['})
	for i, c := range chunks {
		if i > 0 {
			_, _ = w.Write([]byte{','})
		}
		if _, err := w.Write(c); err != nil {
			return
		}
	}
	_, _ = w.Write([]byte{']'})
}
