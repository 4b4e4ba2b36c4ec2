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
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// secret: what must not stand in values gets into the workload cluster by a ClusterResourceSet for the set, as docs/addons.md has it.
func (a *addonStory) secret(ctx context.Context) error {
	const pure = `{"FlashArrays":[{"MgmtEndPoint":"192.0.2.1","APIToken":"t0ken"}]}`
	inside, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "px-pure-secret", "namespace": "portworx"},
		"stringData": map[string]any{"pure.json": pure},
	})
	if err != nil {
		return err
	}
	objects, err := ParseObjects([]byte(fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: %[1]s-pure, namespace: %[2]s}
type: addons.cluster.x-k8s.io/resource-set
stringData:
  secret.yaml: %[3]q
---
apiVersion: addons.cluster.x-k8s.io/v1beta2
kind: ClusterResourceSet
metadata: {name: %[1]s-pure, namespace: %[2]s}
spec:
  strategy: Reconcile
  clusterSelector:
    matchLabels: {addons.infrastructure.cluster.x-k8s.io/set: %[1]s}
  resources:
  - {kind: Secret, name: %[1]s-pure}
`, a.cluster.Name, a.cluster.Namespace, inside)))
	if err != nil {
		return err
	}
	if err := applyAll(ctx, a.lab.Client(), objects); err != nil {
		return err
	}
	c, err := a.lab.WorkloadClient(ctx, a.cluster.Key())
	if err != nil {
		return err
	}
	return WaitFor(ctx, "the Secret of the storage", patience, func(ctx context.Context) error {
		got := &corev1.Secret{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: "portworx", Name: "px-pure-secret"}, got); err != nil {
			return err
		}
		if string(got.Data["pure.json"]) != pure {
			return fmt.Errorf("it has %d bytes, want %d", len(got.Data["pure.json"]), len(pure))
		}
		return nil
	})
}

// replace: a HelmChartProxy of the user's own takes the place of one of ours, and is counted with the set by its label.
func (a *addonStory) replace(ctx context.Context) error {
	own := a.proxy("own-descheduler")
	own.SetLabels(map[string]string{addonLabels + "set": a.cluster.Name})
	set(own, map[string]any{"matchLabels": map[string]any{addonLabels + "set": a.cluster.Name}}, "spec", "clusterSelector")
	for field, value := range map[string]string{
		"chartName": "descheduler", "version": "0.35.1", "repoURL": a.charts.URL(), "releaseName": "own-descheduler", "namespace": "kube-system", "valuesTemplate": "kind: Deployment",
	} {
		set(own, value, "spec", field)
	}
	objects, err := a.set("current")
	if err != nil {
		return err
	}
	if err := a.lab.Client().Create(ctx, own); err != nil {
		return err
	}
	// The set, without the three that were removed, and this one.
	if err := a.waitCondition(ctx, "True", "AddonsReady", fmt.Sprintf("%d addons", len(objects)-3+1)); err != nil {
		return err
	}
	got, err := a.releases(ctx)
	if err != nil {
		return err
	}
	if want := (release{"0.35.1", "deployed"}); got["own-descheduler"] != want {
		return fmt.Errorf("the addon in its place is %v, want %v", got["own-descheduler"], want)
	}
	return nil
}
