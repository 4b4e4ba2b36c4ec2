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

// Package hardware judges servers by the reference architecture for clusters that run virtual machines: what the reference wants is a
// table here, and what a cluster lacks of it comes out as findings. It warns and never decides: no client, no clock.
package hardware

// Role is what a server is in a cluster.
type Role string

// The roles of a server.
const (
	ControlPlane Role = "control plane"
	Worker       Role = "worker"
)

// Requirements are what the reference wants of one server. Zero fields want nothing.
type Requirements struct {
	// Cores of the CPU. MAAS counts hardware threads, so a server with hyper-threading passes with half the cores.
	Cores int
	// MemoryGB in units of 10^9 bytes.
	MemoryGB int
	// NICs of at least NICGbps.
	NICs, NICGbps int
	// FCPorts of at least FCGbps. MAAS does not show the speed of Fibre Channel adapters, so it is not judged.
	FCPorts, FCGbps int
}

// What the reference wants of a worker, at the least and preferably: two network adapters for data and management together, or two for
// each.
var (
	workerMinimum     = Requirements{Cores: 8, MemoryGB: 24, NICs: 2, NICGbps: 10, FCPorts: 2, FCGbps: 16}
	workerRecommended = Requirements{Cores: 8, MemoryGB: 256, NICs: 4, NICGbps: 10, FCPorts: 2, FCGbps: 16}
)

// controlPlaneMinimum is what the reference wants of a control plane server in the smallest cluster; it runs no virtual machines.
var controlPlaneMinimum = Requirements{Cores: 4, MemoryGB: 8}

// Minimum is the least that the reference wants of a server.
func Minimum(role Role) Requirements {
	if role == ControlPlane {
		return controlPlaneMinimum
	}
	return workerMinimum
}

// Recommended is what the reference recommends for a server. It names nothing beyond the minimum and the sizing table for control planes.
func Recommended(role Role) Requirements {
	if role == ControlPlane {
		return controlPlaneMinimum
	}
	return workerRecommended
}

// Sizing is a row of the reference's table for control planes: up to so many workers and namespaces, a control plane server of this size.
type Sizing struct {
	Workers, Namespaces int
	Cores, MemoryGB     int
}

// sizings is the table, smallest first.
var sizings = [...]Sizing{
	{Workers: 10, Namespaces: 100, Cores: 4, MemoryGB: 8},
	{Workers: 25, Namespaces: 500, Cores: 4, MemoryGB: 16},
	{Workers: 100, Namespaces: 1000, Cores: 8, MemoryGB: 32},
	{Workers: 250, Namespaces: 2000, Cores: 16, MemoryGB: 64},
	{Workers: 500, Namespaces: 4000, Cores: 32, MemoryGB: 128},
}

// ControlPlaneSizing is the row for a cluster of so many workers and namespaces; what is not known, or not above zero, asks for nothing. The
// last row is returned, with false, for a cluster that is larger than the table.
func ControlPlaneSizing(workers, namespaces int) (Sizing, bool) {
	for _, s := range sizings {
		if workers <= s.Workers && namespaces <= s.Namespaces {
			return s, true
		}
	}
	return sizings[len(sizings)-1], false
}

// What the reference wants of a cluster that runs virtual machines.
const (
	// MinWorkers spread the load and leave room for the hosts of shared volumes, which run no virtual machines.
	MinWorkers = 10
	// MinFailoverHosts have to be there for a shared volume (Portworx sharedv4) to fail over without a break.
	MinFailoverHosts = 2
	// MinControlPlanes is what the table for control planes supposes.
	MinControlPlanes = 3
)
