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

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

const (
	managerContainer = "manager"
	accountDir       = "/var/run/secrets/kubernetes.io/serviceaccount"
	// tokenSeconds outlives any run: the processes do not get it renewed.
	tokenSeconds = 7 * 24 * 3600
	// crashLimit is how often in a row a manager may end by itself, each time
	// before it has run for crashReset, until it is left dead.
	crashLimit   = 5
	crashReset   = time.Minute
	crashBackoff = time.Second
)

// Manager runs the manager container of a provider's Deployment as a process:
// the container's command line and environment but for patientLeader, in a root folder and
// network namespace of its own, with the files a kubelet would mount. It learns
// of its API server as every pod does, from a token of its own ServiceAccount.
type Manager struct {
	name       string
	namespace  string
	deployment *appsv1.Deployment
	container  *corev1.Container
	binary     string
	extraArgs  []string
	address    string
	root       string
	log        string
	nice       int
	netns      *sandbox.NetNS
	cluster    kubernetes.Interface

	mu       sync.Mutex // guards the fields below
	process  *sandbox.Process
	wanted   bool
	started  time.Time
	crashes  int
	restarts int
}

// Name is the provider's name.
func (m *Manager) Name() string { return m.name }

// Address is the address of the manager's network namespace.
func (m *Manager) Address() string { return m.address }

// Log is the path of the file with the manager's output.
func (m *Manager) Log() string { return m.log }

// PID is the process id inside the sandbox, 0 when it does not run.
func (m *Manager) PID() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process == nil || !m.process.Running() {
		return 0
	}
	return m.process.PID()
}

// RSS is the resident memory in bytes.
func (m *Manager) RSS() (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process == nil {
		return 0, fmt.Errorf("%s does not run", m.name)
	}
	return m.process.RSS()
}

// Restarts is how often the manager ended by itself and was started again.
func (m *Manager) Restarts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.restarts
}

// Start starts the manager; it is started again when it ends by itself.
func (m *Manager) Start() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted = true
	return m.startLocked()
}

func (m *Manager) startLocked() error {
	env, err := m.environment()
	if err != nil {
		return err
	}
	p, err := sandbox.Start(sandbox.Command{
		Name: m.name, Path: m.entrypoint(), Args: m.arguments(), Env: env,
		Log: m.log, NetNS: m.netns, Root: m.root, Hostname: m.podName(),
		Mounts: []sandbox.Mount{{Source: m.binary, Target: m.entrypoint(), ReadOnly: true}},
		Nice:   m.nice,
	})
	if err != nil {
		return err
	}
	m.process, m.started = p, time.Now()
	go m.watch(p)
	return nil
}

// watch starts the manager again, as a kubelet would, unless it was killed here.
func (m *Manager) watch(p *sandbox.Process) {
	<-p.Done()
	m.mu.Lock()
	if time.Since(m.started) > crashReset {
		m.crashes = 0
	}
	again := m.wanted && m.process == p && m.crashes < crashLimit
	if again {
		m.crashes++
		m.restarts++
	}
	m.mu.Unlock()
	if !again {
		return
	}
	<-time.After(crashBackoff)
	// A failure shows in WaitReady: the process waits for the lease to expire, or stays dead.
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	_ = m.endLeadership(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wanted && m.process == p {
		_ = m.startLocked()
	}
}

// Kill kills the manager without warning and leaves it dead.
func (m *Manager) Kill() {
	m.mu.Lock()
	m.wanted = false
	p := m.process
	m.mu.Unlock()
	if p != nil {
		p.Kill()
	}
}

// Stop asks the manager to end, as at the end of a rollout, and leaves it dead.
func (m *Manager) Stop() {
	m.mu.Lock()
	m.wanted = false
	p := m.process
	m.mu.Unlock()
	if p != nil {
		p.Stop(stopGrace)
	}
}

// Restart kills the manager if it runs, starts it and waits until it is ready.
// The leader lease of the killed process is taken away: what would otherwise be
// tested is waiting for it to expire.
func (m *Manager) Restart(ctx context.Context) error {
	m.Kill()
	if err := m.endLeadership(ctx); err != nil {
		return fmt.Errorf("restarting %s: %w", m.name, err)
	}
	if err := m.Start(); err != nil {
		return fmt.Errorf("restarting %s: %w", m.name, err)
	}
	return m.WaitReady(ctx)
}

// endLeadership takes away the leader lease of a process that has ended.
func (m *Manager) endLeadership(ctx context.Context) error {
	leases := m.cluster.CoordinationV1().Leases(m.namespace)
	if err := leases.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("taking away its leader lease: %w", err)
	}
	return nil
}

// WaitReady waits until the readiness probe succeeds.
func (m *Manager) WaitReady(ctx context.Context) error {
	url, err := m.probeURL()
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, pollInterval, readyTimeout, true, func(ctx context.Context) (bool, error) {
		m.mu.Lock()
		p, crashes := m.process, m.crashes
		m.mu.Unlock()
		if crashes >= crashLimit && !p.Running() {
			return false, fmt.Errorf("it ended %d times", crashes+1)
		}
		last = getOK(ctx, http.DefaultClient, url)
		return last == nil, nil
	})
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		return fmt.Errorf("waiting for %s to be ready: %w; end of %s:\n%s", m.name, errors.Join(err, last), m.log, m.process.LogTail(15))
	}
	return nil
}

func (m *Manager) probeURL() (string, error) {
	probe := m.container.ReadinessProbe
	if probe == nil || probe.HTTPGet == nil {
		return "", fmt.Errorf("the manager container of %s has no HTTP readiness probe", m.name)
	}
	port := probe.HTTPGet.Port.IntValue()
	if name := probe.HTTPGet.Port.StrVal; name != "" {
		var err error
		if port, err = containerPort(m.deployment, name); err != nil {
			return "", err
		}
	}
	return "http://" + net.JoinHostPort(m.address, strconv.Itoa(port)) + probe.HTTPGet.Path, nil
}

func (m *Manager) entrypoint() string {
	if len(m.container.Command) > 0 {
		return m.container.Command[0]
	}
	return "/manager"
}

func (m *Manager) arguments() []string {
	var command []string
	if len(m.container.Command) > 1 {
		command = m.container.Command[1:]
	}
	args := slices.Concat(command, m.container.Args)
	if slices.Contains(args, "--leader-elect") {
		args = append(args, patientLeader...)
	}
	return append(args, m.extraArgs...)
}

// patientLeader lets a manager be leader although the API server keeps it
// waiting for longer than the ten seconds after which it would end: two cores
// that run a whole lab, and tests beside it, do. There is nobody to take over.
var patientLeader = []string{"--leader-elect-lease-duration=3m", "--leader-elect-renew-deadline=2m", "--leader-elect-retry-period=10s"}

func (m *Manager) podName() string { return m.deployment.Name + "-0" }

// environment is the container's, with what every pod has besides.
func (m *Manager) environment() ([]string, error) {
	host, port, err := net.SplitHostPort(managementAddress)
	if err != nil {
		return nil, err
	}
	env := []string{"PATH=/usr/bin:/bin", "HOME=/", "KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
	for _, e := range m.container.Env {
		value := e.Value
		if e.ValueFrom != nil {
			if e.ValueFrom.FieldRef == nil {
				return nil, fmt.Errorf("%s: environment variable %s comes from something the lab does not know", m.name, e.Name)
			}
			if value, err = m.field(e.ValueFrom.FieldRef.FieldPath); err != nil {
				return nil, err
			}
		}
		env = append(env, e.Name+"="+value)
	}
	return env, nil
}

// field is the downward API.
func (m *Manager) field(path string) (string, error) {
	switch path {
	case "metadata.namespace":
		return m.namespace, nil
	case "metadata.name":
		return m.podName(), nil
	case "metadata.uid":
		return "00000000-0000-0000-0000-" + fmt.Sprintf("%012x", os.Getpid()), nil
	case "status.podIP", "status.hostIP":
		return m.address, nil
	case "spec.serviceAccountName":
		return m.deployment.Spec.Template.Spec.ServiceAccountName, nil
	case "spec.nodeName":
		return "lab", nil
	default:
		return "", fmt.Errorf("%s: the lab does not know field %s of a pod", m.name, path)
	}
}

// mountFiles writes what a kubelet would mount into the root folder: the token,
// the secrets and empty folders.
func (m *Manager) mountFiles(ctx context.Context, ca *authority, certificates map[string][]string) error {
	if err := m.mountAccount(ctx, ca); err != nil {
		return fmt.Errorf("giving %s its service account: %w", m.name, err)
	}
	for _, dir := range []string{"tmp", "etc"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o777); err != nil {
			return err
		}
	}
	for _, v := range m.deployment.Spec.Template.Spec.Volumes {
		i := slices.IndexFunc(m.container.VolumeMounts, func(vm corev1.VolumeMount) bool { return vm.Name == v.Name })
		if i < 0 {
			continue
		}
		if err := m.mountVolume(ctx, v, m.container.VolumeMounts[i].MountPath, ca, certificates); err != nil {
			return fmt.Errorf("mounting volume %s of %s: %w", v.Name, m.name, err)
		}
	}
	return nil
}

func (m *Manager) mountVolume(ctx context.Context, v corev1.Volume, path string, ca *authority, certificates map[string][]string) error {
	dir := filepath.Join(m.root, path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	switch {
	case v.EmptyDir != nil:
		return nil
	case v.Secret == nil:
		return errors.New("the lab mounts secrets and empty folders only")
	}
	if names, ok := certificates[v.Secret.SecretName]; ok {
		pair, err := ca.issue(certificateName(names), append(slices.Clone(names), m.address)...)
		if err != nil {
			return err
		}
		return pair.write(dir)
	}
	secret, err := m.cluster.CoreV1().Secrets(m.namespace).Get(ctx, v.Secret.SecretName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for key, value := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, key), value, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) mountAccount(ctx context.Context, ca *authority) error {
	account := m.deployment.Spec.Template.Spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	token, err := m.cluster.CoreV1().ServiceAccounts(m.namespace).CreateToken(ctx, account, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](tokenSeconds)},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	dir := filepath.Join(m.root, accountDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"token": []byte(token.Status.Token), "ca.crt": ca.pem, "namespace": []byte(m.namespace)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
