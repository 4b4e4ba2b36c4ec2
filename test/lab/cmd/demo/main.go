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

// Command demo shows the provider at work on a machine that has nothing but Go:
// it starts the lab, makes a cluster on simulated servers of a simulated MAAS,
// upgrades it under the data that its workers hold and, with -exit, deletes it
// again and checks that nothing is left.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// options are the command line.
type options struct {
	exit          bool
	controlPlanes int
	workers       int
	storage       int
	addons        bool
	charts        string
	servers       int
	timeout       time.Duration
	version       string
}

func main() {
	if lab.Outside() {
		fetchCharts(os.Args[1:])
	}
	lab.Enter()
	opts, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
	os.Exit(run(opts))
}

// run makes the demo end cleanly at the first signal and at once at the second.
func run(opts options) int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	screen := newScreen(os.Stdout)
	defer screen.close()
	context.AfterFunc(ctx, func() {
		stop()
		second := make(chan os.Signal, 1)
		signal.Notify(second, unix.SIGINT, unix.SIGTERM)
		<-second
		screen.close()
		// The sandbox takes everything that runs in it along.
		os.Exit(exitInterrupted)
	})
	d := newDemo(opts, screen)
	return d.run(ctx)
}

// nodes is how many machines of the workload cluster have a part in the storage.
func (o options) nodes() int { return o.workers + o.storage }

// machines is how many the workload cluster has.
func (o options) machines() int { return o.controlPlanes + o.nodes() }

const (
	exitFailed      = 1
	exitInterrupted = 130
)

func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("demo", flag.ContinueOnError)
	fs.BoolVar(&o.exit, "exit", false, "delete the cluster when it is up, check that nothing is left, and exit")
	fs.IntVar(&o.controlPlanes, "control-planes", 3, "number of control plane machines: 1, 3 or 5")
	fs.IntVar(&o.workers, "workers", 3, "number of worker machines")
	fs.BoolVar(&o.addons, "addons", false, "install the whole addon set, and have two more workers for the storage: takes about twice as long")
	fs.StringVar(&o.charts, "charts", chartsStandIn,
		"where charts of other projects come from: "+chartsStandIn+" has stand-ins of their names and versions, "+chartsUpstream+" fetches them first, which needs the internet; implies -addons")
	fs.IntVar(&o.servers, "servers", 0, "number of simulated servers; four more than needed when 0")
	fs.DurationVar(&o.timeout, "timeout", 15*time.Minute, "how long it may take until the cluster is up, and with -exit until it is gone")
	fs.StringVar(&o.version, "kubernetes-version", lab.PreviousKubernetesVersion,
		"version that the workload cluster is made with; it is upgraded to "+lab.KubernetesVersion+", whose binaries it runs all along")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if o.controlPlanes != 1 && o.controlPlanes != 3 && o.controlPlanes != 5 {
		return o, fmt.Errorf("-control-planes %d: etcd wants 1, 3 or 5", o.controlPlanes)
	}
	if o.workers < 0 {
		return o, fmt.Errorf("-workers %d: must not be negative", o.workers)
	}
	switch o.charts {
	case chartsStandIn:
	case chartsUpstream:
		o.addons = true
	default:
		return o, fmt.Errorf("-charts %s: it is %s or %s", o.charts, chartsStandIn, chartsUpstream)
	}
	if o.addons {
		o.storage = storageMachines
	}
	least := serversNeeded(o.controlPlanes, o.workers)
	if o.servers == 0 {
		o.servers = least + spareServers
	}
	if o.servers < least {
		return o, fmt.Errorf("-servers %d: at least %d are needed (as many control plane servers in each zone, and the workers)", o.servers, least)
	}
	return o, nil
}
