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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// remove deletes everything that was applied and checks that nothing is left.
func (d *demo) remove(ctx context.Context) error {
	d.calls.enter(deleting)
	started := time.Now()
	d.screen.say("\n%s", paint("$ kubectl delete cluster "+clusterName, styleBold, d.screen.colours))
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: clusterName}}
	if err := d.client.Delete(ctx, cluster); err != nil {
		return fmt.Errorf("deleting the cluster: %w", err)
	}
	if err := d.follow(ctx, started, duringDeletion, func(s snapshot) bool { return s.cluster == nil && len(s.machines) == 0 }); err != nil {
		return err
	}
	d.screen.say("")
	d.passed("deleteCluster", "Cluster deleted", time.Since(started))
	if err := d.step(ctx, "deletePools", "Delete host pools and credentials", d.removeRest); err != nil {
		return err
	}
	return d.step(ctx, "check", "Check that all servers are Ready in MAAS and nothing is left in the API", d.check)
}

// removeRest deletes what does not belong to the Cluster and so stays.
func (d *demo) removeRest(ctx context.Context) error {
	objects, err := lab.RenderClasses(d.spec(), d.classes()...)
	if err != nil {
		return err
	}
	for _, u := range objects {
		if u.GetKind() != "Cluster" {
			if err := d.client.Delete(ctx, u); client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("deleting %s %s: %w", u.GetKind(), u.GetName(), err)
			}
		}
	}
	if err := d.removeAddonSet(ctx); err != nil {
		return err
	}
	var pools infrav1.MaasHostPoolList
	if err := lab.WaitFor(ctx, "the host pools to be gone", time.Minute, func(ctx context.Context) error {
		if err := d.client.List(ctx, &pools); err != nil || len(pools.Items) == 0 {
			return err
		}
		return fmt.Errorf("%d are left", len(pools.Items))
	}); err != nil {
		return err
	}
	credentials := d.lab.Credentials(namespace, credentialsName)
	return client.IgnoreNotFound(d.client.Delete(ctx, credentials))
}

const credentialsName = "maas-credentials"

// check looks at MAAS and the API once all is said to be gone. Garbage
// collection may take another moment.
func (d *demo) check(ctx context.Context) error {
	var left []string
	err := lab.WaitFor(ctx, "the API to be empty", 30*time.Second, func(ctx context.Context) error {
		var err error
		if left, err = d.leftovers(ctx); err != nil {
			return err
		}
		if len(left) > 0 {
			return errors.New("something is left in the API: " + strings.Join(left, ", "))
		}
		return nil
	})
	errs := []error{err}
	machines := map[string]int{}
	for _, m := range d.fleet.members {
		machines[m.systemID]++
	}
	for _, m := range d.lab.MAAS().Machines() {
		errs = append(errs, checkServer(m, machines[m.SystemID]))
	}
	for _, m := range d.lab.Managers() {
		if n := m.Restarts(); n > 0 {
			errs = append(errs, fmt.Errorf("manager %s ended %d times by itself, see %s", m.Name(), n, relative(m.Log())))
		}
	}
	return errors.Join(errs...)
}

// checkServer tells what is wrong with a server that ought to be as before, after it was deployed once for each Machine that had it.
func checkServer(m maassim.MachineView, deploys int) error {
	var wrong []string
	if m.Status != maassim.StatusReady {
		wrong = append(wrong, "is "+m.StatusName+" in MAAS, not Ready")
	}
	if m.Owner != "" {
		wrong = append(wrong, "still belongs to "+m.Owner)
	}
	if m.PoweredOn {
		wrong = append(wrong, "is still powered on")
	}
	if m.Deploys != deploys {
		wrong = append(wrong, fmt.Sprintf("was deployed %d times, not %d", m.Deploys, deploys))
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("server %s (%s) %s", m.Hostname, m.SystemID, strings.Join(wrong, ", "))
}

// leftovers are all objects of Cluster API and its providers, and the secrets
// of the cluster.
func (d *demo) leftovers(ctx context.Context) ([]string, error) {
	kinds, err := d.clusterAPIKinds()
	if err != nil {
		return nil, err
	}
	var left []string
	for _, kind := range kinds {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind)
		if err := d.client.List(ctx, list); err != nil {
			return nil, fmt.Errorf("listing %s: %w", kind.Kind, err)
		}
		for _, o := range list.Items {
			left = append(left, kind.Kind+" "+o.Namespace+"/"+o.Name)
		}
	}
	var secrets corev1.SecretList
	if err := d.client.List(ctx, &secrets, client.HasLabels{clusterv1.ClusterNameLabel}); err != nil {
		return nil, fmt.Errorf("listing secrets: %w", err)
	}
	for _, s := range secrets.Items {
		left = append(left, "Secret "+s.Namespace+"/"+s.Name)
	}
	return left, nil
}

// clusterAPIKinds are all kinds that the providers have brought.
func (d *demo) clusterAPIKinds() ([]schema.GroupVersionKind, error) {
	c, err := discovery.NewDiscoveryClientForConfig(d.lab.AdminConfig())
	if err != nil {
		return nil, fmt.Errorf("discovering kinds: %w", err)
	}
	lists, err := c.ServerPreferredResources()
	if err != nil {
		return nil, fmt.Errorf("discovering kinds: %w", err)
	}
	var out []schema.GroupVersionKind
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil || !strings.HasSuffix("."+gv.Group, ".cluster.x-k8s.io") {
			continue
		}
		for _, r := range l.APIResources {
			if slices.Contains(r.Verbs, "list") {
				out = append(out, gv.WithKind(r.Kind))
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("discovering kinds: Cluster API has none")
	}
	return out, nil
}
