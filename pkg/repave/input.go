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

package repave

import (
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// Role is what a Machine is in its cluster.
type Role string

// The roles.
const (
	ControlPlane Role = "ControlPlane"
	Worker       Role = "Worker"
)

// Purpose is why a Machine goes.
type Purpose string

const (
	// Replacement means that another Machine takes its place: a rollout, remediation, a deletion by hand of a member of a set.
	Replacement Purpose = "Replacement"
	// ScaleIn means that the set shrinks: what the node holds has to be elsewhere for good.
	ScaleIn Purpose = "ScaleIn"
)

// Parallelism says when several nodes may be away at once.
type Parallelism string

const (
	// Serial admits a node when no earlier repave is open.
	Serial Parallelism = "Serial"
	// NonOverlapping admits a node that shares no volume with a node that is away or not whole yet.
	NonOverlapping Parallelism = "NonOverlapping"
)

// VMPolicy says what to do about virtual machines that cannot move.
type VMPolicy string

// The policies for virtual machines that cannot be live-migrated.
const (
	BlockOnVMs  VMPolicy = "Block"
	ShutDownVMs VMPolicy = "Shutdown"
	IgnoreVMs   VMPolicy = "Ignore"
)

// Rules are the gate's settings.
type Rules struct {
	// MaxConcurrent is the most repaves that may be open at once; at least 1.
	MaxConcurrent int
	Parallelism   Parallelism
	// StablePeriod is how long a store without placement has to have been whole.
	StablePeriod time.Duration
	// MaxReportAge is the age at which a report counts as no report.
	MaxReportAge time.Duration
	// AdmitDeadOnUnknown lets a dead node go although the store cannot be asked.
	AdmitDeadOnUnknown bool
	// Ungated is true when the gate was told to protect nothing (store None).
	Ungated bool
}

// Override lets one Machine, or every Machine of a gate, go against the gate's judgement.
type Override struct {
	Reason, By string
	// Until is when the gate is armed again.
	Until time.Time
}

// Candidate is a Machine that is being deleted and waits for the gate.
type Candidate struct {
	Machine string
	// Node is the Kubernetes Node's name, "" when the Machine never had one.
	Node string
	Role Role
	// Set names the Machines of which one replaces another (a MachineDeployment's, the control plane's); "" for a Machine that stands alone.
	Set string
	// Purpose is why it goes.
	Purpose Purpose
	// WaitingSince is when the deletion began.
	WaitingSince time.Time
	// StorageExpected is true when the store is meant to run on this Machine, so that a store that does not know the node is a surprise.
	StorageExpected bool
	// Dead is true when the Node is known not to run any more: its kubelet is silent and the store says that it is offline.
	Dead bool
	// DataKept tells whether the server comes back with its data disks as they are.
	DataKept storagehealth.Answer
	// UnhookedPeers counts Machines of the same set that lack the hook, so that their deletion would not wait.
	UnhookedPeers int
	// StuckVMs are virtual machines on the node that cannot move, each with its reason, and VMs what to do about them.
	StuckVMs []string
	VMs      VMPolicy
	// NotReplaced says why Cluster API would make no replacement now (the preflight checks of MachineSets); "" when it would.
	NotReplaced string
	// NoRoomForVMs says why the other nodes cannot take this node's virtual machines; "" when they can or nobody asked.
	NoRoomForVMs string
	Override     *Override
	// Stuck is true for an unhealthy Machine that nobody deletes: its owner leaves it to a rollout, or is not asked because too many wait.
	Stuck bool
}

// Flight is an open repave: a node that was admitted and is not whole again.
type Flight struct {
	Machine string
	Node    string
	Set     string
	// Landed is true once the node is back and runs, and waits only for its data.
	Landed bool
}

// Input is all that a decision rests on.
type Input struct {
	Now   time.Time
	Rules Rules
	// ClusterDeleting lets everything pass.
	ClusterDeleting bool
	Candidates      []Candidate
	Flights         []Flight
	// Dead are Machines that nobody has deleted and whose Node is dead, or never came to be and that are Stuck.
	Dead []Candidate
	// Report is nil when the store could not be asked; ReportError then says why.
	Report      *storagehealth.Report
	ReportError string
	// WholeSince is since when every report said whole, zero when the last did not (stores without placement).
	WholeSince time.Time
	Override   *Override
}

// Reason names why a Machine is held or admitted.
type Reason string

// The reasons for a hold.
const (
	StorageUnknown      Reason = "StorageUnknown"
	StorageStale        Reason = "StorageReportStale"
	StorageBusy         Reason = "StorageBusy"
	StorageDegraded     Reason = "StorageDegraded"
	StorageSettling     Reason = "StorageSettling"
	NodeUnknownToStore  Reason = "NodeNotKnownToStorage"
	NodeInMaintenance   Reason = "NodeInStorageMaintenance"
	LastReplica         Reason = "LastReplica"
	VolumeNotWhole      Reason = "VolumeNotWhole"
	QuorumAtRisk        Reason = "StorageQuorumAtRisk"
	SharesData          Reason = "SharesDataWithOpenRepave"
	AnotherRepaveOpen   Reason = "AnotherRepaveOpen"
	BudgetExhausted     Reason = "BudgetExhausted"
	NotEvacuated        Reason = "DataNotEvacuated"
	ControlPlaneMoving  Reason = "ControlPlaneMoving"
	HookMissing         Reason = "HookMissing"
	VMsCannotMove       Reason = "VirtualMachinesCannotMove"
	NoRoomForVMs        Reason = "NoRoomForVirtualMachines"
	ConfirmationRefused Reason = "StorageRefused"
	AttachmentsMoving   Reason = "AttachmentsMoving"
)

// The reasons for an admission.
const (
	Whole            Reason = "StorageWhole"
	NoData           Reason = "NodeHoldsNoData"
	DataElsewhere    Reason = "DataCompleteElsewhere"
	DeadNode         Reason = "NodeDead"
	NeverHadANode    Reason = "NeverHadANode"
	Overridden       Reason = "Overridden"
	Ungated          Reason = "NotGated"
	ClusterGoesAway  Reason = "ClusterDeleting"
	AlreadyInProcess Reason = "AlreadyAdmitted"
)

// Verdict is what becomes of one candidate.
type Verdict struct {
	Machine  string
	Admitted bool
	Reason   Reason
	// Message is one sentence for people: what it waits for and what ends it.
	Message string
}
