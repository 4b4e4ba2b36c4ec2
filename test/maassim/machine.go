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
	"fmt"
	"time"
)

// machine is one server and MAAS's record of it. Guarded by Server.mu.
type machine struct {
	id          int
	systemID    string
	hostname    string
	description string
	uuid        string
	serial      string
	arch        string
	cpus        int
	memory      int
	cpuSpeed    int
	zone        *zone
	pool        *pool
	domain      *domain
	tags        []string
	status      Status
	former      Status // status to return to after testing or rescue
	owner       *user
	agentName   string
	locked      bool
	netboot     bool
	powerType   string
	power       string // power_state as MAAS knows it
	hwOn        bool   // what is really so
	powerBusy   string // "on", "off" or "" while MAAS works at it
	osystem     string
	series      string
	hwe         string
	minHWE      *string
	ephemeral   bool
	userData    []byte
	hasData     bool
	annotations map[string]string
	swapSize    *int64
	fault       HostFault
	installHeld func() // goes on with an installation that hangs

	disks []Disk         // what it shows
	bds   []*blockDevice // as inventoried, by id
	ifs   []*iface
	nics  []nic // as commissioned
	// keepNetwork is to leave the network as it is after commissioning.
	keepNetwork bool
	// gateways are the links chosen for the default routes, IPv4's and IPv6's.
	gateways [2]*link
	install  *int
	comm     *int
	testing  *int

	bootDisk    int // id of the block device an administrator chose, 0 for none
	groupID     int // of the layout's volume group
	eraseKind   wipeKind
	keepStorage bool // commissioning leaves the inventory of disks as it is

	statusMessage *string
	statusAction  *string

	// epoch changes with each turn of the life cycle, and powerEpoch with each
	// power cycle: what was timed for an earlier one is void.
	epoch      uint64
	powerEpoch uint64
	slot       powerSlot

	version  uint64
	rendered []byte
	renderAt uint64

	deploys, allocations, releases, boots, wipes, erases int
	diskWipes                                            map[string]int
	history                                              []Transition
}

func (m *machine) fqdn() string { return m.hostname + "." + m.domain.name }

// touch voids the rendered JSON.
func (m *machine) touch() { m.version++ }

// begin starts a new turn of the life cycle.
func (m *machine) begin() uint64 {
	m.epoch++
	return m.epoch
}

// setStatus moves the machine and writes the event every change feed reads.
func (s *Server) setStatus(m *machine, to Status, suffix string) {
	if m.status == to {
		return
	}
	from := m.status
	m.status = to
	m.touch()
	s.event(m, "", levelDebug, "Node changed status", fmt.Sprintf("From '%s' to '%s'%s", from, to, suffix))
	m.record(s.clock.Now())
}

const maxHistory = 512

func (m *machine) record(at time.Time) {
	t := Transition{Time: at, Status: m.status, StatusName: m.status.String(), Power: m.power}
	if m.owner != nil {
		t.Owner = m.owner.name
	}
	m.history = append(m.history, t)
	if len(m.history) > maxHistory {
		m.history = append(m.history[:0:0], m.history[len(m.history)-maxHistory/2:]...)
	}
}

func (s *Server) setPower(m *machine, state string) {
	if m.powerType == powerManual {
		state = "unknown"
	}
	if m.power == state {
		return
	}
	m.power = state
	m.touch()
	m.record(s.clock.Now())
}

// acquire gives a machine to a user.
func (s *Server) acquire(m *machine, u *user, agent, comment string) {
	s.event(m, u.name, levelDebug, "User acquiring node", userComment(u, comment))
	m.owner, m.agentName = u, agent
	m.allocations++
	s.setStatus(m, StatusAllocated, fmt.Sprintf(" (to %s)", u.name))
}

func userComment(u *user, comment string) string {
	if comment == "" {
		return "(" + u.name + ")"
	}
	return "(" + u.name + ") - " + comment
}

// free takes what belongs to the last owner off the machine and makes it
// Ready.
func (s *Server) free(m *machine) {
	m.begin()
	m.owner, m.agentName, m.locked = nil, "", false
	m.osystem, m.series, m.hwe, m.ephemeral = "", "", "", false
	m.userData, m.hasData, m.install = nil, false, nil
	m.annotations = map[string]string{}
	m.netboot = true
	s.releaseAddresses(m)
	s.dropBridges(m)
	s.setStatus(m, StatusReady, "")
	m.touch()
}

// fail marks the machine failed from what it does now.
func (s *Server) fail(m *machine, why string) {
	to, ok := failedFrom[m.status]
	if !ok {
		return
	}
	m.begin()
	s.event(m, "", levelError, markingFailed, why)
	s.setStatus(m, to, "")
}

var failedFrom = map[Status]Status{
	StatusCommissioning:      StatusFailedCommissioning,
	StatusDeploying:          StatusFailedDeployment,
	StatusReleasing:          StatusReleasingFailed,
	StatusDiskErasing:        StatusFailedDiskErasing,
	StatusTesting:            StatusFailedTesting,
	StatusEnteringRescueMode: StatusFailedEnteringRescue,
	StatusExitingRescueMode:  StatusFailedExitingRescue,
}
