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

// Package persist writes what a reconcile changed, in as few requests as that takes, and knows its own writes again when the watch shows
// them. It is made for objects whose status has one author.
package persist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const (
	// conflictRetry is when a reconcile whose write met somebody else's is repeated. The other's write may be to an object that does not wake the
	// controller.
	conflictRetry = 50 * time.Millisecond
	// behindRetry is when a reconcile that found the cache Behind is repeated if nothing wakes it, as what it waits for does: it may have passed
	// between the look at the cache and the wait.
	behindRetry = 500 * time.Millisecond
)

// Patcher writes one object during one reconcile: metadata and spec in one merge patch, the status in another, each only if it changed.
//
// Both carry the resourceVersion that the reconcile started from. A merge patch replaces lists as a whole (conditions, finalizers, owner
// references), so without it a reconcile could undo what Cluster API or clusterctl wrote since; and that nobody wrote in between is why
// Versions may take an own write for nothing new.
type Patcher struct {
	client   client.Client
	versions *Versions
	// before is the object as the API server has it.
	before client.Object
	object client.Object
}

// NewPatcher starts from the object as it was just read. It drops the managed fields, which are nobody's to write.
func NewPatcher(c client.Client, versions *Versions, o client.Object) *Patcher {
	o.SetManagedFields(nil)
	return &Patcher{client: c, versions: versions, before: clone(o), object: o}
}

// clone copies an object with its type. DeepCopyObject of an object is an object of the same type.
func clone(o client.Object) client.Object {
	return o.DeepCopyObject().(client.Object) //nolint:forcetypeassert // see above
}

// EnsureFinalizer writes the finalizer at once, with all that changed in metadata and spec so far, for it has to be there before any effect
// outside. An object that has it, or is being deleted, is left alone. The reconcile goes on afterwards.
func (p *Patcher) EnsureFinalizer(ctx context.Context, finalizer string) error {
	if !p.object.GetDeletionTimestamp().IsZero() || !controllerutil.AddFinalizer(p.object, finalizer) {
		return nil
	}
	return p.patchMain(ctx)
}

// Write writes at once what changed in metadata and spec so far, for what follows in this reconcile rests on its being written. The
// reconcile goes on afterwards; after an error, which may be a conflict, it has to end.
func (p *Patcher) Write(ctx context.Context) error { return p.patchMain(ctx) }

// WriteStatus is Write for the status.
func (p *Patcher) WriteStatus(ctx context.Context) error { return p.patchStatus(ctx) }

// Finish writes what changed: metadata and spec first, for the status speaks of them, then calls setStatus, and writes the status. It
// returns what the reconcile is to return, given what it would have returned.
//
// An object that is gone is no error: with its last finalizer it goes before its status is written, and a cache may show it for a moment
// longer. A conflict is none either; the reconcile is repeated.
func (p *Patcher) Finish(ctx context.Context, setStatus func(), result ctrl.Result, reterr error) (ctrl.Result, error) {
	err := client.IgnoreNotFound(p.finish(ctx, setStatus))
	switch {
	case err == nil:
		return result, reterr
	case reterr != nil:
		return result, kerrors.NewAggregate([]error{reterr, err})
	}
	return Retry(err)
}

// Retry ends a reconcile that has to be repeated with a newer state of the cache: it could not write because of a conflict, which is no
// error, or (nil) the cache was Behind. Other errors are passed on, but for that of an object that is gone.
func Retry(err error) (ctrl.Result, error) {
	if err == nil {
		return ctrl.Result{RequeueAfter: behindRetry}, nil
	}
	if !apierrors.IsConflict(err) {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	return ctrl.Result{RequeueAfter: conflictRetry}, nil
}

func (p *Patcher) finish(ctx context.Context, setStatus func()) error {
	if err := p.patchMain(ctx); err != nil {
		return err
	}
	if !p.before.GetDeletionTimestamp().IsZero() && len(p.before.GetFinalizers()) == 0 {
		// The last finalizer is off, and the object gone with it.
		p.versions.forget(p.before)
		return nil
	}
	setStatus()
	return p.patchStatus(ctx)
}

// patchMain writes all but the status.
func (p *Patcher) patchMain(ctx context.Context) error {
	change, err := p.change()
	if err != nil {
		return err
	}
	delete(change, "status")
	if len(change) == 0 {
		return nil
	}
	return p.send(change, func(answer client.Object, patch client.Patch) error {
		if err := p.client.Patch(ctx, answer, patch); err != nil {
			return fmt.Errorf("patching metadata and spec: %w", err)
		}
		return nil
	})
}

func (p *Patcher) patchStatus(ctx context.Context) error {
	change, err := p.change()
	if err != nil {
		return err
	}
	status, changed := change["status"]
	if !changed {
		return nil
	}
	was := readiness(p.before)
	err = p.send(map[string]any{"status": status}, func(answer client.Object, patch client.Patch) error {
		if err := p.client.Status().Patch(ctx, answer, patch); err != nil {
			return fmt.Errorf("patching the status: %w", err)
		}
		return nil
	})
	if is := readiness(p.before); err == nil && (is.Status != was.Status || is.Reason != was.Reason) {
		ctrl.LoggerFrom(ctx).Info("Readiness changed", "ready", is.Status, "reason", is.Reason, "message", is.Message)
	}
	return err
}

// readiness is the Ready condition. The log tells how it changes: what an object waits for stands in its status only until that is over.
func readiness(o client.Object) metav1.Condition {
	if with, ok := o.(conditions.Getter); ok {
		if c := conditions.Get(with, clusterv1.ReadyCondition); c != nil {
			return *c
		}
	}
	return metav1.Condition{}
}

// change is the merge patch from what the API server has to what the reconcile wants.
func (p *Patcher) change() (map[string]any, error) {
	raw, err := client.MergeFrom(p.before).Data(p.object)
	if err != nil {
		return nil, fmt.Errorf("computing the patch: %w", err)
	}
	change := map[string]any{}
	if err := json.Unmarshal(raw, &change); err != nil {
		return nil, fmt.Errorf("reading the patch: %w", err)
	}
	return change, nil
}

// send sends a merge patch under optimistic lock and goes on from the answer.
func (p *Patcher) send(change map[string]any, request func(answer client.Object, patch client.Patch) error) error {
	metadata, ok := change["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
		change["metadata"] = metadata
	}
	metadata["resourceVersion"] = p.before.GetResourceVersion()
	raw, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("writing the patch: %w", err)
	}
	answer := clone(p.before)
	p.versions.begin(p.before)
	if err := request(answer, client.RawPatch(types.MergePatchType, raw)); err != nil {
		p.versions.fail(p.before, apierrors.IsConflict(err))
		return err
	}
	if !p.versions.note(p.before, answer) {
		return apierrors.NewConflict(schema.GroupResource{Resource: fmt.Sprintf("%T", answer)}, answer.GetName(), errors.New("it was written meanwhile"))
	}
	answer.SetManagedFields(nil)
	p.before = answer
	p.object.SetResourceVersion(answer.GetResourceVersion())
	p.object.SetGeneration(answer.GetGeneration())
	return nil
}
