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

// Package persist writes what a reconcile changed.
package persist

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
	"sigs.k8s.io/cluster-api/util/patch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patch writes the object, whose controller is the author of the named conditions. An object that is gone is no error: with its last
// finalizer it goes before its status is written, and a cache may show it for a moment longer.
func Patch(ctx context.Context, helper *patch.Helper, o client.Object, ownedConditions []string) error {
	err := helper.Patch(ctx, o, patch.WithOwnedConditions{Conditions: ownedConditions})
	if all, ok := errors.AsType[kerrors.Aggregate](err); ok {
		return kerrors.FilterOut(all, apierrors.IsNotFound)
	}
	return client.IgnoreNotFound(err)
}
