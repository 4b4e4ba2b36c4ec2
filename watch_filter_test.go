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
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// filterWorld is an API server and a MAAS with the objects of several managers.
type filterWorld struct {
	*testing.T
	client.Client

	api  *lab.APIServer
	sim  *maassim.Server
	maas *httptest.Server
}

// TestContractWatchFilter: with --watch-filter and --namespace the manager serves the objects with the label in the namespace, and
// leaves all others alone, whatever happens in the MAAS that they share.
func TestContractWatchFilter(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an API server")
	}
	w := newFilterWorld(t)
	w.namespace("watched")
	w.namespace("other")
	w.objects("watched", "mine", "blue")
	w.objects("watched", "theirs", "red")
	w.objects("watched", "nobodys", "")
	w.objects("other", "elsewhere", "blue")
	// Leases of others on servers of the same MAAS: not served means that they are neither allocated nor reported on.
	w.lease("watched", "theirs", "red")
	w.lease("watched", "nobodys", "")

	w.startManager("--watch-filter=blue", "--namespace=watched", "--maas-poll-interval=100ms", "--maas-relist-interval=1s",
		"--health-addr=0", "--diagnostics-address=0")

	for _, o := range w.all("watched", "mine") {
		w.await(fmt.Sprintf("%T mine to be ready", o), func() (bool, string) { return w.ready(o) })
	}
	hosts := &infrav1.MaasHostList{}
	if err := w.List(t.Context(), hosts, client.MatchingLabels{clusterv1.WatchLabel: "blue"}); err != nil || len(hosts.Items) != 1 {
		t.Fatalf("want one lease, with the label, got %d and error %v", len(hosts.Items), err)
	}
	// Things happen in MAAS, to the servers of everybody.
	for _, m := range w.sim.Machines() {
		if err := w.sim.Operator().Rename(m.SystemID, "renamed-"+m.Hostname); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Delete(t.Context(), &infrav1.MaasMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "watched", Name: "mine"}}); err != nil {
		t.Fatal(err)
	}
	w.await("mine to be gone", func() (bool, string) {
		m := &infrav1.MaasMachine{}
		err := w.Get(t.Context(), client.ObjectKey{Namespace: "watched", Name: "mine"}, m)
		return err != nil && client.IgnoreNotFound(err) == nil, fmt.Sprint(conditions.Get(m, infrav1.ReadyCondition))
	})
	for _, key := range [][2]string{{"watched", "theirs"}, {"watched", "nobodys"}, {"other", "elsewhere"}} {
		w.leftAlone(key[0], key[1])
	}
}

func newFilterWorld(t *testing.T) *filterWorld {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api").Output()
	if err != nil {
		t.Fatal(err)
	}
	core := filepath.Join(strings.TrimSpace(string(out)), "core", "config", "crd", "bases")
	api, err := lab.StartAPIServer(t.Context(), lab.APIServerConfig{CRDs: []string{"config/crd/bases", core}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Stop)
	short := 50 * time.Millisecond
	sim := maassim.New(maassim.Config{Timings: maassim.Timings{
		Commit: short, PowerOn: short, PowerOff: short, NetBoot: short, Install: short, Boot: short, Erase: short,
	}})
	t.Cleanup(sim.Close)
	sim.AddSubnet(maassim.SubnetSpec{Name: "lan", CIDR: "10.9.0.0/24"})
	for i := range 6 {
		sim.AddMachine(maassim.MachineSpec{SystemID: fmt.Sprintf("srv%d", i)})
	}
	maas := httptest.NewServer(sim)
	t.Cleanup(maas.Close)
	w := &filterWorld{T: t, api: api, sim: sim, maas: maas}
	mgr, err := newManager(w.options(), api.AdminConfig())
	if err != nil {
		t.Fatal(err)
	}
	if w.Client, err = client.New(api.AdminConfig(), client.Options{Scheme: mgr.GetScheme()}); err != nil {
		t.Fatal(err)
	}
	return w
}

// options are those of a command line.
func (w *filterWorld) options(args ...string) *options {
	w.Helper()
	opts := &options{}
	flags := pflag.NewFlagSet("manager", pflag.ContinueOnError)
	opts.addFlags(flags)
	if err := flags.Parse(args); err != nil {
		w.Fatal(err)
	}
	return opts
}

// startManager does what main does, but for webhooks, logs and signals.
func (w *filterWorld) startManager(args ...string) {
	w.Helper()
	ctrl.SetLogger(logr.Discard())
	opts := w.options(args...)
	mgr, err := newManager(opts, w.api.AdminConfig())
	if err != nil {
		w.Fatal(err)
	}
	if err := setupControllers(w.Context(), mgr, opts); err != nil {
		w.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(w.Context()) }()
	w.Cleanup(func() {
		// The test's context has ended by now.
		if err := <-ended; err != nil {
			w.Errorf("the manager ended: %v", err)
		}
	})
}

func (w *filterWorld) namespace(name string) {
	w.Helper()
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "maas"}, StringData: map[string]string{
		"endpoint": w.maas.URL + "/MAAS", "apiKey": w.sim.AddUser("capmaas", true),
	}})
}

func (w *filterWorld) create(o client.Object) {
	w.Helper()
	if err := w.Create(w.Context(), o); err != nil {
		w.Fatalf("creating %T %s: %v", o, o.GetName(), err)
	}
}

func meta(namespace, name, watch string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: name}}
	if watch != "" {
		m.Labels[clusterv1.WatchLabel] = watch
	}
	return m
}

// objects makes a cluster with a pool and a machine that could all be ready, as Cluster API would leave them.
func (w *filterWorld) objects(namespace, name, watch string) {
	w.Helper()
	credentials := infrav1.CredentialsReference{Name: "maas"}
	cluster := &clusterv1.Cluster{ObjectMeta: meta(namespace, name, watch), Spec: clusterv1.ClusterSpec{
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "MaasCluster", Name: name},
	}}
	w.create(cluster)
	cluster.Status.Initialization.InfrastructureProvisioned = ptr.To(true)
	if err := w.Status().Update(w.Context(), cluster); err != nil {
		w.Fatal(err)
	}
	w.create(&infrav1.MaasHostPool{ObjectMeta: meta(namespace, name, watch), Spec: infrav1.MaasHostPoolSpec{
		CredentialsRef: credentials, ResourcePool: "default",
	}})
	w.create(&infrav1.MaasCluster{ObjectMeta: owned(meta(namespace, name, watch), "Cluster", cluster.UID), Spec: infrav1.MaasClusterSpec{
		CredentialsRef: credentials, Endpoint: infrav1.ControlPlaneEndpointSource{Type: infrav1.EndpointVIP},
		ControlPlaneEndpoint: infrav1.APIEndpoint{Host: "10.9.0.250", Port: 6443},
	}})
	machine := &clusterv1.Machine{ObjectMeta: meta(namespace, name, watch), Spec: clusterv1.MachineSpec{
		ClusterName: name, Bootstrap: clusterv1.Bootstrap{DataSecretName: ptr.To(name)},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupVersion.Group, Kind: "MaasMachine", Name: name},
	}}
	w.create(machine)
	w.create(&corev1.Secret{ObjectMeta: meta(namespace, name, watch), Data: map[string][]byte{"value": []byte("#cloud-config\n")}})
	w.create(&infrav1.MaasMachine{ObjectMeta: owned(meta(namespace, name, watch), "Machine", machine.UID), Spec: infrav1.MaasMachineSpec{
		HostPoolRef: infrav1.LocalObjectReference{Name: name}, Image: infrav1.Image{Name: "ubuntu/jammy"},
	}})
}

func owned(m metav1.ObjectMeta, kind string, uid types.UID) metav1.ObjectMeta {
	m.OwnerReferences = []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: kind, Name: m.Name, UID: uid}}
	return m
}

// lease makes a lease as another manager would, on a server that nobody holds yet.
func (w *filterWorld) lease(namespace, name, watch string) {
	w.Helper()
	id := leaseOf(name)
	w.sim.AddMachine(maassim.MachineSpec{SystemID: id})
	host := &infrav1.MaasHost{ObjectMeta: meta(namespace, id, watch), Spec: infrav1.MaasHostSpec{
		SystemID: id, LeaseID: "capmaas-" + name, ClusterName: name, CredentialsRef: infrav1.CredentialsReference{Name: "maas"},
		ConsumerRef: infrav1.LocalObjectReference{Name: name}, Image: infrav1.Image{Name: "ubuntu/jammy"},
		UserDataSecretRef: infrav1.LocalObjectReference{Name: name},
	}}
	w.create(host)
}

func leaseOf(name string) string { return "srv-" + name }

// all are the objects of a name that the provider reconciles, but for leases.
func (w *filterWorld) all(namespace, name string) []conditionsObject {
	m := metav1.ObjectMeta{Namespace: namespace, Name: name}
	return []conditionsObject{&infrav1.MaasHostPool{ObjectMeta: m}, &infrav1.MaasCluster{ObjectMeta: m}, &infrav1.MaasMachine{ObjectMeta: m}}
}

type conditionsObject interface {
	client.Object
	conditions.Getter
}

func (w *filterWorld) ready(o conditionsObject) (bool, string) {
	if err := w.Get(w.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		return false, err.Error()
	}
	return conditions.IsTrue(o, infrav1.ReadyCondition), fmt.Sprint(o.GetConditions())
}

// leftAlone asserts that the manager has done nothing to the objects of a name, nor to the server that they have leased.
func (w *filterWorld) leftAlone(namespace, name string) {
	w.Helper()
	objects := w.all(namespace, name)
	if v, ok := w.sim.Machine(leaseOf(name)); ok {
		objects = append(objects, &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v.SystemID}})
		if v.Allocations != 0 || v.Deploys != 0 {
			w.Errorf("want the server of %s left alone, got %d allocations and %d deployments", name, v.Allocations, v.Deploys)
		}
	}
	for _, o := range objects {
		if err := w.Get(w.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			w.Fatal(err)
		}
		if len(o.GetFinalizers()) > 0 || len(o.GetConditions()) > 0 {
			w.Errorf("want %T %s/%s left alone, got finalizers %v and conditions %v", o, namespace, name, o.GetFinalizers(), o.GetConditions())
		}
	}
}

func (w *filterWorld) await(what string, done func() (ok bool, seen string)) {
	w.Helper()
	var seen string
	err := wait.PollUntilContextTimeout(w.Context(), 50*time.Millisecond, 4*time.Minute, true, func(context.Context) (bool, error) {
		var ok bool
		ok, seen = done()
		return ok, nil
	})
	if err != nil {
		w.Fatalf("want %s within four minutes; last seen: %s", what, seen)
	}
}
