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

package hostdisks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// InstallDisk is a disk that an installation is going to use, as its configuration names it.
type InstallDisk struct {
	// Name is the configuration's own.
	Name string
	// Model, Serial, Path and WWN are what the installer finds the disk by.
	Model, Serial, Path, WWN string
}

func (d InstallDisk) String() string {
	name := strings.TrimSpace(d.Model + " " + d.Serial)
	if name == "" {
		name = strings.TrimSpace(d.Path + " " + d.WWN)
	}
	return strings.TrimSpace(fmt.Sprintf("%s (%s)", d.Name, name))
}

// config is the part of curtin's configuration that says what is done to disks.
type config struct {
	Storage struct {
		Config []map[string]yaml.Node `yaml:"config"`
	} `yaml:"storage"`
	Partitioning map[string]yaml.Node `yaml:"partitioning_commands"`
	BlockMeta    yaml.Node            `yaml:"block-meta"`
}

// onDisks are the entries that stand on disks which the configuration names as well. Entries of any other type may be disks.
var onDisks = []string{"partition", "format", "mount", "lvm_volgroup", "lvm_partition", "dm_crypt", "raid", "bcache", "zpool", "zfs"}

// maxConfig bounds what is parsed. MAAS's are some 10 KiB.
const maxConfig = 4 << 20

// ReadInstallConfig reads from the installer's configuration which disks it is going to use. Whatever it cannot account for is an error.
func ReadInstallConfig(raw []byte) ([]InstallDisk, error) {
	c, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if err := customPartitioning(c); err != nil {
		return nil, err
	}
	var disks []InstallDisk
	for i, entry := range c.Storage.Config {
		kind := entry["type"]
		switch {
		case kind.Value == "disk":
			d, err := installDisk(entry)
			if err != nil {
				return nil, fmt.Errorf("storage.config[%d]: %w", i, err)
			}
			disks = append(disks, d)
		case !slices.Contains(onDisks, kind.Value):
			return nil, fmt.Errorf("storage.config[%d] is of type %q, which is not known", i, kind.Value)
		}
	}
	if len(disks) == 0 {
		return nil, errors.New("it names no disk")
	}
	return disks, nil
}

// parse takes exactly one document, without keys that come twice: of either, another reader may take the other.
func parse(raw []byte) (c *config, err error) {
	if len(raw) > maxConfig {
		return nil, fmt.Errorf("it is %d bytes long", len(raw))
	}
	defer func() {
		// The text comes from outside, and a parser that gives up must not take the provider with it.
		if r := recover(); r != nil {
			c, err = nil, fmt.Errorf("it is no YAML: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	c = &config{}
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("it is no configuration of curtin: %w", err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document")
	}
	return c, nil
}

// customPartitioning sees to it that storage.config is what the installer goes by. Its other modes take a disk of their own choice.
func customPartitioning(c *config) error {
	if !c.BlockMeta.IsZero() {
		return errors.New("it has a section block-meta, by which the installer takes disks that storage.config does not name")
	}
	if len(c.Partitioning) == 0 {
		return errors.New("it has no partitioning_commands")
	}
	for name, command := range c.Partitioning {
		words := wordsOf(&command)
		if name != "builtin" || !slices.Equal(words, []string{"curtin", "block-meta", "custom"}) {
			return fmt.Errorf("partitioning_commands.%s is %q, by which the installer may take disks that storage.config does not name", name,
				strings.Join(words, " "))
		}
	}
	return nil
}

func wordsOf(command *yaml.Node) []string {
	var text string
	if command.Decode(&text) == nil {
		return strings.Fields(text)
	}
	var words []string
	if command.Decode(&words) != nil {
		return nil
	}
	return words
}

// installDisk takes texts as they stand: the installer reads a serial such as 12e5 as text, which YAML 1.2 calls a number.
func installDisk(entry map[string]yaml.Node) (InstallDisk, error) {
	var d InstallDisk
	keys := map[string]*string{"id": &d.Name, "model": &d.Model, "serial": &d.Serial, "path": &d.Path, "wwn": &d.WWN}
	for key, node := range entry {
		if slices.Contains([]string{"device_id", "multipath", "nvme_controller"}, key) {
			return d, fmt.Errorf("the disk is named by %s, which is not understood", key)
		}
		to, ok := keys[key]
		if !ok || node.Tag == "!!null" {
			continue
		}
		if node.Kind != yaml.ScalarNode {
			return d, fmt.Errorf("%s is not text", key)
		}
		*to = node.Value
	}
	return d, nil
}

// CheckInstall judges the installation that is about to run, by the configuration that MAAS gives it; nil when it is no danger to a disk. Every disk
// that the configuration names has to be one that may be wiped, beyond doubt: the boot disk that was written down, or one that
// somebody said may be wiped.
func CheckInstall(raw []byte, in *Input, v *Verdict) *Refusal {
	disks, err := ReadInstallConfig(raw)
	if err != nil {
		return refuse(InstallUnreadable, "The installer's configuration cannot be read, so that it is not known what it would wipe: %s", err)
	}
	known, _ := remember(in, v)
	var wipeable []Identity
	if in.Known.Boot != nil {
		wipeable = append(wipeable, *in.Known.Boot)
	}
	for _, d := range v.Of(Other) {
		wipeable = append(wipeable, IdentityOf(d.Device))
	}
	for _, d := range disks {
		for _, p := range known.Protected {
			if d.mayBe(p) {
				return refuse(InstallWouldWipe, "The installation would wipe %s, which is protected", p)
			}
		}
		if in.Wanted.Policy.Keeps() && !slices.ContainsFunc(wipeable, d.is) {
			return refuse(InstallWouldWipe, "The installation would wipe %s, which is not the boot disk", d)
		}
	}
	return nil
}

// NeedsCheck tells whether an installation can be a danger at all: it cannot where everything may be wiped, and where nothing is installed.
func NeedsCheck(in *Input, v *Verdict) bool {
	return !in.Wanted.Memory && (in.Wanted.Policy.Keeps() || len(in.Known.Protected)+len(v.Of(Protected)) > 0)
}

// is tells that the installer will certainly take that disk: it looks for the serial where it has one, and for the path otherwise.
func (d InstallDisk) is(o Identity) bool {
	if d.WWN != "" && o.wwn() != strings.TrimPrefix(strings.ToLower(d.WWN), "0x") {
		return false
	}
	if d.Serial != "" {
		return d.Serial == o.Serial && (d.Model == "" || d.Model == o.Model)
	}
	return d.Path != "" && d.Path == o.IDPath && (o.Serial == "" || o.hasStablePath())
}

// mayBe tells that the installer could take that disk.
func (d InstallDisk) mayBe(o Identity) bool {
	return d.Serial != "" && (contains(o.Serial, d.Serial) || contains(o.IDPath, d.Serial)) ||
		d.Path != "" && d.Path == o.IDPath ||
		d.WWN != "" && o.hasWWNPrefix(d.WWN)
}
