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

import "testing"

func TestNarrow(t *testing.T) {
	const table = "NAME                 REPLICAS AVAILABLE READY UP TO DATE STATUS REASON     SINCE MESSAGE \n" +
		"Cluster default/demo 6/6      6         6     6          True   Available  28s           \n" +
		"├─MaasCluster                                            True   Ready      2s            \n"
	for width, want := range map[int]string{
		100: "NAME                 REPLICAS AVAILABLE READY UP TO DATE STATUS REASON     SINCE MESSAGE\n" +
			"Cluster default/demo 6/6      6         6     6          True   Available  28s\n" +
			"├─MaasCluster                                            True   Ready      2s",
		60: "NAME                 READY STATUS REASON     SINCE MESSAGE\n" +
			"Cluster default/demo 6     True   Available  28s\n" +
			"├─MaasCluster              True   Ready      2s",
		50: "NAME                 STATUS REASON     MESSAGE\n" +
			"Cluster default/demo True   Available\n" +
			"├─MaasCluster        True   Ready",
		20: "NAME                 STATUS MESSAGE\n" +
			"Cluster default/demo True\n" +
			"├─MaasCluster        True",
	} {
		if got := narrow("clusterctl", table, width); got != want {
			t.Errorf("at width %d:\n%s\nwant:\n%s", width, got, want)
		}
	}
	if got, want := narrow("kubectl", "NAME   READY   AGE\nx      True    9s\n", 15), "NAME   READY\nx      True"; got != want {
		t.Errorf("the last column stays: %q, want %q", got, want)
	}
	for _, text := range []string{"", "Error from server: no"} {
		if got := narrow("kubectl", text, 5); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestHighlight(t *testing.T) {
	if got, want := highlight("True False Truest", true), "\x1b[32mTrue\x1b[0m \x1b[31mFalse\x1b[0m Truest"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := highlight("True", false); got != "True" {
		t.Errorf("got %q without colours", got)
	}
}
