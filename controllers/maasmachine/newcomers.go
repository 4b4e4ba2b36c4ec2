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
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// newcomers are the MaasMachines that had no finalizer until this process gave them one, and for which it has tried to make no lease since.
// None of them has a lease, whatever the cache does not show yet: the finalizer is there before any, in every process, and is taken off
// after the last. So they need no look past the cache before their first lease, which costs more than all else that a lease takes.
type newcomers struct {
	mu   sync.Mutex
	uids map[types.UID]struct{}
}

// add notes a machine whose finalizer was written just now.
func (n *newcomers) add(uid types.UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.uids == nil {
		n.uids = map[types.UID]struct{}{}
	}
	n.uids[uid] = struct{}{}
}

// remove tells whether a machine was one. It is none from now on, for a lease is about to be made or it is being deleted.
func (n *newcomers) remove(uid types.UID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, was := n.uids[uid]
	delete(n.uids, uid)
	return was
}
