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

// Package docs_test keeps the documentation true: what it names has to exist.
package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Points of the contract, by section.
var contractPoints = map[string]int{"1.A": 18, "1.B": 14, "1.C": 6, "1.D": 6, "1.E": 14, "1.F": 6, "1.G": 4, "1.H": 6}

var quoted = regexp.MustCompile("`([^`]+)`")

// TestContractIsComplete: contract.md has every point, once, and the files and tests that it names exist.
func TestContractIsComplete(t *testing.T) {
	page, err := os.ReadFile("contract.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testFunctions(t)
	seen := map[string]int{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		point := strings.TrimSpace(cells[0])
		if !regexp.MustCompile(`^\d\.[A-Z]\.\d+$`).MatchString(point) {
			continue
		}
		if len(cells) != 4 {
			t.Errorf("%s: %d cells, want point, what, where and test", point, len(cells))
			continue
		}
		seen[point]++
		for _, where := range quoted.FindAllStringSubmatch(cells[2], -1) {
			if _, err := os.Stat(filepath.Join("..", where[1])); err != nil {
				t.Errorf("%s: there is no %s", point, where[1])
			}
		}
		names := quoted.FindAllStringSubmatch(cells[3], -1)
		if len(names) == 0 && strings.TrimSpace(cells[3]) != "—" {
			t.Errorf("%s names no test", point)
		}
		for _, name := range names {
			if !tests[name[1]] {
				t.Errorf("%s: there is no test %s", point, name[1])
			}
		}
	}
	for section, points := range contractPoints {
		for i := 1; i <= points; i++ {
			if point := fmt.Sprintf("%s.%d", section, i); seen[point] != 1 {
				t.Errorf("%s is there %d times", point, seen[point])
			}
		}
	}
}

// testFunctions returns the names of all tests of the repository.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "bin" || entry.Name() == "out" || entry.Name() == "_artifacts" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parsing %s: %w", path, err)
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestLinks: what a page of the repository links to in it exists.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(target[1], "://") || strings.HasPrefix(target[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), target[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, target[1])
			}
		}
	}
}

// TestMakeTargets: a make target that a page tells to run exists.
func TestMakeTargets(t *testing.T) {
	targets := map[string]bool{}
	for _, makefile := range []string{"../Makefile", "../hack/tools.mk"} {
		text, err := os.ReadFile(makefile)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(string(text), -1) {
			targets[target[1]] = true
		}
	}
	use := regexp.MustCompile("(?m)(?:`|^\\$ )make ([a-z0-9-]+(?: [a-z][a-z0-9-]*)*)")
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, used := range use.FindAllStringSubmatch(string(text), -1) {
			for target := range strings.FieldsSeq(used[1]) {
				if !targets[target] {
					t.Errorf("%s tells to run make %s, which there is not", page, target)
				}
			}
		}
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../*.md", "*.md", "adr/*.md"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, matches...)
	}
	return all
}
