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
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

func TestLedger(t *testing.T) {
	l := newLedger()
	call := func(name, systemID string, form map[string][]string) {
		l.observe(&maassim.Call{Name: name, SystemID: systemID, Form: form}, maassim.Before)
		l.observe(&maassim.Call{Name: name, SystemID: systemID, Form: form}, maassim.After)
	}
	agent := func(name string) map[string][]string { return map[string][]string{"agent_name": {name}} }
	call("events.query", "", nil)
	call("machines.list", "", nil)              // full
	call("machines.list", "", agent("lease-a")) // before it is known whose that is
	call("machines.allocate", "aaaaaa", agent("lease-a"))
	call("machine.deploy", "aaaaaa", nil)
	call("machines.list", "", map[string][]string{"id": {"aaaaaa", "bbbbbb"}})
	if before := l.enter(deleting); before != 6 {
		t.Errorf("%d calls before deletion, want 6", before)
	}
	call("machines.list", "", agent("lease-a"))
	call("machine.release", "aaaaaa", nil)

	got := l.of("aaaaaa")
	if got.Create != 4 || got.Delete != 2 || got.Total != 6 || got.ByOperation["machines.list by agent_name"] != 2 {
		t.Errorf("calls for aaaaaa are %+v", got)
	}
	if got := l.of("bbbbbb"); got.Total != 1 {
		t.Errorf("calls for bbbbbb are %+v", got)
	}
	if calls, events := l.totals(); calls != 8 || events != 1 {
		t.Errorf("%d calls, %d of them of events", calls, events)
	}
}

func TestReport(t *testing.T) {
	r := newReport(options{version: "v1.36.3"})
	r.phase("startLab", 8140*time.Millisecond)
	r.fail(errors.Join(errors.New("one"), errors.New("two")))
	r.fail(nil)
	rate := 61.5
	r.MAAS = maasReport{CallsTotal: 200, CallsPerMinuteSteady: &rate, EventPolls: 120}
	path := filepath.Join(t.TempDir(), "new", "demo.json")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"startedAt", "phases", "machines", "maas", "managerPeakRSSMiB", "errors", "ok"} {
		if got[key] == nil {
			t.Errorf("the report has no %s", key)
		}
	}
	if errs, _ := got["errors"].([]any); len(errs) != 2 {
		t.Errorf("errors are %v", got["errors"])
	}
	phases, _ := got["phases"].([]any)
	if first, _ := phases[0].(map[string]any); first["seconds"] != 8.1 {
		t.Errorf("phases are %v", phases)
	}
}

func TestFleet(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	m := machineWith("n")
	m.Name = "m"
	m.Labels = map[string]string{clusterv1.MachineControlPlaneLabel: ""}
	m.Spec.InfrastructureRef.Name = "mm"
	s := snapshot{machines: []clusterv1.Machine{*m}}
	f := &fleet{}
	f.update(s, at(0))

	mm := maasMachineWith(is(infrav1.HostLeasedCondition))
	mm.Status.HostRef.Name, mm.Status.Hostname = "aaaaaa", "r1-cp-01"
	host := hostWith(true, is(infrav1.AllocatedCondition), is(infrav1.HostDeployedCondition))
	host.Status.DeployedTime = metav1.NewTime(at(9))
	s.maasMachines = map[string]*infrav1.MaasMachine{"mm": mm}
	f.update(s, at(2))
	s.hosts = map[string]*infrav1.MaasHost{"aaaaaa": host}
	f.update(s, at(9))
	s.machines[0].Status.Conditions = []metav1.Condition{is(clusterv1.MachineNodeReadyCondition), is(clusterv1.MachineReadyCondition)}
	f.update(s, at(20))
	f.update(s, at(30))

	if got := f.rows(at(30), at(29)); len(got) != 1 || got[0].phase != ready || got[0].elapsed != 20*time.Second || got[0].role != roleControlPlane {
		t.Errorf("rows are %+v", got)
	}
	got := f.reports(newLedger())[0]
	if got.LeasedAfter != 2 || got.DeployedAfter != 9 || got.NodeReadyAfter != 20 || got.SystemID != "aaaaaa" || got.Host != "r1-cp-01" {
		t.Errorf("report is %+v", got)
	}

	deleted := metav1.NewTime(at(40))
	s.machines[0].DeletionTimestamp = &deleted
	f.update(s, at(40))
	f.update(snapshot{}, at(45))
	if got := f.rows(at(60), at(50)); len(got) != 0 {
		t.Errorf("long after deletion rows are %+v", got)
	}
	if got := f.rows(at(60), at(40)); got[0].phase != gone || got[0].elapsed != 5*time.Second {
		t.Errorf("after deletion rows are %+v", got)
	}
}

func TestRack(t *testing.T) {
	for _, tc := range []struct{ controlPlanes, workers, servers, wantSmall int }{
		{3, 3, 10, 4}, {3, 3, 6, 3}, {1, 0, 3, 3}, {5, 2, 8, 6}, {3, 6, 21, 6},
	} {
		specs := rack(tc.controlPlanes, tc.workers, tc.servers)
		small, names, perZone := 0, map[string]bool{}, map[string]int{}
		for _, s := range specs {
			names[s.Hostname] = true
			if s.Pool == controlPlanePool {
				small++
				perZone[s.Zone]++
			}
		}
		if len(specs) != tc.servers || len(names) != tc.servers || small != tc.wantSmall || len(perZone) != zones {
			t.Errorf("%+v: %d servers, %d names, %d for the control plane, in zones %v", tc, len(specs), len(names), small, perZone)
		}
	}
}

func TestParse(t *testing.T) {
	if o, err := parse(nil); err != nil || o.servers != 10 || o.exit {
		t.Errorf("defaults are %+v, %v", o, err)
	}
	for _, args := range [][]string{{"-control-planes", "2"}, {"-workers", "-1"}, {"-servers", "5"}, {"extra"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestCheckServer(t *testing.T) {
	fine := maassim.MachineView{Hostname: "h", SystemID: "aaaaaa", Status: maassim.StatusReady, Deploys: 1}
	if err := checkServer(fine, 1); err != nil {
		t.Error(err)
	}
	if err := checkServer(fine, 0); err == nil {
		t.Error("a server that nobody had was deployed, and that is fine")
	}
	bad := maassim.MachineView{Hostname: "h", SystemID: "aaaaaa", Status: maassim.StatusDeployed, StatusName: "Deployed", Owner: "capmaas", PoweredOn: true, Deploys: 2}
	want := "server h (aaaaaa) is Deployed in MAAS, not Ready, still belongs to capmaas, is still powered on, was deployed 2 times, not 1"
	if err := checkServer(bad, 1); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
