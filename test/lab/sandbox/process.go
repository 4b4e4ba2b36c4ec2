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

package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Command describes a process.
type Command struct {
	// Name is for messages; by default the last part of Path.
	Name string
	// Path is the program, as seen from Root when that is set.
	Path string
	Args []string
	// Env is the whole environment: nothing is inherited.
	Env []string
	Dir string
	// Log is the file that gets the output, appended to.
	Log string
	// Nice is how much the process gives way to others, from 0 to 19.
	Nice int
	// NetNS, Hostname, Root and Mounts need a sandbox.
	NetNS    *NetNS
	Hostname string
	Root     string
	Mounts   []Mount
}

// Process is a running or ended command. Its whole process group is killed with
// it, and it with the program.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Start starts a command.
func Start(c Command) (*Process, error) {
	if c.Name == "" {
		c.Name = filepath.Base(c.Path)
	}
	p := &Process{name: c.Name, log: c.Log, done: make(chan struct{})}
	var err error
	if p.cmd, err = c.build(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	if c.Log != "" {
		out, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return nil, fmt.Errorf("opening the log of %s: %w", c.Name, err)
		}
		defer out.Close()
		p.cmd.Stdout, p.cmd.Stderr = out, out
	}
	if err := spawn(p.cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if c.Nice != 0 {
		// Of the group, for threads inherit it, and some may have been started already.
		if err := unix.Setpriority(unix.PRIO_PGRP, p.cmd.Process.Pid, c.Nice); err != nil {
			p.Kill()
			return nil, fmt.Errorf("starting %s: setting its priority: %w", c.Name, err)
		}
	}
	return p, nil
}

// build makes the command line, by way of the shim where surroundings of its
// own are asked for.
func (c Command) build() (*exec.Cmd, error) {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	if c.NetNS == nil && c.Root == "" && len(c.Mounts) == 0 && c.Hostname == "" {
		return &exec.Cmd{
			Path: c.Path, Args: append([]string{c.Path}, c.Args...), Env: c.env(), Dir: c.Dir, SysProcAttr: attr,
		}, nil
	}
	if !Inside() {
		return nil, fmt.Errorf("it needs a sandbox: %w", Err())
	}
	spec := shimSpec{
		Path: c.Path, Args: append([]string{c.Path}, c.Args...), Env: c.env(), Dir: c.Dir,
		Hostname: c.Hostname, Root: c.Root, Mounts: c.Mounts,
	}
	cmd := &exec.Cmd{Path: "/proc/self/exe", Env: []string{"GOMAXPROCS=1"}, SysProcAttr: attr}
	if c.NetNS != nil {
		spec.NetNS = 3
		cmd.ExtraFiles = []*os.File{c.NetNS.file}
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	cmd.Args = []string{roleShim, string(raw)}
	return cmd, nil
}

func (c Command) env() []string {
	if c.Env == nil {
		return []string{}
	}
	return c.Env
}

// spawner is the one thread that forks: Pdeathsig follows the forking thread,
// and Go ends threads at will unless a goroutine is locked to them.
var spawner = struct {
	once sync.Once
	jobs chan func()
}{jobs: make(chan func())}

func spawn(cmd *exec.Cmd) error {
	spawner.once.Do(func() {
		go func() {
			runtime.LockOSThread()
			for job := range spawner.jobs {
				job()
			}
		}()
	})
	result := make(chan error, 1)
	spawner.jobs <- func() { result <- cmd.Start() }
	return <-result
}

// Name is the command's name.
func (p *Process) Name() string { return p.name }

// PID is the process id, as seen inside the sandbox.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is the path of the file with the output.
func (p *Process) Log() string { return p.log }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running tells whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Wait waits for the end of the process and returns how it ended: nil for exit
// code 0.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s to end: %w", p.name, ctx.Err())
	}
}

// Kill kills the process and its group at once and waits for its end.
func (p *Process) Kill() {
	_ = unix.Kill(-p.PID(), unix.SIGKILL)
	<-p.done
	// What the process had forked meanwhile.
	_ = unix.Kill(-p.PID(), unix.SIGKILL)
}

// Stop asks the process to end and kills it after the grace period.
func (p *Process) Stop(grace time.Duration) {
	if p.Running() {
		_ = unix.Kill(p.PID(), unix.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(grace):
		}
	}
	p.Kill()
}

// RSS is the resident memory of the process in bytes.
func (p *Process) RSS() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0, errors.New("unexpected format of statm")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// LogTail is the last n lines of the log, for error messages.
func (p *Process) LogTail(n int) string {
	raw, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return string(bytes.Join(lines, []byte("\n")))
}
