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
	"fmt"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Identity is what a disk is known by when MAAS has forgotten it or given it another number.
type Identity struct {
	Model, Serial string
	SizeBytes     int64
	// IDPath is the stable path such as /dev/disk/by-id/wwn-0x…, "" where the server gave none.
	IDPath string
}

// IdentityOf takes the identity from MAAS's record.
func IdentityOf(d *maas.BlockDevice) Identity {
	return Identity{Model: d.Model, Serial: d.Serial, SizeBytes: d.SizeBytes, IDPath: d.IDPath}
}

// String names the disk for people, such as "SSD1920 DATA0001A (1.92 TB)".
func (i Identity) String() string {
	name := strings.TrimSpace(i.Model + " " + i.Serial)
	if name == "" {
		name = i.IDPath
	}
	if name == "" {
		name = "a disk without model, serial and path"
	}
	return fmt.Sprintf("%s (%s)", name, size(i.SizeBytes))
}

func size(bytes int64) string {
	const giga, tera = 1e9, 1e12
	if bytes >= tera {
		return fmt.Sprintf("%.2f TB", float64(bytes)/tera)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/giga)
}

// Same tells that the two are certainly one disk: it may then be wiped where the other may.
func (i Identity) Same(o Identity) bool {
	if i.SizeBytes != o.SizeBytes || i.Model != o.Model || i.Serial != o.Serial {
		return false
	}
	if a, b := i.wwn(), o.wwn(); a != "" || b != "" {
		return a == b
	}
	if i.Serial != "" {
		return true
	}
	return i.IDPath != "" && i.IDPath == o.IDPath
}

// MayBe tells that the two may be one disk: it is then protected where the other is. Models and paths change with firmware, drivers and
// versions of MAAS, so one strong feature in common is enough.
func (i Identity) MayBe(o Identity) bool {
	if a, b := i.wwn(), o.wwn(); a != "" && a == b {
		return true
	}
	if i.Serial != "" && strings.EqualFold(i.Serial, o.Serial) {
		return true
	}
	// MAAS gives /dev/sdb for the path of a disk that has no stable one; that says something only when nothing else does.
	return i.IDPath != "" && i.IDPath == o.IDPath && (i.hasStablePath() || i.Serial == "" || o.Serial == "")
}

func (i Identity) hasStablePath() bool { return strings.HasPrefix(i.IDPath, "/dev/disk/by-id/") }

func mayBeAny(i Identity, list []Identity) bool {
	for _, o := range list {
		if i.MayBe(o) {
			return true
		}
	}
	return false
}

func sameAsAny(i Identity, list []Identity) bool {
	for _, o := range list {
		if i.Same(o) {
			return true
		}
	}
	return false
}

// wwn is the world-wide name in lower-case hexadecimal without 0x, "" where the disk has none. SCSI puts the type of the name in
// front (3 is NAA), /dev/disk/by-id/wwn-… does not. The volumes of arrays have it for their serial as well.
func (i Identity) wwn() string {
	name := strings.ToLower(i.IDPath[strings.LastIndexByte(i.IDPath, '/')+1:])
	for _, prefix := range []string{"wwn-0x", "nvme-eui.", "scsi-3", "dm-uuid-mpath-3"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && isHex(rest) {
			return rest
		}
	}
	serial := strings.TrimPrefix(strings.ToLower(i.Serial), "0x")
	if len(serial) == naa6Digits+1 {
		serial = strings.TrimPrefix(serial, "3")
	}
	if len(serial) == naa6Digits && serial[0] == '6' && isHex(serial) {
		return serial
	}
	return ""
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdef") == ""
}

// hasWWNPrefix tells whether the world-wide name begins so, with 0x in front or not and with SCSI's type digit or not.
func (i Identity) hasWWNPrefix(prefix string) bool {
	prefix = strings.TrimPrefix(strings.ToLower(prefix), "0x")
	w := i.wwn()
	return w != "" && (strings.HasPrefix(w, prefix) || strings.HasPrefix("3"+w, prefix))
}

// naa6Digits is the length of a name of type NAA 6, the one that storage arrays give their volumes (SCSI SPC-4, 7.8.6.6.4.5).
const naa6Digits = 32

// arrays are the makers of storage arrays by the beginning of their volumes' names: the 6 of NAA and the maker's number as registered with the IEEE.
var arrays = []struct{ prefix, name string }{
	{"624a937", "Pure Storage"},
	{"600a098", "NetApp"},
	{"60a9800", "NetApp"},
	{"6000097", "Dell EMC"},
	{"6006016", "Dell EMC"},
	{"68ccf09", "Dell EMC"},
	{"6000d31", "Dell Compellent"},
	{"60002ac", "HPE 3PAR"},
	{"60060e8", "Hitachi"},
	{"6005076", "IBM"},
}

// mayBeVolume tells that the disk may be a volume of an array: it has a name of the type that arrays give theirs, and RAID controllers too.
func (i Identity) mayBeVolume() bool { return len(i.wwn()) == naa6Digits }

// array names the maker of the storage array that the disk is a volume of; "" when it does not look like one.
func (i Identity) array() string {
	for _, a := range arrays {
		if i.hasWWNPrefix(a.prefix) {
			return a.name
		}
	}
	return ""
}
