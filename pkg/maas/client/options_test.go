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
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestEndpoints(t *testing.T) {
	g := NewWithT(t)
	for in, want := range map[string]string{
		"http://maas:5240/MAAS":           "http://maas:5240/MAAS",
		"http://maas:5240/MAAS/":          "http://maas:5240/MAAS",
		" http://maas:5240/ ":             "http://maas:5240/MAAS",
		"http://maas:5240":                "http://maas:5240/MAAS",
		"https://maas/MAAS/api/2.0/":      "https://maas/MAAS",
		"https://maas/api/2.0":            "https://maas/MAAS",
		"https://proxy.example/site/MAAS": "https://proxy.example/site/MAAS",
		"https://[fd00::1]:5443/MAAS":     "https://[fd00::1]:5443/MAAS",
	} {
		c, err := New(Options{Endpoint: in, APIKey: testKey})
		g.Expect(err).NotTo(HaveOccurred(), in)
		g.Expect(c.Endpoint()).To(Equal(want))
		g.Expect(c.sdk.AuthClient.APIURL.String()).To(Equal(want + "/api/2.0/"))
	}
}

func TestMalformedOptions(t *testing.T) {
	const good = "http://maas:5240/MAAS"
	for _, tc := range []struct {
		opts Options
		want string
	}{
		{Options{APIKey: testKey}, "endpoint is empty"},
		{Options{Endpoint: "maas:5240", APIKey: testKey}, `endpoint must start with "http://"`},
		{Options{Endpoint: "http://%zz", APIKey: testKey}, "endpoint is not a URL"},
		{Options{Endpoint: "http:///MAAS", APIKey: testKey}, "endpoint has no host"},
		{Options{Endpoint: "http://u:hunter2@maas/MAAS", APIKey: testKey}, "endpoint must not hold a user"},
		{Options{Endpoint: good + "?a=hunter2", APIKey: testKey}, "endpoint must have no query"},
		{Options{Endpoint: good}, "apiKey is empty"},
		{Options{Endpoint: good, APIKey: "hunter2"}, "apiKey has 1 parts instead of 3"},
		{Options{Endpoint: good, APIKey: "a:hunter2:c:d"}, "apiKey has 4 parts instead of 3"},
		{Options{Endpoint: good, APIKey: "a::hunter2"}, "apiKey has an empty part"},
		{Options{Endpoint: good, APIKey: "a:hunter2:c\nd"}, "characters that no key has"},
		{Options{Endpoint: good, APIKey: testKey, CABundle: []byte("hunter2")}, "ca.crt holds no usable certificate"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			g := NewWithT(t)
			_, err := New(tc.opts)
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
			g.Expect(err.Error()).NotTo(ContainSubstring("hunter2"))
		})
	}
}

func TestNothingPrintsTheKey(t *testing.T) {
	g := NewWithT(t)
	opts := Options{Endpoint: "http://maas:5240/MAAS", APIKey: testKey + "\n"}
	c, err := New(opts)
	g.Expect(err).NotTo(HaveOccurred())
	holder := struct {
		Opts   Options
		hidden *Client
		Shown  *Client
	}{opts, c, c}
	var texts []string
	for _, v := range []any{opts, &opts, c, *c, holder, &holder, []Options{opts}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		if b, err := json.Marshal(v); err == nil {
			texts = append(texts, string(b))
		}
	}
	for _, text := range texts {
		for part := range strings.SplitSeq(testKey, ":") {
			g.Expect(text).NotTo(ContainSubstring(part))
			g.Expect(text).NotTo(ContainSubstring(fmt.Sprintf("%x", part)))
		}
	}
}
