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

// FindImage looks for an image in the MAAS of a session, which it asks at most once in five minutes, and once in half a minute while the image is
// missing. Errors are those of maas.Images.
func (r *Resolver) FindImage(ctx context.Context, session *inventory.Session, want images.Wanted) (images.Answer, error) {
	resources, err := r.answersOf(session.Identity()).images.get(ctx, question[[]maas.BootResource]{
		clock: r.clock, ask: session.ListBootResources, retry: imagesRetry,
		good: func(resources []maas.BootResource, age time.Duration) bool {
			return age < imagesAge && (age < imagesRecheck || images.Find(resources, want).Missing == "")
		},
	})
	if err != nil {
		return images.Answer{}, err
	}
	return images.Find(resources, want), nil
}
