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

package client_test

import (
	"context"
	"encoding/base64"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// rack is a simulated MAAS with a few machines and two users.
type rack struct {
	sim        *maassim.Server
	url        string
	admin      *client.Client
	user       *client.Client
	userKey    string
	aID, bID   string
	userClient func(key string) *client.Client
}

func newRack(t *testing.T) *rack { return newRackAt(t, 100) }

// newRackAt lets simulated time pass so many times faster. MAAS gives up on no server: half an hour is over in the blink of an eye, which a busy
// computer takes for nothing.
func newRackAt(t *testing.T, speed float64) *rack {
	t.Helper()
	sim := maassim.New(maassim.Config{Speed: speed, Timings: maassim.Timings{NodeTimeout: 1000 * time.Hour}})
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	t.Cleanup(sim.Close)
	r := &rack{sim: sim, url: srv.URL + "/MAAS"}
	r.userClient = func(key string) *client.Client {
		c, err := client.New(client.Options{Endpoint: r.url, APIKey: key, QPS: -1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	r.aID = sim.AddMachine(maassim.MachineSpec{Hostname: "node-a", Zone: "az2", Pool: "workers", Tags: []string{"ssd", "gpu"}})
	r.bID = sim.AddMachine(maassim.MachineSpec{Hostname: "node-b"})
	r.userKey = sim.AddUser("capi", false)
	r.admin, r.user = r.userClient(sim.AddUser("admin", true)), r.userClient(r.userKey)
	return r
}

func kind(err error) maas.ErrorKind { return maas.KindOf(err) }

func TestLifeOfAMachine(t *testing.T) {
	g, r, ctx := NewWithT(t), newRack(t), t.Context()
	list, err := r.user.ListMachines(ctx, maas.Filter{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(2))

	m, err := r.user.Allocate(ctx, maas.AllocateRequest{SystemID: r.aID, AgentName: "ours", Comment: "for cp-0"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{m.SystemID, m.Status, m.Owner, m.Zone, m.Pool, m.Tags}).
		To(Equal([]any{r.aID, maas.StatusAllocated, "capi", "az2", "workers", []string{"gpu", "ssd"}}))
	_, err = r.user.Allocate(ctx, maas.AllocateRequest{SystemID: r.aID})
	g.Expect(kind(err)).To(Equal(maas.Conflict), "not idempotent")
	_, err = r.user.Allocate(ctx, maas.AllocateRequest{SystemID: "zzzzzz"})
	g.Expect(kind(err)).To(Equal(maas.Conflict))
	list, err = r.user.ListMachines(ctx, maas.Filter{AgentName: "ours"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(1))

	m, err = r.user.Annotate(ctx, r.aID, map[string]string{"host": "h", "cluster": "c"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Annotations).To(Equal(map[string]string{"host": "h", "cluster": "c"}))
	m, err = r.user.Annotate(ctx, r.aID, map[string]string{"cluster": ""})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Annotations).To(Equal(map[string]string{"host": "h"}))
	_, err = r.user.Annotate(ctx, r.bID, map[string]string{"host": "h"})
	g.Expect(kind(err)).To(Equal(maas.Conflict), "not ours")

	_, err = r.user.Deploy(ctx, r.aID, maas.DeployRequest{DistroSeries: "nosuch"})
	g.Expect(kind(err)).To(Equal(maas.Invalid))
	userData := []byte("#cloud-config\n# \x00\xff\n")
	m, err = r.user.Deploy(ctx, r.aID, maas.DeployRequest{DistroSeries: "jammy", UserData: userData})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Status).To(Equal(maas.StatusDeploying))
	g.Expect(m.DistroSeries).To(Equal("jammy"))
	_, err = r.user.Deploy(ctx, r.aID, maas.DeployRequest{DistroSeries: "jammy"})
	g.Expect(kind(err)).To(Equal(maas.Conflict))
	view, _ := r.sim.Machine(r.aID)
	g.Expect(base64.StdEncoding.EncodeToString(view.UserData)).To(Equal(base64.StdEncoding.EncodeToString(userData)))

	m, err = r.user.Release(ctx, r.aID, maas.ReleaseRequest{Comment: "scale down"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Status).To(BeElementOf(maas.StatusReleasing, maas.StatusReady))
	g.Expect(m.Annotations).To(BeEmpty())
}

func TestWhoMaySeeWhat(t *testing.T) {
	g, r, ctx := NewWithT(t), newRack(t), t.Context()
	_, err := r.admin.Allocate(ctx, maas.AllocateRequest{SystemID: r.aID})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = r.user.GetMachine(ctx, r.aID)
	g.Expect(kind(err)).To(Equal(maas.Forbidden))
	_, err = r.user.Release(ctx, r.aID, maas.ReleaseRequest{})
	g.Expect(kind(err)).To(Equal(maas.Forbidden))
	_, err = r.user.GetMachine(ctx, "zzzzzz")
	g.Expect(kind(err)).To(Equal(maas.NotFound))
	list, err := r.user.ListMachines(ctx, maas.Filter{SystemIDs: []string{r.aID, r.bID, "zzzzzz"}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(1))
	g.Expect(r.user.WhoAmI(ctx)).To(Equal(&maas.User{Name: "capi"}))
	g.Expect(r.admin.WhoAmI(ctx)).To(Equal(&maas.User{Name: "admin", Admin: true}))
	g.Expect(r.user.Version(ctx)).To(HavePrefix("3."))
}

func TestKeysAreRefusedAndRotated(t *testing.T) {
	g, r, ctx := NewWithT(t), newRack(t), t.Context()
	wrong := r.userClient("WrongConsumer00001:WrongToken00000001:WrongSecret000000000000000000001")
	_, err := wrong.ListMachines(ctx, maas.Filter{})
	g.Expect(kind(err)).To(Equal(maas.Unauthorized))
	g.Expect(wrong.Version(ctx)).NotTo(BeEmpty(), "reachable nevertheless")
	// The right token with a wrong secret: MAAS quotes the right one.
	parts := r.userKey[:len(r.userKey)-4] + "0000"
	_, err = r.userClient(parts).WhoAmI(ctx)
	g.Expect(kind(err)).To(Equal(maas.Unauthorized))
	g.Expect(err.Error()).NotTo(ContainSubstring(r.userKey[len(r.userKey)-12:]))

	rotated := r.userClient(r.sim.RotateKey("capi"))
	_, err = r.user.WhoAmI(ctx)
	g.Expect(kind(err)).To(Equal(maas.Unauthorized))
	_, err = rotated.WhoAmI(ctx)
	g.Expect(err).NotTo(HaveOccurred())
}

func TestEventLog(t *testing.T) {
	g, r, ctx := NewWithT(t), newRack(t), t.Context()
	_, err := r.user.Allocate(ctx, maas.AllocateRequest{SystemID: r.aID})
	g.Expect(err).NotTo(HaveOccurred())
	all, err := r.user.ListEvents(ctx, maas.EventQuery{Limit: 1000})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(all)).To(BeNumerically(">", 4))
	g.Expect(all[0].ID).To(BeNumerically(">", all[1].ID), "newest first")
	g.Expect(all[0].SystemID).To(Equal(r.aID))
	g.Expect(all[0].Created).NotTo(BeZero())
	n := len(all)
	page, err := r.user.ListEvents(ctx, maas.EventQuery{After: all[n-1].ID, Limit: 2})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(page).To(Equal(all[n-3:n-1]), "the oldest of the later ones")
	page, err = r.user.ListEvents(ctx, maas.EventQuery{Before: all[0].ID, Limit: 2})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(page).To(Equal(all[1:3]))
}

func TestDNS(t *testing.T) {
	g, r, ctx := NewWithT(t), newRack(t), t.Context()
	const name = "api.maas"
	_, err := r.admin.GetDNSResource(ctx, name)
	g.Expect(kind(err)).To(Equal(maas.NotFound))
	_, err = r.user.CreateDNSResource(ctx, name, []string{"192.168.0.40"})
	g.Expect(kind(err)).To(Equal(maas.Forbidden))
	_, err = r.admin.CreateDNSResource(ctx, "api.nosuch", []string{"192.168.0.40"})
	g.Expect(kind(err)).To(Equal(maas.Invalid))
	made, err := r.admin.CreateDNSResource(ctx, name, []string{"192.168.0.41", "192.168.0.40"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(made.Addresses).To(Equal([]string{"192.168.0.40", "192.168.0.41"}))
	_, err = r.admin.CreateDNSResource(ctx, name, nil)
	g.Expect(kind(err)).To(Equal(maas.Invalid), "taken")
	_, err = r.admin.UpdateDNSResource(ctx, made.ID, []string{"192.168.0.42"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.admin.GetDNSResource(ctx, name)).To(Equal(&maas.DNSResource{ID: made.ID, FQDN: name, Addresses: []string{"192.168.0.42"}}))
	emptied, err := r.admin.UpdateDNSResource(ctx, made.ID, nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(emptied.Addresses).To(BeEmpty())
	g.Expect(r.admin.DeleteDNSResource(ctx, made.ID)).To(Succeed())
	g.Expect(kind(r.admin.DeleteDNSResource(ctx, made.ID))).To(Equal(maas.NotFound))
	_, err = r.admin.UpdateDNSResource(ctx, made.ID, nil)
	g.Expect(kind(err)).To(Equal(maas.NotFound))
}

func TestLostReplies(t *testing.T) {
	g, r, ctx := NewWithT(t), newRack(t), t.Context()
	defer r.sim.LoseNextReply("machines.allocate")()
	_, err := r.user.Allocate(ctx, maas.AllocateRequest{SystemID: r.aID, AgentName: "ours"})
	g.Expect(kind(err)).To(Equal(maas.Unavailable))
	g.Expect(r.sim.CallStats().ByName["machines.allocate"]).To(Equal(1), "a write is not repeated")
	list, err := r.user.ListMachines(ctx, maas.Filter{AgentName: "ours"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(1), "and how the caller finds out")

	defer r.sim.LoseNextReply("machine.read")()
	_, err = r.user.GetMachine(ctx, r.aID)
	g.Expect(err).NotTo(HaveOccurred(), "a read is, under a new nonce")
}

func TestSlowMAASAndCancel(t *testing.T) {
	g, r := NewWithT(t), newRack(t)
	defer r.sim.Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before {
			return maassim.Delay(time.Minute)
		}
		return maassim.Pass()
	})()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := r.user.Release(ctx, r.aID, maas.ReleaseRequest{})
	g.Expect(err).To(MatchError(context.DeadlineExceeded))
	g.Expect(kind(err)).To(Equal(maas.Unavailable))
	g.Expect(time.Since(start)).To(BeNumerically("<", 30*time.Second))
}
