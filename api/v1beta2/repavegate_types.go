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
	intstr "k8s.io/apimachinery/pkg/util/intstr"
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

// StorageType is a kind of storage that the gate can ask.
// +kubebuilder:validation:Enum=Portworx;RookCeph;Longhorn;CEL;Prometheus;PodDisruptionBudget;None
type StorageType string

// The storages.
const (
	StoragePortworx            StorageType = "Portworx"
	StorageRookCeph            StorageType = "RookCeph"
	StorageLonghorn            StorageType = "Longhorn"
	StorageCEL                 StorageType = "CEL"
	StoragePrometheus          StorageType = "Prometheus"
	StoragePodDisruptionBudget StorageType = "PodDisruptionBudget"
	// StorageNone protects nothing: every node goes when it is asked to.
	StorageNone StorageType = "None"
)

// RepaveStorage says which storage is asked, and how.
// +kubebuilder:validation:XValidation:rule="!has(self.portworx) || self.type == 'Portworx'",message="storage.portworx is for type Portworx"
// +kubebuilder:validation:XValidation:rule="!has(self.rookCeph) || self.type == 'RookCeph'",message="storage.rookCeph is for type RookCeph"
// +kubebuilder:validation:XValidation:rule="!has(self.longhorn) || self.type == 'Longhorn'",message="storage.longhorn is for type Longhorn"
// +kubebuilder:validation:XValidation:rule="self.type == 'CEL' ? has(self.cel) : !has(self.cel)",message="set storage.cel when, and only when, type is CEL"
// +kubebuilder:validation:XValidation:rule="self.type == 'Prometheus' ? has(self.prometheus) : !has(self.prometheus)",message="set storage.prometheus when, and only when, type is Prometheus"
// +kubebuilder:validation:XValidation:rule="self.type == 'PodDisruptionBudget' ? has(self.podDisruptionBudget) : !has(self.podDisruptionBudget)",message="set storage.podDisruptionBudget when, and only when, type is PodDisruptionBudget"
type RepaveStorage struct {
	// type of the storage.
	// +required
	Type StorageType `json:"type,omitempty"`

	// portworx says where Portworx is found.
	// +optional
	Portworx PortworxStorage `json:"portworx,omitempty,omitzero"`

	// rookCeph says where the CephCluster is found.
	// +optional
	RookCeph NamespacedStorage `json:"rookCeph,omitempty,omitzero"`

	// longhorn says where Longhorn is found.
	// +optional
	Longhorn NamespacedStorage `json:"longhorn,omitempty,omitzero"`

	// cel judges objects of the workload cluster.
	// +optional
	CEL CELStorage `json:"cel,omitempty,omitzero"`

	// prometheus judges by queries.
	// +optional
	Prometheus PrometheusStorage `json:"prometheus,omitempty,omitzero"`

	// podDisruptionBudget judges by the budgets that the storage's operator keeps.
	// +optional
	PodDisruptionBudget PodDisruptionBudgetStorage `json:"podDisruptionBudget,omitempty,omitzero"`
}

// PortworxMode is where Portworx has its data.
// +kubebuilder:validation:Enum=LocalDisks;FlashArrayCloudDrives;FlashArrayDirectAccess
type PortworxMode string

// The modes.
const (
	PortworxLocalDisks             PortworxMode = "LocalDisks"
	PortworxFlashArrayCloudDrives  PortworxMode = "FlashArrayCloudDrives"
	PortworxFlashArrayDirectAccess PortworxMode = "FlashArrayDirectAccess"
)

// PortworxStorage says where Portworx is found in the workload cluster.
// +kubebuilder:validation:MinProperties=1
type PortworxStorage struct {
	// mode says where the data lies; LocalDisks, which asks for the most care, when empty.
	// +optional
	Mode PortworxMode `json:"mode,omitempty"`

	// namespace of the StorageCluster; "portworx" when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// service whose REST gateway is asked, "portworx-api" when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Service string `json:"service,omitempty"`

	// port of the REST gateway, by number or name; 9021 when empty.
	// +optional
	Port *intstr.IntOrString `json:"port,omitempty"`

	// scheme is http or https; http when empty.
	// +optional
	Scheme URLScheme `json:"scheme,omitempty"`

	// tokenSecretName is a Secret of that namespace with a token under the key "auth-token"; "px-user-token" is asked for when empty and Portworx
	// security is on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	TokenSecretName string `json:"tokenSecretName,omitempty"`
}

// URLScheme is http or https.
// +kubebuilder:validation:Enum=http;https
type URLScheme string

// The schemes.
const (
	SchemeHTTP  URLScheme = "http"
	SchemeHTTPS URLScheme = "https"
)

// NamespacedStorage says where a storage is found in the workload cluster.
// +kubebuilder:validation:MinProperties=1
type NamespacedStorage struct {
	// namespace the storage runs in; the upstream default when empty ("rook-ceph", "longhorn-system").
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// CELStorage judges objects of the workload cluster by expressions. At least one object has to be selected; none counts as unknown.
type CELStorage struct {
	// apiVersion of the objects.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	APIVersion string `json:"apiVersion,omitempty"`

	// kind of the objects.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// namespace to look in; all when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// name of the one object that is meant; all of the kind when empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// whole is a CEL expression over the variable "object" that is true when the object says that all data is whole.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Whole string `json:"whole,omitempty"`

	// available is a CEL expression that is true when all data can be read without the nodes that are offline. Without it no dead node
	// goes while the storage is not whole.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Available string `json:"available,omitempty"`
}

// PrometheusStorage judges by queries to a Prometheus in the workload cluster. No sample at all counts as unknown, never as healthy.
type PrometheusStorage struct {
	// namespace of the Service.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// service of Prometheus.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Service string `json:"service,omitempty"`

	// port of the Service; 9090 when empty.
	// +optional
	Port *intstr.IntOrString `json:"port,omitempty"`

	// whole is a PromQL expression whose every sample has to be 1 when all data is whole, such as
	// "sum(ceph_pg_total - ceph_pg_clean) == bool 0".
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Whole string `json:"whole,omitempty"`

	// available is such an expression for data that can be read without the nodes that are offline.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Available string `json:"available,omitempty"`
}

// PodDisruptionBudgetStorage judges by PodDisruptionBudgets. It protects no more than those do.
type PodDisruptionBudgetStorage struct {
	// namespace of the budgets.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// selector of the budgets by label; all of the namespace when empty.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// RepaveGateStatus is what the gate sees and does.
// +kubebuilder:validation:MinProperties=1
type RepaveGateStatus struct {
	// conditions of the RepaveGate; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

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
