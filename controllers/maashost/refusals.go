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
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// refusals remembers which calls MAAS refused, or took and failed, so that they are repeated slowly: the reconciler is woken far more
// often, not least by the traces that the call itself leaves in MAAS's event log. Forgetting it at a restart costs one call.
type refusals struct {
	mu     sync.Mutex
	byHost map[types.UID]refusal
}

type refusal struct {
	err   error
	until time.Time
}

func (r *refusals) note(host types.UID, err error, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byHost == nil {
		r.byHost = map[types.UID]refusal{}
	}
	r.byHost[host] = refusal{err: err, until: until}
}

// pending returns how long the call is still to wait, 0 when it is due, and the last refusal.
func (r *refusals) pending(host types.UID, now time.Time) (wait time.Duration, refused error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.byHost[host]
	if !ok {
		return 0, nil
	}
	if wait := p.until.Sub(now); wait > 0 {
		return wait, p.err
	}
	delete(r.byHost, host)
	return 0, nil
}

// forget drops what is known of a lease that ends.
func (r *refusals) forget(host types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byHost, host)
}
