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

package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// TestRefusalsOfTheRecordings serves what a real MAAS answered.
func TestRefusalsOfTheRecordings(t *testing.T) {
	var refusals []struct {
		Kind    maas.ErrorKind
		Status  int
		Headers map[string]string
		Body    string
	}
	if err := json.Unmarshal(testdata(t, "refusals.json"), &refusals); err != nil {
		t.Fatal(err)
	}
	for _, r := range refusals {
		t.Run(fmt.Sprintf("%d %.40s", r.Status, r.Body), func(t *testing.T) {
			g := NewWithT(t)
			c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range r.Headers {
					w.Header().Set(k, v)
				}
				w.WriteHeader(r.Status)
				_, _ = w.Write([]byte(r.Body))
			}), nil)
			_, err := c.Release(t.Context(), "tkbnbg", maas.ReleaseRequest{})
			e, ok := errors.AsType[*maas.Error](err)
			g.Expect(ok).To(BeTrue())
			g.Expect(e.Kind).To(Equal(r.Kind), "%v", err)
			g.Expect(e.StatusCode).To(Equal(r.Status))
			g.Expect(e.Op).To(Equal("release machine tkbnbg"))
			g.Expect(e.Message).NotTo(BeEmpty())
			g.Expect(len(e.Message)).To(BeNumerically("<=", maxMessage))
			g.Expect(e.Message).NotTo(ContainSubstring("TokenSecret"))
			g.Expect(e.Message).NotTo(ContainSubstring("<"))
		})
	}
}

// TestAnswersThatAreNotOfMAAS keeps proxies from passing for MAAS.
func TestAnswersThatAreNotOfMAAS(t *testing.T) {
	for _, tc := range []struct {
		name, contentType, body string
		status                  int
		kind                    maas.ErrorKind
		message                 string
	}{
		{"proxy's 404", "text/html", "<html><title>404 Not Found</title></html>", 404, maas.Unavailable, "is the endpoint right? 404 Not Found"},
		{"ingress's plain 404", "text/plain", "default backend - 404", 404, maas.Unavailable, "is the endpoint right?"},
		{"wrong path on MAAS", "text/plain", "Unknown API endpoint: /api/2.0/machines/.", 404, maas.Unavailable, "is the endpoint right?"},
		{"proxy's 403", "text/html", "<h1>Blocked</h1>", 403, maas.Unavailable, "Blocked"},
		{"https port asked in http", "", "Client sent an HTTP request to an HTTPS server.", 400, maas.Unavailable, "HTTPS server"},
		{"login page", "text/html", "<!DOCTYPE html><title>Sign in</title>", 200, maas.Unavailable, "text/html"},
		{"other JSON", "application/json", `{"hello": "world"}`, 200, maas.Unavailable, "system_id"},
		{"empty", "application/json", "", 200, maas.Unavailable, "broke off"},
		{"rate limit of a proxy", "text/plain", "slow down", 429, maas.Throttled, "slow down"},
		{"body too large", "text/html", "<h1>413</h1>", 413, maas.Invalid, "too large"},
		{"gateway", "text/html", "<h1>Bad gateway</h1>", 502, maas.Unavailable, "Bad gateway"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewWithT(t)
			c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = nil
				if tc.contentType != "" {
					w.Header().Set("Content-Type", tc.contentType)
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}), nil)
			_, err := c.GetMachine(t.Context(), "tkbnbg")
			g.Expect(maas.KindOf(err)).To(Equal(tc.kind), "%v", err)
			g.Expect(err.Error()).To(ContainSubstring(tc.message))
			if tc.status == http.StatusOK {
				_, err = c.ListMachines(t.Context(), maas.Filter{})
				g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable), "%v", err)
				_, err = c.ListEvents(t.Context(), maas.EventQuery{Limit: 1})
				g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable), "%v", err)
				_, err = c.Version(t.Context())
				g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable), "%v", err)
				_, err = c.WhoAmI(t.Context())
				g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable), "%v", err)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	g := NewWithT(t)
	calls := 0
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		http.Redirect(w, r, "https://other.example/MAAS/", http.StatusFound)
	}), nil)
	_, err := c.Release(t.Context(), "tkbnbg", maas.ReleaseRequest{})
	g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable))
	g.Expect(err.Error()).To(ContainSubstring("redirected to https://other.example/MAAS/"))
	g.Expect(calls).To(Equal(1))
}

func TestMissingDomainIsInvalid(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("No Domain matches the given query."))
	}), nil)
	_, err := c.CreateDNSResource(t.Context(), "api.nosuch", []string{"172.16.0.46"})
	g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid))
}

func TestMessagesAreShort(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(strings.Repeat("ä ", 100_000)))
	}), nil)
	_, err := c.Release(t.Context(), "tkbnbg", maas.ReleaseRequest{})
	e, _ := errors.AsType[*maas.Error](err)
	g.Expect(len(e.Message)).To(BeNumerically("<=", maxMessage))
	g.Expect(e.Message).To(HaveSuffix("…"))
}

func TestFormErrorsNameTheirFields(t *testing.T) {
	g := NewWithT(t)
	g.Expect(bodyText("application/json", []byte(`{"pool": ["No such pool(s): x.", "Really."], "__all__": ["Bad."]}`))).
		To(Equal("Bad.; pool: No such pool(s): x. Really."))
	g.Expect(bodyText("application/json", []byte(`not json`))).To(Equal("not json"))
	g.Expect(bodyText("application/json", []byte(`{"a": 1}`))).To(Equal("a: 1"))
}
