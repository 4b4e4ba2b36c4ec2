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

package maassim

import "fmt"

// idCounters are MAAS's database sequences.
type idCounters struct{ m map[string]int }

func (c *idCounters) next(kind string) int {
	if c.m == nil {
		c.m = map[string]int{}
	}
	c.m[kind]++
	return c.m[kind]
}

// seedDefaults is what a fresh MAAS has. Its rack controller is node 1.
func (s *Server) seedDefaults() {
	s.ids.next("machine")
	s.ids.m["link"] = 6
	s.ids.m["script"] = 13
	s.zones = []*zone{{s.ids.next("zone"), "default", ""}}
	s.pools = []*pool{{s.ids.next("pool") - 1, "default", "Default pool"}}
	s.domains = []*domain{{id: s.ids.next("domain") - 1, name: "maas"}}
	s.fabrics = []*fabric{{s.ids.next("fabric") - 1, "fabric-0"}}
	s.vlans = []*vlan{{id: s.ids.next("vlan"), name: "untagged", mtu: 1500, fabric: s.fabrics[0], space: "undefined"}}
}

// Keys of the users SeedRecordedRack adds.
const (
	RecordedAdminKey = "AdminConsumerKey01:AdminTokenKey00001:AdminTokenSecret0000000000000001"
	RecordedUserKey  = "CapiConsumerKey001:CapiTokenKey000001:CapiTokenSecret00000000000000001"
)

// recordedIDs are the system ids of node01 to node12.
var recordedIDs = [...]string{
	"wsf373", "66s7qb", "tkbnbg", "bs7e6p", "bytgwe", "he63td", "nhqsdp", "nwak3y", "a4tndy", "7sfm7q", "cr8hw8", "wesqpa",
}

// recordedClasses are the four kinds of server that take turns.
var recordedClasses = [...]struct {
	cpus, memory int
	pool         string
	tags         []string
}{
	{4, 16384, "default", []string{"ssd", "virtual"}},
	{8, 32768, "capi-cp", []string{"ssd", "cp-capable"}},
	{16, 65536, "capi-md", []string{"ssd", "worker"}},
	{32, 131072, "capi-md", []string{"ssd", "worker", "gpu"}},
}

// SeedRecordedRack adds the rack the recordings were made with: node01 to
// node12 in pools default, capi-cp and capi-md and zones default and az2, four
// NICs and three disks each, and the users admin (an administrator) and capi
// (not one). Nothing else may have been added before.
func (s *Server) SeedRecordedRack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	internal := s.ensureUser("MAAS", false)
	internal.email = "maas@localhost"
	s.ensureUser("admin", true)
	s.ensureUser("capi", false)
	s.ensureUser("maas-init-node", false).email = "node-init-user@localhost"
	s.auth.add(&token{"AdminConsumerKey01", "AdminTokenKey00001", "AdminTokenSecret0000000000000001", "ground-truth", s.user("admin")})
	s.auth.add(newToken(s.user("capi"), "MAAS consumer"))
	s.auth.add(&token{"CapiConsumerKey001", "CapiTokenKey000001", "CapiTokenSecret00000000000000001", "ground-truth", s.user("capi")})
	s.ensureZone("az2", "second zone")
	s.ensurePool("capi-cp", "control planes")
	s.ensurePool("capi-md", "workers")
	for _, t := range []string{"ssd", "cp-capable", "worker", "gpu", "slow"} {
		s.ensureTag(t)
	}
	s.seedRecordedSubnets()
	for i := range recordedIDs {
		s.addMachine(recordedSpec(i))
	}
}

func (s *Server) seedRecordedSubnets() {
	s.addSubnet(SubnetSpec{
		Name: "lan-native", CIDR: "192.168.0.0/22", Gateway: "192.168.0.1", DNS: []string{"192.168.0.1"}, Space: "lan",
		Reserved: []string{"192.168.0.1-192.168.0.31"}, Dynamic: []string{"192.168.3.0-192.168.3.254"},
	})
	s.addSubnet(SubnetSpec{
		Name: "cluster-vlan10", CIDR: "172.16.0.0/22", Gateway: "172.16.0.1", Space: "cluster", VID: 10, VLAN: "cluster10",
		Reserved: []string{"172.16.0.1-172.16.0.15"},
	})
	s.subnets[0].ranges[1].comment, s.subnets[1].ranges[0].comment = "infra", "vips"
	s.addSubnet(SubnetSpec{Name: "storage-vlan20", CIDR: "10.20.0.0/16", Space: "storage", VID: 20, VLAN: "storage20", MTU: 9000})
	s.addSubnet(SubnetSpec{Name: "oob", CIDR: "10.99.0.0/24", Gateway: "10.99.0.1", Fabric: "fabric-oob"})
}

func recordedSpec(i int) MachineSpec {
	n := i + 1
	c := recordedClasses[i%len(recordedClasses)]
	spec := MachineSpec{
		SystemID: recordedIDs[i], Hostname: fmt.Sprintf("node%02d", n), Description: fmt.Sprintf("rack 1 unit %d", n),
		CPUs: c.cpus, MemoryMiB: c.memory, Pool: c.pool, Tags: append([]string(nil), c.tags...), Zone: "default",
		HardwareUUID: fmt.Sprintf("00000000-0000-0000-0000-%012d", n), Serial: fmt.Sprintf("SN%05d", n),
		Disks: []Disk{
			{Name: "sda", Model: "SSD480", Serial: fmt.Sprintf("BOOT%06d", n), SizeBytes: 480103981056, Tags: []string{"ssd", "sata"}},
			{Name: "sdb", Model: "SSD1920", Serial: fmt.Sprintf("DATA%06dA", n), SizeBytes: 1920383410176, Tags: []string{"ssd", "sata"}},
			{Name: "sdc", Model: "SSD1920", Serial: fmt.Sprintf("DATA%06dB", n), SizeBytes: 1920383410176, Tags: []string{"ssd", "sata"}},
		},
	}
	if n%2 == 0 {
		spec.Zone = "az2"
	}
	if n == 6 || n == 12 {
		spec.PowerType = powerManual
	}
	if n%5 == 0 {
		spec.Tags = append(spec.Tags, "iommu")
	}
	if n == 7 {
		spec.Tags = append(spec.Tags, "slow")
	}
	for j := range 4 {
		nic := NIC{
			Name: fmt.Sprintf("enp%ds%d", j/2+1, j%2), MAC: fmt.Sprintf("52:54:00:%02x:%02x:%02x", n, j/2, j%2),
		}
		if j == 0 {
			nic.Subnet, nic.Mode, nic.Address = "lan-native", LinkAuto, fmt.Sprintf("192.168.1.%d", n+1)
		}
		spec.NICs = append(spec.NICs, nic)
	}
	return spec
}
