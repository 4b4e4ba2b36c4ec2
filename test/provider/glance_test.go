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
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// TestHostsAtAGlance asks the real kubectl what the servers do: one that runs a machine, one that is held, and one that rests.
func TestHostsAtAGlance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.changePool(held)
	w.awaitStates("all servers held", map[infrav1.HostState]int{infrav1.HostStateHeld: 3})
	w.machine("m")
	w.awaitProvisioned("m")
	id := w.maasMachine("m").Status.HostRef.Name
	var free []string
	for _, other := range w.ids {
		if other != id {
			free = append(free, other)
		}
	}
	w.changeHost(free[0], `{"spec":{"quarantine":{"cause":"Requested","message":"fan"}}}`)
	w.awaitStates("one in use, one held, one in quarantine", map[infrav1.HostState]int{
		infrav1.HostStateInUse: 1, infrav1.HostStateHeld: 1, infrav1.HostStateQuarantined: 1,
	})
	table := w.kubectl("get", "maashosts", "-o", "wide")
	t.Logf("kubectl get maashosts -o wide:\n%s", table)
	for row, want := range map[string]string{
		"NAME":  "NAME HOST ZONE STATE MACHINE CLUSTER DATA DISKS SINCE REASON READY AGE POOL MAAS POWER RESERVED FOR UNTIL MESSAGE",
		id:      fmt.Sprintf("%s %s default InUse m c 2 protected AGO Ready True AGO pool Deployed on", id, w.view(id).Hostname),
		free[0]: fmt.Sprintf("%s %s default Quarantined AGO Quarantined False AGO pool Allocated off fan.", free[0], w.view(free[0]).Hostname),
		free[1]: fmt.Sprintf("%s %s default Held AGO Held True AGO pool Allocated off Kept for the machines", free[1], w.view(free[1]).Hostname),
	} {
		if got := lineOf(table, row); !strings.HasPrefix(got, want) {
			t.Errorf("want a line that begins with\n%s, got\n%s", want, got)
		}
	}
	narrow := w.kubectl("get", "maashosts")
	if want := "NAME HOST ZONE STATE MACHINE CLUSTER SINCE REASON READY AGE"; lineOf(narrow, "NAME") != want {
		t.Errorf("want the columns\n%s, got\n%s", want, narrow)
	}
}

var ages = regexp.MustCompile(`\b(\d+[smhd])+\b`)

// lineOf finds a line by its first word, with single spaces and AGO for every age.
func lineOf(table, first string) string {
	for line := range strings.Lines(table) {
		if words := strings.Fields(line); len(words) > 0 && words[0] == first {
			return ages.ReplaceAllString(strings.Join(words, " "), "AGO")
		}
	}
	return ""
}

func (w *world) kubectl(args ...string) string {
	w.Helper()
	file := filepath.Join(w.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, w.kubeconfig(), 0o600); err != nil {
		w.Fatal(err)
	}
	command := exec.CommandContext(w.ctx, lab.Tool("kubectl"), append([]string{"--kubeconfig", file, "--namespace", w.ns}, args...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		w.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}
