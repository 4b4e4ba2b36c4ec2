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

// Command conditions writes docs/conditions.md from the constants and comments of api/v1beta2/conditions.go and from actions.yaml, which
// says what an operator does about each reason. A reason without an action is an error, and so is an action without a reason.
package main

import (
	_ "embed"
	"fmt"
	"os"
)

const (
	source = "api/v1beta2/conditions.go"
	target = "docs/conditions.md"
)

//go:embed actions.yaml
var actionsYAML []byte

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "conditions:", err)
		os.Exit(1)
	}
}

func run() error {
	code, err := os.ReadFile(source)
	if err != nil {
		return fmt.Errorf("reading the conditions (this runs in the root of the repository): %w", err)
	}
	page, err := render(code, actionsYAML)
	if err != nil {
		return err
	}
	return os.WriteFile(target, page, 0o644)
}
