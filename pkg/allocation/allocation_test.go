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

package allocation_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func machine(name string, change ...func(*maas.Machine)) *maas.Machine {
	m := &maas.Machine{
		SystemID: "id-" + name, Hostname: name, Status: maas.StatusReady, Power: maas.PowerOff, Zone: "default", Pool: "vm",
		Architecture: "amd64/generic", CPUCount: 32, MemoryMiB: 262144, Tags: []string{"fc", "ssd"},
	}
	for _, f := range change {
		f(m)
	}
	return m
}

func zone(z string) func(*maas.Machine)        { return func(m *maas.Machine) { m.Zone = z } }
func pool(p string) func(*maas.Machine)        { return func(m *maas.Machine) { m.Pool = p } }
func cpus(n int) func(*maas.Machine)           { return func(m *maas.Machine) { m.CPUCount = n } }
func tags(t ...string) func(*maas.Machine)     { return func(m *maas.Machine) { m.Tags = t } }
func status(s maas.Status) func(*maas.Machine) { return func(m *maas.Machine) { m.Status = s } }
func owner(o string) func(*maas.Machine)       { return func(m *maas.Machine) { m.Owner = o } }
func arch(a string) func(*maas.Machine)        { return func(m *maas.Machine) { m.Architecture = a } }
func memory(mib int64) func(*maas.Machine)     { return func(m *maas.Machine) { m.MemoryMiB = mib } }
func disks(gb ...int64) func(*maas.Machine) {
	return func(m *maas.Machine) {
		for _, size := range gb {
			m.BlockDevices = append(m.BlockDevices, maas.BlockDevice{Physical: true, SizeBytes: size * 1e9})
		}
	}
}
func virtualDisk(gb int64) func(*maas.Machine) {
	return func(m *maas.Machine) { m.BlockDevices = append(m.BlockDevices, maas.BlockDevice{SizeBytes: gb * 1e9}) }
}
func nics(mbps ...int) func(*maas.Machine) {
	return func(m *maas.Machine) {
		for _, speed := range mbps {
			m.Interfaces = append(m.Interfaces, maas.Interface{Type: maas.InterfacePhysical, InterfaceSpeedMbps: speed})
		}
	}
}
func bond(mbps int) func(*maas.Machine) {
	return func(m *maas.Machine) {
		m.Interfaces = append(m.Interfaces, maas.Interface{Type: maas.InterfaceBond, InterfaceSpeedMbps: mbps})
	}
}
func locked(m *maas.Machine) { m.Locked = true }
func request(s ...allocation.Selector) allocation.Request {
	return allocation.Request{ResourcePool: "vm", Selectors: s}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		in      allocation.Input
		want    string
		message string
	}{
		{
			name: "the first by zone, then name, whatever the order of the list",
			in: allocation.Input{Request: request(), Machines: []*maas.Machine{
				machine("c"), machine("a", zone("z2")), machine("b"), machine("d", zone("a0")),
			}},
			want: "d",
		},
		{
			name: "a failure domain is never left, even when another zone has room",
			in: allocation.Input{
				Request:  allocation.Request{ResourcePool: "vm", Zone: "z2"},
				Machines: []*maas.Machine{machine("a"), machine("b", zone("z2"), status(maas.StatusTesting))},
			},
			message: `none of 2 machines can be taken: 1 Testing in MAAS, 1 outside failure domain "z2"; nearest miss: a (outside failure domain "z2")`,
		},
		{
			name: "selectors of the pool and of the machine hold together",
			in: allocation.Input{
				Request: request(allocation.Selector{Tags: []string{"fc"}}, allocation.Selector{MinCPUCount: 48}),
				Machines: []*maas.Machine{
					machine("a", cpus(64), tags("ssd")), machine("b"), machine("c", cpus(48)), machine("d", cpus(64), pool("other")),
				},
			},
			want: "c",
		},
		{
			name: "disks count from their size on, and only real ones",
			in: allocation.Input{
				Request: request(allocation.Selector{MinDisks: 2, MinDiskGB: 1920}),
				Machines: []*maas.Machine{
					machine("a", disks(480, 1920, 1920)), machine("b", disks(480, 1920)), machine("c", disks(3840, 3840), virtualDisk(3840)),
					machine("d", disks(1920), virtualDisk(3840)), machine("e"),
				},
			},
			want: "a",
		},
		{
			name: "too few disks of a size are counted",
			in: allocation.Input{
				Request:  request(allocation.Selector{MinDisks: 2, MinDiskGB: 1920}),
				Machines: []*maas.Machine{machine("a", disks(480, 1920), virtualDisk(1920))},
			},
			message: "none of 1 machines can be taken: 1 with less than 2 disks of 1920 GB; nearest miss: a (with less than 2 disks of 1920 GB)",
		},
		{
			name: "too few disks of any size",
			in: allocation.Input{
				Request:  request(allocation.Selector{MinDisks: 2}, allocation.Selector{MinDisks: 3}),
				Machines: []*maas.Machine{machine("a", disks(1, 1))},
			},
			message: "none of 1 machines can be taken: 1 with less than 3 disks; nearest miss: a (with less than 3 disks)",
		},
		{
			name: "network adapters count at what the card can do, and only physical ones",
			in: allocation.Input{
				Request: request(allocation.Selector{MinNICs: 2, MinNICMbps: 10000}),
				Machines: []*maas.Machine{
					machine("a", nics(25000, 1000)), machine("b", nics(10000), bond(20000)), machine("c", nics(0, 0, 0)), machine("d", nics(10000, 25000)),
				},
			},
			want: "d",
		},
		{
			name: "adapters of unknown speed are not enough where a speed is asked for, and are where none is",
			in: allocation.Input{
				Request:  request(allocation.Selector{MinNICs: 2}, allocation.Selector{MinNICs: 1, MinNICMbps: 1000}),
				Machines: []*maas.Machine{machine("a", nics(0, 0))},
			},
			message: "none of 1 machines can be taken: 1 with less than 1 network adapters of 1000 Mbps; " +
				"nearest miss: a (with less than 1 network adapters of 1000 Mbps)",
		},
		{
			name: "servers of an architecture that the image is not for are passed over",
			in: allocation.Input{
				Request:  allocation.Request{ResourcePool: "vm", Architectures: []string{"arm64", "ppc64le"}},
				Machines: []*maas.Machine{machine("a"), machine("b", arch("ppc64el/generic")), machine("c", arch("arm64/xgene"))},
			},
			want: "b",
		},
		{
			name: "and said to be",
			in: allocation.Input{
				Request:  allocation.Request{ResourcePool: "vm", Architectures: []string{"arm64"}},
				Machines: []*maas.Machine{machine("a"), machine("b")},
			},
			message: "none of 2 machines can be taken: 2 amd64, for which MAAS does not have the image; " +
				"nearest miss: a (amd64, for which MAAS does not have the image)",
		},
		{
			name: "every kind of reason is counted, the nearest miss has the fewest reasons",
			in: allocation.Input{
				Request: request(allocation.Selector{
					Tags: []string{"fc", "gpu"}, NotTags: []string{"broken-fan"}, Architecture: "amd64", MinCPUCount: 16, MinMemoryMiB: 1024,
				}),
				Machines: []*maas.Machine{
					machine("a", pool("x")), machine("b", pool("x")), machine("c", arch("arm64/generic"), cpus(1)),
					machine("d", tags("broken-fan", "fc", "gpu")), machine("e", memory(1), tags()),
				},
			},
			message: "none of 5 machines can be taken: 2 in another resource pool, 1 not amd64, 1 with excluded tag broken-fan, " +
				"1 with less than 1024 MiB memory; nearest miss: d (with excluded tag broken-fan)",
		},
		{
			name: "what is leased, another's, locked or not Ready is left alone",
			in: allocation.Input{
				Request: request(), Leases: map[string]allocation.Lease{"id-a": {Holder: "ns/m"}},
				Machines: []*maas.Machine{machine("a"), machine("b", owner("eve")), machine("c", locked), machine("d", status(maas.StatusDeployed), owner("eve"))},
			},
			message: "none of 4 machines can be taken: 1 Deployed in MAAS, 1 leased, 1 locked, 1 owned by another MAAS user; nearest miss: a (leased)",
		},
		{
			name:    "an empty MAAS",
			in:      allocation.Input{Request: request()},
			message: "MAAS has no machines that this API key can see",
		},
		{
			name: "ppc64le is what MAAS calls ppc64el",
			in: allocation.Input{Request: request(allocation.Selector{Architecture: "ppc64le"}),
				Machines: []*maas.Machine{machine("a"), machine("p", arch("ppc64el/generic"))}},
			want: "p",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := allocation.Choose(tt.in)
			if tt.want != "" {
				if got.Machine == nil || got.Machine.Hostname != tt.want {
					t.Fatalf("want machine %s, got %+v (%s)", tt.want, got.Machine, got.Miss)
				}
				return
			}
			if got.Machine != nil {
				t.Fatalf("want no machine, got %s", got.Machine.Hostname)
			}
			if got.Miss.String() != tt.message {
				t.Errorf("want message\n%s\ngot\n%s", tt.message, got.Miss)
			}
		})
	}
}

// FuzzChoose holds the planner to its promises on random fleets: the choice fits, no better one exists, the order of
// the input does not matter, and a refusal counts every machine once.
func FuzzChoose(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		in := randomInput(rng)
		got := allocation.Choose(in)

		shuffled := in
		shuffled.Machines = append([]*maas.Machine{}, in.Machines...)
		rng.Shuffle(len(shuffled.Machines), func(i, j int) {
			shuffled.Machines[i], shuffled.Machines[j] = shuffled.Machines[j], shuffled.Machines[i]
		})
		again := allocation.Choose(shuffled)
		if got.Machine != again.Machine || got.Miss.String() != again.Miss.String() {
			t.Fatalf("the order of the list changed the decision: %v %s, %v %s", got.Machine, got.Miss, again.Machine, again.Miss)
		}
		counted := 0
		for _, n := range got.Miss.Counts {
			counted += n
		}
		for _, m := range in.Machines {
			_, leased := in.Leases[m.SystemID]
			free := !leased && m.Status == maas.StatusReady && m.Owner == "" && !m.Locked && allocation.Matches(in.Request, m)
			if free && (got.Machine == nil || allocation.Less(m, got.Machine)) {
				t.Fatalf("%s fits and comes first, but the choice is %v", m.Hostname, got.Machine)
			}
			if got.Machine == m && !free {
				t.Fatalf("%s was chosen and does not fit", m.Hostname)
			}
		}
		if got.Machine == nil && counted != len(in.Machines) {
			t.Fatalf("want every one of %d machines counted once, got %d: %s", len(in.Machines), counted, got.Miss)
		}
	})
}

func randomInput(rng *rand.Rand) allocation.Input {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	in := allocation.Input{Leases: map[string]allocation.Lease{}, Request: allocation.Request{
		ResourcePool: pick("", "vm"), Zone: pick("", "z1", "z2"),
		Selectors: []allocation.Selector{{MinCPUCount: rng.IntN(40), Architecture: pick("", "amd64")}, {NotTags: []string{"slow"}}},
	}}
	for i := range rng.IntN(12) {
		m := machine(fmt.Sprintf("n%d", i), zone(pick("z1", "z2")), pool(pick("vm", "db")), cpus(rng.IntN(64)), tags(pick("slow", "fast")),
			status(maas.Status(pick("Ready", "Ready", "Deployed", "Broken"))), owner(pick("", "", "eve")), arch(pick("amd64/generic", "arm64/generic")))
		m.Locked = rng.IntN(8) == 0
		if rng.IntN(5) == 0 {
			in.Leases[m.SystemID] = allocation.Lease{Holder: "ns/other"}
		}
		in.Machines = append(in.Machines, m)
	}
	return in
}

func BenchmarkChoose1000(b *testing.B) {
	machines := make([]*maas.Machine, 1000)
	leased := map[string]allocation.Lease{}
	for i := range machines {
		machines[i] = machine(fmt.Sprintf("n%04d", i), status(maas.StatusDeployed))
		leased[machines[i].SystemID] = allocation.Lease{Holder: "ns/m"}
	}
	in := allocation.Input{Request: request(allocation.Selector{Tags: []string{"fc"}, MinCPUCount: 16}), Machines: machines, Leases: leased}
	b.ReportAllocs()
	for b.Loop() {
		if allocation.Choose(in).Machine != nil {
			b.Fatal("want no machine")
		}
	}
}
