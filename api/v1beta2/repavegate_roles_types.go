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

// RepaveRole sets the rules for one kind of Machines.
// +kubebuilder:validation:XValidation:rule="self.type == 'MachineDeployment' ? has(self.machineDeployment) : !has(self.machineDeployment)",message="set machineDeployment when, and only when, type is MachineDeployment"
type RepaveRole struct {
	// name of the entry.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`

	// type says which Machines are meant.
	// +required
	Type RepaveRoleType `json:"type,omitempty"`

	// machineDeployment is the MachineDeployment's name, or its name in the Cluster's topology.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	MachineDeployment string `json:"machineDeployment,omitempty"`

	// storage says whether the storage is meant to run on these Machines; Expected when empty for workers, Absent for the control plane.
	// +optional
	Storage StorageExpectation `json:"storage,omitempty"`

	// virtualMachines says what to do about virtual machines that cannot be live-migrated away; Block when empty.
	// +optional
	VirtualMachines VirtualMachinePolicy `json:"virtualMachines,omitempty"`

	// requiredBridge is a network bridge of the host that has to exist before the node counts as ready for virtual machines, such as "br0".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	RequiredBridge string `json:"requiredBridge,omitempty"`
}

// RepaveRoleType says which Machines a role means. The most particular entry applies.
// +kubebuilder:validation:Enum=ControlPlane;Workers;MachineDeployment
type RepaveRoleType string

// The types of roles.
const (
	RepaveRoleControlPlane      RepaveRoleType = "ControlPlane"
	RepaveRoleWorkers           RepaveRoleType = "Workers"
	RepaveRoleMachineDeployment RepaveRoleType = "MachineDeployment"
)

// StorageExpectation says whether the storage is meant to run on a Machine.
// +kubebuilder:validation:Enum=Expected;Absent
type StorageExpectation string

const (
	// StorageExpected makes a node that the storage does not know a reason to hold.
	StorageExpected StorageExpectation = "Expected"
	// StorageAbsent lets a node that the storage does not know go. One that it does know is protected all the same.
	StorageAbsent StorageExpectation = "Absent"
)

// VirtualMachinePolicy says what to do about KubeVirt virtual machines that cannot be live-migrated.
// +kubebuilder:validation:Enum=Block;Shutdown;Ignore
type VirtualMachinePolicy string

const (
	// VirtualMachinesBlock holds the node until they are stopped or can move.
	VirtualMachinesBlock VirtualMachinePolicy = "Block"
	// VirtualMachinesShutdown stops them once the node is admitted; their owner starts them elsewhere as it is configured.
	VirtualMachinesShutdown VirtualMachinePolicy = "Shutdown"
	// VirtualMachinesIgnore leaves them to the drain.
	VirtualMachinesIgnore VirtualMachinePolicy = "Ignore"
)
