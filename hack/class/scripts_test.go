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
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// host is a folder in which a script finds its files, and commands that write down how they were called.
type host struct {
	t    *testing.T
	root string
}

// newHost makes one with files by path, and commands by name: what each prints, and "exit 1" for one that fails.
func newHost(t *testing.T, files, commands map[string]string) *host {
	t.Helper()
	h := &host{t: t, root: t.TempDir()}
	for path, content := range files {
		h.write(path, content, 0o644)
	}
	for name, does := range commands {
		h.write("bin/"+name, fmt.Sprintf("#!/bin/sh\necho \"%s $*\" >>'%s/calls'\n%s\n", name, h.root, does), 0o755)
	}
	return h
}

func (h *host) write(path, content string, mode os.FileMode) {
	h.t.Helper()
	path = filepath.Join(h.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) read(path string) string {
	raw, err := os.ReadFile(filepath.Join(h.root, path))
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	return string(raw)
}

// run runs a script of the class and tells whether it succeeded, and what it said.
func (h *host) run(script string, args ...string) (ok bool, said string) {
	h.t.Helper()
	path, err := filepath.Abs(filepath.Join(templates, "vmo", "files", script))
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{path}, args...)...)
	cmd.Env = []string{"PATH=" + filepath.Join(h.root, "bin") + ":/usr/bin:/bin", "VMO_ROOT=" + h.root}
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

func TestBridgeVLANs(t *testing.T) {
	bridge := map[string]string{"sys/class/net/br0/bridge/x": "", "sys/class/net/br0/brif/bond0/x": ""}
	commands := map[string]string{"bridge": "", "ip": ""}
	for _, tc := range []struct {
		name  string
		files map[string]string
		args  []string
		calls string
		said  string
	}{
		{"machines only", bridge, []string{"br0", "bond0", "none", "21-100"}, "bridge vlan add dev bond0 vid 21-100\nip link set dev br0 type bridge vlan_filtering 1\n", ""},
		{
			"the host's own too", bridge, []string{"br0", "bond0", "20", "20-30", "40"},
			"bridge vlan add dev bond0 vid 20-30\nbridge vlan add dev bond0 vid 40\nbridge vlan add dev bond0 vid 20\nbridge vlan add dev br0 vid 20 self\nip link set dev br0 type bridge vlan_filtering 1\n", "",
		},
		{"no bridge", nil, []string{"br0", "bond0", "none", "21"}, "", "there is no bridge br0"},
		{"another uplink", bridge, []string{"br0", "bond1", "none", "21"}, "", "bond1 is not in bridge br0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, tc.files, commands)
			ok, said := h.run("vmo-bridge-vlans.sh", tc.args...)
			if ok != (tc.said == "") || !strings.Contains(said, tc.said) {
				t.Errorf("success %v, said %q", ok, said)
			}
			if got := h.read("calls"); got != tc.calls {
				t.Errorf("got\n%s, want\n%s", got, tc.calls)
			}
		})
	}
}

// TestIdentityDisk wants nothing to be formatted that could hold anything.
func TestIdentityDisk(t *testing.T) {
	const blank, full = 32 << 20, 1
	for _, tc := range []struct {
		name             string
		files            map[string]string
		wipefs, lsblk    string
		size             int
		formatted, joins bool
	}{
		{"blank", nil, "", "echo sdz", blank, true, true},
		{"kept over a reinstallation", map[string]string{"dev/disk/by-label/PWXCONFIG": ""}, "", "echo sdz", blank, false, true},
		{"has a signature", nil, "echo ext4", "echo sdz", blank, false, false},
		{"has partitions", nil, "", "echo sdz; echo sdz1", blank, false, false},
		{"has data without a signature", nil, "", "echo sdz", full, false, false},
		{"signatures cannot be looked at", nil, "exit 1", "echo sdz", blank, false, false},
		{"partitions cannot be looked at", nil, "", "exit 1", blank, false, false},
		{"is not there", nil, "", "echo sdz", 0, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, tc.files, map[string]string{
				"wipefs": tc.wipefs, "lsblk": tc.lsblk, "mkfs.ext4": "", "udevadm": "", "mount": "", "mountpoint": "exit 1",
			})
			disk := filepath.Join(h.root, "disk")
			switch tc.size {
			case blank:
				h.write("disk", string(bytes.Repeat([]byte{0}, blank)), 0o600)
			case full:
				h.write("disk", strings.Repeat("x", blank), 0o600)
			}
			h.write("etc/vmo/identity-disk", disk, 0o644)
			h.write("etc/fstab", "", 0o644)
			ok, said := h.run("60-identity.sh")
			if ok != tc.joins {
				t.Errorf("joins %v, want %v: %s", ok, tc.joins, said)
			}
			calls := h.read("calls")
			if got := strings.Contains(calls, "mkfs.ext4"); got != tc.formatted {
				t.Errorf("formatted %v, want %v:\n%s", got, tc.formatted, calls)
			}
			if got := strings.Contains(calls, "\nmount ") && strings.Contains(h.read("etc/fstab"), "LABEL=PWXCONFIG /etc/pwx"); got != tc.joins {
				t.Errorf("mounted %v, want %v:\n%s", got, tc.joins, calls)
			}
		})
	}
}

func TestNodeIP(t *testing.T) {
	const addresses = "3: bond_mgmt.10    inet %s brd 172.16.3.255 scope global bond_mgmt.10"
	for _, tc := range []struct{ name, prints, want string }{
		{"one address", fmt.Sprintf(addresses, "172.16.0.21/22"), "172.16.0.21"},
		{"the virtual one too", fmt.Sprintf(addresses, "172.16.3.1/32") + "\n" + fmt.Sprintf(addresses, "172.16.0.21/22"), "172.16.0.21"},
		{"none", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, map[string]string{
				"etc/vmo/node-network": "172.16.0.0/22", "run/kubeadm/kubeadm.yaml": "advertiseAddress: NODE_IP\nnode-ip: NODE_IP\n",
			}, map[string]string{"ip": "cat <<END\n" + tc.prints + "\nEND"})
			ok, said := h.run("90-node-ip.sh")
			if ok != (tc.want != "") {
				t.Errorf("success %v: %s", ok, said)
			}
			want := "advertiseAddress: NODE_IP\nnode-ip: NODE_IP\n"
			if tc.want != "" {
				want = strings.ReplaceAll(want, "NODE_IP", tc.want)
			}
			if got := h.read("run/kubeadm/kubeadm.yaml"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestNoVariablesInClass wants nothing in the class that clusterctl would fill in.
func TestNoVariablesInClass(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(templates, "clusterclass-vmo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if i := bytes.Index(raw, []byte("${")); i >= 0 {
		t.Errorf("clusterctl would replace %.40q", raw[i:])
	}
}
