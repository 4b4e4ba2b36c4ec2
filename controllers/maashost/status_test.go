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
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func step(s lifecycle.Situation) func(*scope) {
	return func(sc *scope) { sc.step = lifecycle.Step{Verb: lifecycle.Wait, Situation: s} }
}

func ours(status maas.Status, message string) func(*scope) {
	return func(sc *scope) {
		sc.observation.Ownership = lifecycle.OwnershipOurs
		sc.observation.Machine = &maas.Machine{Hostname: "n1", Status: status, StatusMessage: message, Owner: "capi"}
	}
}

func others(status maas.Status, owner string) func(*scope) {
	return func(sc *scope) {
		sc.observation.Ownership = lifecycle.OwnershipNotOurs
		sc.observation.Machine = &maas.Machine{Hostname: "n1", Status: status, Owner: owner}
	}
}

func failed(verb lifecycle.Verb, kind maas.ErrorKind) func(*scope) {
	return func(sc *scope) {
		sc.step = lifecycle.Step{Verb: verb, Situation: lifecycle.Allocated}
		sc.refusal = &maas.Error{Kind: kind, Op: "call MAAS", StatusCode: 400, Message: "no such series"}
	}
}

func deleting(sc *scope) { now := metav1.Now(); sc.host.DeletionTimestamp = &now }

func consumer(c consumerState) func(*scope) { return func(sc *scope) { sc.consumer = c } }

func wasDeployed(sc *scope) {
	sc.host.Status.AllocatedTime, sc.host.Status.DeployedTime = metav1.NewTime(time.Unix(1, 0)), metav1.NewTime(time.Unix(2, 0))
}

func TestConditions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		facts []func(*scope)
		// want are the reasons of Allocated, HostDeployed and Ready.
		want    [3]string
		message string
	}{
		{"first look at MAAS", []func(*scope){step(lifecycle.Unknown)}, [3]string{"WaitingForMaas", "WaitingForMaas", "WaitingForMaas"}, "first look"},
		{"no credentials", []func(*scope){func(s *scope) { s.accessProblem = "Secret ns/maas does not exist" }},
			[3]string{"WaitingForMaas", "WaitingForMaas", "WaitingForMaas"}, "Secret ns/maas"},
		{"chosen", []func(*scope){others(maas.StatusReady, ""), step(lifecycle.NotAllocated)}, [3]string{"NotAllocated", "WaitingForAllocation", "NotAllocated"}, "n1"},
		{"installing", []func(*scope){ours(maas.StatusDeploying, "Installing OS"), step(lifecycle.Deploying)},
			[3]string{"Allocated", "Deploying", "Deploying"}, "MAAS installs n1 with ubuntu/jammy (Installing OS)"},
		{"deployed", []func(*scope){ours(maas.StatusDeployed, ""), step(lifecycle.Deployed)}, [3]string{"Allocated", "HostDeployed", "Ready"}, ""},
		{"powered off", []func(*scope){ours(maas.StatusDeployed, ""), step(lifecycle.PoweredOff)}, [3]string{"Allocated", "HostPoweredOff", "HostPoweredOff"}, "Power it on"},
		{"no user data", []func(*scope){step(lifecycle.Allocated), func(s *scope) { s.userDataMissing = true }},
			[3]string{"Allocated", "UserDataNotFound", "UserDataNotFound"}, "Secret boot"},
		{"image refused", []func(*scope){failed(lifecycle.Deploy, maas.Invalid)}, [3]string{"Allocated", "DeployRefused", "DeployRefused"}, "no such series"},
		{"MAAS down before the deploy call", []func(*scope){failed(lifecycle.Deploy, maas.Unavailable)}, [3]string{"Allocated", "WaitingForMaas", "WaitingForMaas"}, "tried again"},
		{"MAAS down before the allocation", []func(*scope){failed(lifecycle.Allocate, maas.Unavailable)}, [3]string{"WaitingForMaas", "WaitingForAllocation", "WaitingForMaas"}, "tried again"},
		{"failed", []func(*scope){ours(maas.StatusFailedDeployment, "curtin failed."), step(lifecycle.DeployFailed)},
			[3]string{"Allocated", "DeployFailed", "DeployFailed"}, "(curtin failed). Delete the Machine"},
		{"under test", []func(*scope){ours(maas.StatusTesting, ""), step(lifecycle.NotInService)}, [3]string{"Allocated", "HostNotInService", "HostNotInService"}, `"Testing"`},
		{"taken", []func(*scope){others(maas.StatusDeployed, "eve"), step(lifecycle.Taken)}, [3]string{"HostTaken", "HostTaken", "HostTaken"}, `user "eve"`},
		{"gone", []func(*scope){step(lifecycle.Gone)}, [3]string{"HostGone", "HostGone", "HostGone"}, "no machine abc123"},
		{"deleted by hand", []func(*scope){deleting, wasDeployed, consumer(consumerLives)}, [3]string{"ConsumerExists", "ConsumerExists", "ConsumerExists"}, "MaasMachine m uses"},
		{"orphaned", []func(*scope){wasDeployed, consumer(consumerGone)}, [3]string{"ConsumerGone", "ConsumerGone", "ConsumerGone"}, "Delete this MaasHost"},
		{"releasing", []func(*scope){deleting, consumer(consumerDeleting), ours(maas.StatusReleasing, "Powering off"), step(lifecycle.Releasing)},
			[3]string{"Allocated", "Releasing", "Deleting"}, "MAAS releases n1 (Powering off)"},
		{"release refused", []func(*scope){deleting, consumer(consumerDeleting), failed(lifecycle.Release, maas.Conflict)},
			[3]string{"ReleaseFailed", "ReleaseFailed", "Deleting"}, "tried again"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scope{host: &infrav1.MaasHost{Spec: infrav1.MaasHostSpec{SystemID: "abc123", Image: infrav1.Image{Name: "ubuntu/jammy"},
				ConsumerRef: infrav1.LocalObjectReference{Name: "m"}, UserDataSecretRef: infrav1.LocalObjectReference{Name: "boot"}}}}
			for _, fact := range tt.facts {
				fact(s)
			}
			setStatus(s)
			for i, conditionType := range []string{infrav1.AllocatedCondition, infrav1.HostDeployedCondition, infrav1.ReadyCondition} {
				c := conditions.Get(s.host, conditionType)
				if c == nil || c.Reason != tt.want[i] {
					t.Errorf("%s: want reason %s, got %+v", conditionType, tt.want[i], c)
				}
			}
			if ready := conditions.Get(s.host, infrav1.ReadyCondition); !strings.Contains(ready.Message, tt.message) {
				t.Errorf("want %q in the message of Ready, got %q", tt.message, ready.Message)
			}
		})
	}
}
