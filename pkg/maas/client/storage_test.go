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

package client

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// TestHostRequests checks what is sent for disks, power, images and settings, and how a release words its erase.
func TestHostRequests(t *testing.T) {
	t.Parallel()
	machine := testdata(t, "machine.json")
	const root = "/MAAS/api/2.0/"
	op := func(name string) url.Values { return url.Values{"op": {name}} }
	for _, tc := range []hostRequest{
		{
			name: "delete block device", method: "DELETE", path: "nodes/66s7qb/blockdevices/7/", query: url.Values{},
			call: func(ctx context.Context, c *Client) error { return c.DeleteBlockDevice(ctx, "66s7qb", 7) },
		},
		{
			name: "set boot disk", answer: []byte("OK"), method: "POST", path: "nodes/66s7qb/blockdevices/7/", query: op("set_boot_disk"),
			call: func(ctx context.Context, c *Client) error { return c.SetBootDisk(ctx, "66s7qb", 7) },
		},
		{
			name: "set storage layout", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("set_storage_layout"),
			form: url.Values{
				"storage_layout": {"lvm"}, "root_device": {"7"}, "boot_size": {"1073741824"}, "root_size": {"53687091200"},
				"vg_name": {"vg"}, "lv_name": {"lv"}, "lv_size": {"42949672960"},
			},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.SetStorageLayout(ctx, "66s7qb", maas.StorageLayout{
					Layout: maas.LayoutLVM, RootDeviceID: 7, BootSizeBytes: 1 << 30, RootSizeBytes: 50 << 30,
					VGName: "vg", LVName: "lv", LVSizeBytes: 40 << 30,
				})
				return err
			},
		},
		{
			name: "default storage layout", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("set_storage_layout"),
			form: url.Values{"storage_layout": {"flat"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.SetStorageLayout(ctx, "66s7qb", maas.StorageLayout{Layout: maas.LayoutFlat})
				return err
			},
		},
		{
			name: "install config", answer: []byte("storage: {}\n"), method: "GET", path: "machines/66s7qb/", query: op("get_curtin_config"),
			call: func(ctx context.Context, c *Client) error { _, err := c.InstallConfig(ctx, "66s7qb"); return err },
		},
		{
			name: "power off", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("power_off"),
			form: url.Values{"stop_mode": {"soft"}, "comment": {"fence"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.PowerOff(ctx, "66s7qb", false, "fence")
				return err
			},
		},
		{
			name: "power off hard", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("power_off"),
			form: url.Values{"stop_mode": {"hard"}},
			call: func(ctx context.Context, c *Client) error { _, err := c.PowerOff(ctx, "66s7qb", true, ""); return err },
		},
		{
			name: "power on", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("power_on"), form: url.Values{},
			call: func(ctx context.Context, c *Client) error { _, err := c.PowerOn(ctx, "66s7qb", ""); return err },
		},
		{
			name: "query power", answer: []byte(`{"state": "on"}`), method: "GET", path: "machines/66s7qb/", query: op("query_power_state"),
			call: func(ctx context.Context, c *Client) error { _, err := c.QueryPower(ctx, "66s7qb"); return err },
		},
		{
			name: "abort", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("abort"), form: url.Values{"comment": {"c"}},
			call: func(ctx context.Context, c *Client) error { _, err := c.Abort(ctx, "66s7qb", "c"); return err },
		},
		{
			name: "mark broken", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("mark_broken"), form: url.Values{"comment": {"c"}},
			call: func(ctx context.Context, c *Client) error { _, err := c.MarkBroken(ctx, "66s7qb", "c"); return err },
		},
		{
			name: "mark fixed", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("mark_fixed"), form: url.Values{"comment": {"c"}},
			call: func(ctx context.Context, c *Client) error { _, err := c.MarkFixed(ctx, "66s7qb", "c"); return err },
		},
		{
			name: "images", answer: []byte("[]"), method: "GET", path: "boot-resources/", query: url.Values{},
			call: func(ctx context.Context, c *Client) error { _, err := c.ListBootResources(ctx); return err },
		},
		{
			name: "erases on release", answer: []byte("false"), method: "GET", path: "maas/",
			query: url.Values{"op": {"get_config"}, "name": {"enable_disk_erasing_on_release"}},
			call:  func(ctx context.Context, c *Client) error { _, err := c.ErasesOnRelease(ctx); return err },
		},
		{
			name: "deploy to memory", answer: machine, method: "POST", path: "machines/66s7qb/", query: op("deploy"),
			form: url.Values{"ephemeral_deploy": {"true"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Deploy(ctx, "66s7qb", maas.DeployRequest{Ephemeral: true})
				return err
			},
		},
		releaseCase(machine, maas.EraseNone, url.Values{}),
		releaseCase(machine, maas.EraseQuick, url.Values{"erase": {"true"}, "quick_erase": {"true"}, "secure_erase": {"false"}}),
		releaseCase(machine, maas.EraseSecure, url.Values{"erase": {"true"}, "quick_erase": {"false"}, "secure_erase": {"true"}}),
		releaseCase(machine, maas.EraseFull, url.Values{"erase": {"true"}, "quick_erase": {"false"}, "secure_erase": {"false"}}),
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			var seen *http.Request
			c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				seen = r
				if tc.answer == nil {
					w.WriteHeader(http.StatusNoContent)
					return
				}
				answerJSON(tc.answer)(w, r)
			}), nil)
			g.Expect(tc.call(t.Context(), c)).To(Succeed())
			g.Expect(seen.Method + " " + seen.URL.Path).To(Equal(tc.method + " " + root + tc.path))
			g.Expect(seen.URL.Query()).To(Equal(tc.query))
			if tc.form != nil {
				g.Expect(seen.PostForm).To(Equal(tc.form))
			}
		})
	}
}

type hostRequest struct {
	name   string
	answer []byte
	call   func(context.Context, *Client) error
	method string
	path   string
	query  url.Values
	form   url.Values
}

func releaseCase(machine []byte, mode maas.EraseMode, form url.Values) hostRequest {
	return hostRequest{
		name: "release erasing " + string(mode), answer: machine, method: "POST", path: "machines/66s7qb/",
		query: url.Values{"op": {"release"}}, form: form,
		call: func(ctx context.Context, c *Client) error {
			_, err := c.Release(ctx, "66s7qb", maas.ReleaseRequest{Erase: mode})
			return err
		},
	}
}

// TestPowerOnDoesNotDeploy: MAAS deploys an Allocated machine that is switched on, over all of its disks.
func TestPowerOnDoesNotDeploy(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Error("sent", r.Method, r.URL)
		}
		answerJSON([]byte(`{"system_id": "66s7qb", "status_name": "Allocated"}`))(w, r)
	}), nil)
	_, err := c.PowerOn(t.Context(), "66s7qb", "")
	g.Expect(maas.IsConflict(err)).To(BeTrue(), "%v", err)
}

// TestPowerOffThatMAASCannotDo: MAAS answers null for a machine whose power it cannot switch.
func TestPowerOffThatMAASCannotDo(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			answerJSON([]byte("null"))(w, r)
			return
		}
		answerJSON([]byte(`{"system_id": "66s7qb", "power_state": "unknown"}`))(w, r)
	}), nil)
	m, err := c.PowerOff(t.Context(), "66s7qb", true, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Power).To(Equal(maas.PowerUnknown))
}

// TestDoubtfulAnswersAreErrors: what decides over disks is never read out of an answer that does not say it.
func TestDoubtfulAnswersAreErrors(t *testing.T) {
	t.Parallel()
	erases := func(ctx context.Context, c *Client) error { _, err := c.ErasesOnRelease(ctx); return err }
	config := func(ctx context.Context, c *Client) error { _, err := c.InstallConfig(ctx, "66s7qb"); return err }
	power := func(ctx context.Context, c *Client) error { _, err := c.QueryPower(ctx, "66s7qb"); return err }
	for name, tc := range map[string]struct {
		answer []byte
		call   func(context.Context, *Client) error
	}{
		"setting null":         {[]byte("null"), erases},
		"setting of text":      {[]byte(`"false"`), erases},
		"setting without":      {nil, erases},
		"config empty":         {nil, config},
		"config without end":   {bytes.Repeat([]byte("x"), maxInstallConfig+1), config},
		"power of a new kind":  {[]byte(`{"state": "sleeping"}`), power},
		"power without state":  {[]byte(`{}`), power},
		"power in another way": {[]byte(`[]`), power},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			err := tc.call(t.Context(), newTestClient(t, answerJSON(tc.answer), nil))
			g.Expect(maas.KindOf(err)).To(Equal(maas.Unavailable), "%v", err)
		})
	}
}

func TestMalformedDevicesAreNotSent(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := newTestClient(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("sent") }), nil)
	ctx := t.Context()
	for _, err := range []error{
		c.DeleteBlockDevice(ctx, "66s7qb", 0), c.DeleteBlockDevice(ctx, "", 7), c.SetBootDisk(ctx, "66s7qb", -1),
	} {
		g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid))
	}
	_, err := c.Release(ctx, "66s7qb", maas.ReleaseRequest{Erase: "Thorough"})
	g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid))
	_, err = c.InstallConfig(ctx, "../users")
	g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid))
}

func TestNamesOfImages(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := newTestClient(t, answerJSON([]byte(`[
		{"id": 4, "type": "Synced", "name": "ubuntu/focal", "architecture": "amd64/ga-20.04"},
		{"id": 5, "type": "Uploaded", "name": "u-2204-k-1284", "architecture": "arm64/generic", "title": "x"}]`)), nil)
	g.Expect(c.ListBootResources(t.Context())).To(Equal([]maas.BootResource{
		{Name: "ubuntu/focal", Architecture: "amd64/ga-20.04", Type: "Synced"},
		{Name: "custom/u-2204-k-1284", Architecture: "arm64/generic", Type: "Uploaded"},
	}))
}
