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

// Package workload reaches into workload clusters: their objects past any cache, and the Services in them through the API server's proxy, which
// needs no network path but the one that Cluster API has.
package workload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ErrNoKubeconfig means that the Cluster has no kubeconfig Secret yet, or none any more.
var ErrNoKubeconfig = errors.New("the Cluster has no kubeconfig Secret")

// Cluster is one workload cluster.
type Cluster interface {
	// Client reads and writes objects past any cache.
	client.Client
	// Call sends a request to a Service through the API server's proxy. The caller closes the Body. An error means that there was no
	// answer at all; the API server's own failures to reach the Service come as status 502, 503 or 504.
	Call(ctx context.Context, service Service, request Request) (*http.Response, error)
}

// Service names a Service and how it is spoken to.
type Service struct {
	Namespace, Name string
	// Port by number or name.
	Port string
	// Scheme is http or https; http when empty. With https the API server does not verify the certificate of the Service.
	Scheme string
}

// Request is an HTTP request to a Service.
type Request struct {
	// Method is GET when empty.
	Method string
	// Path begins with a slash.
	Path  string
	Query url.Values
	// Header are sent along. Authorization does not pass the API server's proxy, which uses it for itself.
	Header http.Header
	Body   io.Reader
}

// Clusters finds workload clusters.
type Clusters interface {
	// Get returns the workload cluster of a Cluster, ErrNoKubeconfig before it has been made.
	Get(ctx context.Context, cluster client.ObjectKey) (Cluster, error)
}

// callTimeout bounds a call and the reading of its answer, which may be tens of megabytes.
const callTimeout = 30 * time.Second

// New makes a Cluster of a client and the REST config that goes with it.
func New(live client.Client, config *rest.Config) (Cluster, error) {
	config = rest.CopyConfig(config)
	config.Timeout = callTimeout
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making an HTTP client for the workload cluster: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("reading the address of the workload cluster: %w", err)
	}
	return &connection{Client: live, http: transport, base: base}, nil
}

type connection struct {
	client.Client
	http *http.Client
	base *url.URL
}

// Call implements Cluster.
func (c *connection) Call(ctx context.Context, service Service, request Request) (*http.Response, error) {
	name := service.Name + ":" + service.Port
	if service.Scheme != "" {
		name = service.Scheme + ":" + name
	}
	target := c.base.JoinPath("api", "v1", "namespaces", service.Namespace, "services", name, "proxy", request.Path)
	target.RawQuery = request.Query.Encode()
	method := request.Method
	if method == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, target.String(), request.Body)
	if err != nil {
		return nil, fmt.Errorf("making a request to Service %s/%s: %w", service.Namespace, service.Name, err)
	}
	for key, values := range request.Header {
		r.Header[key] = values
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("calling Service %s/%s: %w", service.Namespace, service.Name, err)
	}
	return response, nil
}
