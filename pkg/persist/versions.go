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

package persist

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Versions remembers which version of each object this process wrote last. The zero value is ready.
type Versions struct {
	mu      sync.Mutex
	written map[types.UID]ownWrite
}

type ownWrite struct {
	resourceVersion string
	// waits counts how often the cache was behind it.
	waits int
}

// maxWaits ends the waiting for a version that does not come (about ten seconds), as after a restore of etcd, which turns versions back.
const maxWaits = 200

// Behind tells that the object, read from the cache, is older than the last write of ours. A reconcile of it would compute from a past
// that it has changed itself; it returns Retry instead.
func (v *Versions) Behind(o client.Object) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	own, ok := v.written[o.GetUID()]
	if !ok {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(o.GetResourceVersion(), own.resourceVersion)
	if err != nil || order >= 0 {
		return false
	}
	if own.waits++; own.waits > maxWaits {
		delete(v.written, o.GetUID())
		return false
	}
	v.written[o.GetUID()] = own
	return true
}

// Predicate keeps a controller from being woken by its own writes: an update to exactly the version that a Patcher wrote is dropped. No
// wake that is needed gets lost by that. The write was made under optimistic lock, so its version holds nothing that the reconcile
// which made it had not seen; and a reconcile that starts before the cache has the version finds itself Behind and comes again. Writes
// of anybody else, resyncs, and what happens before a restart of this process pass.
//
// A reconcile therefore must do all that follows from its own write, or ask to be called again.
func (v *Versions) Predicate() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			resync := e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
			return resync || !v.wrote(e.ObjectNew)
		},
		DeleteFunc: func(e event.DeleteEvent) bool {
			v.forget(e.Object)
			return true
		},
	}
}

func (v *Versions) note(o client.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.written == nil {
		v.written = map[types.UID]ownWrite{}
	}
	v.written[o.GetUID()] = ownWrite{resourceVersion: o.GetResourceVersion()}
}

func (v *Versions) wrote(o client.Object) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	own, ok := v.written[o.GetUID()]
	return ok && own.resourceVersion == o.GetResourceVersion()
}

func (v *Versions) forget(o client.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.written, o.GetUID())
}
