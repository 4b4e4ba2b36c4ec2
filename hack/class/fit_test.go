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

package main

import (
	"strings"
	"testing"
)

// TestPackages wants just what the image lacks to be installed, and a host that cannot have it not to join.
func TestPackages(t *testing.T) {
	for _, tc := range []struct {
		name, apt, want string
		joins           bool
	}{
		{"the image lacks one", "", "apt-get install -y --no-install-recommends multipath-tools=0.9.4-5", true},
		{"there is no network", "exit 1", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, map[string]string{"etc/vmo/packages": "# of the array\nlvm2\n\nmultipath-tools=0.9.4-5\n"},
				map[string]string{"dpkg": `[ "$2" = lvm2 ]`, "apt-get": tc.apt})
			if ok, said := h.run("20-packages.sh"); ok != tc.joins {
				t.Errorf("joins %v, want %v: %s", ok, tc.joins, said)
			}
			if calls := h.read("calls"); !strings.Contains(calls, tc.want) {
				t.Errorf("want %q, got\n%s", tc.want, calls)
			}
		})
	}
	h := newHost(t, map[string]string{"etc/vmo/packages": "lvm2\n"}, map[string]string{"dpkg": "", "apt-get": "exit 1"})
	if ok, said := h.run("20-packages.sh"); !ok {
		t.Errorf("an image that lacks nothing needs the network: %s", said)
	}
}

// TestSAN wants multipathing on hosts of an array, and on iSCSI an initiator of the host's own, which it keeps.
func TestSAN(t *testing.T) {
	commands := map[string]string{"systemctl": "", "udevadm": "", "dpkg": "echo 'Version: 0.9.4-5ubuntu8'", "iscsi-iname": "echo iqn.2004-10.com.ubuntu:01:new"}
	const initiator = "etc/iscsi/initiatorname.iscsi"
	image := map[string]string{initiator: "InitiatorName=iqn.of.the.image\n"}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, files := range []map[string]string{image, more} {
			for path, content := range files {
				all[path] = content
			}
		}
		return all
	}
	for _, tc := range []struct {
		name      string
		files     map[string]string
		calls     []string
		initiator string
	}{
		{"no array", with(nil), nil, "iqn.of.the.image"},
		{"FC", with(map[string]string{"etc/vmo/san": "FC\n"}), []string{"systemctl enable --now multipathd", "udevadm trigger"}, "iqn.of.the.image"},
		{"iSCSI", with(map[string]string{"etc/vmo/san": "ISCSI\n"}), []string{"systemctl enable --now multipathd", "systemctl enable --now iscsid"}, "iqn.2004-10.com.ubuntu:01:new"},
		{"iSCSI, run again", with(map[string]string{"etc/vmo/san": "ISCSI\n", "etc/vmo/iscsi-initiator": "", initiator: "InitiatorName=iqn.before\n"}), nil, "iqn.before"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, tc.files, commands)
			ok, said := h.run("30-san.sh")
			if !ok {
				t.Fatal(said)
			}
			calls := h.read("calls")
			for _, want := range tc.calls {
				if !strings.Contains(calls, want) {
					t.Errorf("want %q, got\n%s", want, calls)
				}
			}
			if tc.name == "no array" && calls != "" {
				t.Errorf("without an array: %s", calls)
			}
			if got := h.read(initiator); !strings.Contains(got, tc.initiator) {
				t.Errorf("the initiator is %q, want %q", got, tc.initiator)
			}
		})
	}
}

// TestContainerd wants both settings on, whatever the image has: the defaults of containerd 1 (Ubuntu 22.04) or 2 (24.04), a configuration without them, or none.
func TestContainerd(t *testing.T) {
	const (
		one = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  device_ownership_from_security_context = false
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
`
		two = `version = 3
[plugins.'io.containerd.cri.v1.runtime']
  device_ownership_from_security_context = false
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
`
	)
	const file = "etc/containerd/config.toml"
	for _, tc := range []struct{ name, has, defaults string }{
		{"none, containerd 1", "", one},
		{"none, containerd 2", "", two},
		{"defaults", two, "exit 1"},
		{"that of Docker's package", "disabled_plugins = [\"cri\"]\n", one},
		{"one of two settings", strings.ReplaceAll(one, "  SystemdCgroup = false\n", ""), one},
		{"on already", strings.ReplaceAll(two, "false", "true"), "exit 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			if tc.has != "" {
				files[file] = tc.has
			}
			defaults := tc.defaults
			if defaults != "exit 1" {
				defaults = "cat <<'END'\n" + defaults + "END"
			}
			h := newHost(t, files, map[string]string{"containerd": defaults, "systemctl": ""})
			if ok, said := h.run("40-containerd.sh"); !ok {
				t.Fatal(said)
			}
			got := h.read(file)
			for _, want := range []string{"SystemdCgroup = true", "device_ownership_from_security_context = true"} {
				if !strings.Contains(got, want) {
					t.Errorf("want %s, got\n%s", want, got)
				}
			}
			if strings.Contains(got, "disabled_plugins") {
				t.Errorf("the plugin for Kubernetes is off:\n%s", got)
			}
			if calls := h.read("calls"); !strings.Contains(calls, "systemctl restart containerd") {
				t.Errorf("containerd was not restarted:\n%s", calls)
			}
		})
	}
}
