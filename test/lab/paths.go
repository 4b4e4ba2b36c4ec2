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
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Repository is the root of the source tree the lab was compiled from.
func Repository() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Tool is the path of a binary that `make tools-lab` builds.
func Tool(name string) string { return filepath.Join(Repository(), "bin", name) }

// requireTools tells which tools are missing and how to get them.
func requireTools(names ...string) error {
	var missing []string
	for _, n := range names {
		if _, err := os.Stat(Tool(n)); err != nil {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not built yet: %s; run `make tools-lab`", strings.Join(missing, ", "))
	}
	return nil
}

// staticShell finds the busybox the simulated hosts have as their userland.
func staticShell() (string, error) {
	for _, p := range []string{"/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static"} {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", errors.New("the simulated hosts need a static busybox; run `apt install busybox-static`")
}

// moduleDir is where the source of a pinned module is.
func moduleDir(toolModule, module string) (string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	cmd.Dir = filepath.Join(Repository(), "hack", "tools", toolModule)
	out, err := output(cmd)
	if err != nil {
		return "", fmt.Errorf("finding the source of %s: %w", module, err)
	}
	dir := strings.TrimSpace(out)
	if dir == "" {
		return "", fmt.Errorf("the source of %s is not in the module cache: run make lab-sources", module)
	}
	return dir, nil
}

// output runs a command and has its error output in the error.
func output(cmd *exec.Cmd) (string, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
