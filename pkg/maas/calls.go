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

package maas

import "context"

type callObserverKey struct{}

// CallObserver is told of the calls to MAAS that are made with a context, their waits and repetitions included. Calls may be under way at the same
// time.
type CallObserver interface {
	CallStarts()
	CallEnds()
}

// ObserveCalls lets calls made with the returned context tell the observer.
func ObserveCalls(ctx context.Context, observer CallObserver) context.Context {
	return context.WithValue(ctx, callObserverKey{}, observer)
}

// StartCall is for clients: it tells the context's observer that a call starts, and by the returned function that it ended.
func StartCall(ctx context.Context) (end func()) {
	observer, ok := ctx.Value(callObserverKey{}).(CallObserver)
	if !ok {
		return func() {}
	}
	observer.CallStarts()
	return observer.CallEnds
}
