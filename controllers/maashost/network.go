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

// networkWork compares the interfaces of the observed machine, which is not nil, to what the consumer wants. It asks nobody.
func (s *scope) networkWork() lifecycle.Work { return lifecycle.WorkNone }

// prepareNetwork does what is due, on a machine that a fresh read in this reconcile showed to be allocated to us. It leaves what MAAS
// says then in the observation and tells whether another step may follow at once.
func (r *Reconciler) prepareNetwork(_ context.Context, _ *scope) (bool, error) { return false, nil }
