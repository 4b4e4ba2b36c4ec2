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
	"regexp"
	"slices"
	"strings"
)

// dispensable are the columns by tool, in the order in which they go where a
// terminal is too narrow; lines that wrap cannot be read.
var dispensable = map[string][]string{
	"clusterctl": {"UP TO DATE", "REPLICAS", "AVAILABLE", "READY", "SINCE", "REASON"},
	"kubectl": {
		"MESSAGE", "UNTIL", "RESERVED FOR", "AGE", "POWER", "MAAS", "POOL", "READY", "ASKED", "ADMITTED", "NAME", "CLUSTER", "REASON", "ZONE",
	},
}

// header finds the columns of a table in its first line; these titles have
// spaces in them.
var header = regexp.MustCompile(`UP TO DATE|DATA DISKS|RESERVED FOR|\S+`)

// narrow leaves out columns of a tool's table until it fits. What has no such
// columns stays as it is.
func narrow(tool, table string, width int) string {
	lines := strings.Split(strings.TrimRight(table, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	titles := header.FindAllStringIndex(lines[0], -1)
	for _, title := range dispensable[tool] {
		if widest(lines) <= width {
			break
		}
		i := slices.IndexFunc(titles, func(at []int) bool { return lines[0][at[0]:at[1]] == title })
		if i < 0 || len(titles) == 1 {
			continue
		}
		from, to := titles[i][0], widest(lines)
		if i+1 < len(titles) {
			to = titles[i+1][0]
		}
		for j, l := range lines {
			runes := []rune(l)
			lines[j] = strings.TrimRight(string(runes[:min(from, len(runes))])+string(runes[min(to, len(runes)):]), " ")
		}
		titles = header.FindAllStringIndex(lines[0], -1)
	}
	return strings.Join(lines, "\n")
}

func widest(lines []string) int {
	n := 0
	for _, l := range lines {
		n = max(n, len([]rune(l)))
	}
	return n
}

var (
	wordTrue  = regexp.MustCompile(`\bTrue\b`)
	wordFalse = regexp.MustCompile(`\bFalse\b`)
)

// highlight paints the states of conditions.
func highlight(table string, colours bool) string {
	table = wordTrue.ReplaceAllString(table, paint("True", styleGreen, colours))
	return wordFalse.ReplaceAllString(table, paint("False", styleRed, colours))
}
