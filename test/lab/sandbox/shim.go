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
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// exitShim is the exit code of a command whose surroundings could not be made.
const exitShim = 125

// Mount binds a file or folder into the root of a command. It is seen by that
// command and its children only, so nothing that clears the root folder from
// outside can reach through it.
type Mount struct {
	Source string `json:"source"`
	// Target is the absolute path inside the command's root.
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly,omitempty"`
}

// shimSpec is what the shim does before it becomes the command.
type shimSpec struct {
	Path     string   `json:"path"`
	Args     []string `json:"args"`
	Env      []string `json:"env"`
	Dir      string   `json:"dir,omitempty"`
	Hostname string   `json:"hostname,omitempty"`
	Root     string   `json:"root,omitempty"`
	Mounts   []Mount  `json:"mounts,omitempty"`
	// NetNS is the descriptor of the network namespace, 0 for none.
	NetNS int `json:"netns,omitempty"`
}

// runShim never returns: it becomes the command or exits.
func runShim() {
	// Namespaces belong to threads; exec keeps those of the calling one.
	runtime.LockOSThread()
	var spec shimSpec
	err := json.Unmarshal([]byte(os.Args[1]), &spec)
	if err == nil {
		err = spec.enter()
	}
	if err == nil {
		err = unix.Exec(spec.Path, spec.Args, spec.Env)
	}
	fmt.Fprintf(os.Stderr, "sandbox: starting %s: %v\n", spec.Path, err)
	os.Exit(exitShim)
}

func (s shimSpec) enter() error {
	if s.NetNS != 0 {
		if err := unix.Setns(s.NetNS, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering the network namespace: %w", err)
		}
		_ = unix.Close(s.NetNS)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("making a mount and hostname namespace: %w", err)
	}
	if s.Hostname != "" {
		if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
			return fmt.Errorf("setting the hostname: %w", err)
		}
	}
	for _, m := range s.Mounts {
		if err := s.bind(m); err != nil {
			return fmt.Errorf("mounting %s on %s: %w", m.Source, m.Target, err)
		}
	}
	if s.Root != "" {
		if err := s.changeRoot(); err != nil {
			return err
		}
	}
	if s.Dir != "" {
		return unix.Chdir(s.Dir)
	}
	return nil
}

// changeRoot gives the command a root with the /proc and the few devices that
// Go programs and shells need.
func (s shimSpec) changeRoot() error {
	proc := filepath.Join(s.Root, "proc")
	if err := os.MkdirAll(proc, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("proc", proc, "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for _, dev := range []string{"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"} {
		if err := s.bind(Mount{Source: dev, Target: dev}); err != nil {
			return fmt.Errorf("mounting %s: %w", dev, err)
		}
	}
	if err := unix.Chroot(s.Root); err != nil {
		return fmt.Errorf("changing root to %s: %w", s.Root, err)
	}
	return unix.Chdir("/")
}

func (s shimSpec) bind(m Mount) error {
	target := filepath.Join(s.Root, m.Target)
	info, err := os.Stat(m.Source)
	if err != nil {
		return err
	}
	if err := makeMountPoint(target, info.IsDir()); err != nil {
		return err
	}
	if err := unix.Mount(m.Source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	if !m.ReadOnly {
		return nil
	}
	// In a user namespace the flags the source is mounted with are locked: they
	// have to be repeated.
	var st unix.Statfs_t
	if err := unix.Statfs(target, &st); err != nil {
		return err
	}
	locked := uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME)
	return unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|locked, "")
}

func makeMountPoint(target string, dir bool) error {
	if dir {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}
