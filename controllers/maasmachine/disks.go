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
	"slices"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// checkDisks sees whether what is asked of the disks can be had at all, before a server is taken for it, and has servers passed over whose disks
// will not do or cannot be kept with this key.
func (r *Reconciler) checkDisks(ctx context.Context, s *scope, session *inventory.Session, machines []*maas.Machine, request *allocation.Request) error {
	region, err := r.Access.Region(ctx, session)
	if maas.KindOf(err) != "" {
		s.waitFor(infrav1.WaitingForMaasReason, fmt.Sprintf("Reading what the API key may do: %s", err))
		return nil
	}
	if err != nil {
		return err
	}
	wanted := access.Disks(&s.maasMachine.Spec.Storage, s.pool)
	administrator := region.Role == infrav1.MaasRoleAdministrator
	refusal := hostdisks.MayKeep(wanted.Policy, administrator)
	if refusal == nil && wanted.Memory {
		refusal = hostdisks.MayRunFromMemory(region.Version)
	}
	if refusal != nil {
		s.waitFor(string(refusal.Reason), refusal.Message+". No server is taken until then")
		return nil
	}
	shared := hostdisks.FindShared(machines)
	fits := request.Fits
	request.Fits = func(m *maas.Machine) allocation.Reason {
		if fits != nil {
			if reason := fits(m); reason != "" {
				return reason
			}
		}
		// Disks that a lease remembers are among those of the machine, without an id.
		devices := slices.DeleteFunc(slices.Clone(m.BlockDevices), func(d maas.BlockDevice) bool { return d.ID == 0 })
		in := hostdisks.Input{Wanted: wanted, Devices: devices, BootDiskID: m.BootDiskID, Shared: shared}
		return disksReason(&in, administrator)
	}
	return nil
}

// disksReasons are the allocator's words for what can be wrong with the disks of a server that nobody has.
var disksReasons = map[hostdisks.Reason]allocation.Reason{
	hostdisks.BootDiskNotFound:   "without the boot disk asked for",
	hostdisks.BootDiskProtected:  "with a boot disk that is protected",
	hostdisks.BootDiskAmbiguous:  "with a boot disk that cannot be told from a data disk",
	hostdisks.NeedsAdministrator: "with disks that only an administrator's key can prepare",
}

func disksReason(in *hostdisks.Input, administrator bool) allocation.Reason {
	v := hostdisks.Classify(in)
	refusal := v.Refusal
	if refusal == nil {
		plan := hostdisks.NewPlan(in, &v)
		refusal = hostdisks.MayChange(&plan, administrator)
	}
	if refusal == nil {
		return ""
	}
	if words, ok := disksReasons[refusal.Reason]; ok {
		return words
	}
	return allocation.Reason("with disks that will not do: " + string(refusal.Reason))
}

// claimedStorage is what the lease is told: what the machine asks for, under the policy that holds when it is claimed. What its pool comes to say later
// counts as well, as far as it is stricter.
func claimedStorage(s *scope) infrav1.HostStorage {
	storage := *s.maasMachine.Spec.Storage.DeepCopy()
	storage.DataDisks = infrav1.DataDisksPolicy(access.DataDisks(&s.maasMachine.Spec.Storage, s.pool))
	return storage
}
