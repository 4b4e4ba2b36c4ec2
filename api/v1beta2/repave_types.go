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

// RepaveSpec is the claim on the gate's budget, made before the node may go, and what has to be remembered of the node. It stands in the spec
// because clusterctl move does not restore a status.
type RepaveSpec struct {
	// gateName is the RepaveGate that admitted the node.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="gateName is immutable"
	GateName string `json:"gateName,omitempty"`

	// clusterName is the Cluster.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterName is immutable"
	ClusterName string `json:"clusterName,omitempty"`

	// machineName is the Machine that goes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="machineName is immutable"
	MachineName string `json:"machineName,omitempty"`

	// nodeName is its Node. A node of that name that comes back is the same server where hosts keep their names.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="nodeName is immutable"
	NodeName string `json:"nodeName,omitempty"`

	// purpose is Replacement, or ScaleIn for a node that does not come back.
	// +required
	Purpose RepavePurpose `json:"purpose,omitempty"`

	// admittedTime is when the gate let it go, and admittedReason why.
	// +required
	AdmittedTime metav1.Time `json:"admittedTime,omitempty,omitzero"`

	// admittedReason is why the gate let it go.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	AdmittedReason string `json:"admittedReason,omitempty"`

	// confirmedTime is when the storage was asked once more, with the claim made, and the node let go. Without it the claim waits.
	// +optional
	ConfirmedTime metav1.Time `json:"confirmedTime,omitempty,omitzero"`

	// override is set when somebody overrode the gate.
	// +optional
	Override RepaveOverride `json:"override,omitempty,omitzero"`

	// before is what the storage said of the node before it went.
	// +optional
	Before StorageIdentity `json:"before,omitempty,omitzero"`

	// outcome closes the record. It is set once, by the gate, or by a person who gives the node up.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="outcome is set once"
	Outcome RepaveOutcome `json:"outcome,omitempty"`

	// closedTime is when the outcome was set.
	// +optional
	ClosedTime metav1.Time `json:"closedTime,omitempty,omitzero"`
}

// RepavePurpose is why a node goes.
// +kubebuilder:validation:Enum=Replacement;ScaleIn
type RepavePurpose string

// The purposes.
const (
	RepaveReplacement RepavePurpose = "Replacement"
	RepaveScaleIn     RepavePurpose = "ScaleIn"
)

// RepaveOutcome is how a repave ended.
// +kubebuilder:validation:Enum=Whole;Removed;GivenUp
type RepaveOutcome string

const (
	// RepaveWhole means that the node is back and all of its data in sync.
	RepaveWhole RepaveOutcome = "Whole"
	// RepaveRemoved means that the node is gone for good and the storage is whole without it.
	RepaveRemoved RepaveOutcome = "Removed"
	// RepaveGivenUp means that a person closed the record although the data was not whole.
	RepaveGivenUp RepaveOutcome = "GivenUp"
)

// StorageIdentity is what the storage knows a node by.
// +kubebuilder:validation:MinProperties=1
type StorageIdentity struct {
	// nodeID is the storage's own id of the node.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	NodeID string `json:"nodeID,omitempty"`

	// pools are the ids of its pools.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Pools []string `json:"pools,omitempty"`

	// driveSets are the sets of array volumes that were attached to it.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	DriveSets []string `json:"driveSets,omitempty"`

	// allDriveSets is how many sets of array volumes the storage had in all.
	// +optional
	// +kubebuilder:validation:Minimum=0
	AllDriveSets *int32 `json:"allDriveSets,omitempty"`

	// volumes with a copy on the node.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Volumes *int32 `json:"volumes,omitempty"`
}

// RepaveStatus is how far it has come.
// +kubebuilder:validation:MinProperties=1
type RepaveStatus struct {
	// conditions of the Repave; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// step that is under way.
	// +optional
	Step RepaveStep `json:"step,omitempty"`

	// steps with their durations, in the order in which they were entered.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Steps []RepaveStepRecord `json:"steps,omitempty"`

	// after is what the storage says of the node since it is back.
	// +optional
	After StorageIdentity `json:"after,omitempty,omitzero"`

	// rebuiltPercent is the progress of the node's data.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	RebuiltPercent *int32 `json:"rebuiltPercent,omitempty"`

	// pendingBytes is how much is still to be copied.
	// +optional
	// +kubebuilder:validation:Minimum=0
	PendingBytes *int64 `json:"pendingBytes,omitempty"`

	// wholeSinceTime is since when the node's data has been whole without a break.
	// +optional
	WholeSinceTime metav1.Time `json:"wholeSinceTime,omitempty,omitzero"`
}

// RepaveStep is a part of a repave's life.
// +kubebuilder:validation:Enum=Draining;Reinstalling;Joining;Rebuilding;Settling;Closed
type RepaveStep string

const (
	// RepaveDraining means that the old Machine is drained and deleted.
	RepaveDraining RepaveStep = "Draining"
	// RepaveReinstalling means that the old Machine is gone and the new one has no Node yet.
	RepaveReinstalling RepaveStep = "Reinstalling"
	// RepaveJoining means that the Node is there and the storage on it is not online yet.
	RepaveJoining RepaveStep = "Joining"
	// RepaveRebuilding means that the storage copies data.
	RepaveRebuilding RepaveStep = "Rebuilding"
	// RepaveSettling means that all data is whole, and not yet for the stable period.
	RepaveSettling RepaveStep = "Settling"
	// RepaveClosed means that it is over.
	RepaveClosed RepaveStep = "Closed"
)

// RepaveStepRecord is a step with its times.
type RepaveStepRecord struct {
	// name of the step.
	// +required
	Name RepaveStep `json:"name,omitempty"`

	// startTime is when it was first entered.
	// +required
	StartTime metav1.Time `json:"startTime,omitempty,omitzero"`

	// enteredTime is when it was last entered.
	// +optional
	EnteredTime metav1.Time `json:"enteredTime,omitempty,omitzero"`

	// seconds spent in it, all times that it was entered together, up to when it was last left.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Seconds *int64 `json:"seconds,omitempty"`
}

// Repave is the record of one node that was let go: the claim on the gate's budget, then the course of its reinstallation, closed when the
// storage is whole again, and kept as history.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=repaves,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterName`
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.spec.nodeName`
// +kubebuilder:printcolumn:name="Step",type=string,JSONPath=`.status.step`
// +kubebuilder:printcolumn:name="Rebuilt",type=integer,JSONPath=`.status.rebuiltPercent`,description="Percent of the node's data"
// +kubebuilder:printcolumn:name="Outcome",type=string,JSONPath=`.spec.outcome`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether it goes as it should"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Admitted",type=date,JSONPath=`.spec.admittedTime`
// +kubebuilder:printcolumn:name="Because",type=string,JSONPath=`.spec.admittedReason`,priority=10
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=10
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Repave struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the claim.
	// +required
	Spec RepaveSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status RepaveStatus `json:"status,omitempty,omitzero"`
}

// GetConditions returns the conditions.
func (r *Repave) GetConditions() []metav1.Condition { return r.Status.Conditions }

// SetConditions replaces the conditions.
func (r *Repave) SetConditions(conditions []metav1.Condition) { r.Status.Conditions = conditions }

// RepaveList is a list of Repaves.
// +kubebuilder:object:root=true
type RepaveList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Repave `json:"items"`
}
