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

// RepaveGateStatus is what the gate sees and does.
// +kubebuilder:validation:MinProperties=1
type RepaveGateStatus struct {
	// conditions of the RepaveGate; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// observedTime is when the storage last answered.
	// +optional
	ObservedTime metav1.Time `json:"observedTime,omitempty,omitzero"`

	// storage is what it said.
	// +optional
	Storage StorageSummary `json:"storage,omitempty,omitzero"`

	// open is the number of repaves under way, held that of Machines that wait.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Open *int32 `json:"open,omitempty"`

	// held is the number of Machines that wait for the gate.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Held *int32 `json:"held,omitempty"`

	// waiting explains each held Machine, those that wait longest first; heldMachines beyond the bound are only counted in held.
	// +optional
	// +listType=map
	// +listMapKey=machine
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	Waiting []HeldMachine `json:"waiting,omitempty"`

	// virtualMachines are those that will block a drain.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +listMapKey=namespace
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	VirtualMachines []StuckVirtualMachine `json:"virtualMachines,omitempty"`
}

// StorageSummary is what the storage said of itself.
// +kubebuilder:validation:MinProperties=1
type StorageSummary struct {
	// nodes that take part, and those of them that are online.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Nodes *int32 `json:"nodes,omitempty"`

	// online is the number of nodes that serve all of their data.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Online *int32 `json:"online,omitempty"`

	// volumes that the storage has.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Volumes *int32 `json:"volumes,omitempty"`

	// degraded is the number of volumes that lack a copy in sync.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Degraded *int32 `json:"degraded,omitempty"`

	// rebuiltPercent is the progress of what is being rebuilt.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	RebuiltPercent *int32 `json:"rebuiltPercent,omitempty"`
}

// HeldMachine is a Machine that waits for the gate.
type HeldMachine struct {
	// machine is its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Machine string `json:"machine,omitempty"`

	// node is the Kubernetes Node's name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// reason in one word.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason,omitempty"`

	// message is one sentence: what it waits for and what ends it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// sinceTime is since when it waits for this reason.
	// +required
	SinceTime metav1.Time `json:"sinceTime,omitempty,omitzero"`
}

// StuckVirtualMachine is a virtual machine that cannot be live-migrated.
type StuckVirtualMachine struct {
	// namespace of the virtual machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// name of the virtual machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// node it runs on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// reason KubeVirt gives.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`
}
