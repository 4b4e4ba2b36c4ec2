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

package inventory

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

const (
	// single is up to how many machines are read one by one: one costs MAAS 0.12 s, a list 0.35 s and 0.02 s for each.
	single = 3
	// batch is how many machines one list asks for.
	batch = 50
	// concurrency is how many requests of the follower run at once; MAAS answers about 8 a second for each process.
	concurrency = 4
	// firstRetry doubles with each failure to fetch a machine, up to the follower's MaxBackoff.
	firstRetry = time.Second
)

// fetch reads the machines that were marked, and those whose retry is due. A machine that MAAS cannot show does not keep
// the others from being read.
func (f *Follower) fetch(ctx context.Context) {
	now := f.clock.Now()
	ids := f.snapshot.takeDirty()
	var again []string
	for _, id := range slices.Sorted(maps.Keys(f.retries)) {
		if !now.Before(f.retries[id].due) && !slices.Contains(ids, id) {
			again = append(again, id)
		}
	}
	calls := f.plan(ids, again)
	if len(calls) == 0 {
		return
	}
	errs := f.runAll(ctx, calls)
	if ctx.Err() != nil {
		f.snapshot.refetch(ids...)
		return
	}
	for i, call := range calls {
		f.settle(call, errs[i])
	}
}

// plan divides machines into calls: few are read one by one, many in batches. What failed before is read one by one, so
// that one machine that MAAS cannot show does not hide the others of its batch.
func (f *Follower) plan(ids, again []string) [][]string {
	size := batch
	if len(ids) <= single {
		size = 1
	}
	calls := slices.Collect(slices.Chunk(ids, size))
	for i, id := range again {
		if i == batch {
			break
		}
		calls = append(calls, []string{id})
	}
	return calls
}

// runAll makes the calls, a few at a time, and gives the error of each.
func (f *Follower) runAll(ctx context.Context, calls [][]string) []error {
	errs := make([]error, len(calls))
	if len(calls) == 1 {
		errs[0] = f.read(ctx, calls[0])
		return errs
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, concurrency)
	for i, ids := range calls {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = f.read(ctx, ids)
		})
	}
	wg.Wait()
	return errs
}

// read makes one call; the session takes in what it gives.
func (f *Follower) read(ctx context.Context, ids []string) error {
	if len(ids) == 1 {
		_, err := f.session.GetMachine(ctx, ids[0])
		return err
	}
	_, err := f.session.ListMachines(ctx, maas.Filter{SystemIDs: ids})
	return err
}

// settle notes the outcome of a call.
func (f *Follower) settle(ids []string, err error) {
	now := f.clock.Now()
	failed := err != nil && !hidden(err)
	for _, id := range ids {
		if failed {
			r := f.retries[id]
			r.due = now.Add(f.jitter(min(f.opts.MaxBackoff, firstRetry<<min(r.tries, 10)), 0.5))
			r.tries++
			f.retries[id] = r
			continue
		}
		delete(f.retries, id)
		if maas.IsNotFound(err) {
			f.ignored[id] = now.Add(ignoreFor)
		}
	}
	if failed {
		f.log.Error(err, "Failing to fetch machines, retrying", "systemIDs", ids)
	}
	for id, until := range f.ignored {
		if now.After(until) {
			delete(f.ignored, id)
		}
	}
}
