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

// MaasHostPoolSpec says which servers of a MAAS belong to the pool.
// +kubebuilder:validation:XValidation:rule="!has(self.erase) || self.erase == 'None' || (has(self.dataDisks) && self.dataDisks == 'Wipe')",message="erase destroys the data disks too: set dataDisks to Wipe first, or leave erase at None"
// +kubebuilder:validation:XValidation:rule="has(self.resourcePool) || has(self.selector)",message="set resourcePool or selector: without either every machine of the MAAS would belong to the pool"
type MaasHostPoolSpec struct {
	// credentialsRef names the MAAS API credentials, as in MaasCluster. Clusters that use the pool have to name the same ones.
	// +required
	CredentialsRef CredentialsReference `json:"credentialsRef,omitempty,omitzero"`

	// resourcePool is the MAAS resource pool that the servers are in.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	ResourcePool string `json:"resourcePool,omitempty"`

	// selector narrows down the servers further.
	// +optional
	Selector HostSelector `json:"selector,omitempty,omitzero"`

	// dataDisks says what becomes of the disks that the servers of the pool do not boot from, as in storage.dataDisks of a MaasMachine.
	// Preserve of either wins. When neither says anything disks are preserved as well.
	// +optional
	DataDisks DataDisksPolicy `json:"dataDisks,omitempty"`

	// hold keeps the servers of the pool Allocated in MAAS when true, also while they are empty, so that nobody else takes them.
	// +optional
	Hold *bool `json:"hold,omitempty"`

	// reuse says what becomes of a server whose machine is replaced. SameHost, which is meant when it is not set, keeps it for the
	// successor of that machine, and the successor waits for it. Any gives it to whoever comes.
	// +optional
	Reuse ReusePolicy `json:"reuse,omitempty"`

	// reservationSeconds is how long a freed server waits for the successor of its machine; a day (86400) when it is not set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31536000
	ReservationSeconds int32 `json:"reservationSeconds,omitempty"`

	// erase is how the disks of a server are erased when it leaves the pool: when its lease ends, never while it stays in the pool.
	// Nothing is erased when it is not set.
	// +optional
	Erase ErasePolicy `json:"erase,omitempty"`
}

// ReusePolicy says what becomes of a server whose machine is replaced.
// +kubebuilder:validation:Enum=SameHost;Any
type ReusePolicy string

const (
	// ReuseSameHost keeps the server for the successor of the machine.
	ReuseSameHost ReusePolicy = "SameHost"
	// ReuseAny gives the server to any machine.
	ReuseAny ReusePolicy = "Any"
)

// ErasePolicy says how disks are erased.
// +kubebuilder:validation:Enum=None;Quick;Secure;Full
type ErasePolicy string

const (
	// EraseNone leaves the disks as they are.
	EraseNone ErasePolicy = "None"
	// EraseQuick overwrites the beginning and the end of each disk.
	EraseQuick ErasePolicy = "Quick"
	// EraseSecure uses the disk's own command where it has one and overwrites everything otherwise.
	EraseSecure ErasePolicy = "Secure"
	// EraseFull overwrites everything.
	EraseFull ErasePolicy = "Full"
)

// DefaultReservationSeconds is how long a freed server waits for a successor when the pool does not say.
const DefaultReservationSeconds int32 = 24 * 60 * 60

// Holds tells whether the pool keeps empty servers.
func (p *MaasHostPool) Holds() bool { return p.Spec.Hold != nil && *p.Spec.Hold }

// ReservationTime is how long a freed server waits for a successor.
func (p *MaasHostPool) ReservationTime() time.Duration {
	if p.Spec.ReservationSeconds == 0 {
		return time.Duration(DefaultReservationSeconds) * time.Second
	}
	return time.Duration(p.Spec.ReservationSeconds) * time.Second
}

// ReusesSameHost tells whether a freed server is kept for a successor.
func (p *MaasHostPool) ReusesSameHost() bool { return p.Spec.Reuse != ReuseAny }

// MaasHostPoolStatus is the fleet at a glance.
// +kubebuilder:validation:MinProperties=1
type MaasHostPoolStatus struct {
	// conditions of the MaasHostPool; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// hosts counts the servers of the pool.
	// +optional
	Hosts MaasHostCounts `json:"hosts,omitempty,omitzero"`

	// states counts the leases of the pool by their state.
	// +optional
	// +listType=map
	// +listMapKey=state
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	States []HostStateCount `json:"states,omitempty"`
}

// HostStateCount is how many servers are in a state.
type HostStateCount struct {
	// state of the servers.
	// +required
	State HostState `json:"state,omitempty"`

	// count of the servers.
	// +required
	// +kubebuilder:validation:Minimum=0
	Count *int32 `json:"count,omitempty"`
}

// MaasHostCounts counts servers. Each is in total and in exactly one of available, leased and unavailable.
// +kubebuilder:validation:MinProperties=1
type MaasHostCounts struct {
	// total is the number of servers in the pool.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Total *int32 `json:"total,omitempty"`

	// wanted is how many the MachineDeployments and control planes ask for that use the pool.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Wanted *int32 `json:"wanted,omitempty"`

	// surge is how many more the rollouts of the MachineDeployments may ask for at the same time.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Surge *int32 `json:"surge,omitempty"`

	// available servers can be given to a machine of the pool: they are Ready in MAAS and nobody's, or kept empty for the pool.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Available *int32 `json:"available,omitempty"`

	// leased servers are in use, on their way, or reserved.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Leased *int32 `json:"leased,omitempty"`

	// unavailable servers are neither: in use by others, broken, being tested, cordoned or in quarantine.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Unavailable *int32 `json:"unavailable,omitempty"`
}

// MaasHostPool is a set of servers of a MAAS from which MaasMachines are given theirs.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maashostpools,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Pool",type=string,JSONPath=`.spec.resourcePool`,description="MAAS resource pool"
// +kubebuilder:printcolumn:name="Total",type=integer,JSONPath=`.status.hosts.total`
// +kubebuilder:printcolumn:name="Wanted",type=integer,JSONPath=`.status.hosts.wanted`
// +kubebuilder:printcolumn:name="Available",type=integer,JSONPath=`.status.hosts.available`
// +kubebuilder:printcolumn:name="Leased",type=integer,JSONPath=`.status.hosts.leased`
// +kubebuilder:printcolumn:name="Unavailable",type=integer,JSONPath=`.status.hosts.unavailable`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MaasHostPool struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec MaasHostPoolSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status MaasHostPoolStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions.
func (p *MaasHostPool) GetConditions() []metav1.Condition { return p.Status.Conditions }

// SetConditions replaces the conditions.
func (p *MaasHostPool) SetConditions(conditions []metav1.Condition) { p.Status.Conditions = conditions }

// MaasHostPoolList is a list of MaasHostPools.
// +kubebuilder:object:root=true
type MaasHostPoolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasHostPool `json:"items"`
}
