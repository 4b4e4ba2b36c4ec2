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

package hostagent

import (
	"maps"
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestParseFlags(t *testing.T) {
	for in, want := range map[string]map[string]string{
		"": {},
		`KUBELET_KUBEADM_ARGS="--provider-id=maas:///4y3h7n --node-labels=a=b,c=d --register-with-taints=x:NoSchedule"` + "\n": {
			"provider-id": "maas:///4y3h7n", "node-labels": "a=b,c=d", "register-with-taints": "x:NoSchedule",
		},
		`KUBELET_KUBEADM_ARGS=--v`: {"v": ""},
	} {
		if got := parseFlags(in); !maps.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	for in, want := range map[string]bool{
		"": false, "KUBELET_KUBEADM_ARGS=": false, `KUBELET_KUBEADM_ARGS="`: false, `KUBELET_KUBEADM_ARGS="--provider-id=maas:///4y3`: false,
		`KUBELET_KUBEADM_ARGS=""` + "\n": true, `KUBELET_KUBEADM_ARGS="--provider-id=maas:///4y3h7n"` + "\n": true,
	} {
		if got := complete(in); got != want {
			t.Errorf("%q: got %t", in, got)
		}
	}
}

func TestParseTaints(t *testing.T) {
	want := []corev1.Taint{
		{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule},
		{Key: "a", Value: "b", Effect: corev1.TaintEffectNoExecute},
	}
	got := parseTaints("node-role.kubernetes.io/control-plane:NoSchedule,a=b:NoExecute")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if got := parseTaints(""); len(got) != 0 {
		t.Errorf("no taints: got %v", got)
	}
}

func TestVersionIn(t *testing.T) {
	for in, want := range map[string]string{
		"ubuntu-24.04-k8s-v1.36.1":               "v1.36.1",
		"registry.k8s.io/kube-apiserver:v1.36.3": "v1.36.3",
		"jammy":                                  "",
	} {
		if got := versionIn(in); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func TestKubeVIP(t *testing.T) {
	c := corev1.Container{Image: "ghcr.io/kube-vip/kube-vip:v1.0.0", Env: []corev1.EnvVar{
		{Name: "address", Value: "172.16.3.1"}, {Name: "port", Value: "8443"}, {Name: "vip_arp", Value: "true"},
	}}
	if !isKubeVIP(c) || isKubeVIP(corev1.Container{Image: "registry.k8s.io/etcd:3.6.8"}) {
		t.Error("kube-vip is not told from others")
	}
	if got := vipOf(c); got != "172.16.3.1:8443" {
		t.Errorf("virtual address %s", got)
	}
}
