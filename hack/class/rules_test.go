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
	"encoding/json"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/yaml"
)

// merge puts a JSON merge patch over a variable of the Cluster.
func merge(t *testing.T, cluster *clusterv1.Cluster, name, patch string) {
	t.Helper()
	var over map[string]any
	if err := yaml.Unmarshal([]byte(patch), &over); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(cluster.Spec.Topology.Variables, func(v clusterv1.ClusterVariable) bool { return v.Name == name })
	if i < 0 {
		i = len(cluster.Spec.Topology.Variables)
		cluster.Spec.Topology.Variables = append(cluster.Spec.Topology.Variables, clusterv1.ClusterVariable{Name: name, Value: apiextensionsv1.JSON{Raw: []byte("{}")}})
	}
	value := map[string]any{}
	if err := json.Unmarshal(cluster.Spec.Topology.Variables[i].Value.Raw, &value); err != nil {
		t.Fatal(err)
	}
	overwrite(value, over)
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	cluster.Spec.Topology.Variables[i].Value.Raw = raw
}

func overwrite(value, over map[string]any) {
	for k, v := range over {
		inner, ok := v.(map[string]any)
		have, is := value[k].(map[string]any)
		switch {
		case v == nil:
			delete(value, k)
		case ok && is:
			overwrite(have, inner)
		default:
			value[k] = v
		}
	}
}

// TestRefused wants each mistake to be refused with what is wrong and what to do.
func TestRefused(t *testing.T) {
	c := readClass(t)
	for _, tc := range []struct {
		name, flavor, variable, patch, want string
	}{
		{"pods and services overlap", "four-nic", "network", "services: {cidr: 100.64.32.0/19}", "networks overlap: pods 100.64.0.0/18, services 100.64.32.0/19"},
		{"management in data", "four-nic", "network", "management: {cidr: 10.20.0.0/20}", "networks overlap"},
		{"pods with host bits", "four-nic", "network", "pods: {cidr: 100.64.0.1/18}", "must be an IPv4 network without host bits"},
		{"not a network", "four-nic", "network", "management: {cidr: 172.16.0.300/22}", "must be an IPv4 network"},
		{"too few parts for the nodes", "four-nic", "network", "nodes: 100", "raise nodeMask"},
		{"too few addresses for the pods", "four-nic", "network", "{nodes: 200, pods: {nodeMask: 26}}", "lower maxPerNode"},
		{"mask outside of the network", "four-nic", "network", "{nodes: 1, pods: {nodeMask: 17}}", "at least its prefix length"},
		{"management too small", "four-nic", "network", "management: {cidr: 172.16.3.0/27}", "management network 172.16.3.0/27 is too small"},
		{"data too small", "four-nic", "network", "data: {cidr: 10.20.0.0/26}", "data network 10.20.0.0/26 is too small"},
		{"PXE too small", "two-nic", "network", "pxe: {cidr: 192.168.0.0/26}", "pxe network 192.168.0.0/26 is too small"},
		{"management in the network of Services", "two-nic", "network", "{management: {cidr: 100.64.64.0/22}, endpoint: {host: 100.64.64.9}}", "networks overlap"},
		{"PXE in management", "two-nic-bridge-vlan", "network", "pxe: {cidr: 172.16.0.0/24}", "networks overlap"},
		{"data VLAN for machines, FourNIC", "four-nic", "network", "vmVLANs: [{first: 20, last: 100}]", "contains the VLAN of data"},
		{"data VLAN for machines, TwoNIC", "two-nic", "network", "vmVLANs: [{first: 15, last: 25}]", "or use layout TwoNICBridgeVLAN"},
		{"management VLAN for machines", "two-nic-bridge-vlan", "network", "vmVLANs: [{first: 5, last: 15}]", "contains the VLAN of management"},
		{"one VLAN for both", "two-nic", "network", "{vmVLANs: null, data: {vid: 10}}", "management and data have one VLAN on one bond"},
		{"ranges overlap", "four-nic", "network", "vmVLANs: [{first: 21, last: 50}, {first: 50, last: 60}]", "two ranges of vmVLANs overlap"},
		{"range backwards", "four-nic", "network", "vmVLANs: [{first: 50, last: 21}]", "first is greater than last"},
		{"NICs of another layout", "two-nic", "network", "dataNICs: [{interfaceName: a}]", "managementNICs and dataNICs are for layout FourNIC"},
		{"layout without networks", "topology", "network", "layout: FourNIC", "a layout needs pxe.cidr"},
		{"VLANs without a bridge", "topology", "network", "vmVLANs: [{first: 21, last: 22}]", "which bridge carries them"},
		{"bond mode without a bridge below", "four-nic", "network", "bond: {mode: balance-alb}", "Unsupported value"},
		{"LACP of another mode", "four-nic", "network", "bond: {lacpRate: fast}", "lacpRate is for mode 802.3ad only"},
		{"VIP without address", "four-nic", "network", "endpoint: {host: null}", "a free IP address that no range of MAAS hands out"},
		{"VIP elsewhere", "four-nic", "network", "endpoint: {host: 10.20.0.9}", "endpoint.host 10.20.0.9 is not in the management network 172.16.0.0/22"},
		{"DNS without domain", "four-nic", "network", "endpoint: {type: DNS, host: null}", "needs domain"},
		{"endpoint among pods", "topology", "network", "{management: null, endpoint: {type: External, host: 100.64.1.1}}", "which does not exist outside"},
		{"pool outside of data", "four-nic", "network", "loadBalancer: {pools: [{name: a, addresses: [10.30.0.0/24]}]}", "outside of the data network 10.20.0.0/16"},
		{"pool among Services", "topology", "network", "loadBalancer: {pools: [{name: a, addresses: [100.64.64.10-100.64.64.20]}]}", "addresses of pods or services"},
		{"pool that is none", "four-nic", "network", "loadBalancer: {pools: [{name: a, addresses: [10.20.0.1+10]}]}", "FIRST-LAST"},
		{"BGP without routers", "four-nic", "network", "loadBalancer: {type: BGP}", "peers are needed for BGP"},
		{"unknown field", "four-nic", "network", "vmVlans: []", "not specified in the variable schema"},
		{"storage of others undescribed", "four-nic", "storage", "{provider: External, portworx: null}", "storage.external is needed"},
		{"disks on the array", "four-nic", "storage", "portworx: {drives: [/dev/sdb]}", "size=GIGABYTES"},
		{"volumes on local disks", "four-nic", "storage", "portworx: {backend: LocalDisks, drives: [size=500]}", "are disks"},
		{"own CPUs for none", "four-nic", "kubelet", "cpuManagerPolicy: static", "needs reservedSystemCPUs"},
		{"longer part than whole", "four-nic", "kubelet", "shutdownGracePeriodCriticalPodsSeconds: 300", "cannot be longer"},
		{"image with a variable that is none", "four-nic", "image", "name: custom/k-{release}", "stand for the Kubernetes version"},
		{"package that is a command", "four-nic", "system", "packages: ['a; reboot']", "should match"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cluster, _ := readCluster(t, "cluster-template-"+tc.flavor+".yaml", values())
			merge(t, cluster, tc.variable, tc.patch)
			errs := c.admit(t.Context(), cluster)
			if len(errs) == 0 {
				t.Fatalf("admitted, want %q", tc.want)
			}
			if got := errs.ToAggregate().Error(); !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q in it", got, tc.want)
			}
		})
	}
}

// TestAdmitted wants what is unusual and right to be admitted, and to be expanded.
func TestAdmitted(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles hundreds of rules")
	}
	c := readClass(t)
	for _, tc := range []struct{ name, flavor, variable, patch, want string }{
		{"500 nodes", "four-nic", "network", "{nodes: 512, pods: {nodeMask: 27, maxPerNode: 30}}", `"maxPods":30`},
		{"data VLAN for machines", "two-nic-bridge-vlan", "network", "{}", "ARGUMENTS=br0 bond0 20 20-100"},
		{"VLANs on the data bond", "four-nic", "network", "vmVLANs: [{first: 21, last: 21}, {first: 30, last: 40}]", "ARGUMENTS=br0 bond_data none 21 30-40"},
		{"bridge of one's own", "topology", "network", "{vmVLANs: [{first: 5, last: 6}], bridge: {name: vmbr, uplink: eth1, ownVLANs: [5]}}", "ARGUMENTS=vmbr eth1 5 5-6"},
		{"host bits in data", "four-nic", "network", "data: {cidr: 10.20.30.0/16}", "cidr: 10.20.30.0/16"},
		{"DNS", "four-nic", "network", "endpoint: {type: DNS, host: null, domain: k8s.example}", "domain: k8s.example"},
		{"reserved VIP", "four-nic", "network", "endpoint: {reserve: true}", "subnetCIDR: 172.16.0.0/22"},
		{"load balancer of others", "four-nic", "network", "endpoint: {type: External, host: api.example}", "host: api.example"},
		{"BGP", "four-nic", "network", "loadBalancer: {type: BGP, pools: [{name: a, addresses: [203.0.113.0/24]}], peers: [{address: 10.20.0.1, asn: 64512, myASN: 64513}]}", ""},
		{"LACP", "four-nic", "network", "bond: {mode: 802.3ad, lacpRate: fast, transmitHashPolicy: layer3+4}", "lacpRate: fast"},
		{"iSCSI", "topology", "storage", "portworx: {backend: FlashArrayISCSI}", "open-iscsi"},
		{"local disks", "topology", "storage", "portworx: {backend: LocalDisks, identityDisk: /dev/disk/by-id/nvme-x}", "path: /etc/vmo/identity-disk"},
		{"Longhorn", "topology", "storage", "{provider: Longhorn, portworx: null}", "open-iscsi"},
		{"storage of others", "topology", "storage", "{provider: External, portworx: null, external: {rwxMode: Block, provisioner: csi-vxflexos.dellemc.com, san: FC}}", "multipath-tools"},
		{"huge pages", "topology", "system", "sysctls: {vm.nr_hugepages: '1024'}", "vm.nr_hugepages = 1024"},
		{"a newer multipath", "topology", "system", "packages: [multipath-tools=0.9.4-5]", "multipath-tools=0.9.4-5"},
		{"commands", "topology", "system", "preKubeadmCommands: [one, two]", "one\n"},
		{"keys and clocks", "topology", "system", "{sshAuthorizedKeys: [ssh-ed25519 AAAAexample ann], ntpServers: [time.example]}", "time.example"},
		{"kubelet", "topology", "kubelet", "{cpuManagerPolicy: static, reservedSystemCPUs: 0-1, configuration: {maxPods: 42}}", `"maxPods":42`},
		{"zones", "topology", "controlPlane", "{zones: [a, b], expectedNamespaces: 500, certSANs: [api.example]}", "expectedNamespaces: 500"},
		{"boot disk", "topology", "disks", "bootDisk: {choose: Smallest}", "choose: Smallest"},
		{"kube-proxy", "topology", "controlPlane", "kubeProxy: Installed", ""},
		{"values", "topology", "addons", "cilium: {values: {debug: {enabled: true}}}", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cluster, _ := readCluster(t, "cluster-template-"+tc.flavor+".yaml", values())
			merge(t, cluster, tc.variable, tc.patch)
			if errs := c.admit(t.Context(), cluster); len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			objects, err := c.expand(t.Context(), cluster)
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, o := range objects {
				strict(t, o)
				raw, err := yaml.Marshal(o.Object)
				if err != nil {
					t.Fatal(err)
				}
				all.Write(raw)
			}
			if !strings.Contains(all.String(), tc.want) {
				t.Errorf("nothing has %q", tc.want)
			}
		})
	}
}

// TestOldKubernetes wants what only an old kubeadm asks for to be given to no other.
func TestOldKubernetes(t *testing.T) {
	c := readClass(t)
	for version, want := range map[string]int{"v1.28.3": 4, "v1.30.0": 0, "v1.35.2": 0} {
		cluster, _ := readCluster(t, "cluster-template-topology-reference.yaml", values())
		cluster.Spec.Topology.Version = version
		if errs := c.admit(t.Context(), cluster); len(errs) > 0 {
			t.Fatal(errs.ToAggregate())
		}
		objects, err := c.expand(t.Context(), cluster)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, o := range objects {
			raw, err := yaml.Marshal(strict(t, o))
			if err != nil {
				t.Fatal(err)
			}
			got += strings.Count(string(raw), "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables")
		}
		if got != want {
			t.Errorf("%s: %d of four kubeadm configurations ignore the check, want %d", version, got, want)
		}
	}
}

// TestHeld wants what no rule can see to hold the topology with the reason.
func TestHeld(t *testing.T) {
	c := readClass(t)
	for _, tc := range []struct {
		name, want string
		change     func(*clusterv1.Cluster)
	}{
		{"another pod network", "write the same network in both", func(cluster *clusterv1.Cluster) {
			cluster.Spec.ClusterNetwork.Pods.CIDRBlocks = []string{"10.244.0.0/16"}
		}},
		{"more Machines than nodes", "raise network.nodes", func(cluster *clusterv1.Cluster) {
			cluster.Spec.Topology.Workers.MachineDeployments[0].Replicas = new(int32)
			*cluster.Spec.Topology.Workers.MachineDeployments[0].Replicas = 65
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cluster, _ := readCluster(t, "cluster-template-four-nic.yaml", values())
			tc.change(cluster)
			if errs := c.admit(t.Context(), cluster); len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			_, err := c.expand(t.Context(), cluster)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
