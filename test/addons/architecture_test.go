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

package addons_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// What the reference architecture asks in words.

// TestVirtualMachinesAreBalanced: the descheduler evicts what KubeVirt then migrates.
func TestVirtualMachinesAreBalanced(t *testing.T) {
	for _, profile := range profiles {
		set := proxies(t, profile)
		policy := mustValues(t, set["descheduler"], architecture("FourNIC", profile))
		if got := at(policy, "deschedulerPolicyAPIVersion"); got != "descheduler/v1alpha2" {
			t.Errorf("%s: policy of %v", profile, got)
		}
		text, _ := json.Marshal(at(policy, "deschedulerPolicy"))
		wanted := []string{`"nodeSelector":"kubevirt.io/schedulable=true"`, `"name":"LowNodeUtilization"`, `"enabled":["LowNodeUtilization"]`}
		if profile == "reference" {
			// The chart's own strategies are of another version of the policy, and would stand beside ours.
			wanted = append(wanted, `"strategies":null`, `"evictLocalStoragePods":true`)
		} else {
			wanted = append(wanted, `"defaultDisabled":["PodsWithLocalStorage"]`, `"ignorePodsWithoutPDB":true`)
			if at(policy, "cmdOptions", "feature-gates") != "EvictionsInBackground=true" {
				t.Error("current: evictions that KubeVirt answers with a migration count as refused")
			}
		}
		for _, want := range wanted {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: the policy has no %s: %s", profile, want, text)
			}
		}
		if strings.Contains(string(text), "PodsWithPVC") {
			t.Errorf("%s: virtual machines with volumes are not balanced", profile)
		}
		kubevirt := find(mustObjects(t, set["kubevirt-objects"], architecture("FourNIC", profile)), "KubeVirt", "kubevirt")
		if got := at(kubevirt.Object, "spec", "configuration", "evictionStrategy"); got != "LiveMigrate" {
			t.Errorf("%s: an eviction leads to %v", profile, got)
		}
	}
}

// TestUpgradesSpareVirtualMachines: KubeVirt and CDI refuse to go, their objects and definitions stay, and virtual machines follow by migration.
func TestUpgradesSpareVirtualMachines(t *testing.T) {
	for _, profile := range profiles {
		set := proxies(t, profile)
		for _, addon := range []string{"kubevirt", "kubevirt-objects", "cdi", "cdi-objects", "storage-profiles", "portworx-objects", "multus", "storage-classes"} {
			for _, u := range mustObjects(t, set[addon], architecture("FourNIC", profile)) {
				switch u.GetKind() {
				case "CustomResourceDefinition", "KubeVirt", "CDI", "StorageProfile", "StorageCluster", "VolumePlacementStrategy", "StorageClass", "PriorityClass":
					if u.GetAnnotations()["helm.sh/resource-policy"] != "keep" {
						t.Errorf("%s: %s %s goes with its release", profile, u.GetKind(), u.GetName())
					}
				}
				if kind := u.GetKind(); kind == "KubeVirt" || kind == "CDI" {
					if got := at(u.Object, "spec", "uninstallStrategy"); got != "BlockUninstallIfWorkloadsExist" {
						t.Errorf("%s: %s has uninstallStrategy %v", profile, kind, got)
					}
				}
			}
		}
		for _, pair := range [][2]string{{"kubevirt", "KubeVirt"}, {"cdi", "CDI"}, {"cdi-objects", "StorageProfile"}, {"portworx-objects", "VolumePlacementStrategy"}} {
			if found := find(mustObjects(t, set[pair[0]], onlyProfile(profile)), pair[1], ""); len(found.Object) > 0 {
				t.Errorf("%s: %s is in the release %s, whose operator defines or owns it", profile, pair[1], pair[0])
			}
		}
		portworx := mustValues(t, set["portworx"], architecture("FourNIC", profile))
		if portworx["deployCluster"] != false || !set["portworx"].Spec.Options.DisableHooks {
			t.Errorf("%s: the release of Portworx's operator carries the StorageCluster, or the hook that removes it", profile)
		}
	}
	crds := mustValues(t, proxies(t, "current")["snapshot-controller"], architecture("FourNIC", "current"))
	if crds["installCRDs"] != false {
		t.Error("snapshots would go with the snapshot controller")
	}
}

func onlyProfile(profile string) map[string]any { return map[string]any{"profile": profile} }

// TestSharedVolumes: the mode in which volumes are shared follows the storage, as the reference lists it, and is what CDI claims.
func TestSharedVolumes(t *testing.T) {
	table := map[string]string{"portworx": "Filesystem", "rook-ceph": "Block", "longhorn": "Filesystem", "trident": "Filesystem",
		"powerflex": "Block", "powermax": "Block", "powerstore": "Block"}
	p := proxies(t, "current")["storage-classes"]
	for provider, mode := range table {
		values := mustValues(t, p, architecture("FourNIC", "current"))
		values["provider"] = provider
		all, err := objects(p, values)
		if err != nil {
			t.Errorf("%s: %v", provider, err)
			continue
		}
		class := find(all, "StorageClass", "vm")
		if got := class.GetLabels()["addons.infrastructure.cluster.x-k8s.io/rwx-volume-mode"]; got != mode {
			t.Errorf("%s: shared volumes are %s, want %s", provider, got, mode)
		}
		if class.GetAnnotations()["storageclass.kubevirt.io/is-default-virt-class"] != "true" || find(all, "StorageClass", "standard").GetAnnotations()["storageclass.kubernetes.io/is-default-class"] != "true" {
			t.Errorf("%s: no default classes", provider)
		}
	}
	for provider, mode := range map[string]string{"Portworx": "Filesystem", "RookCeph": "Block", "Longhorn": "Filesystem"} {
		variables := architecture("FourNIC", "current")
		variables["storage"] = map[string]any{"provider": provider}
		profile := find(mustObjects(t, proxies(t, "current")["storage-profiles"], variables), "StorageProfile", "vm")
		want := []any{map[string]any{"accessModes": []any{"ReadWriteMany"}, "volumeMode": mode}}
		if got := at(profile.Object, "spec", "claimPropertySets"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: CDI claims %v, want %v", provider, got, want)
		}
	}
}

// TestAntiHyperconvergence: replicas lie on the storage nodes, and virtual machines stay off the nodes with their replicas.
func TestAntiHyperconvergence(t *testing.T) {
	for _, profile := range profiles {
		set := proxies(t, profile)
		class := find(mustObjects(t, set["storage-classes"], architecture("FourNIC", profile)), "StorageClass", "vm")
		for key, want := range map[string]string{"sharedv4": "true", "sharedv4_svc_type": "ClusterIP", "sharedv4_mount_options": "vers=3.0,nolock", "repl": "2",
			"stork.libopenstorage.org/preferRemoteNodeOnly": "true", "placement_strategy": "vmo-storage-nodes"} {
			if got := at(class.Object, "parameters", key); got != want {
				t.Errorf("%s: %s is %v, want %s", profile, key, got, want)
			}
		}
		px := mustObjects(t, set["portworx-objects"], architecture("FourNIC", profile))
		strategy, _ := json.Marshal(find(mustObjects(t, set["storage-classes"], architecture("FourNIC", profile)), "VolumePlacementStrategy", "vmo-storage-nodes").Object["spec"])
		if want := `{"replicaAffinity":[{"enforcement":"required","matchExpressions":[{"key":"node.cluster.x-k8s.io/class","operator":"In","values":["storage"]}]}]}`; string(strategy) != want {
			t.Errorf("%s: placement is %s", profile, strategy)
		}
		cluster := find(px, "StorageCluster", "")
		if got := at(cluster.Object, "spec", "cloudStorage", "provider"); got != "pure" {
			t.Errorf("%s: drives come from %v", profile, got)
		}
		if text := fmt.Sprint(at(cluster.Object, "spec", "env")); !strings.Contains(text, "PURE_FLASHARRAY_SAN_TYPE value:FC") {
			t.Errorf("%s: environment %s", profile, text)
		}
		if at(cluster.Object, "spec", "deleteStrategy") != nil {
			t.Errorf("%s: the StorageCluster has a deleteStrategy", profile)
		}
	}
}

// TestLoadBalancing: addresses are announced on the data network, by ARP or BGP.
func TestLoadBalancing(t *testing.T) {
	devices := map[string]string{"FourNIC": "bond_data.20", "TwoNIC": "bond0.20", "TwoNICBridgeVLAN": "br0.20"}
	for _, profile := range profiles {
		set := proxies(t, profile)
		for layout, device := range devices {
			all := mustObjects(t, set["metallb-objects"], architecture(layout, profile))
			if got := fmt.Sprint(at(find(all, "L2Advertisement", "").Object, "spec", "interfaces")); got != "["+device+"]" {
				t.Errorf("%s, %s: announced on %s, want %s", profile, layout, got, device)
			}
			if got := fmt.Sprint(at(find(all, "IPAddressPool", "default").Object, "spec", "addresses")); got != "[10.20.40.10-10.20.40.250]" {
				t.Errorf("%s: pool %s", profile, got)
			}
			cilium := mustValues(t, set["cilium"], architecture(layout, profile))
			management := map[bool]string{true: "bond_mgmt.10", false: "bond0.10"}[layout == "FourNIC"]
			if got := fmt.Sprint(cilium["devices"]); got != fmt.Sprintf("[%s %s]", management, device) {
				t.Errorf("%s, %s: Cilium is on %s", profile, layout, got)
			}
			if at(cilium, "l2announcements", "enabled") != false {
				t.Error("two answer for one address")
			}
		}
		bgp := with(architecture("FourNIC", profile), "network", func(network map[string]any) {
			network["loadBalancer"].(map[string]any)["type"] = "BGP"
			network["loadBalancer"].(map[string]any)["peers"] = []any{map[string]any{"address": "10.20.30.1", "asn": int64(64513), "myASN": int64(64512), "passwordSecret": "bgp"}}
		})
		all := mustObjects(t, set["metallb-objects"], bgp)
		if find(all, "BGPAdvertisement", "").GetName() == "" || find(all, "L2Advertisement", "").GetName() != "" {
			t.Errorf("%s: not announced by BGP", profile)
		}
		spec, _ := json.Marshal(find(all, "BGPPeer", "").Object["spec"])
		if want := `{"myASN":64512,"passwordSecret":{"name":"bgp","namespace":"metallb-system"},"peerASN":64513,"peerAddress":"10.20.30.1"}`; string(spec) != want {
			t.Errorf("%s: peer %s", profile, spec)
		}
		path := map[string][]string{"current": {"frrk8s", "enabled"}, "reference": {"speaker", "frr", "enabled"}}[profile]
		if on, off := at(mustValues(t, set["metallb"], bgp), path...), at(mustValues(t, set["metallb"], architecture("FourNIC", profile)), path...); on != true || off != false {
			t.Errorf("%s: FRR is %v for BGP and %v for L2", profile, on, off)
		}
	}
}

// TestIngress: by a Service of type LoadBalancer.
func TestIngress(t *testing.T) {
	for _, profile := range profiles {
		nginx := mustValues(t, proxies(t, profile)["ingress-nginx"], architecture("FourNIC", profile))
		if at(nginx, "controller", "service", "type") != "LoadBalancer" {
			t.Errorf("%s: ingress-nginx is no LoadBalancer", profile)
		}
	}
	cilium := mustValues(t, proxies(t, "current")["cilium"], architecture("FourNIC", "current"))
	if at(cilium, "ingressController", "enabled") != true || at(cilium, "ingressController", "service", "type") != "LoadBalancer" || at(cilium, "defaultLBServiceIPAM") != "none" {
		t.Errorf("Cilium's ingress is %v", cilium["ingressController"])
	}
	none := architecture("FourNIC", "current")
	none["ingress"] = map[string]any{"type": "None"}
	if at(mustValues(t, proxies(t, "current")["cilium"], none), "ingressController", "enabled") != false {
		t.Error("an ingress that nobody wants")
	}
}

// TestMonitoring: KubeVirt and Portworx are told of Prometheus, and Prometheus takes their monitors.
func TestMonitoring(t *testing.T) {
	for _, profile := range profiles {
		set := proxies(t, profile)
		stack := mustValues(t, set["kube-prometheus-stack"], architecture("FourNIC", profile))
		for _, selector := range []string{"serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig"} {
			if at(stack, "prometheus", "prometheusSpec", selector+"SelectorNilUsesHelmValues") != false {
				t.Errorf("%s: Prometheus ignores a %s that is not its own", profile, selector)
			}
		}
		kubevirt := find(mustObjects(t, set["kubevirt-objects"], architecture("FourNIC", profile)), "KubeVirt", "")
		if at(kubevirt.Object, "spec", "monitorNamespace") != set["kube-prometheus-stack"].Spec.Namespace ||
			at(kubevirt.Object, "spec", "monitorAccount") != set["kube-prometheus-stack"].Spec.ReleaseName+"-prometheus" {
			t.Errorf("%s: KubeVirt does not know Prometheus", profile)
		}
		px := find(mustObjects(t, set["portworx-objects"], architecture("FourNIC", profile)), "StorageCluster", "")
		if at(px.Object, "spec", "monitoring", "prometheus", "exportMetrics") != true {
			t.Errorf("%s: Portworx exports no metrics", profile)
		}
		label := at(stack, "grafana", "sidecar", "dashboards", "label")
		boards := mustObjects(t, set["dashboards"], architecture("FourNIC", profile))
		for _, board := range boards {
			if board.GetLabels()[fmt.Sprint(label)] != "1" {
				t.Errorf("%s: Grafana does not find %s", profile, board.GetName())
			}
			data, _ := at(board.Object, "data").(map[string]any)
			for name, text := range data {
				if !json.Valid([]byte(fmt.Sprint(text))) {
					t.Errorf("%s is no JSON", name)
				}
			}
		}
		if len(boards) != 2 {
			t.Errorf("%s: %d dashboards", profile, len(boards))
		}
	}
}

// TestNetworksOfVirtualMachines: a network for each VLAN on br0, none that the hosts are on, and guests on the pod network reach Services.
func TestNetworksOfVirtualMachines(t *testing.T) {
	p := proxies(t, "current")["vm-networks"]
	all := mustObjects(t, p, architecture("FourNIC", "current"))
	if len(all) != 80 {
		t.Errorf("%d networks for VLANs 21 to 100", len(all))
	}
	config := fmt.Sprint(at(find(all, "NetworkAttachmentDefinition", "vlan-21").Object, "spec", "config"))
	if want := `{"bridge":"br0","cniVersion":"0.3.1","ipam":{},"macspoofchk":true,"name":"vlan-21","preserveDefaultVlan":false,"type":"bridge","vlan":21}`; config != want {
		t.Errorf("vlan-21 is %s", config)
	}
	for layout, refused := range map[string]map[int64]bool{
		"FourNIC": {}, "TwoNIC": {10: true, 20: true}, "TwoNICBridgeVLAN": {10: true},
	} {
		for _, vid := range []int64{10, 20} {
			variables := with(architecture(layout, "current"), "network", func(network map[string]any) {
				network["vmVLANs"] = []any{map[string]any{"first": vid, "last": vid}}
			})
			_, err := objects(p, mustValues(t, p, variables))
			if refused[vid] != (err != nil) || (err != nil && !strings.Contains(err.Error(), "is a VLAN of the hosts")) {
				t.Errorf("%s: VLAN %d for virtual machines: %v", layout, vid, err)
			}
		}
	}
	cilium := mustValues(t, proxies(t, "current")["cilium"], architecture("FourNIC", "current"))
	if at(cilium, "cni", "exclusive") != false || at(cilium, "socketLB", "hostNamespaceOnly") != true || at(cilium, "ipam", "mode") != "kubernetes" {
		t.Error("Cilium keeps Multus out, or guests from Services, or has a pod range of its own")
	}
}
