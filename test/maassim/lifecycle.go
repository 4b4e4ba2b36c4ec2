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
	"strings"
)

// withVisible calls f with the machine if the caller may see it.
func (rq *request) withVisible(f func(m *machine) *response) *response {
	m := rq.s.machines[rq.args[0]]
	switch {
	case m == nil:
		return notFound("Machine")
	case !rq.mayView(m):
		return forbidden()
	}
	return f(m)
}

// withOwn calls f with the machine if the caller may act on it as its owner
// does.
func (rq *request) withOwn(f func(m *machine) *response) *response {
	m := rq.s.machines[rq.args[0]]
	switch {
	case m == nil:
		return notFound("Machine")
	case !rq.user.admin && m.owner != rq.user:
		return forbidden()
	}
	return f(m)
}

// withAdmin calls f with the machine if the caller is an administrator.
func (rq *request) withAdmin(f func(m *machine) *response) *response {
	m := rq.s.machines[rq.args[0]]
	switch {
	case m == nil:
		return notFound("Machine")
	case !rq.user.admin:
		return forbidden()
	}
	return f(m)
}

func (rq *request) mayView(m *machine) bool {
	return rq.user.admin || m.owner == nil || m.owner == rq.user
}

func lock(rq *request) *response {
	return rq.withOwn(func(m *machine) *response {
		if m.locked {
			return conflict("Machine is already locked.")
		}
		if m.status != StatusDeploying && m.status != StatusDeployed {
			return conflict("Can't lock, machine isn't deployed or deploying.")
		}
		m.locked = true
		m.touch()
		rq.s.event(m, rq.user.name, levelDebug, "User locking node", userComment(rq.user, rq.get("comment")))
		return rq.s.machineResponse(m)
	})
}

func unlock(rq *request) *response {
	return rq.withOwn(func(m *machine) *response {
		if !m.locked {
			return conflict("Machine is already unlocked.")
		}
		m.locked = false
		m.touch()
		rq.s.event(m, rq.user.name, levelDebug, "User unlocking node", userComment(rq.user, rq.get("comment")))
		return rq.s.machineResponse(m)
	})
}

func markBroken(rq *request) *response {
	return rq.withOwn(func(m *machine) *response {
		// The API lets nobody but the owner, the web page an administrator too.
		if m.locked || !rq.web && m.owner != rq.user {
			return forbidden()
		}
		s := rq.s
		m.begin()
		s.event(m, rq.user.name, levelDebug, "User marking node broken", userComment(rq.user, orString(rq.get("comment"), rq.get("error_description"))))
		if releasable[m.status] && m.status != StatusBroken {
			s.startReleasing(m)
		}
		m.begin()
		s.releaseAddresses(m)
		m.owner, m.agentName = nil, ""
		s.setStatus(m, StatusBroken, "")
		m.touch()
		return s.machineResponse(m)
	})
}

func markFixed(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		if m.status != StatusBroken {
			return conflict("Can't mark a non-broken node as 'Ready'.")
		}
		s := rq.s
		s.event(m, rq.user.name, levelDebug, "User marking node fixed", userComment(rq.user, rq.get("comment")))
		m.osystem, m.series, m.hwe = "", "", ""
		m.owner, m.agentName, m.netboot = nil, "", true
		m.begin()
		s.setStatus(m, StatusReady, "")
		m.touch()
		return s.machineResponse(m)
	})
}

func commission(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		s := rq.s
		switch {
		case m.locked:
			return forbidden()
		case !commissionable[m.status]:
			return conflict(fmt.Sprintf("Commission: machine %s is in state %s.", m.systemID, m.status))
		case m.powerBusy != "":
			return powerRefused(m, "on")
		}
		s.event(m, rq.user.name, levelDebug, "User starting node commissioning", userComment(rq.user, rq.get("comment")))
		m.begin()
		m.owner, m.netboot = rq.user, true
		if m.keepNetwork = isTrue(rq.get("skip_networking")); !m.keepNetwork {
			s.clearNetwork(m)
		}
		if m.keepStorage = isTrue(rq.get("skip_storage")); !m.keepStorage {
			s.applyLayout(m, &layout{name: "blank"})
		}
		s.setStatus(m, StatusCommissioning, "")
		s.event(m, "", levelInfo, "Commissioning", "")
		s.timeout(m, "Commissioning")
		s.powerOn(m)
		return s.machineResponse(m)
	})
}

var commissionable = map[Status]bool{
	StatusNew: true, StatusReady: true, StatusFailedCommissioning: true, StatusBroken: true, StatusFailedTesting: true,
}

// commissionerStarted ends commissioning after its time. The inventory of
// disks is what the machine has.
func (s *Server) commissionerStarted(m *machine) {
	power, life := m.powerEpoch, m.epoch
	s.after(s.tm.Commission, func() {
		if m.powerEpoch != power || m.epoch != life {
			return
		}
		if m.fault.TestFails {
			s.fail(m, "Commissioning scripts failed.")
			return
		}
		s.scriptEvents(m)
		if !m.keepStorage {
			s.recordDisks(m)
		}
		if !m.keepNetwork {
			s.restoreNetwork(m)
		}
		epoch := m.begin()
		m.owner = nil
		s.setStatus(m, StatusReady, "")
		s.event(m, "", levelInfo, "Ready", "")
		s.afterPowerOff(m, epoch, func() {})
	})
}

func startTesting(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		s := rq.s
		switch {
		case m.locked:
			return forbidden()
		case !testable[m.status]:
			return conflict(fmt.Sprintf("Unable to start machine testing: node %s is in state %s.", m.systemID, m.status))
		case m.powerBusy != "":
			return powerRefused(m, "on")
		}
		s.event(m, rq.user.name, levelDebug, "User starting node testing", userComment(rq.user, rq.get("comment")))
		m.begin()
		m.former = m.status
		m.testing = ptr(s.ids.next("script"))
		s.setStatus(m, StatusTesting, "")
		s.event(m, "", levelInfo, "Testing", "")
		s.powerOn(m)
		return s.machineResponse(m)
	})
}

var testable = map[Status]bool{
	StatusReady: true, StatusAllocated: true, StatusDeployed: true, StatusBroken: true, StatusFailedCommissioning: true,
	StatusFailedTesting: true, StatusFailedDeployment: true, StatusReserved: true,
}

func (s *Server) testerStarted(m *machine) {
	power, life := m.powerEpoch, m.epoch
	s.after(s.tm.Test, func() {
		if m.powerEpoch == power && m.epoch == life {
			s.endTesting(m, m.fault.TestFails)
		}
	})
}

// endTesting returns the machine to what it was. A deployed machine boots its
// system again.
func (s *Server) endTesting(m *machine, failed bool) {
	if failed {
		s.fail(m, "Tests failed.")
		return
	}
	epoch := m.begin()
	s.setStatus(m, m.former, "")
	if m.former == StatusDeployed {
		s.powerCycle(m)
		return
	}
	if m.powerBusy == "" {
		s.afterPowerOff(m, epoch, func() {})
	}
}

func rescueMode(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		s := rq.s
		switch {
		case m.locked:
			return forbidden()
		case !rescuable[m.status]:
			return conflict(fmt.Sprintf("Unable to enter rescue mode: node %s is in state %s.", m.systemID, m.status))
		case m.powerBusy != "":
			return powerRefused(m, "on")
		}
		s.event(m, rq.user.name, levelDebug, "User entering rescue mode", userComment(rq.user, ""))
		m.begin()
		m.former = m.status
		m.owner = rq.user
		s.setStatus(m, StatusEnteringRescueMode, "")
		s.event(m, "", levelInfo, "Entering rescue mode", "")
		s.powerOn(m)
		return s.machineResponse(m)
	})
}

var rescuable = map[Status]bool{
	StatusReady: true, StatusBroken: true, StatusDeployed: true, StatusAllocated: true, StatusFailedDeployment: true,
	StatusFailedCommissioning: true, StatusFailedTesting: true, StatusRescueMode: true, StatusFailedEnteringRescue: true,
}

func exitRescueMode(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		s := rq.s
		switch m.status {
		case StatusRescueMode, StatusEnteringRescueMode, StatusFailedEnteringRescue, StatusFailedExitingRescue:
		default:
			return conflict(fmt.Sprintf("Unable to exit rescue mode: node %s is in state %s.", m.systemID, m.status))
		}
		if m.powerBusy != "" {
			return powerRefused(m, "off")
		}
		s.event(m, rq.user.name, levelDebug, "User exiting rescue mode", userComment(rq.user, ""))
		epoch := m.begin()
		s.setStatus(m, StatusExitingRescueMode, "")
		s.event(m, "", levelInfo, "Exiting rescue mode", "")
		if m.former == StatusDeployed {
			s.powerCycle(m)
			return s.machineResponse(m)
		}
		s.afterPowerOff(m, epoch, func() { s.leaveRescue(m) })
		return s.machineResponse(m)
	})
}

// leaveRescue gives the machine back; a deployed one boots its system.
func (s *Server) leaveRescue(m *machine) {
	m.begin()
	s.setStatus(m, m.former, "")
	if m.former != StatusDeployed && m.former != StatusAllocated {
		m.owner = nil
	}
	m.touch()
	if m.former == StatusDeployed {
		s.bootInstalled(m)
	}
}

func annotate(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		if m.locked {
			return forbidden()
		}
		if m.owner == nil || m.owner != rq.user {
			return conflict("Cannot set workload annotations on a machine that's not owned by the user.")
		}
		for k, v := range rq.form {
			if strings.TrimSpace(v[len(v)-1]) == "" {
				delete(m.annotations, k)
				continue
			}
			m.annotations[k] = v[len(v)-1]
		}
		m.touch()
		return rq.s.machineResponse(m)
	})
}
