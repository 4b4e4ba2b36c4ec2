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

package access

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
)

// Resolver opens sessions.
type Resolver struct {
	reader           client.Reader
	sessions         Sessions
	clock            clock.PassiveClock
	managerNamespace string

	mu sync.Mutex
	// answers are what MAAS said, by session.
	answers map[string]*answers
	// opened are the sessions opened a moment ago, by Secret.
	opened map[client.ObjectKey]opened
	// namespaces are the labels of namespaces as they were a moment ago.
	namespaces map[string]namespaceLabels
	// kept are the credentials that were found last, for those that finish.
	kept map[user]kept
}

type opened struct {
	session     *inventory.Session
	credentials inventory.Credentials
	at          time.Time
}

// user is who uses which credentials.
type user struct {
	namespace string
	ref       string
}

type kept struct {
	credentials inventory.Credentials
	at          time.Time
}

// secretAge is how long a Secret, or the labels of a namespace, are not read again while the session is in good health. It bounds how
// late a change is noticed.
const secretAge = 10 * time.Second

// keepFor is how long credentials that are gone still serve to give back what is being deleted. A namespace is deleted in no
// particular order, and its Secrets wait for nothing.
const keepFor = time.Hour

// NewResolver makes a Resolver. It reads Secrets and Namespaces through reader, by name and not from a cache, and MaasClusterIdentities,
// whose Secrets are in managerNamespace unless they say otherwise.
func NewResolver(reader client.Reader, sessions Sessions, clk clock.PassiveClock, managerNamespace string) *Resolver {
	return &Resolver{
		reader: reader, sessions: sessions, clock: clk, managerNamespace: managerNamespace,
		answers: map[string]*answers{}, opened: map[client.ObjectKey]opened{}, namespaces: map[string]namespaceLabels{},
		kept: map[user]kept{},
	}
}

// Open returns the session of the credentials that an object in a namespace names. Credentials that are missing, malformed or not for
// that namespace are a Problem, not an error.
func (r *Resolver) Open(ctx context.Context, namespace string, ref infrav1.CredentialsReference) (*inventory.Session, *Problem, error) {
	key, problem, err := r.secretOf(ctx, namespace, ref)
	if err != nil || problem != nil {
		return nil, problem, err
	}
	return r.openAndKeep(ctx, user{namespace, ref.String()}, key)
}

// OpenToFinish is Open for those that only give back what they have. For an hour it remembers credentials whose Secret or
// MaasClusterIdentity is gone, or that are no longer for the namespace. A restart forgets them: who could never use them must not by
// making something and deleting it.
func (r *Resolver) OpenToFinish(ctx context.Context, namespace string, ref infrav1.CredentialsReference) (*inventory.Session, *Problem, error) {
	session, problem, err := r.Open(ctx, namespace, ref)
	if problem == nil || !slices.Contains(revocations, problem.Reason) {
		return session, problem, err
	}
	r.mu.Lock()
	last, ok := r.kept[user{namespace, ref.String()}]
	r.mu.Unlock()
	if !ok || r.clock.Since(last.at) > keepFor {
		return nil, problem, nil
	}
	if session, err = r.sessions.Session(ctx, last.credentials); err != nil {
		return nil, nil, fmt.Errorf("opening the session of credentials that are gone: %w", err)
	}
	return session, nil, nil
}

// revocations are the problems by which credentials that worked cease to be there.
var revocations = []string{infrav1.CredentialsNotFoundReason, infrav1.IdentityNotFoundReason, infrav1.NamespaceNotAllowedReason}

func (r *Resolver) openAndKeep(ctx context.Context, who user, key client.ObjectKey) (*inventory.Session, *Problem, error) {
	o, problem, err := r.openSecret(ctx, key)
	if err != nil || problem != nil {
		return nil, problem, err
	}
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.kept[who]; !known {
		maps.DeleteFunc(r.kept, func(_ user, k kept) bool { return now.Sub(k.at) > keepFor })
	}
	r.kept[who] = kept{credentials: o.credentials, at: now}
	return o.session, nil, nil
}

// openSecret opens the session of the credentials in a Secret.
func (r *Resolver) openSecret(ctx context.Context, key client.ObjectKey) (opened, *Problem, error) {
	r.mu.Lock()
	recent := r.opened[key]
	r.mu.Unlock()
	if recent.session != nil && r.clock.Since(recent.at) <= secretAge && Check(recent.session) == nil {
		return recent, nil, nil
	}
	credentials, problem, err := r.readSecret(ctx, key)
	var session *inventory.Session
	if err == nil && problem == nil {
		session, err = r.sessions.Session(ctx, credentials)
		if err != nil && ctx.Err() == nil {
			problem, err = &Problem{infrav1.CredentialsInvalidReason, fmt.Sprintf("Secret %s: %s", key, err)}, nil
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if session == nil {
		delete(r.opened, key)
		return opened{}, problem, err
	}
	o := opened{session: session, credentials: credentials, at: r.clock.Now()}
	if _, known := r.opened[key]; !known {
		maps.DeleteFunc(r.opened, func(_ client.ObjectKey, old opened) bool { return o.at.Sub(old.at) > keepFor })
	}
	r.opened[key] = o
	return o, nil, nil
}

func (r *Resolver) readSecret(ctx context.Context, key client.ObjectKey) (inventory.Credentials, *Problem, error) {
	if key.Namespace == "" {
		return inventory.Credentials{}, &Problem{infrav1.CredentialsNotFoundReason, fmt.Sprintf("Set spec.secretRef.namespace: the manager does "+
			"not know its own namespace, in which Secret %s would be looked for", key.Name)}, nil
	}
	secret := &corev1.Secret{}
	if err := r.reader.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return inventory.Credentials{}, &Problem{infrav1.CredentialsNotFoundReason,
				fmt.Sprintf("Secret %s with the MAAS credentials does not exist", key)}, nil
		}
		return inventory.Credentials{}, nil, fmt.Errorf("getting Secret %s with the MAAS credentials: %w", key, err)
	}
	for _, field := range []string{EndpointKey, APIKeyKey} {
		if len(secret.Data[field]) == 0 {
			return inventory.Credentials{}, &Problem{infrav1.CredentialsInvalidReason, fmt.Sprintf("Secret %s has no key %q", key, field)}, nil
		}
	}
	return inventory.Credentials{
		Endpoint: string(secret.Data[EndpointKey]), APIKey: string(secret.Data[APIKeyKey]), CABundle: secret.Data[CAKey],
	}, nil, nil
}
