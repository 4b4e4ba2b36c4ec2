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

package provider

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// theLab is shared by all tests of the package: starting one takes longer than most of them. Each test has its own namespace, servers
// and MAAS resource pool. Tests that hurt everybody (a killed manager, a failing MAAS) do not run in parallel.
var theLab *lab.Lab

// inParallel is how many tests run at the same time, squads among them.
const inParallel = squadSize

func TestMain(m *testing.M) {
	lab.Enter()
	ctrl.SetLogger(logr.Discard())
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if !wantsLab() {
		return m.Run()
	}
	// The tests mostly wait for others.
	if err := flag.Set("test.parallel", strconv.Itoa(inParallel)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	l, err := lab.Start(ctx, lab.Config{
		Artifacts: filepath.Join(lab.Repository(), "_artifacts", "provider"),
		Providers: lab.BareProviders(),
		ExtraArgs: map[string][]string{lab.MAAS: managerArgs(), lab.ClusterAPI: coreArgs()},
		Nice:      coreNice(),
		MAAS: lab.MAASConfig{Hollow: true, Timings: maassim.Timings{
			Commit: 20 * time.Millisecond, PowerOn: 50 * time.Millisecond, PowerOff: 150 * time.Millisecond, PowerRetry: time.Second,
			NetBoot: 100 * time.Millisecond, Install: 300 * time.Millisecond, Boot: 100 * time.Millisecond, Erase: 200 * time.Millisecond,
			Commission: 200 * time.Millisecond, Test: time.Hour, NodeTimeout: time.Hour,
		}},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer l.Stop()
	theLab = l
	if err := giveWay(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func managerArgs() []string {
	// MAAS tells nobody that a machine was deleted.
	args := []string{"--v=4", "--maas-relist-interval=5s", "--maas-qps=-1"}
	if !*costTiming {
		// Each life in the crash tests keeps a worker waiting.
		args = append(args, fmt.Sprintf("--concurrency=%d", squadSize+4))
	}
	return args
}

func newClient() (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, clusterv1.AddToScheme, ipamv1.AddToScheme, infrav1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	cfg := theLab.AdminConfig()
	cfg.QPS, cfg.Burst = 200, 400
	// The tests do things that the API server has to warn of.
	cfg.WarningHandler = rest.NoWarnings{}
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	return patient(c), nil
}
