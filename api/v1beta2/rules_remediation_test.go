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

package v1beta2_test

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

func remediationCases() []ruleCase {
	strategy := func(s infrav1.RemediationStrategy) client.Object {
		return &infrav1.MaasRemediation{
			TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasRemediation"},
			ObjectMeta: metav1.ObjectMeta{Name: "m", Namespace: "default"},
			Spec:       infrav1.MaasRemediationSpec{Strategy: s},
		}
	}
	powerCycle := func(p infrav1.RemediationPowerCycle) client.Object {
		return strategy(infrav1.RemediationStrategy{PowerCycle: p})
	}
	redeploy := func(r infrav1.RemediationRedeploy) client.Object {
		return strategy(infrav1.RemediationStrategy{Redeploy: r})
	}
	return []ruleCase{
		{name: "remediation with the default strategy", after: strategy(infrav1.RemediationStrategy{})},
		{name: "template with the default strategy", after: &infrav1.MaasRemediationTemplate{
			TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasRemediationTemplate"},
			ObjectMeta: metav1.ObjectMeta{Name: "m", Namespace: "default"},
			Spec:       infrav1.MaasRemediationTemplateSpec{Template: &infrav1.MaasRemediationTemplateResource{}},
		}},
		{name: "three power cycles", after: powerCycle(infrav1.RemediationPowerCycle{MaxAttempts: ptr.To[int32](3), TimeoutSeconds: 1200})},
		{name: "no power cycle", after: powerCycle(infrav1.RemediationPowerCycle{MaxAttempts: ptr.To[int32](0)})},
		{name: "no power cycle that may take long", after: powerCycle(infrav1.RemediationPowerCycle{MaxAttempts: ptr.To[int32](0), TimeoutSeconds: 1200}),
			refused: "with maxAttempts 0 there is no power cycle: leave out timeoutSeconds and cooldownSeconds"},
		{name: "no new installation", after: redeploy(infrav1.RemediationRedeploy{Policy: infrav1.RedeployNever})},
		{name: "no new installation that counts", after: redeploy(infrav1.RemediationRedeploy{Policy: infrav1.RedeployNever, CooldownSeconds: ptr.To[int32](1)}),
			refused: "with policy Never there is no new installation: leave out cooldownSeconds"},
	}
}
