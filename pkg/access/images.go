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

	"github.com/capmaas/cluster-api-provider-maas/pkg/images"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

const (
	// imagesAge is how long the list of images is believed: it bounds how late an image that was taken out of MAAS is noticed.
	imagesAge = 5 * time.Minute
	// imagesRecheck is how long the list is believed when it lacks what is wanted: it bounds how late a new image is noticed, and how often MAAS
	// is asked however many machines wait.
	imagesRecheck = 30 * time.Second
	// imagesRetry is how long MAAS is left alone after it failed to answer.
	imagesRetry = 10 * time.Second
)

// imageList is what one MAAS has. Its lock is held while MAAS is asked, so that many who want to know ask once.
type imageList struct {
	mu        sync.Mutex
	resources []maas.BootResource
	asOf      time.Time
	// err is why the last attempt, at failed, gave no list; nil when it did.
	err    error
	failed time.Time
}

// FindImage looks for an image in the MAAS of a session, which it asks at most once in five minutes, and once in half a minute while the image is
// missing. Errors are those of maas.Images.
func (r *Resolver) FindImage(ctx context.Context, session *inventory.Session, want images.Wanted) (images.Answer, error) {
	list := r.imagesOf(session.Identity())
	list.mu.Lock()
	defer list.mu.Unlock()
	if age := r.clock.Since(list.asOf); !list.asOf.IsZero() && age < imagesAge {
		if answer := images.Find(list.resources, want); answer.Missing == "" || age < imagesRecheck {
			return answer, nil
		}
	}
	if list.err != nil && r.clock.Since(list.failed) < imagesRetry {
		return images.Answer{}, list.err
	}
	asOf := r.clock.Now()
	resources, err := session.ListBootResources(ctx)
	if ctx.Err() != nil {
		return images.Answer{}, ctx.Err()
	}
	if list.err = err; err != nil {
		list.failed = r.clock.Now()
		return images.Answer{}, err
	}
	list.resources, list.asOf = resources, asOf
	return images.Find(resources, want), nil
}

// imagesOf returns the list of a session. There are as many as there were credentials since the manager started.
func (r *Resolver) imagesOf(identity string) *imageList {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.images[identity]
	if list == nil {
		list = &imageList{}
		r.images[identity] = list
	}
	return list
}
