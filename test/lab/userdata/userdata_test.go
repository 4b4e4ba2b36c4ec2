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

package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"
)

var server = Instance{ID: "4y3h7n", Hostname: "node-1", FQDN: "node-1.maas", Zone: "az1", IPv4: "172.16.1.10"}

func TestRender(t *testing.T) {
	for _, tc := range []struct {
		name, in, want, failure string
	}{
		{name: "nothing to do", in: "a: b\n", want: "a: b\n"},
		{name: "hostname without the domain", in: "name: '{{ v1.local_hostname }}'", want: "name: 'node-1'"},
		{name: "providerID", in: "maas:///{{ v1.instance_id }}", want: "maas:///4y3h7n"},
		{name: "FQDN", in: "{{ds.meta_data.local_hostname}} {{ ds.meta_data.instance_id }}", want: "node-1.maas 4y3h7n"},
		{name: "subscripts", in: `{{ ds.meta_data['local-hostname'] }} {{ ds["meta_data"]["instance-id"] }}`, want: "node-1.maas 4y3h7n"},
		{name: "address", in: "{{ ds.meta_data.local_ipv4 }}", want: "172.16.1.10"},
		{name: "zone and white space control", in: "{{- v1.availability_zone -}}", want: "az1"},
		{name: "quoted text", in: "{{ 'x y' }}", want: "x y"},
		{name: "quoted braces", in: "{{ '{{' }} .Name }}", want: "{{ .Name }}"},
		{name: "raw block", in: "{% raw %}{{ .Name }}{% endraw %} {{ v1.instance_id }}", want: "{{ .Name }} 4y3h7n"},
		{name: "comment", in: "a{# {{ nonsense }} #}b", want: "ab"},
		{name: "unknown variable", in: "{{ ds.meta_data.nonsense }}", failure: `no variable "ds.meta_data.nonsense"`},
		{name: "statement", in: "{% if true %}x{% endif %}", failure: "jinja beyond"},
		{name: "filter", in: "{{ v1.local_hostname | upper }}", failure: "no variable"},
		{name: "unclosed", in: "{{ v1.instance_id", failure: "jinja beyond"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Render(tc.in, server)
			if tc.failure != "" {
				if err == nil || !strings.Contains(err.Error(), tc.failure) {
					t.Errorf("got %q, %v; want an error with %q", got, err, tc.failure)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

const initData = `## template: jinja
#cloud-config

write_files:
-   path: /etc/kubernetes/pki/ca.crt
    owner: root:root
    permissions: '0640'
    content: |
      -----BEGIN CERTIFICATE-----
-   path: /run/kubeadm/kubeadm.yaml
    owner: root:root
    permissions: '0640'
    content: |
      ---
      kubernetesVersion: v1.36.1
      ---
      nodeRegistration:
        name: '{{ v1.local_hostname }}'
bootcmd:
  - [ cloud-init-per, once, x, sh, -c, "echo it's" ]
runcmd:
  - "swapoff -a"
  - 'kubeadm init --config /run/kubeadm/kubeadm.yaml  && echo success > /run/cluster-api/bootstrap-success.complete'
`

func TestParse(t *testing.T) {
	cfg, err := Parse([]byte(initData), server)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cfg.WriteFiles); n != 2 {
		t.Fatalf("%d files", n)
	}
	f := cfg.WriteFiles[1]
	mode, err := f.Mode()
	if err != nil || mode != 0o640 || f.Path != "/run/kubeadm/kubeadm.yaml" {
		t.Errorf("file %s, mode %o, %v", f.Path, mode, err)
	}
	if !strings.Contains(f.Content, "name: 'node-1'") {
		t.Errorf("not rendered: %s", f.Content)
	}
	want := "#!/bin/sh\nswapoff -a\nkubeadm init --config /run/kubeadm/kubeadm.yaml  && echo success > /run/cluster-api/bootstrap-success.complete\n"
	if got := Script(cfg.Runcmd); got != want {
		t.Errorf("script %q", got)
	}
	if got, want := Script(cfg.Bootcmd), "#!/bin/sh\n'cloud-init-per' 'once' 'x' 'sh' '-c' 'echo it'\\''s'\n"; got != want {
		t.Errorf("script %q, want %q", got, want)
	}
}

func TestParseForms(t *testing.T) {
	for _, tc := range []struct {
		name    string
		raw     []byte
		failure string
	}{
		{"compressed", zip(t, initData), ""},
		{"no template", []byte("#cloud-config\nruncmd: ['{{ left alone }}']\n"), ""},
		{"ignition", []byte(`{"ignition":{}}`), "only cloud-config"},
		{"script", []byte("#!/bin/sh\n"), "only cloud-config"},
		{"empty", nil, "only cloud-config"},
		{"bad YAML", []byte("#cloud-config\na: [\n"), "reading cloud-config"},
		{"bad command", []byte("#cloud-config\nruncmd: [{a: b}]\n"), "string or a list"},
		{"cut off", zip(t, initData)[:40], "unpacking"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse(tc.raw, server)
			switch {
			case tc.failure == "" && err != nil:
				t.Error(err)
			case tc.failure != "" && (err == nil || !strings.Contains(err.Error(), tc.failure)):
				t.Errorf("got %v, want an error with %q", err, tc.failure)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	const content = "hello\n"
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	zipped := base64.StdEncoding.EncodeToString(zip(t, content))
	for _, tc := range []struct {
		encoding, content string
		fails             bool
	}{
		{"", content, false},
		{"text/plain", content, false},
		{"b64", encoded, false},
		{"base64", encoded[:4] + "\n" + encoded[4:], false},
		{"gzip", string(zip(t, content)), false},
		{"gz+b64", zipped, false},
		{"gzip+base64", zipped, false},
		{"base64", "***", true},
		{"gzip+base64", encoded, true},
		{"rot13", content, true},
	} {
		got, err := File{Path: "/x", Encoding: tc.encoding, Content: tc.content}.Decode()
		if (err != nil) != tc.fails || (!tc.fails && string(got) != content) {
			t.Errorf("%s: %q, %v", tc.encoding, got, err)
		}
	}
	if _, err := (File{Permissions: "rw"}).Mode(); err == nil {
		t.Error("permissions rw accepted")
	}
	if mode, err := (File{}).Mode(); err != nil || mode != 0o644 {
		t.Errorf("default mode %o, %v", mode, err)
	}
}

// FuzzParse: whatever a template holds, it does not panic, does not leave
// templates behind, and values of variables are never templates themselves.
func FuzzParse(f *testing.F) {
	f.Add(initData, "node-1")
	f.Add("## template: jinja\n#cloud-config\nruncmd: ['{{ ds.meta_data[\"instance-id\"] }}']", "{{ x }}")
	f.Add("## template: jinja\n#cloud-config\n{% raw %}{{ {% endraw %}", "{%")
	f.Fuzz(func(t *testing.T, data, hostname string) {
		instance := Instance{ID: "id", Hostname: hostname, FQDN: hostname + ".maas"}
		cfg, err := Parse([]byte(data), instance)
		if err == nil {
			for _, file := range cfg.WriteFiles {
				_, _ = file.Decode()
				_, _ = file.Mode()
			}
			_ = Script(cfg.Runcmd)
		}
		rendered, err := Render("a {{ v1.local_hostname }} b", instance)
		if err != nil || rendered != "a "+hostname+" b" {
			t.Errorf("rendered %q, %v", rendered, err)
		}
	})
}

func zip(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
