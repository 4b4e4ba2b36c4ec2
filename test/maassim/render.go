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
	"encoding/json"
	"fmt"
	"strconv"
)

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			q, err := json.Marshal(s)
			if err != nil {
				return strconv.AppendQuote(b, s)
			}
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func (s *Server) machineResponse(m *machine) *response { return rawJSON(200, s.render(m)) }

// render returns the machine's JSON. The bytes are never changed afterwards,
// so that they can be written without the lock.
func (s *Server) render(m *machine) []byte {
	if m.rendered != nil && m.renderAt == m.version {
		return m.rendered
	}
	b, err := json.Marshal(s.machineJSON(m))
	if err != nil {
		panic(fmt.Sprintf("maassim: rendering %s: %v", m.systemID, err))
	}
	m.rendered, m.renderAt = b, m.version
	return b
}

// touchAll voids every rendered machine, after a change of a zone, pool,
// domain or subnet.
func (s *Server) touchAll() {
	for _, m := range s.order {
		m.touch()
	}
}

func orNull(v string) any {
	if v == "" {
		return nil
	}
	return v
}

// machineJSON has every key MAAS 3.4 answers.
func (s *Server) machineJSON(m *machine) obj {
	o := obj{
		"system_id": m.systemID, "hostname": m.hostname, "fqdn": m.fqdn(), "description": m.description,
		"architecture": m.arch, "cpu_count": m.cpus, "cpu_speed": m.cpuSpeed, "memory": m.memory,
		"status": int(m.status), "status_name": m.status.String(), "status_message": m.statusMessage,
		"status_action": m.action(), "owner": nil, "owner_data": m.annotations, "workload_annotations": m.annotations,
		"locked": m.locked, "netboot": m.netboot, "node_type": 0, "node_type_name": "Machine",
		"power_state": m.power, "power_type": m.powerType, "osystem": m.osystem, "distro_series": m.series,
		"hwe_kernel": orNull(m.hwe), "min_hwe_kernel": m.minHWE, "swap_size": m.swapSize,
		"hardware_uuid": m.uuid, "bios_boot_method": "uefi", "disable_ipv4": false, "address_ttl": nil,
		"zone": m.zone.json(), "pool": m.pool.json(), "domain": s.domainJSON(m.domain), "tag_names": orEmpty(m.tags),
		"pod": nil, "parent": nil, "virtualmachine_id": nil, "enable_hw_sync": false, "last_sync": nil, "next_sync": nil,
		"sync_interval": nil, "resource_uri": apiRoot + "machines/" + m.systemID + "/",
		"hardware_info": m.hardwareInfo(),
	}
	if m.owner != nil {
		o["owner"] = m.owner.name
	}
	m.testJSON(o)
	s.storageJSON(m, o)
	s.networkJSON(m, o)
	cores := make([]int, m.cpus)
	for i := range cores {
		cores[i] = i
	}
	o["numanode_set"] = []obj{{"index": 0, "memory": m.memory, "cores": cores, "hugepages_set": []obj{}}}
	return o
}

func (m *machine) action() any {
	if m.statusMessage == nil {
		return nil
	}
	return orEmptyString(m.statusAction)
}

func orEmptyString(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func orEmpty(v []string) []string {
	if v == nil {
		return []string{}
	}
	return v
}

func (m *machine) testJSON(o obj) {
	for _, k := range []string{"cpu", "memory", "storage", "network", "interface", "other"} {
		o[k+"_test_status"], o[k+"_test_status_name"] = -1, "Unknown"
	}
	o["testing_status"], o["testing_status_name"] = -1, "Unknown"
	o["commissioning_status"], o["commissioning_status_name"] = 2, "Passed"
	o["current_commissioning_result_id"] = m.comm
	o["current_installation_result_id"] = m.install
	o["current_testing_result_id"] = m.testing
}

func (m *machine) hardwareInfo() obj {
	return obj{
		"system_vendor": "Acme", "system_product": "Server 1U", "system_family": "Rack", "system_version": "1",
		"system_sku": "SKU1", "system_serial": m.serial, "cpu_model": "Xeon(R) Gold 6130 CPU",
		"mainboard_vendor": "Acme", "mainboard_product": "MB1", "mainboard_serial": "Unknown", "mainboard_version": "1",
		"mainboard_firmware_vendor": "Acme", "mainboard_firmware_date": "01/01/2023", "mainboard_firmware_version": "2.0",
		"chassis_vendor": "Acme", "chassis_type": "Rack Mount Chassis", "chassis_serial": "Unknown", "chassis_version": "Unknown",
	}
}
