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
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
)

type namespaceLabels struct {
	labels map[string]string
	at     time.Time
}

// secretOf leads from the credentials that an object in a namespace names to the Secret that holds them.
func (r *Resolver) secretOf(ctx context.Context, namespace string, ref infrav1.CredentialsReference) (client.ObjectKey, *Problem, error) {
	if ref.Kind != infrav1.CredentialsIdentity {
		return client.ObjectKey{Namespace: namespace, Name: ref.Name}, nil, nil
	}
	identity := &infrav1.MaasClusterIdentity{}
	if err := r.reader.Get(ctx, client.ObjectKey{Name: ref.Name}, identity); err != nil {
		if apierrors.IsNotFound(err) {
			return client.ObjectKey{}, &Problem{infrav1.IdentityNotFoundReason, fmt.Sprintf("%s does not exist", ref)}, nil
		}
		return client.ObjectKey{}, nil, fmt.Errorf("getting %s: %w", ref, err)
	}
	allowed, err := r.allows(ctx, &identity.Spec.AllowedNamespaces, namespace)
	if err != nil {
		return client.ObjectKey{}, nil, fmt.Errorf("%s: %w", ref, err)
	}
	if !allowed {
		return client.ObjectKey{}, &Problem{infrav1.NamespaceNotAllowedReason,
			fmt.Sprintf("%s does not allow namespace %s: see its spec.allowedNamespaces", ref, namespace)}, nil
	}
	return r.SecretOf(identity), nil, nil
}

// SecretOf is the Secret that an identity names.
func (r *Resolver) SecretOf(identity *infrav1.MaasClusterIdentity) client.ObjectKey {
	key := client.ObjectKey{Namespace: identity.Spec.SecretRef.Namespace, Name: identity.Spec.SecretRef.Name}
	if key.Namespace == "" {
		key.Namespace = r.managerNamespace
	}
	return key
}

// OpenIdentity returns the session of an identity's own credentials.
func (r *Resolver) OpenIdentity(ctx context.Context, identity *infrav1.MaasClusterIdentity) (*inventory.Session, *Problem, error) {
	o, problem, err := r.openSecret(ctx, r.SecretOf(identity))
	return o.session, problem, err
}

// allows tells whether a namespace is allowed. Its labels are read only where a selector wants them.
func (r *Resolver) allows(ctx context.Context, allowed *infrav1.AllowedNamespaces, namespace string) (bool, error) {
	if slices.Contains(allowed.List, namespace) {
		return true, nil
	}
	if allowed.Selector == nil {
		return false, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(allowed.Selector)
	if err != nil {
		// The API server does not check the values. What nobody understands matches nothing.
		return false, nil //nolint:nilerr // see above
	}
	if selector.Empty() {
		return true, nil
	}
	of, err := r.labelsOf(ctx, namespace)
	return err == nil && selector.Matches(labels.Set(of)), err
}

// labelsOf reads the labels of a namespace, none for one that is gone.
func (r *Resolver) labelsOf(ctx context.Context, namespace string) (map[string]string, error) {
	r.mu.Lock()
	known, ok := r.namespaces[namespace]
	r.mu.Unlock()
	if ok && r.clock.Since(known.at) <= secretAge {
		return known.labels, nil
	}
	o := &corev1.Namespace{}
	if err := r.reader.Get(ctx, client.ObjectKey{Name: namespace}, o); err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("getting Namespace %s: %w", namespace, err)
	}
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.namespaces, func(_ string, old namespaceLabels) bool { return now.Sub(old.at) > secretAge })
	r.namespaces[namespace] = namespaceLabels{labels: o.Labels, at: now}
	return o.Labels, nil
}
