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

// Command addons writes templates/addons-PROFILE.yaml, the HelmChartProxies of a Cluster, from what stands in templates/addons.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Profiles and the kind of ingress that each has by default.
var profiles = map[string]string{"current": "Gateway", "reference": "Nginx"}

func main() {
	for profile := range profiles {
		text, err := render("templates/addons", profile)
		if err == nil {
			err = os.WriteFile(filepath.Join("templates", "addons-"+profile+".yaml"), []byte(text), 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "addons:", err)
			os.Exit(1)
		}
	}
}

// set is templates/addons/addons.yaml.
type set struct {
	Repositories map[string]string `yaml:"repositories"`
	Addons       []addon           `yaml:"addons"`
}

type addon struct {
	Name          string            `yaml:"name"`
	Label         string            `yaml:"label"`
	Chart         string            `yaml:"chart"`
	Release       string            `yaml:"release"`
	Repository    string            `yaml:"repository"`
	Namespace     string            `yaml:"namespace"`
	Version       map[string]string `yaml:"version"`
	Wait          bool              `yaml:"wait"`
	DisableHooks  bool              `yaml:"disableHooks"`
	TakeOwnership bool              `yaml:"takeOwnership"`
}

const (
	ours       = "ours"
	labelGroup = "addons.infrastructure.cluster.x-k8s.io"
	// ownVersion is that of all charts under charts.
	ownVersion = "0.1.0"
	header     = `# The addons of one Cluster, profile %s. Made by "make generate" from templates/addons; how to use and to change it: docs/addons.md.
`
)

func render(dir, profile string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "addons.yaml"))
	if err != nil {
		return "", err
	}
	var s set
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&s); err != nil {
		return "", fmt.Errorf("reading addons.yaml: %w", err)
	}
	preamble, err := os.ReadFile(filepath.Join(dir, "preamble.tpl"))
	if err != nil {
		return "", err
	}
	replaced := strings.NewReplacer("PROFILE", profile, "DEFAULTINGRESS", profiles[profile]).Replace(string(preamble))
	var out strings.Builder
	fmt.Fprintf(&out, header, profile)
	for _, a := range s.Addons {
		if a.Repository != ours && a.Version[profile] == "" {
			continue
		}
		values, err := readValues(filepath.Join(dir, "values"), a.Name, profile)
		if err != nil {
			return "", fmt.Errorf("%s: %w", a.Name, err)
		}
		a.write(&out, s.Repositories[a.Repository], profile, valuesTemplate(a, replaced, values))
	}
	return out.String(), nil
}

// write writes the HelmChartProxy. Everything in ${} is a variable of clusterctl.
func (a addon) write(out *strings.Builder, repository, profile, template string) {
	or := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	version := fmt.Sprintf("${%s_VERSION:=%s}", shell(a.Name), a.Version[profile])
	if a.Repository == ours {
		version = fmt.Sprintf("${ADDON_CHARTS_VERSION:=%s}", ownVersion)
	}
	selector := fmt.Sprintf("      %s/set: \"${CLUSTER_NAME}\"\n", labelGroup)
	if label := or(a.Label, a.Name); label != "set" {
		selector += fmt.Sprintf("      %s/%s: enabled\n", labelGroup, label)
	}
	fmt.Fprintf(out, `---
apiVersion: addons.cluster.x-k8s.io/v1alpha1
kind: HelmChartProxy
metadata:
  name: "${CLUSTER_NAME}-%s"
  namespace: "${NAMESPACE}"
  labels:
    %s/set: "${CLUSTER_NAME}"
spec:
  clusterSelector:
    matchLabels:
%s  chartName: %s
  repoURL: "${%s_CHARTS:=%s}"
  releaseName: %s
  namespace: %s
  version: "%s"
`, a.Name, labelGroup, selector, or(a.Chart, a.Name), shell(or(map[bool]string{true: "addon"}[a.Repository == ours], a.Repository)), repository,
		or(a.Release, a.Name), a.Namespace, version)
	out.WriteString(a.options())
	out.WriteString("  valuesTemplate: |\n")
	for line := range strings.Lines(template) {
		out.WriteString("    " + line)
	}
}

func (a addon) options() string {
	var b strings.Builder
	b.WriteString("  options:\n")
	if a.Wait {
		b.WriteString("    wait: true\n")
	}
	// Bounds what a release that does not become ready keeps of the addon provider.
	b.WriteString("    timeout: 5m0s\n")
	if a.DisableHooks {
		b.WriteString("    disableHooks: true\n")
	}
	if a.TakeOwnership {
		b.WriteString("    takeOwnership: true\n")
	}
	return b.String()
}

func shell(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// merge puts the user's values over ours. Sprig's own merging takes false and 0 for no value.
const merge = `{{- define "merge" }}{{ $into := .into }}{{ range $key, $value := .from }}{{ $ours := get $into $key -}}
{{ if and (kindIs "map" $value) (kindIs "map" $ours) }}{{ template "merge" (dict "into" $ours "from" $value) }}{{ else }}{{ $_ := set $into $key $value }}{{ end -}}
{{ end }}{{ end -}}
`

func valuesTemplate(a addon, preamble string, values *yaml.Node) string {
	var b strings.Builder
	b.WriteString("{{- $values := ")
	expression(&b, values, "  ")
	fmt.Fprintf(&b, " }}\n{{- template \"merge\" (dict \"into\" $values \"from\" (dig \"addons\" %q \"values\" dict $variables)) }}\n{{ toPrettyJson $values }}\n", a.Name)
	return merge + usedOnly(preamble, b.String()) + b.String()
}

// readValues merges the values of a profile over those of all.
func readValues(dir, name, profile string) (*yaml.Node, error) {
	merged := &yaml.Node{Kind: yaml.MappingNode}
	for _, file := range []string{name + ".yaml", name + "." + profile + ".yaml"} {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var document yaml.Node
		if err := yaml.Unmarshal(raw, &document); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		mergeNodes(merged, document.Content[0])
	}
	if len(merged.Content) == 0 {
		// Without a key Helm would keep the values of the release before.
		return nil, fmt.Errorf("it has no values")
	}
	return merged, nil
}

func mergeNodes(into, from *yaml.Node) {
	for i := 0; i < len(from.Content); i += 2 {
		key, value := from.Content[i], from.Content[i+1]
		at := slices.IndexFunc(into.Content, func(n *yaml.Node) bool { return n.Value == key.Value })
		switch {
		case at < 0:
			into.Content = append(into.Content, key, value)
		case value.Kind == yaml.MappingNode && into.Content[at+1].Kind == yaml.MappingNode:
			mergeNodes(into.Content[at+1], value)
		default:
			into.Content[at+1] = value
		}
	}
}

// expression writes a node as an expression of Go templates; "{{ x }}" stands for the expression x.
func expression(b *strings.Builder, n *yaml.Node, indent string) {
	switch {
	case n.Kind == yaml.MappingNode:
		b.WriteString("(dict")
		for i := 0; i < len(n.Content); i += 2 {
			fmt.Fprintf(b, "\n%s%q ", indent, n.Content[i].Value)
			expression(b, n.Content[i+1], indent+"  ")
		}
		b.WriteString(")")
	case n.Kind == yaml.SequenceNode:
		b.WriteString("(list")
		for _, item := range n.Content {
			b.WriteString(" ")
			expression(b, item, indent+"  ")
		}
		b.WriteString(")")
	case n.Tag == "!!null":
		b.WriteString("nil")
	case n.Tag == "!!bool" || n.Tag == "!!int":
		b.WriteString(n.Value)
	default:
		if inner, ok := strings.CutPrefix(n.Value, "{{ "); ok {
			b.WriteString("(" + strings.TrimSuffix(inner, " }}") + ")")
			return
		}
		fmt.Fprintf(b, "%q", n.Value)
	}
}

var defines = regexp.MustCompile(`\$(\w+) :?= `)

// usedOnly returns what a template needs of the preamble, in which each statement begins a line with "{{- $".
func usedOnly(preamble, template string) string {
	var kept string
	for _, statement := range slices.Backward(strings.Split(strings.ReplaceAll(preamble, "\n{{- $", "\n\x00{{- $"), "\x00")) {
		needed := false
		for _, name := range defines.FindAllStringSubmatch(statement, -1) {
			// The variables and the profile are looked at always.
			needed = needed || name[1] == "variables" || name[1] == "profile" || regexp.MustCompile(`\$`+name[1]+`\b`).MatchString(kept+template)
		}
		if needed {
			kept = statement + kept
		}
	}
	return kept
}
