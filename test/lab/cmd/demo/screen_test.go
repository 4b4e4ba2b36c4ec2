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
	"strings"
	"testing"
)

func TestFrame(t *testing.T) {
	text, f := frame{}.next([]string{"one", "two"}, 80, 24)
	if want := hideCursor + "one" + clearRight + "\r\ntwo" + clearRight + "\r\n" + clearBelow; text != want {
		t.Errorf("first frame is %q, want %q", text, want)
	}
	if text, _ := f.next([]string{"one", "two"}, 80, 24); text != "" {
		t.Errorf("an unchanged frame writes %q", text)
	}
	text, f = f.next([]string{"three"}, 80, 24)
	if !strings.HasPrefix(text, hideCursor+"\r\x1b[2A") || !strings.HasSuffix(text, clearBelow) {
		t.Errorf("the second frame is not drawn over the first: %q", text)
	}
	if got, want := f.erase(80), "\r\x1b[1A"+clearBelow+showCursor; got != want {
		t.Errorf("erase writes %q, want %q", got, want)
	}
	if got := (frame{}).erase(80); got != "" {
		t.Errorf("nothing was drawn, and erase writes %q", got)
	}
}

func TestFrameOnNarrowerTerminal(t *testing.T) {
	_, f := frame{}.next([]string{strings.Repeat("x", 80), paint("short", styleGreen, true), ""}, 80, 24)
	// The first line takes two rows of 50 now.
	if text, _ := f.next([]string{"x"}, 50, 24); !strings.Contains(text, "\x1b[4A") {
		t.Errorf("moves up differently: %q", text)
	}
}

func TestFrameOnLowTerminal(t *testing.T) {
	_, f := frame{}.next([]string{"1", "2", "3", "4", "5"}, 80, 4)
	if got, want := strings.Join(f.lines, " "), "1 2 … and 3 more"; got != want {
		t.Errorf("shows %q, want %q", got, want)
	}
}

func TestVisible(t *testing.T) {
	for s, want := range map[string]int{"": 0, "ab…": 3, paint("ab", styleRed, true) + "c": 3} {
		if got := visible(s); got != want {
			t.Errorf("visible(%q) = %d, want %d", s, got, want)
		}
	}
}
