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
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

const (
	namespace   = "default"
	clusterName = "demo"
	// tick moves the clocks on the screen; changes are shown sooner.
	tick = time.Second
	// settleTime joins changes that come together.
	settleTime = 100 * time.Millisecond
	// steadyTime is how long nothing happens before MAAS calls are extrapolated.
	steadyTime = 10 * time.Second
)

// errInterrupted is the end by a signal.
var errInterrupted = errors.New("interrupted")

// demo is one run.
type demo struct {
	opts    options
	screen  *screen
	report  *report
	calls   *ledger
	fleet   *fleet
	lab     *lab.Lab
	client  client.Client
	world   *world
	began   time.Time // the cluster was applied
	shown   view
	peakRSS int64
	// insideKubeconfig leads to the management cluster from within the sandbox.
	insideKubeconfig string
	storage          *lab.Storage // nil until there is one
	heldAt           time.Time    // holds were counted
	steadySince      time.Time
	steadyCalls      int
}

func newDemo(opts options, s *screen) *demo {
	return &demo{opts: opts, screen: s, report: newReport(opts), calls: newLedger(), fleet: &fleet{}}
}

func artifacts() string  { return filepath.Join(lab.Repository(), "_artifacts", "demo") }
func reportPath() string { return filepath.Join(lab.Repository(), "_artifacts", "demo.json") }

func clusterKey() client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: clusterName}
}

// run is the whole demo and returns the exit code.
func (d *demo) run(ctx context.Context) int {
	// The watches end before the lab does: they would complain.
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	defer unwatch()
	err := d.play(ctx, watching)
	interrupted := ctx.Err() != nil
	if err != nil && !interrupted {
		d.report.fail(err)
		d.diagnose(context.WithoutCancel(ctx), err)
		if !d.opts.exit && d.lab != nil {
			d.lookAround()
			<-ctx.Done()
		}
	}
	if interrupted && !errors.Is(err, errInterrupted) {
		d.screen.settle()
		d.screen.say("\nInterrupted")
		d.report.fail(errInterrupted)
	}
	d.finish(err == nil || errors.Is(err, errInterrupted))
	unwatch()
	d.stop()
	switch {
	case err != nil && !interrupted:
		return exitFailed
	case interrupted && !errors.Is(err, errInterrupted):
		return exitInterrupted
	default:
		return 0
	}
}

// play goes from nothing to a cluster and, with -exit, back. It returns
// errInterrupted when a person ended looking around.
func (d *demo) play(ctx, watching context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, d.opts.timeout, fmt.Errorf("not done within %s (see -timeout)", d.opts.timeout))
	defer cancel()
	if err := d.redirectLogs(); err != nil {
		return err
	}
	d.screen.say("%s\n", d.opts.headline())
	if err := d.step(limited, "startLab", "Start the management cluster, its providers and MAAS", d.startLab); err != nil {
		return err
	}
	if err := d.step(limited, "applyCluster", "Apply credentials, host pools and the Cluster", func(ctx context.Context) error {
		return d.apply(ctx, watching)
	}); err != nil {
		return err
	}
	if err := d.create(limited); err != nil {
		return err
	}
	if err := d.installAddons(limited); err != nil {
		return err
	}
	if err := d.show(limited); err != nil {
		return err
	}
	if err := d.upgrade(limited); err != nil {
		return err
	}
	d.beginSteady()
	d.showUpgraded(limited)
	if !d.opts.exit {
		d.finish(true)
		d.lookAround()
		<-ctx.Done()
		d.endSteady()
		return errInterrupted
	}
	if err := d.step(limited, "steady", "Watch the calls of MAAS while nothing happens", d.waitSteady); err != nil {
		return err
	}
	d.endSteady()
	if err := d.remove(limited); err != nil {
		return err
	}
	d.screen.say("\n%s in %s", paint("OK", styleGreen, d.screen.colours), clock(time.Since(d.report.StartedAt)))
	return nil
}

// redirectLogs keeps what libraries log off the screen.
func (d *demo) redirectLogs() error {
	if err := os.MkdirAll(artifacts(), 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(artifacts(), "demo.log"))
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	log := slog.New(slog.NewTextHandler(f, nil))
	slog.SetDefault(log)
	klog.SetSlogLogger(log)
	ctrl.SetLogger(klog.Background())
	return nil
}

// step does something that takes a while and says how long.
func (d *demo) step(ctx context.Context, name, what string, f func(ctx context.Context) error) error {
	started := time.Now()
	var g errgroup.Group
	done := make(chan struct{})
	g.Go(func() error {
		defer close(done)
		return f(ctx)
	})
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for running := true; running; {
		width, _ := d.screen.size()
		d.screen.draw([]string{paint(cut(fmt.Sprintf("      …  %s %s", what, clock(time.Since(started))), width), styleDim, d.screen.colours)})
		select {
		case <-done:
			running = false
		case <-ticker.C:
		}
	}
	err := g.Wait()
	if err == nil {
		d.passed(name, what, time.Since(started))
	}
	return withCause(ctx, err)
}

// passed notes and shows a phase that is over.
func (d *demo) passed(name, what string, took time.Duration) {
	d.report.phase(name, took)
	d.screen.say("%s  %s", paint(fmt.Sprintf("%5.1f s", took.Seconds()), styleGreen, d.screen.colours), what)
}

// withCause says why a context ended rather than that it did.
func withCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (d *demo) startLab(ctx context.Context) error {
	var err error
	d.lab, err = lab.Start(ctx, lab.Config{
		Artifacts: artifacts(), Providers: d.providers(),
		MAAS: lab.MAASConfig{Timings: timings()}, Logger: slog.Default(),
	})
	if err != nil {
		return err
	}
	d.lab.MAAS().Intercept(d.calls.observe)
	return fillRack(d.lab, d.opts)
}

func (d *demo) spec() lab.ClusterSpec {
	// On the same servers where there are enough members for one to be missing, otherwise on a spare one.
	surge := "1"
	if d.opts.controlPlanes >= 3 {
		surge = "0"
	}
	return lab.ClusterSpec{
		Namespace: namespace, Name: clusterName, Version: d.opts.version,
		ControlPlanes: d.opts.controlPlanes, Workers: d.opts.workers,
		Variables: map[string]string{
			"MAAS_CP_RESOURCE_POOL": controlPlanePool, "MAAS_WORKER_RESOURCE_POOL": workerPool, "CONTROL_PLANE_MAX_SURGE": surge,
		},
	}
}

func (d *demo) apply(ctx, watching context.Context) error {
	s, err := scheme()
	if err != nil {
		return err
	}
	if d.client, err = client.New(d.lab.AdminConfig(), client.Options{Scheme: s}); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	d.insideKubeconfig = filepath.Join(artifacts(), "inside.kubeconfig")
	if err := d.lab.APIServer().WriteKubeconfig(d.insideKubeconfig); err != nil {
		return err
	}
	if d.world, err = watch(watching, d.lab.AdminConfig(), clusterKey()); err != nil {
		return err
	}
	d.began = time.Now()
	objects, err := lab.RenderClasses(d.spec(), d.classes()...)
	if err != nil {
		return err
	}
	set, err := d.addonSet(watching, objects)
	if err != nil {
		return err
	}
	return d.lab.Apply(ctx, namespace, slices.Concat(objects, []*unstructured.Unstructured{d.gate()}, set))
}

// create follows the machines until the cluster is up. Portworx comes when the workers have joined, for they are not ready without it.
func (d *demo) create(ctx context.Context) error {
	want := d.opts.machines()
	d.screen.say("")
	last := time.Now()
	milestones := []struct {
		name    string
		reached func(s snapshot) bool
	}{
		{"controlPlaneInitialized", snapshot.initialised},
		{"nodesReady", func(s snapshot) bool { return s.nodesReady() == want }},
		{"clusterAvailable", func(s snapshot) bool { return s.content(want) }},
	}
	next := 0
	var storing, stored bool
	var storingSince time.Time
	outcome := make(chan error, 1)
	var storeErr error
	err := d.follow(ctx, d.began, duringCreation, func(s snapshot) bool {
		if !storing && s.initialised() && s.workersReady() == d.opts.nodes() {
			storing, storingSince = true, time.Now()
			go func() { outcome <- d.storeData(ctx) }()
		}
		select {
		case storeErr = <-outcome:
			stored = true
			d.report.phase("startStorage", time.Since(storingSince))
		default:
		}
		for next < len(milestones) && milestones[next].reached(s) {
			d.report.phase(milestones[next].name, time.Since(last))
			last = time.Now()
			next++
		}
		return storeErr != nil || stored && next == len(milestones)
	})
	if err := errors.Join(err, storeErr); err != nil {
		return err
	}
	d.screen.say("\n%s  %s", paint(fmt.Sprintf("%5.1f s", time.Since(d.began).Seconds()), styleGreen, d.screen.colours),
		"from nothing to an available Cluster with data on its workers")
	return nil
}

// stretch is a part of the demo in which the machines are shown.
type stretch int

const (
	duringCreation stretch = iota
	duringUpgrade
	duringDeletion
)

// follow shows the machines until done says so.
func (d *demo) follow(ctx context.Context, started time.Time, during stretch, done func(s snapshot) bool) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	defer d.screen.settle()
	for {
		s, err := d.world.look(ctx)
		if err != nil {
			return withCause(ctx, err)
		}
		d.present(s, started, during)
		if done(s) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			d.sampleMemory()
		case <-d.world.changed:
			select {
			case <-ctx.Done():
			case <-time.After(settleTime):
			}
		}
	}
}

// present shows a snapshot, in place or as what has changed.
func (d *demo) present(s snapshot, started time.Time, during stretch) {
	now := time.Now()
	d.fleet.update(s, now)
	calls, _ := d.calls.totals()
	since := now.Add(-tick)
	if during == duringDeletion {
		since = started
	}
	v := view{
		cluster: clusterName, initialised: s.initialised(), deleting: during == duringDeletion, ready: s.nodesReady(),
		want: d.opts.machines(), calls: calls, elapsed: now.Sub(started), rows: d.fleet.rows(now, since),
	}
	if during == duringUpgrade {
		u := s.upgradeView(v.want, d.storage.Sim)
		u.online, u.nodes = len(d.storage.Hosts()), d.opts.nodes()
		v.upgrade = &u
	}
	if d.screen.live {
		width, _ := d.screen.size()
		d.screen.draw(v.lines(width, d.screen.colours))
		return
	}
	for _, line := range v.changes(d.shown) {
		d.screen.say("%s", line)
	}
	d.shown = v
}

func (d *demo) beginSteady() {
	d.steadySince = time.Now()
	d.steadyCalls = d.calls.enter(steady)
}

func (d *demo) waitSteady(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(steadyTime - time.Since(d.steadySince)):
		return nil
	}
}

// endSteady extrapolates the calls since beginSteady to a minute.
func (d *demo) endSteady() {
	calls, _ := d.calls.totals()
	took := time.Since(d.steadySince)
	if took < steadyTime/2 {
		return
	}
	rate := float64(int(float64(calls-d.steadyCalls)/took.Minutes()*10)) / 10
	d.report.MAAS.CallsPerMinuteSteady = &rate
}

// finish writes the report.
func (d *demo) finish(ok bool) {
	d.sampleMemory()
	d.report.MAAS.CallsTotal, d.report.MAAS.EventPolls = d.calls.totals()
	d.report.Machines = d.fleet.reports(d.calls)
	d.report.ManagerPeakRSSMiB = d.peakRSS >> 20
	d.report.OK = ok && len(d.report.Errors) == 0
	if err := d.report.write(reportPath()); err != nil {
		d.screen.say("%s", err)
	}
}

// stop ends the lab.
func (d *demo) stop() {
	if d.insideKubeconfig != "" {
		_ = os.Remove(d.insideKubeconfig)
	}
	if d.lab == nil {
		return
	}
	d.screen.settle()
	if d.screen.live {
		d.screen.draw([]string{paint("Stopping everything", styleDim, d.screen.colours)})
	}
	d.lab.Stop()
	d.screen.say("Everything is stopped. Logs: %s", relative(artifacts()))
}
