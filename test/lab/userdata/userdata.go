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

// Package userdata reads what a bootstrap provider hands to a server: the parts
// of cloud-init that Cluster API's kubeadm bootstrap provider uses, with
// cloud-init's meaning.
package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxUnpacked bounds what a compressed part may grow to.
const maxUnpacked = 64 << 20

// Instance is what cloud-init knows of the server it runs on.
type Instance struct {
	// ID is MAAS's system_id.
	ID string
	// Hostname has no domain, FQDN has.
	Hostname string
	FQDN     string
	// Zone is the MAAS zone.
	Zone string
	// IPv4 is the address of the first interface.
	IPv4 string
}

// variables are the names a template may use. MAAS gives the FQDN as
// local-hostname, and cloud-init's v1 strips the domain.
func (i Instance) variables() map[string]string {
	return map[string]string{
		"v1.local_hostname":            i.Hostname,
		"v1.local-hostname":            i.Hostname,
		"v1.instance_id":               i.ID,
		"v1.instance-id":               i.ID,
		"v1.cloud_name":                "maas",
		"v1.platform":                  "maas",
		"v1.availability_zone":         i.Zone,
		"v1.region":                    "",
		"ds.meta_data.local_hostname":  i.FQDN,
		"ds.meta_data.local-hostname":  i.FQDN,
		"ds.meta_data.instance_id":     i.ID,
		"ds.meta_data.instance-id":     i.ID,
		"ds.meta_data.hostname":        i.FQDN,
		"ds.meta_data.local_ipv4":      i.IPv4,
		"ds.meta_data.local-ipv4":      i.IPv4,
		"local_hostname":               i.FQDN,
		"instance_id":                  i.ID,
		"local_ipv4":                   i.IPv4,
		"v1.local_ipv4":                i.IPv4,
		"ds.meta_data.public_hostname": i.FQDN,
	}
}

// Config is a cloud-config.
type Config struct {
	Bootcmd    []Command `json:"bootcmd,omitempty"`
	WriteFiles []File    `json:"write_files,omitempty"`
	Runcmd     []Command `json:"runcmd,omitempty"`
}

// File is one entry of write_files.
type File struct {
	Path        string `json:"path"`
	Content     string `json:"content"`
	Encoding    string `json:"encoding,omitempty"`
	Owner       string `json:"owner,omitempty"`
	Permissions string `json:"permissions,omitempty"`
	Append      bool   `json:"append,omitempty"`
	Defer       bool   `json:"defer,omitempty"`
}

// Command is one entry of bootcmd or runcmd as a line of shell script.
type Command string

// UnmarshalJSON accepts a line for the shell, which is taken as it is, and a
// list of arguments, which are quoted.
func (c *Command) UnmarshalJSON(raw []byte) error {
	var args []string
	if len(raw) > 0 && raw[0] == '[' {
		if err := json.Unmarshal(raw, &args); err != nil {
			return fmt.Errorf("a command is a string or a list of strings: %w", err)
		}
		for i, a := range args {
			args[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		*c = Command(strings.Join(args, " "))
		return nil
	}
	var line string
	if err := json.Unmarshal(raw, &line); err != nil {
		return fmt.Errorf("a command is a string or a list of strings: %w", err)
	}
	*c = Command(line)
	return nil
}

// Script is what cloud-init makes of commands: one shell script, which goes on
// after a command that fails and ends like the last one.
func Script(commands []Command) string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, c := range commands {
		b.WriteString(string(c))
		b.WriteByte('\n')
	}
	return b.String()
}

const (
	templateHeader = "## template: jinja"
	configHeader   = "#cloud-config"
)

// Parse renders and reads user data.
func Parse(raw []byte, instance Instance) (*Config, error) {
	if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		var err error
		if raw, err = gunzip(raw); err != nil {
			return nil, fmt.Errorf("unpacking user data: %w", err)
		}
	}
	text := string(raw)
	first, rest, _ := strings.Cut(text, "\n")
	if strings.TrimSpace(first) == templateHeader {
		var err error
		if text, err = Render(rest, instance); err != nil {
			return nil, fmt.Errorf("rendering user data: %w", err)
		}
	}
	if !strings.HasPrefix(strings.TrimSpace(text), configHeader) {
		return nil, fmt.Errorf("user data does not start with %q: only cloud-config is understood", configHeader)
	}
	var cfg Config
	if err := yaml.Unmarshal([]byte(text), &cfg); err != nil {
		return nil, fmt.Errorf("reading cloud-config: %w", err)
	}
	return &cfg, nil
}

var (
	subscript = regexp.MustCompile(`\[\s*(?:'([^']*)'|"([^"]*)")\s*\]`)
	rawStart  = regexp.MustCompile(`^\{%-?\s*raw\s*-?%\}`)
	rawEnd    = regexp.MustCompile(`\{%-?\s*endraw\s*-?%\}`)
)

// Render fills in jinja variables. Anything of jinja beyond variables, quoted
// strings, comments and raw blocks is an error rather than passed through:
// cloud-init would not leave it as it is either.
func Render(text string, instance Instance) (string, error) {
	variables := instance.variables()
	var out strings.Builder
	for {
		i := nextSign(text)
		if i < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		out.WriteString(text[:i])
		value, rest, err := renderSign(text[i:], variables)
		if err != nil {
			return "", err
		}
		// What a variable holds is written out, not looked at again.
		out.WriteString(value)
		text = rest
	}
}

// nextSign is where the next piece of jinja begins, -1 if nowhere.
func nextSign(text string) int {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '{' && strings.IndexByte("{%#", text[i+1]) >= 0 {
			return i
		}
	}
	return -1
}

// renderSign renders the piece of jinja that text begins with and returns what
// follows it.
func renderSign(text string, variables map[string]string) (value, rest string, err error) {
	fail := func() (string, string, error) {
		return "", "", fmt.Errorf("jinja beyond variables is not understood: %.60q", text)
	}
	switch text[:2] {
	case "{#":
		if _, rest, ok := strings.Cut(text, "#}"); ok {
			return "", rest, nil
		}
		return fail()
	case "{%":
		start, end := rawStart.FindStringIndex(text), rawEnd.FindStringIndex(text)
		if start == nil || end == nil {
			return fail()
		}
		return text[start[1]:end[0]], text[end[1]:], nil
	default:
		expr, rest, ok := strings.Cut(text[2:], "}}")
		if !ok {
			return fail()
		}
		value, err := evaluate(strings.TrimSpace(strings.Trim(expr, "-")), variables)
		return value, rest, err
	}
}

func evaluate(expr string, variables map[string]string) (string, error) {
	if n := len(expr); n >= 2 && (expr[0] == '\'' || expr[0] == '"') && expr[n-1] == expr[0] &&
		strings.Count(expr, expr[:1]) == 2 {
		return expr[1 : n-1], nil
	}
	name := subscript.ReplaceAllString(expr, ".$1$2")
	value, ok := variables[name]
	if !ok {
		return "", fmt.Errorf("there is no variable %q", expr)
	}
	return value, nil
}

// Decode is the content of a file after its encoding is undone.
func (f File) Decode() ([]byte, error) {
	encoding := strings.ToLower(strings.TrimSpace(f.Encoding))
	content := []byte(f.Content)
	switch encoding {
	case "", "text/plain":
		return content, nil
	case "b64", "base64":
		return f.unbase64()
	case "gz", "gzip":
		return f.unzip(content)
	case "gz+b64", "gz+base64", "gzip+b64", "gzip+base64":
		raw, err := f.unbase64()
		if err != nil {
			return nil, err
		}
		return f.unzip(raw)
	default:
		return nil, fmt.Errorf("file %s: encoding %q is not understood", f.Path, f.Encoding)
	}
}

func (f File) unbase64() ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(f.Content), ""))
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", f.Path, err)
	}
	return raw, nil
}

func (f File) unzip(raw []byte) ([]byte, error) {
	out, err := gunzip(raw)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", f.Path, err)
	}
	return out, nil
}

// Mode is the file's permissions, 0644 by default.
func (f File) Mode() (uint32, error) {
	if f.Permissions == "" {
		return 0o644, nil
	}
	mode, err := strconv.ParseUint(strings.TrimPrefix(f.Permissions, "0o"), 8, 12)
	if err != nil {
		return 0, fmt.Errorf("file %s: permissions %q: %w", f.Path, f.Permissions, err)
	}
	return uint32(mode), nil
}

func gunzip(raw []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil {
		return nil, err
	}
	if len(out) > maxUnpacked {
		return nil, errors.New("unpacks to more than 64 MiB")
	}
	return out, nil
}
