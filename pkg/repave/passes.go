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
	"time"
)

func clusterDeleting(d *decision, _ *Candidate) *Verdict {
	if !d.ClusterDeleting {
		return nil
	}
	return admit(ClusterGoesAway, "The cluster is being deleted")
}

func alreadyAdmitted(d *decision, c *Candidate) *Verdict {
	if !d.flightOf[c.Machine] {
		return nil
	}
	return admit(AlreadyInProcess, "Admitted before")
}

func overridden(d *decision, c *Candidate) *Verdict {
	for _, o := range []*Override{c.Override, d.Override} {
		if o != nil && d.Now.Before(o.Until) {
			return admit(Overridden, "Overridden by %s until %s: %s", o.By, o.Until.UTC().Format(time.RFC3339), o.Reason)
		}
	}
	return nil
}

func ungated(d *decision, _ *Candidate) *Verdict {
	if !d.Rules.Ungated {
		return nil
	}
	return admit(Ungated, "The gate protects no storage (store None)")
}

func neverHadANode(_ *decision, c *Candidate) *Verdict {
	if c.Node != "" {
		return nil
	}
	return admit(NeverHadANode, "The Machine never had a Node, so nothing is on it")
}

func hookMissing(_ *decision, c *Candidate) *Verdict {
	if c.UnhookedPeers == 0 {
		return nil
	}
	return hold(HookMissing, "%d other Machines of the cluster lack the gate's pre-drain hook, so that their deletion would not wait. The gate adds it; "+
		"see its status if this lasts", c.UnhookedPeers)
}

func storageUnknown(d *decision, c *Candidate) *Verdict {
	if d.Report != nil {
		return nil
	}
	if c.Dead && d.Rules.AdmitDeadOnUnknown {
		return admit(DeadNode, "%s is dead and the gate was told to let dead nodes go although the storage cannot be asked", c.Node)
	}
	return hold(StorageUnknown, "The storage could not be asked: %s. It ends with the first answer", d.ReportError)
}

func storageStale(d *decision, _ *Candidate) *Verdict {
	age := d.Now.Sub(d.Report.At)
	if age.Abs() <= d.Rules.MaxReportAge {
		return nil
	}
	if age < 0 {
		return hold(StorageStale, "What the storage said is dated %s ahead: somebody's clock is wrong. It ends with a fresh answer", -age.Round(time.Second))
	}
	return hold(StorageStale, "What the storage said is %s old, more than the %s that count. It ends with a fresh answer", age.Round(time.Second),
		d.Rules.MaxReportAge)
}
