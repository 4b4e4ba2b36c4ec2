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
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// machineRoutes are the operations on machines; the operator uses the same
// handlers.
var machineRoutes = []route{
	{"machines/", http.MethodGet, "", "machines.list", users, list},
	{"machines/", http.MethodGet, "list_allocated", "machines.list_allocated", users, listAllocated},
	{"machines/", http.MethodGet, "is_registered", "machines.is_registered", users, isRegistered},
	{"machines/", http.MethodGet, "power_parameters", "machines.power_parameters", admins, allPowerParameters},
	{"machines/", http.MethodPost, "allocate", "machines.allocate", users, allocate},
	{"machines/", http.MethodPost, "release", "machines.release", users, releaseMany},
	{"machines/*/", http.MethodGet, "", "machine.read", users, readMachine},
	{"machines/*/", http.MethodGet, "query_power_state", "machine.query_power_state", users, queryPowerState},
	{"machines/*/", http.MethodGet, "get_curtin_config", "machine.get_curtin_config", users, curtinConfig},
	{"machines/*/", http.MethodGet, "power_parameters", "machine.power_parameters", users, powerParameters},
	{"machines/*/", http.MethodGet, "get_token", "machine.get_token", users, getToken},
	{"machines/*/", http.MethodPut, "", "machine.update", users, updateMachine},
	{"machines/*/", http.MethodDelete, "", "machine.delete", users, deleteMachine},
	{"machines/*/", http.MethodPost, "deploy", "machine.deploy", users, deploy},
	{"machines/*/", http.MethodPost, "release", "machine.release", users, release},
	{"machines/*/", http.MethodPost, "abort", "machine.abort", users, abort},
	{"machines/*/", http.MethodPost, "lock", "machine.lock", users, lock},
	{"machines/*/", http.MethodPost, "unlock", "machine.unlock", users, unlock},
	{"machines/*/", http.MethodPost, "mark_broken", "machine.mark_broken", users, markBroken},
	{"machines/*/", http.MethodPost, "mark_fixed", "machine.mark_fixed", users, markFixed},
	{"machines/*/", http.MethodPost, "power_on", "machine.power_on", users, powerOnOp},
	{"machines/*/", http.MethodPost, "power_off", "machine.power_off", users, powerOffOp},
	{"machines/*/", http.MethodPost, "set_workload_annotations", "machine.set_workload_annotations", users, annotate},
	{"machines/*/", http.MethodPost, "set_owner_data", "machine.set_owner_data", users, annotate},
	{"machines/*/", http.MethodPost, "rescue_mode", "machine.rescue_mode", users, rescueMode},
	{"machines/*/", http.MethodPost, "exit_rescue_mode", "machine.exit_rescue_mode", users, exitRescueMode},
	{"machines/*/", http.MethodPost, "commission", "machine.commission", users, commission},
	{"machines/*/", http.MethodPost, "test", "machine.test", users, startTesting},
	{"machines/*/", http.MethodPost, "set_storage_layout", "machine.set_storage_layout", users, setStorageLayout},
	{"machines/*/", http.MethodPost, "restore_storage_configuration", "machine.restore_storage_configuration", users, restoreStorage},
	{"machines/*/", http.MethodPost, "restore_default_configuration", "machine.restore_default_configuration", users, restoreDefault},
	{"nodes/", http.MethodGet, "is_registered", "nodes.is_registered", users, isRegistered},
	{"nodes/*/", http.MethodGet, "", "node.read", users, readMachine},
}

func list(rq *request) *response {
	s := rq.s
	if rq.has("simple_status") {
		return textResponse(http.StatusInternalServerError, "Cannot resolve keyword 'simple_status' into field.")
	}
	cs, refused := s.parseConstraints(rq, commonConstraints, listConstraints, nil)
	if refused != nil {
		return refused
	}
	return s.listMachines(rq, func(m *machine) bool {
		return !slices.ContainsFunc(cs, func(c constraint) bool { return !c.match(m) })
	})
}

// listMachines answers with the machines the caller may see and match accepts.
func (s *Server) listMachines(rq *request, match func(*machine) bool) *response {
	chunks := make([][]byte, 0, len(s.order))
	for _, m := range s.order {
		if rq.mayView(m) && match(m) {
			chunks = append(chunks, s.render(m))
		}
	}
	return listResponse(chunks)
}

func listAllocated(rq *request) *response {
	ids := rq.form["id"]
	return rq.s.listMachines(rq, func(m *machine) bool {
		return m.owner == rq.user && m.status == StatusAllocated && (len(ids) == 0 || slices.Contains(ids, m.systemID))
	})
}

func isRegistered(rq *request) *response {
	macs := []string{strings.ToLower(rq.get("mac_address"))}
	return ok(slices.ContainsFunc(rq.s.order, func(m *machine) bool { return rq.s.hasMAC(m, macs) }))
}

func readMachine(rq *request) *response {
	return rq.withVisible(rq.s.machineResponse)
}

func getToken(rq *request) *response {
	return rq.withAdmin(func(*machine) *response { return ok(nil) })
}

func (m *machine) powerParameters() obj {
	if m.powerType == powerManual {
		return obj{}
	}
	base := "http://127.0.0.1:5260/m/" + m.hostname + "/"
	return obj{
		"power_on_uri": base + "on", "power_off_uri": base + "off", "power_query_uri": base + "query",
		"power_on_regex": `status.*\:.*running`, "power_off_regex": `status.*\:.*stopped`,
		"power_verify_ssl": "n",
	}
}

func powerParameters(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response { return ok(m.powerParameters()) })
}

func allPowerParameters(rq *request) *response {
	ids := rq.form["id"]
	out := obj{}
	for _, m := range rq.s.order {
		if len(ids) == 0 || slices.Contains(ids, m.systemID) {
			out[m.systemID] = m.powerParameters()
		}
	}
	return ok(out)
}

func updateMachine(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		s := rq.s
		if bad := s.checkUpdate(rq, m); bad != nil {
			return bad
		}
		if rq.has("hostname") {
			m.hostname = rq.get("hostname")
		}
		if rq.has("description") {
			m.description = rq.get("description")
		}
		if rq.has("zone") {
			m.zone = s.zone(rq.get("zone"))
		}
		if rq.has("pool") {
			m.pool = s.pool(rq.get("pool"))
		}
		if d := s.domain(rq.get("domain")); d != nil {
			m.domain = d
		}
		for k, p := range map[string]*int{"cpu_count": &m.cpus, "memory": &m.memory} {
			if n, err := strconv.Atoi(rq.get(k)); err == nil {
				*p = n
			}
		}
		m.minHWE = ptr(orEmptyString(m.minHWE))
		m.touch()
		return s.machineResponse(m)
	})
}

const noChoice = "Select a valid choice. That choice is not one of the available choices."

func (s *Server) checkUpdate(rq *request, m *machine) *response {
	if rq.has("hostname") {
		name := rq.get("hostname")
		switch {
		case strings.Contains(name, "_"):
			return invalid("hostname", "Host label cannot contain underscore: '"+name+"'.")
		case slices.ContainsFunc(s.order, func(o *machine) bool { return o != m && o.hostname == name }):
			return invalid("hostname", "Node with this Hostname already exists.")
		case !nameShape.MatchString(name):
			return invalid("hostname", "Label contains disallowed characters: '"+name+"'.")
		}
	}
	if rq.has("zone") && s.zone(rq.get("zone")) == nil {
		return invalid("zone", noChoice)
	}
	if rq.has("pool") && s.pool(rq.get("pool")) == nil {
		return invalid("pool", noChoice)
	}
	if rq.has("domain") && s.domain(rq.get("domain")) == nil {
		return invalid("domain", "Unable to find domain "+rq.get("domain"))
	}
	return nil
}

func deleteMachine(rq *request) *response {
	return rq.withAdmin(func(m *machine) *response {
		if m.locked {
			return forbidden()
		}
		rq.s.deleteMachine(m)
		return empty(http.StatusNoContent)
	})
}

// deleteMachine forgets the machine; its server keeps running until something
// cuts its power, and that is done here so that nothing is left behind.
func (s *Server) deleteMachine(m *machine) {
	m.begin()
	s.freeNetwork(m)
	delete(s.machines, m.systemID)
	s.order = slices.DeleteFunc(s.order, func(o *machine) bool { return o == m })
	s.hardwareOff(m, nil)
}
