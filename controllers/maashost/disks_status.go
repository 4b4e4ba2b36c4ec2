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

package maashost

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostdisks"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
)

// setDisks reports on the disks. What was known stays while they are not looked at.
func setDisks(s *scope) {
	if s.disks.judged {
		s.host.Status.DataDisks = hostdisks.Summary(&s.disks.input, &s.disks.verdict)
	}
	v, ok := disksVerdict(s)
	if !ok {
		return
	}
	c := v.condition(infrav1.DisksReadyCondition)
	c.ObservedGeneration = s.host.Generation
	conditions.Set(s.host, c)
}

// disksVerdict is the table from facts to DisksReadyCondition; false when there is nothing new to say.
func disksVerdict(s *scope) (verdict, bool) {
	switch {
	case s.disks.refusal != nil:
		return no(string(s.disks.refusal.Reason), "%s", s.disks.refusal.Message), true
	case !s.disks.judged, s.step.Situation == lifecycle.DeployAborted:
		return verdict{}, false
	case !s.disks.plan.Empty() && !disksMatter(s.observation.Machine.Status):
		return verdict{metav1.ConditionTrue, infrav1.DisksReadyReason, "The disks are prepared in MAAS before the next installation"}, true
	case !s.disks.plan.Empty():
		return no(infrav1.DisksPreparingReason, "The disks are being prepared in MAAS"), true
	case !s.disks.input.Wanted.Policy.Keeps():
		return verdict{metav1.ConditionTrue, infrav1.DataDisksWipedReason, "dataDisks is Wipe: MAAS wipes every disk in its inventory at each deploy"}, true
	default:
		return yes(infrav1.DisksReadyReason), true
	}
}

// disksTrouble is HostDeployed's word on disks that stand in the way.
func disksTrouble(s *scope) verdict {
	if s.disks.refusal != nil {
		return no(infrav1.DisksRefusedReason, "%s", s.disks.refusal.Message)
	}
	return no(infrav1.DisksRefusedReason, "%s is not installed because of its disks", hostname(s))
}

// abortTrouble is HostDeployed's word on an aborted installation: by whom.
func abortTrouble(s *scope) verdict {
	c := conditions.Get(s.host, infrav1.DisksReadyCondition)
	if c != nil && c.Status == metav1.ConditionFalse &&
		(c.Reason == string(hostdisks.InstallWouldWipe) || c.Reason == string(hostdisks.InstallUnreadable)) {
		return no(infrav1.DisksRefusedReason, "%s. Repair the inventory in MAAS and delete the Machine to try again", c.Message)
	}
	return no(infrav1.DeployAbortedReason, "The installation of %s was aborted in MAAS. Delete the Machine to try again", hostname(s))
}
