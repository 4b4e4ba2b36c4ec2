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
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearRight = "\x1b[K"
	clearBelow = "\x1b[J"
	// plainWidth is what output that is not a terminal may use.
	plainWidth = 120
)

// screen shows a frame that is redrawn in place, with ordinary lines above it.
// Where the output is not a terminal there is no frame.
type screen struct {
	out     io.Writer
	fd      int
	live    bool
	colours bool

	mu     sync.Mutex // guards the fields below
	frame  frame
	closed bool
}

func newScreen(f *os.File) *screen {
	s := &screen{out: f, fd: int(f.Fd())}
	_, err := unix.IoctlGetTermios(s.fd, unix.TCGETS)
	s.live = err == nil && os.Getenv("TERM") != "dumb"
	s.colours = s.live && os.Getenv("NO_COLOR") == ""
	return s
}

// size is the terminal's, of which one row is kept free: writing into the last
// one scrolls.
func (s *screen) size() (width, height int) {
	if !s.live {
		return plainWidth, 1 << 10
	}
	ws, err := unix.IoctlGetWinsize(s.fd, unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 80, 24
	}
	return int(ws.Col), int(ws.Row)
}

// draw replaces the frame.
func (s *screen) draw(lines []string) {
	if !s.live {
		return
	}
	width, height := s.size()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	var text string
	text, s.frame = s.frame.next(lines, width, height)
	_, _ = io.WriteString(s.out, text)
}

// say writes lines above the frame, which is gone until it is drawn again.
func (s *screen) say(format string, args ...any) {
	s.write(strings.TrimRight(fmt.Sprintf(format, args...), "\n") + "\n")
}

func (s *screen) write(text string) {
	width, _ := s.size()
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.out, s.frame.erase(width)+text)
	s.frame = frame{}
}

// settle leaves the frame where it is, as ordinary lines.
func (s *screen) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frame.drawn {
		_, _ = io.WriteString(s.out, showCursor)
	}
	s.frame = frame{}
}

// close leaves the terminal as it was found. Nothing is drawn any more.
func (s *screen) close() {
	s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// frame is what was drawn last. The cursor is in the first column below it.
type frame struct {
	drawn bool
	lines []string
	width int
}

// next is what to write to replace the frame. All is one write, over what was
// there, so nothing flickers; an unchanged frame is not written.
func (f frame) next(lines []string, width, height int) (string, frame) {
	if limit := max(height-1, 1); len(lines) > limit {
		lines = append(append([]string(nil), lines[:limit-1]...), cut(fmt.Sprintf("… and %d more", len(lines)-limit+1), width))
	}
	if f.drawn && f.width == width && equal(f.lines, lines) {
		return "", f
	}
	var b strings.Builder
	b.WriteString(hideCursor)
	b.WriteString(f.up(width))
	for _, l := range lines {
		b.WriteString(l + clearRight + "\r\n")
	}
	b.WriteString(clearBelow)
	return b.String(), frame{drawn: true, lines: append([]string(nil), lines...), width: width}
}

// erase is what to write to have the frame gone.
func (f frame) erase(width int) string {
	if !f.drawn {
		return ""
	}
	return f.up(width) + clearBelow + showCursor
}

// up moves to the first row of the frame. A terminal that has become narrower
// has wrapped its lines.
func (f frame) up(width int) string {
	rows := 0
	for _, l := range f.lines {
		rows += max(1, (visible(l)+width-1)/max(width, 1))
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("\r\x1b[%dA", rows)
}

// visible is the length of a line without colours.
func visible(s string) int {
	n, escape := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			n++
		}
	}
	return n
}

func equal(a, b []string) bool {
	return len(a) == len(b) && strings.Join(a, "\n") == strings.Join(b, "\n")
}
