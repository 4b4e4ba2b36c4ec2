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

package inventory_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"

	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

const pollInterval = 50 * time.Millisecond

// site is a simulated MAAS, and a registry that follows it in real time.
type site struct {
	sim      *maassim.Server
	registry *inventory.Registry
	creds    inventory.Credentials
	ids      []string
}

func newSite(t *testing.T, machines int) *site {
	t.Helper()
	sim := maassim.New(maassim.Config{})
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	t.Cleanup(sim.Close)
	s := &site{sim: sim}
	for i := range machines {
		s.ids = append(s.ids, sim.AddMachine(maassim.MachineSpec{Hostname: fmt.Sprintf("node%04d", i)}))
	}
	s.creds = inventory.Credentials{Endpoint: srv.URL + "/MAAS", APIKey: sim.AddUser("capi", true)}
	s.registry = inventory.NewRegistry(inventory.Options{
		NewClient: func(c inventory.Credentials) (maas.Client, error) {
			return client.New(client.Options{Endpoint: c.Endpoint, APIKey: c.APIKey, CABundle: c.CABundle, QPS: -1})
		},
		Logger:   logr.Discard(),
		Follower: inventory.FollowerOptions{PollInterval: pollInterval, MaxBackoff: 2 * pollInterval},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.registry.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) session(g *WithT) *inventory.Session {
	session, err := s.registry.Session(context.Background(), s.creds)
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(session.Snapshot().Synced).Should(BeTrue())
	return session
}

func status(s *inventory.Session, id string) func() maas.Status {
	return func() maas.Status {
		r, ok := s.Snapshot().Get(id)
		if !ok {
			return "absent"
		}
		return r.Machine.Status
	}
}

func TestChangesInMAASAreSeen(t *testing.T) {
	g := NewWithT(t)
	s := newSite(t, 20)
	var mu sync.Mutex
	var woken []string
	defer s.registry.Subscribe(func(_ context.Context, c inventory.Change) {
		mu.Lock()
		defer mu.Unlock()
		woken = append(woken, c.SystemIDs...)
	})()
	session := s.session(g)
	id := s.ids[7]

	start := time.Now()
	g.Expect(s.sim.Operator().TakeAs("somebody", id)).To(Succeed())
	g.Eventually(status(session, id)).WithPolling(5 * time.Millisecond).Should(Equal(maas.StatusAllocated))
	t.Logf("a change was seen after %s, polling every %s", time.Since(start), pollInterval)
	g.Eventually(func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(woken, id)
	}).Should(BeTrue())

	_, err := session.Allocate(t.Context(), maas.AllocateRequest{SystemID: s.ids[1], AgentName: "ours"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(status(session, s.ids[1])()).To(Equal(maas.StatusAllocated), "at once")

	g.Expect(s.sim.Operator().ForceDelete(s.ids[2])).To(Succeed())
	_, err = session.GetMachine(t.Context(), s.ids[2])
	g.Expect(maas.IsNotFound(err)).To(BeTrue())
	g.Expect(session.Snapshot().Absent(s.ids[2])).To(BeTrue())
}

// TestSteadyStateCost holds the number of calls to be that of the polls, whatever the number of machines.
func TestSteadyStateCost(t *testing.T) {
	for _, machines := range []int{1, 200} {
		t.Run(fmt.Sprint(machines), func(t *testing.T) {
			g := NewWithT(t)
			s := newSite(t, machines)
			s.session(g)
			s.sim.ResetCalls()
			g.Eventually(func() int { return s.sim.CallStats().ByName["events.query"] }).
				Should(BeNumerically(">=", 20))
			stats := s.sim.CallStats()
			g.Expect(stats.Total).To(BeEquivalentTo(stats.ByName["events.query"]))
		})
	}
}

func TestOutageAndRotation(t *testing.T) {
	g := NewWithT(t)
	s := newSite(t, 3)
	session := s.session(g)
	health := func() maas.ErrorKind { return maas.KindOf(session.Snapshot().Health().Err) }

	restore := s.sim.Intercept(func(*maassim.Call, maassim.Phase) maassim.Action { return maassim.Drop() })
	g.Eventually(health).Should(Equal(maas.Unavailable))
	g.Expect(session.Snapshot().Absent("zzzzzz")).To(BeFalse())
	g.Expect(s.sim.Operator().TakeAs("somebody", s.ids[0])).To(Succeed())
	restore()
	g.Eventually(health).Should(BeEmpty())
	g.Eventually(status(session, s.ids[0])).Should(Equal(maas.StatusAllocated))

	s.creds.APIKey = s.sim.RotateKey("capi")
	g.Eventually(health).Should(Equal(maas.Unauthorized))
	g.Expect(s.session(g)).NotTo(BeIdenticalTo(session))
}
