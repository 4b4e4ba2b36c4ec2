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
	"os"
	"strings"
	"testing"
)

const oneReason = `package v1beta2

// RainingCondition tells whether it rains: on Sky.
const RainingCondition = "Raining"

// Reasons of RainingCondition. Those of RainingCondition are few.
const (
	// DropsReason says that drops | fall; see RainingCondition.
	DropsReason = "Drops"
)
`

func TestRender(t *testing.T) {
	page, err := render([]byte(oneReason), []byte("DropsReason: Take an umbrella."))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n## Raining\n\nTells whether it rains: on Sky.\n",
		"\nThose of `Raining` are few.\n",
		"\n| `Drops` | Drops \\| fall; see `Raining`. | Take an umbrella. |\n",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is missing in:\n%s", want, page)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	for name, c := range map[string]struct{ code, actions, want string }{
		"reason without action": {oneReason, "", "does not say what to do about DropsReason"},
		"action without reason": {oneReason, "DropsReason: x\nHailReason: y", "has no reason HailReason"},
		"constant of no kind":   {"package p\n// X is.\nconst X = \"x\"", "", "X is neither"},
		"reason without words":  {"package p\nconst XReason = \"x\"", "", "XReason has no comment"},
		"value from elsewhere":  {"package p\n// XReason says that x.\nconst XReason = other.X", "", "the value of XReason"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := render([]byte(c.code), []byte(c.actions)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestPageIsCurrent fails when conditions.go or actions.yaml changed and docs/conditions.md did not.
func TestPageIsCurrent(t *testing.T) {
	code, err := os.ReadFile("../../" + source)
	if err != nil {
		t.Fatal(err)
	}
	want, err := render(code, actionsYAML)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../" + target)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not current: run make generate", target)
	}
}
