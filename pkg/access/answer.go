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

package access

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// answers are what one MAAS said to the questions that many reconciles have in common.
type answers struct {
	region   answer[infrav1.MaasRegionStatus]
	images   answer[[]maas.BootResource]
	networks answer[hostnetwork.Catalog]
	routes   answer[[]maas.StaticRoute]
}

// answersOf returns the answers to a session. There are as many as there were credentials since the manager started.
func (r *Resolver) answersOf(identity string) *answers {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.answers[identity]
	if a == nil {
		a = &answers{}
		r.answers[identity] = a
	}
	return a
}

// answer is what MAAS said last to one question. The zero value is ready. However many want to know, one asks at a time.
type answer[T any] struct {
	mu    sync.Mutex
	value T
	// asOf is when the value was asked for; zero when there is none.
	asOf time.Time
	// err is why the last attempt, ended at failed, gave nothing; nil when it did.
	err    error
	failed time.Time
	// asking is closed when the call under way ends; nil when there is none.
	asking chan struct{}
}

// question is how an answer is had.
type question[T any] struct {
	clock clock.PassiveClock
	ask   func(context.Context) (T, error)
	// good tells whether a value of that age will do.
	good func(value T, age time.Duration) bool
	// retry is how long MAAS is left alone after it failed to answer.
	retry time.Duration
}

// get returns a value that is good, or the last one and why there is no better. The first who needs a better one asks, with the own context,
// and others wait for that; but nobody waits for a MAAS that failed to answer the last time, except for the one who tries again.
func (a *answer[T]) get(ctx context.Context, q question[T]) (T, error) {
	for {
		a.mu.Lock()
		value, err, asking := a.value, a.err, a.asking
		good := !a.asOf.IsZero() && q.good(value, q.clock.Since(a.asOf))
		leaveAlone := err != nil && (asking != nil || q.clock.Since(a.failed) < q.retry)
		if !good && !leaveAlone && asking == nil {
			a.asking = make(chan struct{})
		}
		a.mu.Unlock()
		switch {
		case good:
			return value, nil
		case leaveAlone:
			return value, err
		case asking == nil:
			return a.refresh(ctx, q)
		}
		if err := awaitCall(ctx, asking); err != nil {
			return value, err
		}
	}
}

// awaitCall waits for the end of a call that another reconcile makes, which counts as a call of the own.
func awaitCall(ctx context.Context, ended <-chan struct{}) error {
	defer maas.StartCall(ctx)()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *answer[T]) refresh(ctx context.Context, q question[T]) (T, error) {
	asOf := q.clock.Now()
	var value T
	var err error
	done := false
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		close(a.asking)
		a.asking = nil
		switch {
		case !done, ctx.Err() != nil: // a panic, or the end of this reconcile: it says nothing of MAAS
		case err != nil:
			a.err, a.failed = err, q.clock.Now()
		default:
			a.value, a.asOf, a.err = value, asOf, nil
		}
	}()
	value, err = q.ask(ctx)
	done = true
	if err != nil {
		return a.last(), err
	}
	return value, nil
}

func (a *answer[T]) last() T {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.value
}
