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

package repave

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEveryReasonIsExplained finds each reason of this package in the guide.
func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("input.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`Reason = "(\w+)"`).FindAllSubmatch(source, -1)
	if len(reasons) < 25 {
		t.Fatalf("found %d reasons in input.go, want all of them", len(reasons))
	}
	for _, r := range reasons {
		if !strings.Contains(string(guide), "`"+string(r[1])+"`") {
			t.Errorf("docs/gate.md does not explain %s", r[1])
		}
	}
}
