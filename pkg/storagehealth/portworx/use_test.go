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

package portworx_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/portworx"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

// in has the world's Prober ask in another mode.
func (w *world) in(mode portworx.Mode) *world {
	w.t.Helper()
	var err error
	if w.prober, err = portworx.New(w.cluster, portworx.Options{Mode: mode}, w.clock); err != nil {
		w.t.Fatal(err)
	}
	return w
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.cluster.Create(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) id(host string) string {
	w.t.Helper()
	identity, ok := w.sim.Identity(host)
	if !ok {
		w.t.Fatalf("%s has no identity", host)
	}
	return identity.ID
}

// drives writes Portworx's list of drive sets: the host that has each, "" for none.
func (w *world) drives(of map[string]string) {
	w.t.Helper()
	list := map[string]any{}
	for set, host := range of {
		entry := map[string]any{"State": "Available", "NodeID": set, "Configs": map[string]any{}, "NodeIndex": 0}
		if host != "" {
			entry["State"], entry["NodeID"], entry["SchedulerNodeName"] = "In Use", w.id(host), host
		}
		list[set] = entry
	}
	text, err := json.Marshal(list)
	if err != nil {
		w.t.Fatal(err)
	}
	o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "px-cloud-drive-pxcluster"}, Data: map[string]string{"cloud-drive": string(text)}}
	_ = w.cluster.Delete(w.t.Context(), o)
	o.ResourceVersion = ""
	w.create(o)
}

// TestCloudDrives follows the drive set of a node: attached, detached after it stopped, attached to another.
func TestCloudDrives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{}, twoVolumes()...).in(portworx.FlashArrayCloudDrives)
	if _, err := w.prober.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "spec.storage.portworx.mode") {
		t.Errorf("without a list of drive sets: %v, expected an error that names the mode", err)
	}
	w.drives(map[string]string{"set-1": "w1", "set-2": "w2"})
	report := w.probe()
	if report.Locality != storagehealth.Movable || report.DriveSets != 2 {
		t.Errorf("locality %s and %d drive sets, expected Movable and 2", report.Locality, report.DriveSets)
	}
	if n := node(t, report, "w1"); !slices.Equal(n.DriveSets, []string{"set-1"}) || !strings.Contains(n.InUse, "set-1") {
		t.Errorf("w1 has drive sets %v and is in use by %q, expected set-1", n.DriveSets, n.InUse)
	}
	if n := node(t, report, "w3"); len(n.DriveSets) != 0 || n.InUse != "" {
		t.Errorf("w3 has drive sets %v and is in use by %q, expected none", n.DriveSets, n.InUse)
	}
	w.drives(map[string]string{"set-1": "", "set-2": "w2"})
	report = w.probe()
	if n := node(t, report, "w1"); n.InUse != "" || report.DriveSets != 2 {
		t.Errorf("w1 is in use by %q of %d sets after its set was detached, expected nothing of 2", n.InUse, report.DriveSets)
	}
	w.drives(map[string]string{"set-1": "w3", "set-2": "w2", "set-3": "w1"})
	report = w.probe()
	if n := node(t, report, "w3"); !slices.Equal(n.DriveSets, []string{"set-1"}) || report.DriveSets != 3 {
		t.Errorf("w3 has %v of %d sets, expected set-1 of 3", n.DriveSets, report.DriveSets)
	}
}

// TestDirectAccess has no copies on nodes at all: what counts is what is attached.
func TestDirectAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{}).in(portworx.FlashArrayDirectAccess)
	attachment := func(name, attacher, on string) *storagev1.VolumeAttachment {
		return &storagev1.VolumeAttachment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: storagev1.VolumeAttachmentSpec{Attacher: attacher, NodeName: on}}
	}
	w.create(attachment("a", "pxd.portworx.com", "w1"))
	w.create(attachment("b", "pxd.portworx.com", "w1"))
	w.create(attachment("c", "another.driver", "w2"))
	report := w.probe()
	if report.Locality != storagehealth.Remote {
		t.Errorf("locality %s, expected Remote", report.Locality)
	}
	if n := node(t, report, "w1"); !strings.HasPrefix(n.InUse, "2 volumes") {
		t.Errorf("w1 is in use by %q, expected 2 volumes", n.InUse)
	}
	if n := node(t, report, "w2"); n.InUse != "" {
		t.Errorf("w2 is in use by %q, expected nothing: the driver is another", n.InUse)
	}
	if refused, err := w.prober.Confirm(t.Context(), []string{"w1"}, []string{"w2"}); len(refused) > 0 || err != nil {
		t.Errorf("refused %v, %v; expected nobody to be asked", refused, err)
	}
}

// TestPodInUse has Portworx's Pod keep a node in use on local disks.
func TestPodInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{}, twoVolumes()...)
	pod := func(name, on string, phase corev1.PodPhase) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "portworx", Name: name, Labels: map[string]string{"name": "portworx"}},
			Spec: corev1.PodSpec{NodeName: on}, Status: corev1.PodStatus{Phase: phase}}
	}
	w.create(pod("px-1", "w1", corev1.PodRunning))
	w.create(pod("px-2", "w2", corev1.PodFailed))
	ofDaemonSet, skipped := pod("px-3", "w3", corev1.PodRunning), pod("px-4", "w4", corev1.PodRunning)
	ofDaemonSet.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "portworx", UID: "u", Controller: ptr.To(true)}}
	skipped.Labels["cluster.x-k8s.io/drain"] = "skip"
	w.create(ofDaemonSet)
	w.create(skipped)
	report := w.probe()
	for _, name := range []string{"w3", "w4"} {
		if n := node(t, report, name); n.InUse != "" {
			t.Errorf("%s is in use by %q, expected nothing: the drain leaves its Pod alone, so its end would be waited for in vain", name, n.InUse)
		}
	}
	if n := node(t, report, "w1"); !strings.Contains(n.InUse, "px-1") {
		t.Errorf("w1 is in use by %q, expected its Pod", n.InUse)
	}
	if n := node(t, report, "w2"); n.InUse != "" {
		t.Errorf("w2 is in use by %q, expected nothing: its Pod is over", n.InUse)
	}
}

// gateway is what stands before the simulator, and can ask for a token.
type gateway struct {
	sim http.Handler

	mu    sync.Mutex
	token string
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.token != "" && r.Header.Get("Grpc-Metadata-Authorization") != "bearer "+g.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.sim.ServeHTTP(w, r)
}

// behind makes a Prober that reaches the simulator over a gateway.
func behind(t *testing.T, scheme string, g *gateway) (*world, *portworx.Prober, workload.Cluster) {
	t.Helper()
	w := newWorld(t, pxsim.Options{}, twoVolumes()...)
	g.sim = w.sim
	services := &workloadtest.Services{}
	name := "portworx/portworx-api:9021"
	if scheme == "https" {
		name = "portworx/https:portworx-api:9021"
	}
	services.Set(name, g)
	cluster := workloadtest.WithClient(t, services, w.cluster)
	prober, err := portworx.New(cluster, portworx.Options{Scheme: scheme, TokenSecret: "px-user-token"}, w.clock)
	if err != nil {
		t.Fatal(err)
	}
	return w, prober, cluster
}

// TestAttachments moves what a node serves, and takes that back.
func TestAttachments(t *testing.T) {
	t.Parallel()
	w, prober, _ := behind(t, "http", &gateway{})
	const server = "w5"
	if can, err := prober.DrainAttachments(t.Context(), server); !can || err != nil {
		t.Errorf("draining: %t, %v", can, err)
	}
	if !w.sim.Cordoned(server) {
		t.Errorf("%s may still be made to serve volumes", server)
	}
	w.clock.SetTime(w.clock.Now().Add(time.Minute))
	if now := w.sim.Server("logs"); now == server || now == "" {
		t.Errorf("the volume is served by %q, expected another node than %s", now, server)
	}
	if err := prober.UncordonAttachments(t.Context(), server); err != nil || w.sim.Cordoned(server) {
		t.Errorf("uncordoning: %v, cordoned %t", err, w.sim.Cordoned(server))
	}
	before := len(w.sim.Calls())
	if can, err := prober.DrainAttachments(t.Context(), "not-a-node"); !can || err != nil || len(w.sim.Calls()) != before {
		t.Errorf("draining a node without Portworx: %t, %v, calls %v; expected none", can, err, w.sim.Calls())
	}
	w.sim.SetFaults(pxsim.Faults{LacksAttachments: true})
	if can, err := prober.DrainAttachments(t.Context(), server); can || err != nil {
		t.Errorf("draining with a version that cannot: %t, %v; expected false and no error", can, err)
	}
	if err := prober.UncordonAttachments(t.Context(), server); err != nil {
		t.Errorf("uncordoning with a version that cannot: %v", err)
	}
}

// TestHTTPSAndTokenRotation asks a gateway that speaks TLS, whose token is made anew.
func TestHTTPSAndTokenRotation(t *testing.T) {
	t.Parallel()
	g := &gateway{token: "let-me-in"}
	_, prober, cluster := behind(t, "https", g)
	if _, err := prober.Probe(t.Context()); err != nil {
		t.Fatalf("probing over HTTPS: %v", err)
	}
	g.mu.Lock()
	g.token = "made-anew"
	g.mu.Unlock()
	if _, err := prober.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "px-user-token") {
		t.Errorf("with the old token: %v, expected an error that names the Secret", err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "portworx", Name: "px-user-token"}, Data: map[string][]byte{"auth-token": []byte("made-anew")}}
	if err := cluster.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if _, err := prober.Probe(t.Context()); err != nil {
		t.Errorf("with the new token: %v", err)
	}
	for _, name := range []string{"gone", ""} {
		secret.Data["auth-token"] = []byte(name + "\nInjected: header")
		if err := cluster.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if _, err := prober.Probe(t.Context()); err == nil || strings.Contains(err.Error(), "Injected") {
			t.Errorf("with a token of two lines: %v, expected an error that does not show it", err)
		}
	}
}

// TestSlowGateway gives up when the context does: a gateway that hangs is one that cannot be asked.
func TestSlowGateway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, pxsim.Options{}, twoVolumes()...)
	hung := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-hung:
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hung) })
	services := &workloadtest.Services{}
	services.Set(service, server.Config.Handler)
	cluster := workloadtest.WithClient(t, services, w.cluster)
	prober, err := portworx.New(cluster, portworx.Options{}, clocktesting.NewFakePassiveClock(w.clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if report, err := prober.Probe(ctx); err == nil {
		t.Errorf("the report is %+v, expected an error", report)
	}
}

// TestOperatorIsBusy has Portworx's operator at something of its own.
func TestOperatorIsBusy(t *testing.T) {
	t.Parallel()
	condition := func(kind, status string) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{"source": "Portworx", "type": kind, "status": status}}, "status", "conditions")
		}
	}
	tests := map[string]struct {
		kind, name string
		change     func(*unstructured.Unstructured)
		busy       string
	}{
		"nothing":            {"StorageCluster", "px-cluster", condition("Update", "Completed"), ""},
		"a rolling update":   {"StorageCluster", "px-cluster", condition("Update", "InProgress"), "rolls out an update"},
		"a migration":        {"StorageCluster", "px-cluster", condition("Migration", "InProgress"), "migrates"},
		"its uninstallation": {"StorageCluster", "px-cluster", condition("Delete", "InProgress"), "uninstalled"},
		"one node updating": {"StorageNode", "w3", func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, "Updating", "status", "phase")
		}, "updates w3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pxsim.Options{}, twoVolumes()...)
			o := &unstructured.Unstructured{}
			o.SetAPIVersion("core.libopenstorage.org/v1")
			o.SetKind(tt.kind)
			if err := w.cluster.Get(t.Context(), client.ObjectKey{Namespace: "portworx", Name: tt.name}, o); err != nil {
				t.Fatal(err)
			}
			tt.change(o)
			if err := w.cluster.Update(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			report, err := w.prober.Probe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.Busy, tt.busy) || (tt.busy == "") != (report.Busy == "") {
				t.Errorf("busy with %q, expected %q", report.Busy, tt.busy)
			}
		})
	}
}
