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

// Package workloadtest is a workload cluster for tests: objects in memory, and Services that answer behind an API server's proxy over real HTTP.
package workloadtest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// Services are the handlers of Services, by "namespace/name:port", with the scheme before the name when it is https ("namespace/https:name:port").
// They can be changed while they are called.
type Services struct {
	mu       sync.Mutex
	handlers map[string]http.Handler
}

// Set makes a handler answer for a Service; nil takes it away, so that the proxy says 503.
func (s *Services) Set(service string, handler http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers == nil {
		s.handlers = map[string]http.Handler{}
	}
	s.handlers[service] = handler
}

// ServeHTTP answers as an API server does for .../services/NAME/proxy/...: it keeps the Authorization for itself, and says 503 with a Status
// when nothing answers.
func (s *Services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/v1/namespaces/")
	namespace, rest, _ := strings.Cut(rest, "/services/")
	name, path, isProxy := strings.Cut(rest, "/proxy")
	name = strings.TrimPrefix(name, "http:")
	s.mu.Lock()
	handler := s.handlers[namespace+"/"+name]
	s.mu.Unlock()
	if !ok || !isProxy || handler == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no endpoints available for service \"` + name +
			`\"","reason":"ServiceUnavailable","code":503}`))
		return
	}
	forwarded := r.Clone(r.Context())
	forwarded.URL.Path = path
	forwarded.Header.Del("Authorization")
	handler.ServeHTTP(w, forwarded)
}

// New makes a cluster with these objects. Kinds that no scheme knows can be read as unstructured objects: the client adds them to its scheme, which is
// therefore its own, for tests run beside each other.
func New(t testing.TB, services *Services, objects ...client.Object) workload.Cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return WithClient(t, services, fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build())
}

// WithClient makes a cluster with that client.
func WithClient(t testing.TB, services *Services, live client.Client) workload.Cluster {
	t.Helper()
	server := httptest.NewServer(services)
	t.Cleanup(server.Close)
	cluster, err := workload.New(live, &rest.Config{Host: server.URL, BearerToken: "of-the-management-cluster"})
	if err != nil {
		t.Fatalf("making the workload cluster: %v", err)
	}
	return cluster
}
