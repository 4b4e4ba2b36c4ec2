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
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Role names, given to the program as its name (argv[0]), because its other
// arguments belong to it.
const (
	roleInit = "sandbox-init"
	roleShim = "sandbox-shim"
	// envInside names the folder for temporary files of the sandbox.
	envInside = "CAPMAAS_SANDBOX_DIR"
)

// File descriptors that outer hands to init, and init to inner.
const (
	fdControl  = 3 // signal numbers, one byte each; end of file: outer is gone
	fdListener = 4 // a listening socket of the machine's own network
)

// fdInnerListener is where inner finds the listening socket.
const fdInnerListener = 3

var state struct {
	inside   bool
	err      error
	dir      string
	listener net.Listener
}

// Inside tells whether the program runs in a sandbox.
func Inside() bool { return state.inside }

// Outside tells, before [Enter] is called, whether the program was started by somebody other than a sandbox.
func Outside() bool {
	return os.Args[0] != roleInit && os.Args[0] != roleShim && os.Getenv(envInside) == ""
}

// Err tells why the program does not run in a sandbox: Enter was not called, or
// the machine does not permit it.
func Err() error {
	if state.inside {
		return nil
	}
	if state.err != nil {
		return state.err
	}
	return errors.New("sandbox.Enter was not called first in main or TestMain")
}

// TempDir is a folder that is removed when the sandbox ends, however it ends;
// outside a sandbox the system's.
func TempDir() string {
	if state.inside {
		return state.dir
	}
	return os.TempDir()
}

// OutsideListener is a listening socket on a loopback port of the machine the
// program was started on, through which the sandbox can be reached from there.
// Nil outside a sandbox.
func OutsideListener() net.Listener { return state.listener }

// Enter re-executes the program in a sandbox. It returns in the inner process
// only, or, when the machine does not permit the namespaces, in the process
// that was started; [Err] then says why. It has to be called first in main or
// TestMain.
func Enter() {
	switch {
	case os.Args[0] == roleInit:
		os.Exit(runInit())
	case os.Args[0] == roleShim:
		runShim()
	case os.Getenv(envInside) != "":
		enterInner()
	default:
		code, err := runOuter()
		if err == nil {
			os.Exit(code)
		}
		state.err = err
	}
}

// runOuter starts init and waits for it. The error says that no sandbox could
// be made; everything after that is told by the exit code.
func runOuter() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("opening the loopback port that leads into the sandbox: %w", err)
	}
	lnFile, err := ln.(*net.TCPListener).File()
	if err != nil {
		return 0, fmt.Errorf("handing the loopback port to the sandbox: %w", err)
	}
	dir, err := os.MkdirTemp("", "capmaas-sandbox-")
	if err != nil {
		return 0, fmt.Errorf("making the sandbox's folder: %w", err)
	}
	defer os.RemoveAll(dir)
	control, controlW, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("making the control pipe: %w", err)
	}
	defer controlW.Close()

	cmd := &exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       append([]string{roleInit}, os.Args...),
		Env:        append(os.Environ(), envInside+"="+dir),
		Stdin:      os.Stdin,
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
		ExtraFiles: []*os.File{control, lnFile},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS |
				unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			// No Pdeathsig: init sees the end of the control pipe, and cleans up.
		},
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("making user, network, mount and pid namespaces (are unprivileged user namespaces switched off?): %w", err)
	}
	_ = control.Close()
	_ = lnFile.Close()
	_ = ln.Close()
	go forwardSignals(signals, controlW)
	return exitCode(cmd.Wait()), nil
}

// forwardSignals hands signals on to inner, but for those that the terminal has
// sent to the whole foreground group already.
func forwardSignals(signals <-chan os.Signal, control *os.File) {
	for s := range signals {
		sig := s.(syscall.Signal)
		if (sig == unix.SIGINT || sig == unix.SIGQUIT) && inForeground() {
			continue
		}
		_, _ = control.Write([]byte{byte(sig)})
	}
}

func inForeground() bool {
	pgrp, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	return err == nil && pgrp == unix.Getpgrp()
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if st, ok := exit.Sys().(syscall.WaitStatus); ok && st.Signaled() {
			return 128 + int(st.Signal())
		}
		return exit.ExitCode()
	default:
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		return 1
	}
}

// enterInner takes over what init has handed down.
func enterInner() {
	state.dir = os.Getenv(envInside)
	_ = os.Unsetenv(envInside)
	file := os.NewFile(fdInnerListener, "outside-listener")
	ln, err := net.FileListener(file)
	_ = file.Close()
	if err != nil {
		state.err = fmt.Errorf("taking over the loopback port: %w", err)
		return
	}
	state.inside, state.listener = true, ln
	// The namespaces are ours, yet one limit is not: what the user may open.
	raiseFileLimit()
}

// raiseFileLimit lifts the soft limit on open files to the hard one: API
// servers and etcd need more than the 1024 of a login shell.
func raiseFileLimit() {
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil && lim.Cur < lim.Max {
		lim.Cur = lim.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &lim)
	}
}
