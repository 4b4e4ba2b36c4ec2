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
	"maps"
	"slices"
	"unique"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// keep copies a machine for the snapshot, so that the caller may do with its own as it likes. The words that many
// machines have in common are kept once.
func keep(m *maas.Machine) *maas.Machine {
	c := *m
	c.Status = maas.Status(intern(string(m.Status)))
	c.StatusMessage = intern(m.StatusMessage)
	c.Power = maas.Power(intern(string(m.Power)))
	c.PowerType = intern(m.PowerType)
	c.Owner = intern(m.Owner)
	c.Zone = intern(m.Zone)
	c.Pool = intern(m.Pool)
	c.Architecture = intern(m.Architecture)
	c.OSSystem = intern(m.OSSystem)
	c.DistroSeries = intern(m.DistroSeries)
	c.Tags = internAll(m.Tags)
	c.Addresses = slices.Clip(slices.Clone(m.Addresses))
	c.Annotations = maps.Clone(m.Annotations)
	c.BlockDevices = keepDevices(m.BlockDevices)
	c.Interfaces = keepInterfaces(m.Interfaces)
	return &c
}

func intern(s string) string { return unique.Make(s).Value() }

// equal compares all that a machine is.
func equal(a, b *maas.Machine) bool {
	return plain(a) == plain(b) &&
		slices.Equal(a.Tags, b.Tags) &&
		slices.Equal(a.Addresses, b.Addresses) &&
		slices.EqualFunc(a.BlockDevices, b.BlockDevices, equalDevices) &&
		maps.Equal(a.Annotations, b.Annotations) &&
		slices.EqualFunc(a.Interfaces, b.Interfaces, equalInterfaces)
}

// scalars are the fields that == compares.
type scalars struct {
	id, hostname, fqdn, message, powerType, owner, zone, pool, architecture, osSystem, distroSeries string

	status            maas.Status
	power             maas.Power
	locked, ephemeral bool

	cpus, bootDisk int
	memory         int64
}

func plain(m *maas.Machine) scalars {
	return scalars{
		id: m.SystemID, hostname: m.Hostname, fqdn: m.FQDN, message: m.StatusMessage, powerType: m.PowerType,
		owner: m.Owner, zone: m.Zone, pool: m.Pool, architecture: m.Architecture,
		osSystem: m.OSSystem, distroSeries: m.DistroSeries,
		status: m.Status, power: m.Power, locked: m.Locked, ephemeral: m.Ephemeral,
		cpus: m.CPUCount, bootDisk: m.BootDiskID, memory: m.MemoryMiB,
	}
}
