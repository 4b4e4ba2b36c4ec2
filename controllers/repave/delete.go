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

package repave

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// withoutCluster ends a gate whose Cluster is gone, and waits with one whose Cluster is not there yet.
func (r *Reconciler) withoutCluster(_ context.Context, s *scope) (ctrl.Result, error) {
	if s.deleting() {
		controllerutil.RemoveFinalizer(s.gate, infrav1.GateFinalizer)
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: idleInterval}, nil
}

// awaited says what the deletion of the gate waits for, "" when it goes on. The hooks go with it, or no Machine could be deleted ever after; so it waits while a
// Machine is held or a repave open, for then it would let nodes go that the gate holds. Until then the gate does what it always does, or there would be no end.
func (r *Reconciler) awaited(s *scope) string {
	held, open := len(r.leaving(s)), len(s.open())
	if s.clusterDeleting() || s.overridden() || held+open == 0 {
		return ""
	}
	return fmt.Sprintf("Waiting for %d open repaves and %d Machines that are held", open, held)
}

// overridden tells whether the whole gate is overridden now.
func (s *scope) overridden() bool { return s.gate.Spec.Override.UntilTime.After(s.now) }

// reconcileDelete takes the gate away.
func (r *Reconciler) reconcileDelete(ctx context.Context, s *scope) error {
	for _, m := range s.machines {
		if !hooked(m) {
			continue
		}
		if err := r.setHook(ctx, m, ""); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	if s.overridden() {
		r.Recorder.Eventf(s.gate, nil, corev1.EventTypeWarning, "Overridden", "Delete", "The gate went by override of %s: %s",
			s.gate.Spec.Override.By, s.gate.Spec.Override.Reason)
	}
	controllerutil.RemoveFinalizer(s.gate, infrav1.GateFinalizer)
	return nil
}
