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

// Names that the provider puts on objects.
const (
	// ClusterFinalizer keeps a MaasCluster until its servers are back in MAAS and its DNS record and reserved address are gone.
	ClusterFinalizer = "infrastructure.cluster.x-k8s.io/maascluster"
	// MachineFinalizer keeps a MaasMachine until its lease has ended.
	MachineFinalizer = "infrastructure.cluster.x-k8s.io/maasmachine"
	// HostFinalizer keeps a MaasHost until its server is back in MAAS.
	HostFinalizer = "infrastructure.cluster.x-k8s.io/maashost"
	// HostPoolFinalizer keeps a MaasHostPool, and with it what it says of erasing, until its servers have left it.
	HostPoolFinalizer = "infrastructure.cluster.x-k8s.io/maashostpool"

	// VIPReservationAnnotation on a MaasCluster is the host name under which its address is reserved in MAAS, by which it is found again. It is
	// written before anything is reserved.
	VIPReservationAnnotation = "infrastructure.cluster.x-k8s.io/vip-reservation"
	// DNSRecordAnnotation on a MaasCluster is the DNS record that is its own to change and to delete. It is written before the record is made.
	DNSRecordAnnotation = "infrastructure.cluster.x-k8s.io/dns-record"
	// LeaveBehindAnnotation lets the deletion of a MaasCluster or MaasHost end although MAAS cannot be asked to give back what it holds
	// for it. Its value is the reason, which an event repeats. People set it, the provider never does.
	LeaveBehindAnnotation = "infrastructure.cluster.x-k8s.io/leave-behind"
	// GateFinalizer keeps a RepaveGate until nothing depends on it.
	GateFinalizer = "infrastructure.cluster.x-k8s.io/repavegate"

	// RemediationStartAnnotation on a MaasRemediation is when the provider first saw it, which tells the power cycles and installations of this
	// trouble from those of an earlier one.
	RemediationStartAnnotation = "infrastructure.cluster.x-k8s.io/remediation-start"

	// ConsumerLabel on a MaasHost names the MaasMachine that holds it: the name itself where it is at most 63 characters
	// long, otherwise a hash of it. spec.consumerRef has the full name.
	ConsumerLabel = "infrastructure.cluster.x-k8s.io/consumer"
)

// VirtualMachinesLabel on a Cluster says that the cluster is to run virtual machines, whatever its value but "false"; a Cluster without it does
// when it is made from the ClusterClass VirtualMachinesClass. Such a cluster is judged by what the reference architecture wants of it.
const (
	VirtualMachinesLabel = "infrastructure.cluster.x-k8s.io/virtual-machines"
	// AddonSetLabel is the label of a Cluster, and of the HelmChartProxies of its addons, with the name of the set: that of the Cluster.
	AddonSetLabel        = "addons.infrastructure.cluster.x-k8s.io/set"
	VirtualMachinesClass = "vmo"
)

// DeleteForMoveAnnotation is what clusterctl puts on an object of the source before it deletes it there. Such a deletion means nothing.
const DeleteForMoveAnnotation = "clusterctl.cluster.x-k8s.io/delete-for-move"

// ProviderIDPrefix starts the providerID of every Machine and Node; the MAAS system_id of the server follows. It
// names no zone because a server may be moved to another.
const ProviderIDPrefix = "maas:///"

// Keys of the workload annotations that the provider writes on a MAAS machine it holds. People read them in the
// MAAS UI; the lease annotation also lets the provider recognise its own allocation in a listing.
const (
	// MaasAnnotationLease holds spec.leaseID of the MaasHost.
	MaasAnnotationLease = "capmaas-lease"
	// MaasAnnotationCluster holds namespace/name of the Cluster.
	MaasAnnotationCluster = "capmaas-cluster"
	// MaasAnnotationMachine holds the name of the MaasMachine.
	MaasAnnotationMachine = "capmaas-machine"
)

// RepaveHookAnnotation keeps Cluster API from draining a Machine that is being deleted until the gate takes it off. Its value is the gate's name. Put it into
// the metadata of Machine templates, so that Machines have it from birth.
const RepaveHookAnnotation = clusterv1.PreDrainDeleteHookAnnotationPrefix + "/repave-gate"

// RepaveSkipsPreflightAnnotation marks a MachineSet on which the gate, and nobody else, put machineset.cluster.x-k8s.io/skip-preflight-checks. The gate
// takes both off again.
const RepaveSkipsPreflightAnnotation = "repave.infrastructure.cluster.x-k8s.io/skips-preflight-checks"

// RepaveHealthCheckAnnotation on a Machine is when its MachineHealthCheck was last reminded to look at it (RFC 3339).
const RepaveHealthCheckAnnotation = "repave.infrastructure.cluster.x-k8s.io/health-check-reminded"

// RepaveOverrideAnnotation on a Machine lets it go against the gate's judgement. Its value is a RepaveOverride as JSON:
// {"reason":"…","by":"…","untilTime":"2026-11-22T18:00:00Z"}.
const RepaveOverrideAnnotation = "repave.infrastructure.cluster.x-k8s.io/override"

// RepaveHistoryAnnotation on a Repave repeats, as JSON, what of its status is history: the steps with their times, and what the storage knows the node by
// since it is back. clusterctl move restores no status.
const RepaveHistoryAnnotation = "repave.infrastructure.cluster.x-k8s.io/history"

// LocalObjectReference names an object of a known kind in the same namespace.
type LocalObjectReference struct {
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// CredentialsKind is where MAAS credentials come from.
// +kubebuilder:validation:Enum=Secret;MaasClusterIdentity
type CredentialsKind string

const (
	// CredentialsSecret is a Secret in the namespace of the object.
	CredentialsSecret CredentialsKind = "Secret"
	// CredentialsIdentity is a MaasClusterIdentity that allows the namespace of the object.
	CredentialsIdentity CredentialsKind = "MaasClusterIdentity"
)

// CredentialsReference names the MAAS API credentials of an object.
type CredentialsReference struct {
	// kind is Secret, for a Secret in the same namespace, or MaasClusterIdentity, for credentials that are shared between
	// namespaces; Secret when it is empty.
	// +optional
	Kind CredentialsKind `json:"kind,omitempty"`

	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// String is how messages name the credentials.
func (r CredentialsReference) String() string {
	if r.Kind == "" {
		r.Kind = CredentialsSecret
	}
	return string(r.Kind) + " " + r.Name
}

// SameAs tells whether two references in one namespace lead to the same object.
func (r CredentialsReference) SameAs(other CredentialsReference) bool {
	return r.String() == other.String()
}

// HostSelector narrows down the servers that may be used. All conditions have to hold; an empty selector excludes nothing.
// +kubebuilder:validation:MinProperties=1
type HostSelector struct {
	// zones are the MAAS zones to choose from; a Machine's failure domain narrows them further.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Zones []string `json:"zones,omitempty"`

	// tags are MAAS tags that a server must have, all of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Tags []string `json:"tags,omitempty"`

	// notTags are MAAS tags that a server must not have, none of them.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	NotTags []string `json:"notTags,omitempty"`

	// architecture of the server's CPU.
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`

	// minCPUCount is the least number of CPU threads, as MAAS counts them.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MinCPUCount int32 `json:"minCPUCount,omitempty"`

	// minMemoryMiB is the least amount of memory in MiB, as MAAS counts it.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1073741824
	MinMemoryMiB int64 `json:"minMemoryMiB,omitempty"`

	// disks that a server must have at the least, the one that it boots from included.
	// +optional
	Disks DiskCount `json:"disks,omitempty,omitzero"`

	// networkAdapters that a server must have at the least.
	// +optional
	NetworkAdapters NetworkAdapterCount `json:"networkAdapters,omitempty,omitzero"`
}

// DiskCount is how many disks of which size a server must have. Disks count that MAAS has in its inventory and, on a server with a lease,
// those that the provider took out of it to preserve them.
type DiskCount struct {
	// minCount is the least number of disks.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=512
	MinCount int32 `json:"minCount,omitempty"`

	// minSizeGB is the least size of each in GB (1000000000 bytes), as disks are sold; smaller disks do not count. Any size does when it is empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	MinSizeGB int64 `json:"minSizeGB,omitempty"`
}

// NetworkAdapterCount is how many physical network adapters of which speed a server must have.
type NetworkAdapterCount struct {
	// minCount is the least number of adapters, each port being one.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=256
	MinCount int32 `json:"minCount,omitempty"`

	// minSpeedMbps is the least speed that each can do in megabits a second, 10000 for 10 Gbps; slower ones, and those of which MAAS does not
	// know the speed, do not count. Any speed does when it is empty.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	MinSpeedMbps int32 `json:"minSpeedMbps,omitempty"`
}

// Architecture is a CPU architecture by the name that Kubernetes and Go use.
// +kubebuilder:validation:Enum=amd64;arm64;s390x;ppc64le
type Architecture string

// The architectures that Cluster API knows.
const (
	ArchitectureAMD64   Architecture = "amd64"
	ArchitectureARM64   Architecture = "arm64"
	ArchitectureS390X   Architecture = "s390x"
	ArchitecturePPC64LE Architecture = "ppc64le"
)

// Image says what MAAS installs. MAAS has to have the image, and the kernel where one is named, for the architecture of the server before a
// server is taken.
// +kubebuilder:validation:XValidation:rule="!has(self.kernel) || !self.name.startsWith('custom/')",message="image.kernel is for images of Ubuntu that MAAS imports: a custom image brings its own, so leave kernel out"
type Image struct {
	// name is the image as MAAS knows it: "ubuntu/jammy", "jammy" or "custom/NAME". Parts of the Machine's Kubernetes version can
	// stand in it: with version v1.34.2, "{version}" is 1.34.2, "{major}" is 1, "{minor}" is 34 and "{patch}" is 2, so that
	// "custom/ubuntu-2204-k8s-{version}" is an image for each version. In {version} characters other than letters, digits, dots,
	// dashes and underscores become dashes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9]|[{](version|major|minor|patch)[}])([A-Za-z0-9._-]|[{](version|major|minor|patch)[}])*(/([A-Za-z0-9]|[{](version|major|minor|patch)[}])([A-Za-z0-9._-]|[{](version|major|minor|patch)[}])*)?$')",message="image name must be SERIES or OSYSTEM/SERIES as in MAAS, such as ubuntu/jammy or custom/NAME; {version}, {major}, {minor} and {patch} stand for the Kubernetes version"
	Name string `json:"name,omitempty"`

	// kernel is the MAAS kernel: "ga-22.04" is the one that Ubuntu 22.04 came with, "hwe-22.04" the newer one for newer
	// hardware. MAAS chooses when it is empty.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^(ga|hwe)-[a-z0-9]+([.-][a-z0-9]+)*$')",message="kernel must be ga-RELEASE or hwe-RELEASE as in MAAS, such as ga-22.04 or hwe-22.04"
	Kernel string `json:"kernel,omitempty"`
}
