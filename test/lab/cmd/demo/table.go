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
	"fmt"
	"strings"
	"time"
)

// row is one Machine.
type row struct {
	role    string
	machine string
	state
	host    string
	elapsed time.Duration
}

// view is what the screen shows.
type view struct {
	cluster     string
	initialised bool
	deleting    bool
	ready, want int
	calls       int
	elapsed     time.Duration
	rows        []row
	// upgrade is set while the cluster is upgraded.
	upgrade *upgradeView
}

// Styles are ANSI colours; a cell has none or one.
const (
	styleNone   = ""
	styleBold   = "1"
	styleDim    = "2"
	styleGreen  = "32"
	styleYellow = "33"
	styleCyan   = "36"
	styleRed    = "31"
)

func (p phase) style() string {
	switch p {
	case ready, gone:
		return styleGreen
	case halted:
		return styleRed
	case waiting:
		return styleDim
	case deploying, booting, joining, rebuilding, settling:
		return styleCyan
	default:
		return styleYellow
	}
}

func paint(s, style string, colours bool) string {
	if !colours || style == styleNone || s == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

// column is one column of the table.
type column struct {
	title string
	cell  func(r row, width int) string
	style func(r row) string
	width int
}

const (
	gap = "  "
	// roomy is the width from which the table also names the role, which the
	// machine's name tells already.
	roomy    = 100
	leastWhy = 12
	// leastSentence is the width from which the gate's sentence says more than its word.
	leastSentence = 40
)

// lines renders the view for a width; no line is longer.
func (v view) lines(width int, colours bool) []string {
	out := []string{paint(cut(v.headline(width), width), styleBold, colours)}
	if v.upgrade != nil {
		out = append(out, paint(cut(v.upgrade.storage(), width), v.upgrade.style(), colours))
	}
	if len(v.rows) == 0 {
		return append(out, paint(cut(v.placeholder(), width), styleDim, colours))
	}
	columns := v.columns(width)
	var title strings.Builder
	for i, c := range columns {
		title.WriteString(cell(c.title, c.width, i == len(columns)-1))
	}
	out = append(out, paint(cut(title.String(), width), styleDim, colours))
	for _, r := range v.rows {
		var b strings.Builder
		for i, c := range columns {
			text := cell(c.cell(r, c.width), c.width, i == len(columns)-1)
			if c.style != nil {
				trimmed := strings.TrimRight(text, " ")
				text = paint(trimmed, c.style(r), colours) + text[len(trimmed):]
			}
			b.WriteString(text)
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	return out
}

func (v view) placeholder() string {
	if v.deleting {
		return "All Machines are gone"
	}
	return "Waiting for Cluster API to create Machines"
}

// cell pads a text to the width and adds the gap to the next column.
func cell(s string, width int, last bool) string {
	s = cut(s, width)
	if last {
		return s
	}
	return s + strings.Repeat(" ", width-len([]rune(s))) + gap
}

func (v view) headline(width int) string {
	if v.upgrade != nil {
		return v.upgrade.headline(v.elapsed)
	}
	initialised := "control plane starting"
	switch {
	case v.deleting:
		initialised = "deleting"
	case v.initialised:
		initialised = "control plane initialised"
	}
	if width < 74 {
		initialised = strings.TrimPrefix(initialised, "control plane ")
	}
	return fmt.Sprintf("Cluster %s: %s, nodes ready %d/%d, MAAS calls %d, %s",
		v.cluster, initialised, v.ready, v.want, v.calls, clock(v.elapsed))
}

// columns distributes the width: what the columns need, the rest for the
// reason. Where that is too little, first the reason and then the host go, and
// what is left is cut.
func (v view) columns(width int) []column {
	role := column{title: "ROLE", cell: func(r row, _ int) string { return r.role }}
	machine := column{title: "MACHINE", cell: func(r row, _ int) string { return r.machine }}
	stage := column{title: "PHASE", cell: func(r row, _ int) string { return string(r.phase) }, style: func(r row) string { return r.phase.style() }}
	host := column{title: "HOST", cell: func(r row, _ int) string { return r.host }}
	watch := column{title: "TIME", cell: func(r row, _ int) string { return clock(r.elapsed) }}
	why := column{title: "WHY", cell: func(r row, w int) string {
		if r.phase == held && w < leastSentence && r.reason != "" {
			return r.reason
		}
		return brief(r.why, w)
	}, style: func(row) string { return styleDim }}
	choices := [][]column{
		{role, machine, stage, host, watch, why},
		{machine, stage, host, watch, why},
		{machine, stage, host, watch},
		{machine, stage, watch},
	}
	if width < roomy {
		choices = choices[1:]
	}
	for i, columns := range choices {
		rest := width
		for j := range columns {
			c := &columns[j]
			if c.title == why.title {
				c.width = rest
				continue
			}
			c.width = v.need(*c)
			rest -= c.width + len(gap)
		}
		last := columns[len(columns)-1]
		if last.title == why.title {
			if last.width >= leastWhy {
				return columns
			}
			continue
		}
		rest += len(gap) // none after the last
		if rest >= 0 || i == len(choices)-1 {
			columns[0].width = max(columns[0].width+min(rest, 0), 4)
			return columns
		}
	}
	return nil
}

// need is the width of the widest cell.
func (v view) need(c column) int {
	n := len(c.title)
	if c.title == "PHASE" {
		// Its width does not change while the machines go through their phases.
		n = len(deploying)
	}
	for _, r := range v.rows {
		n = max(n, len([]rune(c.cell(r, 1<<10))))
	}
	return n
}

// clock writes a duration as a stopwatch does.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// changes are lines for those who do not look at a terminal: what is different
// from the view before.
func (v view) changes(before view) []string {
	old := map[string]row{}
	for _, r := range before.rows {
		old[r.machine] = r
	}
	var out []string
	say := func(format string, args ...any) {
		out = append(out, fmt.Sprintf("%6s  ", clock(v.elapsed))+fmt.Sprintf(format, args...))
	}
	for _, r := range v.rows {
		if o, ok := old[r.machine]; ok && o.phase == r.phase && o.host == r.host && o.reason == r.reason {
			continue
		}
		line := fmt.Sprintf("%-26s %-9s %-9s %s", r.machine, r.phase, r.host, r.why)
		say("%s", cut(strings.TrimRight(line, " "), plainWidth))
	}
	if v.initialised && !before.initialised {
		say("Control plane initialised")
	}
	if v.upgrade != nil {
		if now := v.upgrade.counts(); before.upgrade == nil || now != before.upgrade.counts() {
			say("%s", now)
		}
		return out
	}
	if v.ready != before.ready {
		say("Nodes ready: %d/%d (MAAS calls so far: %d)", v.ready, v.want, v.calls)
	}
	return out
}
