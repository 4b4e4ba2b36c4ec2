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

package hardware

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fit is a worker that has all that the reference recommends.
func fit(name string) Host {
	return Host{Name: name, Role: Worker, Cores: 64, MemoryMiB: 512 * 1024, NICsMbps: []int{25000, 25000, 10000, 10000}, FibreChannel: true, DataDisks: -1}
}

func controlPlane(name string, cores int, memoryGB int64) Host {
	return Host{Name: name, Role: ControlPlane, Cores: cores, MemoryMiB: memoryGB * 1e9 >> 20, DataDisks: 0}
}

// cluster is one that nothing is wrong with, changed by what a test is about.
func cluster(change func(*Cluster)) Cluster {
	c := Cluster{VirtualMachines: true, Workers: 10, ControlPlanes: 3}
	for i := range 3 {
		c.Hosts = append(c.Hosts, controlPlane(fmt.Sprintf("cp%d", i), 4, 9))
	}
	for i := range 10 {
		c.Hosts = append(c.Hosts, fit(fmt.Sprintf("w%d", i)))
	}
	change(&c)
	return c
}

func worker(c *Cluster, i int) *Host { return &c.Hosts[3+i] }

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Cluster)
		// want are the findings: severity, kind and what the message says.
		want []string
	}{
		"a cluster as the reference wants it": {change: func(*Cluster) {}},
		"exactly the minimum of a worker is enough": {
			change: func(c *Cluster) { worker(c, 0).Cores, worker(c, 0).MemoryMiB = 8, 24e9>>20+1 },
			want:   []string{"Notice MemoryBelowAdvice: worker server w0 has less than the recommended 256 GB memory"},
		},
		"a worker below the minimum": {
			change: func(c *Cluster) { worker(c, 4).Cores, worker(c, 4).MemoryMiB = 7, 16384 },
			want: []string{"Warning TooFewCores: worker server w4 has fewer than the least 8 cores",
				"Warning TooLittleMemory: worker server w4 has less than the least 24 GB memory"},
		},
		"many workers below the minimum make one finding": {
			change: func(c *Cluster) {
				for i := range 5 {
					worker(c, 4-i).Cores = 4
				}
			},
			want: []string{"Warning TooFewCores: 5 worker servers have fewer than the least 8 cores (w0, w1, w2 and 2 more)"},
		},
		"nothing known of a worker is held against nobody": {
			change: func(c *Cluster) { *worker(c, 0) = Host{Name: "w0", Role: Worker, DataDisks: -1} },
		},
		"one pair of adapters": {
			change: func(c *Cluster) { worker(c, 0).NICsMbps = []int{10000, 10000, 1000, 1000} },
			want:   []string{"Warning NoNICPairs: worker server w0 has fewer than two pairs of network adapters of 10 Gbps"},
		},
		"a single adapter": {
			change: func(c *Cluster) { worker(c, 0).NICsMbps = []int{10000} },
			want:   []string{"Warning TooFewNICs: worker server w0 has fewer than the least 2 network adapters of 10 Gbps"},
		},
		"adapters of unknown speed pass": {
			change: func(c *Cluster) { worker(c, 0).NICsMbps = []int{0, 0, 0, 0} },
		},
		"no way to storage": {
			change: func(c *Cluster) { worker(c, 0).FibreChannel, worker(c, 0).DataDisks = false, 0 },
			want:   []string{"Warning NoStorage: worker server w0 has neither Fibre Channel adapters nor a disk beside the boot disk"},
		},
		"local disks in place of Fibre Channel": {
			change: func(c *Cluster) { worker(c, 0).FibreChannel, worker(c, 0).DataDisks = false, 2 },
		},
		"nine workers": {
			change: func(c *Cluster) { c.Workers = 9 },
			want:   []string{"Warning TooFewWorkers: 9 workers: a cluster for virtual machines should have at least 10"},
		},
		"one worker": {
			change: func(c *Cluster) { c.Workers = 1 },
			want: []string{"Warning TooFewFailoverHosts: 1 workers: shared volumes need at least 2",
				"Warning TooFewWorkers: 1 workers"},
		},
		"two workers fail over": {
			change: func(c *Cluster) { c.Workers = 2 },
			want:   []string{"Warning TooFewWorkers: 2 workers"},
		},
		"workers not known yet": {
			change: func(c *Cluster) { c.Workers, c.ControlPlanes = -1, -1 },
		},
		"a small cluster without virtual machines is nobody's fault": {
			change: func(c *Cluster) {
				c.VirtualMachines, c.Workers = false, 1
				*worker(c, 0) = Host{Name: "w0", Role: Worker, Cores: 1, MemoryMiB: 1, NICsMbps: []int{100}}
			},
		},
		"a control plane too small for its workers": {
			change: func(c *Cluster) { c.Workers = 101 },
			want: []string{"Warning TooFewCores: 3 control plane servers have fewer than the 16 cores for up to 250 workers and 2000 namespaces",
				"Warning TooLittleMemory: 3 control plane servers have less than the 64 GB memory for up to 250 workers"},
		},
		"a control plane too small for its namespaces": {
			change: func(c *Cluster) { c.Namespaces = 101 },
			want:   []string{"Warning TooLittleMemory: 3 control plane servers have less than the 16 GB memory for up to 25 workers and 500"},
		},
		"one small control plane server among large ones": {
			change: func(c *Cluster) { c.Hosts[1] = controlPlane("cp1", 2, 4) },
			want: []string{"Warning TooFewCores: control plane server cp1 has fewer than the 4 cores",
				"Warning TooLittleMemory: control plane server cp1 has less than the 8 GB"},
		},
		"a single control plane server": {
			change: func(c *Cluster) { c.ControlPlanes = 1 },
			want:   []string{"Notice TooFewControlPlanes: 1 control plane servers: their sizing supposes at least 3"},
		},
		"larger than the table": {
			change: func(c *Cluster) {
				c.Workers = 501
				for i := range 3 {
					c.Hosts[i] = controlPlane("cp", 32, 129)
				}
			},
			want: []string{"Notice BeyondTable: 501 workers and 0 namespaces are more than the sizing of control planes covers (500 and 4000)"},
		},
		"warnings come before notices": {
			change: func(c *Cluster) { c.ControlPlanes, worker(c, 0).MemoryMiB, worker(c, 1).Cores = 1, 128*1024, 4 },
			want: []string{"Warning TooFewCores: worker server w1", "Notice TooFewControlPlanes: 1 control",
				"Notice MemoryBelowAdvice: worker server w0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Judge(cluster(tc.change))
			if len(got) != len(tc.want) {
				t.Fatalf("got %d findings %v, want %d: %q", len(got), got, len(tc.want), tc.want)
			}
			for i, f := range got {
				if s := fmt.Sprintf("%s %s: %s", f.Severity, f.Kind, f.Message); !strings.HasPrefix(s, tc.want[i]) {
					t.Errorf("finding %d is\n%q, want it to start with\n%q", i, s, tc.want[i])
				}
			}
		})
	}
}

// Hosts come in the order of a cache, which is none: what is said must not depend on it.
func TestJudgeDoesNotDependOnTheOrderOfHosts(t *testing.T) {
	t.Parallel()
	c := cluster(func(c *Cluster) {
		for i := range 7 {
			worker(c, i).Cores = i
		}
	})
	want := fmt.Sprint(Judge(c))
	slices.Reverse(c.Hosts)
	if got := fmt.Sprint(Judge(c)); got != want {
		t.Errorf("the hosts reversed give\n%s\nwant\n%s", got, want)
	}
}

// The more a control plane has to serve, the larger it has to be; and never is a cluster within the table sent beyond it.
func TestControlPlaneSizingIsMonotonic(t *testing.T) {
	t.Parallel()
	last := Sizing{}
	for workers := -1; workers <= 600; workers++ {
		s, inTable := ControlPlaneSizing(workers, 0)
		if s.Cores < last.Cores || s.MemoryGB < last.MemoryGB {
			t.Fatalf("%d workers: %+v is smaller than %+v for one worker less", workers, s, last)
		}
		if inTable != (workers <= 500) {
			t.Fatalf("%d workers: in the table is %t", workers, inTable)
		}
		last = s
	}
}
