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
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// runInit is process 1: it prepares the namespaces, runs inner and reaps what
// inner leaves. It ends last, and the sandbox's folder with it: outer, which
// removes the folder too, may have been killed.
func runInit() int {
	// Signals come by the control pipe; those of the terminal reach inner by
	// themselves.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox: preparing namespaces:", err)
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			// Ubuntu lets anybody make a user namespace and nobody use it.
			fmt.Fprintln(os.Stderr, "sandbox: on Ubuntu 23.10 and later: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root")
		}
		return 1
	}
	inner := &exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       os.Args[1:],
		Env:        os.Environ(),
		Stdin:      os.Stdin,
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
		ExtraFiles: []*os.File{os.NewFile(fdListener, "outside-listener")},
	}
	if err := inner.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox: starting the program inside:", err)
		return 1
	}
	var pid atomic.Int64
	pid.Store(int64(inner.Process.Pid))
	go obeyControl(&pid)
	code := reap(inner.Process.Pid)
	endAll()
	_ = os.RemoveAll(os.Getenv(envInside))
	return code
}

// prepare mounts /proc of the new pid namespace and an own /run, and brings the
// loopback interface up.
func prepare() error {
	unix.CloseOnExec(fdControl)
	unix.CloseOnExec(fdListener)
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for _, dir := range []string{"/run", "/var/run"} {
		target, err := filepath.EvalSymlinks(dir)
		if err != nil || (dir == "/var/run" && target == "/run") {
			continue
		}
		if err := unix.Mount("tmpfs", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=64m"); err != nil {
			return fmt.Errorf("mounting a tmpfs on %s: %w", target, err)
		}
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bringing the loopback interface up: %w", err)
	}
	return nil
}

// obeyControl passes signals to inner, and kills everything when outer is gone.
func obeyControl(inner *atomic.Int64) {
	control := os.NewFile(fdControl, "control")
	buf := make([]byte, 1)
	for {
		n, err := control.Read(buf)
		if err != nil || n == 0 {
			_ = unix.Kill(-1, unix.SIGKILL) // everything in the namespace but init, which sees inner end and cleans up
			return
		}
		_ = unix.Kill(int(inner.Load()), syscall.Signal(buf[0]))
	}
}

// reap waits for every child, own or inherited, until inner has ended, and
// returns inner's exit code.
func reap(inner int) int {
	for {
		var st unix.WaitStatus
		pid, err := unix.Wait4(-1, &st, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			fmt.Fprintln(os.Stderr, "sandbox: waiting for the program inside:", err)
			return 1
		case pid != inner:
			continue
		case st.Signaled():
			return 128 + int(st.Signal())
		default:
			return st.ExitStatus()
		}
	}
}

// endAll kills what inner left and waits until it is gone: what still runs could
// write where the folder was just removed.
func endAll() {
	_ = unix.Kill(-1, unix.SIGKILL)
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
