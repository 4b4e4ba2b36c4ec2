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
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func deploy(rq *request) *response {
	s := rq.s
	m := s.machines[rq.args[0]]
	if m == nil {
		return notFound("Machine")
	}
	if refused := deployAllowed(rq, m); refused != nil {
		return refused
	}
	osystem, series, hwe, refused := s.chooseImage(rq, m)
	if refused != nil {
		return refused
	}
	ephemeral := s.deploysToMemory(rq, m, osystem)
	if !ephemeral {
		if refused := m.storageIssues(osystem); refused != nil {
			return refused
		}
	}
	if m.status == StatusReady {
		s.acquire(m, rq.user, rq.get("agent_name"), rq.get("comment"))
	}
	m.osystem, m.series, m.hwe = osystem, series, hwe
	m.minHWE = ptr("")
	m.ephemeral = ephemeral
	m.userData, m.hasData = nil, rq.get("user_data") != ""
	if m.hasData {
		m.userData = decodeUserData(rq.get("user_data"))
	}
	s.startDeployment(rq, m)
	return s.machineResponse(m)
}

// deployAllowed checks what MAAS checks before it looks at the form.
func deployAllowed(rq *request, m *machine) *response {
	if !rq.user.admin && m.owner != nil && m.owner != rq.user {
		return forbidden()
	}
	if m.locked {
		return forbidden()
	}
	if m.status != StatusReady && m.status != StatusAllocated {
		return conflict(fmt.Sprintf("Can't deploy a machine that is in the '%s' state", m.status))
	}
	for _, k := range []string{"install_kvm", "register_vmhost"} {
		if rq.get(k) == "true" && !rq.user.admin {
			return textResponse(http.StatusForbidden, "Only administratros can deploy VM hosts")
		}
	}
	if v := rq.get("ephemeral_deploy"); rq.s.since(2, 9) && v != "" && v != "true" && v != "false" {
		return badRequest("Invalid ephemeral_deploy: Value should be 'true' or 'false'")
	}
	return nil
}

// deploysToMemory tells whether the system will run from memory: where it is
// asked for, and where there is no disk.
func (s *Server) deploysToMemory(rq *request, m *machine, osystem string) bool {
	if !s.since(2, 9) || osystem != "ubuntu" && !s.since(3, 5) {
		return false
	}
	return rq.get("ephemeral_deploy") == "true" || len(m.bds) == 0
}

func (s *Server) startDeployment(rq *request, m *machine) {
	m.begin()
	m.deploys++
	if !m.ephemeral {
		m.install = ptr(s.ids.next("script"))
	}
	s.event(m, rq.user.name, levelDebug, "User starting deployment", userComment(rq.user, rq.get("comment")))
	s.setStatus(m, StatusDeploying, "")
	s.event(m, "", levelInfo, "Deploying", "")
	m.touch()
	s.timeout(m, "Deploying")
	epoch := m.epoch
	if m.powerType != powerManual && m.powerBusy == "" {
		m.powerBusy = "on" // until the commit no other power action is accepted
	}
	s.after(s.tm.Commit, func() {
		if m.powerBusy == "on" {
			m.powerBusy = ""
		}
		if m.epoch != epoch || m.status != StatusDeploying {
			return
		}
		if !s.claimAddresses(m) {
			s.fail(m, "No more IPs available in subnet.")
			return
		}
		s.powerOn(m)
	})
}

// installerStarted is curtin's start: from here on the disks are lost.
func (s *Server) installerStarted(m *machine) {
	power, life := m.powerEpoch, m.epoch
	s.event(m, "", levelDebug, "Node installation", "'curtin' curtin command install")
	if m.ephemeral {
		s.event(m, "", levelDebug, "Script result", "/tmp/install.log changed status from 'Pending' to 'Running'")
		s.after(s.tm.Boot, func() { s.installed(m, power, life) })
		return
	}
	found := s.wipeInventoried(m)
	if m.powerEpoch != power || m.epoch != life {
		return
	}
	s.event(m, "", levelDebug, "Script result", "/tmp/install.log changed status from 'Pending' to 'Running'")
	if !found {
		s.installFailed(m)
		return
	}
	s.after(s.tm.Install, func() { s.installed(m, power, life) })
}

func (s *Server) installed(m *machine, power, life uint64) {
	if m.powerEpoch != power || m.epoch != life || m.status != StatusDeploying {
		return
	}
	if m.fault.InstallHangs {
		m.installHeld = func() { s.installed(m, power, life) }
		return
	}
	if m.fault.InstallFails {
		s.installFailed(m)
		return
	}
	s.event(m, "", levelInfo, "Image Deployed", fmt.Sprintf("deployed %s/%s/%s", m.osystem, m.series, m.arch))
	m.netboot = m.ephemeral
	m.touch()
	s.bootInstalled(m)
}

func (s *Server) installFailed(m *machine) {
	s.event(m, "", levelError, "Node installation failure", "'curtin' curtin command install")
	s.fail(m, "Installation failed (refer to the installation log for more information).")
}

// deployed is the first fetch of user data by the installed system.
func (s *Server) deployed(m *machine) {
	m.begin()
	s.setStatus(m, StatusDeployed, "")
	s.event(m, "", levelInfo, "Deployed", "")
	for i := range s.images {
		if im := &s.images[i]; im.osystem == m.osystem && im.series == m.series {
			im.lastDeployed = s.clock.Now()
		}
	}
}

func decodeUserData(v string) []byte {
	clean := strings.Map(func(r rune) rune {
		if strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", r) {
			return r
		}
		return -1
	}, v)
	b, _ := base64.RawStdEncoding.DecodeString(clean) // what decodes is kept, as MAAS does
	return b
}

// chooseImage resolves distro_series and hwe_kernel.
func (s *Server) chooseImage(rq *request, m *machine) (osystem, series, hwe string, refused *response) {
	want := rq.get("distro_series")
	if want == "" {
		want, _ = s.config["default_distro_series"].(string)
	}
	var choices []string
	for _, im := range s.images {
		full := im.osystem + "/" + im.series
		if full == want || im.series == want {
			osystem, series, hwe = im.osystem, im.series, im.kernel
		}
		if !slices.Contains(choices, "'"+full+"'") {
			choices = append(choices, "'"+full+"'")
		}
	}
	if osystem == "" {
		slices.Sort(choices)
		return "", "", "", invalid("distro_series", fmt.Sprintf(
			"'%s' is not a valid distro_series.  It should be one of: '', %s.", want, strings.Join(choices, ", ")))
	}
	return s.chooseKernel(rq, m, osystem, series, hwe)
}

func (s *Server) chooseKernel(rq *request, m *machine, osystem, series, ga string) (string, string, string, *response) {
	k := rq.get("hwe_kernel")
	release, isKernel := strings.CutPrefix(k, "hwe-")
	if !isKernel {
		release, isKernel = strings.CutPrefix(k, "ga-")
	}
	if !isKernel || osystem != "ubuntu" {
		return osystem, series, ga, nil
	}
	if k == ga || k == "hwe-"+strings.TrimPrefix(ga, "ga-") || release == strings.TrimPrefix(ga, "ga-") {
		return osystem, series, k, nil
	}
	return "", "", "", invalid("hwe_kernel", fmt.Sprintf("%s is not available for %s/%s on %s.", k, osystem, series, m.arch))
}

func abort(rq *request) *response {
	return rq.withOwn(func(m *machine) *response {
		s := rq.s
		if m.locked {
			return forbidden()
		}
		what, abortable := abortEvents[m.status]
		if !abortable {
			return conflict(fmt.Sprintf("Cannot abort in current state: node %s is in state %s.", m.systemID, m.status))
		}
		if m.powerBusy != "" {
			return powerRefused(m, "off")
		}
		s.event(m, rq.user.name, levelDebug, "User aborting "+what.user, userComment(rq.user, rq.get("comment")))
		s.event(m, "", levelInfo, what.done, "")
		epoch := m.begin()
		s.afterPowerOff(m, epoch, func() { s.aborted(m) })
		return s.machineResponse(m)
	})
}

var abortEvents = map[Status]struct{ user, done string }{
	StatusDeploying:          {"deployment", "Aborted deployment"},
	StatusCommissioning:      {"commissioning", "Aborted commissioning"},
	StatusTesting:            {"testing", "Aborted testing"},
	StatusDiskErasing:        {"disk erase", "Aborted disk erasing"},
	StatusEnteringRescueMode: {"rescue mode", "Aborted rescue mode"},
}

// afterPowerOff runs f when the machine is off and still in the given turn of
// its life.
func (s *Server) afterPowerOff(m *machine, epoch uint64, f func()) {
	run := func() {
		if m.epoch == epoch {
			f()
		}
	}
	if m.powerType == powerManual || m.power == "off" {
		run()
		return
	}
	s.powerOff(m, run)
}

func (s *Server) aborted(m *machine) {
	to := m.former
	switch m.status {
	case StatusDeploying:
		to = StatusAllocated
		s.releaseAddresses(m)
	case StatusCommissioning:
		to = StatusNew
	case StatusDiskErasing:
		to = StatusFailedDiskErasing
	}
	s.setStatus(m, to, "")
}
