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

// Command class writes the ClusterClass vmo and the cluster templates that use it from their parts in templates/vmo: what people apply is one file,
// and what people edit are small ones, scripts as scripts.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// The flavours of the cluster template: a host network and a set of addons.
var (
	layouts  = []string{"Unmanaged", "FourNIC", "TwoNIC", "TwoNICBridgeVLAN"}
	profiles = []string{"current", "reference"}
)

// flavor is what clusterctl calls the template; the plain one of the class is topology.
func flavor(layout, profile string) string {
	name := map[string]string{
		"Unmanaged": "topology", "FourNIC": "four-nic", "TwoNIC": "two-nic", "TwoNICBridgeVLAN": "two-nic-bridge-vlan",
	}[layout]
	if profile != "current" {
		name += "-" + profile
	}
	return name
}

func main() {
	files, err := Render("templates")
	for _, name := range sorted(files) {
		if err == nil {
			err = os.WriteFile(filepath.Join("templates", name), files[name], 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "class:", err)
		os.Exit(1)
	}
}

// Render makes the files by name from the parts in folder/vmo.
func Render(folder string) (map[string][]byte, error) {
	files := map[string][]byte{}
	var err error
	if files["clusterclass-vmo.yaml"], err = render(folder, "class.yaml", nil); err != nil {
		return nil, err
	}
	for _, layout := range layouts {
		for _, profile := range profiles {
			data := map[string]string{"layout": layout, "profile": profile}
			text, err := render(folder, "cluster.yaml", data)
			if err != nil {
				return nil, err
			}
			files["cluster-template-"+flavor(layout, profile)+".yaml"] = text
		}
	}
	return files, nil
}

const notice = "# Made by hack/class from templates/vmo (make generate). Edit it there.\n"

// render fills in one part, which may include others.
func render(folder, name string, data any) ([]byte, error) {
	text, err := fill(folder, filepath.Join(folder, "vmo", name), data)
	return []byte(notice + text), err
}

// fill fills in one file. The delimiters are not those of the patches' own templates.
func fill(folder, path string, data any) (string, error) {
	include := func(indent int, pattern string) (string, error) {
		paths, err := filepath.Glob(filepath.Join(folder, "vmo", pattern))
		if err == nil && len(paths) == 0 {
			err = fmt.Errorf("there is no file %s", pattern)
		}
		var all strings.Builder
		for _, p := range paths {
			text, fillErr := fill(folder, p, data)
			err = errors.Join(err, fillErr)
			all.WriteString(text)
		}
		return indented(all.String(), indent), err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	t, err := template.New(path).Delims("<%", "%>").Funcs(template.FuncMap{
		"include": include,
		"addons":  func(profile string) (string, error) { return addons(folder, profile) },
	}).Parse(string(raw))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("filling in %s: %w", path, err)
	}
	return out.String(), nil
}

// addons is the addon set of a profile.
func addons(folder, profile string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(folder, "addons-"+profile+".yaml"))
	if os.IsNotExist(err) {
		return "", nil
	}
	return "---\n" + string(raw), err
}

// indented moves all lines but the empty ones to the right, the first excepted.
func indented(text string, by int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if i > 0 && line != "" {
			lines[i] = strings.Repeat(" ", by) + line
		}
	}
	return strings.Join(lines, "\n")
}

func sorted(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
