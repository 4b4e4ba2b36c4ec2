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

	"sigs.k8s.io/yaml"
)

// curtinConfig is the part of curtin's configuration that matters to who wants
// to know what a deploy wipes.
func curtinConfig(rq *request) *response {
	return rq.withVisible(func(m *machine) *response {
		switch m.status {
		case StatusDeploying, StatusDeployed, StatusFailedDeployment:
		default:
			return badRequest("Machine " + m.hostname + " is not in a deployment state.")
		}
		text, err := yaml.Marshal(obj{
			"apt":                   obj{"preserve_sources_list": false, "proxy": "http://127.0.0.1:8000/"},
			"kernel":                obj{"mapping": obj{}, "package": "linux-generic"},
			"network":               obj{"config": []obj{}, "version": 1},
			"partitioning_commands": obj{"builtin": []string{"curtin", "block-meta", "custom"}},
			"storage":               obj{"config": m.curtinStorage(), "version": 1},
		})
		if err != nil {
			return textResponse(http.StatusInternalServerError, err.Error())
		}
		return textResponse(http.StatusOK, string(text))
	})
}

// curtinStorage lists what the installer does, what depends on another after it.
func (m *machine) curtinStorage() []obj {
	out, mounts := []obj{}, []obj{}
	boot := m.bootDevice()
	format := func(name string, id, i int, f *filesystem) {
		if f == nil || f.kind == lvmVolume {
			return
		}
		out = append(out, obj{
			"id": name + "_format", "type": "format", "fstype": f.kind, "uuid": uuidOf(2, id, i), "label": f.label, "volume": name,
		})
		mounts = append(mounts, obj{"id": name + "_mount", "type": "mount", "device": name + "_format", "path": f.mount})
	}
	for _, b := range m.bds {
		if b.virtual() {
			continue
		}
		out = append(out, b.curtinDisk(b == boot))
		for i, p := range b.parts {
			name := fmt.Sprintf("%s-part%d", b.disk.Name, i+1)
			out = append(out, p.curtinPartition(b, i, name))
			format(name, p.id, i, p.fs)
			if p.fs != nil && p.fs.kind == lvmVolume {
				out = append(out, obj{
					"id": p.fs.label, "name": p.fs.label, "type": "lvm_volgroup", "uuid": uuidOf(4, p.id, i), "devices": []string{name},
				})
			}
		}
	}
	for _, b := range m.bds {
		if b.virtual() {
			name := b.group + "-" + b.disk.Name
			out = append(out, obj{
				"id": name, "name": b.disk.Name, "type": "lvm_partition", "volgroup": b.group, "size": fmt.Sprintf("%dB", b.disk.SizeBytes),
			})
			format(name, b.id, 0, b.fs)
		}
	}
	slices.SortFunc(mounts, func(a, b obj) int { return strings.Compare(fmt.Sprint(a["path"]), fmt.Sprint(b["path"])) })
	return append(out, mounts...)
}

func (b *blockDevice) curtinDisk(boots bool) obj {
	o := obj{"id": b.disk.Name, "name": b.disk.Name, "type": "disk", "wipe": "superblock"}
	if b.disk.Model != "" && b.disk.Serial != "" {
		o["model"], o["serial"] = b.disk.Model, b.disk.Serial
	} else {
		o["path"] = b.disk.IDPath
	}
	if len(b.parts) > 0 || boots {
		o["ptable"] = "gpt"
	}
	if boots {
		o["grub_device"] = true
	}
	return o
}

func (p *partition) curtinPartition(b *blockDevice, i int, name string) obj {
	o := obj{
		"id": name, "name": name, "type": "partition", "number": i + 1, "uuid": uuidOf(1, p.id, i), "size": fmt.Sprintf("%dB", p.size),
		"device": b.disk.Name, "wipe": "superblock",
	}
	if i == 0 {
		o["offset"] = fmt.Sprintf("%dB", alignBytes)
	}
	if p.bootable {
		o["flag"] = "boot"
	}
	return o
}
