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

package maasmachine

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// reconcileDelete ends the lease and waits until the server is back in MAAS. It needs neither Cluster nor MaasCluster.
func (r *Reconciler) reconcileDelete(ctx context.Context, s *scope) error {
	if err := r.findHost(ctx, s); err != nil {
		return err
	}
	if s.host == nil {
		if err := r.findHostLive(ctx, s); err != nil {
			return err
		}
	}
	if s.host == nil {
		controllerutil.RemoveFinalizer(s.maasMachine, infrav1.MachineFinalizer)
		return nil
	}
	if !s.host.DeletionTimestamp.IsZero() {
		return nil
	}
	if held, err := r.heldByGate(ctx, s); err != nil || held {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("Ending the lease", "MaasHost", s.host.Name)
	if err := r.Client.Delete(ctx, s.host); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting MaasHost %s: %w", s.host.Name, err)
	}
	return nil
}
