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
	"slices"
	"strings"
)

// Power types the simulator knows. With powerManual MAAS cannot switch power:
// the operator has to (Operator.PowerOn).
const (
	powerWebhook = "webhook"
	powerManual  = "manual"
)

// LinkMode is how an interface gets its address.
type LinkMode string

// The link modes of MAAS.
const (
	LinkAuto   LinkMode = "auto"
	LinkStatic LinkMode = "static"
	LinkDHCP   LinkMode = "dhcp"
	LinkUp     LinkMode = "link_up"
)

// MachineSpec describes a machine to add. Only what is set differs from an
// ordinary server with one NIC and one disk.
type MachineSpec struct {
	SystemID     string // generated when empty
	Hostname     string // "node<number>" when empty
	Description  string
	Architecture string // amd64/generic
	CPUs         int    // 8
	MemoryMiB    int    // 32768
	Zone         string // default; added when unknown, as are Pool and Tags
	Pool         string
	Tags         []string
	Disks        []Disk // one of 480 GB
	NICs         []NIC  // one, AUTO on the first subnet
	PowerType    string // webhook; "manual" for none
	HardwareUUID string
	Serial       string
	// Status the machine starts in: Ready unless set. New, Failed
	// commissioning, Broken and Failed testing make sense too.
	Status *Status
}

// NIC describes a physical interface of a machine.
type NIC struct {
	Name    string // enp1s0, enp1s1, enp2s0 and so on
	MAC     string // generated when empty
	Subnet  string // CIDR or name; added when an unknown CIDR
	Mode    LinkMode
	Address string // for LinkStatic, and what LinkDHCP will hand out
	// SpeedMbps is the interface speed, 10000 by default.
	SpeedMbps int
	Tags      []string
	// Fabric is where a NIC without a subnet is plugged in, untagged (fabric-0;
	// added when unknown); with NoVLAN MAAS does not know it.
	Fabric string
	NoVLAN bool
	// NoCarrier is a NIC without a cable.
	NoCarrier bool
}

// AddMachine adds a machine and returns its system id. It panics when the spec
// contradicts itself or the rack (double system id, hostname or MAC): that is
// a mistake in a test.
func (s *Server) AddMachine(spec MachineSpec) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addMachine(spec).systemID
}

func (s *Server) addMachine(spec MachineSpec) *machine {
	m := &machine{
		id: s.ids.next("machine"), systemID: spec.SystemID, hostname: spec.Hostname,
		description: spec.Description, uuid: spec.HardwareUUID, serial: spec.Serial,
		arch: orString(spec.Architecture, "amd64/generic"),
		cpus: orInt(spec.CPUs, 8), memory: orInt(spec.MemoryMiB, 32768), cpuSpeed: 2100,
		zone: s.ensureZone(orString(spec.Zone, "default"), ""), pool: s.ensurePool(orString(spec.Pool, "default"), ""),
		domain: s.domains[0], tags: slices.Clone(spec.Tags),
		status: StatusReady, netboot: true, powerType: orString(spec.PowerType, powerWebhook), power: "off",
		annotations: map[string]string{}, diskWipes: map[string]int{},
	}
	if m.powerType == powerManual {
		m.power = "unknown"
	}
	if spec.Status != nil {
		m.status = *spec.Status
	}
	s.nameMachine(m)
	for _, t := range m.tags {
		s.ensureTag(t)
	}
	m.comm = ptr(m.id + 1)
	s.buildNICs(m, spec.NICs)
	s.buildDisks(m, spec.Disks)
	s.machines[m.systemID] = m
	s.order = append(s.order, m)
	s.seedCommissioningEvents(m)
	m.record(s.clock.Now())
	return m
}

func (s *Server) nameMachine(m *machine) {
	if m.systemID == "" {
		m.systemID = s.newSystemID(m.id)
	}
	if m.hostname == "" {
		m.hostname = fmt.Sprintf("node%02d", m.id)
	}
	if m.uuid == "" {
		m.uuid = fmt.Sprintf("00000000-0000-0000-0000-%012d", m.id)
	}
	if m.serial == "" {
		m.serial = fmt.Sprintf("SN%05d", m.id)
	}
	if s.machines[m.systemID] != nil {
		panic("maassim: a machine with system id " + m.systemID + " is there already")
	}
	for _, o := range s.order {
		if o.hostname == m.hostname {
			panic("maassim: a machine with hostname " + m.hostname + " is there already")
		}
	}
}

// newSystemID makes ids like MAAS's: six of the characters that are hard to
// confuse, in no visible order, the same at each run.
func (s *Server) newSystemID(n int) string {
	const alphabet = "34678abcdefghkmnpqrstwxy"
	v := uint64(n)*0x9e3779b97f4a7c15 ^ 0x5851f42d4c957f2d
	for {
		var b strings.Builder
		x := v
		for range 6 {
			b.WriteByte(alphabet[x%uint64(len(alphabet))])
			x /= uint64(len(alphabet))
		}
		if s.machines[b.String()] == nil {
			return b.String()
		}
		v = v*6364136223846793005 + 1442695040888963407
	}
}

func ptr[T any](v T) *T { return &v }

func orString(v, d string) string {
	if v == "" {
		return d
	}
	return v
}

func orInt(v, d int) int {
	if v == 0 {
		return d
	}
	return v
}
