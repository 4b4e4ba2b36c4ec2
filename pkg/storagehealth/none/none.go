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

// Package none is for clusters whose storage needs no gate.
package none

import (
	"context"

	"k8s.io/utils/clock"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// Prober knows nothing of any storage.
type Prober struct{ Clock clock.PassiveClock }

// Probe answers that nothing is known.
func (p Prober) Probe(context.Context) (*storagehealth.Report, error) {
	return &storagehealth.Report{At: p.Clock.Now(), Locality: storagehealth.Remote, Whole: storagehealth.Unknown, Available: storagehealth.Unknown,
		Detail: "no storage is asked", Progress: -1}, nil
}

// Confirm has no objection.
func (p Prober) Confirm(context.Context, string, []string) (storagehealth.Answer, string, error) {
	return storagehealth.Yes, "", nil
}
