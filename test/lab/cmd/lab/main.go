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

// Command lab starts a management cluster, a simulated MAAS with a rack of
// servers and, if asked to, a workload cluster, and keeps them until it is
// interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

type options struct {
	artifacts     string
	controlPlanes int
	workers       int
	cluster       string
	version       string
	speed         float64
	verbose       bool
}

func main() {
	lab.Enter()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("lab", flag.ContinueOnError)
	fs.StringVar(&o.artifacts, "artifacts", "_artifacts/lab", "folder for logs and kubeconfigs")
	fs.IntVar(&o.controlPlanes, "control-planes", 3, "servers in the control plane's resource pool")
	fs.IntVar(&o.workers, "workers", 2, "servers in the workers' resource pool")
	fs.StringVar(&o.cluster, "cluster", "", "create a workload cluster of this name on all servers")
	fs.StringVar(&o.version, "kubernetes-version", lab.KubernetesVersion, "version of the workload cluster")
	fs.Float64Var(&o.speed, "speed", 0, "how many times faster than real servers the simulated ones are; 0 for a second a step")
	fs.BoolVar(&o.verbose, "v", false, "log every call to MAAS")
	return o, fs.Parse(args)
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	started := time.Now()
	l, err := lab.Start(ctx, lab.Config{
		Artifacts: o.artifacts, Providers: lab.FullProviders(), MAAS: lab.MAASConfig{Speed: o.speed},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	})
	if err != nil {
		return err
	}
	defer l.Stop()
	if _, err := l.AddRack(o.controlPlanes, o.workers); err != nil {
		return err
	}
	fmt.Printf("\nThe lab is ready after %s. From another terminal:\n\n", time.Since(started).Round(time.Second))
	fmt.Printf("  export KUBECONFIG=%s\n", l.ManagementKubeconfig())
	fmt.Printf("  %s get clusters,machines,maashosts,maashostpools -A\n", lab.Tool("kubectl"))
	fmt.Printf("\nMAAS is %s, through the HTTP proxy %s\n", l.MAASEndpoint(), lab.ProxyURL())
	fmt.Printf("Logs are in %s. Ctrl-C ends everything.\n\n", l.Artifacts())
	if o.cluster != "" {
		if err := createCluster(ctx, l, o); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func createCluster(ctx context.Context, l *lab.Lab, o options) error {
	spec := lab.ClusterSpec{
		Namespace: "default", Name: o.cluster, Version: o.version, ControlPlanes: o.controlPlanes, Workers: o.workers,
	}
	if o.controlPlanes >= 3 {
		// No spare server: one at a time is installed anew.
		spec.Variables = map[string]string{"CONTROL_PLANE_MAX_SURGE": "0"}
	}
	started := time.Now()
	if err := l.CreateCluster(ctx, spec); err != nil {
		return err
	}
	want := o.controlPlanes + o.workers
	err := lab.WaitFor(ctx, fmt.Sprintf("%d ready nodes", want), 20*time.Minute, func(ctx context.Context) error {
		nodes, err := l.ReadyNodes(ctx, spec.Key())
		if err == nil && len(nodes) != want {
			err = fmt.Errorf("%d are", len(nodes))
		}
		return err
	})
	if err != nil {
		return err
	}
	path, err := l.WriteWorkloadKubeconfig(ctx, spec.Key())
	if err != nil {
		return err
	}
	fmt.Printf("Cluster %s has %d nodes after %s: export KUBECONFIG=%s\n", o.cluster, want, time.Since(started).Round(time.Second), path)
	return nil
}
