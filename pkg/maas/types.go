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

package maas

import (
	"slices"
	"time"
)

// Status is the state of a machine in MAAS's life cycle, by the name its API shows.
type Status string

// The states of a machine (MAAS API, NODE_STATUS).
const (
	StatusNew                  Status = "New"
	StatusCommissioning        Status = "Commissioning"
	StatusFailedCommissioning  Status = "Failed commissioning"
	StatusMissing              Status = "Missing"
	StatusReady                Status = "Ready"
	StatusReserved             Status = "Reserved"
	StatusAllocated            Status = "Allocated"
	StatusDeploying            Status = "Deploying"
	StatusDeployed             Status = "Deployed"
	StatusRetired              Status = "Retired"
	StatusBroken               Status = "Broken"
	StatusFailedDeployment     Status = "Failed deployment"
	StatusReleasing            Status = "Releasing"
	StatusFailedReleasing      Status = "Releasing failed"
	StatusDiskErasing          Status = "Disk erasing"
	StatusFailedDiskErasing    Status = "Failed disk erasing"
	StatusRescueMode           Status = "Rescue mode"
	StatusEnteringRescueMode   Status = "Entering rescue mode"
	StatusFailedEnteringRescue Status = "Failed to enter rescue mode"
	StatusExitingRescueMode    Status = "Exiting rescue mode"
	StatusFailedExitingRescue  Status = "Failed to exit rescue mode"
	StatusTesting              Status = "Testing"
	StatusFailedTesting        Status = "Failed testing"
)

// Power is the power state as MAAS knows it.
type Power string

// The power states MAAS reports. Unknown is what a machine with manual power always has.
const (
	PowerOn      Power = "on"
	PowerOff     Power = "off"
	PowerUnknown Power = "unknown"
	PowerError   Power = "error"
)

// Machine is what the provider keeps of a MAAS machine. Values are shared between readers of a snapshot: treat
// slices and maps as read-only.
type Machine struct {
	// SystemID is MAAS's id of the machine and never changes.
	SystemID string
	// Hostname is the name without its domain; FQDN has it.
	Hostname string
	FQDN     string
	Status   Status
	// StatusMessage is MAAS's latest word on the status, often empty.
	StatusMessage string
	Power         Power
	// PowerType is how MAAS reaches the BMC, such as "ipmi", "redfish" or "manual".
	PowerType string
	// Owner is the MAAS user that holds the machine, "" when nobody does.
	Owner  string
	Locked bool

	Zone string
	// Pool is the MAAS resource pool.
	Pool string
	// Tags are sorted.
	Tags []string
	// Architecture is as MAAS writes it, such as "amd64/generic".
	Architecture string
	CPUCount     int
	MemoryMiB    int64

	// OSSystem and DistroSeries say what is deployed, "" unless deploying or deployed.
	OSSystem     string
	DistroSeries string

	// Addresses are the IP addresses MAAS knows, in its order.
	Addresses []string
	// Interfaces are in MAAS's order, which is that of their ids. MAAS writes no event when somebody changes them, so
	// what a snapshot has of them may be as old as its last whole list.
	Interfaces []Interface
	// Annotations are the workload annotations; they vanish at release.
	Annotations map[string]string

	// BlockDevices are the disks MAAS has in its inventory, by id; the machine may show more.
	BlockDevices []BlockDevice
	// BootDiskID is the block device MAAS boots the machine from, 0 when there is none.
	BootDiskID int
	// Ephemeral tells that the machine is deployed to memory. MAAS before 3.5 never tells.
	Ephemeral bool
}

// BlockDevice returns the block device of an id, nil when MAAS has none.
func (m *Machine) BlockDevice(id int) *BlockDevice {
	for i := range m.BlockDevices {
		if m.BlockDevices[i].ID == id {
			return &m.BlockDevices[i]
		}
	}
	return nil
}

// HasTag tells whether the machine carries the MAAS tag.
func (m *Machine) HasTag(tag string) bool {
	_, ok := slices.BinarySearch(m.Tags, tag)
	return ok
}

// Filter selects machines. Its zero value selects all; several ids are OR-ed, the fields are AND-ed.
type Filter struct {
	SystemIDs []string
	// AgentName selects the machines that were allocated under this agent name. MAAS never shows the agent name of a
	// machine, it only filters by it.
	AgentName string
}

// AllocateRequest asks for one machine.
type AllocateRequest struct {
	// SystemID is the machine to take.
	SystemID string
	// AgentName marks the allocation as ours (MAAS keeps it until release; at most 255 characters).
	AgentName string
	// Comment is written to MAAS's event log.
	Comment string
}

// DeployRequest says what to install.
type DeployRequest struct {
	// AgentName marks the machine as ours also if it was released behind our back a moment ago, in which case MAAS
	// acquires it anew for the caller.
	AgentName string
	// DistroSeries is the image, such as "jammy", "ubuntu/jammy" or "custom/name".
	DistroSeries string
	// Kernel is the MAAS kernel name, such as "hwe-22.04"; "" leaves the choice to MAAS.
	Kernel string
	// UserData is cloud-init user data, delivered verbatim.
	UserData []byte
	// Ephemeral runs the system from memory and touches no disk; each power cycle makes it anew. MAAS before 3.5 does that
	// to its own Ubuntu images only, and before 2.9 it installs to disk nevertheless.
	Ephemeral bool
	// Comment is written to MAAS's event log.
	Comment string
}

// EventQuery selects events.
type EventQuery struct {
	// After selects events with a greater id, Before those with a smaller one; 0 sets no bound. After makes the oldest
	// of the selected events come, in the place of the newest.
	After, Before int64
	// Limit is 1 to 1000.
	Limit int
}

// Event is a line of MAAS's event log.
type Event struct {
	ID          int64
	SystemID    string
	Hostname    string
	Level       string
	Type        string
	Description string
	// Created has a resolution of one second.
	Created time.Time
}

// User is whose an API key is.
type User struct {
	Name  string
	Admin bool
}

// DNSResource is a name that MAAS's DNS serves.
type DNSResource struct {
	ID   int
	FQDN string
	// Addresses are sorted.
	Addresses []string
}
