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

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

const (
	// zones are the racks, which MAAS knows as zones.
	zones        = 3
	spareServers = 4

	controlPlanePool = "control-plane"
	workerPool       = "compute"
	storagePool      = "storage"
	// storageMachines serve sharedv4 and run no virtual machines: the reference wants two.
	storageMachines = 2
)

// timings make an installation last as long as a person likes to watch: about
// eight seconds instead of eight minutes.
func timings() maassim.Timings {
	return maassim.Timings{
		PowerOn: time.Second, PowerOff: time.Second, NetBoot: 2 * time.Second, Install: 5 * time.Second,
		Boot: time.Second, NodeTimeout: 5 * time.Minute,
	}
}

// serversNeeded has as many control plane servers in each zone: which zones get
// one more machine than the others is not known beforehand.
func serversNeeded(controlPlanes, workers int) int {
	return roundUp(controlPlanes, zones) + workers
}

func roundUp(n, step int) int { return (n + step - 1) / step * step }

// rack describes the servers: those of the control plane and the workers', each
// in a pool of its own and spread over the zones. A quarter of the spare ones
// is for the control plane.
func rack(controlPlanes, workers, servers int) []maassim.MachineSpec {
	spare := servers - serversNeeded(controlPlanes, workers)
	small := roundUp(controlPlanes, zones) + spare/4
	specs := make([]maassim.MachineSpec, 0, servers)
	for i := range servers {
		n := i
		spec := maassim.MachineSpec{Pool: controlPlanePool, CPUs: 16, MemoryMiB: 64 << 10, Tags: []string{"ssd"}}
		kind := "cp"
		if i >= small {
			n = i - small
			spec = maassim.MachineSpec{Pool: workerPool, CPUs: 64, MemoryMiB: 512 << 10, Tags: []string{"nvme", "25g"}}
			kind = "wk"
		}
		spec.Zone = fmt.Sprintf("rack-%d", n%zones+1)
		spec.Hostname = fmt.Sprintf("r%d-%s-%02d", n%zones+1, kind, n/zones+1)
		spec.Description = "simulated server in " + spec.Zone
		specs = append(specs, spec)
	}
	return specs
}

// fillRack puts the servers and the images into the simulated MAAS.
func fillRack(l *lab.Lab, opts options) error {
	for _, version := range []string{opts.version, lab.KubernetesVersion} {
		l.MAAS().AddImage(strings.TrimPrefix(lab.ImageFor(version), "custom/"))
	}
	for _, spec := range rack(opts.controlPlanes, opts.workers, opts.servers) {
		if _, err := l.AddHost(spec); err != nil {
			return err
		}
	}
	for i := range opts.storage {
		zone := fmt.Sprintf("rack-%d", i%zones+1)
		if _, err := l.AddHost(maassim.MachineSpec{
			Hostname: fmt.Sprintf("r%d-st-%02d", i%zones+1, i/zones+1), Description: "simulated server in " + zone, Zone: zone,
			Pool: storagePool, CPUs: 32, MemoryMiB: 128 << 10, Tags: []string{"nvme", "25g"},
		}); err != nil {
			return err
		}
	}
	return nil
}
