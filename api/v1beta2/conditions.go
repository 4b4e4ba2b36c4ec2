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

import clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

// ReadyCondition sums up the other conditions of an object. It is kept for the object's whole life, its deletion included;
// Cluster API shows it as InfrastructureReady of the Cluster or Machine.
const ReadyCondition = clusterv1.ReadyCondition

// ReadyReason and DeletingReason are reasons of ReadyCondition for every kind; while it is False for another cause, it has
// the reason of the first condition that is not True.
const (
	// ReadyReason says that everything is as it should be.
	ReadyReason = clusterv1.ReadyReason
	// DeletingReason says that the object is on its way out; the message says what is waited for.
	DeletingReason = clusterv1.DeletingReason
)

// MaasAvailableCondition tells whether the provider can work with MAAS: on MaasCluster, MaasHostPool and MaasClusterIdentity.
const MaasAvailableCondition = "MaasAvailable"

// Reasons of MaasAvailableCondition.
const (
	// MaasAvailableReason says that MAAS answers and accepts the key.
	MaasAvailableReason = "MaasAvailable"
	// ConnectingReason says that the first look at MAAS is under way.
	ConnectingReason = "Connecting"
	// CredentialsNotFoundReason says that the Secret does not exist; making it ends it.
	CredentialsNotFoundReason = "CredentialsNotFound"
	// IdentityNotFoundReason says that the MaasClusterIdentity does not exist; making it ends it.
	IdentityNotFoundReason = "IdentityNotFound"
	// NamespaceNotAllowedReason says that the MaasClusterIdentity does not allow the namespace (any more). Nothing is done in MAAS
	// for the object until it does; what is deleted within an hour of the change is still given back.
	NamespaceNotAllowedReason = "NamespaceNotAllowed"
	// CredentialsInvalidReason says that a key of the Secret is missing or malformed; the message names it.
	CredentialsInvalidReason = "CredentialsInvalid"
	// UnauthorizedReason says that MAAS refuses the API key; a valid key in the Secret ends it, without a restart.
	UnauthorizedReason = "Unauthorized"
	// UntrustedReason says that the certificate of MAAS cannot be verified; the right "ca.crt" in the Secret ends it.
	UntrustedReason = "CertificateUntrusted"
	// UnreachableReason says that MAAS does not answer or answers with server errors; it is retried.
	UnreachableReason = "Unreachable"
)

// EndpointReadyCondition tells whether the control plane endpoint is known: on MaasCluster.
const EndpointReadyCondition = "EndpointReady"

// Reasons of EndpointReadyCondition.
const (
	// EndpointReadyReason says that the endpoint is known and, at the last look, its DNS record or reservation was as it should be.
	EndpointReadyReason = "EndpointReady"
	// WaitingForEndpointReason says that somebody else has to set Cluster.spec.controlPlaneEndpoint (type External).
	WaitingForEndpointReason = "WaitingForEndpoint"
	// VIPNotReservedReason says that the address is being reserved in MAAS, or why MAAS does not give it; it is tried again.
	VIPNotReservedReason = "VIPNotReserved"
	// VIPInUseReason says that MAAS has the address in use for somebody else.
	VIPInUseReason = "VIPInUse"
	// DNSRecordTakenReason says that there is a DNS record of that name which is not this cluster's. It is left alone.
	DNSRecordTakenReason = "DNSRecordTaken"
	// DNSRecordFailedReason says that MAAS refuses to keep the DNS record; the message has its words.
	DNSRecordFailedReason = "DNSRecordFailed"
	// DNSForbiddenReason says that the API key is not an administrator's, which DNS records need.
	DNSForbiddenReason = "DNSNeedsAdministrator"
)

// FailureDomainsReadyCondition tells whether there are zones to spread machines over: on MaasCluster.
const FailureDomainsReadyCondition = "FailureDomainsReady"

// Reasons of FailureDomainsReadyCondition.
const (
	// FailureDomainsReadyReason says that status.failureDomains is current.
	FailureDomainsReadyReason = "FailureDomainsReady"
	// NoMachinesReason says that the API key sees no machine in MAAS.
	NoMachinesReason = "NoMachines"
	// ZoneNotFoundReason says that spec.controlPlaneZones names a zone without machines.
	ZoneNotFoundReason = "ZoneNotFound"
	// WaitingForControlPlaneReason says that the control plane that the Cluster names is not there yet, or its template or pool: without them nobody knows
	// in which zones there are servers for it.
	WaitingForControlPlaneReason = "WaitingForControlPlane"
)

// HardwareFitCondition tells whether the servers of the cluster are what the reference architecture wants for their roles and for the size of
// the cluster: on MaasCluster. It warns and takes no part in Ready. The message lists what is wrong, and what is only remarked.
const HardwareFitCondition = "HardwareFit"

// Reasons of HardwareFitCondition.
const (
	// HardwareFitReason says that nothing is below the minimum.
	HardwareFitReason = "HardwareFit"
	// BelowReferenceReason says that servers, or the cluster, are below the minimum of the reference architecture; the message names them.
	BelowReferenceReason = "BelowReference"
)

// AddonsReadyCondition tells how far the addon set of the Cluster is: on MaasCluster, when the Cluster has the label AddonSetLabel. It takes no part in Ready.
const AddonsReadyCondition = "AddonsReady"

// Reasons of AddonsReadyCondition.
const (
	// AddonsReadyReason says that every addon that the Cluster selects is installed as declared.
	AddonsReadyReason = "AddonsReady"
	// AddonsInstallingReason says that addons are being installed, upgraded or uninstalled; the message names them.
	AddonsInstallingReason = "AddonsInstalling"
	// AddonsFailingReason says that an addon could not be installed or upgraded; the message has the addon provider's words. It is tried again.
	AddonsFailingReason = "AddonsFailing"
	// AddonSetMissingReason says that there is no HelmChartProxy with the set's label; applying the set ends it.
	AddonSetMissingReason = "AddonSetMissing"
	// AddonProviderMissingReason says that the addon provider is not installed in the management cluster.
	AddonProviderMissingReason = "AddonProviderMissing"
)

// HostLeasedCondition tells whether the MaasMachine has a server: a MaasHost made out to it.
const HostLeasedCondition = "HostLeased"

// Reasons of HostLeasedCondition.
const (
	// HostLeasedReason says that the MaasMachine has its MaasHost.
	HostLeasedReason = "HostLeased"
	// WaitingForClusterReason says that the MaasCluster is not provisioned yet.
	WaitingForClusterReason = "WaitingForClusterInfrastructure"
	// WaitingForBootstrapDataReason says that the bootstrap provider has not made the user data yet.
	WaitingForBootstrapDataReason = "WaitingForBootstrapData"
	// WaitingForOwnerReason says that Cluster API has not set the owner Machine yet.
	WaitingForOwnerReason = "WaitingForOwner"
	// WaitingForMaasReason says that the provider's view of MAAS is not current; MaasAvailable of the MaasCluster says why.
	WaitingForMaasReason = "WaitingForMaas"
	// NoHostFitsReason says that no server can be taken now; the message counts why not and names the nearest miss. A server that
	// becomes fit ends it.
	NoHostFitsReason = "NoHostFits"
	// ImageUnresolvedReason says that the name of the image depends on the Kubernetes version, which the Machine does not have or which cannot be
	// understood.
	ImageUnresolvedReason = "ImageUnresolved"
	// ImageNotFoundReason says that MAAS has no such image, or not for the architecture or with the kernel asked for; the message names what is
	// near. No server is taken. Importing or uploading the image ends it.
	ImageNotFoundReason = "ImageNotFound"
	// WaitingForReservedHostReason says that a server is reserved for the machine and cannot be taken yet; the message names it. The end of
	// its state, of the reservation, or a cordon ends it.
	WaitingForReservedHostReason = "WaitingForReservedHost"
	// PoolNotFoundReason says that hostPoolRef names no MaasHostPool.
	PoolNotFoundReason = "HostPoolNotFound"
	// PoolMismatchReason says that the MaasHostPool has other MAAS credentials than the MaasCluster.
	PoolMismatchReason = "HostPoolMismatch"
	// WaitingForRepaveGateReason says that the RepaveGate of the cluster has not put its hook on the Machine yet or, on the way out, has not let the node go.
	WaitingForRepaveGateReason = "WaitingForRepaveGate"
	// HostLostReason says that the lease is gone although the machine was provisioned; deleting the Machine ends it.
	HostLostReason = "HostLost"
)

// HostDeployedCondition tells whether the server runs what was asked for: on MaasMachine, and on MaasHost as AllocatedCondition's
// successor.
const HostDeployedCondition = "HostDeployed"

// AllocatedCondition tells whether MAAS holds the server for this lease: on MaasHost.
const AllocatedCondition = "Allocated"

// Reasons of AllocatedCondition and HostDeployedCondition. Where a surprise is reported nothing is done to the server until the state
// named in the message ends.
const (
	// AllocatedReason says that MAAS holds the server under the lease.
	AllocatedReason = "Allocated"
	// NotAllocatedReason says that the server is about to be allocated.
	NotAllocatedReason = "NotAllocated"
	// HostDeployedReason says that the server has fetched its user data.
	HostDeployedReason = "HostDeployed"
	// WaitingForAllocationReason says that the server is not ours yet.
	WaitingForAllocationReason = "WaitingForAllocation"
	// DeployingReason says that MAAS installs the server.
	DeployingReason = "Deploying"
	// DeployRefusedReason says that MAAS refuses the deploy call, most often for want of the image; the message has its words.
	DeployRefusedReason = "DeployRefused"
	// DeployFailedReason says that the installation failed; deleting the Machine ends it.
	DeployFailedReason = "DeployFailed"
	// DeployAbortedReason says that somebody aborted the installation in MAAS; deleting the Machine ends it.
	DeployAbortedReason = "DeployAborted"
	// UserDataNotFoundReason says that the Secret with the bootstrap data is missing.
	UserDataNotFoundReason = "UserDataNotFound"
	// HostReleasedReason says that somebody released the server in MAAS; deleting the Machine ends it.
	HostReleasedReason = "HostReleased"
	// HostTakenReason says that the server belongs to somebody else in MAAS.
	HostTakenReason = "HostTaken"
	// HostGoneReason says that MAAS has no such machine any more; deleting the Machine ends it.
	HostGoneReason = "HostGone"
	// HostPoweredOffReason says that a deployed server is powered off; MAAS or a person has to power it on.
	HostPoweredOffReason = "HostPoweredOff"
	// HostNotInServiceReason says that the server is in a state of MAAS that the provider leaves alone: Testing, Rescue
	// mode, Broken, Locked and the like; the message names it. It ends with that state.
	HostNotInServiceReason = "HostNotInService"
	// ConsumerExistsReason says that the lease was deleted although its MaasMachine lives. Nothing is released until the Machine is deleted.
	ConsumerExistsReason = "ConsumerExists"
	// ConsumerGoneReason says that the MaasMachine of the lease is gone without having ended it. Deleting the MaasHost releases the
	// server.
	ConsumerGoneReason = "ConsumerGone"
	// HostPreparingReason says that the disks or the network of the server are set up before the installation.
	HostPreparingReason = "Preparing"
	// DisksRefusedReason says that the server is not installed because of its disks; the message names them and what to change.
	DisksRefusedReason = "DisksRefused"
	// NetworkRefusedReason says that the server is not installed because its network cannot be as asked for; the message says why.
	NetworkRefusedReason = "NetworkRefused"
	// ReleaseRefusedReason says that the server is not released because that would destroy what must be kept; the message says what to change.
	ReleaseRefusedReason = "ReleaseRefused"
	// HostNotEmptyReason says that a server which the provider keeps empty was installed by somebody else under its lease.
	HostNotEmptyReason = "HostNotEmpty"
	// HostEmptyReason says that no machine has the server.
	HostEmptyReason = "HostEmpty"
	// HostHeldReason says that the empty server is kept for the machines of its pool.
	HostHeldReason = "Held"
	// HostReservedReason says that the empty server is kept for a successor of the machine that freed it.
	HostReservedReason = "Reserved"
	// HostCordonedReason says that the empty server is given to nobody because spec.unschedulable is true.
	HostCordonedReason = "Cordoned"
	// HostQuarantinedReason says that the empty server is given to nobody for a while because installations failed, or because somebody asked
	// for it.
	HostQuarantinedReason = "Quarantined"
	// PowerCyclingReason says that a MaasRemediation has the server switched off and on.
	PowerCyclingReason = "PowerCycling"
	// ReleasingReason says that MAAS releases the server.
	ReleasingReason = "Releasing"
	// ReleaseFailedReason says that MAAS could not release the server; it is retried.
	ReleaseFailedReason = "ReleaseFailed"
)

// NetworkConfiguredCondition tells whether the server has the network that was asked for: on MaasHost and MaasMachine, where one is described.
const NetworkConfiguredCondition = "NetworkConfigured"

// Reasons of NetworkConfiguredCondition. Nothing is installed while it is False; HostDeployedCondition has the reason too.
const (
	// NetworkConfiguredReason says that the network in MAAS is the one that was asked for.
	NetworkConfiguredReason = "NetworkConfigured"
	// ConfiguringNetworkReason says that the network is set up before the installation.
	ConfiguringNetworkReason = "ConfiguringNetwork"
	// NetworkForbiddenReason says that the API key is not an administrator's, which changing a server's network needs.
	NetworkForbiddenReason = "NetworkForbidden"
	// NetworkNotTakenReason says that MAAS took every call and the network is not as it should be all the same.
	NetworkNotTakenReason = "NetworkNotTaken"
	// NICNotFoundReason says that the server has no NIC for a name in the network.
	NICNotFoundReason = "NICNotFound"
	// CablingMismatchReason says that a NIC is cabled to another network, or to none.
	CablingMismatchReason = "CablingMismatch"
	// InterfaceNameTakenReason says that a NIC has the name of an interface that is to be made, or that its own name makes another too long.
	InterfaceNameTakenReason = "InterfaceNameTaken"
	// SubnetNotFoundReason says that MAAS does not have a subnet of the network.
	SubnetNotFoundReason = "SubnetNotFound"
	// SubnetMismatchReason says that a subnet is in another VLAN of MAAS than the interface that is to be linked to it.
	SubnetMismatchReason = "SubnetMismatch"
	// VLANNotFoundReason says that MAAS does not have a VLAN of the network in the fabric.
	VLANNotFoundReason = "VLANNotFound"
	// GatewayMissingReason says that the subnet of the default gateway has no gateway in MAAS.
	GatewayMissingReason = "GatewayMissing"
	// StaticRouteMissingReason says that MAAS does not have a static route that the network needs.
	StaticRouteMissingReason = "StaticRouteMissing"
	// WaitingForAddressReason says that an IPAM pool has given no address yet; the message has the pool's words.
	WaitingForAddressReason = "WaitingForAddress"
	// AddressOutsideSubnetReason says that the address of an IPAM pool is not in the subnet that it is for.
	AddressOutsideSubnetReason = "AddressOutsideSubnet"
	// AddressInUseReason says that MAAS has given the server's address to somebody else.
	AddressInUseReason = "AddressInUse"
	// AddressesExhaustedReason says that MAAS has no address left in a subnet.
	AddressesExhaustedReason = "AddressesExhausted"
)

// DisksReadyCondition tells whether the server's disks are as they have to be before an installation: the boot disk is chosen and laid out, and
// what is to be kept is out of MAAS's reach. On MaasHost.
const DisksReadyCondition = "DisksReady"

// Reasons of DisksReadyCondition. Each but the first three holds the server until what the message names has changed.
const (
	// DisksReadyReason says that nothing stands in the way.
	DisksReadyReason = "DisksReady"
	// DataDisksWipedReason says that dataDisks is Wipe: nothing stands in the way, and MAAS wipes the data disks.
	DataDisksWipedReason = "DataDisksWiped"
	// DisksPreparingReason says that disks are being taken out of MAAS's inventory, or the boot disk is laid out.
	DisksPreparingReason = "DisksPreparing"
	// BootDiskNotFoundReason says that no disk in MAAS's inventory can be booted from as asked.
	BootDiskNotFoundReason = "BootDiskNotFound"
	// BootDiskProtectedReason says that the disk to boot from is one to protect.
	BootDiskProtectedReason = "BootDiskProtected"
	// BootDiskAmbiguousReason says that the installer could take a disk that is to be kept for the boot disk.
	BootDiskAmbiguousReason = "BootDiskAmbiguous"
	// BootDiskChangedReason says that the boot disk is gone and that nobody said which disk takes its place.
	BootDiskChangedReason = "BootDiskChanged"
	// DisksExposedReason says that a deploy would wipe disks that are to be kept.
	DisksExposedReason = "DisksExposed"
	// DisksNotPreparedReason says that MAAS does not have the boot disk or the layout that was asked for.
	DisksNotPreparedReason = "DisksNotPrepared"
	// DisksNeedAdministratorReason says that MAAS's inventory of disks has to be changed and that the key is not an administrator's. On
	// MaasMachine, as a reason of HostLeasedCondition, that dataDisks is Preserve with such a key.
	DisksNeedAdministratorReason = "NeedsAdministrator"
	// InstallWouldWipeReason says that an installation was aborted because it would have wiped a disk that is to be kept.
	InstallWouldWipeReason = "InstallWouldWipe"
	// InstallUnreadableReason says that an installation was aborted because it could not be told what it would have wiped.
	InstallUnreadableReason = "InstallUnreadable"
	// EraseForcedReason says that MAAS erases all disks at every release: the server is not released, and an erasing that began all the same is aborted.
	EraseForcedReason = "EraseForced"
	// EraseAskedReason says that the server is not released because its pool asks for disks to be erased that are to be kept.
	EraseAskedReason = "EraseAsked"
	// MemoryUnsupportedReason says that this MAAS cannot run a system from memory.
	MemoryUnsupportedReason = "MemoryUnsupported"
)

// HostsSufficientCondition tells whether the pool has as many servers as are asked of it: on MaasHostPool.
const HostsSufficientCondition = "HostsSufficient"

// Reasons of HostsSufficientCondition.
const (
	// HostsSufficientReason says that there are enough, also during a rollout.
	HostsSufficientReason = "HostsSufficient"
	// TooFewHostsReason says that there are fewer usable servers than replicas.
	TooFewHostsReason = "TooFewHosts"
	// TooFewForSurgeReason says that there are enough for the replicas and too few for what maxSurge adds in a rollout.
	TooFewForSurgeReason = "TooFewHostsForSurge"
)

// HostsFitCondition tells whether all servers of the pool's resource pool belong to the pool: on MaasHostPool. It has no part in Ready.
const HostsFitCondition = "HostsFit"

// Reasons of HostsFitCondition.
const (
	// HostsFitReason says that all of them do.
	HostsFitReason = "HostsFit"
	// SomeHostsDoNotFitReason says that the selector leaves some out; the message counts why and names the nearest miss.
	SomeHostsDoNotFitReason = "SomeHostsDoNotFit"
)

// HostsAvailableCondition tells whether the pool has servers to give: on MaasHostPool.
const HostsAvailableCondition = "HostsAvailable"

// Reasons of HostsAvailableCondition.
const (
	// HostsAvailableReason says that at least one server is available.
	HostsAvailableReason = "HostsAvailable"
	// AllHostsLeasedReason says that every server of the pool is leased or unavailable: a fact, not a fault.
	AllHostsLeasedReason = "AllHostsInUse"
	// NoHostsReason says that no server matches the pool; the message names the nearest miss.
	NoHostsReason = "NoHosts"
)

// StorageReadyCondition tells whether the storage on a Machine's Node is at work and its data whole: on Machines, for their readinessGates. Once
// True it stays True as long as the Machine lives, because Cluster API deletes healthy Machines to get rid of unready old ones.
const StorageReadyCondition = "infrastructure.cluster.x-k8s.io/StorageReady"

// Reasons of StorageReadyCondition.
const (
	// StorageReadyReason says that the node's data is whole, or that it has none.
	StorageReadyReason = "StorageReady"
	// StorageRebuildingReason says that the node's repave is not closed; the Repave has the progress.
	StorageRebuildingReason = "Rebuilding"
	// StorageNotOnlineReason says that the storage is not at work on the node yet.
	StorageNotOnlineReason = "StorageNotOnline"
	// BridgeMissingReason says that the node lacks the bridge that virtual machines need.
	BridgeMissingReason = "BridgeMissing"
	// StorageNotAskedReason says that the storage could not be asked.
	StorageNotAskedReason = "StorageUnknown"
)

// StorageWholeCondition tells whether all data has all its copies: on RepaveGate.
const StorageWholeCondition = "StorageWhole"

// Reasons of StorageWholeCondition; while the storage cannot be asked it is Unknown with StorageNotAskedReason.
const (
	// StorageWholeReason says that every copy that is wanted exists and is in sync.
	StorageWholeReason = "StorageWhole"
	// StorageDegradedReason says that copies are missing or being rebuilt.
	StorageDegradedReason = "StorageDegraded"
	// NotGatedReason says that the gate was told to protect nothing.
	NotGatedReason = "NotGated"
)

// MachinesGuardedCondition tells whether every Machine of the cluster would wait for the gate: on RepaveGate.
const MachinesGuardedCondition = "MachinesGuarded"

// Reasons of MachinesGuardedCondition.
const (
	// MachinesGuardedReason says that all have the pre-drain hook and no time limit that would end a drain by force.
	MachinesGuardedReason = "MachinesGuarded"
	// HookMissingReason says that Machines lack the pre-drain hook.
	HookMissingReason = "HookMissing"
	// DrainTimeoutReason says that Machines have a nodeDrainTimeoutSeconds: when it expires, Cluster API goes on whatever still runs on the node.
	DrainTimeoutReason = "DrainTimeoutSet"
	// ReadinessGateMissingReason says that workers lack the readiness gate, so that a rollout asks for the next node before the last one is whole. The
	// gate holds it then.
	ReadinessGateMissingReason = "ReadinessGateMissing"
	// OverrideInvalidReason says that a Machine's override annotation cannot be read, so that it overrides nothing.
	OverrideInvalidReason = "OverrideInvalid"
	// SurgeReason says that a MachineDeployment replaces before it removes (maxSurge above 0), so that a node that goes does not come back.
	SurgeReason = "MaxSurgeSet"
)

// VirtualMachinesMovableCondition tells before a rollout whether the virtual machines of each node could leave it: on RepaveGate.
const VirtualMachinesMovableCondition = "VirtualMachinesMovable"

// Reasons of VirtualMachinesMovableCondition; while the workload cluster cannot be asked it is Unknown with StorageNotAskedReason.
const (
	// VirtualMachinesMovableReason says that all can be live-migrated, and any node's find a place on the others.
	VirtualMachinesMovableReason = "VirtualMachinesMovable"
	// VirtualMachinesStuckReason says that some cannot be live-migrated; status.virtualMachines lists them with KubeVirt's reasons.
	VirtualMachinesStuckReason = "NotLiveMigratable"
	// VirtualMachinesCrowdedReason says that the nodes but one cannot hold all virtual machines.
	VirtualMachinesCrowdedReason = "NoRoom"
)

// StorageDetachedCondition tells whether the storage has left a node that goes, so that its server can be given away: on Repaves, while they drain. Servers
// of this provider wait for it.
const StorageDetachedCondition = "StorageDetached"

// Reasons of StorageDetachedCondition.
const (
	// StorageDetachedReason says that nothing of the storage is at work on the node or attached to it, as far as the storage can tell.
	StorageDetachedReason = "StorageDetached"
	// StorageInUseReason says that something is; the message names it.
	StorageInUseReason = "StorageInUse"
)

// Reasons of ReadyCondition of RepaveGate and Repave.
const (
	// ClusterNotFoundReason says that clusterName names no Cluster.
	ClusterNotFoundReason = "ClusterNotFound"
	// AnotherGateReason says that the Cluster has an older RepaveGate, which is the one that counts.
	AnotherGateReason = "AnotherGate"
	// StorageInvalidReason says that spec.storage cannot work; the message names the field.
	StorageInvalidReason = "StorageInvalid"
	// HeldReason says that Machines wait for the gate; status.waiting explains each.
	HeldReason = "MachinesHeld"
	// OpenRepavesReason says that the deletion waits for repaves that are open or Machines that are held.
	OpenRepavesReason = "RepavesOpen"
	// ClaimedReason says that the Repave is a claim that waits to be confirmed.
	ClaimedReason = "Claimed"
	// InProgressReason says that the repave goes its way; the message says how far it is.
	InProgressReason = "InProgress"
	// IdentityChangedReason says that the node came back as another one to the storage: its old copies are orphaned.
	IdentityChangedReason = "StorageIdentityChanged"
	// RepaveClosedReason says that it is over.
	RepaveClosedReason = "Closed"
)

// RemediatingCondition is True while the provider tries to heal the server of a Machine, and False while it waits or has handed the Machine
// over to its owner: on MaasRemediation.
const RemediatingCondition = "Remediating"

// Reasons of RemediatingCondition; it has PowerCyclingReason and WaitingForMaasReason as well.
const (
	// WaitingForNodeReason says that the server was switched off and on and that its Node has to become healthy until the time in the message.
	WaitingForNodeReason = "WaitingForNode"
	// RedeployingReason says that the Machine is about to be handed over to its owner, and its successor to be installed on the same server.
	RedeployingReason = "Redeploying"
	// QuarantiningReason says that the server is put into quarantine before the Machine is handed over.
	QuarantiningReason = "Quarantining"
	// HandedOverReason says that the owner of the Machine is to delete and replace it. Its storage gate, if there is one, is asked then.
	HandedOverReason = "HandedOver"
	// RecoveredReason says that the Machine is healthy again.
	RecoveredReason = "Recovered"
	// WaitingForHostReason says that the Machine has no server yet; another Machine would not have one either.
	WaitingForHostReason = "WaitingForHost"
	// InstallationRunningReason says that the server is still being prepared or installed, which is let end, one way or the other.
	InstallationRunningReason = "InstallationRunning"
	// HostBusyReason says that the server is at something that the provider leaves alone, or the lease waits for a person; the message has
	// what its MaasHost says.
	HostBusyReason = "HostBusy"
	// NodeNotSeenReason says that Cluster API cannot see the Node now, so that nobody knows how it is.
	NodeNotSeenReason = "NodeNotSeen"
	// StorageAtRiskReason says that a server is not switched off because others of the Cluster are away, which has a RepaveGate: two copies of
	// the data at once could be out of reach. It ends when they are back.
	StorageAtRiskReason = "StorageAtRisk"
	// RemediationSkippedReason says that the Machine has the annotation cluster.x-k8s.io/skip-remediation, or that it or its MaasHost is
	// paused.
	RemediationSkippedReason = "RemediationSkipped"
)
