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
	"net/http"
	"slices"
	"strings"
)

// releasable are the statuses release accepts.
var releasable = map[Status]bool{
	StatusAllocated: true, StatusReserved: true, StatusBroken: true, StatusDeploying: true, StatusDeployed: true,
	StatusFailedDeployment: true, StatusFailedDiskErasing: true, StatusReleasingFailed: true,
	StatusRescueMode: true, StatusFailedEnteringRescue: true, StatusFailedExitingRescue: true,
}

func release(rq *request) *response {
	m := rq.s.machines[rq.args[0]]
	if m == nil {
		return notFound("Machine")
	}
	if m.status == StatusReady {
		return rq.s.machineResponse(m)
	}
	if m.status == StatusBroken && m.owner == nil {
		// Nobody owns it, so anybody may: a way for an ordinary user to fix it.
		if refused := rq.s.release(rq, m); refused != nil {
			return refused
		}
		return rq.s.machineResponse(m)
	}
	return rq.withOwn(func(m *machine) *response {
		switch {
		case m.locked:
			return forbidden()
		case m.status == StatusReleasing:
			return rq.s.machineResponse(m)
		case !releasable[m.status]:
			return conflict(fmt.Sprintf("Machine cannot be released in its current state ('%s').", m.status))
		}
		if refused := rq.s.release(rq, m); refused != nil {
			return refused
		}
		return rq.s.machineResponse(m)
	})
}

func (s *Server) release(rq *request, m *machine) *response {
	if rq.get("erase") == "true" || s.config["enable_disk_erasing_on_release"] == true {
		return s.startErasing(rq, m)
	}
	// MAAS forgets the operating system before it asks for the power: a
	// refusal is not a rollback.
	m.osystem, m.series, m.hwe, m.ephemeral = "", "", "", false
	m.touch()
	if m.powerBusy != "" && m.power == "on" {
		return powerRefused(m, "off")
	}
	s.event(m, rq.user.name, levelDebug, "User releasing node", userComment(rq.user, rq.get("comment")))
	s.startReleasing(m)
	return nil
}

func (s *Server) startReleasing(m *machine) {
	epoch := m.begin()
	m.osystem, m.series, m.hwe, m.ephemeral = "", "", "", false
	m.netboot, m.agentName, m.install = true, "", nil
	s.setStatus(m, StatusReleasing, "")
	s.event(m, "", levelInfo, "Releasing", "")
	s.afterPowerOff(m, epoch, func() {
		m.releases++
		s.free(m)
		s.event(m, "", levelInfo, "Released", "")
	})
}

func (s *Server) startErasing(rq *request, m *machine) *response {
	if m.powerBusy != "" {
		return powerRefused(m, "on")
	}
	s.event(m, rq.user.name, levelDebug, "User erasing disks", userComment(rq.user, rq.get("comment")))
	m.begin()
	m.eraseKind = s.eraseKind(rq)
	s.setStatus(m, StatusDiskErasing, "")
	s.timeout(m, "Disk erasing")
	epoch := m.epoch
	s.after(s.tm.Commit, func() {
		if m.epoch == epoch {
			s.powerOn(m)
		}
	})
	return nil
}

// eraseKind is how much a release erases. What the call leaves open is as the
// region's settings say. The disks have no command of their own to erase
// themselves, so that with both ways asked for the quick one is taken.
func (s *Server) eraseKind(rq *request) wipeKind {
	quick := s.config["disk_erase_with_quick_erase"] == true
	if rq.has("quick_erase") {
		quick = rq.get("quick_erase") == "true"
	}
	if quick {
		return wipeQuick
	}
	return wipeAll
}

// eraserStarted erases every disk the machine shows, MAAS knows it or not. An
// eraser that fails has begun with the first.
func (s *Server) eraserStarted(m *machine) {
	power, life := m.powerEpoch, m.epoch
	disks := slices.Clone(m.disks)
	if m.fault.EraseFails {
		disks = disks[:min(1, len(disks))]
	}
	s.wipeDisks(m, disks, m.eraseKind)
	s.after(s.tm.Erase, func() {
		if m.powerEpoch != power || m.epoch != life || m.status != StatusDiskErasing {
			return
		}
		if m.fault.EraseFails {
			s.eraseFailed(m)
			return
		}
		m.erases++
		s.startReleasing(m)
	})
}

func (s *Server) eraseFailed(m *machine) { s.fail(m, "Failed to erase disks.") }

func releaseMany(rq *request) *response {
	ids := rq.form["machines"]
	if refused := checkReleaseMany(rq, ids); refused != nil {
		return refused
	}
	released := []string{}
	for _, id := range ids {
		m := rq.s.machines[id]
		if m.status == StatusReady || m.status == StatusReleasing {
			continue
		}
		if refused := rq.s.release(rq, m); refused != nil {
			return refused
		}
		released = append(released, id)
	}
	return ok(released)
}

// checkReleaseMany refuses all when one cannot be released.
func checkReleaseMany(rq *request, ids []string) *response {
	var unknown, denied, wrong []string
	for _, id := range ids {
		m := rq.s.machines[id]
		switch {
		case m == nil:
			unknown = append(unknown, id)
		case m.locked || !rq.user.admin && m.owner != nil && m.owner != rq.user:
			denied = append(denied, id)
		case m.status != StatusReady && m.status != StatusReleasing && !releasable[m.status]:
			wrong = append(wrong, fmt.Sprintf("%s ('%s')", m.systemID, m.status))
		}
	}
	switch {
	case len(unknown) > 0:
		return badRequest("Unknown machine(s): " + strings.Join(unknown, ", ") + ".")
	case len(denied) > 0:
		return textResponse(http.StatusForbidden,
			"You don't have the required permission to release the following machine(s): "+strings.Join(denied, ", ")+".")
	case len(wrong) > 0:
		return conflict("Machine(s) cannot be released in their current state: " + strings.Join(wrong, ", ") + ".")
	}
	return nil
}
