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
	"strings"
)

// Unserved is an operation of MAAS's API that the simulator does not have.
type Unserved struct {
	Method string // "" for all
	// Path is relative to the API's root; "*" is a variable part and a "**" at
	// the end any rest.
	Path   string
	Op     string // "" for plain calls, "*" for all
	Reason string
}

// allAddressesReason is why the list of all addresses is not served.
const allAddressesReason = "addresses of controllers and leases are not modelled"

// NotServed lists what answers 501 and why.
var NotServed = []Unserved{
	{http.MethodGet, "machines/*/", "details", "BSON of lshw and lldp, which nothing here makes"},
	{"", "machines/*/", "mount_special", "file systems are not the provider's to configure"},
	{"", "machines/*/", "unmount_special", "file systems are not the provider's to configure"},
	{"", "machines/*/", "set_storage_layout bcache, vmfs6, vmfs7", otherLayoutsReason},
	{"", "machines/", "", "machines are added with AddMachine"},
	{http.MethodGet, "nodes/", "", "controllers and devices are not modelled; use machines/"},
	{"", "nodes/**", "*", "partitions, RAID, volume groups and file systems come from layouts only; script results are not made"},
	{"", "subnets/**", "*", "addresses of controllers and leases are not modelled"},
	{"", "fabrics/**", "*", "fabrics come with AddSubnet and AddMachine"},
	{"", "spaces/**", "*", "spaces are named by AddSubnet"},
	{"", "ipaddresses/", "all=true", allAddressesReason},
	{"", "devices/**", "*", "devices are not modelled"},
	{"", "dnsresourcerecords/**", "*", "only address records are modelled"},
	{"", "boot-resources/**", "*", "images are added with AddImage"},
	{"", "installation-results/**", "*", "script results are not made"},
	{"", "account/prefs/**", "*", "SSH keys are not modelled"},
	{"", "discovery/**", "*", "network discovery is not modelled"},
	{"", "rackcontrollers/**", "*", "controllers are not modelled"},
	{"", "regioncontrollers/**", "*", "controllers are not modelled"},
	{"", "dhcp-snippets/**", "*", "DHCP is not modelled"},
	{"", "boot-sources/**", "*", "image import is not modelled"},
	{"", "notifications/**", "*", "notifications are not modelled"},
	{"", "scripts/**", "*", "scripts are not modelled"},
	{"", "vm-hosts/**", "*", "virtual machines are not modelled"},
	{"", "vm-clusters/**", "*", "virtual machines are not modelled"},
	{"", "pods/**", "*", "virtual machines are not modelled"},
	{"", "license-keys/**", "*", "licences are not modelled"},
	{"", "package-repositories/**", "*", "package archives are not modelled"},
	{"", "events/", "add", "events come from what happens"},
	{"", "files/**", "*", "file storage is not modelled"},
	{"", "domains/**", "*", "zone serials and default domains are not modelled"},
	{"", "users/**", "*", "only what tests need of users is modelled"},
}

func (u *Unserved) matches(method, path, op string) bool {
	if u.Method != "" && u.Method != method || u.Op != "*" && u.Op != op {
		return false
	}
	want, got := strings.Split(u.Path, "/"), strings.Split(path, "/")
	for i, w := range want {
		switch {
		case w == "**":
			return true
		case i >= len(got) || w != "*" && w != got[i]:
			return false
		}
	}
	return len(want) == len(got)
}

// notServedReason is why an operation is not served, "" when it is not listed.
func notServedReason(method, path, op string) string {
	for i := range NotServed {
		if NotServed[i].matches(method, path, op) {
			return NotServed[i].Reason
		}
	}
	return ""
}

func (s *Server) notServed(method, path, op, reason string) *response {
	s.log.Error("Not served by the MAAS simulator", "method", method, "path", path, "op", op, "reason", reason)
	return textResponse(http.StatusNotImplemented, fmt.Sprintf("maassim does not serve %s %s op=%s: %s.", method, path, op, reason))
}

// unserved answers a path without a resource.
func (s *Server) unserved(_ *http.Request, rest string, rq *request, path string) *response {
	if reason := notServedReason(rq.method, rest, rq.op); reason != "" && (strings.HasSuffix(rest, "/") || strings.Contains(rest, "/partition/")) {
		return s.notServed(rq.method, rest, rq.op, reason)
	}
	return unknownEndpoint(path)
}

var apiTable = buildTable(machineRoutes, eventRoutes, storageRoutes, interfaceRoutes, subnetRoutes, subnetUsageRoutes, rangeRoutes, fabricRoutes, staticRouteRoutes, groupRoutes, dnsRoutes,
	userRoutes, settingRoutes, imageRoutes, addressRoutes)
