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
