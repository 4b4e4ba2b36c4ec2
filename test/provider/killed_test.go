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

package provider

import (
	"sync"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// TestManagerIsKilled has tests that kill the manager at a moment of their own. They run beside each other and beside nothing else: each has to
// bear that others kill it as well.
func TestManagerIsKilled(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"DeleteWithoutCredentials": deleteWithoutCredentials,
		"GateSurvivesItsProcess":   gateSurvivesItsProcess,
		"LeaveBehind":              leaveBehind,
		"BetweenDeployAndCheck":    killedBetweenDeployAndCheck,
		"PoolReturnsToItsServers":  poolReturnsMachinesToTheirServers,
		"VIPIsReservedOnce":        vipIsReservedOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// killing is held from the death of a manager until the next is ready: two who restart it at once would have two managers.
var killing sync.Mutex

// killManager kills the manager, and has another one ready when it returns. What the meanwhile does happens while there is none.
func (w *world) killManager(meanwhile ...func()) {
	w.Helper()
	killing.Lock()
	defer killing.Unlock()
	m := theLab.Manager(lab.MAAS)
	m.Kill()
	for _, f := range meanwhile {
		f()
	}
	if err := m.Restart(w.ctx); err != nil {
		w.Fatalf("restarting the manager: %v", err)
	}
}

// killManagerNow is killManager for interceptors of its calls, which must not wait for the next one. The channel, which needs room for one, gets
// told how that went.
func (w *world) killManagerNow(back chan<- error) {
	killing.Lock()
	m := theLab.Manager(lab.MAAS)
	m.Kill()
	go func() {
		defer killing.Unlock()
		back <- m.Restart(w.ctx)
	}()
}
