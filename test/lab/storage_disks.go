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

package lab

import (
	"bytes"
	"encoding/json"
	"log/slog"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

// dataDisks are the data disks of the simulated MAAS's servers as Portworx has
// them: all disks but the first, each with a header in its first block. A host
// on which one of the headers is gone counts as blank.
type dataDisks struct {
	maas *maassim.Server
	log  *slog.Logger
}

var _ pxsim.Disks = dataDisks{}

// headerSize is the first block of a disk.
const headerSize = 4096

// Load implements pxsim.Disks.
func (d dataDisks) Load(host string) (pxsim.Identity, bool) {
	var identity pxsim.Identity
	machine, ok := d.maas.MachineByHostname(host)
	if !ok || len(machine.Disks) < 2 {
		return identity, false
	}
	for _, disk := range machine.Disks[1:] {
		raw, err := d.maas.ReadDisk(machine.SystemID, disk.Name, 0, headerSize)
		if err != nil {
			d.log.Error("Reading a data disk", "host", host, "disk", disk.Name, "error", err)
			return identity, false
		}
		if json.Unmarshal(bytes.TrimRight(raw, "\x00"), &identity) != nil || identity.ID == "" {
			return pxsim.Identity{}, false
		}
	}
	return identity, true
}

// Store implements pxsim.Disks.
func (d dataDisks) Store(host string, identity pxsim.Identity) {
	machine, _ := d.maas.MachineByHostname(host)
	raw, err := json.Marshal(identity)
	if err != nil || len(machine.Disks) < 2 {
		d.log.Error("Writing on data disks", "host", host, "disks", len(machine.Disks), "error", err)
		return
	}
	header := make([]byte, headerSize)
	copy(header, raw)
	for _, disk := range machine.Disks[1:] {
		if err := d.maas.WriteDisk(machine.SystemID, disk.Name, 0, header); err != nil {
			d.log.Error("Writing on a data disk", "host", host, "disk", disk.Name, "error", err)
		}
	}
}
