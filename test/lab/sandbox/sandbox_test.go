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
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// patience is how long a test waits for what comes at once on a machine that has nothing else to do.
const patience = 2 * time.Minute

// envHelper makes the test binary play a program in a sandbox of its own.
const envHelper = "SANDBOX_TEST_HELPER"

func TestMain(m *testing.M) {
	Enter()
	if mode := os.Getenv(envHelper); mode != "" {
		os.Exit(helper(mode))
	}
	os.Exit(m.Run())
}

// helper is the program in the nested sandbox.
func helper(mode string) int {
	switch mode {
	case "exit":
		in, _ := io.ReadAll(os.Stdin)
		fmt.Printf("inside=%v pid1=%v stdin=%s\n", Inside(), os.Getppid() == 1, in)
		return 7
	case "serve":
		fmt.Println(OutsideListener().Addr())
		conn, err := OutsideListener().Accept()
		if err != nil {
			return 1
		}
		_, _ = io.WriteString(conn, "from inside")
		_ = conn.Close()
		return 0
	case "hang":
		sig := make(chan os.Signal, 1)
		signal.Notify(sig, unix.SIGTERM)
		if _, err := Start(Command{Path: "/bin/sleep", Args: []string{os.Getenv("MARKER")}}); err != nil {
			fmt.Println(err)
			return 1
		}
		// As many as take a moment to remove.
		for i := range 2000 {
			if err := os.WriteFile(filepath.Join(TempDir(), fmt.Sprint("file-", i)), nil, 0o600); err != nil {
				fmt.Println(err)
				return 1
			}
		}
		fmt.Println("ready")
		<-sig
		return 3
	default:
		return 1
	}
}

func requireSandbox(t *testing.T) {
	t.Helper()
	if !Inside() {
		t.Fatal(Err())
	}
}

func TestExitCodeAndStreams(t *testing.T) {
	requireSandbox(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envHelper+"=exit")
	cmd.Stdin = strings.NewReader("hello")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("exit: got %v, want code 7", err)
	}
	if got, want := string(out), "inside=true pid1=true stdin=hello\n"; got != want {
		t.Errorf("output: got %q, want %q", got, want)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	requireSandbox(t)
	for i, tc := range []struct {
		signal unix.Signal
		code   int
	}{
		{unix.SIGKILL, -1}, // the program that was started is killed
		{unix.SIGTERM, 3},  // handled inside, its exit code comes out
		{unix.SIGINT, 130}, // not handled inside
	} {
		t.Run(tc.signal.String(), func(t *testing.T) {
			marker := fmt.Sprintf("%d", 7000000+os.Getpid()*10+i)
			cmd := exec.Command("/proc/self/exe")
			tmp := t.TempDir()
			cmd.Env = append(os.Environ(), envHelper+"=hang", "MARKER="+marker, "TMPDIR="+tmp)
			// A pipe, so that the program cannot take the signal for one that
			// the terminal sent to everybody.
			stdin, _ := cmd.StdinPipe()
			defer stdin.Close()
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
				t.Fatalf("helper said %q", line)
			}
			err = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true,
				func(context.Context) (bool, error) { return processesWith(t, marker) == 1, nil })
			if err != nil {
				t.Fatalf("%d processes with the marker, want 1", processesWith(t, marker))
			}
			if err := cmd.Process.Signal(tc.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != tc.code {
				t.Errorf("exit code %d, want %d", got, tc.code)
			}
			var processes int
			var left []os.DirEntry
			err = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true,
				func(context.Context) (bool, error) {
					processes = processesWith(t, marker)
					var err error
					left, err = os.ReadDir(tmp)
					return processes == 0 && len(left) == 0, err
				})
			if err != nil {
				t.Errorf("%d processes and the files %v of the sandbox outlived it: %v", processes, left, err)
			}
		})
	}
}

// The listener is in the network the program was started in, which here is the
// test's, and is served from the nested sandbox, which has another one.
func TestOutsideListener(t *testing.T) {
	requireSandbox(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envHelper+"=serve")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "from inside" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func processesWith(t *testing.T, arg string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		if raw, err := os.ReadFile(f); err == nil && strings.Contains(string(raw), "\x00"+arg+"\x00") {
			n++
		}
	}
	return n
}

func TestHostsOnABridge(t *testing.T) {
	requireSandbox(t)
	br, err := NewBridge("br-test", netip.MustParsePrefix("172.30.0.1/24"))
	if err != nil {
		t.Fatal(err)
	}
	defer br.Close()
	var hosts []*NetNS
	for _, a := range []string{"172.30.0.11/24", "172.30.0.12/24"} {
		ns, err := br.NewNetNS("host", netip.MustParsePrefix(a))
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		hosts = append(hosts, ns)
	}
	ln, err := hosts[0].Listen(t.Context(), "0.0.0.0:10250")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, c.RemoteAddr().(*net.TCPAddr).IP.String())
			_ = c.Close()
		}
	}()
	var dialer net.Dialer
	ask := func() (string, error) {
		conn, err := dialer.DialContext(t.Context(), "tcp", "172.30.0.11:10250")
		if err != nil {
			return "", err
		}
		defer conn.Close()
		raw, err := io.ReadAll(conn)
		return string(raw), err
	}
	if got, err := ask(); err != nil || got != "172.30.0.1" {
		t.Errorf("from the sandbox: %q, %v", got, err)
	}
	err = hosts[1].Do(func() error {
		got, err := ask()
		if got != "172.30.0.12" {
			t.Errorf("from the other host: %q, %v", got, err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A port that goes must not take the bridge's hardware address with it, and a
// host that comes back must be found where it was.
func TestHostsComeAndGo(t *testing.T) {
	requireSandbox(t)
	br, err := NewBridge("br-test", netip.MustParsePrefix("172.30.0.1/24"))
	if err != nil {
		t.Fatal(err)
	}
	defer br.Close()
	stays, err := br.NewNetNS("stays", netip.MustParsePrefix("172.30.0.10/24"))
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	ln, err := net.Listen("tcp", "172.30.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dial := func(addr string) error {
		return stays.Do(func() error {
			conn, err := net.DialTimeout("tcp", addr, patience) // a new port forwards after a second or so
			if err != nil {
				return err
			}
			return conn.Close()
		})
	}
	for round := range 4 {
		host, err := br.NewNetNS("comes and goes", netip.MustParsePrefix("172.30.0.11/24"))
		if err != nil {
			t.Fatal(err)
		}
		hostLn, err := host.Listen(t.Context(), "172.30.0.11:80")
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range []string{ln.Addr().String(), "172.30.0.11:80"} {
			if err := dial(addr); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
		_ = hostLn.Close()
		host.Close()
		if err := dial(ln.Addr().String()); err != nil {
			t.Errorf("round %d, host gone: %v", round, err)
		}
	}
}

func TestRootMountsAndHostname(t *testing.T) {
	requireSandbox(t)
	const busybox = "/bin/busybox"
	if _, err := os.Stat(busybox); err != nil {
		t.Skipf("needs a static busybox (apt install busybox-static): %v", err)
	}
	dir := t.TempDir()
	root, log := filepath.Join(dir, "root"), filepath.Join(dir, "log")
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("mounted\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Start(Command{
		Path: "/bin/sh", Args: []string{"-c", "hostname; cat /etc/secret; echo $A; ls /; echo x > /etc/secret"},
		Root: root, Hostname: "node-1", Log: log, Env: []string{"A=b", "PATH=/bin"},
		Mounts: []Mount{
			{Source: secret, Target: "/etc/secret", ReadOnly: true},
			{Source: busybox, Target: "/bin/sh"},
			{Source: busybox, Target: "/bin/hostname"},
			{Source: busybox, Target: "/bin/cat"},
			{Source: busybox, Target: "/bin/ls"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(t.Context()); err == nil {
		t.Error("writing to a read-only mount succeeded")
	}
	want := "node-1\nmounted\nb\nbin\ndev\netc\nproc\n/bin/sh: can't create /etc/secret: Read-only file system"
	if got := p.LogTail(20); got != want {
		t.Errorf("output:\n%s\nwant:\n%s", got, want)
	}
	if _, err := os.Stat(filepath.Join(root, "proc", "self")); err == nil {
		t.Error("the mount of /proc can be seen from outside")
	}
}
