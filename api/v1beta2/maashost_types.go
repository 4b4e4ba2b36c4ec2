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
	"k8s.io/apimachinery/pkg/util/uuid"
)

// MaasHostSpec is the lease: which server, for whom and with what on it. All that has to survive the loss of the status stands here.
// +kubebuilder:validation:XValidation:rule="has(self.consumerRef) == has(self.image) && has(self.consumerRef) == has(self.userDataSecretRef) && has(self.consumerRef) == has(self.clusterName)",message="set clusterName, consumerRef, image and userDataSecretRef together, or none of them for an empty lease"
// +kubebuilder:validation:XValidation:rule="!has(self.vacate) || has(self.consumerRef)",message="vacate needs a consumerRef: an empty lease has nothing to end"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.consumerRef) || (has(self.consumerRef) ? self.consumerRef == oldSelf.consumerRef && self.clusterName == oldSelf.clusterName : has(oldSelf.vacate))",message="consumerRef and clusterName are fixed until the server is vacated: delete the Machine, or this MaasHost when the MaasMachine is gone"
// +kubebuilder:validation:XValidation:rule="has(oldSelf.hostPoolRef) == has(self.hostPoolRef) && (!has(self.hostPoolRef) || self.hostPoolRef == oldSelf.hostPoolRef)",message="hostPoolRef is immutable"
type MaasHostSpec struct {
	// systemID is MAAS's id of the server. The object has the same name, so that two leases on one server cannot be made.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="systemID is immutable"
	SystemID string `json:"systemID,omitempty"`

	// leaseID is unique to this lease. MAAS keeps it as the agent name of the allocation, which is how the provider knows
	// its own allocation from anybody else's under the same MAAS user.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="leaseID is immutable"
	LeaseID string `json:"leaseID,omitempty"`

	// credentialsRef names the credentials of the MAAS that has the server, as in MaasCluster.
	// +required
	CredentialsRef CredentialsReference `json:"credentialsRef,omitempty,omitzero"`

	// hostPoolRef names the MaasHostPool the server was taken from.
	// +optional
	HostPoolRef LocalObjectReference `json:"hostPoolRef,omitempty,omitzero"`

	// clusterName is the Cluster of the consumer.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	ClusterName string `json:"clusterName,omitempty"`

	// consumerRef names the MaasMachine that has the server. A lease without one is empty: it keeps the server for the pool or for the
	// successor that the reservation names.
	// +optional
	ConsumerRef LocalObjectReference `json:"consumerRef,omitempty,omitzero"`

	// image that is installed for the consumer.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!self.name.contains('{')",message="the image of a lease names one image, without placeholders"
	Image Image `json:"image,omitempty,omitzero"`

	// userDataSecretRef names the Secret whose key "value" is the user data (the Machine's bootstrap data).
	// +optional
	UserDataSecretRef LocalObjectReference `json:"userDataSecretRef,omitempty,omitzero"`

	// storage is what the consumer asks of the server's disks.
	// +optional
	Storage HostStorage `json:"storage,omitempty,omitzero"`

	// disks is what was learned of the server's disks and must not be forgotten.
	// +optional
	Disks HostDisks `json:"disks,omitempty,omitzero"`

	// network that the server is to have: the consumer's. It stays when the consumer is gone, so that a server that is kept is ready for the
	// next one.
	// +optional
	Network HostNetwork `json:"network,omitempty,omitzero"`

	// addresses are the static addresses that the server keeps from one installation to the next. The provider records them
	// here because releasing, moving and commissioning a server may lose them.
	// +optional
	// +listType=map
	// +listMapKey=interface
	// +listMapKey=subnet
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Addresses []HostAddress `json:"addresses,omitempty"`

	// vacate asks for what is on the server to end: it is released, and then the lease is empty or its consumer is installed anew. The
	// provider removes it when that is done.
	// +optional
	Vacate HostVacate `json:"vacate,omitempty,omitzero"`

	// reservation keeps an empty server for the successor of the machine that it was freed by.
	// +optional
	Reservation HostReservation `json:"reservation,omitempty,omitzero"`

	// unschedulable cordons the server when true: it stays what it is and is given to no further machine.
	// +optional
	Unschedulable *bool `json:"unschedulable,omitempty"`

	// quarantine counts the failed installations and says how long the server is given to nobody because of them. Remove it, or mark the
	// server fixed in MAAS, to end it.
	// +optional
	Quarantine HostQuarantine `json:"quarantine,omitempty,omitzero"`

	// powerCycle is the last power cycle that a remediation asked for: the server is switched off, hard, and on again.
	// +optional
	PowerCycle HostPowerCycle `json:"powerCycle,omitempty,omitzero"`

	// remediation is what was tried to heal the server. It outlives the machines that it was tried for.
	// +optional
	Remediation HostRemediation `json:"remediation,omitempty,omitzero"`
}

// HostPowerCycle asks for a server to be switched off and on.
type HostPowerCycle struct {
	// remediationRef names the MaasRemediation that asks. The server is not switched off once that is gone.
	// +required
	RemediationRef LocalObjectReference `json:"remediationRef,omitempty,omitzero"`

	// requestedTime is when it was asked for.
	// +required
	RequestedTime metav1.Time `json:"requestedTime,omitempty,omitzero"`

	// expirationTime is when it is given up. The server is not switched off later; one that was switched off is still switched on.
	// +required
	ExpirationTime metav1.Time `json:"expirationTime,omitempty,omitzero"`

	// offTime is when the server was seen off.
	// +optional
	OffTime metav1.Time `json:"offTime,omitempty,omitzero"`

	// onTime is when it was seen on again.
	// +optional
	OnTime metav1.Time `json:"onTime,omitempty,omitzero"`
}

// HostRemediation is what remediation did to a server.
// +kubebuilder:validation:MinProperties=1
type HostRemediation struct {
	// powerCycles counts those of one trouble: each soon after the last.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	PowerCycles int32 `json:"powerCycles,omitempty"`

	// lastPowerCycleTime is when the last of them was asked for.
	// +optional
	LastPowerCycleTime metav1.Time `json:"lastPowerCycleTime,omitempty,omitzero"`

	// redeployTime is when a Machine was last handed over so that its successor is installed on the same server, and redeployedMachine is
	// that Machine.
	// +optional
	RedeployTime metav1.Time `json:"redeployTime,omitempty,omitzero"`

	// redeployedMachine is the Machine that was handed over.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	RedeployedMachine string `json:"redeployedMachine,omitempty"`
}

// HostVacate asks for a server to be released.
type HostVacate struct {
	// purpose is Free when the consumer goes, and Redeploy when it is to be installed anew on the same server.
	// +required
	Purpose VacatePurpose `json:"purpose,omitempty"`

	// requestedTime is when it was asked for.
	// +optional
	RequestedTime metav1.Time `json:"requestedTime,omitempty,omitzero"`

	// releasedTime is when the server was seen to be released. It is set for Redeploy, which ends when the consumer is installed again.
	// +optional
	ReleasedTime metav1.Time `json:"releasedTime,omitempty,omitzero"`

	// diskRounds is how often the server was released because MAAS had disks again that are to be kept, after they had been taken out of its
	// inventory: it lets go of disks only while a server is Ready. After the third time the server is held; remove this to have it tried again.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	DiskRounds int32 `json:"diskRounds,omitempty"`
}

// VacatePurpose is what a server is released for.
// +kubebuilder:validation:Enum=Free;Redeploy
type VacatePurpose string

const (
	// VacateFree ends the use by the consumer, which is being deleted or never got the server.
	VacateFree VacatePurpose = "Free"
	// VacateRedeploy installs the same consumer anew, with the same image and user data.
	VacateRedeploy VacatePurpose = "Redeploy"
)

// HostReservation says for whom an empty server is kept.
type HostReservation struct {
	// clusterName of the machine that freed the server and of its successor.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	ClusterName string `json:"clusterName,omitempty"`

	// owner is what makes the successor.
	// +required
	Owner HostReservationOwner `json:"owner,omitempty,omitzero"`

	// predecessor is the MaasMachine that freed the server.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Predecessor string `json:"predecessor,omitempty"`

	// failureDomain that the predecessor's Machine asked for, empty for none.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	FailureDomain string `json:"failureDomain,omitempty"`

	// expirationTime is when the reservation ends by itself. It is set when the server has become free, for only then can a successor
	// come.
	// +optional
	ExpirationTime metav1.Time `json:"expirationTime,omitempty,omitzero"`
}

// HostReservationOwner names the owner of the Machines that a server is kept for.
type HostReservationOwner struct {
	// kind is MachineDeployment, MachineSet or the kind of the control plane.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// name of the owner.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// HostQuarantine keeps a server from being given to machines.
type HostQuarantine struct {
	// cause is FailedDeploys, which the provider counts, or Requested by whoever else set it.
	// +required
	Cause QuarantineCause `json:"cause,omitempty"`

	// failedDeploys counts the failed installations since the last that succeeded.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	FailedDeploys int32 `json:"failedDeploys,omitempty"`

	// lastFailure identifies the last installation that was counted.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=320
	LastFailure string `json:"lastFailure,omitempty"`

	// untilTime is when the server is given to machines again. A requested quarantine without it lasts until it is removed; after a single
	// failed installation there is none, and the server is tried again at once.
	// +optional
	UntilTime metav1.Time `json:"untilTime,omitempty,omitzero"`

	// message says in words why.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// QuarantineCause is why a server is in quarantine.
// +kubebuilder:validation:Enum=FailedDeploys;Requested
type QuarantineCause string

const (
	// QuarantineFailedDeploys counts failed installations. One that succeeds removes it.
	QuarantineFailedDeploys QuarantineCause = "FailedDeploys"
	// QuarantineRequested was asked for by a person or by a remediation. Only its end, a person or MAAS's mark_fixed removes it.
	QuarantineRequested QuarantineCause = "Requested"
)

// MaasHostStatus is what MAAS says of the server and how far the lease has come.
// +kubebuilder:validation:MinProperties=1
type MaasHostStatus struct {
	// conditions of the MaasHost; see the documented types in this package.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// maas is what MAAS says of the server.
	// +optional
	MAAS MaasHostInventory `json:"maas,omitempty,omitzero"`

	// state is where the server stands, in one word.
	// +optional
	State HostState `json:"state,omitempty"`

	// stateTime is since when.
	// +optional
	StateTime metav1.Time `json:"stateTime,omitempty,omitzero"`

	// dataDisks says in a few words what is known of the server's data disks.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	DataDisks string `json:"dataDisks,omitempty"`

	// allocatedTime is when the allocation was first seen to be ours.
	// +optional
	AllocatedTime metav1.Time `json:"allocatedTime,omitempty,omitzero"`

	// deployStartTime is when the installation was first seen to run.
	// +optional
	DeployStartTime metav1.Time `json:"deployStartTime,omitempty,omitzero"`

	// nodeSubnet is the CIDR of the subnet that spec.network.nodeSubnet names.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	NodeSubnet string `json:"nodeSubnet,omitempty"`

	// deployedTime is when the server was first seen deployed: its installed system had fetched the user data.
	// +optional
	DeployedTime metav1.Time `json:"deployedTime,omitempty,omitzero"`

	// installCheckedTime is when the installation under way was seen to leave alone what it must not wipe.
	// +optional
	InstallCheckedTime metav1.Time `json:"installCheckedTime,omitempty,omitzero"`

	// brokenTime is when the server was seen to be marked broken in MAAS. That it is fixed ends a quarantine.
	// +optional
	BrokenTime metav1.Time `json:"brokenTime,omitempty,omitzero"`
}

// HostState is where a server stands.
// +kubebuilder:validation:Enum=Allocating;Preparing;Deploying;InUse;Releasing;Held;Reserved;Quarantined;Cordoned;NeedsAttention;Unknown
type HostState string

// The states of a server.
const (
	// HostStateAllocating means that the server was chosen and MAAS does not hold it for us yet.
	HostStateAllocating HostState = "Allocating"
	// HostStatePreparing means that its disks or network are set up before the installation.
	HostStatePreparing HostState = "Preparing"
	// HostStateDeploying means that MAAS installs it.
	HostStateDeploying HostState = "Deploying"
	// HostStateInUse means that it runs what its machine wants.
	HostStateInUse HostState = "InUse"
	// HostStateReleasing means that what is on it ends.
	HostStateReleasing HostState = "Releasing"
	// HostStateHeld means that it is empty and kept for the machines of its pool.
	HostStateHeld HostState = "Held"
	// HostStateReserved means that it is empty and kept for the successor of the machine that freed it.
	HostStateReserved HostState = "Reserved"
	// HostStateQuarantined means that it is empty and given to nobody because installations failed.
	HostStateQuarantined HostState = "Quarantined"
	// HostStateCordoned means that it is empty and given to nobody because spec.unschedulable is true.
	HostStateCordoned HostState = "Cordoned"
	// HostStateNeedsAttention means that nothing goes on until the surprise ends that the Ready condition names.
	HostStateNeedsAttention HostState = "NeedsAttention"
	// HostStateUnknown means that there is no look at MAAS.
	HostStateUnknown HostState = "Unknown"
)

// MaasHostInventory is what MAAS says of a server.
// +kubebuilder:validation:MinProperties=1
type MaasHostInventory struct {
	// hostname without its domain.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Hostname string `json:"hostname,omitempty"`

	// state is the status by MAAS's name, such as "Deployed".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	State string `json:"state,omitempty"`

	// power is on, off, unknown or error.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Power string `json:"power,omitempty"`

	// zone is the MAAS zone.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Zone string `json:"zone,omitempty"`

	// resourcePool is the MAAS resource pool.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	ResourcePool string `json:"resourcePool,omitempty"`

	// addresses are the IP addresses that MAAS knows.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	Addresses []string `json:"addresses,omitempty"`
}

// MaasHost is the lease on one server of MAAS. It, not the MaasMachine, owns the allocation in MAAS, and may outlive it: a pool that
// holds its servers keeps them between machines. The server is released when the lease is deleted.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:resource:path=maashosts,scope=Namespaced,categories=cluster-api
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.status.maas.hostname`,description="Name of the server in MAAS"
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.status.maas.zone`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`,description="Where the server stands"
// +kubebuilder:printcolumn:name="Machine",type=string,JSONPath=`.spec.consumerRef.name`,description="MaasMachine that has the server"
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterName`
// +kubebuilder:printcolumn:name="Data disks",type=string,JSONPath=`.status.dataDisks`,priority=10
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.stateTime`,description="Age of the state"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Pool",type=string,JSONPath=`.spec.hostPoolRef.name`,priority=10
// +kubebuilder:printcolumn:name="MAAS",type=string,JSONPath=`.status.maas.state`,priority=10,description="Status in MAAS"
// +kubebuilder:printcolumn:name="Power",type=string,JSONPath=`.status.maas.power`,priority=10
// +kubebuilder:printcolumn:name="Reserved for",type=string,JSONPath=`.spec.reservation.owner.name`,priority=10,description="Owner of the Machines that the server is kept for"
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.spec.reservation.expirationTime`,priority=10,description="When the reservation ends"
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=10
// +kubebuilder:validation:XValidation:rule="self.metadata.name == self.spec.systemID",message="metadata.name must equal spec.systemID: one lease for each server"
type MaasHost struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec MaasHostSpec `json:"spec,omitempty,omitzero"`

	// status is the observed state.
	// +optional
	Status MaasHostStatus `json:"status,omitempty,omitzero"`
}

// NewLeaseID makes the id of a lease. It is random, so that no lease of the past or of anybody else has it.
func NewLeaseID() string { return "capmaas-" + string(uuid.NewUUID()) }

// PoolOwner is the reference to a pool as an owner of its leases: they go with it, and move with it.
func PoolOwner(pool *MaasHostPool) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: GroupVersion.String(), Kind: "MaasHostPool", Name: pool.Name, UID: pool.UID}
}

// InForce tells whether the server is given to nobody.
func (q *HostQuarantine) InForce(now time.Time) bool {
	switch q.Cause {
	case QuarantineFailedDeploys:
		return now.Before(q.UntilTime.Time)
	case QuarantineRequested:
		return q.UntilTime.IsZero() || now.Before(q.UntilTime.Time)
	}
	return false
}

// GetConditions returns the conditions.
func (h *MaasHost) GetConditions() []metav1.Condition { return h.Status.Conditions }

// SetConditions replaces the conditions.
func (h *MaasHost) SetConditions(conditions []metav1.Condition) { h.Status.Conditions = conditions }

// MaasHostList is a list of MaasHosts.
// +kubebuilder:object:root=true
type MaasHostList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaasHost `json:"items"`
}
