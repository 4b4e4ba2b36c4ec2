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

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Plan is what has to be done in MAAS, in this order, while the machine is Ready, so that a deploy wipes nothing that is protected. Each step may be
// repeated, and a plan made after a crash in the middle is the rest of it.
type Plan struct {
	// Remember are disks to write down before anything is done to MAAS's inventory.
	Remember Known
	// News tells that Remember is more than what was known.
	News bool
	// SetBootDisk is the disk to make MAAS's boot disk, 0 when it is.
	SetBootDisk int
	// Layout to set, nil when it is as asked.
	Layout *maas.StorageLayout
	// Remove are the protected disks to take out of the inventory.
	Remove []Disk
}

// Empty tells that MAAS is as it should be.
func (p *Plan) Empty() bool { return p.SetBootDisk == 0 && p.Layout == nil && len(p.Remove) == 0 }

// Size is the number of calls that the plan takes.
func (p *Plan) Size() int {
	n := len(p.Remove)
	if p.SetBootDisk != 0 {
		n++
	}
	if p.Layout != nil {
		n++
	}
	return n
}

// NewPlan plans from a judgement. A refusal leaves MAAS as it is: without a boot disk that is beyond doubt every disk would be one to take out of
// the inventory, the boot disk itself included. The boot disk and its layout come first, for MAAS does not let go of a disk that its own plan uses.
func NewPlan(in *Input, v *Verdict) Plan {
	if v.Refusal != nil {
		return Plan{Remember: in.Known}
	}
	p := Plan{Remove: v.Of(Protected)}
	p.Remember, p.News = remember(in, v)
	if v.Boot.ID != in.BootDiskID {
		p.SetBootDisk = v.Boot.ID
	}
	if !in.Wanted.Memory && (p.SetBootDisk != 0 || !laidOut(in, v.Boot)) {
		layout := in.Wanted.Layout.request(v.Boot.ID)
		p.Layout = &layout
	}
	return p
}

// remember adds what is new to what is known, and tells whether anything is.
func remember(in *Input, v *Verdict) (Known, bool) {
	known, news := in.Known, false
	if v.Refusal != nil {
		return known, false
	}
	if v.Boot != nil {
		if id := IdentityOf(v.Boot); known.Boot == nil || *known.Boot != id {
			known.Boot, news = &id, true
		}
	}
	known.Protected = append([]Identity(nil), in.Known.Protected...)
	for _, d := range v.Of(Protected) {
		if id := IdentityOf(d.Device); !sameAsAny(id, known.Protected) {
			known.Protected, news = append(known.Protected, id), true
		}
	}
	return known, news
}

// Summary says in a few words what is known of the data disks.
func Summary(in *Input, v *Verdict) string {
	known, _ := remember(in, v)
	exposed, other := len(v.Of(Protected)), len(v.Of(Other))
	switch {
	case exposed > 0:
		return fmt.Sprintf("%d protected, %d exposed", len(known.Protected), exposed)
	case len(known.Protected) > 0 && other > 0:
		return fmt.Sprintf("%d protected, %d wiped", len(known.Protected), other)
	case len(known.Protected) > 0:
		return fmt.Sprintf("%d protected", len(known.Protected))
	case other > 0:
		return fmt.Sprintf("%d wiped", other)
	default:
		return "none"
	}
}
