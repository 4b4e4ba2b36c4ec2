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
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// testLogger writes what the lab does to standard error when tests are verbose.
func testLogger() *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

func artifacts(t *testing.T) string {
	t.Helper()
	return filepath.Join(Repository(), "_artifacts", t.Name())
}

func TestManagers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	started := time.Now()
	l, err := Start(t.Context(), Config{Artifacts: artifacts(t), Providers: FullProviders(), MAAS: MAASConfig{Hollow: true}, Logger: testLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	t.Logf("ready after %s", time.Since(started).Round(time.Millisecond))
	logMemory(t, l)

	m := l.Manager(MAAS)
	before := m.PID()
	m.Kill()
	if m.PID() != 0 {
		t.Error("a killed manager still runs")
	}
	started = time.Now()
	if err := m.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("restarted after %s", time.Since(started).Round(time.Millisecond))
	if pid := m.PID(); pid == 0 || pid == before {
		t.Errorf("pid %d after restart, %d before", pid, before)
	}
}

func logMemory(t *testing.T, l *Lab) {
	t.Helper()
	for _, p := range l.APIServer().Processes() {
		if rss, err := p.RSS(); err == nil {
			t.Logf("%s: %d MB", p.Name(), rss>>20)
		}
	}
	for _, m := range l.Managers() {
		if rss, err := m.RSS(); err == nil {
			t.Logf("%s: %d MB, %d restarts", m.Name(), rss>>20, m.Restarts())
		}
	}
}
