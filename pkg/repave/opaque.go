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

package repave

import (
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

func deadNodeOpaque(d *decision, c *Candidate) *Verdict {
	switch {
	case !c.Dead:
		return nil
	case d.Report.Available == storagehealth.Yes:
		return admit(DeadNode, "%s is dead, and the storage says that all data is available without it", c.Node)
	case c.DataKept == storagehealth.Yes && c.Purpose == Replacement:
		return admit(DeadNode, "%s is dead and comes back with its disks as they are", c.Node)
	}
	return hold(LastReplica, "%s is dead and the storage does not say that all data is available without it: %s. It ends when it does", c.Node,
		d.Report.Detail)
}

func notEvacuatedOpaque(d *decision, c *Candidate) *Verdict {
	if c.Purpose != ScaleIn || !c.StorageExpected || d.Report.Locality == storagehealth.Remote {
		return nil
	}
	return hold(NotEvacuated, "%s leaves for good, and this storage does not show whether it still holds data. Evacuate it, then let it go by an override",
		c.Node)
}

// serialOpaque holds while any repave is open: without a placement nobody knows which nodes have nothing in common.
func serialOpaque(d *decision, _ *Candidate) *Verdict {
	if d.flights == 0 {
		return nil
	}
	return hold(AnotherRepaveOpen, "The repave of %s is not whole yet and repaves go one by one. It ends when that one is closed", d.oneOpen())
}

func (d *decision) oneOpen() string {
	names := make([]string, 0, len(d.openNode))
	for node := range d.openNode {
		names = append(names, node)
	}
	if len(names) == 0 {
		return "another node"
	}
	return sorted(names)
}

func storageDegraded(d *decision, _ *Candidate) *Verdict {
	switch d.Report.Whole {
	case storagehealth.Yes:
		return nil
	case storagehealth.No:
		return hold(StorageDegraded, "The storage is not whole: %s%s. %s", d.Report.Detail, progress(d.Report.Progress), d.endsOpaque())
	}
	return hold(StorageUnknown, "The storage does not say whether it is whole: %s. It ends when it does", d.Report.Detail)
}

func storageSettling(d *decision, _ *Candidate) *Verdict {
	if !d.WholeSince.IsZero() && d.Now.Sub(d.WholeSince) >= d.Rules.StablePeriod {
		return nil
	}
	return hold(StorageSettling, "The storage is whole, and not yet for %s on end. It ends by itself", d.Rules.StablePeriod)
}
