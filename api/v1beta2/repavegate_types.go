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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RepaveGateSpec says what protects the data of one cluster while its nodes are reinstalled, or removed.
type RepaveGateSpec struct {
	// clusterName is the Cluster whose Machines the gate admits.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterName is immutable: make another RepaveGate"
	ClusterName string `json:"clusterName,omitempty"`

	// storage that is asked before a node goes.
	// +required
	Storage RepaveStorage `json:"storage,omitempty,omitzero"`

	// parallelism says when several nodes may be away at once; Serial when empty.
	// +optional
	Parallelism RepaveParallelism `json:"parallelism,omitempty"`

	// maxConcurrent is the most repaves that may be open at once; 1 when empty. Only NonOverlapping uses more.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxConcurrent int32 `json:"maxConcurrent,omitempty"`

	// stablePeriodSeconds is how long a node's data has to have been whole before its repave is closed, and how long a storage that does not
	// show its replicas has to have been whole before a node may go; 120 when empty.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	StablePeriodSeconds *int32 `json:"stablePeriodSeconds,omitempty"`

	// unknownHealth says what happens while the storage cannot be asked; Hold when empty.
	// +optional
	UnknownHealth UnknownHealthPolicy `json:"unknownHealth,omitempty"`

	// roles sets the rules for kinds of Machines. Machines that no entry names run storage and block on virtual machines that cannot move.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Roles []RepaveRole `json:"roles,omitempty"`

	// override lets every Machine of the cluster go, until it expires. A Machine alone is let go by the annotation
	// repave.infrastructure.cluster.x-k8s.io/override.
	// +optional
	Override RepaveOverride `json:"override,omitempty,omitzero"`
}

// RepaveParallelism says when several nodes may be away at once.
// +kubebuilder:validation:Enum=Serial;NonOverlapping
type RepaveParallelism string

const (
	// RepaveSerial admits a node when no earlier repave is open.
	RepaveSerial RepaveParallelism = "Serial"
	// RepaveNonOverlapping admits a node that shares no volume with any node that is away or not whole yet. With a storage that does not show its
	// replicas it works as Serial, and the status says so.
	RepaveNonOverlapping RepaveParallelism = "NonOverlapping"
)

// UnknownHealthPolicy says what happens while the storage cannot be asked.
// +kubebuilder:validation:Enum=Hold;AdmitDeadNodes
type UnknownHealthPolicy string

const (
	// UnknownHealthHold holds every node until the storage answers.
	UnknownHealthHold UnknownHealthPolicy = "Hold"
	// UnknownHealthAdmitDeadNodes holds all but the dead ones, whose data is away already.
	UnknownHealthAdmitDeadNodes UnknownHealthPolicy = "AdmitDeadNodes"
)

// RepaveOverride lets nodes go against the gate's judgement. It is shown in status, events and metrics.
// +kubebuilder:validation:MinProperties=1
type RepaveOverride struct {
	// reason for the people who read this later.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`

	// by says who decided it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	By string `json:"by,omitempty"`

	// untilTime is when the gate is armed again.
	// +required
	UntilTime metav1.Time `json:"untilTime,omitempty,omitzero"`
}

// RepaveGate keeps the nodes of a cluster from being taken down before the storage on the others is whole.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=repavegates,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterName`
// +kubebuilder:printcolumn:name="Storage",type=string,JSONPath=`.spec.storage.type`
// +kubebuilder:printcolumn:name="Whole",type=string,JSONPath=`.status.conditions[?(@.type=="StorageWhole")].status`,description="Whether all data has all its copies"
// +kubebuilder:printcolumn:name="Degraded",type=integer,JSONPath=`.status.storage.degraded`,description="Volumes that lack a copy"
// +kubebuilder:printcolumn:name="Open",type=integer,JSONPath=`.status.open`,description="Repaves under way"
// +kubebuilder:printcolumn:name="Held",type=integer,JSONPath=`.status.held`,description="Machines that wait"
// +kubebuilder:printcolumn:name="Waiting",type=string,JSONPath=`.status.waiting[0].reason`,description="Why the one that waits longest waits"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether the gate can judge"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Asked",type=date,JSONPath=`.status.observedTime`,description="When the storage last answered"
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.waiting[0].message`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RepaveGate struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec RepaveGateSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status RepaveGateStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions.
func (g *RepaveGate) GetConditions() []metav1.Condition { return g.Status.Conditions }

// SetConditions replaces the conditions.
func (g *RepaveGate) SetConditions(conditions []metav1.Condition) { g.Status.Conditions = conditions }

// RepaveGateList is a list of RepaveGates.
// +kubebuilder:object:root=true
type RepaveGateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RepaveGate `json:"items"`
}
