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
	"fmt"
)

// policy answers one question about a candidate; nil means that it has no objection and no reason to admit either.
type policy struct {
	name  string
	judge func(d *decision, c *Candidate) *Verdict
}

// passes admit without a look at the store.
var passes = []policy{
	{"clusterDeleting", clusterDeleting},
	{"alreadyAdmitted", alreadyAdmitted},
	{"overridden", overridden},
	{"ungated", ungated},
	{"neverHadANode", neverHadANode},
}

// knowledge holds while too little is known.
var knowledge = []policy{
	{"hookMissing", hookMissing},
	{"storageUnknown", storageUnknown},
	{"storageStale", storageStale},
}

// placedPolicies judge with a store that shows where its replicas are.
var placedPolicies = []policy{
	{"nodeUnknownToStore", nodeUnknownToStore},
	{"noData", noData},
	{"dataElsewhere", dataElsewhere},
	{"sharesData", sharesData},
	{"lastReplica", lastReplica},
	{"deadNode", deadNode},
	{"storageBusy", storageBusy},
	{"nodeNotOnline", nodeNotOnline},
	{"quorumAtRisk", quorumAtRisk},
	{"notEvacuated", notEvacuated},
	{"volumeNotWhole", volumeNotWhole},
	{"serial", serial},
	{"budget", budget},
}

// opaquePolicies judge with a store that only says how it is as a whole.
var opaquePolicies = []policy{
	{"deadNodeOpaque", deadNodeOpaque},
	{"storageBusy", storageBusy},
	{"quorumAtRisk", quorumAtRisk},
	{"notEvacuatedOpaque", notEvacuatedOpaque},
	{"serialOpaque", serialOpaque},
	{"storageDegraded", storageDegraded},
	{"storageSettling", storageSettling},
}

// services come last: they protect what runs on the node, not the data.
var services = []policy{
	{"controlPlaneMoving", controlPlaneMoving},
	{"vmsCannotMove", vmsCannotMove},
	{"noRoomForVMs", noRoomForVMs},
}

// judge runs the chains; the first answer decides. An early admission still has to respect what runs on a living node.
func (d *decision) judge(c *Candidate) Verdict {
	if v := run(passes, d, c); v != nil {
		return *v
	}
	if v := run(knowledge, d, c); v != nil {
		return *v
	}
	storage := opaquePolicies
	if d.Report.Placed {
		storage = placedPolicies
	}
	v := run(storage, d, c)
	if v != nil && (!v.Admitted || c.Dead) {
		return *v
	}
	if held := run(services, d, c); held != nil {
		return *held
	}
	if v != nil {
		return *v
	}
	return *admit(Whole, "All data that %s holds is whole, with copies on other nodes", c.Node)
}

func run(chain []policy, d *decision, c *Candidate) *Verdict {
	for _, p := range chain {
		if d.without != p.name {
			if v := p.judge(d, c); v != nil {
				return v
			}
		}
	}
	return nil
}

func hold(reason Reason, format string, args ...any) *Verdict {
	return &Verdict{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func admit(reason Reason, format string, args ...any) *Verdict {
	return &Verdict{Admitted: true, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func detail(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func progress(percent int32) string {
	if percent < 0 || percent > 100 {
		return ""
	}
	return fmt.Sprintf(" (%d%% rebuilt)", percent)
}
