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
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Wanted is what was asked of a server's disks.
type Wanted struct {
	Policy Policy
	// Boot selects the disk to boot from; MAAS's own choice when it and Smallest are empty.
	Boot Selector
	// Smallest takes the smallest disk that may be booted from, among those that Boot selects where that is set.
	Smallest bool
	// Protected select the disks to keep under Preserve; all but the boot disk when there are none.
	Protected []Selector
	// Layout of the boot disk; MAAS's own when its Type is empty.
	Layout Layout
	// Memory runs the system from memory, without an installation.
	Memory bool
}

// Known is what was learned of a server's disks earlier and written down.
type Known struct {
	// Boot is the disk that the server was prepared to boot from, nil when it never was.
	Boot *Identity
	// Protected are the disks that were found to be in need of protection, most of which MAAS no longer has.
	Protected []Identity
}

// Input is all that a judgement on a server's disks rests on.
type Input struct {
	Wanted Wanted
	Known  Known
	// Devices are the disks in MAAS's inventory; BootDiskID is the one MAAS boots from, 0 for none.
	Devices    []maas.BlockDevice
	BootDiskID int
	// Shared knows the disks that several servers have.
	Shared Shared
}

// Class is what a disk is to the provider.
type Class string

const (
	// Boot is the disk that the system is installed on. Each deploy wipes it.
	Boot Class = "Boot"
	// Protected disks must not be in MAAS's inventory when it deploys.
	Protected Class = "Protected"
	// Other disks may be wiped: somebody said so.
	Other Class = "Other"
)

// Disk is a judged disk.
type Disk struct {
	Device *maas.BlockDevice
	Class  Class
	// Why says in a few words what made it that.
	Why string
}

// Reason names what stands in the way.
type Reason string

// What can stand in the way.
const (
	// BootDiskNotFound means that no disk can be booted from as asked.
	BootDiskNotFound Reason = "BootDiskNotFound"
	// BootDiskProtected means that the disk to boot from is one to protect.
	BootDiskProtected Reason = "BootDiskProtected"
	// BootDiskAmbiguous means that the installer could take another disk for the boot disk.
	BootDiskAmbiguous Reason = "BootDiskAmbiguous"
	// BootDiskChanged means that the disk known as the boot disk is gone and nobody said which takes its place.
	BootDiskChanged Reason = "BootDiskChanged"
	// DisksExposed means that a deploy would wipe protected disks.
	DisksExposed Reason = "DisksExposed"
	// InstallWouldWipe means that the installation under way would.
	InstallWouldWipe Reason = "InstallWouldWipe"
	// InstallUnreadable means that it cannot be told what the installation under way would wipe.
	InstallUnreadable Reason = "InstallUnreadable"
	// EraseForced means that MAAS would erase the disks at a release.
	EraseForced Reason = "EraseForced"
	// EraseAsked means that a release with erasing is asked for where disks are kept.
	EraseAsked Reason = "EraseAsked"
	// NeedsAdministrator means that disks have to be taken out of MAAS's inventory and the key may not.
	NeedsAdministrator Reason = "NeedsAdministrator"
	// DisksNotPrepared means that MAAS does not have the boot disk or the layout that was asked for.
	DisksNotPrepared Reason = "DisksNotPrepared"
	// MemoryUnsupported means that this MAAS cannot run a system from memory.
	MemoryUnsupported Reason = "MemoryUnsupported"
)

// Refusal says why something must not be done, and what would change that.
type Refusal struct {
	Reason  Reason
	Message string
}

func refuse(r Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: r, Message: fmt.Sprintf(format, args...)}
}

// Verdict is the judgement on a server's disks.
type Verdict struct {
	// Disks are the physical ones in MAAS's inventory, in its order.
	Disks []Disk
	// Boot is the disk to boot from, nil when Refusal says why there is none.
	Boot *maas.BlockDevice
	// Refusal stands in the way of any deploy until the disks or what is asked of them change.
	Refusal *Refusal
}

// Of returns the disks of a class.
func (v *Verdict) Of(c Class) []Disk {
	var out []Disk
	for _, d := range v.Disks {
		if d.Class == c {
			out = append(out, d)
		}
	}
	return out
}

// Classify judges each disk. The boot disk is chosen first, and only among disks that nothing else protects.
func Classify(in *Input) Verdict {
	var v Verdict
	guarded := make([]string, len(in.Devices))
	for i := range in.Devices {
		guarded[i] = in.guards(&in.Devices[i])
	}
	boot, refusal := in.chooseBoot(guarded)
	v.Refusal = refusal
	for i := range in.Devices {
		d := &in.Devices[i]
		if !d.Physical {
			continue
		}
		v.Disks = append(v.Disks, in.classify(d, d == boot, guarded[i]))
	}
	if boot == nil {
		return v
	}
	v.Boot = boot
	protected := in.protected(v.Disks)
	for i := range v.Disks {
		if d := &v.Disks[i]; d.Class == Other && len(protected) > 0 {
			if o := confusable(IdentityOf(d.Device), protected); o != nil {
				d.Class, d.Why = Protected, fmt.Sprintf("the installer could take %s for it", o)
			}
		}
	}
	if o := confusable(IdentityOf(boot), protected); v.Refusal == nil && o != nil {
		v.Refusal = refuse(BootDiskAmbiguous, "The installer could take %s for the boot disk %s. Choose another in storage.bootDisk", o, IdentityOf(boot))
	}
	return v
}

// protected are the disks that are known to be there and must not be wiped, in MAAS's inventory or not.
func (in *Input) protected(disks []Disk) []Identity {
	out := slices.Clone(in.Known.Protected)
	for _, d := range disks {
		if d.Class == Protected {
			out = append(out, IdentityOf(d.Device))
		}
	}
	return out
}

func (in *Input) classify(d *maas.BlockDevice, boot bool, guarded string) Disk {
	switch {
	case boot:
		return Disk{d, Boot, "the boot disk"}
	case guarded != "":
		return Disk{d, Protected, guarded}
	case !in.Wanted.Policy.Keeps():
		return Disk{d, Other, "dataDisks is Wipe"}
	case len(in.Wanted.Protected) > 0:
		return Disk{d, Other, "protectedDisks does not name it"}
	default:
		return Disk{d, Protected, "not the boot disk"}
	}
}

// guards says why a disk is protected whatever the boot disk is, "" when it is not.
func (in *Input) guards(d *maas.BlockDevice) string {
	if in.Shared.has(d) {
		return "another server has it too"
	}
	if maker := IdentityOf(d).array(); maker != "" && !(in.Wanted.Boot.names() && in.Wanted.Boot.Matches(d)) {
		return "a volume of a storage array by " + maker
	}
	if !in.Wanted.Policy.Keeps() {
		return ""
	}
	if mayBeAny(IdentityOf(d), in.Known.Protected) && !in.isKnownBoot(d) {
		return "protected before"
	}
	for i := range in.Wanted.Protected {
		if in.Wanted.Protected[i].Matches(d) {
			return fmt.Sprintf("protectedDisks[%d]", i)
		}
	}
	return ""
}

func (in *Input) isKnownBoot(d *maas.BlockDevice) bool {
	return in.Known.Boot != nil && IdentityOf(d).Same(*in.Known.Boot) && !sameAsAny(IdentityOf(d), in.Known.Protected)
}

// chooseBoot picks the disk to boot from among the disks that nothing protects: the one it was before, otherwise the smallest that was asked
// for, by name where sizes are equal; MAAS's own choice where nobody asked.
func (in *Input) chooseBoot(guarded []string) (*maas.BlockDevice, *Refusal) {
	var candidates []*maas.BlockDevice
	var barred []string
	for i := range in.Devices {
		d := &in.Devices[i]
		if !d.Physical || !in.proposed(d) {
			continue
		}
		if why := guarded[i]; why != "" {
			barred = append(barred, fmt.Sprintf("%s is protected: %s", IdentityOf(d), why))
			continue
		}
		candidates = append(candidates, d)
	}
	if len(candidates) == 0 {
		return nil, in.noBootDisk(barred)
	}
	for _, d := range candidates {
		if in.isKnownBoot(d) {
			return d, nil
		}
	}
	slices.SortFunc(candidates, func(a, b *maas.BlockDevice) int {
		return cmp.Or(cmp.Compare(a.SizeBytes, b.SizeBytes), strings.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	if in.Known.Boot != nil && in.Wanted.Policy.Keeps() && !in.Wanted.Boot.names() {
		// Whatever takes the place of a boot disk that is gone would be wiped.
		return nil, refuse(BootDiskChanged, "The boot disk was %s and MAAS has it no longer; %s is next in line and may hold data. Name the boot disk "+
			"in storage.bootDisk.match, or remove spec.disks.boot of the MaasHost to accept it", in.Known.Boot, IdentityOf(candidates[0]))
	}
	return candidates[0], nil
}

// proposed tells whether a disk is meant to be booted from.
func (in *Input) proposed(d *maas.BlockDevice) bool {
	switch {
	case !in.Wanted.Boot.empty():
		return in.Wanted.Boot.Matches(d)
	case in.Wanted.Smallest:
		return true
	default:
		return d.ID == in.BootDiskID || in.isKnownBoot(d)
	}
}

func (in *Input) noBootDisk(barred []string) *Refusal {
	const most = 3
	if len(barred) > most {
		barred = append(barred[:most:most], fmt.Sprintf("and %d more", len(barred)-most))
	}
	switch {
	case len(barred) > 0:
		return refuse(BootDiskProtected, "No disk can be booted from: %s. Name the boot disk in storage.bootDisk.match, repair the inventory in MAAS, or "+
			"remove the disk from spec.disks.protected of the MaasHost if its data may be lost",
			strings.Join(barred, "; "))
	case !in.Wanted.Boot.empty():
		return refuse(BootDiskNotFound, "No disk in MAAS's inventory matches storage.bootDisk.match")
	default:
		return refuse(BootDiskNotFound, "MAAS knows no disk to boot from. Commission the server in MAAS")
	}
}

// confusable returns a protected disk that the installer could take for this one. It looks a disk up by its serial, which old ones search in the
// names of /dev/disk/by-id, and by its path where there is no serial (curtin, lookup_disk).
func confusable(id Identity, protected []Identity) *Identity {
	for i, o := range protected {
		switch {
		case id.Serial != "":
			if contains(o.Serial, id.Serial) || contains(o.IDPath, id.Serial) {
				return &protected[i]
			}
		case !id.hasStablePath() || id.IDPath == o.IDPath:
			return &protected[i]
		}
	}
	return nil
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
