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

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// askList asks for a full list at once.
func (f *Follower) askList(reason string) {
	if !f.listNow {
		f.log.Info("Listing all machines anew", "reason", reason)
	}
	f.listNow = true
}

// scheduleList sets when the next list is due.
func (f *Follower) scheduleList() {
	f.nextList = f.clock.Now().Add(f.jitter(f.opts.RelistInterval, 0.2))
}

// relist starts a full list when one is due. It takes MAAS about 20 ms for each machine, so it runs beside the polling:
// observations are ordered per machine, and the list does not undo what is seen meanwhile.
func (f *Follower) relist(ctx context.Context) {
	if f.listing {
		return
	}
	if !f.listNow {
		now := f.clock.Now()
		busy := now.Sub(f.lastChange) < quiet && now.Sub(f.nextList) < f.opts.RelistInterval
		if now.Before(f.nextList) || busy {
			return
		}
	}
	f.listing, f.listNow = true, false
	go func() { f.listed <- f.list(ctx) }()
}

// endList notes the outcome of a full list. A failed one is tried again with the next poll but a while later.
func (f *Follower) endList(ctx context.Context, err error) {
	f.listing = false
	f.scheduleList()
	if err == nil || ctx.Err() != nil {
		return
	}
	f.log.Error(err, "Failing to list all machines, retrying")
	f.nextList = f.clock.Now().Add(f.jitter(f.opts.MaxBackoff, 0.5))
	f.lastChange = f.clock.Now().Add(-quiet)
}

// awaitList waits for a list under way; its context has ended.
func (f *Follower) awaitList() {
	if f.listing {
		f.log.V(1).Info("Ending the list under way", "outcome", <-f.listed)
		f.listing = false
	}
}

// list reads all machines; the session takes them in.
func (f *Follower) list(ctx context.Context) error {
	_, err := f.session.ListMachines(ctx, maas.Filter{})
	return err
}
