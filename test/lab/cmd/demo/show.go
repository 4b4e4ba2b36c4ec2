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
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// show prints the cluster as the tools of its users see it.
func (d *demo) show(ctx context.Context) error {
	describe := []string{"describe", "cluster", clusterName, "--grouping=false"}
	if d.opts.addons {
		describe = append(describe, "--show-conditions=MaasCluster")
	}
	d.command(ctx, d.insideKubeconfig, "clusterctl", describe...)
	d.showAddons(ctx)
	workload, err := d.lab.WorkloadKubeconfig(ctx, clusterKey())
	if err != nil {
		return err
	}
	path := filepath.Join(artifacts(), "inside-workload.kubeconfig")
	if err := os.WriteFile(path, workload, 0o600); err != nil {
		return err
	}
	defer os.Remove(path)
	d.command(ctx, path, "kubectl", "get", "nodes")
	if _, err := d.lab.WriteWorkloadKubeconfig(ctx, clusterKey()); err != nil {
		return err
	}
	d.screen.say("\n%s", paint("How long it took", styleBold, d.screen.colours))
	for _, line := range durations(d.fleet.reports(d.calls)) {
		d.screen.say("%s", line)
	}
	return nil
}

// command runs a tool against a cluster and prints what it says. That it fails
// is shown as well, and no more than that.
func (d *demo) command(ctx context.Context, kubeconfig, tool string, args ...string) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	d.screen.say("\n%s", paint("$ "+tool+" "+strings.Join(args, " "), styleBold, d.screen.colours))
	cmd := exec.CommandContext(ctx, lab.Tool(tool), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "CLUSTERCTL_DISABLE_VERSIONCHECK=true", "HOME="+artifacts())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	width, _ := d.screen.size()
	if d.screen.live {
		d.screen.say("%s", highlight(narrow(tool, out.String(), width), d.screen.colours))
	} else {
		d.screen.say("%s", out.String())
	}
	if err != nil {
		d.screen.say("%s: %s", tool, err)
	}
}

// durations is a table of what each machine took.
func durations(machines []machineReport) []string {
	out := []string{fmt.Sprintf("%-24s  %-8s  %8s  %8s  %10s  %10s", "MACHINE", "HOST", "LEASED", "DEPLOYED", "NODE READY", "MAAS CALLS")}
	for _, m := range machines {
		out = append(out, fmt.Sprintf("%-24s  %-8s  %6.1f s  %6.1f s  %8.1f s  %10d",
			m.Name, m.Host, m.LeasedAfter, m.DeployedAfter, m.NodeReadyAfter, m.MAASCalls.Create))
	}
	return out
}

// lookAround tells how to reach what runs.
func (d *demo) lookAround() {
	d.screen.say(`
%s
  export KUBECONFIG=%s PATH=$PWD/bin:$PATH
  clusterctl describe cluster %s --show-conditions all
  kubectl get maashosts,maashostpools,maasmachines
  kubectl describe maashost
  kubectl --kubeconfig %s get nodes,pods -A
Logs of managers and hosts: %s. Report: %s.

%s`,
		paint("It keeps running. Look around from another terminal, in this folder:", styleBold, d.screen.colours),
		relative(d.lab.ManagementKubeconfig()), clusterName,
		relative(filepath.Join(artifacts(), namespace+"-"+clusterName+".kubeconfig")),
		relative(filepath.Join(artifacts(), "logs")), relative(reportPath()),
		paint("Ctrl-C ends it.", styleBold, d.screen.colours))
}

// relative shortens a path for people who are in the repository.
func relative(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(dir, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return path
}

// sampleMemory keeps the highest that the kernel has noted of the manager.
func (d *demo) sampleMemory() {
	if d.lab == nil {
		return
	}
	m := d.lab.Manager(lab.MAAS)
	if m == nil || m.PID() == 0 {
		return
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.PID()))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(raw)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			d.peakRSS = max(d.peakRSS, kib<<10)
		}
	}
}
