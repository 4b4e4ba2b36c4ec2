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

package v1beta2_test

import (
	"fmt"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// ruleCase is an object, or an update of one, and the message that refuses it; none if it is to be accepted.
type ruleCase struct {
	name          string
	before, after client.Object
	refused       string
}

// Messages of the rules. Each says what to change.
const (
	imageNameMessage       = "image name must be SERIES or OSYSTEM/SERIES as in MAAS, such as ubuntu/jammy or custom/NAME; {version}, {major}, {minor} and {patch} stand for the Kubernetes version"
	leaseImageMessage      = "the image of a lease names one image, without placeholders"
	kernelMessage          = "kernel must be ga-RELEASE or hwe-RELEASE as in MAAS, such as ga-22.04 or hwe-22.04"
	customKernelMessage    = "image.kernel is for images of Ubuntu that MAAS imports: a custom image brings its own, so leave kernel out"
	endpointTypeMessage    = "set endpoint.dns when, and only when, endpoint.type is DNS"
	vipEndpointMessage     = "endpoint type VIP needs controlPlaneEndpoint.host and .port, an address that no MAAS range hands out, or endpoint.vip to have one reserved"
	vipTypeMessage         = "set endpoint.vip only when endpoint.type is VIP"
	vipAddressMessage      = "controlPlaneEndpoint.host must be an IP address of endpoint.vip.subnetCIDR"
	vipSubnetMessage       = "subnetCIDR must be a subnet such as 10.0.0.0/24, without host bits"
	typeFixedMessage       = "endpoint.type is immutable: make a new Cluster"
	endpointFixedMessage   = "controlPlaneEndpoint is immutable once set: every certificate and kubeconfig of the cluster names it"
	dnsDomainMessage       = "domain must be a DNS domain in lower case without a trailing dot"
	dnsNameMessage         = "name must be a DNS label: lower-case letters, digits and dashes"
	dnsSubnetMessage       = "subnetCIDR must be a subnet such as 10.0.0.0/24"
	machineHostMessage     = "set hostPoolRef or selector: without either any machine of the MAAS could be taken"
	providerIDMessage      = "providerID is immutable once set"
	machineFixedMessage    = "hostPoolRef, selector and image are immutable: make a new MaasMachineTemplate and roll it out"
	templateProviderID     = "providerID belongs to one machine and cannot stand in a template"
	hostNameMessage        = "metadata.name must equal spec.systemID: one lease for each server"
	systemIDMessage        = "systemID is immutable"
	leaseIDMessage         = "leaseID is immutable"
	leaseWholeMessage      = "set clusterName, consumerRef, image and userDataSecretRef together, or none of them for an empty lease"
	leaseVacateMessage     = "vacate needs a consumerRef: an empty lease has nothing to end"
	leaseConsumerMessage   = "consumerRef and clusterName are fixed until the server is vacated: delete the Machine, or this MaasHost when the MaasMachine is gone"
	leasePoolMessage       = "hostPoolRef is immutable"
	poolEraseMessage       = "erase destroys the data disks too: set dataDisks to Wipe first, or leave erase at None"
	poolWithoutAnyMessage  = "set resourcePool or selector: without either every machine of the MAAS would belong to the pool"
	credentials            = "maas-credentials"
	longestProviderIDBytes = 512
)

func maasCluster(change func(*infrav1.MaasCluster)) client.Object {
	c := &infrav1.MaasCluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasCluster"},
		ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "default"},
		Spec: infrav1.MaasClusterSpec{
			ControlPlaneEndpoint: infrav1.APIEndpoint{Host: "10.0.0.5", Port: 6443},
			Endpoint:             infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointVIP},
			CredentialsRef:       infrav1.CredentialsReference{Name: credentials},
		},
	}
	change(c)
	return c
}

// dnsCluster has no endpoint yet; the provider is going to fill it in.
func dnsCluster(change func(*infrav1.MaasCluster)) client.Object {
	return maasCluster(func(c *infrav1.MaasCluster) {
		c.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{}
		c.Spec.Endpoint = infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointDNS, DNS: infrav1.DNSEndpoint{Domain: "maas.example"}}
		change(c)
	})
}

func maasClusterTemplate(change func(*infrav1.MaasClusterTemplate)) client.Object {
	c := &infrav1.MaasClusterTemplate{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasClusterTemplate"},
		ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "default"},
		Spec: infrav1.MaasClusterTemplateSpec{Template: infrav1.MaasClusterTemplateResource{Spec: infrav1.MaasClusterSpec{
			Endpoint:       infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointVIP},
			CredentialsRef: infrav1.CredentialsReference{Name: credentials},
		}}},
	}
	change(c)
	return c
}

func maasMachineSpec() infrav1.MaasMachineSpec {
	return infrav1.MaasMachineSpec{
		HostPoolRef: infrav1.LocalObjectReference{Name: "workers"},
		Image:       infrav1.Image{Name: "custom/ubuntu"},
	}
}

func maasMachine(change func(*infrav1.MaasMachine)) client.Object {
	m := &infrav1.MaasMachine{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasMachine"},
		ObjectMeta: metav1.ObjectMeta{Name: "m", Namespace: "default"},
		Spec:       maasMachineSpec(),
	}
	change(m)
	return m
}

func maasMachineTemplate(change func(*infrav1.MaasMachineTemplate)) client.Object {
	m := &infrav1.MaasMachineTemplate{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasMachineTemplate"},
		ObjectMeta: metav1.ObjectMeta{Name: "m", Namespace: "default"},
		Spec:       infrav1.MaasMachineTemplateSpec{Template: infrav1.MaasMachineTemplateResource{Spec: maasMachineSpec()}},
	}
	change(m)
	return m
}

func maasHost(change func(*infrav1.MaasHost)) client.Object {
	h := &infrav1.MaasHost{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasHost"},
		ObjectMeta: metav1.ObjectMeta{Name: "abc123", Namespace: "default"},
		Spec: infrav1.MaasHostSpec{
			SystemID:          "abc123",
			LeaseID:           "3f0c",
			ClusterName:       "c",
			CredentialsRef:    infrav1.CredentialsReference{Name: credentials},
			ConsumerRef:       infrav1.LocalObjectReference{Name: "m"},
			Image:             infrav1.Image{Name: "custom/ubuntu"},
			UserDataSecretRef: infrav1.LocalObjectReference{Name: "m-bootstrap"},
		},
	}
	change(h)
	return h
}

func maasHostPool(change func(*infrav1.MaasHostPool)) client.Object {
	p := &infrav1.MaasHostPool{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasHostPool"},
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "default"},
		Spec: infrav1.MaasHostPoolSpec{
			CredentialsRef: infrav1.CredentialsReference{Name: credentials},
			ResourcePool:   "workers",
		},
	}
	change(p)
	return p
}

func ruleCases() []ruleCase {
	var all []ruleCase
	for _, cases := range [][]ruleCase{
		clusterCases(), dnsCases(), vipCases(), credentialsCases(), machineCases(), templateCases(), hostCases(), poolCases(), storageCases(), gateCases(), repaveCases(),
		networkCases(), layoutCases(), remediationCases(),
	} {
		all = append(all, cases...)
	}
	return all
}

func clusterCases() []ruleCase {
	unchanged := func(*infrav1.MaasCluster) {}
	endpoint := func(host string) func(*infrav1.MaasCluster) {
		return func(c *infrav1.MaasCluster) {
			c.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: host, Port: 6443}
		}
	}
	return []ruleCase{
		{name: "VIP with its endpoint", after: maasCluster(unchanged)},
		{name: "VIP without its endpoint", after: maasCluster(func(c *infrav1.MaasCluster) {
			c.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{}
		}), refused: vipEndpointMessage},
		{name: "VIP with dns", after: maasCluster(func(c *infrav1.MaasCluster) {
			c.Spec.Endpoint.DNS = infrav1.DNSEndpoint{Domain: "maas.example"}
		}), refused: endpointTypeMessage},
		{name: "External without endpoint", after: maasCluster(func(c *infrav1.MaasCluster) {
			c.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{}
			c.Spec.Endpoint.Type = infrav1.EndpointExternal
		})},
		{name: "endpoint is set", before: dnsCluster(unchanged), after: dnsCluster(endpoint("c.maas.example"))},
		{name: "endpoint stays", before: maasCluster(unchanged), after: maasCluster(func(c *infrav1.MaasCluster) {
			c.Spec.CredentialsRef.Name = "other"
		})},
		{name: "endpoint changes", before: maasCluster(unchanged), after: maasCluster(endpoint("10.0.0.6")), refused: endpointFixedMessage},
		{name: "endpoint goes", before: dnsCluster(endpoint("c.maas.example")), after: dnsCluster(unchanged), refused: endpointFixedMessage},
		{name: "cluster template without endpoint", after: maasClusterTemplate(func(*infrav1.MaasClusterTemplate) {})},
		{name: "cluster template with dns for VIP", after: maasClusterTemplate(func(c *infrav1.MaasClusterTemplate) {
			c.Spec.Template.Spec.Endpoint.DNS = infrav1.DNSEndpoint{Domain: "maas.example"}
		}), refused: endpointTypeMessage},
	}
}

func dnsCases() []ruleCase {
	dns := func(change func(*infrav1.DNSEndpoint)) client.Object {
		return dnsCluster(func(c *infrav1.MaasCluster) { change(&c.Spec.Endpoint.DNS) })
	}
	return []ruleCase{
		{name: "DNS with everything", after: dns(func(d *infrav1.DNSEndpoint) {
			*d = infrav1.DNSEndpoint{Domain: "k8s.maas.example", Name: "prod-1", SubnetCIDR: "10.0.0.0/24", Port: 443}
		})},
		{name: "DNS with an IPv6 subnet", after: dns(func(d *infrav1.DNSEndpoint) { d.SubnetCIDR = "fd00::/64" })},
		{name: "DNS without dns", after: dns(func(d *infrav1.DNSEndpoint) { *d = infrav1.DNSEndpoint{} }), refused: endpointTypeMessage},
		{name: "domain with a trailing dot", after: dns(func(d *infrav1.DNSEndpoint) { d.Domain = "maas.example." }), refused: dnsDomainMessage},
		{name: "domain in capitals", after: dns(func(d *infrav1.DNSEndpoint) { d.Domain = "MAAS.example" }), refused: dnsDomainMessage},
		{name: "name with a dot", after: dns(func(d *infrav1.DNSEndpoint) { d.Name = "a.b" }), refused: dnsNameMessage},
		{name: "name that starts with a dash", after: dns(func(d *infrav1.DNSEndpoint) { d.Name = "-a" }), refused: dnsNameMessage},
		{name: "address for a subnet", after: dns(func(d *infrav1.DNSEndpoint) { d.SubnetCIDR = "10.0.0.1" }), refused: dnsSubnetMessage},
	}
}

func vipCases() []ruleCase {
	vip := func(subnet, host string) client.Object {
		return maasCluster(func(c *infrav1.MaasCluster) {
			c.Spec.Endpoint.VIP.SubnetCIDR = subnet
			c.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{}
			if host != "" {
				c.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: host, Port: 6443}
			}
		})
	}
	external := maasCluster(func(c *infrav1.MaasCluster) { c.Spec.Endpoint.Type = infrav1.EndpointExternal })
	return []ruleCase{
		{name: "address to be chosen", after: vip("10.0.0.0/24", "")},
		{name: "address to be chosen, IPv6", after: vip("fd00::/64", "")},
		{name: "address is chosen", before: vip("10.0.0.0/24", ""), after: vip("10.0.0.0/24", "10.0.0.7")},
		{name: "address to be reserved", after: vip("10.0.0.0/24", "10.0.0.5")},
		{name: "address of another subnet", after: vip("10.0.1.0/24", "10.0.0.5"), refused: vipAddressMessage},
		{name: "name where an address is reserved", after: vip("10.0.0.0/24", "api.example"), refused: vipAddressMessage},
		{name: "subnet goes away from the address", before: vip("10.0.0.0/24", "10.0.0.5"), after: vip("10.0.1.0/24", "10.0.0.5"), refused: vipAddressMessage},
		{name: "subnet with host bits", after: vip("10.0.0.1/24", ""), refused: vipSubnetMessage},
		{name: "no subnet", after: vip("10.0.0.1", ""), refused: vipSubnetMessage},
		{name: "reservation is given up", before: vip("10.0.0.0/24", "10.0.0.5"), after: maasCluster(func(*infrav1.MaasCluster) {})},
		{name: "vip for External", after: maasCluster(func(c *infrav1.MaasCluster) {
			c.Spec.Endpoint = infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointExternal, VIP: infrav1.VIPEndpoint{SubnetCIDR: "10.0.0.0/24"}}
		}), refused: vipTypeMessage},
		{name: "type changes", before: maasCluster(func(*infrav1.MaasCluster) {}), after: external, refused: typeFixedMessage},
		{name: "cluster template with a subnet", after: maasClusterTemplate(func(c *infrav1.MaasClusterTemplate) {
			c.Spec.Template.Spec.Endpoint.VIP = infrav1.VIPEndpoint{SubnetCIDR: "10.0.0.0/24", Port: 443}
		})},
	}
}

func credentialsCases() []ruleCase {
	kind := func(kind infrav1.CredentialsKind) func(*infrav1.MaasCluster) {
		return func(c *infrav1.MaasCluster) { c.Spec.CredentialsRef.Kind = kind }
	}
	identity := &infrav1.MaasClusterIdentity{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion.String(), Kind: "MaasClusterIdentity"},
		ObjectMeta: metav1.ObjectMeta{Name: "i"},
		Spec: infrav1.MaasClusterIdentitySpec{
			SecretRef:         infrav1.IdentitySecretReference{Name: credentials},
			AllowedNamespaces: infrav1.AllowedNamespaces{List: []string{"a"}, Selector: &metav1.LabelSelector{}},
		},
	}
	nobody := identity.DeepCopy()
	nobody.Spec.AllowedNamespaces = infrav1.AllowedNamespaces{}
	nameless := identity.DeepCopy()
	nameless.Spec.SecretRef = infrav1.IdentitySecretReference{Namespace: "a"}
	return []ruleCase{
		{name: "credentials in a Secret", after: maasCluster(kind(infrav1.CredentialsSecret))},
		{name: "credentials of an identity", before: maasCluster(kind("")), after: maasCluster(kind(infrav1.CredentialsIdentity))},
		{name: "credentials in a ConfigMap", after: maasCluster(kind("ConfigMap")), refused: `supported values: "Secret", "MaasClusterIdentity"`},
		{name: "identity", after: identity},
		{name: "identity for nobody", after: nobody},
		{name: "identity without a Secret", after: nameless, refused: "spec.secretRef.name"},
	}
}

func machineCases() []ruleCase {
	unchanged := func(*infrav1.MaasMachine) {}
	kernel := func(image, kernel string) client.Object {
		return maasMachine(func(m *infrav1.MaasMachine) { m.Spec.Image = infrav1.Image{Name: image, Kernel: kernel} })
	}
	image := func(name string) client.Object {
		return maasMachine(func(m *infrav1.MaasMachine) { m.Spec.Image.Name = name })
	}
	provided := func(id string) client.Object {
		return maasMachine(func(m *infrav1.MaasMachine) { m.Spec.ProviderID = id })
	}
	selected := maasMachine(func(m *infrav1.MaasMachine) {
		m.Spec.HostPoolRef = infrav1.LocalObjectReference{}
		m.Spec.Selector = infrav1.HostSelector{
			Tags: []string{"kvm"}, MinCPUCount: 8, MinMemoryMiB: 65536,
			Disks:           infrav1.DiskCount{MinCount: 3, MinSizeGB: 1920},
			NetworkAdapters: infrav1.NetworkAdapterCount{MinCount: 4, MinSpeedMbps: 10000},
		}
	})
	return []ruleCase{
		{name: "machine of a pool", after: maasMachine(unchanged)},
		{name: "machine with a selector", after: selected},
		{name: "machine without pool or selector", after: maasMachine(func(m *infrav1.MaasMachine) {
			m.Spec.HostPoolRef = infrav1.LocalObjectReference{}
		}), refused: machineHostMessage},
		{name: "image by series", after: image("jammy")},
		{name: "image by system and series", after: image("ubuntu/24.04_lts")},
		{name: "image by version", after: image("custom/ubuntu-2204-k8s-{version}")},
		{name: "image by the numbers of a version", after: image("custom/u-{major}{minor}{patch}")},
		{name: "image that is a version", after: image("{version}")},
		{name: "image with an unknown placeholder", after: image("custom/{kubernetes}"), refused: imageNameMessage},
		{name: "image with a shell variable", after: image("custom/${VERSION}"), refused: imageNameMessage},
		{name: "image with half a placeholder", after: image("custom/k-{version"), refused: imageNameMessage},
		{name: "GA kernel", after: kernel("ubuntu/jammy", "ga-22.04")},
		{name: "hardware enablement kernel", after: kernel("jammy", "hwe-22.04-lowlatency-edge")},
		{name: "kernel of no kind", after: kernel("ubuntu/jammy", "bogus"), refused: kernelMessage},
		{name: "kernel of a custom image", after: kernel("custom/u", "ga-22.04"), refused: customKernelMessage},
		{name: "image with two slashes", after: image("custom/a/b"), refused: imageNameMessage},
		{name: "image by URL", after: image("https://images.example/u.img"), refused: imageNameMessage},
		{name: "providerID is set", before: maasMachine(unchanged), after: provided("maas:///abc123")},
		{name: "providerID of the greatest length", after: provided("maas:///" + strings.Repeat("a", longestProviderIDBytes-len("maas:///")))},
		{name: "providerID changes", before: provided("maas:///abc123"), after: provided("maas:///def456"), refused: providerIDMessage},
		{name: "providerID goes", before: provided("maas:///abc123"), after: maasMachine(unchanged), refused: providerIDMessage},
		{name: "labels change", before: maasMachine(unchanged), after: maasMachine(func(m *infrav1.MaasMachine) {
			m.Labels = map[string]string{"a": "b"}
		})},
		{name: "image changes", before: maasMachine(unchanged), after: image("custom/other"), refused: machineFixedMessage},
		{name: "pool changes", before: maasMachine(unchanged), after: maasMachine(func(m *infrav1.MaasMachine) {
			m.Spec.HostPoolRef.Name = "other"
		}), refused: machineFixedMessage},
		{name: "pool gives way to a selector", before: maasMachine(unchanged), after: selected, refused: machineFixedMessage},
		{name: "selector is added", before: maasMachine(unchanged), after: maasMachine(func(m *infrav1.MaasMachine) {
			m.Spec.Selector.Zones = []string{"z1"}
		}), refused: machineFixedMessage},
		{name: "selector changes", before: selected, after: maasMachine(func(m *infrav1.MaasMachine) {
			m.Spec.HostPoolRef = infrav1.LocalObjectReference{}
			m.Spec.Selector = infrav1.HostSelector{Tags: []string{"gpu"}}
		}), refused: machineFixedMessage},
	}
}

func templateCases() []ruleCase {
	return []ruleCase{
		{name: "machine template", after: maasMachineTemplate(func(*infrav1.MaasMachineTemplate) {})},
		// Immutability is the webhook's: the topology controller's dry runs have to pass.
		{name: "machine template changes", before: maasMachineTemplate(func(*infrav1.MaasMachineTemplate) {}),
			after: maasMachineTemplate(func(m *infrav1.MaasMachineTemplate) { m.Spec.Template.Spec.Image.Name = "custom/other" })},
		{name: "machine template with providerID", after: maasMachineTemplate(func(m *infrav1.MaasMachineTemplate) {
			m.Spec.Template.Spec.ProviderID = "maas:///abc123"
		}), refused: templateProviderID},
		{name: "machine template without pool or selector", after: maasMachineTemplate(func(m *infrav1.MaasMachineTemplate) {
			m.Spec.Template.Spec.HostPoolRef = infrav1.LocalObjectReference{}
		}), refused: machineHostMessage},
	}
}

func hostCases() []ruleCase {
	unchanged := func(*infrav1.MaasHost) {}
	return []ruleCase{
		{name: "lease", after: maasHost(unchanged)},
		{name: "lease under another name", after: maasHost(func(h *infrav1.MaasHost) { h.Name = "other" }), refused: hostNameMessage},
		{name: "empty lease", after: maasHost(emptied)},
		{name: "empty lease is claimed", before: maasHost(emptied), after: maasHost(unchanged)},
		{name: "lease is vacated", before: maasHost(unchanged), after: maasHost(vacating)},
		{name: "vacated lease becomes empty", before: maasHost(vacating), after: maasHost(emptied)},
		{name: "lease becomes empty and nothing was vacated", before: maasHost(unchanged), after: maasHost(emptied), refused: leaseConsumerMessage},
		{name: "lease gets another consumer", before: maasHost(vacating), after: maasHost(func(h *infrav1.MaasHost) {
			vacating(h)
			h.Spec.ConsumerRef.Name = "successor"
		}), refused: leaseConsumerMessage},
		{name: "lease without an image", after: maasHost(func(h *infrav1.MaasHost) { h.Spec.Image = infrav1.Image{} }), refused: leaseWholeMessage},
		{name: "empty lease is vacated", after: maasHost(func(h *infrav1.MaasHost) {
			emptied(h)
			h.Spec.Vacate = infrav1.HostVacate{Purpose: infrav1.VacateFree}
		}), refused: leaseVacateMessage},
		{name: "lease changes its pool", before: maasHost(unchanged), after: maasHost(func(h *infrav1.MaasHost) { h.Spec.HostPoolRef.Name = "q" }), refused: leasePoolMessage},
		{name: "systemID changes", before: maasHost(unchanged), after: maasHost(func(h *infrav1.MaasHost) { h.Spec.SystemID = "def456" }), refused: systemIDMessage},
		{name: "leaseID changes", before: maasHost(unchanged), after: maasHost(func(h *infrav1.MaasHost) { h.Spec.LeaseID = "9" }), refused: leaseIDMessage},
		{name: "cluster changes", before: maasHost(unchanged), after: maasHost(func(h *infrav1.MaasHost) { h.Spec.ClusterName = "d" }), refused: leaseConsumerMessage},
		{name: "lease with an image by version", after: maasHost(func(h *infrav1.MaasHost) { h.Spec.Image.Name = "custom/{version}" }), refused: leaseImageMessage},
		{name: "lease with an image by URL", after: maasHost(func(h *infrav1.MaasHost) { h.Spec.Image.Name = "a b" }), refused: imageNameMessage},
	}
}

func emptied(h *infrav1.MaasHost) {
	h.Spec.ClusterName, h.Spec.ConsumerRef = "", infrav1.LocalObjectReference{}
	h.Spec.Image, h.Spec.UserDataSecretRef = infrav1.Image{}, infrav1.LocalObjectReference{}
}

func vacating(h *infrav1.MaasHost) { h.Spec.Vacate = infrav1.HostVacate{Purpose: infrav1.VacateFree} }

func poolCases() []ruleCase {
	erasing := func(dataDisks infrav1.DataDisksPolicy) client.Object {
		return maasHostPool(func(p *infrav1.MaasHostPool) { p.Spec.Erase, p.Spec.DataDisks = infrav1.EraseFull, dataDisks })
	}
	return []ruleCase{
		{name: "pool that erases wiped disks", after: erasing(infrav1.DataDisksWipe)},
		{name: "pool that erases preserved disks", after: erasing(infrav1.DataDisksPreserve), refused: poolEraseMessage},
		{name: "pool that erases and says nothing of data disks", after: erasing(""), refused: poolEraseMessage},
		{name: "pool of a resource pool", after: maasHostPool(func(*infrav1.MaasHostPool) {})},
		{name: "pool with a selector", after: maasHostPool(func(p *infrav1.MaasHostPool) {
			p.Spec.ResourcePool = ""
			p.Spec.Selector.Zones = []string{"z1"}
		})},
		{name: "pool of everything", after: maasHostPool(func(p *infrav1.MaasHostPool) { p.Spec.ResourcePool = "" }), refused: poolWithoutAnyMessage},
	}
}

// TestRules checks that every rule of the schema lets the good pass and refuses the bad with words that say what to change.
func TestRules(t *testing.T) {
	validators := map[string]*schemaValidator{}
	for kind, crd := range crds(t) {
		validators[kind] = newSchemaValidator(t, crd)
	}
	for _, c := range ruleCases() {
		t.Run(c.name, func(t *testing.T) {
			v := validators[c.after.GetObjectKind().GroupVersionKind().Kind]
			if c.before != nil {
				if problems := v.validate(t.Context(), t, nil, c.before); len(problems) > 0 {
					t.Fatalf("the object is refused even before the update: %v", problems)
				}
			}
			problems := v.validate(t.Context(), t, c.before, c.after)
			switch {
			case c.refused == "" && len(problems) > 0:
				t.Errorf("refused: %v", problems)
			case c.refused != "" && !strings.Contains(fmt.Sprint(problems), c.refused):
				t.Errorf("got %v, want it refused with %q", problems, c.refused)
			}
		})
	}
}

// TestEveryRuleHasACase keeps the table complete: a rule that refuses nothing in it is not known to work.
func TestEveryRuleHasACase(t *testing.T) {
	refused := map[string]bool{}
	for _, c := range ruleCases() {
		refused[c.refused] = true
	}
	for kind, crd := range crds(t) {
		walk(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, func(props *apiextensionsv1.JSONSchemaProps) {
			for _, rule := range props.XValidations {
				if !refused[rule.Message] {
					t.Errorf("%s: no case for the rule %q (%s)", kind, rule.Message, rule.Rule)
				}
			}
		})
	}
}

func walk(props *apiextensionsv1.JSONSchemaProps, visit func(*apiextensionsv1.JSONSchemaProps)) {
	visit(props)
	for _, p := range props.Properties {
		walk(&p, visit)
	}
	if props.Items != nil && props.Items.Schema != nil {
		walk(props.Items.Schema, visit)
	}
	if props.AdditionalProperties != nil && props.AdditionalProperties.Schema != nil {
		walk(props.AdditionalProperties.Schema, visit)
	}
}
