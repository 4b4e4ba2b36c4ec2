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

// Versions remembers which versions of each object this process wrote last. The zero value is ready.
type Versions struct {
	mu      sync.Mutex
	written map[types.UID]ownWrites
}

// ownWrites are the last writes of ours to one object. Each rested on a version, or it would have met a conflict: so nobody wrote in between.
type ownWrites struct {
	// The versions after from, up to to, are ours. Both are empty before the first write.
	from, to string
	// conflict is a version that a write must not rest on: somebody wrote after it.
	conflict string
	// flying is the version that the write under way rests on, empty when there is none. early is the first version after it that the watch
	// showed meanwhile: the watch may be faster than the answer.
	flying, early string
	// waits counts how often the cache was behind.
	waits int
}

// maxWaits ends the waiting for a version that does not come (about ten seconds), as after a restore of etcd, which turns versions back.
const maxWaits = 20

// Behind tells that the object, read from the cache, is older than what is known of it: the last write of ours, or one of somebody else's that
// ours met. A reconcile of it would compute from a past that it has changed itself, or only meet the same conflict; it returns Retry instead.
func (v *Versions) Behind(o client.Object) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	own, ok := v.written[o.GetUID()]
	version := o.GetResourceVersion()
	if !ok || !newer(own.to, version) && (own.conflict == "" || !newer(own.conflict, version) && own.conflict != version) {
		return false
	}
	if own.waits++; own.waits > maxWaits {
		delete(v.written, o.GetUID())
		return false
	}
	v.written[o.GetUID()] = own
	return true
}

// newer tells that a version is newer than another. Nothing is newer than, or older than, what is no version.
func newer(version, than string) bool {
	order, err := resourceversion.CompareResourceVersion(version, than)
	return err == nil && order > 0
}

// Predicate keeps a controller from being woken by its own writes: updates to versions that a Patcher wrote are dropped. No wake that is
// needed gets lost by that. The writes were made under optimistic lock, so these versions hold nothing that the reconcile which made them had
// not seen; and a reconcile that starts before the cache has the last of them finds itself Behind, and is woken when the cache has it. Writes
// of anybody else, resyncs, and what happens before a restart of this process pass.
//
// A reconcile therefore must do all that follows from its own write, or ask to be called again.
func (v *Versions) Predicate() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			resync := e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
			return resync || v.wakes(e.ObjectNew)
		},
		DeleteFunc: func(e event.DeleteEvent) bool {
			v.forget(e.Object)
			return true
		},
	}
}

func (v *Versions) wakes(o client.Object) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	own, ok := v.written[o.GetUID()]
	version := o.GetResourceVersion()
	switch {
	case !ok:
		return true
	case newer(version, own.from) && !newer(version, own.to):
		// Who was Behind comes again with the last one.
		return own.waits > 0 && version == own.to
	case own.flying != "" && own.early == "" && newer(version, own.flying):
		// It is what the write makes of the object. If it is not, the write ends with a conflict, and its reconcile is repeated.
		own.early = version
		v.written[o.GetUID()] = own
		return false
	}
	return true
}

// begin notes that a write starts that rests on this version of the object.
func (v *Versions) begin(o client.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.written == nil {
		v.written = map[types.UID]ownWrites{}
	}
	own := v.written[o.GetUID()]
	own.flying, own.early = o.GetResourceVersion(), ""
	v.written[o.GetUID()] = own
}

// fail notes that the write failed, with a conflict or otherwise.
func (v *Versions) fail(o client.Object, conflict bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	own, ok := v.written[o.GetUID()]
	if !ok {
		return
	}
	own.flying, own.early = "", ""
	if conflict {
		own.conflict, own.waits = o.GetResourceVersion(), 0
	}
	v.written[o.GetUID()] = own
}

// note notes what the write made of the object. It returns false if the watch has shown something else meanwhile: a write that in the end
// changed nothing makes no version, so that it was somebody else's which was taken for it.
func (v *Versions) note(before, answer client.Object) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	own := v.written[answer.GetUID()]
	mistaken := own.early != "" && own.early != answer.GetResourceVersion()
	if own.to != before.GetResourceVersion() {
		own.from = before.GetResourceVersion()
	}
	v.written[answer.GetUID()] = ownWrites{from: own.from, to: answer.GetResourceVersion()}
	return !mistaken
}

func (v *Versions) forget(o client.Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.written, o.GetUID())
}
