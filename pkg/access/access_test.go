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

package access_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

const (
	tenant  = "tenant"
	manager = "capmaas-system"
)

// emptyMAAS is a MAAS without machines.
type emptyMAAS struct{ maas.Client }

func (emptyMAAS) ListMachines(context.Context, maas.Filter) ([]maas.Machine, error) { return nil, nil }

// sessions makes one session in good health for each set of credentials, and fails for a malformed key.
type sessions struct {
	t     *testing.T
	clock *clocktesting.FakePassiveClock
	byKey map[string]*inventory.Session
}

func (s *sessions) Session(ctx context.Context, c inventory.Credentials) (*inventory.Session, error) {
	if !strings.Contains(c.APIKey, ":") {
		return nil, errors.New("apiKey: want consumer:token:secret")
	}
	if s.byKey[c.APIKey] == nil {
		session := inventory.NewSession(emptyMAAS{}, s.clock)
		if _, err := session.ListMachines(ctx, maas.Filter{}); err != nil {
			s.t.Fatal(err)
		}
		s.byKey[c.APIKey] = session
	}
	return s.byKey[c.APIKey], nil
}

func (s *sessions) Subscribe(func(context.Context, inventory.Change)) func() { return func() {} }

// world is a Resolver over a management cluster in memory.
type world struct {
	*testing.T
	client.Client
	*access.Resolver

	sessions *sessions
	clock    *clocktesting.FakePassiveClock
	// reads counts the Secrets that were read.
	reads int
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, infrav1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{T: t, clock: clocktesting.NewFakePassiveClock(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))}
	w.sessions = &sessions{t: t, clock: w.clock, byKey: map[string]*inventory.Session{}}
	w.Client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if _, ok := o.(*corev1.Secret); ok {
				w.reads++
			}
			return c.Get(ctx, key, o, opts...)
		},
	}).Build()
	w.Resolver = access.NewResolver(w.Client, w.sessions, w.clock, manager)
	return w
}

func secret(namespace, name, apiKey string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string][]byte{
		access.EndpointKey: []byte("https://maas.example/MAAS"), access.APIKeyKey: []byte(apiKey),
	}}
}

func identity(allowed infrav1.AllowedNamespaces) *infrav1.MaasClusterIdentity {
	return &infrav1.MaasClusterIdentity{ObjectMeta: metav1.ObjectMeta{Name: "shared"}, Spec: infrav1.MaasClusterIdentitySpec{
		SecretRef: infrav1.IdentitySecretReference{Name: "shared"}, AllowedNamespaces: allowed,
	}}
}

func namespace(labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant, Labels: labels}}
}

var (
	own    = infrav1.CredentialsReference{Name: "own"}
	shared = infrav1.CredentialsReference{Kind: infrav1.CredentialsIdentity, Name: "shared"}
)

type opener func(context.Context, string, infrav1.CredentialsReference) (*inventory.Session, *access.Problem, error)

// want opens and compares the reason of the problem, "" for a session of this API key.
func (w *world) want(open opener, ref infrav1.CredentialsReference, apiKey, reason string) {
	w.Helper()
	session, problem, err := open(w.Context(), tenant, ref)
	switch {
	case err != nil:
		w.Fatal(err)
	case reason == "" && problem != nil:
		w.Fatalf("want a session, got %s: %s", problem.Reason, problem.Message)
	case reason == "" && session != w.sessions.byKey[apiKey]:
		w.Fatalf("want the session of %s, got %v", apiKey, session)
	case reason != "" && (problem == nil || problem.Reason != reason || session != nil):
		w.Fatalf("want problem %s and no session, got %v", reason, problem)
	}
}

func TestAllowedNamespaces(t *testing.T) {
	t.Parallel()
	prod := metav1.LabelSelector{MatchLabels: map[string]string{"tier": "prod"}}
	tests := []struct {
		name    string
		allowed infrav1.AllowedNamespaces
		labels  map[string]string
		reason  string
	}{
		{name: "nothing said", reason: infrav1.NamespaceNotAllowedReason},
		{name: "listed", allowed: infrav1.AllowedNamespaces{List: []string{"other", tenant}}},
		{name: "others listed", allowed: infrav1.AllowedNamespaces{List: []string{"other", "tenant2"}}, reason: infrav1.NamespaceNotAllowedReason},
		{name: "empty selector", allowed: infrav1.AllowedNamespaces{Selector: &metav1.LabelSelector{}}},
		{name: "selector matches", allowed: infrav1.AllowedNamespaces{Selector: &prod}, labels: map[string]string{"tier": "prod"}},
		{name: "selector does not match", allowed: infrav1.AllowedNamespaces{Selector: &prod}, labels: map[string]string{"tier": "test"},
			reason: infrav1.NamespaceNotAllowedReason},
		{name: "listed and not selected", allowed: infrav1.AllowedNamespaces{List: []string{tenant}, Selector: &prod}},
		{name: "selected and not listed", allowed: infrav1.AllowedNamespaces{List: []string{"other"}, Selector: &prod},
			labels: map[string]string{"tier": "prod"}},
		{name: "malformed selector", allowed: infrav1.AllowedNamespaces{Selector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: "Likes", Values: []string{"prod"}}},
		}}, labels: map[string]string{"tier": "prod"}, reason: infrav1.NamespaceNotAllowedReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, identity(tt.allowed), namespace(tt.labels), secret(manager, "shared", "a:b:c"))
			w.want(w.Open, shared, "a:b:c", tt.reason)
			// Who could never use the credentials cannot finish anything with them either.
			w.want(w.OpenToFinish, shared, "a:b:c", tt.reason)
		})
	}
}

func TestOpenProblems(t *testing.T) {
	t.Parallel()
	all := infrav1.AllowedNamespaces{Selector: &metav1.LabelSelector{}}
	elsewhere := identity(all)
	elsewhere.Spec.SecretRef.Namespace = "vault"
	tests := []struct {
		name    string
		objects []client.Object
		ref     infrav1.CredentialsReference
		reason  string
	}{
		{"Secret", []client.Object{secret(tenant, "own", "a:b:c")}, own, ""},
		{"Secret by its kind", []client.Object{secret(tenant, "own", "a:b:c")}, infrav1.CredentialsReference{Kind: "Secret", Name: "own"}, ""},
		{"no Secret", nil, own, infrav1.CredentialsNotFoundReason},
		{"Secret of another namespace", []client.Object{secret(manager, "own", "a:b:c")}, own, infrav1.CredentialsNotFoundReason},
		{"empty key", []client.Object{secret(tenant, "own", "")}, own, infrav1.CredentialsInvalidReason},
		{"malformed key", []client.Object{secret(tenant, "own", "abc")}, own, infrav1.CredentialsInvalidReason},
		{"no identity", []client.Object{secret(manager, "shared", "a:b:c")}, shared, infrav1.IdentityNotFoundReason},
		{"identity without Secret", []client.Object{identity(all), secret(tenant, "shared", "a:b:c")}, shared, infrav1.CredentialsNotFoundReason},
		{"identity with Secret elsewhere", []client.Object{elsewhere, secret("vault", "shared", "a:b:c")}, shared, ""},
		{"identity with Secret not there", []client.Object{elsewhere, secret(manager, "shared", "a:b:c")}, shared, infrav1.CredentialsNotFoundReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.objects...)
			w.want(w.Open, tt.ref, "a:b:c", tt.reason)
			w.want(w.OpenToFinish, tt.ref, "a:b:c", tt.reason)
		})
	}
}

// TestRotation: a Secret in use is read every ten seconds, and a changed key is another session.
func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, identity(infrav1.AllowedNamespaces{List: []string{tenant}}), secret(manager, "shared", "old:b:c"))
	for range 20 {
		w.want(w.Open, shared, "old:b:c", "")
	}
	if w.reads != 1 {
		t.Errorf("want the Secret read once, got %d times", w.reads)
	}
	if err := w.Update(t.Context(), secret(manager, "shared", "new:b:c")); err != nil {
		t.Fatal(err)
	}
	w.clock.SetTime(w.clock.Now().Add(11 * time.Second))
	w.want(w.Open, shared, "new:b:c", "")
}

// TestRevoked: what begins stops at once; what is being deleted has an hour.
func TestRevoked(t *testing.T) {
	t.Parallel()
	allowed := func() *infrav1.MaasClusterIdentity {
		return identity(infrav1.AllowedNamespaces{List: []string{tenant}})
	}
	tests := []struct {
		name   string
		revoke func(*world) error
		reason string
	}{
		{"namespace taken off the list", func(w *world) error {
			i := allowed()
			if err := w.Get(w.Context(), client.ObjectKeyFromObject(i), i); err != nil {
				return err
			}
			i.Spec.AllowedNamespaces.List = []string{"other"}
			return w.Update(w.Context(), i)
		}, infrav1.NamespaceNotAllowedReason},
		{"identity deleted", func(w *world) error { return w.Delete(w.Context(), allowed()) }, infrav1.IdentityNotFoundReason},
		{"Secret deleted", func(w *world) error { return w.Delete(w.Context(), secret(manager, "shared", "")) }, infrav1.CredentialsNotFoundReason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, allowed(), secret(manager, "shared", "a:b:c"))
			w.want(w.Open, shared, "a:b:c", "")
			if err := tt.revoke(w); err != nil {
				t.Fatal(err)
			}
			w.clock.SetTime(w.clock.Now().Add(11 * time.Second))
			w.want(w.Open, shared, "", tt.reason)
			w.want(w.OpenToFinish, shared, "a:b:c", "")
			w.clock.SetTime(w.clock.Now().Add(time.Hour))
			w.want(w.OpenToFinish, shared, "", tt.reason)
		})
	}
}
