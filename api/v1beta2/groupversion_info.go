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

// Package v1beta2 holds the kinds of the MAAS infrastructure provider, group infrastructure.cluster.x-k8s.io. It implements
// version v1beta2 of the Cluster API provider contract (docs/contract.md).
//
// +kubebuilder:object:generate=true
// +groupName=infrastructure.cluster.x-k8s.io
package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the group and version of the kinds in this package.
	GroupVersion = schema.GroupVersion{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2"}

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme adds the kinds of this package to a scheme.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&MaasCluster{}, &MaasClusterList{},
		&MaasClusterTemplate{}, &MaasClusterTemplateList{},
		&MaasMachine{}, &MaasMachineList{},
		&MaasMachineTemplate{}, &MaasMachineTemplateList{},
		&MaasClusterIdentity{}, &MaasClusterIdentityList{},
		&MaasHost{}, &MaasHostList{},
		&MaasHostPool{}, &MaasHostPoolList{},
		&RepaveGate{}, &RepaveGateList{},
		&Repave{}, &RepaveList{},
		&MaasRemediation{}, &MaasRemediationList{},
		&MaasRemediationTemplate{}, &MaasRemediationTemplateList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
