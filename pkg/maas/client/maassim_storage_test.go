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
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// diskRack is a simulated MAAS with a host that has two data disks and shows a LUN, all in the inventory.
type diskRack struct {
	sim         *maassim.Server
	clock       *maassim.ManualClock
	admin, user *client.Client
	id          string
	lun         maassim.Disk
}

func newDiskRack(t *testing.T, cfg maassim.Config) *diskRack {
	t.Helper()
	r := &diskRack{clock: maassim.NewManualClock(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)), lun: maassim.PureLUN(1, 1<<40)}
	cfg.Clock = r.clock
	r.sim = maassim.New(cfg)
	srv := httptest.NewServer(r.sim)
	t.Cleanup(srv.Close)
	t.Cleanup(r.sim.Close)
	r.id = r.sim.AddRack(maassim.RackSpec{Hosts: 1, DataDisks: 2, LUNs: []maassim.Disk{r.lun}})[0]
	for _, c := range []struct {
		to    **client.Client
		name  string
		admin bool
	}{{&r.admin, "admin", true}, {&r.user, "capi", false}} {
		var err error
		*c.to, err = client.New(client.Options{Endpoint: srv.URL + "/MAAS", APIKey: r.sim.AddUser(c.name, c.admin), QPS: -1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup((*c.to).Close)
	}
	return r
}

func names(devices []maas.BlockDevice) []string {
	list := make([]string, len(devices))
	for i := range devices {
		list[i] = devices[i].Name
	}
	return list
}

func TestDisksOfAMachine(t *testing.T) {
	t.Parallel()
	g, r, ctx := NewWithT(t), newDiskRack(t, maassim.Config{}), t.Context()
	m, err := r.user.GetMachine(ctx, r.id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(m.BlockDevices)).To(Equal([]string{"sda", "sdb", "sdc", "sdd"}))
	sda, sdb, sdd := m.BlockDevices[0], m.BlockDevices[1], m.BlockDevices[3]
	g.Expect(m.BootDiskID).To(Equal(sda.ID))
	g.Expect(sdd).To(Equal(maas.BlockDevice{
		ID: sdd.ID, Name: "sdd", Physical: true, IDPath: r.lun.IDPath, Model: "FlashArray", Serial: r.lun.Serial, SizeBytes: 1 << 40,
		Tags: []string{"multipath", "ssd"}, UsedFor: "Unused",
	}))
	g.Expect(sdd.Serial).To(HavePrefix("3624a937"))

	g.Expect(kind(r.user.DeleteBlockDevice(ctx, r.id, sdb.ID))).To(Equal(maas.Forbidden))
	g.Expect(kind(r.user.SetBootDisk(ctx, r.id, sdb.ID))).To(Equal(maas.Forbidden))
	_, err = r.user.SetStorageLayout(ctx, r.id, maas.StorageLayout{Layout: maas.LayoutFlat})
	g.Expect(kind(err)).To(Equal(maas.Forbidden))

	g.Expect(r.admin.DeleteBlockDevice(ctx, r.id, sdd.ID)).To(Succeed())
	g.Expect(kind(r.admin.DeleteBlockDevice(ctx, r.id, sdd.ID))).To(Equal(maas.NotFound))
	g.Expect(r.admin.SetBootDisk(ctx, r.id, sdb.ID)).To(Succeed())
	m, err = r.admin.SetStorageLayout(ctx, r.id, maas.StorageLayout{Layout: maas.LayoutLVM, BootSizeBytes: 1 << 30, VGName: "vg0"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(m.BlockDevices)).To(Equal([]string{"sda", "sdb", "sdc", "vg0-lvroot"}))
	g.Expect(m.BootDiskID).To(Equal(sdb.ID))
	g.Expect([]bool{m.BlockDevices[1].Physical, m.BlockDevices[3].Physical}).To(Equal([]bool{true, false}))
	g.Expect(m.BlockDevices[1].UsedFor).To(Equal("GPT partitioned with 3 partitions"))
	_, err = r.admin.SetStorageLayout(ctx, r.id, maas.StorageLayout{Layout: maas.LayoutFlat, RootDeviceID: sdd.ID})
	g.Expect(kind(err)).To(Equal(maas.Invalid))

	_, err = r.user.InstallConfig(ctx, r.id)
	g.Expect(kind(err)).To(Equal(maas.Invalid), "not deploying")
	_, err = r.user.Deploy(ctx, r.id, maas.DeployRequest{DistroSeries: "jammy"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(kind(r.admin.DeleteBlockDevice(ctx, r.id, sda.ID))).To(Equal(maas.Conflict))
	g.Expect(kind(r.admin.SetBootDisk(ctx, r.id, sda.ID))).To(Equal(maas.Conflict))
	_, err = r.admin.SetStorageLayout(ctx, r.id, maas.StorageLayout{Layout: maas.LayoutFlat})
	g.Expect(kind(err)).To(Equal(maas.Conflict))
	config, err := r.user.InstallConfig(ctx, r.id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(config)).To(And(ContainSubstring("serial: "+sda.Serial), Not(ContainSubstring(sdd.Serial))))
	g.Expect(strings.Count(string(config), "type: disk")).To(Equal(3))
}

func TestPowerAndAbort(t *testing.T) {
	t.Parallel()
	g, r, ctx := NewWithT(t), newDiskRack(t, maassim.Config{}), t.Context()
	_, err := r.admin.PowerOn(ctx, r.id, "")
	g.Expect(kind(err)).To(Equal(maas.Conflict), "nobody's")
	_, err = r.user.Allocate(ctx, maas.AllocateRequest{SystemID: r.id})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = r.user.PowerOn(ctx, r.id, "")
	g.Expect(kind(err)).To(Equal(maas.Conflict), "would deploy it")
	_, err = r.user.Abort(ctx, r.id, "")
	g.Expect(kind(err)).To(Equal(maas.Conflict), "nothing to abort")

	_, err = r.user.Deploy(ctx, r.id, maas.DeployRequest{DistroSeries: "jammy"})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = r.user.Abort(ctx, r.id, "")
	g.Expect(kind(err)).To(Equal(maas.Unavailable), "MAAS is switching it on")
	r.clock.Advance(30 * time.Second)
	_, err = r.user.Abort(ctx, r.id, "wrong disks")
	g.Expect(err).NotTo(HaveOccurred())
	r.clock.Advance(30 * time.Second)
	m, err := r.user.GetMachine(ctx, r.id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{m.Status, m.Power}).To(Equal([]any{maas.StatusAllocated, maas.PowerOff}))

	_, err = r.user.Deploy(ctx, r.id, maas.DeployRequest{DistroSeries: "jammy", Ephemeral: true})
	g.Expect(err).NotTo(HaveOccurred())
	r.clock.Advance(20 * time.Minute)
	for _, want := range []maas.Power{maas.PowerOff, maas.PowerOn} {
		if want == maas.PowerOff {
			_, err = r.user.PowerOff(ctx, r.id, true, "fence")
		} else {
			_, err = r.user.PowerOn(ctx, r.id, "")
		}
		g.Expect(err).NotTo(HaveOccurred())
		r.clock.Advance(5 * time.Minute)
		g.Expect(r.user.QueryPower(ctx, r.id)).To(Equal(want))
	}
	view, _ := r.sim.Machine(r.id)
	g.Expect([]any{view.StatusName, view.Ephemeral, view.Wipes}).To(Equal([]any{"Deployed", true, 0}))

	g.Expect(r.sim.Operator().Lock(r.id)).To(Succeed())
	_, err = r.user.PowerOff(ctx, r.id, true, "")
	g.Expect(kind(err)).To(Equal(maas.Forbidden), "locked")
}

func TestADeadBMCIsBoundedByTheContext(t *testing.T) {
	t.Parallel()
	g, r := NewWithT(t), newDiskRack(t, maassim.Config{})
	g.Expect(r.sim.SetHostFault(r.id, maassim.HostFault{BMCDead: true})).To(Succeed())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := r.user.QueryPower(ctx, r.id) // the simulated 35 s never pass
	g.Expect(err).To(MatchError(context.DeadlineExceeded))
	g.Expect(kind(err)).To(Equal(maas.Unavailable))
}

func TestManualPower(t *testing.T) {
	t.Parallel()
	g, r, ctx := NewWithT(t), newDiskRack(t, maassim.Config{}), t.Context()
	id := r.sim.AddMachine(maassim.MachineSpec{Hostname: "by-hand", PowerType: "manual"})
	_, err := r.user.Deploy(ctx, id, maas.DeployRequest{DistroSeries: "jammy"})
	g.Expect(err).NotTo(HaveOccurred())
	m, err := r.user.PowerOff(ctx, id, false, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{m.SystemID, m.Power}).To(Equal([]any{id, maas.PowerUnknown}))
	g.Expect(r.user.QueryPower(ctx, id)).To(Equal(maas.PowerUnknown))
}

func TestEraseAndBroken(t *testing.T) {
	t.Parallel()
	g, r, ctx := NewWithT(t), newDiskRack(t, maassim.Config{}), t.Context()
	g.Expect(r.user.ErasesOnRelease(ctx)).To(BeFalse())
	r.sim.SetConfig("enable_disk_erasing_on_release", true)
	g.Expect(r.user.ErasesOnRelease(ctx)).To(BeTrue())
	r.sim.SetConfig("enable_disk_erasing_on_release", false)

	g.Expect(r.sim.WritePattern(r.id, "sdd", "data")).To(Succeed())
	_, err := r.user.Allocate(ctx, maas.AllocateRequest{SystemID: r.id})
	g.Expect(err).NotTo(HaveOccurred())
	m, err := r.user.Release(ctx, r.id, maas.ReleaseRequest{Erase: maas.EraseQuick})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Status).To(Equal(maas.StatusDiskErasing))
	r.clock.Advance(30 * time.Second)
	_, err = r.user.Release(ctx, r.id, maas.ReleaseRequest{})
	g.Expect(kind(err)).To(Equal(maas.Conflict))
	_, err = r.user.Abort(ctx, r.id, "")
	g.Expect(err).NotTo(HaveOccurred())
	r.clock.Advance(10 * time.Minute)
	m, err = r.user.GetMachine(ctx, r.id)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Status).To(Equal(maas.StatusFailedDiskErasing), "aborted in time")
	left, err := r.sim.FindPattern(r.id, "sdd", "data")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left.Intact()).To(BeTrue())

	_, err = r.admin.MarkBroken(ctx, r.id, "")
	g.Expect(kind(err)).To(Equal(maas.Forbidden), "not the owner")
	m, err = r.user.MarkBroken(ctx, r.id, "its disks do not erase")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]any{m.Status, m.Owner}).To(Equal([]any{maas.StatusBroken, ""}))
	_, err = r.user.MarkFixed(ctx, r.id, "")
	g.Expect(kind(err)).To(Equal(maas.Forbidden))
	m, err = r.admin.MarkFixed(ctx, r.id, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Status).To(Equal(maas.StatusReady))
	_, err = r.admin.MarkFixed(ctx, r.id, "")
	g.Expect(kind(err)).To(Equal(maas.Conflict))
}

func TestImages(t *testing.T) {
	t.Parallel()
	g, r := NewWithT(t), newDiskRack(t, maassim.Config{})
	r.sim.AddImage("u-2404-k-1363", "arm64/generic")
	images, err := r.user.ListBootResources(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(images).To(ContainElements(
		maas.BootResource{Name: "ubuntu/jammy", Architecture: "amd64/hwe-22.04", Type: "Synced"},
		maas.BootResource{Name: "custom/u-2404-k-1363", Architecture: "arm64/generic", Type: "Uploaded"},
	))
	// What is listed is what a deploy takes.
	_, err = r.user.Deploy(t.Context(), r.id, maas.DeployRequest{DistroSeries: "custom/u-2204-k-1284"})
	g.Expect(err).NotTo(HaveOccurred())
}
