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
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

const (
	tailLines = 8
	tailWidth = 300
)

// diagnose prints what may help to see why the demo did not get on.
func (d *demo) diagnose(ctx context.Context, cause error) {
	d.screen.settle()
	d.screen.say("\n%s %s", paint("FAILED:", styleRed, d.screen.colours), cause)
	if d.lab == nil {
		d.screen.say("Logs: %s", relative(artifacts()))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if d.client != nil {
		d.stuckObjects(ctx)
	}
	for _, m := range d.lab.MAAS().Machines() {
		if m.Owner != "" || m.Deploys > 0 {
			d.screen.say("MAAS: %s (%s) is %s, power %s, owner %q, deployed %d times", m.Hostname, m.SystemID, m.StatusName, m.PowerState, m.Owner, m.Deploys)
		}
	}
	for _, name := range []string{lab.MAAS, lab.KubeadmControlPlane} {
		if m := d.lab.Manager(name); m != nil {
			d.tail(m.Log())
		}
	}
	for _, one := range d.fleet.members {
		if one.host != "" && (one.phase == booting || one.phase == joining) {
			d.tail(filepath.Join(artifacts(), "logs", "hosts", one.host, "cloud-init-runcmd.log"))
		}
	}
	d.screen.say("\nAll logs: %s. Report: %s", relative(filepath.Join(artifacts(), "logs")), relative(reportPath()))
}

// stuckObjects prints the conditions that are not as they should be.
func (d *demo) stuckObjects(ctx context.Context) {
	kinds, err := d.clusterAPIKinds()
	if err != nil {
		d.screen.say("%s", err)
		return
	}
	for _, kind := range kinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		if err := d.client.List(ctx, list); err != nil {
			d.screen.say("Listing %s: %s", kind.Kind, err)
			continue
		}
		for i := range list.Items {
			u := &list.Items[i]
			bad := complaints(conditionsOf(u))
			if len(bad) == 0 && u.GetDeletionTimestamp() == nil {
				continue
			}
			d.screen.say("%s %s%s", kind.Kind, u.GetName(), deletionOf(u))
			for _, line := range bad {
				d.screen.say("    %s", line)
			}
		}
	}
}

func deletionOf(u *unstructured.Unstructured) string {
	if u.GetDeletionTimestamp() == nil {
		return ""
	}
	return fmt.Sprintf(", being deleted since %s, finalizers %s", u.GetDeletionTimestamp().UTC().Format(time.TimeOnly), strings.Join(u.GetFinalizers(), ", "))
}

func conditionsOf(u *unstructured.Unstructured) []metav1.Condition {
	raw, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	out := make([]metav1.Condition, 0, len(raw))
	for _, r := range raw {
		var c metav1.Condition
		if m, ok := r.(map[string]any); ok && runtime.DefaultUnstructuredConverter.FromUnstructured(m, &c) == nil {
			out = append(out, c)
		}
	}
	return out
}

// tail prints the end of a log.
func (d *demo) tail(path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return
	}
	lines, what := strings.Split(strings.TrimSpace(string(raw)), "\n"), "End"
	if errs := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "E") }); len(errs) > 0 {
		lines, what = errs, "Last errors" // as klog marks them
	}
	lines = lines[max(len(lines)-tailLines, 0):]
	for i := range lines {
		lines[i] = cut(lines[i], tailWidth)
	}
	d.screen.say("\n%s of %s:\n  %s", what, relative(path), strings.Join(lines, "\n  "))
}
