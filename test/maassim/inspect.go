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

package maassim

import (
	"maps"
	"slices"
	"time"
)

// MachineView is a copy of what there is to know of a machine, more than MAAS
// tells.
type MachineView struct {
	SystemID    string
	Hostname    string
	FQDN        string
	Status      Status
	StatusName  string
	Owner       string // "" when nobody's
	AgentName   string
	Locked      bool
	Zone        string
	Pool        string
	Tags        []string
	PowerState  string // as MAAS knows it
	PoweredOn   bool   // what is really so
	OSystem     string
	Distro      string
	UserData    []byte
	Annotations map[string]string
	IPAddresses []string
	// Ephemeral tells that the machine is deployed to memory.
	Ephemeral bool
	// Disks are the disks the machine shows; Inventoried tells whether MAAS knows them.
	Disks []DiskView
	// Deploys counts deployments begun, Allocations changes of owner from
	// nobody, Releases returns to Ready, Boots starts of the installed system,
	// Wipes installer runs that wiped disks, Erases erase-on-release runs.
	Deploys, Allocations, Releases, Boots, Wipes, Erases int
	// History holds the newest transitions of status and power.
	History []Transition
	Fault   HostFault
}

// DiskView is a disk and what happened to it.
type DiskView struct {
	Disk

	Inventoried bool
	// DeviceID is the id of the block device in MAAS's inventory.
	DeviceID int
	// Wipes counts how often an installer or an erase emptied it.
	Wipes int
}

// Transition is one change of a machine's status or power.
type Transition struct {
	Time       time.Time // simulated
	Status     Status
	StatusName string
	Power      string
	Owner      string
}

// Machine returns the machine with the given system id.
func (s *Server) Machine(systemID string) (MachineView, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machines[systemID]
	if m == nil {
		return MachineView{}, false
	}
	return m.view(), true
}

// MachineByHostname returns the machine with the given hostname.
func (s *Server) MachineByHostname(hostname string) (MachineView, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.order {
		if m.hostname == hostname {
			return m.view(), true
		}
	}
	return MachineView{}, false
}

// Machines returns all machines in the order in which they were added.
func (s *Server) Machines() []MachineView {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]MachineView, 0, len(s.order))
	for _, m := range s.order {
		out = append(out, m.view())
	}
	return out
}

func (m *machine) view() MachineView {
	v := MachineView{
		SystemID: m.systemID, Hostname: m.hostname, FQDN: m.fqdn(),
		Status: m.status, StatusName: m.status.String(), AgentName: m.agentName, Locked: m.locked,
		Zone: m.zone.name, Pool: m.pool.name, Tags: slices.Clone(m.tags),
		PowerState: m.power, PoweredOn: m.hwOn,
		OSystem: m.osystem, Distro: m.series, Ephemeral: m.ephemeral, UserData: slices.Clone(m.userData),
		Annotations: maps.Clone(m.annotations), IPAddresses: m.addresses(),
		Deploys: m.deploys, Allocations: m.allocations, Releases: m.releases,
		Boots: m.boots, Wipes: m.wipes, Erases: m.erases,
		History: slices.Clone(m.history), Fault: m.fault,
	}
	if m.owner != nil {
		v.Owner = m.owner.name
	}
	for _, d := range m.disks {
		dv := DiskView{Disk: d, Wipes: m.diskWipes[d.Serial]}
		if b := m.recordOf(d.Serial); b != nil {
			dv.Inventoried, dv.DeviceID = true, b.id
		}
		v.Disks = append(v.Disks, dv)
	}
	return v
}
