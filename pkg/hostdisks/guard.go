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
	"slices"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// MayDeploy judges from a fresh inventory whether a deploy is a danger to a disk, or would not do what was asked; nil when neither.
func MayDeploy(v *Verdict, p *Plan) *Refusal {
	switch exposed := v.Of(Protected); {
	case len(exposed) > 0:
		return refuse(DisksExposed, "A deploy would wipe %s, which MAAS has in its inventory", list(exposed))
	case v.Refusal != nil:
		return v.Refusal
	case p.SetBootDisk != 0:
		return refuse(DisksNotPrepared, "MAAS does not boot the server from %s", IdentityOf(v.Boot))
	case p.Layout != nil:
		return refuse(DisksNotPrepared, "MAAS does not have the layout %s for %s", p.Layout.Layout, IdentityOf(v.Boot))
	default:
		return nil
	}
}

// RoundsSpent says of a server that was prepared again and again and is not as it should be why it must not be deployed.
func RoundsSpent(v *Verdict, p *Plan, rounds int) *Refusal {
	why := MayDeploy(v, p)
	if why == nil {
		return nil
	}
	return refuse(why.Reason, "%s. The server was released and prepared %d times, and MAAS does not keep it so. Find out what changes it (commissioning, a script), then "+
		"remove spec.vacate.diskRounds of the MaasHost, or delete the Machine", why.Message, rounds)
}

// MayRelease judges whether a release is a danger to a disk; nil when it is none. forced tells that the region erases disks at every release. MAAS
// erases every disk the server shows, whether it has it in its inventory or not, so that an empty inventory is no excuse; and under Wipe the
// volumes of an array that the server was found to show are in danger still.
func MayRelease(policy Policy, known *Known, erase maas.EraseMode, forced bool) *Refusal {
	volume := slices.IndexFunc(known.Protected, Identity.mayBeVolume)
	switch {
	case policy == Wipe && volume >= 0 && (forced || erase != maas.EraseNone):
		return refuse(EraseAsked, "MAAS would erase every disk that the server shows, %s among them, which may be an array's and not the server's own. Unmap it, "+
			"remove it from spec.disks.protected of the MaasHost, and it goes on", known.Protected[volume])
	case policy == Wipe:
		return nil
	case forced:
		return refuse(EraseForced, "MAAS erases all disks at every release (setting enable_disk_erasing_on_release). Switch that off in MAAS, or set "+
			"dataDisks: Wipe where the disks may be lost")
	case erase != maas.EraseNone:
		return refuse(EraseAsked, "The pool asks for its disks to be erased (%s), and nobody set dataDisks: Wipe, or the machine set Preserve. Change one of "+
			"the two", erase)
	default:
		return nil
	}
}

// MayChange judges whether a key can do what a plan asks for; nil when it can.
func MayChange(p *Plan, administrator bool) *Refusal {
	if administrator || p.Empty() {
		return nil
	}
	if len(p.Remove) > 0 {
		return refuse(NeedsAdministrator, "A deploy would wipe %s, and only an administrator's key may take disks out of MAAS's inventory. Use the key of a MAAS "+
			"administrator, or set dataDisks: Wipe if the data may be lost", list(p.Remove))
	}
	return refuse(NeedsAdministrator, "Only an administrator's key may choose the boot disk and its layout in MAAS. Use the key of a MAAS administrator")
}

// MayKeep judges, before any server is taken, whether the key is good for what is asked; nil when it is. Where nothing is said, servers that have
// nothing to protect may be used with any key.
func MayKeep(policy Policy, administrator bool) *Refusal {
	if policy == Preserve && !administrator {
		return refuse(NeedsAdministrator, "dataDisks is Preserve, and only an administrator's key may take disks out of MAAS's inventory. Use the key of a MAAS "+
			"administrator")
	}
	return nil
}

// MayRunFromMemory judges whether a MAAS of this version runs systems from memory: from 3.5 on. Older ones take the order and some install to
// disk nevertheless.
func MayRunFromMemory(version string) *Refusal {
	major, minor, ok := majorMinor(version)
	if ok && (major > 3 || major == 3 && minor >= 5) {
		return nil
	}
	return refuse(MemoryUnsupported, "installTo is Memory, which needs MAAS 3.5 or later; this is %q", version)
}

// majorMinor reads "3.5.1", "3.6~beta1" and the like.
func majorMinor(version string) (major, minor int, ok bool) {
	n, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return major, minor, err == nil && n == 2
}

// list names disks for people, a few of them.
func list(disks []Disk) string {
	const most = 4
	var names []string
	for i, d := range disks {
		if i == most {
			names = append(names, "and more")
			break
		}
		names = append(names, IdentityOf(d.Device).String()+" ["+d.Why+"]")
	}
	return strings.Join(slices.Clip(names), ", ")
}
