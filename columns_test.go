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
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// TestHostColumns has the real kubectl print servers that are in use, reserved and in quarantine, as the CRD says.
func TestHostColumns(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an API server")
	}
	crds := filepath.Join(t.TempDir(), "crds.yaml")
	if err := os.WriteFile(crds, []byte(output(t, "bin/kustomize", "build", "config/crd")), 0o600); err != nil {
		t.Fatal(err)
	}
	api, err := lab.StartAPIServer(t.Context(), lab.APIServerConfig{CRDs: []string{crds}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Stop)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := api.WriteKubeconfig(kubeconfig); err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	if err := infrav1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(api.AdminConfig(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	writeHost(t, c, "abc", infrav1.HostStateInUse, infrav1.ReadyReason, func(h *infrav1.MaasHost) {
		h.Spec.ClusterName, h.Spec.ConsumerRef.Name, h.Spec.Image.Name, h.Spec.UserDataSecretRef.Name = "prod", "prod-md-0-x", "ubuntu/jammy", "x"
	})
	writeHost(t, c, "def", infrav1.HostStateReserved, infrav1.HostReservedReason, func(h *infrav1.MaasHost) {
		h.Spec.Reservation = infrav1.HostReservation{
			ClusterName: "prod", Owner: infrav1.HostReservationOwner{Kind: "MachineDeployment", Name: "md-0"}, Predecessor: "prod-md-0-y",
			ExpirationTime: metav1.NewTime(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)),
		}
	})
	writeHost(t, c, "ghi", infrav1.HostStateQuarantined, infrav1.HostQuarantinedReason, func(*infrav1.MaasHost) {})
	for flag, want := range map[string]string{
		"": `NAME HOST ZONE STATE MACHINE CLUSTER SINCE REASON READY AGE
abc n-abc az1 InUse prod-md-0-x prod AGO Ready True AGO
def n-def az1 Reserved AGO Reserved True AGO
ghi n-ghi az1 Quarantined AGO Quarantined True AGO
`,
		"-owide": `NAME HOST ZONE STATE MACHINE CLUSTER DATA DISKS SINCE REASON READY AGE POOL MAAS POWER RESERVED FOR UNTIL MESSAGE
abc n-abc az1 InUse prod-md-0-x prod 2 protected AGO Ready True AGO pool Deployed on why
def n-def az1 Reserved 2 protected AGO Reserved True AGO pool Deployed on md-0 2030-01-02T03:04:05Z why
ghi n-ghi az1 Quarantined 2 protected AGO Quarantined True AGO pool Deployed on why
`,
	} {
		args := append([]string{"--kubeconfig", kubeconfig, "get", "maashosts"}, strings.Fields(flag)...)
		if got := squeezed(output(t, "bin/kubectl", args...)); got != want {
			t.Errorf("kubectl get maashosts %s: want\n%s, got\n%s", flag, want, got)
		}
	}
}

// writeHost makes a lease of a pool with the status that its controller would have given it.
func writeHost(t *testing.T, c client.Client, name string, state infrav1.HostState, reason string, change func(*infrav1.MaasHost)) {
	t.Helper()
	h := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	h.Spec.SystemID, h.Spec.LeaseID, h.Spec.CredentialsRef.Name, h.Spec.HostPoolRef.Name = name, name, "maas", "pool"
	change(h)
	if err := c.Create(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	h.Status.State, h.Status.StateTime, h.Status.DataDisks = state, metav1.NewTime(time.Now().Add(-5*time.Minute)), "2 protected"
	h.Status.MAAS = infrav1.MaasHostInventory{Hostname: "n-" + name, Zone: "az1", State: "Deployed", Power: "on"}
	conditions.Set(h, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: reason, Message: "why"})
	if err := c.Status().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
}

var ages = regexp.MustCompile(`\b(\d+[smhd])+\b`)

// squeezed has single spaces between words and AGO for every age.
func squeezed(table string) string {
	out := ""
	for line := range strings.Lines(table) {
		out += ages.ReplaceAllString(strings.Join(strings.Fields(line), " "), "AGO") + "\n"
	}
	return out
}
