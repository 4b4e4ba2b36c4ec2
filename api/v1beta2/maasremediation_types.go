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

package v1beta2

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaasRemediationSpec says what is tried for a Machine that a MachineHealthCheck found unhealthy.
// +kubebuilder:validation:MinProperties=1
type MaasRemediationSpec struct {
	// strategy is what is tried, in this order: power cycles, a new installation on the same server, and in the end the quarantine of the
	// server. What is left empty has the values that the fields tell.
	// +optional
	Strategy RemediationStrategy `json:"strategy,omitempty,omitzero"`
}

// RemediationStrategy is what is tried.
// +kubebuilder:validation:MinProperties=1
type RemediationStrategy struct {
	// powerCycle switches the server off, hard, and on again. A Machine that never had a Node is not power-cycled: its user data is run once,
	// and another start does not run it again.
	// +optional
	PowerCycle RemediationPowerCycle `json:"powerCycle,omitempty,omitzero"`

	// redeploy has the owner of the Machine replace it, on the same server.
	// +optional
	Redeploy RemediationRedeploy `json:"redeploy,omitempty,omitzero"`
}

// RemediationPowerCycle says how often a server is power-cycled.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.maxAttempts) || self.maxAttempts > 0 || (!has(self.timeoutSeconds) && !has(self.cooldownSeconds))",message="with maxAttempts 0 there is no power cycle: leave out timeoutSeconds and cooldownSeconds"
type RemediationPowerCycle struct {
	// maxAttempts is how many power cycles are tried, 0 for none; 2 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	MaxAttempts *int32 `json:"maxAttempts,omitempty"`

	// timeoutSeconds is how long a power cycle may take until the Node is healthy again, switching included; 900 when empty. A server that needs
	// long to start needs more.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=86400
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`

	// cooldownSeconds is how long after its last power cycle a server whose Node becomes unhealthy again is taken to have the same trouble:
	// power cycles until then count. 3600 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2592000
	CooldownSeconds *int32 `json:"cooldownSeconds,omitempty"`
}

// RemediationRedeploy says whether a server is installed anew.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.policy) || self.policy != 'Never' || !has(self.cooldownSeconds)",message="with policy Never there is no new installation: leave out cooldownSeconds"
type RemediationRedeploy struct {
	// policy is SameHost or Never; SameHost when empty.
	// +optional
	Policy RemediationRedeployPolicy `json:"policy,omitempty"`

	// cooldownSeconds is how long after a server was handed over to be installed anew another failure has it quarantined; 86400 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2592000
	CooldownSeconds *int32 `json:"cooldownSeconds,omitempty"`
}

// RemediationRedeployPolicy says whether a server gets another chance.
// +kubebuilder:validation:Enum=SameHost;Never
type RemediationRedeployPolicy string

const (
	// RedeploySameHost replaces the Machine once and lets its successor have the same server, as MaasHostPools with reuse do.
	RedeploySameHost RemediationRedeployPolicy = "SameHost"
	// RedeployNever quarantines the server before the Machine is replaced.
	RedeployNever RemediationRedeployPolicy = "Never"
)

// What RemediationStrategy leaves empty.
const (
	defaultPowerCycles        = 2
	defaultPowerCycleTimeout  = 15 * time.Minute
	defaultPowerCycleCooldown = time.Hour
	defaultRedeployCooldown   = 24 * time.Hour
)

// MaxPowerCycles is how many power cycles are tried.
func (s *RemediationStrategy) MaxPowerCycles() int {
	if s.PowerCycle.MaxAttempts == nil {
		return defaultPowerCycles
	}
	return int(*s.PowerCycle.MaxAttempts)
}

// PowerCycleTimeout is how long one may take until the Node is healthy again.
func (s *RemediationStrategy) PowerCycleTimeout() time.Duration {
	if s.PowerCycle.TimeoutSeconds == 0 {
		return defaultPowerCycleTimeout
	}
	return time.Duration(s.PowerCycle.TimeoutSeconds) * time.Second
}

// PowerCycleCooldown is how long power cycles count.
func (s *RemediationStrategy) PowerCycleCooldown() time.Duration {
	return seconds(s.PowerCycle.CooldownSeconds, defaultPowerCycleCooldown)
}

// RedeployCooldown is how long a new installation counts.
func (s *RemediationStrategy) RedeployCooldown() time.Duration {
	return seconds(s.Redeploy.CooldownSeconds, defaultRedeployCooldown)
}

func seconds(n *int32, fallback time.Duration) time.Duration {
	if n == nil {
		return fallback
	}
	return time.Duration(*n) * time.Second
}

// MaasRemediationStatus is how far it has come. What must survive its loss stands in the MaasHost.
// +kubebuilder:validation:MinProperties=1
type MaasRemediationStatus struct {
	// conditions of the MaasRemediation; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// step that is under way.
	// +optional
	Step RemediationStep `json:"step,omitempty"`

	// hostRef names the MaasHost of the Machine.
	// +optional
	HostRef LocalObjectReference `json:"hostRef,omitempty,omitzero"`

	// powerCycles counts those of the server that this trouble has taken.
	// +optional
	// +kubebuilder:validation:Minimum=0
	PowerCycles *int32 `json:"powerCycles,omitempty"`

	// lastPowerCycleTime is when the last of them was asked for.
	// +optional
	LastPowerCycleTime metav1.Time `json:"lastPowerCycleTime,omitempty,omitzero"`
}

// RemediationStep is where a remediation stands.
// +kubebuilder:validation:Enum=Waiting;PowerCycling;WaitingForNode;Redeploying;Quarantining;HandedOver;Recovered
type RemediationStep string

const (
	// RemediationWaiting means that nothing can be done now; the condition says why.
	RemediationWaiting RemediationStep = "Waiting"
	// RemediationPowerCycling means that the server is switched off and on.
	RemediationPowerCycling RemediationStep = "PowerCycling"
	// RemediationWaitingForNode means that the server is on again and its Node has to become healthy.
	RemediationWaitingForNode RemediationStep = "WaitingForNode"
	// RemediationRedeploying means that the Machine is about to be handed over, and its server to be installed anew for the successor.
	RemediationRedeploying RemediationStep = "Redeploying"
	// RemediationQuarantining means that the server is put into quarantine, so that the successor gets another.
	RemediationQuarantining RemediationStep = "Quarantining"
	// RemediationHandedOver means that the owner of the Machine is to replace it.
	RemediationHandedOver RemediationStep = "HandedOver"
	// RemediationRecovered means that the Node is healthy again; Cluster API deletes the object.
	RemediationRecovered RemediationStep = "Recovered"
)

// MaasRemediation remediates one Machine. Cluster API makes it, with the name of the Machine, from the MaasRemediationTemplate that a
// MachineHealthCheck names, and deletes it when the Machine is healthy again.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maasremediations,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.metadata.labels['cluster\.x-k8s\.io/cluster-name']`
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.status.hostRef.name`,description="MaasHost of the Machine"
// +kubebuilder:printcolumn:name="Step",type=string,JSONPath=`.status.step`
// +kubebuilder:printcolumn:name="Power cycles",type=integer,JSONPath=`.status.powerCycles`
// +kubebuilder:printcolumn:name="Last",type=date,JSONPath=`.status.lastPowerCycleTime`,description="When the last power cycle was asked for"
// +kubebuilder:printcolumn:name="Remediating",type=string,JSONPath=`.status.conditions[?(@.type=="Remediating")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Remediating")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Remediating")].message`,priority=10
type MaasRemediation struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +optional
	Spec MaasRemediationSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status MaasRemediationStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions.
func (r *MaasRemediation) GetConditions() []metav1.Condition { return r.Status.Conditions }

// SetConditions replaces the conditions.
func (r *MaasRemediation) SetConditions(conditions []metav1.Condition) {
	r.Status.Conditions = conditions
}

// MaasRemediationList is a list of MaasRemediations.
// +kubebuilder:object:root=true
type MaasRemediationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasRemediation `json:"items"`
}
