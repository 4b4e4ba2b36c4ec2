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

// settingNames are MAAS 3.4's, in the order in which it lists them.
var settingNames = strings.Fields(`maas_name theme kernel_opts enable_http_proxy maas_proxy_port use_peer_proxy
prefer_v4_proxy http_proxy default_dns_ttl upstream_dns dnssec_validation maas_internal_domain dns_trusted_acl
ntp_servers ntp_external_only remote_syslog maas_syslog_port network_discovery active_discovery_interval
default_osystem default_distro_series default_min_hwe_kernel default_storage_layout commissioning_distro_series
enable_third_party_drivers windows_kms_host enable_disk_erasing_on_release disk_erase_with_secure_erase
disk_erase_with_quick_erase boot_images_auto_import boot_images_no_proxy curtin_verbose force_v1_network_yaml
enable_analytics completed_intro max_node_commissioning_results max_node_testing_results
max_node_installation_results subnet_ip_exhaustion_threshold_count release_notifications use_rack_proxy
node_timeout prometheus_enabled prometheus_push_gateway prometheus_push_interval promtail_enabled promtail_port
enlist_commissioning maas_auto_ipmi_user maas_auto_ipmi_user_privilege_level maas_auto_ipmi_k_g_bmc_key
maas_auto_ipmi_cipher_suite_id maas_auto_ipmi_workaround_flags vcenter_server vcenter_username vcenter_password
vcenter_datacenter hardware_sync_interval tls_cert_expiration_notification_enabled
tls_cert_expiration_notification_interval session_length`)

func defaultSettings() map[string]any {
	return map[string]any{
		"maas_name": "maas", "default_osystem": "ubuntu", "default_distro_series": "jammy", "commissioning_distro_series": "jammy",
		"default_storage_layout": "flat", "enable_disk_erasing_on_release": false, "disk_erase_with_secure_erase": true,
		"disk_erase_with_quick_erase": false, "node_timeout": 30, "maas_internal_domain": "maas-internal",
		"default_dns_ttl": 30, "enable_http_proxy": true, "boot_images_auto_import": true, "network_discovery": "enabled",
		"active_discovery_interval": 10800, "completed_intro": true, "default_min_hwe_kernel": "",
	}
}

var settingRoutes = []route{
	{"maas/", http.MethodGet, "get_config", "maas.get_config", users, getConfig},
	{"maas/", http.MethodPost, "set_config", "maas.set_config", admins, setConfig},
	{"version/", http.MethodGet, "", "version.read", anyone, readVersion},
}

func unknownSetting(name string) *response {
	return invalid(name, name+" is not a valid config setting (valid settings are: "+strings.Join(settingNames, ", ")+").")
}

func getConfig(rq *request) *response {
	name := rq.get("name")
	if name == "" {
		return badRequest("No provided name!")
	}
	if !slices.Contains(settingNames, name) {
		return unknownSetting(name)
	}
	return ok(rq.s.config[name])
}

func setConfig(rq *request) *response {
	name := rq.get("name")
	if !slices.Contains(settingNames, name) {
		return unknownSetting(name)
	}
	switch v := rq.get("value"); v {
	case "true", "True":
		rq.s.config[name] = true
	case "false", "False":
		rq.s.config[name] = false
	default:
		rq.s.config[name] = v
	}
	return textResponse(http.StatusOK, "OK")
}

// SetConfig changes a setting of MAAS, such as enable_disk_erasing_on_release.
func (s *Server) SetConfig(name string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config[name] = value
}

// recordedVersion is the one the recordings are of.
const recordedVersion = "3.4.1"

// since tells whether MAAS is of a version or a later one.
func (s *Server) since(major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(s.cfg.Version, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

func readVersion(rq *request) *response {
	r := ok(obj{
		"capabilities": []string{
			"networks-management", "static-ipaddresses", "ipv6-deployment-ubuntu", "devices-management",
			"storage-deployment-ubuntu", "network-deployment-ubuntu", "bridging-interface-ubuntu",
			"bridging-automatic-ubuntu", "authenticate-api",
		},
		"version": rq.s.cfg.Version, "subversion": "",
	})
	r.header["Vary"] = "Authorization"
	return r
}
