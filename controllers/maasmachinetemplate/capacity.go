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

package maasmachinetemplate

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// smallest is what every one of the servers has at least: the autoscaler must not expect a pod to fit on a server that turns out to be a smaller
// one. The architecture is told only when it is the same for all. Servers that MAAS has not commissioned, with no CPU or memory yet, are left
// out; without servers there is nothing to tell.
//
// What a Node can give to pods is less, by what its kernel and kubelet reserve. Pods and storage are left out: the autoscaler has its own default
// for the former, and the latter depends on what the machine is installed with.
func smallest(machines []*maas.Machine) (corev1.ResourceList, infrav1.NodeInfo) {
	var cpus, memoryMiB int64
	architecture, several := "", false
	for _, m := range machines {
		if m.CPUCount <= 0 || m.MemoryMiB <= 0 {
			continue
		}
		if cpus == 0 || int64(m.CPUCount) < cpus {
			cpus = int64(m.CPUCount)
		}
		if memoryMiB == 0 || m.MemoryMiB < memoryMiB {
			memoryMiB = m.MemoryMiB
		}
		arch := allocation.ArchitectureOf(m)
		several = several || (architecture != "" && arch != architecture)
		architecture = arch
	}
	if cpus == 0 {
		return nil, infrav1.NodeInfo{}
	}
	info := infrav1.NodeInfo{OperatingSystem: "linux"}
	if !several {
		info.Architecture = knownArchitecture(architecture)
	}
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewQuantity(cpus, resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(memoryMiB<<20, resource.BinarySI),
	}, info
}

// knownArchitecture is "" for architectures that Cluster API does not know, such as MAAS's i386 and armhf.
func knownArchitecture(architecture string) infrav1.Architecture {
	switch a := infrav1.Architecture(architecture); a {
	case infrav1.ArchitectureAMD64, infrav1.ArchitectureARM64, infrav1.ArchitectureS390X, infrav1.ArchitecturePPC64LE:
		return a
	}
	return ""
}
