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

// Package watchfilter keeps a manager with --watch-filter from the objects of others. Predicates on watches do not suffice for that: a
// change in MAAS, or in a labelled object, may wake the reconciler of an object without the label.
package watchfilter

import (
	"context"

	"sigs.k8s.io/cluster-api/util/labels"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Reconciler lets inner reconcile only the objects whose watch filter label has the value, all of them for "". Objects of the kind
// of prototype are read through reader, which should be the cache.
func Reconciler(reader client.Reader, prototype client.Object, value string, inner reconcile.Reconciler) reconcile.Reconciler {
	if value == "" {
		return inner
	}
	return reconcile.Func(func(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
		o, ok := prototype.DeepCopyObject().(client.Object)
		if !ok {
			return ctrl.Result{}, nil
		}
		if err := reader.Get(ctx, request.NamespacedName, o); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		if !labels.HasWatchLabel(o, value) {
			return ctrl.Result{}, nil
		}
		return inner.Reconcile(ctx, request)
	})
}
