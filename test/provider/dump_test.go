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
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// dump shows what a person would look at first, and writes the rest to _artifacts/provider/failed.
func (w *world) dump() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var summary strings.Builder
	var all []byte
	w.each(ctx, func(o client.Object) error {
		fmt.Fprintf(&summary, "%s %s%s\n", kindOf(o), o.GetName(), trouble(o))
		o.SetManagedFields(nil)
		raw, err := yaml.Marshal(o)
		all = append(append(all, "---\n"...), raw...)
		return err
	})
	for _, id := range w.ids {
		if v, ok := w.sim().Machine(id); ok {
			fmt.Fprintf(&summary, "server %s %s: %s %s, owner %q, agent %q, %d deployments, %d releases\n", id, v.Hostname, v.StatusName, v.PowerState,
				v.Owner, v.AgentName, v.Deploys, v.Releases)
		}
	}
	w.Logf("%s\nAll of it is in %s", summary.String(), w.keep(map[string][]byte{"objects.yaml": all, "calls.txt": w.callsOfServers()}))
}

// each goes over the objects that the world is made of, owners before what they own. What fails is logged and keeps nothing else from being done.
func (w *world) each(ctx context.Context, do func(client.Object) error) {
	for _, list := range []client.ObjectList{
		&clusterv1.ClusterList{}, &infrav1.MaasClusterList{}, &infrav1.MaasHostPoolList{}, &clusterv1.MachineDeploymentList{}, &clusterv1.MachineSetList{},
		&clusterv1.MachineHealthCheckList{}, &clusterv1.MachineList{}, &infrav1.MaasMachineList{}, &infrav1.MaasHostList{}, &infrav1.RepaveGateList{},
		&infrav1.RepaveList{}, &infrav1.MaasRemediationList{},
	} {
		if err := w.List(ctx, list, client.InNamespace(w.ns)); err != nil {
			w.Logf("listing: %v", err)
		}
		_ = meta.EachListItem(list, func(item runtime.Object) error {
			o, ok := item.(client.Object)
			if !ok {
				return nil
			}
			if err := do(o); err != nil {
				w.Logf("%s %s: %v", kindOf(o), o.GetName(), err)
			}
			return nil
		})
	}
}

// keep writes files to the folder of the test's artifacts and returns it.
func (w *world) keep(files map[string][]byte) string {
	dir := filepath.Join(lab.Repository(), "_artifacts", "provider", "failed", strings.NewReplacer("/", "_", " ", "_").Replace(w.Name()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err.Error()
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, w.ns+"-"+name), content, 0o600); err != nil {
			return err.Error()
		}
	}
	return dir
}

// callsOfServers are the MAAS calls about the world's servers, and those that name none, without the looks at the event log.
func (w *world) callsOfServers() []byte {
	var out []byte
	for _, c := range w.sim().Calls() {
		if c.Name != "events.query" && (c.SystemID == "" || slices.Contains(w.ids, c.SystemID)) {
			out = fmt.Appendf(out, "%s %s %s %s -> %d\n", c.Time.Format("15:04:05.000"), c.User, c.Name, c.SystemID, c.Status)
		}
	}
	return out
}

func kindOf(o client.Object) string {
	name := fmt.Sprintf("%T", o)
	return name[strings.LastIndex(name, ".")+1:]
}

// calm are the conditions that are False where all is well.
var calm = []string{
	clusterv1.PausedCondition, clusterv1.DeletingCondition, clusterv1.RemediatingCondition, clusterv1.RollingOutCondition, clusterv1.ScalingUpCondition,
	clusterv1.ScalingDownCondition, clusterv1.MachineUpdatingCondition,
}

// trouble are the conditions of an object that are not as they should be, and whether it is on its way out.
func trouble(o client.Object) string {
	var out strings.Builder
	if !o.GetDeletionTimestamp().IsZero() {
		fmt.Fprintf(&out, ", deleted at %s, held by %v", o.GetDeletionTimestamp().Format(time.TimeOnly), o.GetFinalizers())
	}
	getter, ok := o.(conditions.Getter)
	if !ok {
		return out.String()
	}
	for _, c := range getter.GetConditions() {
		good := metav1.ConditionTrue
		if slices.Contains(calm, c.Type) {
			good = metav1.ConditionFalse
		}
		if c.Status != good {
			fmt.Fprintf(&out, "\n  %s %s %s since %s: %s", c.Type, c.Status, c.Reason, c.LastTransitionTime.Format(time.TimeOnly), c.Message)
		}
	}
	return out.String()
}
