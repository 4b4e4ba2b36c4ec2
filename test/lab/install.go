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

package lab

import (
	"context"
	"crypto/x509/pkix"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// installProviders applies the components of all providers and starts their
// managers.
func (l *Lab) installProviders(ctx context.Context) error {
	sets := make([]*components, len(l.cfg.Providers))
	binaries := make([]string, len(l.cfg.Providers))
	var g errgroup.Group
	for i, p := range l.cfg.Providers {
		g.Go(func() (err error) {
			if sets[i], err = loadComponents(p, l.cfg.Variables); err != nil {
				return err
			}
			binaries[i], err = p.Binary(ctx, l)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, p := range l.cfg.Providers {
		if err := l.install(ctx, p, sets[i], binaries[i]); err != nil {
			return fmt.Errorf("installing %s: %w", p.Name, err)
		}
	}
	for _, m := range l.managers {
		g.Go(func() error { return m.WaitReady(ctx) })
	}
	return g.Wait()
}

// install applies one provider's objects and starts its managers. Webhooks and
// CRDs go first: the managers need both to start.
func (l *Lab) install(ctx context.Context, p Provider, c *components, binary string) error {
	if len(c.deployments) != 1 {
		return fmt.Errorf("it has %d Deployments, the lab runs one", len(c.deployments))
	}
	m, err := l.newManager(p, &c.deployments[0], binary)
	if err != nil {
		return err
	}
	addressOf := func(*appsv1.Deployment) string { return m.address }
	if err := c.routeWebhooks(addressOf, l.api.ca.pem); err != nil {
		return err
	}
	if err := applyAll(ctx, l.client, byKind(c.objects, "Namespace")); err != nil {
		return err
	}
	if err := applyCRDs(ctx, l.api.AdminConfig(), c.objects); err != nil {
		return err
	}
	var rest []*unstructured.Unstructured
	for _, u := range c.objects {
		if k := u.GetKind(); k != "Namespace" && k != "CustomResourceDefinition" {
			rest = append(rest, u)
		}
	}
	if err := applyAll(ctx, l.client, rest); err != nil {
		return err
	}
	if err := m.mountFiles(ctx, l.api.ca, c.certificates); err != nil {
		return err
	}
	l.managers = append(l.managers, m)
	return m.Start()
}

func (l *Lab) newManager(p Provider, d *appsv1.Deployment, binary string) (*Manager, error) {
	address := netip.AddrFrom4([4]byte{172, 16, 0, byte(firstManagerAddress + len(l.managers))})
	m := &Manager{
		name: p.Name, namespace: d.Namespace, deployment: d, binary: binary, cluster: l.clientset,
		extraArgs: l.cfg.ExtraArgs[p.Name], address: address.String(), nice: l.cfg.Nice[p.Name],
		root: filepath.Join(l.dir, "managers", p.Name),
		log:  filepath.Join(l.cfg.Artifacts, "logs", "manager-"+p.Name+".log"),
	}
	for i := range d.Spec.Template.Spec.Containers {
		if c := &d.Spec.Template.Spec.Containers[i]; c.Name == managerContainer {
			m.container = c
		}
	}
	if m.container == nil {
		return nil, fmt.Errorf("deployment %s has no container named %s, which clusterctl asks for", d.Name, managerContainer)
	}
	if err := os.MkdirAll(m.root, 0o755); err != nil {
		return nil, err
	}
	var err error
	m.netns, err = l.bridge.NewNetNS(p.Name, netip.PrefixFrom(address, managementNetwork.Bits()))
	return m, err
}

func certificateName(dnsNames []string) pkix.Name {
	if len(dnsNames) == 0 {
		return pkix.Name{CommonName: "webhook"}
	}
	// A CommonName must not be longer than 64 bytes.
	name := dnsNames[0]
	return pkix.Name{CommonName: name[:min(len(name), 64)]}
}
