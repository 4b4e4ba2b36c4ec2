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
	"context"
	"fmt"
	"net/http"
	"time"
)

const bmcError = "Failed to complete power action: Request failed with response status code: 500."

// powerRefused is MAAS's answer when it is at work on the machine's power.
func powerRefused(m *machine, change string) *response {
	return textResponse(http.StatusServiceUnavailable, fmt.Sprintf(
		"Unable to change power state to '%s' for node %s: another action is already in progress for that node.", change, m.hostname))
}

// powerOn makes MAAS switch the machine on, or off and on when it is on.
func (s *Server) powerOn(m *machine) {
	if m.powerType == powerManual || m.powerBusy != "" {
		return
	}
	if m.hwOn {
		s.powerCycle(m)
		return
	}
	s.event(m, "", levelInfo, "Powering on", "")
	m.powerBusy = "on"
	s.finishPowerOn(m)
}

func (s *Server) finishPowerOn(m *machine) {
	if m.fault.PowerOnFails || m.fault.BMCDead {
		s.after(s.tm.PowerRetry, func() {
			m.powerBusy = ""
			if m.fault.PowerOnFails || m.fault.BMCDead {
				why := "Power on for the node failed: " + bmcError
				s.fail(m, why)
				s.event(m, "", levelError, "Failed to power on node", why)
				return
			}
			s.poweredOn(m)
		})
		return
	}
	s.after(s.tm.PowerOn+m.fault.SlowPower, func() {
		m.powerBusy = ""
		s.poweredOn(m)
	})
}

func (s *Server) poweredOn(m *machine) {
	if s.machines[m.systemID] != m {
		return
	}
	s.hardwareOn(m)
	s.setPower(m, "on")
	s.event(m, "", levelDebug, "Node powered on", "")
}

// powerCycle switches off and on again.
func (s *Server) powerCycle(m *machine) {
	if m.powerType == powerManual || m.powerBusy != "" {
		return
	}
	s.event(m, "", levelInfo, "Power cycling", "")
	m.powerBusy = "on"
	s.after(s.tm.PowerOff+m.fault.SlowPower, func() {
		s.hardwareOff(m, func() { s.finishPowerOn(m) })
	})
}

// powerOff makes MAAS switch the machine off, after the commit; done runs when
// it is off.
func (s *Server) powerOff(m *machine, done func()) {
	m.powerBusy = "off"
	s.after(s.tm.Commit, func() {
		s.event(m, "", levelInfo, "Powering off", "")
		s.finishPowerOff(m, done)
	})
}

func (s *Server) finishPowerOff(m *machine, done func()) {
	if m.fault.PowerOffFails || m.fault.BMCDead {
		s.after(s.tm.PowerRetry, func() {
			if m.fault.PowerOffFails || m.fault.BMCDead {
				m.powerBusy = ""
				why := "Power off for the node failed: " + bmcError
				s.fail(m, why)
				s.event(m, "", levelError, "Failed to power off node", why)
				return
			}
			s.cutPower(m, done)
		})
		return
	}
	s.after(s.tm.PowerOff+m.fault.SlowPower, func() { s.cutPower(m, done) })
}

func (s *Server) cutPower(m *machine, done func()) {
	s.hardwareOff(m, func() {
		m.powerBusy = ""
		s.setPower(m, "off")
		s.event(m, "", levelDebug, "Node powered off", "")
		if done != nil {
			done()
		}
	})
}

// hardwareOn is the button: the machine starts and boots what its status and
// netboot flag make it boot.
func (s *Server) hardwareOn(m *machine) {
	if m.hwOn {
		return
	}
	m.hwOn = true
	m.powerEpoch++
	epoch := m.powerEpoch
	d := s.tm.NetBoot + m.fault.SlowBoot
	if !m.netboot && m.status != StatusDiskErasing {
		d = s.tm.Boot
	}
	s.after(d, func() {
		if m.powerEpoch == epoch {
			s.booted(m)
		}
	})
}

// hardwareOff cuts the power; after runs under the lock once the chassis is
// off.
func (s *Server) hardwareOff(m *machine, after func()) {
	was := m.hwOn
	m.hwOn = false
	m.powerEpoch++
	if s.cfg.Chassis == nil || !was {
		if after != nil {
			after()
		}
		return
	}
	m.slot.stop(s, func() {
		s.cfg.Chassis.PowerOff(m.systemID)
		s.mu.Lock()
		defer s.mu.Unlock()
		if after != nil && !s.closed {
			after()
		}
	})
}

// booted is the moment at which the ephemeral system, or the installed one,
// runs.
func (s *Server) booted(m *machine) {
	switch m.status {
	case StatusDeploying:
		s.installerStarted(m)
	case StatusDiskErasing:
		s.eraserStarted(m)
	case StatusCommissioning:
		s.commissionerStarted(m)
	case StatusTesting:
		s.testerStarted(m)
	case StatusEnteringRescueMode:
		s.setStatus(m, StatusRescueMode, "")
	case StatusExitingRescueMode:
		s.leaveRescue(m)
	default:
		if !m.netboot || m.status == StatusDeployed {
			s.bootInstalled(m)
		}
	}
}

// bootInstalled starts the installed system.
func (s *Server) bootInstalled(m *machine) {
	m.boots++
	epoch := m.powerEpoch
	b := Boot{
		SystemID: m.systemID, Hostname: m.hostname, FQDN: m.fqdn(), OSystem: m.osystem,
		DistroSeries: m.series, Addresses: m.addresses(), Disks: append([]Disk(nil), m.disks...),
	}
	if s.cfg.Chassis == nil {
		_, _ = s.fetchUserData(m, epoch)
		return
	}
	b.FetchUserData = func() ([]byte, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.fetchUserData(m, epoch)
	}
	m.slot.start(s, func(ctx context.Context) { s.cfg.Chassis.Boot(ctx, b) })
}

// fetchUserData is what the metadata service does; it is what makes a machine
// Deployed.
func (s *Server) fetchUserData(m *machine, powerEpoch uint64) ([]byte, error) {
	if s.closed || m.powerEpoch != powerEpoch || s.machines[m.systemID] != m {
		return nil, ErrNoUserData
	}
	if m.status == StatusDeploying {
		s.deployed(m)
	}
	if !m.hasData {
		return nil, ErrNoUserData
	}
	return append([]byte(nil), m.userData...), nil
}

func powerOnOp(rq *request) *response {
	return rq.withOwn(func(m *machine) *response {
		switch {
		case m.locked:
			return forbidden()
		case m.owner == nil:
			return conflict("Can't start node: it hasn't been allocated.")
		case m.powerBusy != "":
			return powerRefused(m, "on")
		case m.status == StatusAllocated:
			return deploy(rq) // to MAAS, the start of an allocated machine is its deployment
		case m.powerType == powerManual:
			return rq.s.machineResponse(m)
		}
		rq.s.event(m, rq.user.name, levelDebug, "User powering on node", userComment(rq.user, rq.get("comment")))
		if rq.has("user_data") {
			m.userData, m.hasData = decodeUserData(rq.get("user_data")), true
		}
		if !m.hwOn {
			rq.s.powerOn(m)
		}
		return rq.s.machineResponse(m)
	})
}

func powerOffOp(rq *request) *response {
	return rq.withOwn(func(m *machine) *response {
		if m.locked {
			return forbidden()
		}
		if m.powerBusy != "" {
			return powerRefused(m, "off")
		}
		if m.powerType == powerManual {
			return ok(nil)
		}
		rq.s.event(m, rq.user.name, levelDebug, "User powering off node", userComment(rq.user, rq.get("comment")))
		rq.s.powerOff(m, nil)
		return rq.s.machineResponse(m)
	})
}

func queryPowerState(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		if m.powerType == powerManual {
			return ok(obj{"state": "unknown"})
		}
		if m.fault.BMCDead {
			rq.s.setPower(m, "error")
			r := ok(obj{"state": "error"})
			r.simulated = rq.s.tm.PowerRetry
			return r
		}
		state := "off"
		if m.hwOn {
			state = "on"
		}
		if m.powerBusy == "" {
			rq.s.setPower(m, state)
		}
		return ok(obj{"state": state})
	})
}

// timeout marks the machine failed when this turn of its life still lasts
// after NodeTimeout.
func (s *Server) timeout(m *machine, what string) {
	epoch := m.epoch
	s.after(s.tm.NodeTimeout, func() {
		if m.epoch != epoch {
			return
		}
		s.fail(m, fmt.Sprintf("Node operation '%s' timed out after %d minutes.", what, int(s.tm.NodeTimeout/time.Minute)))
	})
}
