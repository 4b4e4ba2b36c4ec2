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
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

const (
	movedNamespace    = "moved"
	providerNamespace = "capmaas-system"
	sharedIdentity    = "shared"
	underway          = "underway"
	done              = "done"
	movedAddress      = "10.9.0.77"
)

// managementCluster is an API server with our manager, as clusterctl would have installed it.
type managementCluster struct {
	*testing.T
	client.Client

	kubeconfig string
}

// TestClusterctlMove moves a cluster between two management clusters with clusterctl, while one of its servers is being installed. No server is
// released, deployed a second time or switched; the target's provider sees the installation to its end; the shared credentials are in both.
//
// The installed server has an address of an IPAM pool. Its claim and the address itself move with it, before the IPAM provider of the target has said a word.
//
// clusterctl moves no Machine without a Node. So the Machine whose server is being installed has one here, as it has while it is repaired in place.
func TestClusterctlMove(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two API servers")
	}
	sim := maassim.New(maassim.Config{Timings: maassim.Timings{
		Commit: time.Millisecond, PowerOn: 50 * time.Millisecond, PowerOff: 50 * time.Millisecond, NetBoot: 50 * time.Millisecond,
		Install: 100 * time.Millisecond, Boot: 50 * time.Millisecond, Erase: 50 * time.Millisecond, NodeTimeout: time.Hour,
	}})
	t.Cleanup(sim.Close)
	sim.AddSubnet(maassim.SubnetSpec{Name: "lan", CIDR: "10.9.0.0/24"})
	maas := httptest.NewServer(sim)
	t.Cleanup(maas.Close)

	crds, manager := moveCRDs(t), filepath.Join(t.TempDir(), "manager")
	output(t, "go", "build", "-buildvcs=false", "-o", manager, ".")
	source, target := newManagementCluster(t, crds, manager), newManagementCluster(t, crds, manager)
	source.shareCredentials(maas.URL+"/MAAS", sim.AddUser("capmaas", true))
	for i, name := range []string{done, underway} {
		sim.AddMachine(maassim.MachineSpec{SystemID: fmt.Sprintf("srv%d", i), Tags: []string{name}, NICs: []maassim.NIC{{Name: "eth0", Subnet: "lan"}}})
	}
	cluster := source.cluster()
	source.machine(cluster, done, withPoolAddress)
	claim := source.givesAddress(movedAddress)
	source.await(done+" to be deployed", func() (bool, string) { return source.ready(done) })
	// The installation outlasts the move.
	if err := sim.SetHostFault("srv1", maassim.HostFault{InstallHangs: true}); err != nil {
		t.Fatal(err)
	}
	source.machine(cluster, underway)
	source.await(underway+" to be installed", func() (bool, string) {
		v, _ := sim.Machine("srv1")
		return v.StatusName == "Deploying", v.StatusName
	})
	source.await("the lease to say so, and everything to be quiet", func() (bool, string) {
		return source.reason(underway, infrav1.DeployingReason)
	})
	before := writesOf(sim)

	output(t, "bin/clusterctl", "move", "--namespace", movedNamespace, "--kubeconfig", source.kubeconfig, "--to-kubeconfig", target.kubeconfig)

	if v, _ := sim.Machine("srv1"); v.StatusName != "Deploying" {
		t.Errorf("want the installation to outlast the move, or this test shows nothing; the server is %s", v.StatusName)
	}
	if err := sim.SetHostFault("srv1", maassim.HostFault{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{done, underway} {
		target.await(name+" to be ready in the target", func() (bool, string) { return target.ready(name) })
	}
	if after := writesOf(sim); after != before {
		t.Errorf("want nothing written to MAAS, before the move %v, after it %v", before, after)
	}
	for _, id := range []string{"srv0", "srv1"} {
		if v, _ := sim.Machine(id); v.Deploys != 1 || v.Releases != 0 || v.Owner != "capmaas" || v.AgentName == "" {
			t.Errorf("want one deployment of %s and no release, got %d and %d, owner %q, agent name %q", id, v.Deploys, v.Releases, v.Owner, v.AgentName)
		}
	}
	target.hasAddress(claim, movedAddress)
	for _, list := range []client.ObjectList{
		&infrav1.MaasHostList{}, &infrav1.MaasMachineList{}, &infrav1.MaasClusterList{}, &infrav1.MaasHostPoolList{}, &ipamv1.IPAddressClaimList{}, &ipamv1.IPAddressList{},
	} {
		if n := source.count(list); n != 0 {
			t.Errorf("want the source without a %T, got %d", list, n)
		}
	}
	for where, c := range map[string]*managementCluster{"source": source, "target": target} {
		identity, secret := &infrav1.MaasClusterIdentity{}, &corev1.Secret{}
		c.get(client.ObjectKey{Name: sharedIdentity}, identity)
		c.get(client.ObjectKey{Namespace: providerNamespace, Name: sharedIdentity}, secret)
		if len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].UID != identity.UID {
			t.Errorf("want the Secret in the %s owned by its identity, got %v", where, secret.OwnerReferences)
		}
	}
	target.getsRidOf(sim)
}

// getsRidOf deletes the machines in the target, which releases their servers.
func (c *managementCluster) getsRidOf(sim *maassim.Server) {
	c.Helper()
	for i, name := range []string{done, underway} {
		if err := c.Delete(c.Context(), &infrav1.MaasMachine{ObjectMeta: metav1.ObjectMeta{Namespace: movedNamespace, Name: name}}); err != nil {
			c.Fatal(err)
		}
		c.await(name+"'s server to be given back by the target", func() (bool, string) {
			v, _ := sim.Machine(fmt.Sprintf("srv%d", i))
			return v.Releases == 1 && v.Owner == "", fmt.Sprintf("%s, %d releases, owner %q", v.StatusName, v.Releases, v.Owner)
		})
	}
}

// writesOf counts the calls that change machines.
func writesOf(sim *maassim.Server) (writes int) {
	for _, calls := range sim.CallStats().ByMachineName {
		for name, n := range calls {
			// The target checks the installer's plan once more: what was checked stood in the status, which does not move.
			if name != "machine.read" && name != "machine.get_curtin_config" {
				writes += n
			}
		}
	}
	return writes
}

// moveCRDs are the CRDs of Cluster API, of clusterctl and of the provider, with the labels that it ships.
func moveCRDs(t *testing.T) []string {
	t.Helper()
	core := strings.TrimSpace(output(t, "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api"))
	ours := filepath.Join(t.TempDir(), "crds.yaml")
	if err := os.WriteFile(ours, []byte(output(t, "bin/kustomize", "build", "config/crd")), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{ours, filepath.Join(core, "core", "config", "crd", "bases"), filepath.Join(core, "cmd", "clusterctl", "config", "manifest")}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = append(os.Environ(), "CLUSTERCTL_DISABLE_VERSIONCHECK=true", "XDG_CONFIG_HOME="+t.TempDir())
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func newManagementCluster(t *testing.T, crds []string, manager string) *managementCluster {
	t.Helper()
	api, err := lab.StartAPIServer(t.Context(), lab.APIServerConfig{CRDs: crds})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Stop)
	c := &managementCluster{T: t, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := api.WriteKubeconfig(c.kubeconfig); err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, clusterv1.AddToScheme, clusterctlv1.AddToScheme, ipamv1.AddToScheme, infrav1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	if c.Client, err = client.New(api.AdminConfig(), client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	c.likeClusterctl()
	c.startManager(manager)
	return c
}

// likeClusterctl leaves the traces of "clusterctl init".
func (c *managementCluster) likeClusterctl() {
	c.Helper()
	list := &apiextensionsv1.CustomResourceDefinitionList{}
	if err := c.List(c.Context(), list); err != nil {
		c.Fatal(err)
	}
	for i := range list.Items {
		crd := &list.Items[i]
		before := crd.DeepCopy()
		metav1.SetMetaDataLabel(&crd.ObjectMeta, clusterctlv1.ClusterctlLabel, "")
		if err := c.Patch(c.Context(), crd, client.MergeFrom(before)); err != nil {
			c.Fatal(err)
		}
	}
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: providerNamespace}})
	c.create(&clusterctlv1.Provider{
		ObjectMeta: metav1.ObjectMeta{Namespace: providerNamespace, Name: "infrastructure-maas", Labels: map[string]string{
			clusterctlv1.ClusterctlLabel: "", clusterctlv1.ClusterctlCoreLabel: clusterctlv1.ClusterctlCoreLabelInventoryValue,
			clusterv1.ProviderNameLabel: "infrastructure-maas",
		}},
		ProviderName: "maas", Type: string(clusterctlv1.InfrastructureProviderType), Version: "v0.1.0",
	})
}

// startManager runs the manager as a process until the test ends.
func (c *managementCluster) startManager(binary string) {
	c.Helper()
	certificates := c.TempDir()
	writeCertificate(c.T, certificates)
	log, err := os.Create(filepath.Join(c.TempDir(), "manager.log"))
	if err != nil {
		c.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(c.Context()), binary, "--kubeconfig="+c.kubeconfig, "--health-addr=0", "--diagnostics-address=0",
		"--maas-poll-interval=100ms", "--webhook-cert-dir="+certificates, fmt.Sprintf("--webhook-port=%d", freePort(c.T)))
	command.Env = append(os.Environ(), "POD_NAMESPACE="+providerNamespace)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
		if text, err := os.ReadFile(log.Name()); err == nil && c.Failed() {
			c.Logf("the manager's log:\n%s", text[max(0, len(text)-20000):])
		}
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address, _ := listener.Addr().(*net.TCPAddr)
	return address.Port
}

// writeCertificate makes a certificate for the webhook server, which nobody calls here.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"webhook"}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: certificate}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *managementCluster) create(o client.Object) {
	c.Helper()
	if err := c.Create(c.Context(), o); err != nil {
		c.Fatalf("creating %T %s: %v", o, o.GetName(), err)
	}
}

func (c *managementCluster) get(key client.ObjectKey, o client.Object) {
	c.Helper()
	if err := c.Get(c.Context(), key, o); err != nil {
		c.Errorf("getting %T %s: %v", o, key, err)
	}
}

func (c *managementCluster) await(what string, done func() (ok bool, seen string)) {
	c.Helper()
	(&filterWorld{T: c.T}).await(what, done)
}

func (c *managementCluster) count(list client.ObjectList) int {
	c.Helper()
	if err := c.List(c.Context(), list, client.InNamespace(movedNamespace)); err != nil {
		c.Fatal(err)
	}
	items, err := apimeta.ExtractList(list)
	if err != nil {
		c.Fatal(err)
	}
	return len(items)
}

// shareCredentials makes an identity for the namespace that moves.
func (c *managementCluster) shareCredentials(endpoint, apiKey string) {
	c.Helper()
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: movedNamespace}})
	c.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: providerNamespace, Name: sharedIdentity}, StringData: map[string]string{
		"endpoint": endpoint, "apiKey": apiKey,
	}})
	c.create(&infrav1.MaasClusterIdentity{ObjectMeta: metav1.ObjectMeta{Name: sharedIdentity}, Spec: infrav1.MaasClusterIdentitySpec{
		SecretRef: infrav1.IdentitySecretReference{Name: sharedIdentity}, AllowedNamespaces: infrav1.AllowedNamespaces{List: []string{movedNamespace}},
	}})
}

// cluster makes a Cluster as Cluster API would leave it once its control plane is there.
func (c *managementCluster) cluster() *clusterv1.Cluster {
	c.Helper()
	const name = "c"
	ref := infrav1.CredentialsReference{Kind: infrav1.CredentialsIdentity, Name: sharedIdentity}
	cluster := &clusterv1.Cluster{ObjectMeta: meta(movedNamespace, name, ""), Spec: clusterv1.ClusterSpec{
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "MaasCluster", Name: name},
	}}
	c.create(cluster)
	cluster.Status.Initialization = clusterv1.ClusterInitializationStatus{InfrastructureProvisioned: ptr.To(true), ControlPlaneInitialized: ptr.To(true)}
	conditions.Set(cluster, metav1.Condition{Type: clusterv1.ClusterControlPlaneInitializedCondition, Status: metav1.ConditionTrue, Reason: "Initialized"})
	if err := c.Status().Update(c.Context(), cluster); err != nil {
		c.Fatal(err)
	}
	c.create(&infrav1.MaasHostPool{ObjectMeta: meta(movedNamespace, name, ""), Spec: infrav1.MaasHostPoolSpec{CredentialsRef: ref, ResourcePool: "default"}})
	c.create(&infrav1.MaasCluster{ObjectMeta: owned(meta(movedNamespace, name, ""), "Cluster", cluster.UID), Spec: infrav1.MaasClusterSpec{
		CredentialsRef: ref, Endpoint: infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointVIP},
		ControlPlaneEndpoint: infrav1.APIEndpoint{Host: "10.9.0.250", Port: 6443},
	}})
	return cluster
}

// machine makes a Machine that takes the server with the tag of its name. It has its Node from the start.
func (c *managementCluster) machine(cluster *clusterv1.Cluster, name string, change ...func(*infrav1.MaasMachineSpec)) {
	c.Helper()
	of := func(o metav1.ObjectMeta) metav1.ObjectMeta {
		o.Labels[clusterv1.ClusterNameLabel] = cluster.Name
		return o
	}
	machineMeta := of(meta(movedNamespace, name, ""))
	machineMeta.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: cluster.Name, UID: cluster.UID,
	}}
	machine := &clusterv1.Machine{ObjectMeta: machineMeta, Spec: clusterv1.MachineSpec{
		ClusterName: cluster.Name, Bootstrap: clusterv1.Bootstrap{DataSecretName: ptr.To(name)},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "MaasMachine", Name: name},
	}}
	c.create(machine)
	machine.Status.NodeRef = clusterv1.MachineNodeReference{Name: name}
	if err := c.Status().Update(c.Context(), machine); err != nil {
		c.Fatal(err)
	}
	c.create(&corev1.Secret{ObjectMeta: owned(of(meta(movedNamespace, name, "")), "Machine", machine.UID), Data: map[string][]byte{
		"value": []byte("#cloud-config\n"),
	}})
	maasMachine := &infrav1.MaasMachine{ObjectMeta: owned(of(meta(movedNamespace, name, "")), "Machine", machine.UID), Spec: infrav1.MaasMachineSpec{
		HostPoolRef: infrav1.LocalObjectReference{Name: cluster.Name}, Image: infrav1.Image{Name: "ubuntu/jammy"},
		Selector: infrav1.HostSelector{Tags: []string{name}},
	}}
	for _, f := range change {
		f(&maasMachine.Spec)
	}
	c.create(maasMachine)
}

// withPoolAddress has the server's one NIC get its address from an IPAM pool.
func withPoolAddress(spec *infrav1.MaasMachineSpec) {
	spec.Network = infrav1.HostNetwork{
		NICs: []infrav1.NetworkNIC{{Name: "lan", Match: infrav1.NICMatch{InterfaceName: "eth0"}}},
		Links: []infrav1.NetworkLink{{Interface: "lan", LinkAddress: infrav1.LinkAddress{
			Mode: infrav1.LinkStatic, Subnet: infrav1.SubnetReference{CIDR: "10.9.0.0/24"},
			IPAMPoolRef: infrav1.IPAMPoolReference{APIGroup: "ipam.cluster.x-k8s.io", Kind: "InClusterIPPool", Name: "lan"},
		}}},
	}
}

// givesAddress does what an IPAM provider does: it makes the address, owned by its claim, and names it in the claim's status. It returns the claim's name.
func (c *managementCluster) givesAddress(address string) string {
	c.Helper()
	claims := &ipamv1.IPAddressClaimList{}
	c.await("a claim of the lease", func() (bool, string) {
		n := c.count(claims)
		return n == 1, fmt.Sprintf("%d claims", n)
	})
	claim := &claims.Items[0]
	c.create(&ipamv1.IPAddress{
		ObjectMeta: metav1.ObjectMeta{Namespace: movedNamespace, Name: claim.Name, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: ipamv1.GroupVersion.String(), Kind: "IPAddressClaim", Name: claim.Name, UID: claim.UID, Controller: ptr.To(true)},
		}},
		Spec: ipamv1.IPAddressSpec{
			ClaimRef: ipamv1.IPAddressClaimReference{Name: claim.Name}, PoolRef: claim.Spec.PoolRef, Address: address, Prefix: ptr.To[int32](24),
		},
	})
	before := claim.DeepCopy()
	claim.Status.AddressRef.Name = claim.Name
	if err := c.Status().Patch(c.Context(), claim, client.MergeFrom(before)); err != nil {
		c.Fatal(err)
	}
	return claim.Name
}

// hasAddress checks that claim and address are here, and that the machine has the address still.
func (c *managementCluster) hasAddress(claimName, address string) {
	c.Helper()
	key := client.ObjectKey{Namespace: movedNamespace, Name: claimName}
	claim, given, host := &ipamv1.IPAddressClaim{}, &ipamv1.IPAddress{}, &infrav1.MaasHost{}
	c.get(key, claim)
	c.get(key, given)
	c.get(client.ObjectKey{Namespace: movedNamespace, Name: "srv0"}, host)
	if owner := metav1.GetControllerOf(claim); owner == nil || owner.UID != host.UID {
		c.Errorf("want the claim owned by the lease that moved with it, got %v", claim.OwnerReferences)
	}
	if owner := metav1.GetControllerOf(given); owner == nil || owner.UID != claim.UID || given.Spec.Address != address {
		c.Errorf("want address %s owned by its claim, got %s of %v", address, given.Spec.Address, given.OwnerReferences)
	}
	if at := c.maasMachine(done).Status.Addresses; !slices.ContainsFunc(at, func(a clusterv1.MachineAddress) bool { return a.Address == address }) {
		c.Errorf("want the machine at %s, got %v", address, at)
	}
}

func (c *managementCluster) maasMachine(name string) *infrav1.MaasMachine {
	m := &infrav1.MaasMachine{}
	if err := c.Get(c.Context(), client.ObjectKey{Namespace: movedNamespace, Name: name}, m); err != nil {
		c.Logf("getting MaasMachine %s: %v", name, err)
	}
	return m
}

func (c *managementCluster) ready(name string) (bool, string) {
	return c.reason(name, infrav1.ReadyReason)
}

func (c *managementCluster) reason(name, reason string) (bool, string) {
	got := conditions.Get(c.maasMachine(name), infrav1.ReadyCondition)
	if got == nil {
		return false, "no condition"
	}
	return got.Reason == reason, got.Reason + ": " + got.Message
}
