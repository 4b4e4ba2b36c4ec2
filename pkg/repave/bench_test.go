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
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// fleet is a cluster of racks whose volumes have each replica in another rack.
func fleet(racks, perRack, volumes, replicas int) *storagehealth.Report {
	rng := rand.New(rand.NewPCG(1, 2))
	report := &storagehealth.Report{At: noon, Locality: storagehealth.Local, Placed: true, Progress: -1}
	for r := range racks {
		for n := range perRack {
			report.Nodes = append(report.Nodes, storagehealth.Node{Name: fmt.Sprintf("r%02dn%02d", r, n), Domain: fmt.Sprintf("r%02d", r), State: storagehealth.Online})
		}
	}
	for v := range volumes {
		volume := storagehealth.Volume{Name: fmt.Sprintf("pvc-%05d", v), Wanted: int32(replicas), Quorum: 1}
		for _, rack := range rng.Perm(racks)[:replicas] {
			volume.Replicas = append(volume.Replicas, storagehealth.Replica{Node: int32(rack*perRack + rng.IntN(perRack)), InSync: true})
		}
		report.Volumes = append(report.Volumes, volume)
	}
	return report
}

// largeFleet is 500 nodes that all wait, over 20,000 volumes.
func largeFleet() Input {
	in := Input{
		Now: noon, Report: fleet(10, 50, 20_000, 3),
		Rules: Rules{MaxConcurrent: 500, Parallelism: NonOverlapping, MaxReportAge: time.Minute},
	}
	for i := range in.Report.Nodes {
		name := in.Report.Nodes[i].Name
		in.Candidates = append(in.Candidates, Candidate{Machine: name, Node: name, Role: Worker, Purpose: Replacement, StorageExpected: true})
	}
	return in
}

func BenchmarkDecide(b *testing.B) {
	in := largeFleet()
	b.ReportAllocs()
	for b.Loop() {
		admitted := 0
		for _, v := range Decide(in) {
			if v.Admitted {
				admitted++
			}
		}
		if admitted == 0 {
			b.Fatal("nothing was admitted of a fleet that is whole")
		}
		b.ReportMetric(float64(admitted), "admitted")
	}
}
