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

package maasmachine

import "testing"

func TestNewcomersAreSuchOnce(t *testing.T) {
	t.Parallel()
	n := &newcomers{}
	if n.remove("a") {
		t.Error("want a machine that was never added to be none")
	}
	n.add("a")
	n.add("b")
	n.add("a")
	if !n.remove("a") {
		t.Error("want a machine that was added to be one")
	}
	if n.remove("a") {
		t.Error("want a machine whose lease was tried to be none any more")
	}
	if !n.remove("b") {
		t.Error("want another machine left alone")
	}
	if len(n.uids) != 0 {
		t.Errorf("want nothing kept, got %v", n.uids)
	}
}
