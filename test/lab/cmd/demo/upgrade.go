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
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

const (
	// A minute passes in Portworx in one of our seconds.
	storageScale  = 60
	stableSeconds = 0
	volumeBytes   = 50 << 30
	writeRate     = 8 << 20
	workerClass   = "workers"
	storageClass  = "storage"
)

// classes are the workers, on fixed pools of servers whose data disks are kept; with addons also those for the storage.
func (d *demo) classes() []lab.WorkerClass {
	if d.opts.workers == 0 {
		return nil
	}
	// All of them at once, as far as Cluster API is concerned: it is the gate that knows better.
	classes := []lab.WorkerClass{{Name: workerClass, Replicas: d.opts.workers, MaxUnavailable: max(d.opts.workers, 1), ResourcePool: workerPool}}
	if d.opts.storage > 0 {
		classes = append(classes, lab.WorkerClass{Name: storageClass, Replicas: d.opts.storage, MaxUnavailable: d.opts.storage, ResourcePool: storagePool})
	}
	return classes
}

// gate is the cluster's. Nobody who watches wants it to wait any longer once the last copy is up to date.
func (d *demo) gate() *unstructured.Unstructured {
	return lab.Gate(d.spec(), max(d.opts.nodes(), 1), stableSeconds)
}

// upgrade replaces everything under the data.
func (d *demo) upgrade(ctx context.Context) error {
	if d.opts.workers < 2 {
		d.screen.say("\nNo upgrade: data that is to survive one needs copies on two workers")
		return nil
	}
	before := d.standings()
	d.calls.enter(upgrading)
	d.screen.say("\n%s", paint(fmt.Sprintf("Upgrade of control plane and workers from %s to %s", d.opts.version, lab.KubernetesVersion), styleBold, d.screen.colours))
	began := time.Now()
	if err := d.lab.UpgradeControlPlane(ctx, d.spec(), lab.KubernetesVersion); err != nil {
		return err
	}
	for _, class := range d.classes() {
		if err := d.lab.UpgradeWorkers(ctx, d.spec(), class.Name, lab.KubernetesVersion); err != nil {
			return err
		}
	}
	if err := d.followUpgrade(ctx, began); err != nil {
		return err
	}
	d.screen.say("")
	if err := d.checkUpgrade(before); err != nil {
		return err
	}
	d.passed("upgrade", "Upgraded; no volume was lost or out of reach, and each worker is the same to MAAS and to Portworx", time.Since(began))
	return nil
}

// storeData starts Portworx on the workers, and makes volumes with two and with three copies.
func (d *demo) storeData(ctx context.Context) error {
	if d.opts.workers == 0 {
		return nil
	}
	if err := d.awaitStorageCluster(ctx); err != nil {
		return err
	}
	var err error
	if d.storage, err = d.lab.StartStorage(ctx, clusterKey(), pxsim.Options{Scale: storageScale}, d.opts.nodes()); err != nil {
		return err
	}
	hosts := d.storage.Hosts()
	slices.Sort(hosts)
	for i := range 2 * len(hosts) {
		v := pxsim.Volume{Name: fmt.Sprintf("vm-disk-%d", i+1), Bytes: volumeBytes, WriteRate: writeRate}
		for j := range min(2+i/len(hosts), len(hosts)) {
			v.Nodes = append(v.Nodes, hosts[(i+j)%len(hosts)])
		}
		if err := d.storage.Sim.AddVolume(v); err != nil {
			return err
		}
	}
	return nil
}

// followUpgrade shows the machines until all have the new version and all repaves are closed.
func (d *demo) followUpgrade(ctx context.Context, began time.Time) error {
	want := d.opts.machines()
	last, controlPlaneDone := began, false
	return d.follow(ctx, began, duringUpgrade, func(s snapshot) bool {
		d.holds(s)
		if !controlPlaneDone && s.upgraded(true) == d.opts.controlPlanes {
			controlPlaneDone = true
			d.report.phase("controlPlaneUpgraded", time.Since(last))
			last = time.Now()
		}
		if !s.content(want) || s.upgraded(false) != want {
			return false
		}
		for i := range s.repaves {
			if s.repaves[i].Spec.Outcome == "" {
				return false
			}
		}
		d.report.phase("workersUpgraded", time.Since(last))
		d.report.upgraded(s.repaves)
		return true
	})
}

// holds counts for how long the gate held Machines, by its reasons.
func (d *demo) holds(s snapshot) {
	now := time.Now()
	passed := now.Sub(d.heldAt)
	d.heldAt = now
	if s.gate == nil || passed > 10*tick {
		return
	}
	for _, h := range s.gate.Status.Waiting {
		d.report.Upgrade.HeldSeconds[h.Reason] = seconds(passed) + d.report.Upgrade.HeldSeconds[h.Reason]
	}
}

// standings are who the workers are to MAAS and to Portworx.
func (d *demo) standings() map[string]string {
	all := map[string]string{}
	for _, host := range d.storage.Hosts() {
		machine, _ := d.lab.MAAS().MachineByHostname(host)
		identity, _ := d.storage.Sim.Identity(host)
		all[host] = machine.SystemID + " " + identity.ID + " " + strings.Join(identity.Pools, ",")
	}
	return all
}

// checkUpgrade fails when data was lost or out of reach, or a worker is not who it was.
func (d *demo) checkUpgrade(before map[string]string) error {
	var errs []error
	losses, outages := d.storage.Sim.Losses(), d.storage.Sim.Outages()
	d.report.Upgrade.VolumesLost, d.report.Upgrade.Outages = len(losses), len(outages)
	for _, l := range append(losses, outages...) {
		errs = append(errs, fmt.Errorf("volume %s: %s", l.Volume, l.Why))
	}
	after := d.standings()
	for host, was := range before {
		if is := after[host]; is != was {
			errs = append(errs, fmt.Errorf("%s was %q to MAAS and Portworx and is %q", host, was, is))
		}
	}
	return errors.Join(errs...)
}

// showUpgraded prints the fleet and the gate as kubectl shows them.
func (d *demo) showUpgraded(ctx context.Context) {
	d.command(ctx, d.insideKubeconfig, "kubectl", "get", "maashosts", "-o", "wide")
	if d.storage == nil {
		return
	}
	d.command(ctx, d.insideKubeconfig, "kubectl", "get", "repavegates")
	d.command(ctx, d.insideKubeconfig, "kubectl", "get", "repaves")
}

func isTrue(kind string) func(metav1.Condition) bool {
	return func(c metav1.Condition) bool { return c.Type == kind && c.Status == metav1.ConditionTrue }
}

// repaveReport is one repave.
type repaveReport struct {
	Node    string           `json:"node"`
	Reason  string           `json:"reason"`
	Outcome string           `json:"outcome"`
	Seconds float64          `json:"seconds"`
	Steps   map[string]int64 `json:"steps"`
}

// upgradeReport is the upgrade.
type upgradeReport struct {
	From    string         `json:"from"`
	To      string         `json:"to"`
	Repaves []repaveReport `json:"repaves"`
	// HeldSeconds is how long Machines waited for the gate, by its reasons.
	HeldSeconds map[string]float64 `json:"heldSeconds"`
	VolumesLost int                `json:"volumesLost"`
	// Outages is how often a volume had no copy within reach.
	Outages int `json:"outages"`
}

// upgraded notes what the gate has on record.
func (r *report) upgraded(repaves []infrav1.Repave) {
	for i := range repaves {
		one := &repaves[i]
		steps := map[string]int64{}
		for _, s := range one.Status.Steps {
			if s.Seconds != nil {
				steps[string(s.Name)] = *s.Seconds
			}
		}
		r.Upgrade.Repaves = append(r.Upgrade.Repaves, repaveReport{
			Node: one.Spec.NodeName, Reason: one.Spec.AdmittedReason, Outcome: string(one.Spec.Outcome),
			Seconds: seconds(one.Spec.ClosedTime.Sub(one.Spec.AdmittedTime.Time)), Steps: steps,
		})
	}
}
