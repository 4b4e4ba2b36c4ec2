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
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What a zero value in Options stands for.
const (
	DefaultTimeout     = 30 * time.Second
	DefaultListTimeout = 120 * time.Second
	DefaultQPS         = 20
	DefaultBurst       = 40
	DefaultUserAgent   = "cluster-api-provider-maas"
)

// Options say which MAAS to talk to, as whom, and how gently. Printing them does not show the API key.
type Options struct {
	// Endpoint is the address of MAAS, such as "http://maas.example.com:5240/MAAS". A trailing slash, "/api/2.0" after
	// it, or no path at all (for the usual "/MAAS") are put right.
	Endpoint string
	// APIKey is what `maas apikey` prints: "consumer:token:secret".
	APIKey string
	// CABundle holds PEM certificates to trust instead of the system's, for an https endpoint.
	CABundle []byte

	// Timeout bounds a call, its retries included; ListTimeout does so for lists of machines, which cost MAAS about
	// 20 ms for each machine.
	Timeout, ListTimeout time.Duration
	// QPS and Burst limit the rate of requests over all callers. A negative QPS sets no limit.
	QPS   float64
	Burst int
	// UserAgent is sent with each request.
	UserAgent string
	// Metrics counts requests; nil counts nothing. Many clients may share one.
	Metrics *Metrics
}

// String shows the options without the API key.
func (o Options) String() string {
	return fmt.Sprintf("MAAS %s, API key %s, CA bundle of %d bytes", o.Endpoint, redacted, len(o.CABundle))
}

// Format implements fmt.Formatter, so that no verb shows the API key.
func (o Options) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(o.String())) }

// MarshalJSON implements json.Marshaler, for structured logs.
func (o Options) MarshalJSON() ([]byte, error) { return json.Marshal(o.String()) }

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.ListTimeout <= 0 {
		o.ListTimeout = DefaultListTimeout
	}
	if o.QPS == 0 {
		o.QPS = DefaultQPS
	}
	if o.Burst <= 0 {
		o.Burst = DefaultBurst
	}
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	return o
}

// normalizeEndpoint gives the base URL of MAAS without a trailing slash.
func normalizeEndpoint(endpoint string) (*url.URL, error) {
	const example = `such as "http://maas.example.com:5240/MAAS"`
	trimmed := strings.TrimSpace(endpoint)
	if trimmed == "" {
		return nil, errors.New("endpoint is empty: give MAAS's address, " + example)
	}
	u, err := url.Parse(trimmed)
	if err != nil {
		// The parser's error quotes its input, in which a password may stand.
		return nil, errors.New("endpoint is not a URL: give MAAS's address, " + example)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New(`endpoint must start with "http://" or "https://", ` + example)
	case u.Hostname() == "":
		return nil, errors.New("endpoint has no host: give MAAS's address, " + example)
	case u.User != nil:
		return nil, errors.New("endpoint must not hold a user or password: MAAS takes the API key alone")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("endpoint must have no query and no fragment, " + example)
	}
	path := strings.TrimRight(u.Path, "/")
	path = strings.TrimRight(strings.TrimSuffix(path, "/api/"+apiVersion), "/")
	if path == "" {
		path = "/MAAS"
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// parseKey checks the shape of an API key and gives it without surrounding white space.
func parseKey(key string) (string, error) {
	const want = `an API key looks like "consumer:token:secret", as "maas apikey --username=NAME" prints it`
	trimmed := strings.TrimSpace(key)
	if trimmed == "" {
		return "", errors.New("apiKey is empty: " + want)
	}
	parts := strings.Split(trimmed, ":")
	if len(parts) != 3 {
		return "", fmt.Errorf("apiKey has %d parts instead of 3: %s", len(parts), want)
	}
	for _, p := range parts {
		if p == "" || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "", errors.New("apiKey has an empty part or characters that no key has: " + want)
		}
	}
	return trimmed, nil
}

// newTransport makes the connection pool.
func newTransport(caBundle []byte) (*http.Transport, error) {
	def, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		def = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	t := def.Clone()
	t.MaxIdleConnsPerHost = 16
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if len(caBundle) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(caBundle) {
			return nil, errors.New(`ca.crt holds no usable certificate: give PEM, starting with "-----BEGIN CERTIFICATE-----"`)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return t, nil
}
