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
	"os"
	"path/filepath"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

const (
	chartsStandIn  = "stand-in"
	chartsUpstream = "upstream"
	addonProfile   = "current"
)

func (o options) headline() string {
	text := fmt.Sprintf("%d control plane and %d worker machines on a rack of %d simulated servers", o.controlPlanes, o.workers, o.servers)
	if o.storage > 0 {
		text += fmt.Sprintf("; %d more for the storage", o.storage)
	}
	return text
}

// chartFolder keeps the archives of other projects' charts from one run to the next.
func chartFolder() string { return filepath.Join(lab.Repository(), "out", "charts") }

// fetchCharts fetches what the lab, which has no network, takes charts of other projects from. It ends the program when that fails.
func fetchCharts(args []string) {
	opts, err := parse(args)
	if err != nil || opts.charts != chartsUpstream {
		return // main says what is wrong
	}
	set, err := lab.RenderAddons(lab.ClusterSpec{Namespace: namespace, Name: clusterName}, addonProfile, "")
	if err == nil {
		err = lab.FetchCharts(context.Background(), chartFolder(), set, func(format string, args ...any) { fmt.Printf("Fetched "+format+"\n", args...) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(exitFailed)
	}
}

func (d *demo) providers() []lab.Provider {
	if d.opts.addons {
		return lab.WithAddons(lab.FullProviders())
	}
	return lab.FullProviders()
}

// addonSet serves the charts, until ctx ends, has the Cluster among the objects ask for all addons, and returns what installs them.
func (d *demo) addonSet(ctx context.Context, objects []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	if !d.opts.addons {
		return nil, nil
	}
	charts, err := d.lab.ServeCharts(ctx)
	if err != nil {
		return nil, err
	}
	set, err := lab.RenderAddons(d.spec(), addonProfile, charts.URL())
	if err != nil {
		return nil, err
	}
	if err := charts.AddOwn(); err != nil {
		return nil, err
	}
	if d.opts.charts == chartsUpstream {
		err = charts.AddArchives(chartFolder(), set)
	} else {
		err = charts.AddStandIns(set, "")
	}
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if o.GetKind() == "Cluster" {
			labels := o.GetLabels()
			if labels == nil {
				labels = map[string]string{}
			}
			for k, v := range lab.AddonLabels(set) {
				labels[k] = v
			}
			o.SetLabels(labels)
		}
	}
	return set, nil
}

// installAddons waits until the MaasCluster says that all addons are installed.
func (d *demo) installAddons(ctx context.Context) error {
	if !d.opts.addons {
		return nil
	}
	what := "Install the addons: charts of our own, and stand-ins for those of other projects"
	if d.opts.charts == chartsUpstream {
		what = "Install the addons"
	}
	return d.step(ctx, "addons", what, func(ctx context.Context) error {
		return lab.WaitFor(ctx, "the addons", 8*time.Minute, func(ctx context.Context) error {
			if err := d.standInForOperators(ctx); err != nil {
				return err
			}
			maasCluster := &infrav1.MaasCluster{}
			if err := d.client.Get(ctx, clusterKey(), maasCluster); err != nil {
				return err
			}
			c := conditions.Get(maasCluster, infrav1.AddonsReadyCondition)
			switch {
			case c == nil:
				return errors.New("nothing is said of them yet")
			case c.Reason == infrav1.AddonsReadyReason:
				return nil
			}
			return fmt.Errorf("%s: %s", c.Reason, oneLine(c.Message))
		})
	})
}

// standInForOperators does in the workload cluster what pods would that run here only on paper: it defines what operators define, and takes away the webhooks
// that nobody answers.
func (d *demo) standInForOperators(ctx context.Context) error {
	c, err := d.lab.WorkloadClient(ctx, clusterKey())
	if err != nil {
		return err
	}
	if err := lab.DefineForOperators(ctx, c); err != nil {
		return err
	}
	for _, o := range []client.Object{&admissionv1.ValidatingWebhookConfiguration{}, &admissionv1.MutatingWebhookConfiguration{}} {
		if err := c.DeleteAllOf(ctx, o); err != nil {
			return fmt.Errorf("taking away webhooks: %w", err)
		}
	}
	return nil
}

// awaitStorageCluster waits for the StorageCluster of the addon set, whose state the simulated Portworx reports.
func (d *demo) awaitStorageCluster(ctx context.Context) error {
	if !d.opts.addons {
		return nil
	}
	return lab.WaitFor(ctx, "the StorageCluster", 5*time.Minute, func(ctx context.Context) error {
		if err := d.standInForOperators(ctx); err != nil {
			return err
		}
		c, err := d.lab.WorkloadClient(ctx, clusterKey())
		if err != nil {
			return err
		}
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion("core.libopenstorage.org/v1")
		list.SetKind("StorageClusterList")
		if err := c.List(ctx, list, client.InNamespace("portworx")); err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
}

// removeAddonSet deletes what says which addons the cluster was to have: it stays when a Cluster goes, as it does in Git.
func (d *demo) removeAddonSet(ctx context.Context) error {
	if !d.opts.addons {
		return nil
	}
	set := &unstructured.Unstructured{}
	set.SetAPIVersion("addons.cluster.x-k8s.io/v1alpha1")
	set.SetKind("HelmChartProxy")
	if err := d.client.DeleteAllOf(ctx, set, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("deleting the addon set: %w", err)
	}
	return nil
}

// showAddons prints the sum of the addons, and each release.
func (d *demo) showAddons(ctx context.Context) {
	if !d.opts.addons {
		return
	}
	d.command(ctx, d.insideKubeconfig, "kubectl", "get", "helmreleaseproxies", "-o", strings.Join([]string{
		"custom-columns=RELEASE:.spec.releaseName", "VERSION:.spec.version", "STATUS:.status.status", "REVISION:.status.revision",
	}, ","))
}
