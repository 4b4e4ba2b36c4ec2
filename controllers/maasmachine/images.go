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
	"context"
	"fmt"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/images"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// findImage puts the Kubernetes version into the name of the image and sees whether MAAS has it, so that no server is taken for an image that it
// cannot be installed with. Servers of other architectures than the image's are passed over.
func (r *Reconciler) findImage(ctx context.Context, s *scope, session *inventory.Session, request *allocation.Request) error {
	s.image = s.maasMachine.Spec.Image
	name, err := images.Resolve(s.image.Name, s.machine.Spec.Version)
	if err != nil {
		s.waitFor(infrav1.ImageUnresolvedReason, fmt.Sprintf("spec.image.name: %s", err))
		return nil
	}
	s.image.Name = name
	answer, err := r.Access.FindImage(ctx, session, images.Wanted{
		Name: name, Kernel: s.image.Kernel, Architecture: selectedArchitecture(*request),
	})
	if maas.KindOf(err) != "" {
		s.waitFor(infrav1.WaitingForMaasReason, fmt.Sprintf("Reading which images MAAS has: %s", err))
		return nil
	}
	if err != nil {
		return err
	}
	if answer.Missing != "" {
		s.waitFor(infrav1.ImageNotFoundReason, fmt.Sprintf("spec.image: %s. No server is taken until it is there", answer.Missing))
	}
	request.Architectures = answer.Architectures
	return nil
}

// selectedArchitecture is the one that the machine or its pool asks for, "" when they do not care.
func selectedArchitecture(request allocation.Request) string {
	for _, s := range request.Selectors {
		if s.Architecture != "" {
			return s.Architecture
		}
	}
	return ""
}
