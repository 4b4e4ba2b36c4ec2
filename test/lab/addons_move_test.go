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
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// move: "clusterctl move" takes the set along, and the addon provider that is left behind uninstalls nothing, although it sees its objects being deleted with their
// finalizers on. Nothing runs in the target.
func (a *addonStory) move(ctx context.Context) error {
	workload, err := a.lab.WorkloadClient(ctx, a.cluster.Key())
	if err != nil {
		return err
	}
	before, err := releasesStanding(ctx, workload)
	if err != nil {
		return err
	}
	source, err := addonObjects(ctx, a.lab.Client(), a.cluster.Namespace)
	if err != nil {
		return err
	}
	target, err := StartAPIServer(ctx, APIServerConfig{})
	if err != nil {
		return err
	}
	defer target.Stop()
	if err := a.copyDefinitions(ctx, target); err != nil {
		return err
	}
	if err := a.clusterctlMove(ctx, target); err != nil {
		return err
	}
	c, err := client.New(target.AdminConfig(), client.Options{})
	if err != nil {
		return err
	}
	got, err := addonObjects(ctx, c, a.cluster.Namespace)
	if err != nil {
		return err
	}
	if !maps.Equal(got, source) {
		return fmt.Errorf("the target has %v, want %v", got, source)
	}
	left, err := addonObjects(ctx, a.lab.Client(), a.cluster.Namespace)
	if err != nil || len(left) > 0 {
		return fmt.Errorf("the source still has %v: %w", left, err)
	}
	// An uninstallation would have begun with the deletion.
	_ = WaitFor(ctx, "something to be uninstalled", 10*time.Second, func(ctx context.Context) error {
		after, err := releasesStanding(ctx, workload)
		if err == nil && maps.Equal(after, before) {
			return errors.New("nothing is")
		}
		return err
	})
	after, err := releasesStanding(ctx, workload)
	if err != nil || !maps.Equal(after, before) {
		return fmt.Errorf("the move changed what is installed from %v to %v: %w", before, after, err)
	}
	for _, m := range a.lab.MAAS().Machines() {
		if m.Status != maassim.StatusDeployed {
			return fmt.Errorf("the move left %s %s in MAAS", m.Hostname, m.StatusName)
		}
	}
	return nil
}

// releasesStanding is what Helm has on record of its releases, and the Deployments that they made.
func releasesStanding(ctx context.Context, c client.Client) (map[string]string, error) {
	all := map[string]string{}
	var secrets corev1.SecretList
	if err := c.List(ctx, &secrets, client.MatchingLabels{"owner": "helm"}); err != nil {
		return nil, err
	}
	for i := range secrets.Items {
		all["release "+secrets.Items[i].Name] = secrets.Items[i].Labels["status"]
	}
	var deployments appsv1.DeploymentList
	if err := c.List(ctx, &deployments); err != nil {
		return nil, err
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		all["Deployment "+d.Namespace+"/"+d.Name] = string(d.UID)
	}
	if len(secrets.Items) == 0 || len(deployments.Items) == 0 {
		return nil, fmt.Errorf("there are %d records of Helm and %d Deployments", len(secrets.Items), len(deployments.Items))
	}
	return all, nil
}

// addonObjects are the kinds of the addon provider's objects by their names, and with whom they belong to.
func addonObjects(ctx context.Context, c client.Client, namespace string) (map[string]string, error) {
	all := map[string]string{}
	for _, kind := range []string{"HelmChartProxy", "HelmReleaseProxy"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: chartProxies.Group, Version: chartProxies.Version, Kind: kind + "List"})
		if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return nil, err
		}
		for i := range list.Items {
			owner := ""
			if ref := metav1.GetControllerOf(&list.Items[i]); ref != nil {
				owner = ref.Kind + " " + ref.Name
			}
			all[kind+" "+list.Items[i].GetName()] = owner
		}
	}
	return all, nil
}

// copyDefinitions installs the providers' kinds in a management cluster in which no provider runs.
func (a *addonStory) copyDefinitions(ctx context.Context, target *APIServer) error {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinitionList"})
	if err := a.lab.Client().List(ctx, list); err != nil {
		return err
	}
	var definitions []*unstructured.Unstructured
	for i := range list.Items {
		crd := &unstructured.Unstructured{Object: map[string]any{"spec": list.Items[i].Object["spec"]}}
		crd.SetGroupVersionKind(list.Items[i].GroupVersionKind())
		crd.SetName(list.Items[i].GetName())
		crd.SetLabels(list.Items[i].GetLabels())
		unstructured.RemoveNestedField(crd.Object, "spec", "conversion")
		definitions = append(definitions, crd)
	}
	return applyCRDs(ctx, target.AdminConfig(), definitions)
}

func (a *addonStory) clusterctlMove(ctx context.Context, target *APIServer) error {
	dir := a.t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := a.lab.APIServer().WriteKubeconfig(from); err != nil {
		return err
	}
	if err := target.WriteKubeconfig(to); err != nil {
		return err
	}
	if err := requireTools("clusterctl"); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, Tool("clusterctl"), "move", "--kubeconfig", from, "--to-kubeconfig", to, "--namespace", a.cluster.Namespace, "-v", "1")
	cmd.Env = append(os.Environ(), "CLUSTERCTL_DISABLE_VERSIONCHECK=true", "HOME="+dir, "XDG_CONFIG_HOME="+dir)
	_, err := output(cmd)
	return err
}
